"""How often the reading of 285 labelled messages in five varieties is right.

Each floor lies well below what was measured when it was set, so that it fails on a real loss.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from serving.types import Parsed
from serving.understanding.reading import parse_text
from serving.understanding.treks import TrekFinder

FIXTURES = Path(__file__).parents[3] / "fixtures" / "understanding"
VARIETIES = ("en", "hi", "hi_latn", "es", "fr")
FLOORS = {"language": 0.95, "intent": 0.85, "sentiment": 0.85, "entities": 0.9}


@cache
def finder() -> TrekFinder:
    names = (FIXTURES / "treks.txt").read_text(encoding="utf-8").split("\n")
    return TrekFinder({name: () for name in names if name})


def labelled(variety: str) -> Iterator[dict[str, Any]]:
    for line in (FIXTURES / f"messages_{variety}.jsonl").read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def is_right(aspect: str, parsed: Parsed, want: dict[str, Any]) -> bool:
    if aspect == "language":
        return (parsed.language, parsed.script) == (want["language"], want["script"])
    if aspect == "entities":
        found = [json.dumps([e.type, e.value], sort_keys=True) for e in parsed.entities]
        wanted = [json.dumps([e["type"], e["value"]], sort_keys=True) for e in want["entities"]]
        return sorted(found) == sorted(wanted)
    return bool(getattr(parsed, aspect) == want[aspect])


@pytest.mark.parametrize("variety", VARIETIES)
@pytest.mark.parametrize("aspect", FLOORS)
def test_accuracy(variety: str, aspect: str) -> None:
    """Most labelled messages of every variety are read as a person labelled them."""
    right = [
        is_right(
            aspect,
            parse_text(want["text"], datetime.fromisoformat(want["timestamp"]), finder()),
            want,
        )
        for want in labelled(variety)
    ]
    assert len(right) >= 30
    assert sum(right) / len(right) >= FLOORS[aspect]


def test_wrong_guesses_are_more_often_unsure() -> None:
    """`unsure` carries information: it marks a larger share of wrong intents than of right ones."""
    unsure: dict[bool, list[bool]] = {True: [], False: []}
    for variety in VARIETIES:
        for want in labelled(variety):
            parsed = parse_text(want["text"], datetime.fromisoformat(want["timestamp"]), finder())
            unsure[parsed.intent == want["intent"]].append(parsed.unsure)
    share = {right: sum(marks) / len(marks) for right, marks in unsure.items()}
    assert share[False] > share[True]
