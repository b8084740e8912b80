"""The Ray that a run uses: the cluster it was sent to, or a small quiet one of its own that ends
with the run.
"""

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import ray

from pipelines.ingest.config import ClusterSettings
from pipelines.ingest.errors import InputError

_LOCAL = "local"

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
    address = settings.address or _LOCAL
    folder = Path(tempfile.mkdtemp(prefix="sbi-")) if address == _LOCAL else None
    try:
        _connect(address, folder, settings)
        _quiet()
        yield
    finally:
        ray.shutdown()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


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
    found: list[Result] = ray.get([task.remote(*arguments) for arguments in calls])
    return found


def plain_error(error: Exception) -> Exception:
    """The error as the task raised it, without Ray's account of where."""
    return error.cause if isinstance(error, ray.exceptions.RayTaskError) else error


def _connect(address: str, folder: Path | None, settings: ClusterSettings) -> None:
    if folder is None:
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise InputError(f"Ray at {address!r} cannot be reached: {error}") from error
        return
    # A folder of its own: the default one would make this Ray the one that `address="auto"` finds.
    ray.init(
        address=address,
        num_cpus=settings.local_cpus,
        object_store_memory=settings.object_store_mb * 1024 * 1024,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        _temp_dir=str(folder),
    )


def _quiet() -> None:
    """Our own progress is the only one shown."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.enable_operator_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    logging.getLogger("ray").setLevel(logging.ERROR)
