"""Answers without a model: a page's own sentences, or their facts in the customer's language."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.types import Epoch
from serving import confidence
from serving.answerable import answerable
from serving.business import Business, Variant
from serving.extract import Pick, Question, answer_sentences, rank
from serving.facts import facts_of
from serving.phrases import phrase_book
from serving.sentences import shorten
from serving.sources import Source
from serving.types import Citation, Documents, Passage

MAX_QUOTE_CHARS = 480
MAX_QUOTE_SENTENCES = 3
# About as good as the best sentence, and in the customer's language.
MIN_OWN_LANGUAGE = 0.6  # of its score
MAX_FARTHER = 0.2  # by relevance


@dataclass(frozen=True, slots=True)
class Quote:
    """An answer made of what pages say. `foreign`: it only points at a page in another language."""

    text: str
    citations: tuple[Citation, ...]
    confidence: int  # 0 to 100, that its pages answer
    foreign: bool = False


def quote(
    question: Question,
    documents: Documents,
    sources: Sequence[Source],
    business: Business,
    variant: Variant,
) -> Quote | None:
    """What the best page says, never in another language than the customer's.

    A page in their language is quoted, of others the facts are told that the phrase book has words
    for; failing both, the page is named and a person offered.
    """
    picks = rank(question, sources)
    if documents.epoch is None or not answerable(question, picks, sources):
        return None
    own = [pick for pick in picks if _is_own(pick, picks[0], documents, question, variant)]
    if own:
        return _quoted(own, documents, business, variant)
    return _told(picks, sources, documents, variant) or _named(
        picks[0], documents, business, variant
    )


def _is_own(
    pick: Pick, best: Pick, documents: Documents, question: Question, variant: Variant
) -> bool:
    language = documents.passages[pick.passage].language
    readable = language == question.language and variant != "hi_latn"  # no page is written in it
    near = (best.relevance or 0.0) - (pick.relevance or 0.0) <= MAX_FARTHER
    return readable and near and pick.score >= best.score * MIN_OWN_LANGUAGE


def _quoted(
    picks: Sequence[Pick], documents: Documents, business: Business, variant: Variant
) -> Quote:
    chosen = answer_sentences(picks, documents, MAX_QUOTE_CHARS, MAX_QUOTE_SENTENCES)
    body = " ".join(_sentence(pick.text) for pick in chosen)
    title = documents.passages[chosen[0].passage].title
    text = business.say(
        "quoted_passage", variant, title=title, passage=shorten(body, MAX_QUOTE_CHARS)
    )
    citations = citations_of(documents, [pick.passage for pick in chosen])
    return Quote(text, citations, confidence.of_answer(picks[0]))


def _told(
    picks: Sequence[Pick], sources: Sequence[Source], documents: Documents, variant: Variant
) -> Quote | None:
    """Facts that answer as the best sentence does, each once, whichever pages repeat them."""
    told: dict[str, Pick] = {}
    said: set[tuple[object, ...]] = set()
    for pick in picks:
        if pick.covers == picks[0].covers and len(told) < MAX_QUOTE_SENTENCES:
            source = sources[pick.passage]
            about = source.about(source.segments[pick.order])
            trek = next(iter(about)) if len(about) == 1 else None
            facts = {(trek, one.kind, one.values, one.unit, one.day) for one in facts_of(pick.text)}
            if facts and facts <= said:
                continue
            if text := phrase_book().tell(pick.text, trek, variant):
                told.setdefault(text, pick)
                said |= facts
    if not told:
        return None
    citations = citations_of(documents, [pick.passage for pick in told.values()])
    return Quote(" ".join(told), citations, confidence.of_answer(picks[0]))


def _named(pick: Pick, documents: Documents, business: Business, variant: Variant) -> Quote | None:
    passage = documents.passages[pick.passage]
    if not passage.url:
        return None
    text = business.say("other_language", variant, title=passage.title, url=passage.url)
    citations = citations_of(documents, [pick.passage])
    return Quote(text, citations, confidence.of_answer(pick), foreign=True)


def _sentence(text: str) -> str:
    return text if text[-1:] in ".!?।…:;" else f"{text}."


def citation_of(passage: Passage, epoch: Epoch) -> Citation:
    return Citation(passage.doc, passage.revision, passage.span, epoch)


def citations_of(documents: Documents, places: Sequence[int]) -> tuple[Citation, ...]:
    """Citations of the passages at these places, each once."""
    if documents.epoch is None:
        return ()
    epoch = documents.epoch
    found = (citation_of(documents.passages[place], epoch) for place in places)
    return tuple(dict.fromkeys(found))
