"""What a message that comes during a turn does to it."""

from dataclasses import replace
from typing import get_args

import pytest

from serving.arrivals import POLICIES, Policy, policy_of
from serving.types import INTENTS, Intent, Parsed
from tests.fakes import values

MESSAGE = values.turn("ok thanks").messages[0]


def test_every_intent_has_a_policy() -> None:
    """A new intent cannot be forgotten."""
    assert set(POLICIES) == set(INTENTS)
    assert set(POLICIES.values()) <= set(get_args(Policy))


@pytest.mark.parametrize(("intent", "policy"), [("smalltalk", "ignore"), ("pricing", "supersede")])
def test_the_intent_decides(intent: Intent, policy: Policy) -> None:
    """Small talk joins the turn; a question begins it anew."""
    assert policy_of(MESSAGE, values.parsed(intent)) == policy


@pytest.mark.parametrize(
    "parsed",
    [
        values.parsed("smalltalk", unsure=True),
        values.parsed("smalltalk", "en", "latn", "neutral", ("trek", "Hampta Pass")),
    ],
)
def test_what_is_not_clearly_small_talk_is_not_ignored(parsed: Parsed) -> None:
    """A weak guess, or a message that names something, begins the turn anew."""
    assert policy_of(MESSAGE, parsed) == "supersede"


def test_a_message_without_words_begins_anew() -> None:
    """A photo may change everything."""
    picture = replace(MESSAGE, type="image", text="")
    assert policy_of(picture, values.parsed("smalltalk")) == "supersede"
