"""Ports of an instance: the three of the settings, and a block of its own for everything else.

Ray and HAProxy bind with SO_REUSEPORT, so two instances on one port would not fail but share its
traffic. Each instance therefore claims a whole block, below the range from which the system picks.
"""

import fcntl
import itertools
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deployments.local.errors import LocalError, PortTaken
from deployments.local.layout import Layout

FIRST_PORT: Final = 20_000
BELOW_BLOCKS: Final = 15_000
NUM_TRIED: Final = 200
BLOCK_SIZE: Final = 256
NUM_BLOCKS: Final = 49  # the last port is 32543; the system's own picks start at 32768
NUM_NAMED: Final = 16  # the rest of a block serves replicas
NUM_REPLICA_PORTS: Final = 120  # for HTTP, and as many for gRPC


@dataclass(frozen=True, slots=True)
class Ports:
    """Every port of one instance that no setting names."""

    base: int
    gcs: int
    agent_listen: int
    agent_grpc: int
    metrics_export: int
    runtime_env_agent: int
    ray_client: int
    node_manager: int
    object_manager: int
    haproxy_metrics: int
    haproxy_stats: int
    redis: int
    fallback_http: int
    fallback_grpc: int

    @classmethod
    def at(cls, base: int) -> "Ports":
        names = len(cls.__dataclass_fields__) - 1
        return cls(base, *range(base, base + names))

    @property
    def replica_http(self) -> range:
        first = self.base + NUM_NAMED
        return range(first, first + NUM_REPLICA_PORTS)

    @property
    def replica_grpc(self) -> range:
        return range(self.replica_http.stop, self.base + BLOCK_SIZE)


def require_free(port: int, variable: str) -> None:
    """Raise `PortTaken`, naming the variable that moves us elsewhere."""
    if not is_free(port):
        raise PortTaken(
            f"port {port} is in use by another program; stop it or set {variable} to a free port"
        )


def is_free(port: int) -> bool:
    """Whether nothing listens on the port, on loopback or on all interfaces."""
    return all(_can_listen(host, port) for host in ("127.0.0.1", ""))


def free_ports(number: int) -> tuple[int, ...]:
    """That many free ports, for the settings of a further instance; below every block."""
    candidates = random.sample(range(BELOW_BLOCKS, FIRST_PORT), NUM_TRIED)
    found = tuple(itertools.islice(filter(is_free, candidates), number))
    if len(found) < number:
        raise LocalError(f"fewer than {number} free ports between {BELOW_BLOCKS} and {FIRST_PORT}")
    return found


def claim(layout: Layout) -> Ports:
    """The block this instance had before, else a free one; recorded until `release`."""
    start = int(layout.key, 16) % NUM_BLOCKS
    numbers = ((start + offset) % NUM_BLOCKS for offset in range(NUM_BLOCKS))
    stored = layout.load("ports")
    bases = [stored["base"]] if stored else []
    bases += [FIRST_PORT + BLOCK_SIZE * number for number in numbers]
    with _claims_locked() as folder:
        for base in bases:
            if _take(folder / str(base), base, layout):
                layout.save("ports", {"base": base})
                return Ports.at(base)
    raise LocalError(
        f"every block of ports from {FIRST_PORT} is taken; stop another instance, or remove"
        f" {_claims_folder()} when none runs"
    )


def release(layout: Layout) -> None:
    """Give the block back; the next start tries the same one first."""
    stored = layout.load("ports")
    if stored is None:
        return
    with _claims_locked() as folder:
        path = folder / str(stored["base"])
        if _owner(path) == str(layout.data_dir):
            path.unlink()


def _take(path: Path, base: int, layout: Layout) -> bool:
    owner = _owner(path)
    if owner == str(layout.data_dir):
        return True
    # A claim outlives its instance only when the data folder was removed without a `down`.
    if owner is not None and Path(owner, "run", "ports.json").exists():
        return False
    if not all(is_free(port) for port in range(base, base + NUM_NAMED)):
        return False
    path.write_text(str(layout.data_dir))
    return True


def _can_listen(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Past connections that linger do not count, listeners do.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def _claims_folder() -> Path:
    return Path(tempfile.gettempdir()) / f"switchback-ports-{os.getuid()}"


@contextmanager
def _claims_locked() -> Iterator[Path]:
    folder = _claims_folder()
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # held for the length of a few probes
        yield folder
    finally:
        os.close(descriptor)


def _owner(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
