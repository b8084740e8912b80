"""Amounts agree everywhere: price lists, front matter, page texts, translations and departures."""

import datetime as dt
import re
from collections import Counter
from pathlib import PurePosixPath
from typing import Any

import pytest

Documents = dict[str, tuple[dict[str, Any], str]]
Rows = list[dict[str, str]]
Seasons = dict[str, list[dict[str, Any]]]

REFERENCE_DAY = dt.date(2026, 11, 23)  # the day that the demo company's lists were written for
LANGUAGES = ("en", "hi", "es", "fr")
MONTHS = {
    "es": "enero febrero marzo abril mayo junio julio "
    "agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "hi": "जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर",
}
PRICE = re.compile(r"₹([\d,]*\d) \(USD ([\d,]*\d)\)")
RUPEES = re.compile(r"₹([\d,]*\d)")
ALTITUDE = re.compile(r"(\d,\d{3}) m\b")
PERCENT = re.compile(r"(\d+)%")
NUMBER = re.compile(r"\d(?:[\d,]*\d)?")


def number(written: str) -> int:
    return int(written.replace(",", ""))


def rupees(text: str) -> set[int]:
    return {number(amount) for amount in RUPEES.findall(text)}


def altitudes(text: str) -> set[int]:
    return {number(metres) for metres in ALTITUDE.findall(text)}


def months_in(text: str, language: str) -> set[int]:
    """Whole words only; a Devanagari vowel sign is part of its word, a danda is not."""
    part = r"[\w\u0900-\u0963]"
    names = enumerate(MONTHS[language].split(), 1)
    return {n for n, name in names if re.search(rf"(?<!{part}){name}(?!{part})", text.lower())}


def original_of(name: str) -> str | None:
    """`treks/x.es.md` to `treks/x.md`; None for what is no translation."""
    path = PurePosixPath(name)
    if len(path.suffixes) < 2 or path.suffixes[-2][1:] not in LANGUAGES:
        return None
    return str(path.with_name(path.name.replace("".join(path.suffixes), path.suffixes[-1])))


def translations(documents: Documents) -> list[tuple[str, str]]:
    pairs = [(name, original_of(name)) for name in documents]
    return [(name, origin) for name, origin in pairs if origin in documents]


def with_facts(documents: Documents) -> Documents:
    return {name: doc for name, doc in documents.items() if "facts" in doc[0]}


def test_price_list_is_valid_now_and_names_each_month_of_a_trek_once(
    price_rows: Rows, seasons: Seasons
) -> None:
    """Any month of a season has exactly one price, quotable on the reference day."""
    for row in price_rows:
        first, last = (dt.date.fromisoformat(row[key]) for key in ("valid_from", "valid_to"))
        assert first <= REFERENCE_DAY <= last
        assert 0 < int(row["deposit_inr"]) < int(row["price_inr"])
    for trek, prices in seasons.items():
        months = Counter(month for price in prices for month in price["months"])
        assert set(months.values()) == {1}, trek
    september = [p for p in seasons["Hampta Pass"] if 9 in p["months"]]
    assert [price["price_inr"] for price in september] == [10500]


def test_old_price_list_has_expired_and_would_be_noticed(
    documents: Documents, price_rows: Rows, old_price_rows: Rows
) -> None:
    """An answer from the superseded list would carry a price that the current one does not have."""
    meta, _ = documents["prices/price-list-2025.csv"]
    assert meta["valid_to"] < REFERENCE_DAY
    current = {(row["trek"], row["season"]): row["price_inr"] for row in price_rows}
    old = {(row["trek"], row["season"]): row["price_inr"] for row in old_price_rows}
    assert old.keys() == current.keys()
    for key, price in old.items():
        trek = key[0]
        assert price not in {p for (name, _), p in current.items() if name == trek}


def test_facts_of_every_page_agree_with_the_price_list(
    documents: Documents, price_rows: Rows, seasons: Seasons
) -> None:
    """Front matter, in any language, repeats the list's prices and deposits."""
    deposits = {row["trek"]: int(row["deposit_inr"]) for row in price_rows}
    for name, (meta, _) in with_facts(documents).items():
        prices = [{**p, "months": set(p["months"])} for p in meta["facts"]["prices"]]
        assert prices == seasons[meta["trek"]], name
        assert meta["facts"]["deposit_inr"] == deposits[meta["trek"]], name


