"""The path from a question to a reply, without database, cluster or Meta."""

import asyncio
import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from serving.business import Business
from serving.errors import SwitchbackError
from serving.policy import Policy, load_policy
from serving.ports import ChatModel, ChatReply, ChatRequest, Knowledge
from serving.step import Step
from serving.steps.check_compliance import CheckCompliance
from serving.steps.generate_response import GenerateResponse
from serving.steps.parse_message import ParseMessage
from serving.steps.retrieve_documents import RetrieveDocuments
from serving.steps.validate_response import ValidateResponse
from serving.types import (
    Candidate,
    Compliance,
    ComplianceQuery,
    ContactId,
    ConversationId,
    CustomerContext,
    Documents,
    Draft,
    GenerationQuery,
    InboundMessage,
    Parsed,
    Profile,
    RetrievalQuery,
    Risk,
    Turn,
    TurnId,
    Validated,
    ValidationQuery,
    Wamid,
)

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)  # noon in India; the corpus is written for this day
RETURNING = CustomerContext(Profile(first_contact=False))
IN_FLIGHT = 16  # as many as the small model's engine takes at once
TOLD_EVERY = 50  # answers
CALM = Risk(0, "low", {})


class FixedClock:
    def now(self) -> datetime:
        return NOW


class KnownContexts:
    """`ContextStore` of what the questions were asked with."""

    def __init__(self) -> None:
        self.of: dict[TurnId, CustomerContext] = {}

    async def load(self, turns: Sequence[Turn]) -> list[CustomerContext]:
        return [self.of.get(turn.turn_id, RETURNING) for turn in turns]


class NoModel:
    """`ChatModel` of a house without any: pages are quoted."""

    def candidates(self, request: ChatRequest) -> tuple[Candidate, ...]:
        del request
        return ()

    async def complete(self, request: ChatRequest) -> ChatReply:
        raise SwitchbackError(f"no model for tier {request.tier!r}")


@dataclass(frozen=True, slots=True)
class Answer:
    """All that came of one question."""

    text: str
    parsed: Parsed
    documents: Documents
    draft: Draft
    validated: Validated
    compliance: Compliance


class World:
    """Steps with their ports; each can be exchanged to see what an evaluation says of it."""

    def __init__(
        self,
        knowledge: Knowledge,
        chat: ChatModel,
        business: Business,
        policy: Policy | None = None,
    ) -> None:
        self.clock = clock = FixedClock()
        self.remembers = True  # what was said before the question
        self.parse: Step[Turn, Parsed] = ParseMessage(knowledge)
        self.contexts = KnownContexts()
        self.retrieve: Step[RetrievalQuery, Documents] = RetrieveDocuments(
            knowledge, clock, self.contexts
        )
        self.generate: Step[GenerationQuery, Draft] = GenerateResponse(
            chat, business, clock, knowledge=knowledge
        )
        self.validate: Step[ValidationQuery, Validated] = ValidateResponse(business, knowledge)
        self.comply: Step[ComplianceQuery, Compliance] = CheckCompliance(
            business, policy or load_policy()
        )
        self._numbers = itertools.count(1)

    async def warm_up(self) -> None:
        for step in (self.parse, self.retrieve, self.generate, self.validate, self.comply):
            await step.warm_up()

    async def answer_all(
        self, questions: Sequence[str], contexts: Sequence[CustomerContext] = ()
    ) -> list[Answer]:
        """Answers in order, a few at a time; says on stderr how far it is."""
        gate = asyncio.Semaphore(IN_FLIGHT)
        done = itertools.count(1)

        async def one(text: str, context: CustomerContext) -> Answer:
            async with gate:
                answer = await self.answer(text, context)
            if (number := next(done)) % TOLD_EVERY == 0:
                print(f"    {number} of {len(questions)} answered", file=sys.stderr, flush=True)
            return answer

        given = contexts or [RETURNING] * len(questions)
        return await asyncio.gather(*map(one, questions, given))

    async def answer(self, text: str, context: CustomerContext = RETURNING) -> Answer:
        if not self.remembers:
            context = replace(context, history=())
        turn = self._turn(text, context)
        self.contexts.of[turn.turn_id] = context
        parsed = await self.parse.one(turn)
        try:
            documents = await self.retrieve.one(RetrievalQuery(turn, parsed))
        except SwitchbackError:
            documents = Documents()
        return await self.reply(turn, parsed, documents, context)

    async def reply(
        self, turn: Turn, parsed: Parsed, documents: Documents, context: CustomerContext
    ) -> Answer:
        draft = await self.generate.one(GenerationQuery(turn, parsed, context, documents, CALM))
        validated = await self.validate.one(
            ValidationQuery(turn, parsed, context, documents, draft)
        )
        compliance = await self.comply.one(ComplianceQuery(turn, parsed, context, validated))
        return Answer(compliance.text, parsed, documents, draft, validated, compliance)

    def _turn(self, text: str, context: CustomerContext) -> Turn:
        number = next(self._numbers)
        message = InboundMessage(number, Wamid(f"wamid.{number}"), "text", text, NOW)
        turn = Turn(
            TurnId(f"t{number}"),
            ConversationId(f"c{number}"),
            ContactId(f"k{number}"),
            "0",
            1,
            (message,),
            NOW,
        )
        said = tuple(m.text for m in context.history if m.role == "assistant")
        return replace(turn, recent_replies=said[-3:])
