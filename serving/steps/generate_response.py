"""Step 6: write the reply, with the model that the question deserves or without one.

Own words where no model is needed; else a tier's model over the few sentences that answer; else
those sentences themselves in a frame of the customer's language; else an offer of a person. Every
way but the first two is marked. It knows ports, not which models or stores stand behind them.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from serving import confidence
from serving.answer_cache import AnswerCache
from serving.answerable import answerable, lacks_trek
from serving.business import Business
from serving.errors import Degraded, SwitchbackError
from serving.extract import (
    ContextLimits,
    Pick,
    Question,
    context_sentences,
    in_language,
    rank,
    read,
    told,
    topics,
)
from serving.fallbacks import EXTRACTIVE, TEMPLATE
from serving.followups import said_before
from serving.ports import ChatModel, ChatReply, ChatRequest, Clock, Knowledge
from serving.prompts import Style, messages, user_prompt
from serving.quotes import citations_of, quote
from serving.replies import (
    MAX_ROWS,
    Scripted,
    decline,
    finish,
    scripted,
    variant_for,
    which_trek,
)
from serving.routing import Route, decide, features_of
from serving.sentences import complete_sentences
from serving.sources import Source
from serving.step import Step
from serving.types import Draft, GenerationQuery

UNKNOWN = "i do not know"


@dataclass(frozen=True, slots=True)
class GenerationSettings:
    """Sized for the smallest model that may answer; larger ones gain from more context."""

    style: Style = "compact"
    context: ContextLimits = field(default_factory=ContextLimits)
    max_history_chars: int = 400  # the newest of the last ten messages that fit
    max_tokens: int = 90
    deadline_s: float = 20.0  # of the step's 25: the fallback needs the rest


class GenerateResponse(Step[GenerationQuery, Draft]):
    name = "generate_response"

    def __init__(
        self,
        chat: ChatModel,
        business: Business,
        clock: Clock,
        settings: GenerationSettings | None = None,
        *,
        answers: AnswerCache | None = None,  # None: every question is asked anew
        knowledge: Knowledge | None = None,  # None: only treks of the pages found can be offered
    ) -> None:
        self._knowledge = knowledge
        self._chat = chat
        self._answers = answers
        self._business = business
        self._clock = clock
        self._settings = settings or GenerationSettings()

    async def warm_up(self) -> None:
        topics()

    async def one(self, item: GenerationQuery) -> Draft:
        route = decide(features_of(item))
        draft = await self._written(item, route)
        record = draft.route or route.record(self._settings.deadline_s)
        return replace(draft, route=record)

    async def _written(self, item: GenerationQuery, route: Route) -> Draft:
        script = scripted(item.turn, item.parsed, item.context, self._business, self._clock.now())
        chat = script and script.template == "off_topic"  # or a question that reads like chat
        if script and not (chat and item.documents.passages):
            return self._from_script(item, script, route)
        history = item.context.history
        question, sources = read(item.turn, item.parsed, item.documents, None, history)
        # "And in May?" gets the call to action of the price that it asks for.
        item = replace(item, parsed=replace(item.parsed, intent=question.intent))
        picks = rank(question, sources)
        if lacks_trek(question) and not script:
            treks = await self._treks(item)
            if len(treks) > 1:
                return self._ask_which(item, route, treks)
        if not answerable(question, picks, sources):
            return self._from_script(item, script, route) if script else self._decline(item, route)
        own = in_language(picks, item.documents, item.parsed.language)
        read_by_model = context_sentences(own or picks, self._limits(route))
        facts = [told(pick, sources) for pick in read_by_model]
        request = self._request(item, route, facts)
        record = route.record(request.deadline_s, self._chat.candidates(request))
        try:
            reply = await self._reply(item, request, facts)
            draft = self._from_model(item, route, reply, read_by_model)
        except SwitchbackError as error:
            draft = self._from_quote(item, route, question, sources, why_not(error))
        return replace(draft, route=record)

    def _from_script(self, item: GenerationQuery, script: Scripted, route: Route) -> Draft:
        marks = (script.mark,) if script.mark else ()
        reason = f"own words: {script.template}"
        return Draft(
            script.text,
            route.tier,
            TEMPLATE,
            route_reason=reason,
            hands_over=script.hands_over,
            confidence=confidence.DECLINED if script.mark else confidence.of_own_words(item.parsed),
            degraded=marks,
        )

    def _decline(self, item: GenerationQuery, route: Route) -> Draft:
        script = decline(self._business, variant_for(item.parsed), unsure=item.parsed.unsure)
        return replace(self._from_script(item, script, route), route_reason=route.reason)

    async def _treks(self, item: GenerationQuery) -> tuple[str, ...]:
        """Those of the pages that were found come first."""
        found = [one.trek for one in item.documents.passages if one.trek]
        if self._knowledge is not None:
            with contextlib.suppress(SwitchbackError):
                found += await self._knowledge.treks()
        return tuple(dict.fromkeys(found))

    def _ask_which(self, item: GenerationQuery, route: Route, treks: Sequence[str]) -> Draft:
        """A price of which trek? Better asked than guessed."""
        asked = which_trek(self._business, variant_for(item.parsed))
        choices = tuple((trek, trek) for trek in treks[:MAX_ROWS])
        return replace(self._from_script(item, asked, route), choices=choices)

    async def _reply(
        self, item: GenerationQuery, request: ChatRequest, facts: list[str]
    ) -> ChatReply:
        if self._answers is None:
            return await self._chat.complete(request)
        return await self._answers.complete(item, request, facts)

    def _from_model(
        self, item: GenerationQuery, route: Route, reply: ChatReply, read_by_model: list[Pick]
    ) -> Draft:
        body = complete_sentences(reply.text)
        if not body or UNKNOWN in body.casefold():
            raise Unanswered
        places = dict.fromkeys(pick.passage for pick in read_by_model)
        return Draft(
            text=self._finish(body, item),
            tier=route.tier,
            model=reply.model,
            citations=citations_of(item.documents, tuple(places)),
            route_reason=route.reason,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            cost_usd=reply.cost_usd,
            confidence=max(map(confidence.of_answer, read_by_model)),
            degraded=reply.degraded,
        )

    def _limits(self, route: Route) -> ContextLimits:
        """The smallest model mixes up the rows of a table; with money at stake it gets one."""
        limits = self._settings.context
        if self._settings.style == "compact" and route.tier == "quality":
            return replace(limits, max_sentences=1)
        return limits

    def _request(self, item: GenerationQuery, route: Route, facts: list[str]) -> ChatRequest:
        limits = self._settings
        user = user_prompt(
            item.turn.text,
            facts,
            said_before(item.turn, item.context.history),
            risk=item.risk,
            language=item.parsed.language,
            max_history_chars=limits.max_history_chars,
        )
        return ChatRequest(
            route.tier,
            messages(self._business, limits.style, user),
            item.parsed.language,
            limits.max_tokens,
            limits.deadline_s,
        )

    def _from_quote(
        self,
        item: GenerationQuery,
        route: Route,
        question: Question,
        sources: list[Source],
        mark: str,
    ) -> Draft:
        found = quote(question, item.documents, sources, self._business, variant_for(item.parsed))
        if found is None:
            return self._decline(item, route)
        language = (f"language_fallback:{item.parsed.language}",) if found.foreign else ()
        return Draft(
            text=self._finish(found.text, item),
            tier=route.tier,
            model=EXTRACTIVE,
            citations=found.citations,
            route_reason=route.reason,
            confidence=found.confidence,
            degraded=tuple(dict.fromkeys((mark, *language, "extractive"))),
        )

    def _finish(self, body: str, item: GenerationQuery) -> str:
        return finish(
            body,
            item.parsed,
            item.context,
            self._business,
            risk=item.risk,
            recent=item.turn.recent_replies,
        )


class Unanswered(Degraded):
    """The model found no answer in what it read."""


def why_not(error: SwitchbackError) -> str:
    """The mark of a reply that no model wrote."""
    match error:
        case Unanswered():
            return "model_unanswered"
        case Degraded():
            return "no_model"
        case _:
            return "model_failed"
