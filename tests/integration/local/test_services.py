"""Embedded Postgres and Redis: real servers that start, keep, stop, and never meet."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import redis as redis_client

from deployments.local import ports, postgres, redis, supervise
from deployments.local.layout import Layout
from deployments.settings import Settings, load_settings


@dataclass(frozen=True)
class Place:
    """An instance's databases, without the rest of it."""

    settings: Settings
    layout: Layout

    def start(self) -> tuple[supervise.Service, supervise.Service]:
        self.layout.make()
        claimed = ports.claim(self.layout)
        return postgres.start(self.layout), redis.start(self.settings, self.layout, claimed)

    def stop(self) -> tuple[bool, bool]:
        return postgres.stop(self.layout), redis.stop(self.layout)

    def execute(self, sql: str) -> list[tuple[object, ...]]:
        service = supervise.find(self.layout, postgres.NAME)
        assert service is not None
        with psycopg.connect(service.details["url"], autocommit=True) as connection:
            cursor = connection.execute(sql)  # type: ignore[arg-type]  # ours
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def places(tmp_path: Path) -> Iterator[list[Place]]:
    made = []
    for name in ("one", "other"):
        settings = load_settings({"SWITCHBACK_DATA_DIR": str(tmp_path / name)})
        made.append(Place(settings, Layout(settings.data_dir)))
    yield made
    for place in made:
        place.stop()
        supervise.sweep(place.layout)
        ports.release(place.layout)
        shutil.rmtree(place.layout.sockets, ignore_errors=True)


def test_what_was_written_survives_a_stop(places: list[Place]) -> None:
    """After down and up the rows are there; a second stop finds nothing to do."""
    place, _ = places
    place.start()
    place.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert place.stop() == (True, True)
    assert place.stop() == (False, False)
    place.start()
    assert place.execute("SELECT answer FROM kept") == [(42,)]


def test_a_second_start_finds_the_servers_running(places: list[Place]) -> None:
    """No second server on the same data."""
    place, _ = places
    assert place.start() == place.start()


def test_two_instances_stand_side_by_side(places: list[Place]) -> None:
    """Each has its own data, and stopping one leaves the other running."""
    one, other = places
    one.start()
    _, cache = other.start()
    one.execute("CREATE TABLE here AS SELECT 1")
    assert other.execute("SELECT to_regclass('here')") == [(None,)]
    one.stop()
    assert other.execute("SELECT 1") == [(1,)]
    with redis_client.Redis.from_url(cache.details["url"]) as client:
        assert client.ping()


def test_a_killed_postgres_recovers_what_was_committed(places: list[Place]) -> None:
    """Kill -9, then a start: the committed row is there."""
    place, _ = places
    server, _ = place.start()
    place.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(server.pid, signal.SIGKILL)
    give_up_at = time.monotonic() + 30
    while server.alive():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)
    assert place.start()[0].pid != server.pid
    assert place.execute("SELECT answer FROM kept") == [(42,)]


def test_the_servers_outlive_the_command_that_started_them(places: list[Place]) -> None:
    """Another process starts them and ends; we find them running, and stop them."""
    place, _ = places
    program = (
        "import sys; from pathlib import Path;"
        " from deployments.local import ports, postgres, redis;"
        " from deployments.local.layout import Layout;"
        " from deployments.settings import load_settings;"
        " settings = load_settings({'SWITCHBACK_DATA_DIR': sys.argv[1]});"
        " layout = Layout(settings.data_dir); layout.make();"
        " postgres.start(layout); redis.start(settings, layout, ports.claim(layout))"
    )
    argv = [sys.executable, "-c", program, str(place.settings.data_dir)]
    root = Path(postgres.__file__).parents[2]
    subprocess.run(argv, check=True, cwd=root, capture_output=True, timeout=120)
    assert place.execute("SELECT 1") == [(1,)]
    assert place.stop() == (True, True)


def test_nothing_listens_on_the_network(places: list[Place]) -> None:
    """Postgres has a socket that only its owner may reach; Redis is on loopback."""
    place, _ = places
    place.start()
    assert place.execute("SHOW listen_addresses") == [("",)]
    assert (place.layout.sockets / "pg").stat().st_mode & 0o077 == 0
    cache = supervise.find(place.layout, redis.NAME)
    assert cache is not None
    with redis_client.Redis.from_url(cache.details["url"]) as client:
        assert client.config_get("bind")["bind"] == "127.0.0.1"
