"""Which epoch of the index is live. Knows the index only through `models.epochs`."""

from deployments.local.errors import LocalError
from deployments.settings import Settings


def live_epoch(settings: Settings) -> str | None:
    """The published epoch; None when nothing was published yet."""
    from models.epochs import EpochStore  # noqa: PLC0415  # imports fsspec
    from models.errors import ModelsError  # noqa: PLC0415

    try:
        return EpochStore(settings.index_uri).current()
    except (OSError, ValueError, ImportError, ModelsError) as error:
        raise LocalError(
            f"SWITCHBACK_INDEX_URI: the index at {settings.index_uri} cannot be read: {error}"
        ) from error
