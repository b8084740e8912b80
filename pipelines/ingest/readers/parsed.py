"""What a reader returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.ingest.blocks import Block


@dataclass(frozen=True, slots=True)
class Parsed:
    """One document: its structure and what it says about itself."""

    blocks: list[Block]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Unchecked, by the names of pipelines.ingest.metadata."""
    part: str | None = None
    """Which part of the file, where a file holds many documents; None: the whole file."""
