"""Step 7: is the draft right, in the right language and fit to send? If not, replace it.

A weak draft gives way to a quoted passage, and where none answers to an offer of a person. Trek
names come from the live index; without them those of the passages at hand serve.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from serving import risk
from serving.business import Business, Variant
from serving.confidence import DECLINED, UNSURE_BELOW
from serving.errors import SwitchbackError
from serving.extract import Question, rank, read, topics
from serving.fallbacks import EXTRACTIVE, TEMPLATE
from serving.ports import Knowledge
from serving.quotes import Quote, citations_of, quote
from serving.replies import decline, finish, variant_for
from serving.sentences import sentences
from serving.sources import Source, public_source, source_of, source_of_bookings
from serving.step import Step
from serving.trek_names import TrekNames
from serving.types import Citation, Documents, Risk, Validated, ValidationQuery
from serving.validation import WEAK_BELOW, Review, missing_sentences, review

NO_TREKS = TrekNames()
NO_RISK = Risk(0, "low", {})

WORD = re.compile(r"[\w₹$€,.]*\w")
NEARLY_ALL = 0.85


@dataclass(frozen=True, slots=True)
class Evidence:
    question: Question
    sources: list[Source]
    variant: Variant


class ValidateResponse(Step[ValidationQuery, Validated]):
    name = "validate_response"

    def __init__(
        self,
        business: Business,
        knowledge: Knowledge,
        weak_below: int = WEAK_BELOW,
        *,
        verbatim: bool = True,  # the models at hand are too small to rephrase
    ) -> None:
        self._verbatim = verbatim
        self._weak_below = weak_below
        self._business = business
        self._knowledge = knowledge
        self._treks = TrekNames()

    async def warm_up(self) -> None:
        risk.warm_up()
        topics()
        await self._refresh_treks()

    async def one(self, item: ValidationQuery) -> Validated:
        if item.draft.model == TEMPLATE:
            return Validated(item.draft.text, item.draft.confidence, choices=item.draft.choices)
        if any(p.trek and p.trek not in self._treks for p in item.documents.passages):
            await self._refresh_treks()  # a new epoch brought a new trek
        evidence = self._evidence(item)
        by_model = item.draft.model != EXTRACTIVE
        text = item.draft.text if by_model else untitled(item.draft.text, item.documents)
        found = self._review(text, evidence, by_model=by_model)
        danger = risk.score_risk(item.draft.text, self._business.website.own_domains)
        issues = (*found.issues, *(("ban_risk",) if danger.level != "low" else ()))
        # What a quote leaves out its page does not say beside it.
        if by_model and issues and all(issue.startswith("missing_") for issue in issues):
            repaired = self._repair(item, evidence, issues)
            if repaired:
                return repaired
        # A quote that leaves something out is still what the page says.
        quoted = item.draft.model == EXTRACTIVE and found.only_missing
        sound = 100 if quoted else found.soundness
        doubtful = item.draft.confidence < UNSURE_BELOW
        if sound < self._weak_below or doubtful or danger.level == "high":
            return self._replace(item, evidence, (*issues, *(("doubtful_page",) * doubtful)))
        return Validated(
            item.draft.text,
            item.draft.confidence * sound // 100,
            self._supporting(item, found) or item.draft.citations,
            issues,
        )

    def _evidence(self, item: ValidationQuery) -> Evidence:
        history = item.context.history
        question, sources = read(
            item.turn, item.parsed, item.documents, self._treks or None, history
        )
        known = question.asked.treks_known
        variant = variant_for(item.parsed)
        titles = "\n".join(f"{one.title}\n{one.url or ''}" for one in item.documents.passages)
        own = [
            public_source(titles, known),
            public_source(our_words(self._business, variant), NO_TREKS),
            source_of(item.context.profile.name or "", NO_TREKS),
            source_of_bookings(item.context.bookings, known),
        ]
        return Evidence(question, [*sources, *own], variant)

    def _review(self, text: str, evidence: Evidence, *, by_model: bool) -> Review:
        return review(
            text,
            evidence.question,
            evidence.sources,
            evidence.variant,
            self._business,
            written_by_model=by_model,
            verbatim=self._verbatim,
        )

    def _supporting(self, item: ValidationQuery, found: Review) -> tuple[Citation, ...]:
        """The draft's citations that carry a fact of it; none found means: keep the draft's.

        A quote is its pages' own words, with or without a fact.
        """
        if item.draft.model == EXTRACTIVE:
            return item.draft.citations
        backed = citations_of(item.documents, found.grounding.passages)
        return tuple(one for one in item.draft.citations if one in backed)

    def _repair(
        self, item: ValidationQuery, evidence: Evidence, issues: tuple[str, ...]
    ) -> Validated | None:
        """The draft with the page's own sentence for what it left out, when that makes it whole."""
        picks = [
            pick
            for pick in rank(evidence.question, evidence.sources)
            if item.documents.passages[pick.passage].language == item.parsed.language
            and evidence.variant != "hi_latn"  # no page is written in it
        ]
        missing = missing_sentences(issues, picks)
        text = completed(item.draft.text, [pick.text for pick in missing])
        review = self._review(text, evidence, by_model=False)
        if not missing or review.findings:
            return None
        added = citations_of(item.documents, [pick.passage for pick in missing])
        cited = (*item.draft.citations, *added)
        backed = set(citations_of(item.documents, review.grounding.passages)) | set(added)
        citations = tuple(dict.fromkeys(one for one in cited if one in backed))
        marks = tuple(f"validate:{issue}:repaired" for issue in issues)
        return Validated(text, item.draft.confidence, citations, issues, marks)

    def _replace(
        self, item: ValidationQuery, evidence: Evidence, issues: tuple[str, ...]
    ) -> Validated:
        marks = tuple(f"validate:{issue}" for issue in issues)
        found = self._quote(item, evidence)
        if found is None:
            script = decline(self._business, evidence.variant)
            return Validated(script.text, DECLINED, (), issues, (*marks, "template"))
        language = (f"language_fallback:{item.parsed.language}",) if found.foreign else ()
        text = finish(
            found.text,
            item.parsed,
            item.context,
            self._business,
            risk=NO_RISK,
            recent=item.turn.recent_replies,
        )
        return Validated(
            text, found.confidence, found.citations, issues, (*marks, *language, "extractive")
        )

    def _quote(self, item: ValidationQuery, evidence: Evidence) -> Quote | None:
        """A passage's own sentences, unless they too are in doubt or are what failed."""
        if item.draft.model == EXTRACTIVE:
            return None
        documents: Documents = item.documents
        found = quote(
            evidence.question, documents, evidence.sources, self._business, evidence.variant
        )
        if found is None or found.confidence < UNSURE_BELOW:
            return None
        said = untitled(found.text, documents)
        return found if self._review(said, evidence, by_model=False).grounding.holds else None

    async def _refresh_treks(self) -> None:
        try:
            self._treks = TrekNames(await self._knowledge.treks())
        except SwitchbackError:  # the passages' own treks serve until the index answers
            self._treks = TrekNames()