def test_pages_say_what_their_facts_say(documents: Documents) -> None:
    """A page's text holds each price of its facts, and a trek page also the other numbers."""
    for name, (meta, text) in with_facts(documents).items():
        facts = meta["facts"]
        said = {(number(inr), number(usd)) for inr, usd in PRICE.findall(text)}
        assert said == {(p["price_inr"], p["price_usd"]) for p in facts["prices"]}, name
        assert facts["deposit_inr"] in rupees(text), name
        if meta["type"] != "trek":
            continue
        assert max(altitudes(text)) == facts["max_altitude_m"], name
        assert f"{facts['distance_km']} km" in text, name
        for key in ("duration_days", "min_age"):
            assert re.search(rf": {facts[key]} [^\W\d_]", text), f"{name}: {key}"


def test_prices_stand_beside_their_own_months_in_every_language(
    documents: Documents, seasons: Seasons
) -> None:
    """In the price summaries each price comes with exactly the months of its season."""
    checked = 0
    for language in ("es", "fr", "hi"):
        _, text = documents[f"prices/summary.{language}.md"]
        for line in text.splitlines():
            trek = next((t for t in seasons if line.startswith("- ") and t in line), None)
            if trek is None:
                continue
            parts = [part for part in line.split(";") if PRICE.search(part)]
            for part, price in zip(parts, seasons[trek], strict=True):
                assert number(PRICE.findall(part)[0][0]) == price["price_inr"], line
                assert months_in(part, language) == price["months"], line
                checked += 1
    assert checked == 3 * sum(len(prices) for prices in seasons.values())


def test_quoted_price_pairs_are_on_the_list(documents: Documents, price_rows: Rows) -> None:
    """No page, in any language, quotes a rupee and dollar pair that is not on the list."""
    listed = {(int(row["price_inr"]), int(row["price_usd"])) for row in price_rows}
    for name, (_, text) in documents.items():
        said = {(number(inr), number(usd)) for inr, usd in PRICE.findall(text)}
        assert said <= listed, name


def test_translations_bring_no_new_numbers(documents: Documents) -> None:
    """A translated page says no amount, percentage or altitude that its English original lacks."""
    pairs = translations(documents)
    assert len(pairs) >= 15
    for name, origin in pairs:
        text, source = documents[name][1], documents[origin][1]
        extras = rupees(documents["prices/extras.md"][1])
        assert rupees(text) <= rupees(source) | extras, name
        assert set(PERCENT.findall(text)) <= set(PERCENT.findall(source)), name
        assert altitudes(text) <= altitudes(source), name


@pytest.mark.parametrize("page", ["policy/cancellation-and-refund", "policy/payment-and-deposit"])
def test_policies_have_the_same_numbers_in_every_language(documents: Documents, page: str) -> None:
    """Tiers, deadlines and limits of a policy are the same figures in all four languages."""
    _, source = documents[f"{page}.md"]
    numbers = set(NUMBER.findall(source))
    for language in ("es", "fr", "hi"):
        _, text = documents[f"{page}.{language}.md"]
        assert set(NUMBER.findall(text)) == numbers, language


def test_general_questions_use_known_amounts(documents: Documents) -> None:
    """The translated question pages take every amount and percentage from English pages."""
    english = "\n".join(text for meta, text in documents.values() if meta["language"] == "en")
    for name, (_, text) in documents.items():
        if name.startswith("faq/general."):
            assert rupees(text) <= rupees(english), name
            assert set(PERCENT.findall(text)) <= set(PERCENT.findall(english)), name


def test_departures_fit_season_price_and_duration(
    documents: Documents, seasons: Seasons, departure_rows: Rows
) -> None:
    """Each departure lies in a priced month, costs its price and ends on the right day."""
    pages = [meta for meta, _ in with_facts(documents).values()]
    days = {meta["trek"]: meta["facts"]["duration_days"] for meta in pages}
    for row in departure_rows:
        start, end = (dt.date.fromisoformat(row[k]) for k in ("departure_date", "end_date"))
        price = [p["price_inr"] for p in seasons[row["trek"]] if start.month in p["months"]]
        assert [int(row["price_inr"])] == price, row
        assert (end - start).days + 1 == days[row["trek"]], row
        assert start > REFERENCE_DAY, row
        left = int(row["seats_left"])
        assert 0 <= left <= int(row["seats_total"]), row
        assert (row["status"] == "waiting list") == (left == 0), row
    assert {row["trek"] for row in departure_rows} == set(seasons)
