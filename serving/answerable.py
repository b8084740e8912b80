"""Whether what was found answers what was asked, or merely something near it.

Retrieval always finds five passages. A question about a place or a thing that none of them knows is
declined, however well the rest of its words fit. Pure.
"""

import re
from collections.abc import Sequence

from rapidfuzz import fuzz, process

from serving.extract import (
    MIN_ANSWER_SCORE,
    PRICE,
    PRICE_ASKED,
    Pick,
    Question,
    only_of_a_trek,
    subjects_asked,
    topics,
    topics_asked,
)
from serving.facts import ABBREVIATIONS, MONTHS
from serving.sentences import content_words, words
from serving.sources import Source

# Capitalised within a sentence; shorter ones and acronyms (GST, UPI) name no place.
NAME = re.compile(r"(?<=[\w,;:'’»)] )(?:[dl]['’])?([A-ZÀ-Ý][^\W\d_]*[a-zà-ÿ][^\W\d_]+)")
MIN_ALIKE = 80  # of two spellings of one name
# Of the question's words, where no topic of ours is recognised; its trek is a good sign too.
MIN_SHARED, MIN_SHARED_ON_TREK = 0.6, 0.34
# The relevance that the nearest sentence needs: where a topic of ours is recognised, where not, and
# where no word is shared either.
NEAR_ON_TOPIC, NEAR, SURE = -0.2, 0.6, 0.8
DESCRIBED = 1.1  # by a question that names no trek ("the frozen river") and gets one's price
# Beside the words of its topic; stems, as `content_words` gives them.
SAYS_LITTLE = frozenset(
    {
        *("trek", "trip", "person", "maximum", "max", "minimum", "next", "total", "many", "day"),
        *("persona", "personne", "viaje", "ruta", "c'est", "ça", "proxima", "prochain"),
        *("hoga", "lagega", "lagta", "aayega", "padega", "paisa", "paise", "kharcha", "kharch"),
        *("होगा", "लगेगा", "आएगा", "पड़ेगा", "पैसा", "पैसे", "खर्च", "खर्चा", "कुल"),
        *MONTHS,
        *ABBREVIATIONS,
    }
)
ANY_TREK = re.compile(
    r"cheap|lowest|least|sasta|kam se kam|barat|económic|moins cher|all treks|any trek|which trek|"
    r"price list|kaun ?sa|सस्ता|कौन सा|cuál|quel trek|lequel",
    re.IGNORECASE,
)


def answerable(question: Question, picks: Sequence[Pick], sources: Sequence[Source]) -> bool:
    """Whether the best sentence may be told as an answer."""
    if not picks or names_a_stranger(question, sources):
        return False
    best = picks[0]
    near = max(pick.relevance or 0.0 for pick in picks)
    described = best.relevance is not None and near >= DESCRIBED
    if not subjects_asked(question) <= best.covers:
        return False
    if not described and _of_whatever(question, best, sources):
        return False
    if best.relevance is None:
        return best.score >= MIN_ANSWER_SCORE and _shares_words(question, best, sources)
    # What reads like chat is a question of ours only when a page clearly answers it.
    on_topic = best.covers and question.intent != "smalltalk"
    enough = NEAR_ON_TOPIC if on_topic else NEAR
    return near >= enough and (best.score >= MIN_ANSWER_SCORE or best.relevance >= SURE)


def lacks_trek(question: Question) -> bool:
    """Whether it asks for a price, a height or the like, and of what it does not say."""
    asked = topics_asked(question)
    if question.asked.treks or ANY_TREK.search(question.text) or not asked:
        return False
    rest = question.text
    for one in asked:
        pattern = PRICE_ASKED if one == PRICE else topics()[one].asked
        rest = re.sub(rf"\w*(?:{pattern.pattern})\w*", " ", rest, flags=re.IGNORECASE)
    left = {word for word in content_words(rest) if len(word) > 1}
    return only_of_a_trek(asked) and not left - SAYS_LITTLE


def _shares_words(question: Question, best: Pick, sources: Sequence[Source]) -> bool:
    """What stands for nearness where it is unknown: a topic of ours, or most of the words."""
    if best.covers:
        return True
    wanted = content_words(question.text)
    known = frozenset[str]().union(*(source.words for source in sources))
    share = MIN_SHARED_ON_TREK if question.asked.treks else MIN_SHARED
    return not wanted or len(wanted & known) >= share * len(wanted)


def names_a_stranger(question: Question, sources: Sequence[Source]) -> bool:
    """It names somebody or somewhere that no passage speaks of."""
    named = {match[1].casefold() for match in NAME.finditer(question.text)}
    known = {*MONTHS, *ABBREVIATIONS, *words(question.spelled)}.union(
        *(source.spelled for source in sources)
    )
    known |= {word for trek in question.asked.treks for word in _forms(trek, question)}
    return any(
        name not in known
        and process.extractOne(name, known, scorer=fuzz.ratio, score_cutoff=MIN_ALIKE) is None
        for name in named
    )


def _forms(trek: str, question: Question) -> list[str]:
    return words(" ".join((trek, *question.asked.treks_known.aliases(trek))))


def _of_whatever(question: Question, best: Pick, sources: Sequence[Source]) -> bool:
    """A price or a height was asked for of nothing that we know, and one of some trek was found."""
    if question.asked.treks or ANY_TREK.search(question.text):
        return False
    of_trek = best.covers == {PRICE} if best.relevance is None else only_of_a_trek(best.covers)
    if not best.covers or not of_trek:
        return False
    source = sources[best.passage]
    segment = source.segments[best.order]
    asked = content_words(PRICE_ASKED.sub(" ", question.text))
    return bool(source.about(segment)) or not asked & segment.words
