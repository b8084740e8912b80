"""Requests to stop or to start again, and sentences that only look like them."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from serving.understanding.optout import detect

CASES: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parents[3] / "fixtures" / "understanding" / "optout.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]


@pytest.mark.parametrize("case", CASES, ids=[case["text"] for case in CASES])
def test_wordings(case: dict[str, Any]) -> None:
    """Any wording of five varieties is recognised, and a mere mention is not."""
    found = detect(case["text"])
    asks = "opt_out" if found.opt_out else "resubscribe" if found.resubscribe else "none"
    assert (asks, found.scope) == (case["asks"], case["scope"])
    assert bool(found.rule) == (asks != "none")


def test_a_request_inside_a_longer_message_counts() -> None:
    """The sentence that asks decides, whatever stands around it."""
    assert detect("Thanks for the info. It was nice. Please stop messaging me now.").opt_out


def test_the_last_request_of_a_text_wins() -> None:
    """Whoever stops and then starts again is subscribed."""
    assert detect("stop messaging me. Sorry, subscribe me again").resubscribe


def test_no_ordinary_message_is_an_opt_out() -> None:
    """None of the labelled customer messages, whatever its topic, is taken for a request."""
    folder = Path(__file__).parents[3] / "fixtures" / "understanding"
    texts = [
        json.loads(line)["text"]
        for path in sorted(folder.glob("messages_*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert len(texts) >= 280
    assert [text for text in texts if detect(text).opt_out or detect(text).resubscribe] == []


BUSINESS = yaml.safe_load(
    (Path(__file__).parents[4] / "corpus" / "business.yaml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(
    ("listed", "asks"),
    [
        ("stop_words", ("opt_out", "all")),
        ("stop_marketing_words", ("opt_out", "marketing")),
        ("start_words", ("resubscribe", "all")),
    ],
)
def test_every_control_word_of_the_business_file_works(listed: str, asks: tuple[str, str]) -> None:
    """What the company tells its customers to write is understood."""
    for words in BUSINESS["opt_out"][listed].values():
        for word in words:
            found = detect(word)
            got = "opt_out" if found.opt_out else "resubscribe" if found.resubscribe else "none"
            assert (got, found.scope) == asks, word
