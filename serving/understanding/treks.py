"""Trek names in a message: misspelt, shortened, translated or in another script."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from rapidfuzz import fuzz

from serving.understanding.language import known_words
from serving.understanding.script import Token, fold, skeleton, tokens, transliterate
from serving.understanding.wordlists import word_list

MAX_WORDS = 6  # of a name as written, the skipped ones not counted
MIN_FUZZY = 5  # letters; shorter forms must be written exactly
MIN_RATIO = 85.0
CERTAIN = 99.0  # the very words of the name
MIN_ALIKE = 75.0  # of names that sound the same
MIN_FOREIGN = 60.0  # as before, where one of them is transliterated
MIN_SHORT = 80.0  # of names that sound the same and have fewer consonants than the next
MIN_SOUND = 4  # consonants that must agree when only the sound is compared
MIN_ACRONYM = 3

_BASE_CAMP = ["base", "camp"]

Gazetteer = Mapping[str, Sequence[str]]  # canonical name to other names


@dataclass(frozen=True, slots=True)
class Found:
    name: str
    start: int  # token positions
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class _Form:
    name: str
    joined: str  # the name's words without spaces
    sound: str
    ordered: str  # the words sorted, joined: other languages turn names round
    exact: bool  # short forms and acronyms allow no typo


class TrekFinder:
    """Built once per gazetteer; immutable."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self.names = tuple(gazetteer)
        forms = tuple(_forms(gazetteer))
        self._written = frozenset(_written(gazetteer))
        self._exact = {form.joined: form for form in reversed(forms)}
        self._turned: dict[str, list[_Form]] = {}  # the same words in any order
        self._by_letter: dict[str, list[_Form]] = {}  # by the first letter, which nobody gets wrong
        for form in forms:
            self._turned.setdefault(form.ordered, []).append(form)
        for form in (*forms, *_elsewhere(self._exact)):
            if not form.exact:
                self._by_letter.setdefault(_letter(form.joined), []).append(form)

    def find(self, text: str, words: Sequence[Token]) -> list[Found]:
        """Names in order of appearance, none overlapping: the best, then the longest, wins."""
        candidates = sorted(
            self._candidates(text, words),
            key=lambda found: (found.score < CERTAIN, -(found.end - found.start), found.start),
        )
        chosen: list[Found] = []
        for found in candidates:
            if all(found.end <= other.start or other.end <= found.start for other in chosen):
                chosen.append(found)
        return sorted(chosen, key=lambda found: found.start)

    def _candidates(self, text: str, words: Sequence[Token]) -> Iterator[Found]:
        content = [(place, word) for place, word in enumerate(words) if word.key not in _skipped()]
        normal = [_normal(word) for _, word in content]
        written = [_written_as(word) for _, word in content]
        for first in range(len(content)):
            for last in range(first, min(first + MAX_WORDS, len(content))):
                window = content[first : last + 1]
                if not _adjacent(text, window):
                    break
                spelt = "".join(written[first : last + 1])
                best = self._best(normal[first : last + 1], spelt, [word for _, word in window])
                if best:
                    start, end = window[0][0], window[-1][0] + 1
                    yield Found(best[0].name, start, self._whole(words, start, end), best[1])

    def _whole(self, words: Sequence[Token], start: int, end: int) -> int:
        """One word further where a name ends in a skipped one: `Goecha La`."""
        if end == len(words) or words[end].key not in _skipped():
            return end
        longer = "".join(word.key for word in words[start : end + 1])
        return end + 1 if longer in self._written else end

    def _best(
        self, names: list[str], written: str, window: list[Token]
    ) -> tuple[_Form, float] | None:
        joined = "".join(names)
        # "Brahma Tal" is one name's spelling, although "tal" is a lake in others.
        if exact := self._exact.get(joined) or self._exact.get(written):
            return exact, 100.0
        if len(joined) < MIN_FUZZY or joined in _ordinary() or names[-1].isdecimal():
            return None
        if turned := self._turned.get("".join(sorted(names))):
            return turned[0], CERTAIN
        if _all_generic(names) or (len(names) > 1 and _has_ordinary(names)):
            return None
        best = self._alike(joined, window)
        for round_ in _turned_round(names) if best is None else ():
            best = best or self._alike(round_, window)
        return best if best and best[0].name else None

    def _alike(self, joined: str, window: list[Token]) -> tuple[_Form, float] | None:
        alike = self._by_letter.get(_letter(joined))
        if not alike:
            return None
        sound, foreign = skeleton(joined), any(word.deva for word in window)
        scored = ((form, _likeness(form, joined, sound, foreign=foreign)) for form in alike)
        return max(
            (pair for pair in scored if pair[1] >= MIN_RATIO), key=lambda p: p[1], default=None
        )


