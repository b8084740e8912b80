"""Where an instance keeps things: its data folder, its run state, and a short folder for sockets.

Knows paths only. Must not know which process uses them.
"""

import fcntl
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deployments.local.errors import LocalError

# A unix socket's path holds at most 107 bytes, of which Ray takes 65 and HAProxy more for itself.
SHORT_FOLDER_LIMIT: Final = 30


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one instance; two data folders never share one."""

    data_dir: Path

    @property
    def key(self) -> str:
        """Eight characters that stand for this user's data folder."""
        return hashlib.sha256(f"{os.getuid()}:{self.data_dir}".encode()).hexdigest()[:8]

    @property
    def logs(self) -> Path:
        return self.data_dir / "logs"

    @property
    def run(self) -> Path:
        return self.data_dir / "run"

    @property
    def models(self) -> Path:
        return self.data_dir / "models"

    @property
    def postgres(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def redis(self) -> Path:
        return self.data_dir / "redis"

    @property
    def simulator(self) -> Path:
        return self.data_dir / "simulator"

    @property
    def sockets(self) -> Path:
        """A short folder outside the data folder, whose own path may be too long for sockets."""
        base = Path(tempfile.gettempdir())
        if len(str(base)) > SHORT_FOLDER_LIMIT - len("/switchback-12345678"):
            base = Path("/tmp")  # noqa: S108 -- the folder below is ours alone, which make() checks
        return base / f"switchback-{self.key}"

    def make(self) -> None:
        """Create what is missing; refuse a socket folder that another user made."""
        for folder in (self.data_dir, self.logs, self.run):
            folder.mkdir(parents=True, exist_ok=True)
        self.sockets.mkdir(mode=0o755, exist_ok=True)
        if self.sockets.stat().st_uid != os.getuid() or self.sockets.is_symlink():
            raise LocalError(f"{self.sockets} belongs to someone else; remove it and try again")

    @contextmanager
    def locked(
        self, wait_s: float = 0.0, tell: Callable[[str], None] | None = None
    ) -> Iterator[None]:
        """Hold this instance's lock: whoever starts or stops something holds it.

        `tell` hears once of a wait; `Busy` after `wait_s`.
        """
        self.run.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.run / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._acquire(descriptor, wait_s, tell)
            os.truncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
            yield
        finally:
            os.close(descriptor)  # releases the lock

    def _acquire(self, descriptor: int, wait_s: float, tell: Callable[[str], None] | None) -> None:
        give_up_at = time.monotonic() + wait_s
        while not _try_lock(descriptor):
            holder = os.pread(descriptor, 20, 0).decode(errors="replace") or "unknown"
            busy = f"another command (process {holder}) is starting or stopping {self.data_dir}"
            if time.monotonic() >= give_up_at:
                raise Busy(f"{busy}; wait for it or stop it")
            if tell is not None:
                tell(f"{busy}; waiting for it")
                tell = None
            time.sleep(0.2)

    def save(self, name: str, value: Mapping[str, Any]) -> None:
        """Record run state `name`, readable by its owner alone, replaced in one step."""
        target = self.run / f"{name}.json"
        beside = self.run / f".{name}.{os.getpid()}"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(value, file, indent=1)
        beside.replace(target)

    def load(self, name: str) -> dict[str, Any] | None:
        """Run state `name`; None when there is none or it cannot be read."""
        try:
            value = json.loads((self.run / f"{name}.json").read_text())
        except (OSError, ValueError):
            return None
        return value if isinstance(value, dict) else None

    def forget(self, name: str) -> None:
        (self.run / f"{name}.json").unlink(missing_ok=True)


class Busy(LocalError):
    """Another command is starting or stopping this instance."""


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
