"""The business file's texts are complete and clean in all five variants."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VARIANTS = {"en", "hi", "hi_latn", "es", "fr"}
DEVANAGARI = re.compile(r"[\u0900-\u097f]")
EMOJI = re.compile(r"[\U0001f300-\U0001faff\u2600-\u27bf]")
NOT_TEXTS = {"languages", "address"}


def localised(node: object, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping that is keyed by variants, with where it stands."""
    if not isinstance(node, dict):
        return
    if set(node) & {"hi_latn", "en"}:
        yield path, node
        return
    for key, value in node.items():
        if key not in NOT_TEXTS:
            yield from localised(value, f"{path}.{key}")


def test_each_text_has_all_five_variants(business: dict[str, Any]) -> None:
    """A text that lacks a variant would leave a customer without an answer in their language."""
    texts = dict(localised(business))
    assert len(texts) > 35
    assert {path: set(text) for path, text in texts.items() if set(text) != VARIANTS} == {}
    assert set(business["languages"]) == VARIANTS


def test_scripts_are_kept_apart(business: dict[str, Any]) -> None:
    """Hindi is in Devanagari, and no other variant is."""
    for path, text in localised(business):
        for variant, value in text.items():
            written = " ".join(value) if isinstance(value, list) else value
            assert bool(DEVANAGARI.search(written)) == (variant == "hi"), f"{path}.{variant}"


def test_variants_use_the_declared_placeholders(business: dict[str, Any]) -> None:
    """The five variants of a text have the same braces, and the file lists them."""
    declared = business["placeholders"]
    for path, text in localised(business):
        if isinstance(text["en"], list):
            continue
        expected = set(declared.get(path.rsplit(".", 1)[-1], []))
        for variant, value in text.items():
            assert set(re.findall(r"{(\w+)}", value)) == expected, f"{path}.{variant}"


def test_ready_texts_break_no_rule_of_our_own(business: dict[str, Any]) -> None:
    """Templates and calls to action have no emoji, shouting, pressure words or links of others."""
    blocked = business["brand_safety"]["blocked_phrases"]
    for section in ("templates", "call_to_action", "privacy", "opt_out"):
        for path, text in localised(business[section], section):
            if isinstance(text["en"], list):
                continue
            for variant, value in text.items():
                where = f"{path}.{variant}"
                assert not EMOJI.search(value), where
                assert "!!" not in value, where
                assert not [phrase for phrase in blocked[variant] if phrase in value.lower()], where
                assert len(value) <= business["tone"]["max_reply_chars"], where
                assert "http" not in value, where


def test_opt_out_is_offered_and_confirmed_in_every_variant(business: dict[str, Any]) -> None:
    """The notice and the footer say STOP; the confirmations name the word that undoes them."""
    templates = business["templates"]
    for variant in VARIANTS:
        assert "STOP" in business["privacy"]["notice"][variant]
        assert "STOP" in business["opt_out"]["footer"][variant]
        assert "START" in templates["opt_out_confirmation"][variant]
        assert "STOP" in templates["resubscribe_confirmation"][variant]


def test_control_words_mean_one_thing(business: dict[str, Any]) -> None:
    """No word both stops and starts messages, or stops them and asks for a person."""
    words = business["opt_out"]
    kinds = [words["stop_words"], words["stop_marketing_words"], words["start_words"]]
    sets = [
        {word.lower() for listed in kind.values() for word in listed}
        for kind in [*kinds, business["human_words"]]
    ]
    assert sum(len(kind) for kind in sets) == len(set().union(*sets))


def test_rate_card_counts_service_like_utility(business: dict[str, Any]) -> None:
    """Every country has positive prices and a calling code; service costs what utility costs."""
    card = business["rate_card"]
    assert card["free_service_messages_per_month"] == 1000
    for country, rate in {**card["countries"], "default": card["default"]}.items():
        assert 0 < rate["service"] == rate["utility"] < rate["marketing"], country
    codes = [rate["calling_code"] for rate in card["countries"].values()]
    assert len(codes) == len(set(codes))


def test_opening_hours_on_the_contact_page_are_the_configured_ones(
    business: dict[str, Any],
) -> None:
    """The page, the texts and the weekly table say the same hours."""
    weekly = business["opening_hours"]["weekly"]
    root = Path(__file__).resolve().parents[3] / "corpus" / "documents"
    page = (root / "guides/contact-and-hours.txt").read_text(encoding="utf-8")
    for text in (page, *business["opening_hours"]["text"].values()):
        for hour in (*weekly["monday"], *weekly["sunday"]):
            assert hour in text
    assert len(weekly) == 7
    assert len({tuple(hours) for day, hours in weekly.items() if day != "sunday"}) == 1
