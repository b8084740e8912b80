"""Named blocks of SQL."""

import re
from pathlib import Path

import pytest

from serving.sql import queries

FOLDER = Path(__file__).parents[3] / "serving"
ROOMS = sorted(path.stem for path in (FOLDER / "sql").glob("*.sql") if path.stem != "schema")


@pytest.mark.parametrize("room", ROOMS)
def test_every_block_is_used_and_every_use_has_a_block(room: str) -> None:
    """The blocks of a file are exactly those its Python names."""
    sources = [path.read_text() for path in (FOLDER / "stores").glob("*.py")]
    users = [source for source in sources if f'queries("{room}")' in source]
    assert len(users) == 1
    assert set(re.findall(r"_SQL\.(\w+)", users[0])) == set(queries(room))


def test_an_unknown_block_is_named() -> None:
    """A misspelt block says which file lacks it."""
    with pytest.raises(AttributeError, match=r"turns\.sql has no block 'clam'"):
        _ = queries("turns").clam
