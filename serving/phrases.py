"""Facts of an English page in the customer's language, without a model: a phrase book.

The smallest model writes English only. Prices, dates, heights and the like are told from fixed
sentences into which the page's own figures are copied; what the book does not know stays unsaid.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from serving.business import Variant

PHRASES_FILE = Path(__file__).with_name("phrases.yaml")
TRANSLATED = frozenset({"months", "period", "level", "date", "until"})
WORD = re.compile(r"[A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Phrase:
    patterns: tuple[re.Pattern[str], ...]
    say: Mapping[Variant, str]


@dataclass(frozen=True, slots=True)
class PhraseBook:
    phrases: tuple[Phrase, ...]
    words: Mapping[str, Mapping[Variant, str]]

    def tell(self, sentence: str, trek: str | None, variant: Variant) -> str | None:
        """The sentence's fact in that variant; None when the book has no words for it."""
        plain = sentence.strip(" *")
        for phrase in self.phrases:
            for pattern in phrase.patterns:
                if (found := pattern.search(plain)) and variant in phrase.say:
                    return self._filled(phrase.say[variant], found.groupdict(), trek, variant)
        return None

    def _filled(
        self, text: str, groups: Mapping[str, str | None], trek: str | None, variant: Variant
    ) -> str | None:
        name = groups.get("trek_said") or trek
        if name is None:
            return None
        values = {"trek": name}
        for group, value in groups.items():
            told = self._translated(value or "", variant) if group in TRANSLATED else value or ""
            if told is None:
                return None
            values[group] = told
        return text.format(**values)

    def _translated(self, text: str, variant: Variant) -> str | None:
        """Word by word; None when a word is unknown."""
        words = WORD.findall(text)
        if any(word not in self.words for word in words):
            return None
        return WORD.sub(lambda word: self.words[word[0]][variant], text)


@cache
def phrase_book() -> PhraseBook:
    rows = yaml.safe_load(PHRASES_FILE.read_text(encoding="utf-8"))
    phrases = tuple(
        Phrase(tuple(map(re.compile, row["patterns"])), row["say"])
        for row in rows
        if "phrase" in row
    )
    return PhraseBook(phrases, next(row["words"] for row in rows if "words" in row))
