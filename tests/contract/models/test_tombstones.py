"""What deleted documents leave behind, on a local folder and behind a URI alike."""

import threading
import uuid
from pathlib import Path

import fsspec
import pytest

from models.errors import ManifestError
from models.tombstones import NAME, Tombstone, Tombstones, change_tombstones, read_tombstones

AT = "2026-01-01T00:00:00+00:00"


@pytest.fixture(params=["local", "uri"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return (
        str(tmp_path / "index")
        if request.param == "local"
        else f"memory://index-{uuid.uuid4().hex}"
    )


def test_where_nothing_was_deleted_nothing_is_hidden(root: str) -> None:
    """A missing file is an empty list."""
    assert not read_tombstones(root)
    assert not read_tombstones(root).hides("a.md", "1")


def test_tombstones_are_added_and_removed(root: str) -> None:
    """What was written before stays unless it is removed."""
    change_tombstones(root, add={"a.md": Tombstone(None, AT), "b.md": Tombstone("2", AT)})
    change_tombstones(root, add={"c.md": Tombstone(None, AT)}, remove=frozenset({"a.md"}))
    assert set(read_tombstones(root).documents) == {"b.md", "c.md"}


def test_a_tombstone_hides_its_revision_or_all_of_them() -> None:
    """A document that comes back in another revision is answered from again."""
    stones = Tombstones({"a.md": Tombstone("1", AT), "b.jsonl": Tombstone(None, AT)})
    assert stones.hides("a.md", "1")
    assert not stones.hides("a.md", "2")
    assert stones.hides("b.jsonl", "9")


def test_a_tombstone_of_a_file_hides_the_documents_of_its_rows() -> None:
    """And one of a row hides that row alone."""
    stones = Tombstones({"b.jsonl": Tombstone(None, AT), "c.jsonl#7": Tombstone(None, AT)})
    assert stones.hides("b.jsonl#3", "1")
    assert stones.hides("c.jsonl#7", "1")
    assert not stones.hides("c.jsonl#8", "1")


def test_of_writers_at_the_same_time_none_loses_its_tombstone(tmp_path: Path) -> None:
    """Two people delete two documents at once; both are gone from answers."""

    def delete(number: int) -> None:
        change_tombstones(tmp_path, add={f"{number}.md": Tombstone(None, AT)})

    threads = [threading.Thread(target=delete, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(read_tombstones(tmp_path).documents) == {f"{number}.md" for number in range(8)}


@pytest.mark.parametrize("content", ["", "[]", '{"documents": {"a": {"by": 1}}}'])
def test_a_damaged_file_is_an_error_and_not_an_empty_list(root: str, content: str) -> None:
    """A deleted document must not come back because a file cannot be read."""
    change_tombstones(root, add={"a.md": Tombstone(None, AT)})
    with fsspec.open(f"{root}/{NAME}", "w") as file:
        file.write(content)
    with pytest.raises(ManifestError, match=NAME):
        read_tombstones(root)
