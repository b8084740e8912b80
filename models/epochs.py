"""The epochs under one index root: what is current, what each holds, how a shard gets here.

    ROOT/CURRENT                      the id of the published epoch, for readers
    ROOT/moves/...                    how it came to be that one, for writers (models.moves)
    ROOT/epochs/<id>/manifest.json
    ROOT/epochs/<id>/shard-000/...

It publishes what it is told to; whether an epoch deserves it is ingestion's question.
"""

import contextlib
import re
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import fsspec
from filelock import FileLock

from models import small_files
from models.checksums import sha256_file
from models.errors import CorruptShard, ManifestError, PointerMoved
from models.manifest import NAME, Manifest, ShardEntry, read_manifest, write_manifest
from models.moves import Move, Moves
from models.shard_files import RECORD, read_record, verify_files
from models.types import Epoch, ShardId

CURRENT = "CURRENT"
_ID_TIME = "%Y%m%dT%H%M%S-%fZ"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


def new_epoch_id(now: datetime | None = None) -> Epoch:
    """`20260131T120000-000000Z`: sorts by time."""
    return Epoch((now or datetime.now(UTC)).astimezone(UTC).strftime(_ID_TIME))


def epoch_time(epoch: Epoch) -> datetime:
    """The time that an id made by `new_epoch_id` stands for; raises ManifestError for another."""
    try:
        return datetime.strptime(epoch, _ID_TIME).replace(tzinfo=UTC)
    except ValueError as error:
        raise ManifestError(f"{epoch!r} is no time like {new_epoch_id()}") from error


def shard_folder(shard: ShardId) -> str:
    """`shard-007`."""
    return f"shard-{shard:03d}"


def shard_entry(folder: Path) -> ShardEntry:
    """The manifest's line for a shard that was written at `folder`."""
    record = read_record(folder)
    path = folder / RECORD
    size_bytes = path.stat().st_size + sum(file.size_bytes for file in record.files.values())
    return ShardEntry(folder.name, sha256_file(path), record.count, size_bytes)


