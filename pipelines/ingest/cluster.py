"""The Ray that a run uses: the cluster it was sent to, or a small quiet one of its own that ends
with the run.
"""

import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import ray

from models.errors import ModelsError
from pipelines.ingest.config import ClusterSettings
from pipelines.ingest.errors import IngestError, InputError, Interrupted

# On a machine that is busy with other things the 30 s that Ray gives itself may pass.
START_ATTEMPTS = 3
# So often in a row, every 3 s, the only node may answer late before Ray calls it dead.
LATE_ANSWERS = "10"

# Say what and where by themselves.
_OWN = (IngestError, ModelsError, OSError)
RAY_ERRORS = (ray.exceptions.RayError,)

Result = TypeVar("Result")


@contextmanager
def ray_session(settings: ClusterSettings) -> Iterator[None]:
    """Connect, or start a local Ray; a Ray that was there before is left running."""
    if ray.is_initialized():
        _quiet()
        yield
        return
    # The core's own log goes to this process's standard error, past any Python logger.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    if settings.address is not None:
        _connect(settings.address)
        with _until_done():
            yield
        return
    with tempfile.TemporaryDirectory(prefix="sbi-", ignore_cleanup_errors=True) as folder:
        _start(Path(folder), settings)
        with _until_done():
            yield


@contextmanager
def _until_done() -> Iterator[None]:
    try:
        _quiet()
        yield
    finally:
        ray.shutdown()


def call(function: Callable[..., Result], *arguments: object, cluster: ClusterSettings) -> Result:
    """Run a function as one task; its own exception is raised here."""
    return call_all(function, [arguments], cluster)[0]


def call_all(
    function: Callable[..., Result],
    calls: Sequence[tuple[object, ...]],
    cluster: ClusterSettings,
) -> list[Result]:
    """Run a function as one task per call, in parallel; results in the order of the calls."""
    task = ray.remote(function).options(num_cpus=cluster.task_cpus)
    try:
        found: list[Result] = ray.get([task.remote(*arguments) for arguments in calls])
    except ray.exceptions.RayTaskError as error:
        raise plain_error(error) from error
    return found


def plain_error(error: BaseException) -> BaseException:
    """The error as our own code raised it, without Ray's account of where; a death of Ray's own as
    Interrupted.
    """
    while True:
        of_task = isinstance(error, ray.exceptions.RayTaskError)
        inner: BaseException | None = getattr(error, "cause", None) if of_task else error.__cause__
        if inner is None or (isinstance(error, _OWN) and not of_task):
            break
        error = inner
    if isinstance(error, ray.exceptions.RayError):
        why = " ".join(str(error).split())[:300]
        return Interrupted(f"interrupted, the same command goes on from here. Ray: {why}")
    return error


def _connect(address: str) -> None:
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(f"Ray at {address!r} cannot be reached: {error}") from error


def _start(folder: Path, settings: ClusterSettings) -> None:
    """Start our own in `folder`: the default folder would make it the one that `auto` finds."""
    os.environ.setdefault("RAY_health_check_failure_threshold", LATE_ANSWERS)
    for attempt in range(1, START_ATTEMPTS + 1):
        try:
            ray.init(
                address="local",
                num_cpus=settings.local_cpus,
                object_store_memory=settings.object_store_mb * 1024 * 1024,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _temp_dir=str(folder),
            )
        except Exception as error:  # Ray raises no class of its own when its start takes over 30 s
            ray.shutdown()
            if attempt == START_ATTEMPTS:
                raise IngestError(f"Ray did not start on this machine: {error}") from error
        else:
            return


def _quiet() -> None:
    """Our own progress is the only one shown, and our own line says what ended a run."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.enable_operator_progress_bars = False
    context.raise_original_map_exception = True  # ours say what and where; Ray's wrapper does not
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    logging.getLogger("ray").setLevel(logging.ERROR)
