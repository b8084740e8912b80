"""Plain-text work shared by the steps that write and check: sentences, words, digits, lengths.

Pure functions on strings; no language model, no files.
"""

import re
import unicodedata

DEVANAGARI_DIGITS = str.maketrans("०१२३४५६७८९", "0123456789")
SENTENCE_END = re.compile(r"(?<=[.!?।])[\"')\]»]*\s+(?=[\"'(\[«¿¡]*[A-ZÀ-Ýऀ-ॿ0-9₹$*])")
BULLET = re.compile(r"^\s*(?:[-*•]|#{1,6}|\d{1,2}[.)])\s+")
NOT_AN_END = re.compile(r"\b(?:approx|e\.g|i\.e|Rs|Mr|Mrs|Dr|No|min|max|vs|p\.ej|Sr|Sra|M|Mme)\.$")
WORD = re.compile(r"[^\W\d_][\w'’\u0900-\u097f]*|\d+")
CONTROL = re.compile(
    r"[\u0000-\u0008\u000b-\u001f\u007f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)

# Words that carry no subject matter, in all languages we answer in. Short on purpose: a word that
# is missing here only weakens a score.
_STOPWORDS = (
    "a an and are as at be by can do does for from have how i in is it its me much my of on or our",
    "per please that the their there this to want was we what when where which who will with would",
    "you your about any tell hi hello thanks",
    "al con cómo como cuál cual cuánto cuanto de del el en es esta este hay la las lo los me mi",
    "muy para por puede puedo que qué se si sobre su te un una y hola gracias",
    "au aux avec ce combien comment dans des du elle est et il je la le les leur mon ou où par pas",
    "peut peux pour quel quelle quels quoi sont sur un une vous bonjour merci",
    "hai hain ka ke ki ko kya kab kaise kitna kitne kitni mein me main se aur yeh woh hum aap",
    "mujhe batao bataiye chahiye liye par",
    "है हैं का के की को क्या कब कैसे कितना कितने कितनी में मैं से और यह वह हम आप मुझे बताइए चाहिए",
    "लिए पर ने भी हो",
)
STOPWORDS = frozenset(word for line in _STOPWORDS for word in line.split())
ENDINGS = ("ing", "ed", "es", "s", "e")
MIN_STEM = 3


def normalise(text: str) -> str:
    """NFKC, ASCII digits, one kind of space, no control characters (line breaks stay)."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(DEVANAGARI_DIGITS)
    return re.sub(r"[ \t]+", " ", CONTROL.sub("", text))


def sentences(text: str) -> list[str]:
    """Sentences and list items, without their bullets."""
    found: list[str] = []
    for line in text.splitlines():
        bare = BULLET.sub("", line).strip()
        if bare:
            found.extend(_split_line(bare))
    return found


def _split_line(line: str) -> list[str]:
    parts: list[str] = []
    for part in SENTENCE_END.split(line):
        if parts and NOT_AN_END.search(parts[-1]):
            parts[-1] = f"{parts[-1]} {part}"
        else:
            parts.append(part)
    return parts


def words(text: str) -> list[str]:
    return [word.casefold() for word in WORD.findall(normalise(text))]


def content_words(text: str) -> frozenset[str]:
    """Stems of the words that carry a subject."""
    return frozenset(subject_stems(text))


def subject_stems(text: str) -> list[str]:
    """The same in the order in which they stand."""
    return [_stem(word) for word in words(text) if word not in STOPWORDS]


def _stem(word: str) -> str:
    # Enough to match "prices" with "price" and "includes" with "included" in three languages.
    for ending in ENDINGS:
        if word.isascii() and word.endswith(ending) and len(word) - len(ending) >= MIN_STEM:
            return word[: -len(ending)]
    return word


def devanagari_share(text: str) -> float:
    """Share of letters that are Devanagari."""
    letters = [char for char in text if char.isalpha()]
    if not letters:
        return 0.0
    return sum("\u0900" <= char <= "\u097f" for char in letters) / len(letters)


def shorten(text: str, max_chars: int) -> str:
    """Whole sentences that fit; the first one is cut at a word when even it is too long."""
    if len(text) <= max_chars:
        return text
    kept = ""
    for piece in re.split(r"(?<=[.!?।])(?=\s)", text):
        if len(kept) + len(piece) > max_chars:
            break
        kept += piece
    if kept.strip():
        return kept.strip()
    return text[: max_chars - 1].rsplit(" ", 1)[0].rstrip(" ,;:-") + "…"


def complete_sentences(text: str) -> str:
    """Without what a model in a loop said again, and without a last sentence that was cut off by
    the token limit, unless it is the only one.
    """
    text = _said_once(text.strip())
    if not text or text[-1] in ".!?।…)\"'»":
        return text
    cut = max(text.rfind(mark) for mark in (". ", "! ", "? ", "। ", ".\n"))
    return text[: cut + 1].strip() if cut > 0 else text


def _said_once(text: str) -> str:
    pieces = re.split(r"(?<=[.!?।])(\s+)", text)
    kept, seen = "", set()
    for sentence, space in zip(pieces[::2], [*pieces[1::2], ""], strict=False):
        if sentence.casefold() not in seen:
            kept += sentence + space
        seen.add(sentence.casefold())
    return kept.strip()
