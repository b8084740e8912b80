"""The golden questions: each names documents that exist, and every language has its share."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
DOCUMENTS = ROOT / "corpus" / "documents"
VARIANTS = {("en", "latn"), ("hi", "deva"), ("hi", "latn"), ("es", "latn"), ("fr", "latn")}
FIELDS = {"id", "question", "language", "script", "docs", "answerable", "kind"}


@pytest.fixture(scope="module")
def questions() -> list[dict[str, Any]]:
    lines = (ROOT / "evals" / "data" / "golden_questions.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_questions_are_well_formed(questions: list[dict[str, Any]]) -> None:
    """Fields are complete, and neither an id nor a question occurs twice."""
    assert all(set(question) == FIELDS for question in questions)
    assert len({question["id"] for question in questions}) == len(questions)
    assert len({question["question"].casefold() for question in questions}) == len(questions)


def test_answers_are_in_the_corpus(questions: list[dict[str, Any]]) -> None:
    """A question that can be answered names documents of the corpus; the others name none."""
    for question in questions:
        assert bool(question["docs"]) == question["answerable"], question["id"]
        missing = [doc for doc in question["docs"] if not (DOCUMENTS / doc).is_file()]
        assert missing == [], question["id"]


def test_each_language_has_its_share(questions: list[dict[str, Any]]) -> None:
    """A measure by language needs at least 60 questions in each, and 60 without an answer."""
    answerable = [question for question in questions if question["answerable"]]
    counts = Counter((question["language"], question["script"]) for question in answerable)
    assert set(counts) == VARIANTS
    assert min(counts.values()) >= 60
    assert len(questions) - len(answerable) >= 60
    assert len(questions) >= 400


def test_scripts_are_what_they_say(questions: list[dict[str, Any]]) -> None:
    """A question in Devanagari is marked so, and no other is."""
    for question in questions:
        found = any("\u0900" <= letter <= "\u097f" for letter in question["question"])
        assert found == (question["script"] == "deva"), question["id"]
