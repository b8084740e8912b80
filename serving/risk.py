"""How likely an outgoing text is to be reported as spam: seven weighted factors.

A pure function of the text and our own domains; step 5 scores what we lately said with it, and
step 7 the draft.
"""

import re
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache
from itertools import groupby

from rapidfuzz.distance import OSA

from serving.types import Risk, RiskLevel
from serving.understanding.language import known_words
from serving.understanding.lexicon import Lexicon, Phrase, fits_part, phrase
from serving.understanding.script import Token, fold, tokens
from serving.understanding.wordlists import word_list

MEDIUM_FROM = 25
HIGH_ABOVE = 50
MAX_EMOJI = 4
MAX_EMOJI_IN_A_ROW = 2
MAX_SHOUTED = 2
MAX_REPEATED = 2
MAX_ACRONYM = 4  # letters of one that no list holds
MAX_EXCLAMATIONS = 5  # in all; three in a row are a run
LOOKALIKE_EDITS = 2
MIN_BRAND = 6  # letters of a domain's name that may be imitated

_PICTURE = (
    r"[\U0001F300-\U0001FAFF\u2600-\u27BF\u2B00-\u2BFF\u231A-\u23FF\u25AA-\u25FE\u203C\u2049]"
)
_TONE = r"[\uFE0F\U0001F3FB-\U0001F3FF]*"
_EMOJI = re.compile(
    rf"[\U0001F1E6-\U0001F1FF]{{2}}|[0-9#*]\uFE0F?\u20E3|{_PICTURE}{_TONE}(?:\u200D{_PICTURE}{_TONE})*"
)
_SHOUTED = re.compile(r"(?<!\w)[^\W\d_a-z]{3,}(?!\w)")
_EXCLAIMED = re.compile(r"[!¡]\s?[!¡?]\s?[!¡]|‼️?\s?[!‼]")
_SENTENCE_END = re.compile(r"[.!?\n।]+")
_IP = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")

Domains = Collection[str]


def score_risk(text: str, own_domains: Domains = ()) -> Risk:
    """Points by factor, their sum, its level and what to change in plain words."""
    words = tokens(text)
    said = _said(text, words)
    factors: dict[str, Callable[[], bool]] = {
        "emoji": lambda: _too_many_emoji(text),
        "caps": lambda: _shouts(text),
        "repeated_keywords": lambda: _repeats(words),
        "links": lambda: _bad_links(text, own_domains),
        "spam": lambda: "spam" in said or _exclaims(text),
        "clickbait": lambda: "clickbait" in said,
        "other": lambda: "other" in said,
    }
    table = word_list("risk")
    points = {name: int(table["weights"][name]) for name, holds in factors.items() if holds()}
    score = sum(points.values())
    advice = tuple(str(table["suggestions"][name]) for name in points)
    return Risk(score, level_of(score), points, advice)


def level_of(score: int) -> RiskLevel:
    if score > HIGH_ABOVE:
        return "high"
    return "medium" if score >= MEDIUM_FROM else "low"


def _too_many_emoji(text: str) -> bool:
    found = list(_EMOJI.finditer(text))
    row = longest = 0
    for place, match in enumerate(found):
        gap = text[found[place - 1].end() : match.start()] if place else "start"
        row = row + 1 if not gap.strip() and place else 1
        longest = max(longest, row)
    return len(found) > MAX_EMOJI or longest > MAX_EMOJI_IN_A_ROW


def _shouts(text: str) -> bool:
    words = [m.group() for m in _SHOUTED.finditer(text) if m.group() != m.group().lower()]
    return sum(not _is_acronym(word) for word in words) > MAX_SHOUTED


def _is_acronym(word: str) -> bool:
    if word in _acronyms() or not re.search(r"[AEIOUYÀ-Ý]", word):
        return True
    # Of short words only those of a language are words: "NOW" is shouted, "TIMS" is not.
    return len(word) <= MAX_ACRONYM and fold(word) not in _ordinary()


def _repeats(words: Sequence[Token]) -> bool:
    keys = [word.key for word in words]
    counts: Counter[str] = Counter()
    for place, key in enumerate(keys):
        for entry in _promo_words().get(key[:2], ()):
            window = keys[place : place + len(entry.parts)]
            if len(window) == len(entry.parts) and all(map(fits_part, entry.parts, window)):
                counts[entry.source] += 1
    return any(count > MAX_REPEATED for count in counts.values())