class EpochStore:
    """One index root, a local path or an fsspec URI. Nothing is read before a method is called."""

    def __init__(self, root: str | Path) -> None:
        self.root = str(root).rstrip("/")
        self._fs, self._path = fsspec.core.url_to_fs(self.root)
        self._moves = Moves(self._fs, self._path)

    @property
    def is_local(self) -> bool:
        """Whether shards can be opened where they lie (a local disk, NFS)."""
        return small_files.is_local(self._fs)

    def current(self) -> Epoch | None:
        """The published epoch; None when nothing was published yet."""
        try:
            text = self._fs.cat_file(f"{self._path}/{CURRENT}").decode("ascii", "replace").strip()
        except FileNotFoundError:
            return None
        if not _ID.fullmatch(text):
            raise ManifestError(f"{self.root}/{CURRENT}: {text[:40]!r} is no epoch id")
        return Epoch(text)

    def epochs(self) -> list[Epoch]:
        """Ids of all epochs that have a manifest, oldest first."""
        found = self._fs.glob(f"{self._path}/epochs/*/{NAME}")
        return sorted(Epoch(path.rstrip("/").split("/")[-2]) for path in found)

    def epoch_uri(self, epoch: Epoch) -> str:
        """Address of the epoch's folder."""
        if not _ID.fullmatch(epoch):
            raise ManifestError(f"{epoch!r} is no epoch id")
        return f"{self.root}/epochs/{epoch}"

    def manifest(self, epoch: Epoch) -> Manifest:
        """The epoch's manifest; raises ManifestError when there is none."""
        uri = f"{self.epoch_uri(epoch)}/{NAME}"
        manifest = read_manifest(uri)
        if manifest.epoch != epoch:
            raise ManifestError(f"{uri}: is the manifest of {manifest.epoch!r}")
        return manifest

    def write(self, manifest: Manifest) -> None:
        """Write the manifest of an epoch whose shards already lie beside it."""
        write_manifest(f"{self.epoch_uri(manifest.epoch)}/{NAME}", manifest)

    def live(self) -> Epoch | None:
        """The published epoch by the record of moves, which writers go by; mends CURRENT where a
        writer died between its move and the pointer.
        """
        latest = self._moves.latest()
        while latest is not None and self.current() != latest.epoch:
            small_files.replace(self._fs, f"{self._path}/{CURRENT}", f"{latest.epoch}\n")
            # Whoever moved on meanwhile may have been overwritten just now.
            latest = self._moves.latest()
        return latest.epoch if latest is not None else self.current()

    def publish_if(self, epoch: Epoch, expected: Epoch | None) -> None:
        """Compare and swap: make it current if `expected` is, else raise PointerMoved.

        Of any number of writers with the same expectation one succeeds: the move is made by
        creating the next numbered file, which the storage grants once.
        """
        self.manifest(epoch)
        latest = self._moves.latest()
        live = latest.epoch if latest is not None else self.current()
        number = latest.number + 1 if latest is not None else 1
        at = datetime.now(UTC).isoformat(timespec="seconds")
        if live != expected or not self._moves.make(Move(number, epoch, live, at)):
            raise PointerMoved(f"{self.live() or 'no epoch'} is live, not {expected or 'none'}")
        self.live()

    def publish(self, epoch: Epoch) -> None:
        """Make it current, whatever is. Rolling back is publishing an older one."""
        while True:
            with contextlib.suppress(PointerMoved):
                return self.publish_if(epoch, self.live())

    def moves(self) -> list[Move]:
        """How the pointer moved, oldest first, as far back as it is on record."""
        return self._moves.history()

    def forget_moves(self, keep: int) -> None:
        """Shorten the record; the newest stay."""
        self._moves.forget(keep)

    def put_shard(self, folder: Path, epoch: Epoch) -> None:
        """Copy a shard that was built elsewhere into the epoch's folder."""
        target = f"{self.epoch_uri(epoch)}/{folder.name}"
        remote = self._inside(target)
        files = [path for path in folder.rglob("*") if path.is_file()]
        # The record last: a shard without one does not exist.
        for path in sorted(files, key=lambda path: (path.name == RECORD, path)):
            name = path.relative_to(folder).as_posix()
            self._fs.makedirs(f"{remote}/{name}".rpartition("/")[0], exist_ok=True)
            self._fs.put_file(str(path), f"{remote}/{name}")

    def local_shard(self, manifest: Manifest, shard: ShardId, cache_dir: Path) -> Path:
        """A local folder with the shard: where it lies, or a checked copy under `cache_dir`.

        Raises CorruptShard when the shard is not the one that the manifest names.
        """
        entry = manifest.shards[shard]
        remote = f"{self._path}/epochs/{manifest.epoch}/{entry.folder}"
        if self.is_local:
            folder = Path(remote)
        else:
            folder = cache_dir / manifest.epoch / entry.folder
            folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{folder}.lock"):
                if not folder.exists():
                    self._copy(remote, folder)
        _check_record(folder, entry)
        return folder

    def delete(self, epoch: Epoch) -> None:
        """Remove an epoch that is not current."""
        if epoch == self.current():
            raise ManifestError(f"{epoch!r} is current and cannot be deleted")
        self._fs.rm(self._inside(self.epoch_uri(epoch)), recursive=True)

    def _inside(self, uri: str) -> str:
        """A path as the file system itself names it."""
        return str(self._fs._strip_protocol(uri))  # noqa: SLF001  fsspec has no public name for it

    def _copy(self, remote: str, folder: Path) -> None:
        building = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            self._fs.get_file(f"{remote}/{RECORD}", str(building / RECORD))
            record = read_record(building)
            for name in record.files:
                (building / name).parent.mkdir(parents=True, exist_ok=True)
                self._fs.get_file(f"{remote}/{name}", str(building / name))
            verify_files(building, record)
            building.rename(folder)
        finally:
            shutil.rmtree(building, ignore_errors=True)


def _check_record(folder: Path, entry: ShardEntry) -> None:
    path = folder / RECORD
    if not path.is_file():
        raise CorruptShard(f"{path}: missing")
    if sha256_file(path) != entry.sha256:
        raise CorruptShard(f"{path}: not the one that the manifest names")
