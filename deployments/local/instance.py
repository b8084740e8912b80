"""One instance on this machine: what runs, in which order it starts, and how all of it stops.

Knows the services by name. Must not know how each of them works; that is their module's.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from deployments.config import render
from deployments.local import (
    apps,
    index,
    ports,
    postgres,
    ray_head,
    redis,
    simulator,
    stores,
    tasks,
)
from deployments.local.errors import LocalError
from deployments.local.layout import Layout
from deployments.local.progress import Progress
from deployments.local.serve_api import ServeApi
from deployments.local.supervise import find, running, sweep
from deployments.settings import Settings

RECORD: Final = "instance"
LOCK_WAIT_S: Final = 20 * 60.0  # a first start may be preparing models
WATCH_S: Final = 2.0
MAX_RESTARTS: Final = 5
Stop = Callable[[Layout], bool]
# The reverse of the start. The simulator first, so that nothing is written to a house that closes.
STOP_ORDER: Final[tuple[tuple[str, str, Stop], ...]] = (
    (simulator.NAME, "the simulator", simulator.stop),
    (ray_head.NAME, "Ray and the applications", ray_head.stop),
    (redis.NAME, "Redis", redis.stop),
    (postgres.NAME, "Postgres", postgres.stop),
)


@dataclass(frozen=True, slots=True)
class Instance:
    """A started instance."""

    wanted: Settings  # as they were asked for
    settings: Settings  # with the addresses of its own services
    layout: Layout
    ports: ports.Ports
    started: bool  # False: it was running already


def up(settings: Settings, progress: Progress) -> Instance:
    """Start what is not running; when that fails, stop what was started. Returns when ready."""
    layout = Layout(settings.data_dir)
    layout.make()
    with layout.locked(LOCK_WAIT_S, progress.say):
        if is_up(layout):
            _refuse_other_settings(settings, layout)
            known = connected(settings)
            return Instance(settings, known, layout, ports.claim(layout), started=False)
        try:
            return _start(settings, layout, progress)
        except BaseException:
            progress.say("stopping what was started")
            _stop_all(layout, progress)
            raise


def down(settings: Settings, progress: Progress) -> bool:
    """Stop everything of this instance. True: something was running."""
    layout = Layout(settings.data_dir)
    if not layout.run.exists():
        return False
    with layout.locked(LOCK_WAIT_S, progress.say):
        return _stop_all(layout, progress)


def watch(instance: Instance, progress: Progress) -> None:
    """Restart services that end by themselves, until the instance is stopped by another command.

    Raises when the same keeps happening.
    """
    layout, restarts = instance.layout, 0
    while True:
        time.sleep(WATCH_S)
        with layout.locked(LOCK_WAIT_S):
            record = layout.load(RECORD)
            if record is None:
                return
            dead = [name for name in record["services"] if not running(layout, name)]
            if not dead:
                continue
            restarts += 1
            progress.say(f"{', '.join(dead)} ended unexpectedly; starting again")
            try:
                _start(instance.wanted, layout, progress)
            except LocalError as error:
                progress.say(str(error))
            if restarts >= MAX_RESTARTS:
                raise LocalError(f"{dead[0]} ended {restarts} times; see {layout.logs}")


def is_up(layout: Layout) -> bool:
    """Whether it was started completely and every service of it still runs."""
    record = layout.load(RECORD)
    return record is not None and all(running(layout, name) for name in record["services"])


def prepare_models(settings: Settings, layout: Layout, progress: Progress) -> None:
    """Convert or download what the profile loads, once. Stubs need nothing."""
    if settings.models == "real":
        with progress.stage("preparing models", "a minute the first time, then 2 s") as stage:
            tasks.prepare_models(settings, layout, stage.doing)


def connected(settings: Settings) -> Settings:
    """The settings with the addresses of the embedded services, where those run."""
    layout = Layout(settings.data_dir)
    urls = {"database": settings.database_url, "redis": settings.redis_url}
    for kind, name in (("database", postgres.NAME), ("redis", redis.NAME)):
        service = find(layout, name)
        if urls[kind] is None and service is not None:
            urls[kind] = service.details["url"]
    if urls["database"] is None or urls["redis"] is None:
        raise LocalError(f"nothing runs in {settings.data_dir}; start with `switchback up`")
    return settings.with_services(urls["database"], urls["redis"])


def addresses(settings: Settings) -> dict[str, str]:
    """Where a person or a program finds the instance."""
    found = {
        "webhook": f"{apps.address(settings)}/webhook",
        "v1": f"{apps.address(settings)}/v1",
        "dashboard": ray_head.dashboard(settings),
    }
    return found | ({"phone": simulator.address(settings)} if simulator.wanted(settings) else {})


def _start(wanted: Settings, layout: Layout, progress: Progress) -> Instance:
    """Start whatever does not run, in order."""
    claimed = ports.claim(layout)
    sweep(layout)  # orphans of a killed service hold its ports
    _check_ports(wanted, layout)
    prepare_models(wanted, layout, progress)
    settings = _start_stores(wanted, layout, claimed, progress)
    # A config that runs already is left alone: it may have been scaled by hand.
    apply = running(layout, ray_head.NAME) is None or layout.load(RECORD) is None
    with progress.stage("starting Ray", "15 s") as stage:
        ray_head.start(settings, layout, claimed, stage.doing)
    _index_if_empty(settings, layout, claimed, progress)
    if simulator.wanted(settings):
        with progress.stage("starting the simulator", "3 s"):
            simulator.start(settings, layout)
    _start_apps(settings, progress, apply=apply)
    instance = Instance(wanted, settings, layout, claimed, started=True)
    record = {"services": _expected(instance), "settings": _fingerprint(settings)}
    layout.save(RECORD, record | {"profile": settings.profile})
    return instance


def _check_ports(settings: Settings, layout: Layout) -> None:
    """Before minutes are spent: all three must be free, unless our own services hold them."""
    if running(layout, ray_head.NAME) is None:
        ports.require_free(settings.http_port, "SWITCHBACK_HTTP_PORT")
        ports.require_free(settings.dashboard_port, "SWITCHBACK_DASHBOARD_PORT")
    if simulator.wanted(settings) and running(layout, simulator.NAME) is None:
        ports.require_free(settings.simulator_port, "SWITCHBACK_SIMULATOR_PORT")


def _start_stores(
    settings: Settings, layout: Layout, claimed: ports.Ports, progress: Progress
) -> Settings:
    database_url, redis_url = settings.database_url, settings.redis_url
    if database_url is None:
        with progress.stage("starting Postgres", "3 s"):
            database_url = postgres.start(layout).details["url"]
    if redis_url is None:
        with progress.stage("starting Redis", "1 s"):
            redis_url = redis.start(settings, layout, claimed).details["url"]
    assert database_url is not None
    assert redis_url is not None
    with progress.stage("updating the database schema", "2 s"):
        stores.check_database(database_url)
        stores.check_redis(redis_url)
        settings = settings.with_services(database_url, redis_url)
        stores.prepare(settings)
    return settings


def _index_if_empty(
    settings: Settings, layout: Layout, claimed: ports.Ports, progress: Progress
) -> None:
    if index.live_epoch(settings) is None:
        with progress.stage("indexing the corpus", "a minute, once") as stage:
            tasks.index_corpus(settings, layout, ray_head.address(claimed), stage.doing)


def _start_apps(settings: Settings, progress: Progress, *, apply: bool) -> None:
    usually = "2 to 3 minutes" if settings.models == "real" else "a minute"
    with progress.stage("starting the applications", usually) as stage:
        if apply:
            apps.apply(ServeApi(ray_head.dashboard(settings)), render(settings), stage.doing)
        apps.await_ready(settings, stage.doing)


def _stop_all(layout: Layout, progress: Progress) -> bool:
    layout.forget(RECORD)
    anything = False
    for name, title, stop in STOP_ORDER:
        if find(layout, name) is None:
            continue
        anything = True
        with progress.stage(f"stopping {title}", "a few seconds"):
            stop(layout)
    sweep(layout)
    ports.release(layout)
    return anything


def _expected(instance: Instance) -> list[str]:
    """The services that must run for this instance to be up."""
    settings, layout = instance.settings, instance.layout
    names = [name for name in (postgres.NAME, redis.NAME) if find(layout, name) is not None]
    names.append(ray_head.NAME)
    return [*names, simulator.NAME] if simulator.wanted(settings) else names


def _fingerprint(settings: Settings) -> str:
    """Tells other settings from these without storing any."""
    text = repr(sorted(settings.to_env().items()))
    return hashlib.sha256(text.encode()).hexdigest()


def _refuse_other_settings(settings: Settings, layout: Layout) -> None:
    record: dict[str, Any] = layout.load(RECORD) or {}
    if record.get("settings") != _fingerprint(connected(settings)):
        raise LocalError(
            f"an instance with other settings runs in {settings.data_dir};"
            " run `switchback down` first, or set SWITCHBACK_DATA_DIR for a second one"
        )
