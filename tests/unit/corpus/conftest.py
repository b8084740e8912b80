"""The demo corpus as plain values: (metadata, text) by name, and the tables as lists of rows."""

import calendar
import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from lxml import html  # type: ignore[import-untyped]  # publishes no stubs
from pypdf import PdfReader

CORPUS = Path(__file__).resolve().parents[3] / "corpus"
DOCUMENTS = CORPUS / "documents"


def _text(path: Path) -> str:
    match path.suffix:
        case ".pdf":
            return "\n".join(page.extract_text() for page in PdfReader(path).pages)
        case ".html":
            article = html.fromstring(path.read_text(encoding="utf-8")).find(".//article")
            assert article is not None, f"{path.name} has no article"
            return str(article.text_content())
        case _:
            return path.read_text(encoding="utf-8")


def _load(path: Path) -> tuple[dict[str, Any], str]:
    if path.suffix != ".md":
        sidecar = path.with_name(path.name + ".meta.yaml")
        return yaml.safe_load(sidecar.read_text(encoding="utf-8")), _text(path)
    _, front, body = path.read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(front), body


@pytest.fixture(scope="session")
def documents() -> dict[str, tuple[dict[str, Any], str]]:
    paths = [p for p in DOCUMENTS.rglob("*") if p.is_file() and not p.name.endswith(".meta.yaml")]
    return {p.relative_to(DOCUMENTS).as_posix(): _load(p) for p in sorted(paths)}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def price_rows() -> list[dict[str, str]]:
    return _rows(DOCUMENTS / "prices/price-list-2026-2027.csv")


@pytest.fixture(scope="session")
def old_price_rows() -> list[dict[str, str]]:
    return _rows(DOCUMENTS / "prices/price-list-2025.csv")


@pytest.fixture(scope="session")
def departure_rows() -> list[dict[str, str]]:
    return [row for path in (DOCUMENTS / "departures").glob("*.csv") for row in _rows(path)]


@pytest.fixture(scope="session")
def business() -> dict[str, Any]:
    raw: dict[str, Any] = yaml.safe_load((CORPUS / "business.yaml").read_text(encoding="utf-8"))
    return raw


@pytest.fixture(scope="session")
def customers() -> list[dict[str, Any]]:
    raw = json.loads((CORPUS / "customers.json").read_text(encoding="utf-8"))
    return list(raw["customers"])


@pytest.fixture(scope="session")
def seasons(price_rows: list[dict[str, str]]) -> dict[str, list[dict[str, Any]]]:
    """The price list by trek, in the form of the pages' `facts.prices`, months as a set."""
    by_trek: dict[str, list[dict[str, Any]]] = {}
    for row in price_rows:
        price = {
            "months": {n for n in range(1, 13) if calendar.month_name[n] in row["season"]},
            "price_inr": int(row["price_inr"]),
            "price_usd": int(row["price_usd"]),
        }
        by_trek.setdefault(row["trek"], []).append(price)
    return by_trek
