"""Step 2: whether we may answer at all, and what opting out or in is confirmed with.

Knows the words of the turn and the stored consent. Not knowing the consent is a failure that ends
the turn: nothing may be sent.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from serving.errors import Failure
from serving.ports import ConsentStore
from serving.step import Step
from serving.types import Consent, ConsentQuery, InboundMessage, OptOutScope, Parsed, StepName
from serving.understanding import optout
from serving.understanding.optout import NOTHING, OptOut

Confirmation = Literal[
    "opt_out_confirmation", "opt_out_marketing_confirmation", "resubscribe_confirmation"
]
Texts = Mapping[str, Mapping[str, str]]  # template to wording by en, hi, hi_latn, es, fr


class CheckUnsubscribed(Step[ConsentQuery, Consent]):
    name: ClassVar[StepName] = "check_unsubscribed"

    def __init__(self, store: ConsentStore, texts: Texts) -> None:
        self._store = store
        self._texts = texts

    async def warm_up(self) -> None:
        optout.warm_up()
        for name in Confirmation.__args__:  # type: ignore[attr-defined]  # a Literal's values
            if not self._texts.get(name, {}).get("en"):
                raise ValueError(f"the business texts lack {name!r} in 'en'")

    async def one(self, item: ConsentQuery) -> Consent:
        (result,) = await self.many([item])
        if isinstance(result, Failure):
            raise result.error()
        return result

    async def many(self, items: Sequence[ConsentQuery]) -> list[Consent | Failure]:
        try:
            stored = await self._store.opted_out([item.turn.contact_id for item in items])
        except Exception as error:  # noqa: BLE001  # of any kind, it is every item's failure
            return [Failure.of(error)] * len(items)
        return [await self._decide(item, scope) for item, scope in zip(items, stored, strict=True)]

    async def _decide(self, item: ConsentQuery, stored: OptOutScope | None) -> Consent | Failure:
        message, asked = _asked(item.turn.messages, item.parsed)
        if asked is NOTHING or message is None:
            silenced = stored == "all"
            return Consent(silenced, scope=stored or "all", rule="stored" if stored else "")
        consent = self._consent(asked, item.parsed)
        try:
            await self._store.record(item.turn.contact_id, consent, message.wamid)
        except Exception as error:  # noqa: BLE001  # unrecorded, it must not be confirmed
            return Failure.of(error)
        return consent

    def _consent(self, asked: OptOut, parsed: Parsed) -> Consent:
        if asked.resubscribe:
            text = self._text("resubscribe_confirmation", parsed)
            return Consent(
                opted_out=False, action="resubscribe", rule=asked.rule, confirmation=text
            )
        everything = asked.scope == "all"
        name: Confirmation = (
            "opt_out_confirmation" if everything else "opt_out_marketing_confirmation"
        )
        text = self._text(name, parsed)
        return Consent(everything, "opt_out", asked.scope, asked.rule, text)

    def _text(self, name: Confirmation, parsed: Parsed) -> str:
        romanised = parsed.language == "hi" and parsed.script == "latn"
        wording = self._texts[name]
        return wording.get("hi_latn" if romanised else parsed.language) or wording["en"]


def _asked(
    messages: Sequence[InboundMessage], parsed: Parsed
) -> tuple[InboundMessage | None, OptOut]:
    """The last message of the turn that asks for silence or for its end, and what it asks."""
    for message in reversed(messages):
        for words in (message.text, (message.payload_id or "").replace("_", " ")):
            found = optout.detect(words) if words else NOTHING
            if found is not NOTHING:
                return message, optout.settle(found, parsed.request, parsed.request_share)
    # No rule knows the wording: what the whole turn was read as.
    last = messages[-1] if messages else None
    return last, optout.settle(NOTHING, parsed.request, parsed.request_share)
