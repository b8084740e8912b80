"""Whether a message asks us to stop messaging, or to start again.

Any wording counts, not only keywords; a sentence that merely contains the word does not.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from rapidfuzz.distance import OSA

from serving.types import OptOutScope, Request
from serving.understanding.language import known_words
from serving.understanding.lexicon import LONG, Lexicon, phrase
from serving.understanding.script import Token, fold, tokens
from serving.understanding.wordlists import word_list

MIN_TYPO = 4  # letters of a control word that may be misspelt
MAX_CONTROL_WORDS = 6  # beyond, a control word among fillers is a sentence
_SENTENCE_END = re.compile(r"[.!?\n]+")


@dataclass(frozen=True, slots=True)
class OptOut:
    opt_out: bool = False
    resubscribe: bool = False
    scope: OptOutScope = "all"
    rule: str = ""  # the word or phrase that said it

    @property
    def request(self) -> Request:
        if self.resubscribe:
            return "start"
        if not self.opt_out:
            return "none"
        return "marketing" if self.scope == "marketing" else "stop"


NOTHING = OptOut()
SURE = 0.7  # of the trained head that a phrase means something else than it says
LIKELY = 0.6  # of the trained head that words no phrase knows are a request


def settle(found: OptOut, request: Request, share: float) -> OptOut:
    """The rules' finding in the light of the trained head's; `share` 0: the head was not asked.

    A control word is final. A phrase stands unless the head is sure of something else: "I asked you
    to stop, now please write again".
    """
    if not share or found.rule.startswith(("word:", "typo:")):
        return found
    if request == found.request or share < (LIKELY if found is NOTHING else SURE):
        return found
    if request == "none":
        return NOTHING
    return OptOut(
        opt_out=request != "start",
        resubscribe=request == "start",
        scope="marketing" if request == "marketing" else "all",
        rule=f"learned:{request}",
    )


def detect(text: str) -> OptOut:
    """What the whole text asks for; its last sentence that asks for anything decides."""
    whole = _control_word(tokens(text))
    if whole is not NOTHING:
        return whole
    result = _sentence(tokens(text))
    for part in _SENTENCE_END.split(text):
        words = tokens(part)
        found = _control_word(words, sentence=True)
        if found is NOTHING:
            found = _sentence(words)
        result = found if found is not NOTHING else result
    return result


def whole_word(text: str) -> OptOut:
    """Only what the whole text says as one control word, spelt as it should be: microseconds."""
    return _control_word(tokens(text), typos=False)


def _control_word(words: Sequence[Token], *, sentence: bool = False, typos: bool = True) -> OptOut:
    """STOP, START and their like as the whole message, fillers and typos aside."""
    if not words or len(words) > MAX_CONTROL_WORDS:
        return NOTHING
    keys = [word.key for word in words]
    if len(keys) >= MIN_TYPO and all(len(key) == 1 for key in keys):
        keys = ["".join(keys)]  # "S T O P"
    bare = [key for key in keys if key not in _folded("fillers")]
    # Part of a longer message only the unmistakable words count: "Thanks. The end."
    for written in dict.fromkeys((" ".join(keys), " ".join(bare))):
        if written in _folded("start_words") and not sentence:
            return OptOut(resubscribe=True, rule=f"word:{written}")
        if written in (_clear_words() if sentence else _folded("stop_words")):
            return OptOut(opt_out=True, rule=f"word:{written}")
    if bare and not sentence and all(key in _folded("stop_words") for key in bare):
        return OptOut(opt_out=True, rule=f"word:{bare[0]}")  # "stop stop", "STOP arrêtez"
    return NOTHING if sentence or not typos or len(bare) != 1 else _misspelt(bare[0])


def _misspelt(key: str) -> OptOut:
    if len(key) < MIN_TYPO or key in _folded("stop_lookalikes") or key in _ordinary():
        return NOTHING
    for name in ("stop_words", "start_words"):
        for word in _folded(name):
            near = 1 if len(word) < LONG else 2
            if len(word) >= MIN_TYPO and OSA.distance(key, word, score_cutoff=near) <= near:
                stop = name == "stop_words"
                return OptOut(opt_out=stop, resubscribe=not stop, rule=f"typo:{word}")
    return NOTHING


def _sentence(words: Sequence[Token]) -> OptOut:
    found = {match.label: match.source for match in reversed(_lexicon().find(words))}
    if "stop_marketing" in found and "not_stop" not in found:
        return OptOut(opt_out=True, scope="marketing", rule=f"phrase:{found['stop_marketing']}")
    if "stop" in found and "not_stop" not in found:
        scope: OptOutScope = "marketing" if "marketing" in found else "all"
        return OptOut(opt_out=True, scope=scope, rule=f"phrase:{found['stop']}")
    stops = "not_stop" not in found and found.keys() & {"stop", "stop_marketing"}
    if "start" in found and "not_start" not in found and not stops:
        return OptOut(resubscribe=True, rule=f"phrase:{found['start']}")
    return NOTHING


@cache
def _lexicon() -> Lexicon:
    table = word_list("optout")
    labelled = {
        "stop": [p for listed in table["stop"].values() for p in listed],
        "not_stop": [p for listed in table["not_stop"].values() for p in listed],
        "start": [p for listed in table["start"].values() for p in listed],
        "not_start": [p for listed in table["not_start"].values() for p in listed],
        "marketing": table["marketing"],
        "stop_marketing": table["stop_marketing"],
    }
    found = [phrase(label, 1.0, source) for label, listed in labelled.items() for source in listed]
    return Lexicon(found, known_words())


@cache
def _folded(name: str) -> frozenset[str]:
    listed: list[str] = word_list("optout")[name]
    return frozenset(" ".join(map(fold, str(entry).split())) for entry in listed)


@cache
def _clear_words() -> frozenset[str]:
    return frozenset(word for word in _folded("stop_words") if word.split()[0] in _folded("clear"))


@cache
def _ordinary() -> frozenset[str]:
    return frozenset(known_words())


def warm_up() -> None:
    _lexicon()
