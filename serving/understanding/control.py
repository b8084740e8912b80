"""Control words: stop, start and human, as a whole message or as a button.

Cheap enough for the ingress. Free wordings of the same wishes are read later, by the steps; these
must not wait for a turn.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal

from serving.types import OptOutScope
from serving.understanding import optout
from serving.understanding.script import fold, tokens
from serving.understanding.wordlists import word_list

MAX_CHARS, MAX_SPACES = 80, 8  # more than any control word has with its fillers

Kind = Literal["stop", "start", "human"]


@dataclass(frozen=True, slots=True)
class Control:
    kind: Kind
    scope: OptOutScope = "all"
    rule: str = ""  # what said it


def read(text: str, payload_id: str | None = None) -> Control | None:
    """What a message commands; None for one that has to be understood first."""
    if payload_id is not None and (known := _payloads().get(_plain(payload_id))):
        return known
    if not text or len(text) > MAX_CHARS or text.count(" ") > MAX_SPACES:
        return None
    said = optout.whole_word(text)
    if said.opt_out:
        return Control("stop", said.scope, said.rule)
    if said.resubscribe:
        return Control("start", rule=said.rule)
    words = " ".join(token.key for token in tokens(text))
    return Control("human", rule=f"word:{words}") if words in _human_words() else None


def warm_up() -> None:
    """Read the word lists, so that no message waits for it."""
    read("human", "human")


@cache
def _payloads() -> dict[str, Control]:
    scopes: dict[str, tuple[Kind, OptOutScope]] = {
        "stop": ("stop", "all"),
        "stop_marketing": ("stop", "marketing"),
        "start": ("start", "all"),
        "human": ("human", "all"),
    }
    listed = word_list("control")["payloads"]
    return {
        payload: Control(*scopes[name], rule=f"payload:{payload}")
        for name, payloads in listed.items()
        for payload in payloads
    }


@cache
def _human_words() -> frozenset[str]:
    listed: list[str] = word_list("control")["human_words"]
    return frozenset(" ".join(map(fold, entry.split())) for entry in listed)


def _plain(payload_id: str) -> str:
    return payload_id.strip().lower().replace("-", "_").replace(" ", "_")
