"""Every format gives the same kind of structure, and a damaged file a reason."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from docx import Document
from pypdf import PdfWriter

from pipelines.ingest.blocks import assemble
from pipelines.ingest.errors import Unreadable, Unsupported
from pipelines.ingest.readers import read
from tests.unit.pipelines.samples import pdf_of

MARKDOWN = b"""---
title: Hampta Pass
valid_from: 2026-04-01
---
# Hampta Pass trek

A *crossover* from [Kullu](https://example.org/kullu) to **Lahaul**,
four days long.

## Included

- tents
- meals
  1. breakfast
  2. dinner

| season | price_inr |
|---|---|
| June | 11500 |
"""


def texts(data: bytes, name: str) -> list[str]:
    (parsed,) = read(data, name)
    return [block.text for block in parsed.blocks]


def test_markdown_gives_structure_without_its_marks() -> None:
    """Headings, joined lines, list items and table rows come out as plain words."""
    (parsed,) = read(MARKDOWN, "a.md")
    assert [(b.kind, b.text) for b in parsed.blocks] == [
        ("heading", "Hampta Pass trek"),
        ("paragraph", "A crossover from Kullu to Lahaul, four days long."),
        ("heading", "Included"),
        ("item", "- tents"),
        ("item", "- meals"),
        ("item", "1. breakfast"),
        ("item", "2. dinner"),
        ("row", "season: June; price_inr: 11,500"),
    ]
    assert parsed.metadata["title"] == "Hampta Pass"


def test_html_keeps_the_main_text_only() -> None:
    """Menus and footers are not knowledge; tables and headings are."""
    page = """<html lang="es"><head><title>Precios | X</title></head><body>
    <nav><a href="/">Inicio</a></nav><main><h1>Precios</h1>
    <p>El trek de Hampta Pass cuesta ₹11,500 por persona en junio y julio de este año.</p>
    <table><tr><th>mes</th><th>precio</th></tr><tr><td>junio</td><td>11500</td></tr></table>
    </main><footer>Aviso legal y condiciones</footer></body></html>"""
    (parsed,) = read(page.encode(), "p.html")
    text = assemble(parsed.blocks).text
    assert "cuesta ₹11,500 por persona" in text
    assert "mes: junio; precio: 11500" in text
    assert "Inicio" not in text
    assert "Aviso legal" not in text
    assert parsed.metadata == {"title": "Precios", "language": "es"}


def test_html_in_an_old_charset_is_read_by_its_declaration() -> None:
    """A page that declares windows-1252 keeps its accents."""
    body = "<p>La saison sèche commence en octobre et dure jusqu'en mai, dit le guide.</p>" * 3
    page = (
        f'<html><head><meta charset="windows-1252"></head><body><main>{body}</main></body></html>'
    )
    assert "saison sèche" in assemble(read(page.encode("cp1252"), "p.htm")[0].blocks).text


def test_table_rows_repeat_their_column_names() -> None:
    """A price says what it is a price of, with a thousands separator; empty cells are left out."""
    data = b'trek,season,price_inr,altitude_m,note\nHampta Pass,"June, July",12500,4270,\n'
    assert texts(data, "p.csv") == [
        "trek: Hampta Pass; season: June, July; price_inr: 12,500; altitude_m: 4270"
    ]


@pytest.mark.parametrize(("delimiter", "name"), [(";", "a.csv"), ("\t", "a.tsv"), ("|", "a.csv")])
def test_tables_are_read_with_any_usual_delimiter(delimiter: str, name: str) -> None:
    """The delimiter is the one the header line uses."""
    data = f"trek{delimiter}days\nChadar{delimiter}9\n".encode()
    assert texts(data, name) == ["trek: Chadar; days: 9"]


def test_a_row_carries_its_own_metadata() -> None:
    """Columns such as trek and validity belong to the passage of that row."""
    data = b"trek,valid_to,price_inr\nChadar,2026-03-31,22500\n"
    (parsed,) = read(data, "p.csv")
    assert parsed.blocks[0].metadata == {"trek": "Chadar", "valid_to": "2026-03-31"}


def test_a_table_with_a_text_column_is_a_list_of_documents() -> None:
    """Each row becomes a document of its own, named by its id."""
    data = b'{"id": "a", "text": "First.", "language": "fr"}\n{"id": "b", "text": "Second."}\n'
    first, second = read(data, "docs.jsonl")
    assert (first.part, second.part) == ("a", "b")
    assert first.metadata == {"language": "fr"}
    assert [block.text for block in second.blocks] == ["Second."]


def test_parquet_tables_are_read_like_the_others() -> None:
    """A Parquet table with a text column is a list of documents."""
    file = io.BytesIO()
    pq.write_table(pa.table({"doc_id": [7], "body": ["Permits are needed."]}), file)
    (parsed,) = read(file.getvalue(), "t.parquet")
    assert parsed.part == "7"
    assert [block.text for block in parsed.blocks] == ["Permits are needed."]


def test_word_documents_keep_headings_lists_and_tables() -> None:
    """Structure comes from Word's own styles, in the order of the page."""
    document = Document()
    document.add_heading("Refunds", level=1)
    document.add_paragraph("Thirty days before: everything.")
    document.add_paragraph("within a week: nothing", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(
        (c for row in table.rows for c in row.cells), ("days", "refund", "30", "100%"), strict=True
    ):
        cell.text = text
    file = io.BytesIO()
    document.save(file)
    (parsed,) = read(file.getvalue(), "r.docx")
    assert [(b.kind, b.text) for b in parsed.blocks] == [
        ("heading", "Refunds"),
        ("paragraph", "Thirty days before: everything."),
        ("item", "- within a week: nothing"),
        ("row", "days: 30; refund: 100%"),
    ]
    assert parsed.metadata["title"] == "Refunds"


def test_pdf_lines_are_joined_into_paragraphs() -> None:
    """Lines broken by the layout belong together; a short last line ends the paragraph."""
    lines = ["Insurance must cover rescue by heli-", "copter up to six thousand metres.", "Ask us."]
    assert texts(pdf_of(lines), "i.pdf") == [
        "Insurance must cover rescue by helicopter up to six thousand metres. Ask us."
    ]


def test_plain_text_paragraphs_and_lists() -> None:
    """Blank lines part paragraphs; underlined lines are headings; list lines stay apart."""
    data = b"Packing\n=======\n\nBring warm\nclothes.\n\n- boots\n- poles\n"
    (parsed,) = read(data, "p.txt")
    assert [(b.kind, b.text) for b in parsed.blocks] == [
        ("heading", "Packing"),
        ("paragraph", "Bring warm clothes."),
        ("item", "- boots"),
        ("item", "- poles"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_is_read_whatever_encoding_it_was_saved_in(encoding: str) -> None:
    """Accents survive in the encodings that people's editors use."""
    text = "Le séjour à l'hôtel coûte cher l'été, dit-on à Chamonix où naît l'été indien. " * 5
    assert "hôtel coûte" in texts(text.encode(encoding), "t.txt")[0]


def test_damaged_files_give_a_reason() -> None:
    """Each refusal says what is wrong, and none escapes as another exception."""
    encrypted, blank = PdfWriter(), PdfWriter()
    encrypted.add_blank_page(100, 100)
    encrypted.encrypt("secret")
    blank.add_blank_page(100, 100)
    cases = {
        ("a.txt", b"  \n"): "empty file",
        ("a.txt", b"\x00\x01\x02binary"): "NUL bytes",
        ("a.md", b"---\ntitle: [unclosed\n---\nText"): "front matter: not valid YAML",
        ("b.md", b"---\ntitle: Torn\nText"): "no closing line",
        ("a.jsonl", b'{"id": 1}\nnot json\n'): "line 2: not JSON",
        ("a.csv", b"a,b\n1,2,3\n"): "line 2: more cells",
        ("a.csv", b"a,b\n"): "without rows",
        ("a.docx", b"not a zip"): "BadZipFile",
        ("a.pdf", b"not a pdf"): "",
        ("b.pdf", _bytes(encrypted)): "encrypted PDF",
        ("c.pdf", _bytes(blank)): "no text layer",
    }
    for (name, data), reason in cases.items():
        with pytest.raises(Unreadable) as caught:
            read(data, name)
        assert reason in str(caught.value), name


def test_an_unknown_format_is_told_apart_from_a_damaged_file() -> None:
    """A picture among the documents is not an unreadable document."""
    with pytest.raises(Unsupported, match=r"no reader for \.png"):
        read(b"\x89PNG", "photo.png")


def _bytes(writer: PdfWriter) -> bytes:
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def test_a_table_without_any_text_is_refused_by_its_columns() -> None:
    """A schema that lacks text is told, and not indexed as numbers."""
    with pytest.raises(Unreadable, match="no column holds text: altitude, day"):
        read(b"day,altitude\n1,3100\n2,3900\n", "log.csv")
