"""Finding the treks that a question names, in any script and with a letter wrong."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from models.concepts import is_function_word, is_ordinary
from models.lexical import words
from models.manifest import Trek

_MAX_WORDS = 5
_MIN_FUZZY = 6  # letters; shorter names must be spelt right
_MIN_ALONE = 5  # letters of a single word that stands for the whole name
_MIN_RATIO = 86.0
_SAME_SOUND = 95.0
_MIN_SOUND = 4  # letters of a consonant skeleton that two scripts must share

_DEVANAGARI = "कखगघङचछजझञटठडढणतथदधनपफबभमयरलळवशषसहंँ"
_CONSONANTS = str.maketrans(_DEVANAGARI, "kkggnccjjnttddnttddnppbbmyrllvssshnn")
_SPELLINGS = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in ((r"chh|ch", "c"), ("sh", "s"), ("ph|f", "p"), ("w", "v"), ("z", "j"))
)


@dataclass(frozen=True, slots=True)
class _Form:
    trek: str
    joined: str
    sound: str


class TrekNames:
    """Built once per gazetteer; immutable."""

    def __init__(self, treks: Sequence[Trek]) -> None:
        forms = tuple(_forms(treks))
        self._exact = {form.joined: form.trek for form in reversed(forms)}
        self._sounds: dict[str, str] = {}
        self._by_letter: dict[str, list[_Form]] = {}  # by the first letter, which nobody gets wrong
        for form in forms:
            if len(form.sound) >= _MIN_SOUND:
                self._sounds.setdefault(form.sound, form.trek)
            if len(form.joined) >= _MIN_FUZZY:
                self._by_letter.setdefault(form.joined[0], []).append(form)

    def find(self, tokens: Sequence[str]) -> tuple[str, ...]:
        """Canonical names in order of appearance; the longest match wins."""
        found: dict[str, None] = {}
        first = 0
        while first < len(tokens):
            name, length = self._longest(tokens, first)
            if name is not None:
                found[name] = None
            first += length
        return tuple(found)

    def _longest(self, tokens: Sequence[str], first: int) -> tuple[str | None, int]:
        for length in range(min(_MAX_WORDS, len(tokens) - first), 0, -1):
            window = tokens[first : first + length]
            name = self._exact.get("".join(window)) or self._alike(window)
            if name is not None:
                return name, length
        return None, 1

    def _alike(self, window: Sequence[str]) -> str | None:
        joined = "".join(window)
        if len(joined) < _MIN_FUZZY or is_ordinary(window[0]) or is_function_word(window[-1]):
            return None
        # Devanagari writes vowels that Latin does not, and the other way round.
        best = self._sounds.get(_sound(joined))
        ratio = _SAME_SOUND if best else _MIN_RATIO
        for form in self._by_letter.get(joined[0], ()):
            score = fuzz.ratio(form.joined, joined)
            if score > ratio:
                best, ratio = form.trek, score
        return best


def _forms(treks: Sequence[Trek]) -> Iterator[_Form]:
    owners = Counter(word for trek in treks for word in {w for n in _names(trek) for w in n})
    for trek in treks:
        for name in _names(trek):
            yield _form(trek, name)
            bare = [word for word in name if word not in {"trek", "treks"}]
            if bare and bare != list(name):
                yield _form(trek, bare)
            for word in name:
                # `Hampta` stands for Hampta Pass; `Annapurna` does not where two treks have it.
                alone = owners[word] == 1 and len(word) >= _MIN_ALONE
                if alone and not is_ordinary(word):
                    yield _form(trek, [word])


def _names(trek: Trek) -> list[list[str]]:
    return [name for name in map(words, (trek.name, *trek.aliases)) if name]


def _form(trek: Trek, name: Sequence[str]) -> _Form:
    joined = "".join(name)
    return _Form(trek.name, joined, _sound(joined))


def _sound(joined: str) -> str:
    """Consonants only, spelt alike in both scripts, a doubled one once."""
    latin = joined.translate(_CONSONANTS)
    for pattern, sound in _SPELLINGS:
        latin = pattern.sub(sound, latin)
    bare = re.sub(r"(?<=[^aeiouy])h|[aeiouy]|[^a-z0-9]", "", latin)
    return re.sub(r"(.)\1+", r"\1", bare)
