"""What belongs to a corpus and what does not."""

from pathlib import Path

import pytest

from pipelines.ingest.errors import InputError
from pipelines.ingest.sources import discover


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


def docs(uri: str) -> list[str]:
    return [file.doc for file in discover(uri).files]


def test_a_folder_is_read_to_its_depth_without_hidden_files(tmp_path: Path) -> None:
    """Documents in order of name; hidden files, sidecars and the gazetteer are none."""
    make(tmp_path, "b/c.md", "a.txt", ".hidden/x.md", "b/.y.md", "a.txt.meta.yaml", "treks.yaml")
    corpus = discover(str(tmp_path))
    assert [file.doc for file in corpus.files] == ["a.txt", "b/c.md"]
    assert corpus.files[0].sidecar is not None
    assert corpus.files[1].sidecar is None
    assert corpus.gazetteer is not None


def test_of_a_business_folder_only_the_documents_are_read(tmp_path: Path) -> None:
    """Customers lie beside the documents and must not become knowledge."""
    make(tmp_path, "business.yaml", "customers.jsonl", "documents/a.md", "documents/faq/b.md")
    assert docs(str(tmp_path)) == ["a.md", "faq/b.md"]


def test_a_folder_that_happens_to_have_documents_is_read_whole(tmp_path: Path) -> None:
    """Without a business.yaml `documents` is a folder like any other."""
    make(tmp_path, "documents/a.md", "faq/b.md")
    assert docs(str(tmp_path)) == ["documents/a.md", "faq/b.md"]


def test_one_file_and_a_glob(tmp_path: Path) -> None:
    """Names are relative to the part of a glob that is fixed."""
    make(tmp_path, "x/a.md", "x/y/b.md", "x/y/b.md.meta.yaml", "x/c.txt")
    assert docs(str(tmp_path / "x" / "c.txt")) == ["c.txt"]
    assert docs(f"{tmp_path}/x/**/*.md") == ["a.md", "y/b.md"]
    assert discover(f"{tmp_path}/x/y/*.md").files[0].sidecar is not None


def test_a_uri_is_read_like_a_path(tmp_path: Path) -> None:
    """`file://` and a plain path name the same corpus."""
    make(tmp_path, "a.md")
    assert docs(f"file://{tmp_path}") == docs(str(tmp_path))


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_a_corpus_that_is_not_there_is_one_clear_error(tmp_path: Path, name: str) -> None:
    """The message names the corpus."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=name):
        discover(str(tmp_path / name))


def test_an_unknown_protocol_is_an_input_error() -> None:
    """A mistyped URI does not end in a traceback."""
    with pytest.raises(InputError, match="nosuch"):
        discover("nosuch://bucket/corpus")
