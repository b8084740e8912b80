"""Recognising a person in a text."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.needles import Needles

NUMBER, BSUID = "15550100123", "US.ABcd123456789"
NEEDLES = Needles([NUMBER, BSUID, "asha@example.org"])
WAMID = "wamid." + base64.b64encode(b"\x1c\x18\x0b" + NUMBER.encode() + b"\x15\x02\0").decode()


@pytest.mark.parametrize(
    "text",
    [
        f"+{NUMBER}",
        f'{{"wa_id": "{NUMBER}"}}',
        f"from {BSUID}, yesterday",
        "mail to ASHA@example.org.",
        f'{{"id": "{WAMID}"}}',
        json.dumps({"ids": [WAMID.rstrip("=")]}),
    ],
)
def test_an_identifier_is_found_and_masked(text: str) -> None:
    """Also inside a message id; what is left is as long and holds it no more."""
    assert NEEDLES.within(text)
    masked = NEEDLES.mask(text)
    assert len(masked) == len(text)
    assert not NEEDLES.within(masked)


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"1{NUMBER}",
        f"{NUMBER}4",
        f"{BSUID}0",
        "wamid.not/base64===",
        "wamid." + base64.b64encode(b"\x0b15550100124").decode(),
    ],
)
def test_another_person_is_not_taken_for_this_one(text: str) -> None:
    """A longer number or id is somebody else's."""
    assert not NEEDLES.within(text)
    assert NEEDLES.mask(text) == text


@given(st.text(), st.text())
def test_masking_keeps_the_length_and_removes_the_person(before: str, after: str) -> None:
    """Whatever stands around it."""
    text = f"{before} {NUMBER} {after}"
    masked = NEEDLES.mask(text)
    assert len(masked) == len(text)
    assert not NEEDLES.within(masked)


def test_short_identifiers_are_left_out() -> None:
    """They would be found everywhere."""
    assert not Needles(["1234", ""])
    assert not Needles([]).within("1234")
