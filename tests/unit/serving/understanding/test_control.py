"""Control words: recognised as a whole message, in four languages and romanised Hindi."""

import pytest

from serving.understanding import control


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("STOP", "stop"),
        ("Stop please!", "stop"),
        ("S T O P", "stop"),
        ("बंद करो", "stop"),
        ("band karo", "stop"),
        ("BASTA", "stop"),
        ("Arrêtez", "stop"),
        ("start", "start"),
        ("शुरू करें", "start"),
        ("phir se shuru karo", "start"),
        ("reanudar", "start"),
        ("Démarrer", "start"),
        ("human", "human"),
        ("Talk to a human", "human"),
        ("इंसान से बात करनी है", "human"),
        ("insaan se baat karni hai", "human"),
        ("Hablar con una persona", "human"),
        ("parler à quelqu'un", "human"),
    ],
)
def test_a_word_is_the_whole_message(text: str, kind: str) -> None:
    """Case, accents, fillers and stretched letters aside."""
    found = control.read(text)
    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Where does the bus stop?",
        "When does the trek start",
        "Are you a human?",
        "hello",
        "stop " * 60,
    ],
)
def test_a_sentence_is_not_a_command(text: str) -> None:
    """What merely contains the word is left to the steps."""
    assert control.read(text) is None


@pytest.mark.parametrize(
    ("payload", "kind", "scope"),
    [
        ("STOP", "stop", "all"),
        ("STOP_PROMOTIONS", "stop", "marketing"),
        ("opt-in", "start", "all"),
        ("Talk to human", "human", "all"),
    ],
)
def test_a_buttons_payload_commands_whatever_its_title(payload: str, kind: str, scope: str) -> None:
    """A template's button may be titled in any language."""
    found = control.read("Non merci", payload)
    assert found is not None
    assert (found.kind, found.scope) == (kind, scope)
