"""Reading golden sets: tab-separated lines with a comment mark, kept easy to write by hand."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "golden"


@dataclass(frozen=True, slots=True)
class Row:
    number: int  # line in the file
    fields: tuple[str, ...]


def rows(name: str, columns: int) -> Iterator[Row]:
    """Each line of `golden/<name>` as that many fields; ValueError names file and line."""
    path = FOLDER / name
    for number, line in enumerate(path.read_text("utf-8").split("\n"), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = tuple(field.replace("\\n", "\n") for field in line.split("\t"))
        if len(fields) != columns:
            raise ValueError(f"{path}:{number}: {len(fields)} fields, expected {columns}")
        yield Row(number, fields)
