"""Secrets of a laptop: generated once into one file that only its owner may read.

Knows a file and its lock. Must not know what the secrets are for.
"""

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


def generate_missing(path: Path, names: Sequence[str]) -> dict[str, str]:
    """The named secrets from `path`, after adding those it does not hold.

    Safe when several processes start at once: all of them return the same values.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.with_suffix(".lock")):
        stored = _read(path)
        fresh = {name: _new() for name in names if name not in stored}
        if fresh:
            _replace(path, stored | fresh)
        values = stored | fresh
    return {name: values[name] for name in names}


def _new() -> str:
    # 32 bytes in URL-safe base64 also is the form of an encryption key.
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _read(path: Path) -> dict[str, str]:
    try:
        stored = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        raise ValueError(f"{path} is not JSON; restore it or move it away") from None
    if not isinstance(stored, dict) or not all(isinstance(v, str) for v in stored.values()):
        raise ValueError(f"{path} is not an object of texts; restore it or move it away")
    return stored


def _replace(path: Path, values: dict[str, str]) -> None:
    """Write beside, flush, then rename: a reader sees the old file or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(values, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)  # releases the lock
