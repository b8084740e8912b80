"""Finding trek names in a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.trek_names import TrekNames, names_about
from tests.fakes.values import ALIASES

NAMES = TrekNames({**ALIASES, "Everest Base Camp": ("EBC", "(Base-Camp) Everest")})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Is HAMPTA hard?", {"Hampta Pass"}),
        ("हम्पटा पास कितने दिन का है", {"Hampta Pass"}),
        ("Hampta Pass or Kedar or EBC?", {"Hampta Pass", "Kedarkantha", "Everest Base Camp"}),
        ("the (base-camp) everest route", {"Everest Base Camp"}),
        ("Kedarnath, hamptas, EBC2 and the base camp", set()),
        ("हम्पटा पासा", set()),
        ("", set()),
    ],
)
def test_names_are_found_as_whole_words_by_any_alias(text: str, found: set[str]) -> None:
    """A word that only begins like a name is another word."""
    assert NAMES.find(text) == found


@given(st.text(max_size=30), st.sampled_from(["Hampta Pass", "EBC", "Kedar"]), st.text(max_size=30))
def test_a_name_between_spaces_is_always_found(before: str, name: str, after: str) -> None:
    """Whatever else is written."""
    assert NAMES.find(f"{before} {name} {after}")


def test_names_of_the_same_treks_are_one_object() -> None:
    """What is cached under them is found again."""
    assert names_about(["Kedarkantha", None]) is names_about([None, "Kedarkantha", "Kedarkantha"])
