"""Letters: tokens with offsets, folding that hides spelling noise, Devanagari in Latin."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from serving.types import Script
from serving.understanding.wordlists import word_list

# A word with its matras, and an English contraction ("don't"); French elisions split ("l'Everest").
_WORD = re.compile(
    r"[^\W_\u0900-\u097F]+(?:['’](?:t|s|m|re|ve|ll|d)(?!\w))?|[\u0900-\u0963\u0966-\u097F]+"
)
_TRIPLED = re.compile(r"([^\W\d_])\1{2,}")
_DOUBLED = re.compile(r"([^\W\d_eo])\1")  # "need" and "too" are other words without
_DEVANAGARI = re.compile(r"[\u0900-\u0963\u0966-\u097F]")
_VIRAMA = "\u094d"
_SCHWA = "a"


@dataclass(frozen=True, slots=True)
class Token:
    word: str  # lower case, without accents
    key: str  # folded further: what phrases are compared by
    start: int  # offsets into the original text, in code points
    end: int
    deva: bool = False


def tokens(text: str) -> list[Token]:
    """The words of a text, in order; digits stay together with the letters they touch."""
    found = (_token(m.group(), *m.span()) for m in _WORD.finditer(text))
    return [token for token in found if token.key]


def _token(written: str, start: int, end: int) -> Token:
    word = plain(written)
    deva = not written.isascii() and is_devanagari(written)
    return Token(word, _once(_DOUBLED, word), start, end, deva)


def is_devanagari(text: str) -> bool:
    return _DEVANAGARI.search(text) is not None


def plain(word: str) -> str:
    """Lower case without accents, apostrophes, nuktas or stretched letters."""
    return _once(_TRIPLED, strip_marks(word.lower()).replace("'", "").replace("’", ""))


def fold(word: str) -> str:
    """As `plain`, and without the doubled letters that typists forget."""
    return _once(_DOUBLED, plain(word))


def _once(repeated: re.Pattern[str], word: str) -> str:
    """A repeated letter once. Most words have none, and looking costs a third of replacing."""
    return repeated.sub(r"\1", word) if repeated.search(word) else word


def strip_marks(text: str) -> str:
    """Without Latin accents and Devanagari nuktas; chandrabindu becomes anusvara."""
    if text.isascii():
        return text
    kept = (c for c in unicodedata.normalize("NFD", text) if not "\u0300" <= c <= "\u036f")
    joined = "".join(kept).replace("\u093c", "").replace("\u0901", "\u0902")
    return unicodedata.normalize("NFC", joined.replace("\u200d", "").replace("\u200c", ""))


def digits_to_ascii(text: str) -> str:
    """Same length, every decimal digit of any script as 0 to 9."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


def script_of(words: Sequence[Token]) -> Script:
    """`deva` when at least three words in ten are; names and loan words are often Latin."""
    deva = sum(word.deva for word in words)
    return "deva" if deva and deva >= 0.3 * len(words) else "latn"


def transliterate(word: str) -> str:
    """A Devanagari word in plain Latin letters, every inherent vowel written."""
    table = word_list("devanagari")
    consonants: dict[str, str] = table["consonants"]
    vowels: dict[str, str] = table["vowels"]
    signs: dict[str, str] = table["signs"]
    out: list[str] = []
    marks = strip_marks(word)
    for position, char in enumerate(marks):
        if char in consonants:
            following = marks[position + 1 : position + 2]
            inherent = "" if following in signs or following in ("", _VIRAMA) else _SCHWA
            out.append(consonants[char] + inherent)
        else:
            out.append(vowels.get(char) or signs.get(char) or ("" if char == _VIRAMA else char))
    return "".join(out)


_SOUNDS = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"chh|ch|tch", "C"),
        (r"sh|sch", "s"),
        (r"ph|f", "p"),
        (r"c(?=[eiy])", "s"),
        (r"ck|c|q", "k"),
        (r"x", "ks"),
        (r"w", "v"),
        (r"z", "j"),
        (r"([kgjtdbC])h", r"\1"),
        (r"m(?=[pb])|n", "n"),
    )
)


def skeleton(latin: str) -> str:
    """How a name sounds: aspirates merged, vowels dropped except a leading one."""
    sound = latin
    for pattern, replacement in _SOUNDS:
        sound = pattern.sub(replacement, sound)
    head, rest = sound[:1], sound[1:]
    if head in "aeiou":
        head = "a"
    return _once(_DOUBLED, head + re.sub(r"[aeiouyh]", "", rest))