def untitled(text: str, documents: Documents) -> str:
    """A quote without its page's title, which would lend a price the title's "deposit"."""
    for passage in documents.passages:
        text = text.replace(passage.title, "")
    return text


def completed(text: str, added: Sequence[str]) -> str:
    """The sentences put after the answer, which does not say the same twice, before its call."""
    answer, gap, action = text.rpartition("\n\n")
    kept = [one for one in sentences(answer or action) if not _told(one, added)]
    return " ".join([*kept, *added]) + (f"{gap}{action}" if answer else "")


def _told(sentence: str, others: Sequence[str]) -> bool:
    """Whether nearly all words of a sentence are in one of the others."""
    words = set(WORD.findall(sentence.casefold()))
    shared = max((len(words & set(WORD.findall(one.casefold()))) for one in others), default=0)
    return shared >= NEARLY_ALL * len(words)


def our_words(business: Business, variant: Variant) -> str:
    """Sentences of ours that a reply may hold beside its answer."""
    actions = business.call_to_action
    lines = [
        *(text.get(variant) for text in actions.by_intent.values()),
        *(text.get(variant) for text in actions.by_stage.values()),
        business.templates.salutation.get(variant),
        business.templates.quoted_passage.get(variant),
        business.opening_hours.text.get(variant),
        business.contacts.office_phone,
        business.contacts.emergency_phone,
        business.contacts.sales_email,
        business.contacts.support_email,
        business.website.url,
        business.website.booking_url,
        business.name,
    ]
    return "\n".join(lines)