def _likeness(form: _Form, joined: str, sound: str, *, foreign: bool) -> float:
    ratio = fuzz.ratio(joined, form.joined)
    if len(form.sound) >= MIN_SOUND and sound == form.sound:
        # The same consonants in the same order: Devanagari writes vowels that Latin does not.
        return max(ratio, 95.0 if ratio >= (MIN_FOREIGN if foreign else MIN_ALIKE) else 0.0)
    if ratio >= MIN_SHORT and sound == form.sound and len(form.joined) > MIN_FUZZY:
        return max(ratio, MIN_RATIO)  # as above, of a name of few consonants: "chader"
    if foreign and len(form.sound) > MIN_SOUND and ratio >= MIN_FOREIGN:
        return max(ratio, fuzz.ratio(sound, form.sound) - 2)
    return ratio


def _forms(gazetteer: Gazetteer) -> Iterator[_Form]:
    owners: dict[str, set[str]] = {}
    short: list[_Form] = []
    for name in gazetteer:
        extra = word_list("treks")["aliases"].get(name, ())
        for written in (name, *gazetteer[name], *extra):
            words = [word.key for word in tokens(written)]
            content = [_normal(word) for word in tokens(written) if word.key not in _skipped()]
            bare = [word for word in content if word != "trek"] or content
            yield _form(name, bare, exact=False)
            if bare[-2:] == _BASE_CAMP and len(bare) > len(_BASE_CAMP):  # "annapurna base"
                yield _form(name, bare[:-1], exact=False)
            for shorter in (*_acronyms(words), *_distinctive(bare)):
                short.append(_form(name, [shorter], exact=len(shorter) <= MIN_FUZZY))
                owners.setdefault(shorter, set()).add(name)
    for form in short:
        if len(owners[form.joined]) == 1:  # "Annapurna" names two treks, so it names none
            yield form


def _elsewhere(forms: Mapping[str, _Form]) -> Iterator[_Form]:
    """Other places, so that a name more like theirs is taken for none of the treks."""
    for place in word_list("treks")["elsewhere"]:
        form = _form("", [fold(word) for word in place.split()], exact=False)
        if form.joined not in forms:
            yield form


def _written(gazetteer: Gazetteer) -> Iterator[str]:
    for name, others in gazetteer.items():
        for written in (name, *others):
            yield "".join(word.key for word in tokens(written))


def _form(name: str, words: Sequence[str], *, exact: bool) -> _Form:
    joined = "".join(words)
    return _Form(name, joined, skeleton(joined), "".join(sorted(words)), exact)


def _acronyms(words: Sequence[str]) -> Iterator[str]:
    """`Valley of Flowers`: vof; `Everest Base Camp Trek`: ebc."""
    bare = [word for word in words if _generic().get(word) != "trek"]
    if all(word.isascii() and word.isalpha() for word in bare) and len(bare) >= MIN_ACRONYM:
        yield "".join(word[0] for word in bare)


def _distinctive(words: Sequence[str]) -> Iterator[str]:
    """`hampta pass`: hampta. Not for names of ordinary words or of a whole region."""
    own = [word for word in words if word not in _generic_names()]
    if len(own) < len(words) and own and len(own[0]) >= MIN_FUZZY:
        joined = "".join(own)
        places: list[str] = word_list("treks")["not_short"]
        region = any(fuzz.ratio(own[0], place) >= MIN_ALIKE for place in places)
        if not region and joined not in _ordinary():
            yield joined


def _normal(word: Token) -> str:
    """The word as names spell it: common words in English, other scripts in Latin letters."""
    return _generic().get(word.key) or _written_as(word)


def _written_as(word: Token) -> str:
    return fold(transliterate(word.key)) if word.deva else word.key


def _letter(joined: str) -> str:
    """The first, and one of those that sound alike."""
    return _SAME_LETTER.get(joined[0], joined[0])


_SAME_LETTER = {"q": "k", "w": "v", "z": "j"}


def _turned_round(names: list[str]) -> Iterator[str]:
    """`camp base annapurnas` as English has it: what is its own first, common words behind."""
    generic = [word for word in names if word in _generic_names()]
    own = [word for word in names if word not in _generic_names()]
    if own and names[0] in _generic_names():
        yield "".join((*own, *generic))
        if len(generic) > 1:
            yield "".join((*own, *reversed(generic)))


def _has_ordinary(names: list[str]) -> bool:
    """Whether a word of any language stands among them, as in `hum pata`."""
    return any(word in _ordinary() and word not in _generic_names() for word in names)


def _adjacent(text: str, window: Sequence[tuple[int, Token]]) -> bool:
    """Whether only skipped words, spaces and hyphens lie between the last two."""
    if len(window) == 1:
        return True
    (_, before), (_, after) = window[-2:]
    return not set(text[before.end : after.start]) & set(",.;:!?\n।/()+&")


def _all_generic(words: Sequence[str]) -> bool:
    return all(word in _generic_names() for word in words)


@cache
def _generic() -> dict[str, str]:
    table: dict[str, list[str]] = word_list("treks")["generic"]
    return {fold(written): fold(word) for word, forms in table.items() for written in forms}


@cache
def _generic_names() -> frozenset[str]:
    return frozenset(_generic().values())


@cache
def _skipped() -> frozenset[str]:
    return frozenset(map(fold, word_list("treks")["skip"]))


@cache
def _ordinary() -> frozenset[str]:
    return frozenset(map(fold, word_list("treks")["not_trek"])) | frozenset(known_words())
