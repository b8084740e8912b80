"""From a file to passages: metadata from every place it may stand, ids that change only when they
must.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest

from models.types import ChunkRecord
from pipelines.ingest.documents import (
    Document,
    Failure,
    Reading,
    embedded_text,
    read_file,
    shard_of,
    vector_key,
)
from pipelines.ingest.sources import discover
from pipelines.ingest.tokens import WordCounter
from tests.unit.pipelines.samples import READING

SECTIONS = "# One\n\nThe first part.\n\n# Two\n\nThe second part.\n"


def documents_in(folder: Path, reading: Reading = READING) -> Sequence[Document | Failure]:
    return [found for file in discover(str(folder)).files for found in read_file(file, reading)]


def only(folder: Path) -> Document:
    (found,) = documents_in(folder)
    assert isinstance(found, Document), found
    return found


def ids(document: Document) -> dict[str, str]:
    return {passage.text: passage.chunk_id for passage in document.passages}


def test_front_matter_reaches_every_passage(tmp_path: Path) -> None:
    """Type, language, trek, validity, url and revision stand in each passage's record."""
    (tmp_path / "a.md").write_text(
        "---\ntitle: T\ntype: price\nlanguage: es-MX\ntrek: Chadar\nvalid_from: 2026-01-01\n"
        "valid_to: 2026-12-31\nrevision: 4\nurl: https://example.org/a\n---\n" + SECTIONS
    )
    document = only(tmp_path)
    assert len(document.passages) == 2
    for passage in document.passages:
        assert (passage.title, passage.doc_type, passage.language) == ("T", "price", "es")
        assert (passage.trek, passage.revision) == ("Chadar", "4")
        assert (passage.valid_from, passage.valid_to) == ("2026-01-01", "2026-12-31")
        assert passage.url == "https://example.org/a"


def test_a_sidecar_wins_over_the_file(tmp_path: Path) -> None:
    """Metadata beside a file replaces what the file says of itself, and is no document."""
    (tmp_path / "a.html").write_text(
        "<html lang='en'><body><main><h1>Own title</h1><p>Some text here.</p></main></body></html>"
    )
    (tmp_path / "a.html.meta.yaml").write_text("title: Given title\ntype: faq\n")
    document = only(tmp_path)
    assert (document.title, document.language) == ("Given title", "en")
    assert {passage.doc_type for passage in document.passages} == {"faq"}


def test_a_row_keeps_its_own_trek_and_validity(tmp_path: Path) -> None:
    """Columns of a row win over the metadata of its table."""
    (tmp_path / "p.csv").write_text("trek,valid_to,price_inr\nChadar,2026-03-31,22500\nX,,1\n")
    (tmp_path / "p.csv.meta.yaml").write_text("type: price\nvalid_to: 2027-01-01\nlanguage: en\n")
    chadar, other = only(tmp_path).passages
    assert (chadar.trek, chadar.valid_to) == ("Chadar", "2026-03-31")
    assert (other.trek, other.valid_to) == ("X", "2027-01-01")


def test_spans_point_into_the_cleaned_text(tmp_path: Path) -> None:
    """A passage's span is as long as its text."""
    (tmp_path / "a.txt").write_text("One sentence after another sentence here. " * 40)
    passages = only(tmp_path).passages
    assert len(passages) > 1
    for passage in passages:
        assert passage.span[1] - passage.span[0] == len(passage.text)


def test_ids_are_equal_when_nothing_changed(tmp_path: Path) -> None:
    """Reading the same file twice gives the same ids."""
    (tmp_path / "a.md").write_text(SECTIONS)
    assert ids(only(tmp_path)) == ids(only(tmp_path))


def test_ids_survive_edits_to_other_documents(tmp_path: Path) -> None:
    """A document's ids do not depend on its neighbours."""
    (tmp_path / "a.md").write_text(SECTIONS)
    before = ids(only(tmp_path))
    (tmp_path / "b.md").write_text("Something else entirely.")
    first = documents_in(tmp_path)[0]
    assert isinstance(first, Document)
    assert ids(first) == before


def test_an_edit_changes_only_the_vectors_of_edited_passages(tmp_path: Path) -> None:
    """Passages whose text stays keep the key of their vector, even when their place moves."""

    def keys() -> dict[str, str]:
        return {p.text: vector_key("e", text_of(p)) for p in only(tmp_path).passages}

    (tmp_path / "a.md").write_text("---\ntitle: T\n---\n" + SECTIONS)
    before = keys()
    (tmp_path / "a.md").write_text(
        "---\ntitle: T\n---\n" + SECTIONS.replace("first part", "first and longer part")
    )
    after = keys()
    assert before["Two\n\nThe second part."] == after["Two\n\nThe second part."]
    assert set(before.values()) != set(after.values())