def _exclaims(text: str) -> bool:
    return bool(_EXCLAIMED.search(text)) or text.count("!") >= MAX_EXCLAMATIONS


def _said(text: str, words: Sequence[Token]) -> set[str]:
    """Which of spam, clickbait and other the words are, after what takes it back."""
    counts: Counter[str] = Counter()
    ends = [match.start() for match in _SENTENCE_END.finditer(text)]
    for _, sentence in groupby(words, key=lambda word: bisect(ends, word.start)):
        counts.update({match.label for match in _lexicon().find(list(sentence))})
        for name in ("spam", "clickbait", "other"):
            if counts[f"not_{name}"]:
                counts[name] -= min(1, counts.pop(f"not_{name}"))
    return {name for name, count in counts.items() if count > 0}


# ── links ────────────────────────────────────────────────────────────────────────────────────


def _bad_links(text: str, own_domains: Domains) -> bool:
    hosts = list(_hosts(text))
    own = {domain.lower() for domain in own_domains}
    return len(hosts) > 1 or any(_is_suspicious(host, own) for host in hosts)


def _hosts(text: str) -> Iterator[str]:
    for match in _links().finditer(text.lower()):
        yield match["host"] or match["bare"]


def _is_suspicious(host: str, own: Collection[str]) -> bool:
    if host in own:
        return False
    shorteners: list[str] = word_list("risk")["shorteners"]
    if host.removeprefix("www.") in shorteners or _IP.fullmatch(host):
        return True
    return not host.isascii() or "xn--" in host or any(_imitates(host, domain) for domain in own)


def _imitates(host: str, domain: str) -> bool:
    """Our name under another roof, or nearly our name: `switchbacktrek.example`."""
    if host.endswith(f".{domain}"):
        return False
    brand = _name_of(domain)
    if len(brand) < MIN_BRAND:
        return False
    candidates = (_unmasked(host.replace(".", "").replace("-", "")), _unmasked(_name_of(host)))
    return brand in candidates[0] or OSA.distance(candidates[1], brand) <= LOOKALIKE_EDITS


def _name_of(host: str) -> str:
    """The registered label: `pay.switchbacktreks.example` is `switchbacktreks`."""
    labels = host.split(".")
    return labels[-2] if len(labels) > 1 else labels[0]


def _unmasked(name: str) -> str:
    return name.translate(str.maketrans("013457", "oleast"))


@cache
def _links() -> re.Pattern[str]:
    tlds = "|".join(sorted(map(str, word_list("risk")["tlds"]), key=len, reverse=True))
    bare = rf"(?:[\w-]+\.)+(?:{tlds})|{_IP.pattern}"
    return re.compile(
        rf"(?:https?://|hxxps?://)(?:[^\s/@]+@)?(?P<host>[^\s/:?#]+)\S*"
        rf"|(?<![\w@.-])(?P<bare>{bare})(?![\w@-]|\.\w)(?:[/:?#]\S*)?"
    )


# ── word lists ───────────────────────────────────────────────────────────────────────────────


@cache
def _lexicon() -> Lexicon:
    table: dict[str, list[list[str]]] = word_list("risk")["phrases"]
    found = [
        phrase(label, 1.0, source)
        for label, lines in table.items()
        for line in lines
        for source in line
    ]
    return Lexicon(found, typos=False)


@cache
def _acronyms() -> frozenset[str]:
    return frozenset(word_list("risk")["acronyms"])


@cache
def _ordinary() -> frozenset[str]:
    return frozenset(known_words())


@cache
def _promo_words() -> dict[str, list[Phrase]]:
    """Promotional phrases by the first two letters of any of their first words."""
    index: dict[str, list[Phrase]] = {}
    for source in word_list("risk")["promo_words"]:
        entry = phrase("promo", 1.0, source)
        for start in {word[:2] for word in entry.parts[0]}:
            index.setdefault(start, []).append(entry)
    return index


def warm_up() -> None:
    score_risk("")
    _lexicon()
