"""Whether what was found answers what was asked, or merely something near it.

Retrieval always finds five passages. A question about a place or a thing that none of them knows is
declined, however well the rest of its words fit. Pure.
"""

import re
from collections.abc import Sequence

from rapidfuzz import fuzz, process

from serving.extract import MIN_ANSWER_SCORE, PRICE, Pick, Question
from serving.facts import ABBREVIATIONS, MONTHS
from serving.sentences import content_words, words
from serving.sources import Source

# Capitalised within a sentence; shorter ones and acronyms (GST, UPI) name no place.
NAME = re.compile(r"(?<=[\w,;:'’»)] )(?:[dl]['’])?([A-ZÀ-Ý][^\W\d_]*[a-zà-ÿ][^\W\d_]+)")
MIN_ALIKE = 80  # of two spellings of one name
# Of the question's words, where no topic of ours is recognised; its trek is a good sign too.
MIN_SHARED, MIN_SHARED_ON_TREK = 0.6, 0.34
ANY_TREK = re.compile(
    r"cheap|lowest|least|sasta|kam se kam|barat|económic|moins cher|all treks|any trek|which trek|"
    r"price list|kaun ?sa|सस्ता|कौन सा|cuál|quel trek|lequel",
    re.IGNORECASE,
)


def answerable(question: Question, picks: Sequence[Pick], sources: Sequence[Source]) -> bool:
    """Whether the best sentence may be told as an answer."""
    if not picks or picks[0].score < MIN_ANSWER_SCORE:
        return False
    best = picks[0]
    if names_a_stranger(question, sources):
        return False
    if best.covers:
        return not _price_of_whatever(question, best, sources)
    wanted = content_words(question.text)
    known = frozenset[str]().union(*(source.words for source in sources))
    share = MIN_SHARED_ON_TREK if question.asked.treks else MIN_SHARED
    return not wanted or len(wanted & known) >= share * len(wanted)


def names_a_stranger(question: Question, sources: Sequence[Source]) -> bool:
    """It names somebody or somewhere that no passage speaks of."""
    named = {match[1].casefold() for match in NAME.finditer(question.text)}
    known = {*MONTHS, *ABBREVIATIONS}.union(*(source.spelled for source in sources))
    known |= {word for trek in question.asked.treks for word in _forms(trek, question)}
    return any(
        name not in known
        and process.extractOne(name, known, scorer=fuzz.ratio, score_cutoff=MIN_ALIKE) is None
        for name in named
    )


def _forms(trek: str, question: Question) -> list[str]:
    return words(" ".join((trek, *question.asked.treks_known.aliases(trek))))


def _price_of_whatever(question: Question, best: Pick, sources: Sequence[Source]) -> bool:
    """A price was asked for of nothing that we know, and one of some trek was found."""
    source = sources[best.passage]
    about = source.about(source.segments[best.order])
    only_price = best.covers == frozenset({PRICE})
    return (
        only_price
        and bool(about)
        and not question.asked.treks
        and ANY_TREK.search(question.text) is None
    )
