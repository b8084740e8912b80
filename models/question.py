"""A question made ready for search: what is embedded, which words are looked for, which treks it
names.

Used by whoever searches an epoch, in serving and in ingestion alike, so that both find the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models import concepts
from models.lexical import words
from models.manifest import Trek
from models.trek_names import TrekNames

# Of a concept's names in another language; the first ones are those that pages use.
_NAMES = 2


@dataclass(frozen=True, slots=True)
class Question:
    """A question as its searcher sees it."""

    text: str
    """As it was asked."""
    terms: tuple[str, ...]
    """Words to look for: its own without function words, and those of the same concepts."""
    related: tuple[str, ...]
    """English words for its concepts, where it is not in English, and full names of treks."""
    treks: tuple[str, ...]
    """Canonical names of the treks that it names."""

    @property
    def to_embed(self) -> str:
        """The question, and in a second line what it says in the words of pages."""
        return "\n".join((self.text, " ".join(self.related))) if self.related else self.text

    @property
    def to_match(self) -> str:
        """What word search is asked."""
        return " ".join(self.terms)


class QuestionReader:
    """Reads questions about the treks of one epoch. Immutable."""

    def __init__(self, treks: Sequence[Trek]) -> None:
        self._names = TrekNames(treks)

    def read(self, text: str) -> Question:
        """Never fails: a text without a known word is searched as it is."""
        tokens = words(text)
        variant = concepts.variant_of(tokens)
        treks = self._names.find(tokens)
        found = concepts.find(tokens, variant) if variant != "en" else []
        english = [word for concept in found for word in concept.words("en", _NAMES)]
        hindi = [w for c in found for w in c.words("hi", 1)] if variant == "latn" else []
        content = [word for word in tokens if word not in concepts.function_words()[variant]]
        names = [name for name in treks if not _in(words(name), tokens)]
        terms = dict.fromkeys((*(content or tokens), *english, *hindi, *words(" ".join(names))))
        return Question(text, tuple(terms), tuple(dict.fromkeys((*names, *english))), treks)


def _in(name: Sequence[str], tokens: Sequence[str]) -> bool:
    """Whether the name is written out in the question."""
    size = len(name)
    return any(list(tokens[at : at + size]) == list(name) for at in range(len(tokens) - size + 1))
