"""The documents are complete, described, of readable length, and agree on what is not a price."""

import datetime as dt
import re
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

Documents = dict[str, tuple[dict[str, Any], str]]
Rows = list[dict[str, str]]

LANGUAGES = ("en", "hi", "es", "fr")


def with_facts(documents: Documents) -> Documents:
    return {name: doc for name, doc in documents.items() if "facts" in doc[0]}


def test_there_are_enough_documents_in_every_format_type_and_language(documents: Documents) -> None:
    """The corpus covers each reader, document type and language that the platform promises."""
    formats = Counter(PurePosixPath(name).suffix for name in documents)
    metas = [meta for meta, _ in documents.values()]
    languages = Counter(meta["language"] for meta in metas)
    assert len(documents) >= 48
    assert formats[".csv"] >= 2
    assert formats[".jsonl"] >= 1
    assert min(formats[".md"], formats[".html"], formats[".pdf"], formats[".txt"]) >= 2
    assert {meta["type"] for meta in metas} == {"trek", "price", "faq", "policy", "other"}
    assert min(languages[language] for language in ("hi", "es", "fr")) >= 6
    assert set(languages) == set(LANGUAGES)


def test_metadata_is_complete_and_has_our_own_address(documents: Documents) -> None:
    """Each document names itself, its revision, its validity and a page of our site, used once."""
    urls = Counter(meta["url"] for meta, _ in documents.values())
    for name, (meta, _) in documents.items():
        assert {"title", "type", "language", "valid_from", "revision", "url"} <= set(meta), name
        assert meta["valid_from"] <= meta.get("valid_to", dt.date.max), name
        assert isinstance(meta["revision"], str), name
        assert meta["url"].startswith("https://switchbacktreks.example/"), name
        assert urls[meta["url"]] == 1, name


def test_every_sidecar_belongs_to_a_document(documents: Documents) -> None:
    """No sidecar is left behind by a document that was renamed or removed."""
    root = Path(__file__).resolve().parents[3] / "corpus" / "documents"
    sidecars = {p.relative_to(root).as_posix() for p in root.rglob("*.meta.yaml")}
    assert {name.removesuffix(".meta.yaml") for name in sidecars} <= set(documents)


def test_pages_have_a_readable_length(documents: Documents) -> None:
    """Prose pages have 150 to 700 words."""
    for name, (_, text) in documents.items():
        if PurePosixPath(name).suffix in {".md", ".html", ".pdf", ".txt"}:
            assert 150 <= len(text.split()) <= 700, f"{name}: {len(text.split())} words"


def test_each_trek_has_a_page_in_english_and_prices_in_the_list(
    documents: Documents, price_rows: Rows
) -> None:
    """The price list and the trek pages name the same treks, at least fourteen."""
    pages = {
        meta["trek"]
        for name, (meta, _) in documents.items()
        if name.startswith("treks/") and meta["language"] == "en"
    }
    assert pages == {row["trek"] for row in price_rows}
    assert len(pages) >= 14


def test_facts_are_the_same_on_every_page_of_a_trek(documents: Documents) -> None:
    """Duration, altitude, distance and age do not change with the page or the language."""
    by_trek: dict[str, list[dict[str, Any]]] = {}
    for meta, _ in with_facts(documents).values():
        by_trek.setdefault(meta["trek"], []).append(meta["facts"])
    for trek, facts in by_trek.items():
        assert all(other == facts[0] for other in facts), trek


def test_itineraries_have_one_line_a_day(documents: Documents) -> None:
    """The English trek pages describe each day of the trek once, in order."""
    for name, (meta, text) in documents.items():
        if name.startswith("treks/") and meta["language"] == "en":
            days = [int(day) for day in re.findall(r"Day (\d+): ", text)]
            assert days == list(range(1, meta["facts"]["duration_days"] + 1)), name


def test_age_policy_agrees_with_the_trek_pages(documents: Documents) -> None:
    """The list of minimum ages names every trek at the age of its own page."""
    _, text = documents["policy/minimum-age.md"]
    lines = re.findall(r"- From (\d+) years: (.+)", text)
    ages = {meta["trek"]: meta["facts"]["min_age"] for meta, _ in with_facts(documents).values()}
    listed = {trek: int(age) for age, names in lines for trek in re.split(r", | and ", names)}
    assert listed == ages


def test_contact_details_on_pages_are_those_of_the_business(
    documents: Documents, business: dict[str, Any]
) -> None:
    """Telephone numbers, addresses and links on any page are our own."""
    own = {str(value) for value in business["contacts"].values()}
    own.add(business["whatsapp"]["display_phone_number"])
    for name, (_, text) in documents.items():
        phones = set(re.findall(r"\+1 555-\d{3}-\d{4}", text))
        mails = set(re.findall(r"[\w.]+@[\w.]*\w", text))
        assert phones | mails <= own, name
        for host in re.findall(r"https?://([^/\s)]+)", text):
            assert host in business["website"]["own_domains"], name


def test_corpus_stays_small() -> None:
    """The whole demo corpus is under one megabyte."""
    root = Path(__file__).resolve().parents[3] / "corpus"
    assert sum(p.stat().st_size for p in root.rglob("*") if p.is_file()) < 1_000_000
