"""What a model answered to the very same question, so that nobody asks it twice.

Exact, not similar: all that the model reads is part of the key, with only the question's case,
spacing and closing punctuation evened out. What says anything of whoever asks is not shared.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

from serving.followups import looks_back, said_before
from serving.ports import ChatModel, ChatReply, ChatRequest, SharedAnswers
from serving.replies import safe_name
from serving.sentences import normalise
from serving.types import GenerationQuery, Intent

MARK = "cached"  # of a reply that was found here
ANYONE = "anyone"  # the customers who share an answer; there is no narrower scope
SHAREABLE: frozenset[Intent] = frozenset({"trek_info", "pricing", "availability"})
MAX_CHARS = 200  # a longer message is a story, and nobody else tells it
# A mail address, a reference, or digits that may be a telephone or a card.
IDENTIFYING = re.compile(r"@|\b[A-Z]{2,}-\d|(?:\d[ ().-]*){7,}")
# Whoever asks about something of theirs asks about themselves.
OWN = re.compile(
    r"\b(?:my|mine|our|ours|name|i'?m|i am|me llamo|mi|mis|mí[oa]|nuestr[oa]s?|soy|somos|"
    r"mon|ma|mes|notre|nos|nom|je suis|m'appelle|mera|mere|meri|hamar[aei]|naam)\b"
    r"|(?<![\u0900-\u097f])(?:मेरा|मेरे|मेरी|हमारा|हमारे|हमारी|नाम)(?![\u0900-\u097f])",
    re.IGNORECASE,
)
CLOSING = " \t\n?!.…।¿¡"


@dataclass(frozen=True, slots=True)
class AnswerCache:
    """A chat model, asked only for what it has not answered yet."""

    chat: ChatModel
    store: SharedAnswers
    policy: str  # version of the rules that an answer has to keep

    async def complete(
        self, item: GenerationQuery, request: ChatRequest, facts: Sequence[str]
    ) -> ChatReply:
        """`facts`: the sentences that the request gives to the model."""
        if not may_be_shared(item):
            return await self.chat.complete(request)
        key = self._key(item, request, facts)
        if known := await self.store.get(key):
            marks = (*known.degraded, MARK)
            return replace(
                known, prompt_tokens=0, completion_tokens=0, cost_usd=0.0, degraded=marks
            )
        reply = await self.chat.complete(request)
        # What was written beside earlier messages, or by a stand-in, is not everybody's answer.
        if not reply.degraded and not said_before(item.turn, item.context.history):
            await self.store.put(key, reply)
        return reply

    def _key(self, item: GenerationQuery, request: ChatRequest, facts: Sequence[str]) -> str:
        parts = (
            ANYONE,
            normalised(item.turn.text),
            item.parsed.language,
            item.parsed.script,
            # "Tomorrow" is another day tomorrow.
            [(entity.type, entity.value) for entity in item.parsed.entities],
            item.documents.epoch,
            self.policy,
            item.risk.level,
            list(facts),
            [astuple(message) for message in request.messages[:-1]],
            [one.model for one in self.chat.candidates(request) if not one.passed_over],
            request.tier,
            request.max_tokens,
        )
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def normalised(question: str) -> str:
    """Every word, number and sign in its place; only what no question turns on is evened out."""
    return " ".join(normalise(question).casefold().split()).strip(CLOSING)


def may_be_shared(item: GenerationQuery) -> bool:
    """Whether anyone who writes these words is asking the same thing."""
    text, context = normalise(item.turn.text), item.context
    if item.parsed.unsure or item.parsed.intent not in SHAREABLE or len(text) > MAX_CHARS:
        return False
    if context.bookings or context.missing:
        return False
    if context.history and looks_back(text, item.parsed):
        return False
    name = safe_name(context.profile.name)
    named = name is not None and name.casefold() in text.casefold()
    return not (named or IDENTIFYING.search(text) or OWN.search(text))
