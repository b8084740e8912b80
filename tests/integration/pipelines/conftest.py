"""One Ray for all runs of this folder, that other tests may start their own after it."""

import gc
import warnings
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from pipelines.ingest.cluster import ray_session
from pipelines.ingest.config import ClusterSettings


@pytest.fixture(scope="package", autouse=True)
def ray_on_two_cores() -> Iterator[None]:
    """The runs find it and leave it running."""
    with ExitStack() as stack:
        # Ray gives its workers the lowest priority; a busy machine would leave them nothing.
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("RAY_worker_niceness", "0")
        stack.enter_context(ray_session(ClusterSettings(local_cpus=2)))
        yield
        with warnings.catch_warnings():
            # Ray ends its processes without waiting; their objects complain when they are dropped.
            warnings.simplefilter("ignore", ResourceWarning)
            stack.close()
            gc.collect()
