"""SHA-256 of files and texts, in one place so that every recorded checksum means the same."""

import hashlib
from pathlib import Path


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_text(*parts: str) -> str:
    """Hex SHA-256 of the parts; a separator keeps ("ab", "c") apart from ("a", "bc")."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
