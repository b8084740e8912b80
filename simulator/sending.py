"""The send call: who gets it, which limit or misfortune strikes, and what is answered."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from simulator import graph, ids
from simulator.errors import GraphError, code_of_magic_number
from simulator.faults import FaultBoard, SendFault
from simulator.limits import PairLimiter, ThroughputBucket
from simulator.media import MediaStore
from simulator.phone import as_object, set_reaction
from simulator.render import text_of
from simulator.settings import Settings
from simulator.state import ChatMessage, Customer, World
from simulator.statuses import StatusReporter
from simulator.templates import TemplateBook
from simulator.wire import Json

Disconnected = Callable[[], Awaitable[bool]]
_MAX_AGE_S = 30 * 86_400.0  # of a message that is marked read or reacted to
_OVERTAKE_S = 0.25  # head start of a status over the answer of the send call
_POLL_S = 0.25
_MEDIA = {"image", "video", "audio", "document", "sticker"}


class PlainError(Exception):
    """An HTTP error without JSON, as from an overloaded edge."""

    def __init__(self, http: int) -> None:
        self.http = http
        super().__init__(f"HTTP {http}")


@dataclass(slots=True)
class Parts:
    """What sending needs; put together in app.py."""

    settings: Settings
    world: World
    faults: FaultBoard
    media: MediaStore
    pairs: PairLimiter
    throughput: ThroughputBucket
    statuses: StatusReporter
    templates: TemplateBook
    clock: Callable[[], float]


class Sending:
    """Handles one body of `POST /{version}/{number}/messages` at a time."""

    def __init__(self, parts: Parts) -> None:
        self._p = parts

    async def handle(self, body: object, disconnected: Disconnected) -> Json:
        """The JSON to answer with 200; GraphError or PlainError otherwise."""
        request = graph.parse(body)
        if isinstance(request, graph.Receipt):
            return self._receipt(request)
        customer = self._recipient(request)
        fault = self._p.faults.take_send(customer.names())
        failure = await self._before(fault, disconnected)
        magic = self._magic(customer)
        limit = self._check(request, customer)
        codes = [code for code in (failure, magic, limit) if code is not None]  # 0 is one too
        message, overtaken = self._accept(request, customer, codes[0] if codes else None)
        if overtaken:
            await asyncio.sleep(_OVERTAKE_S)
        if fault is not None and fault.kind in {"timeout_after_accept", "slow"}:
            await _hold(fault.hold_s, disconnected)
        return _answer(request, customer, message)

    # Receipts --------------------------------------------------------------------------------

    def _receipt(self, request: graph.Receipt) -> Json:
        message = self._p.world.message(request.message_id)
        old = message is not None and self._p.clock() - message.at > _MAX_AGE_S
        if message is None or message.direction != "in" or old:
            raise GraphError(131009, "message_id is not a recent message of a user.")
        for earlier in self._p.world.chat(message.customer_id):
            unread = earlier.direction == "in" and not earlier.read_by_business
            if unread and earlier.seq <= message.seq:
                earlier.read_by_business = True
                self._p.world.touch(earlier)
        if request.typing:
            self._p.world.show_typing(self._p.world.customers[message.customer_id])
        return {"success": True}

    # Recipients ------------------------------------------------------------------------------

    def _recipient(self, request: graph.Send) -> Customer:
        if request.recipient is not None:
            return self._by_bsuid(request.recipient)
        assert request.to is not None
        own = ids.digits(self._p.settings.display_phone_number)
        if request.to == own:
            raise GraphError(131021)
        customer = self._p.world.find(request.to)
        if customer is None and not request.had_plus:
            customer = self._p.world.find(self._with_country_code(request.to))
        return customer or self._stranger(request)

    def _with_country_code(self, to: str) -> str:
        """Without `+`, Meta takes the number for a national one of the business's country."""
        own = ids.digits(self._p.settings.display_phone_number)
        return own[: max(1, len(own) - 10)] + to

    def _by_bsuid(self, bsuid: str) -> Customer:
        customer = self._p.world.find(bsuid)
        if customer is None:
            raise GraphError(131026, "This user id is unknown to the business.")
        return customer

    def _stranger(self, request: graph.Send) -> Customer:
        assert request.to is not None
        return self._p.world.new_customer(name=f"+{request.to}", wa_id=request.to)

    # Misfortune ------------------------------------------------------------------------------

    async def _before(self, fault: SendFault | None, disconnected: Disconnected) -> int | None:
        """Strike before the message is accepted; a code that shall fail it later."""
        if fault is None:
            return None
        if fault.kind == "http":
            raise PlainError(fault.http_status)
        if fault.kind == "timeout_before_accept":
            await _hold(fault.hold_s, disconnected)
            raise PlainError(503)
        if fault.kind != "error":
            return None
        if fault.mode != "async":
            raise GraphError(fault.code)
        return fault.code

    def _magic(self, customer: Customer) -> int | None:
        if customer.wa_id is None or not self._p.faults.now.limits.magic_recipients:
            return None
        magic = code_of_magic_number(customer.wa_id)
        if magic is None:
            return None
        code, later = magic
        if not later:
            raise GraphError(code)
        return code

    def _check(self, request: graph.Send, customer: Customer) -> int | None:
        """Meta's own limits; a code that fails the message after it was accepted."""
        limits, now = self._p.faults.now.limits, self._p.clock()
        if customer.blocked:
            raise GraphError(130403)
        self._check_content(request, customer)
        if limits.throughput and not self._p.throughput.admit(now):
            raise GraphError(130429)
        if not self._p.pairs.admit(customer.id, now, limits.pair):
            raise GraphError(131056)
        if customer.last_inbound_at is None and limits.unknown_recipient == "undeliverable":
            return 131026
        if request.type == "template" or limits.window == "off" or self._is_open(customer):
            return None
        if limits.window == "sync":
            raise GraphError(131047)
        return 131047

    def _is_open(self, customer: Customer) -> bool:
        last = customer.last_inbound_at
        return last is not None and self._p.clock() - last < self._p.faults.now.limits.window_s

    def _check_content(self, request: graph.Send, customer: Customer) -> None:
        media_id = request.content.get("id") if request.type in _MEDIA else None
        if media_id is not None and self._p.media.find(str(media_id)) is None:
            raise GraphError(131009, f"{request.type}.id is not a known media id.")
        if request.type == "template":
            template = self._p.templates.check(request.content)
            if template.category.startswith("authentication") and request.recipient:
                raise GraphError(131062)
        if request.type == "reaction":
            self._check_reaction(str(request.content["message_id"]), customer)

    def _check_reaction(self, wamid: str, customer: Customer) -> None:
        target = self._p.world.message(wamid)
        if target is None or target.customer_id != customer.id or target.type == "reaction":
            raise GraphError(131009, "reaction.message_id is not a message of this chat.")
        if self._p.clock() - target.at > _MAX_AGE_S:
            raise GraphError(131009, "reaction.message_id is older than 30 days.")

    # Accepting -------------------------------------------------------------------------------

    def _accept(
        self, request: graph.Send, customer: Customer, failure: int | None
    ) -> tuple[ChatMessage, bool]:
        content, text, category = self._content(request)
        message = self._p.world.add_message(
            customer,
            wamid=ids.wamid(customer.visible_wa_id, outbound=True),
            direction="out",
            kind=request.type,
            text=text,
            content=content,
            raw=request.raw,
            reply_to=request.reply_to,
            callback_data=request.callback_data,
        )
        if request.type == "reaction":
            self._react(request)
        return message, self._p.statuses.follow(message, category, failure)

    def _content(self, request: graph.Send) -> tuple[Json, str, str]:
        """What is kept of the content, its words, and its price category."""
        if request.type != "template":
            content = as_object(request.content)
            return content, text_of(request.type, content), "service"
        template = self._p.templates.check(request.content)
        content = request.content | {"quick_replies": _quick_replies(request, template.buttons)}
        return content, self._p.templates.fill(template, request.content), template.category

    def _react(self, request: graph.Send) -> None:
        target = self._p.world.message(str(request.content["message_id"]))
        if target is not None:
            set_reaction(target, "business", request.content.get("emoji"))
            self._p.world.touch(target)


