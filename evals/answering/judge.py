"""What is right about a reply, told without the product's own checks.

A number of the reply must stand in a document that it cites, in the question or in what the
company says in every reply.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from evals.answering.world import Answer
from serving.business import VARIANTS, Business, Variant, variant_of
from serving.steps.validate_response import our_words
from serving.types import Language, Script
from serving.understanding.language import Hint, detect
from serving.understanding.script import tokens

QUESTIONS = Path(__file__).parents[1] / "data" / "golden_questions.jsonl"
NUMBER = re.compile(r"\d{1,3}(?:[,.\u00a0\u202f]\d{2,3})+(?!\d)|\d+")
ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Golden:
    id: str
    question: str
    language: Language
    script: Script
    answerable: bool
    docs: frozenset[str]
    kind: str

    @property
    def variety(self) -> Variant:
        return variant_of(self.language, self.script)


@cache
def golden() -> tuple[Golden, ...]:
    lines = QUESTIONS.read_text("utf-8").splitlines()
    rows = (json.loads(line) for line in lines if line.strip())
    return tuple(Golden(**{**row, "docs": frozenset(row["docs"])}) for row in rows)


def numbers(text: str) -> frozenset[int]:
    digits = (re.sub(r"\D", "", match[0]) for match in NUMBER.finditer(text))
    return frozenset(int(one) for one in digits if one)


def unsupported(
    answer: Answer, question: str, pages: Mapping[str, str], business: Business
) -> list[int]:
    """Numbers that no cited page holds."""
    cited = {citation.doc for citation in answer.validated.citations}
    known = numbers(question) | _own_numbers(business)
    for doc in cited:
        known |= numbers(pages.get(doc, "")) | _days(pages.get(doc, ""))
    return sorted(numbers(answer.text) - known)


def _days(text: str) -> frozenset[int]:
    """ISO days are told in words: their year, month and day one by one."""
    days = (date.fromisoformat(match[0]) for match in ISO_DAY.finditer(text))
    return frozenset(part for day in days for part in (day.year, day.month, day.day))


def _own_numbers(business: Business) -> frozenset[int]:
    ours = [our_words(business, variant) for variant in VARIANTS]
    ours += [business.privacy_notice(variant) for variant in VARIANTS]
    return numbers("\n".join(ours))


def declines(answer: Answer, business: Business) -> bool:
    """It offers a person, asks what is meant, or says what it is for, and states nothing."""
    templates = business.templates
    offers = (
        *(templates.cannot_answer, templates.clarify, templates.off_topic, templates.which_trek),
        *(templates.human_handoff, templates.media_unreadable),
        *(templates.location_received, templates.contact_received),
    )
    text = answer.text
    said = any(one in text for offer in offers for one in offer.all())
    return said and not answer.validated.citations


def language_of(text: str) -> Variant:
    return variant_of(*detect(text, tokens(text), Hint(None, "latn")))