@pytest.mark.parametrize("change", ["text", "revision"])
def test_ids_change_with_text_and_revision(tmp_path: Path, change: str) -> None:
    """A new revision has new ids, so that a citation names exactly one text."""
    (tmp_path / "a.md").write_text("---\nrevision: 1\n---\nSome text.")
    before = set(ids(only(tmp_path)).values())
    text, revision = ("Other text.", 1) if change == "text" else ("Some text.", 2)
    (tmp_path / "a.md").write_text(f"---\nrevision: {revision}\n---\n{text}")
    assert before.isdisjoint(ids(only(tmp_path)).values())


def test_a_document_without_a_revision_gets_one_from_its_content(tmp_path: Path) -> None:
    """Equal content, equal revision; other content, another."""
    path = tmp_path / "a.txt"
    path.write_text("One.")
    first = only(tmp_path).revision
    path.write_text("One. ")
    assert only(tmp_path).revision == first
    path.write_text("Two.")
    assert only(tmp_path).revision != first


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.md", "---\nvalid_from: soon\n---\nText", "valid_from: Value error, 'soon' is not"),
        ("a.md", "---\nvalid_from: 2026-02-01\nvalid_to: 2026-01-01\n---\nText", "is after"),
        ("a.md", "---\ntitle: T\n---\n", "no text in it"),
        ("a.csv", "trek,valid_to\nX,yesterday\n", "row: valid_to"),
    ],
)
def test_wrong_metadata_quarantines_the_document(
    tmp_path: Path, name: str, content: str, reason: str
) -> None:
    """The reason names the key and the value."""
    (tmp_path / name).write_text(content)
    (found,) = documents_in(tmp_path)
    assert isinstance(found, Failure)
    assert reason in found.reason
    assert found.counts


def test_one_broken_row_leaves_its_neighbours(tmp_path: Path) -> None:
    """In a table of documents a faulty row is refused alone."""
    (tmp_path / "d.jsonl").write_text(
        '{"id": "a", "text": "Fine."}\n{"id": "b", "text": ""}\n{"id": "c", "text": "Fine too."}\n'
    )
    found = documents_in(tmp_path)
    assert [type(f) for f in found] == [Document, Failure, Document]
    assert [f.doc for f in found] == ["d.jsonl#a", "d.jsonl#b", "d.jsonl#c"]


def test_an_unsupported_file_is_listed_but_not_held_against_the_budget(tmp_path: Path) -> None:
    """A picture among the documents does not refuse a publish."""
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    (found,) = documents_in(tmp_path)
    assert isinstance(found, Failure)
    assert not found.counts


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    """The limit holds before the file is parsed."""
    (tmp_path / "big.txt").write_text("x" * (READING.max_document_bytes + 1))
    (found,) = documents_in(tmp_path)
    assert isinstance(found, Failure)
    assert "larger than" in found.reason


def text_of(passage: ChunkRecord, header_tokens: int = 48) -> str:
    return embedded_text(passage, WordCounter(), header_tokens)


def test_the_encoder_reads_title_and_headings_that_the_passage_does_not_repeat(
    tmp_path: Path,
) -> None:
    """`It costs 11,500` alone says nothing; its title says of what."""
    (tmp_path / "a.md").write_text("---\ntitle: Hampta Pass\n---\n## Price\n\nIt costs 11,500.")
    (passage,) = only(tmp_path).passages
    assert text_of(passage) == "Hampta Pass\nPrice\n\nIt costs 11,500."
    assert text_of(passage, header_tokens=1) == passage.text


def test_language_and_type_are_guessed_where_nobody_says_them(tmp_path: Path) -> None:
    """The folder names the type; the text tells its language."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "c.txt").write_text("यह नीति रद्द करने के बारे में है। " * 5)
    (passage, *_) = only(tmp_path).passages
    assert (passage.doc_type, passage.language) == ("policy", "hi")


def test_shards_are_stable() -> None:
    """Where a document goes depends on its name alone; these values must never change."""
    assert [shard_of(f"doc-{n}.md", 4) for n in range(6)] == [0, 1, 3, 0, 3, 3]