async def _hold(hold_s: float, disconnected: Disconnected) -> None:
    """Keep the caller waiting, unless it hangs up."""
    loop = asyncio.get_running_loop()
    until = loop.time() + hold_s
    while (left_s := until - loop.time()) > 0:
        if await disconnected():
            return
        await asyncio.sleep(min(left_s, _POLL_S))


def _answer(request: graph.Send, customer: Customer, message: ChatMessage) -> Json:
    contact: Json = {"input": request.raw.get("to") or request.recipient}
    if request.to is not None:
        contact["wa_id"] = customer.wa_id or request.to
    if request.raw.get("recipient") is not None:
        contact["user_id"] = customer.bsuid
    sent = {"id": message.id}
    if request.type == "template":
        sent["message_status"] = "accepted"
    return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [sent]}


def _quick_replies(request: graph.Send, labels: list[str]) -> list[Json]:
    """Buttons of the template; the send gives their payloads."""
    payloads: dict[int, str] = {}
    for component in request.content.get("components") or ():
        if component.get("sub_type") == "quick_reply":
            for parameter in component.get("parameters") or ():
                payloads[int(component["index"])] = str(parameter.get("payload", ""))
    count = max(len(labels), *(place + 1 for place in payloads), 0) if payloads else len(labels)
    names = [labels[n] if n < len(labels) else payloads.get(n, "") for n in range(count)]
    return [{"payload": payloads.get(n) or name, "text": name} for n, name in enumerate(names)]
