"""Word search: what counts as the same word, and what is found."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.lexical import LexicalIndex, words, write_lexical

TEXTS = [
    "Everest Base Camp trek costs 1,450 US dollars",
    "एवरेस्ट बेस कैंप ट्रेक की क़ीमत",
    "El circuito del Annapurna cuesta 1.250 dólares",
    "Refunds are paid within ten days",
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("¿Cuánto CUESTA?", ["cuanto", "cuesta"]),
        ("1,450 US$ and 1.450", ["1450", "us", "and", "1450"]),
        ("₹1,20,000", ["120000"]),
        ("12,5 km", ["12", "5", "km"]),
        ("ट्रेक की कीमत क्या है।", ["ट्रेक", "की", "कीमत", "क्या", "है"]),
        ("५,३६४ मीटर", ["5364", "मीटर"]),
        ("फ़ीस, कहाँ", ["फीस", "कहां"]),
        ("", []),
        ("?!", []),
    ],
)
def test_words_ignore_case_accents_and_thousands_marks(text: str, expected: list[str]) -> None:
    """One word is found however it is typed, in Latin and in Devanagari."""
    assert words(text) == expected


@given(st.text(max_size=80))
def test_words_never_fail_and_are_never_empty(text: str) -> None:
    """Any text splits into words that are not empty."""
    assert all(words(text))


@pytest.fixture
def index(tmp_path: Path) -> LexicalIndex:
    write_lexical(tmp_path, TEXTS)
    return LexicalIndex(tmp_path)


@pytest.mark.parametrize(
    ("query", "row"),
    [("annapurna", 2), ("dolares", 2), ("1450", 0), ("एवरेस्ट", 1), ("REFUNDS", 3)],
)
def test_a_rare_word_finds_its_text(index: LexicalIndex, query: str, row: int) -> None:
    """The text that holds the word comes first."""
    assert index.search(query, 3).rows[0] == row


def test_unknown_words_find_nothing(index: LexicalIndex) -> None:
    """A query without a known word gives no candidate instead of arbitrary ones."""
    assert index.search("zzz", 3).rows == ()
    assert index.search("", 3).rows == ()


def test_masked_rows_are_not_found(index: LexicalIndex) -> None:
    """A filter holds for word search too."""
    mask = np.array([False, True, True, True])
    assert index.search("1450 annapurna", 3, mask).rows == (2,)


def test_equal_scores_are_ordered_by_row(tmp_path: Path) -> None:
    """Ties do not depend on chance."""
    write_lexical(tmp_path, ["same words"] * 5)
    assert LexicalIndex(tmp_path).search("same", 3).rows == (0, 1, 2)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 10])
def test_fewer_results_are_the_first_of_more(index: LexicalIndex, k: int) -> None:
    """Asking for k gives the first k of all, in the same order."""
    query = "trek costs annapurna ten days की"
    assert index.search(query, k).rows == index.search(query, 100).rows[:k]
    assert len(index.search(query, 100).rows) == 4
