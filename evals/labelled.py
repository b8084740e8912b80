"""The labelled customer messages: one set to train the heads on, another, held out, to measure.

They are divided by wording family, so that no held-out message is a paraphrase of its neighbour
in training.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast, get_args

from evals.frame.golden import FOLDER, rows
from serving.types import INTENTS, Intent, Language, Request, Script, Sentiment
from serving.understanding.treks import TrekFinder

Variety = Literal["en", "hi", "hi_latn", "es", "fr"]
Part = Literal["messages", "held_out"]
VARIETIES: tuple[Variety, ...] = get_args(Variety)
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)  # against which relative dates resolve
SENTIMENTS: dict[str, Sentiment] = {"=": "neutral", "+": "positive", "-": "negative"}


@dataclass(frozen=True, slots=True)
class Labelled:
    text: str
    variety: Variety
    intent: Intent
    sentiment: Sentiment
    family: str  # messages of one family are worded alike

    @property
    def language(self) -> Language:
        return "hi" if self.variety == "hi_latn" else self.variety

    @property
    def script(self) -> Script:
        return "deva" if self.variety == "hi" else "latn"


def messages(part: Part) -> list[Labelled]:
    """Every message of one part. ValueError names the file and line of a bad one."""
    return [
        one for variety in VARIETIES for one in _read(FOLDER / part / f"{variety}.txt", variety)
    ]


@dataclass(frozen=True, slots=True)
class Asking:
    """A message that asks for silence, for less, for messages again, or only looks like it."""

    text: str
    variety: Variety
    request: Request
    must: bool  # a control word, or a sentence that must not be taken for one

    @property
    def family(self) -> str:
        return self.text


def requests(name: Literal["requests.tsv", "opt_out.tsv"]) -> list[Asking]:
    """The messages to train on, or those held out."""
    found = []
    for row in rows(name, 3):
        mark, variety, text = row.fields
        request = mark.rstrip("!")
        if request not in get_args(Request) or variety not in VARIETIES:
            raise ValueError(f"{name}:{row.number}: request {mark!r} or variety {variety!r}")
        must = mark.endswith("!")
        found.append(Asking(text, variety, cast("Request", request), must))
    return found


def treks() -> TrekFinder:
    """The trek names that the golden messages use."""
    lines = (FOLDER / "treks.txt").read_text("utf-8").splitlines()
    return TrekFinder({name: () for name in lines if name})


def _read(path: Path, variety: Variety) -> Iterator[Labelled]:
    intent: Intent | None = None
    family = 0
    for number, line in enumerate(path.read_text("utf-8").split("\n"), start=1):
        mark, _, text = line.partition(" ")
        if line.startswith("["):
            intent = _intent(line.strip("[]"), f"{path}:{number}")
        elif not line.strip():
            family += 1
        elif not line.startswith("#"):
            if intent is None or mark not in SENTIMENTS or not text:
                raise ValueError(f"{path}:{number}: not a sentiment mark, a space and a message")
            yield Labelled(text, variety, intent, SENTIMENTS[mark], f"{variety}/{family}")


def _intent(name: str, where: str) -> Intent:
    if name not in INTENTS:
        raise ValueError(f"{where}: no intent is called {name!r}")
    return name
