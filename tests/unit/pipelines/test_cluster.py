"""What Ray raises, told as our own code would."""

import ray.exceptions

from pipelines.ingest.cluster import plain_error
from pipelines.ingest.errors import Interrupted, Refused


def of_task(cause: Exception) -> ray.exceptions.RayTaskError:
    error = ray.exceptions.RayTaskError("stage", "a long traceback", cause)
    combined: ray.exceptions.RayTaskError = error.as_instanceof_cause()
    return combined


def test_an_error_of_ours_comes_out_as_it_was_raised() -> None:
    """However often Ray has wrapped it."""
    refused = Refused("half of the corpus is gone")
    assert plain_error(of_task(refused)) is refused
    full = OSError(28, "No space left on device")
    assert plain_error(of_task(full)) is full


def test_a_death_decides_nothing() -> None:
    """The run was interrupted: it is not refused, and the same command goes on."""
    for death in (ray.exceptions.LocalRayletDiedError(), ray.exceptions.WorkerCrashedError()):
        found = plain_error(death)
        assert isinstance(found, Interrupted)
        assert "goes on from here" in str(found)
        assert "\n" not in str(found)
