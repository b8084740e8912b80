"""Customers and their chats, in bounded memory. Who may do what is decided elsewhere."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Literal

from simulator import ids
from simulator.events import EventHub
from simulator.journal import Journal
from simulator.settings import Bounds
from simulator.wire import Json

RANK = {"accepted": 0, "sent": 1, "delivered": 2, "read": 3, "played": 4}
TYPING_S = 25.0


@dataclass(slots=True)
class Customer:
    """A person with WhatsApp. `wa_id` None, or `phone_hidden`: the business never sees a phone."""

    id: str
    name: str
    bsuid: str
    wa_id: str | None = None
    username: str | None = None
    language: str | None = None
    phone_hidden: bool = False
    created_at: float = 0.0
    last_inbound_at: float | None = None  # opens the service window
    blocked: bool = False
    unread: int = 0

    @property
    def visible_wa_id(self) -> str | None:
        """The phone as the business sees it."""
        return None if self.phone_hidden else self.wa_id

    def names(self) -> set[str]:
        """Everything this customer is called in addresses."""
        return {name for name in (self.id, self.bsuid, self.wa_id) if name}


@dataclass(slots=True)
class ChatMessage:
    """One bubble. `at` is Unix seconds; `raw` is what was sent over the wire."""

    seq: int
    id: str
    customer_id: str
    direction: Literal["in", "out"]
    type: str
    text: str
    content: Json
    at: float
    raw: Json
    reply_to: str | None = None
    callback_data: str | None = None
    status: str = "accepted"
    statuses: list[Json] = field(default_factory=list)
    error: Json | None = None
    read_by_business: bool = False
    reactions: dict[str, str] = field(default_factory=dict)  # side to emoji

    def as_json(self) -> Json:
        """As the REST interface shows it. Shallow: `asdict` copies the whole content."""
        return {name: getattr(self, name) for name in self.__slots__}


class World:
    """All customers and messages of one business number."""

    def __init__(
        self, bounds: Bounds, journal: Journal, hub: EventHub, clock: Callable[[], float]
    ) -> None:
        self._bounds, self._journal, self._hub, self._clock = bounds, journal, hub, clock
        self.customers: OrderedDict[str, Customer] = OrderedDict()
        self._by_name: dict[str, str] = {}
        self._messages: OrderedDict[str, ChatMessage] = OrderedDict()
        self._chats: dict[str, OrderedDict[str, ChatMessage]] = {}
        self._typing_until: dict[str, float] = {}
        self.seq = 0

    # Customers -------------------------------------------------------------------------------

    def add_customer(self, customer: Customer) -> Customer:
        """Take in a customer; the names must be free."""
        taken = customer.names() & self._by_name.keys()
        if taken:
            raise ValueError(f"a customer with {min(taken)!r} exists already")
        self._index(customer)
        while len(self.customers) > self._bounds.customers:
            self.drop_customer(next(iter(self.customers)))
        self._changed(customer)
        return customer

    def new_customer(
        self,
        *,
        name: str,
        wa_id: str | None = None,
        bsuid: str | None = None,
        username: str | None = None,
        language: str | None = None,
        phone_hidden: bool = False,
    ) -> Customer:
        """Make up what is missing and take the customer in."""
        bsuid = bsuid or ids.bsuid(_country(wa_id))
        return self.add_customer(
            Customer(
                id=wa_id or bsuid,
                name=name,
                bsuid=bsuid,
                wa_id=wa_id,
                username=username,
                language=language,
                phone_hidden=phone_hidden or wa_id is None,
                created_at=self._clock(),
            )
        )

    def _index(self, customer: Customer) -> None:
        self.customers[customer.id] = customer
        self._by_name |= dict.fromkeys(customer.names(), customer.id)
        self._chats[customer.id] = OrderedDict()

    def drop_customer(self, customer_id: str) -> None:
        """Forget a customer with the whole chat."""
        customer = self.customers.pop(customer_id)
        for name in customer.names():
            self._by_name.pop(name, None)
        for wamid in self._chats.pop(customer_id):
            self._messages.pop(wamid, None)
            self._journal.forget("message", wamid)
        self._journal.forget("customer", customer_id)

    def find(self, name: str) -> Customer | None:
        """By id, wa_id or BSUID."""
        found = self._by_name.get(name) or self._by_name.get(name.lstrip("+"))
        return None if found is None else self.customers[found]

    def _changed(self, customer: Customer) -> None:
        self._journal.save("customer", customer.id, asdict(customer))
        if self._hub.has_listeners:
            self._hub.publish("customer", self.customer_json(customer))

    def customer_json(self, customer: Customer) -> Json:
        """As the REST interface shows a customer."""
        chat = self._chats[customer.id]
        last = next(reversed(chat.values())) if chat else None
        return asdict(customer) | {
            "num_messages": len(chat),
            "last_message": None if last is None else _summary(last),
            "typing": self.is_typing(customer.id),
        }

    def opened(self, customer: Customer) -> None:
        """The customer looks at the chat."""
        if customer.unread:
            customer.unread = 0
            self._changed(customer)

    def set_blocked(self, customer: Customer, *, blocked: bool) -> None:
        """The business blocks or unblocks this user."""
        customer.blocked = blocked
        self._changed(customer)

    # Messages --------------------------------------------------------------------------------

    def add_message(
        self,
        customer: Customer,
        *,
        wamid: str,
        direction: Literal["in", "out"],
        kind: str,
        text: str,
        content: Json,
        raw: Json,
        reply_to: str | None = None,
        callback_data: str | None = None,
        at: float | None = None,
    ) -> ChatMessage:
        """Put a bubble into a chat."""
        self.seq += 1
        message = ChatMessage(
            seq=self.seq,
            id=wamid,
            customer_id=customer.id,
            direction=direction,
            type=kind,
            text=text,
            content=content,
            at=self._clock() if at is None else at,
            raw=raw,
            reply_to=reply_to,
            callback_data=callback_data,
        )
        self._keep(message)
        self._note_traffic(customer, message)
        self.touch(message)
        self._changed(customer)
        return message

    def _keep(self, message: ChatMessage) -> None:
        self._messages[message.id] = message
        self._chats[message.customer_id][message.id] = message
        while len(self._messages) > self._bounds.messages:
            wamid, old = self._messages.popitem(last=False)
            self._chats[old.customer_id].pop(wamid, None)
            self._journal.forget("message", wamid)

    def _note_traffic(self, customer: Customer, message: ChatMessage) -> None:
        if message.direction == "out":
            self._typing_until.pop(customer.id, None)
            customer.unread += 1
        elif message.type not in {"reaction", "system"}:  # whether a reaction opens it is unknown
            customer.last_inbound_at = max(customer.last_inbound_at or 0.0, message.at)

    def touch(self, message: ChatMessage) -> None:
        """Save and show a message that changed."""
        shown = message.as_json()
        self._journal.save("message", message.id, shown, position=message.seq)
        self._hub.publish("message", shown)

    def message(self, wamid: str) -> ChatMessage | None:
        """By its id."""
        return self._messages.get(wamid)

    def chat(self, customer_id: str) -> Iterable[ChatMessage]:
        """A customer's bubbles, oldest first."""
        return self._chats[customer_id].values()

    def newest_first(self) -> Iterable[ChatMessage]:
        """Everybody's messages."""
        return reversed(self._messages.values())

    @property
    def num_messages(self) -> int:
        """How many messages are kept."""
        return len(self._messages)

    # Typing ----------------------------------------------------------------------------------

    def show_typing(self, customer: Customer) -> None:
        """The business types; it vanishes on the reply or after 25 s."""
        self._typing_until[customer.id] = self._clock() + TYPING_S
        self._hub.publish("typing", {"customer_id": customer.id, "for_s": TYPING_S})

    def is_typing(self, customer_id: str) -> bool:
        """Whether the typing indicator shows."""
        return self._typing_until.get(customer_id, 0.0) > self._clock()

    # Keeping ---------------------------------------------------------------------------------

    def load(self) -> None:
        """Bring back what the journal has."""
        for body, _ in self._journal.load("customer"):
            self._index(Customer(**body))
        for body, _ in self._journal.load("message"):
            message = ChatMessage(**body)
            if message.customer_id in self.customers:
                self._keep(message)
                self.seq = max(self.seq, message.seq)

    def clear(self) -> None:
        """Forget everybody. `seq` goes on, so that waiting readers miss nothing."""
        self.customers.clear()
        self._by_name.clear()
        self._messages.clear()
        self._chats.clear()
        self._typing_until.clear()


def _summary(message: ChatMessage) -> Json:
    keys = ("id", "direction", "type", "text", "at", "status")
    return {key: getattr(message, key) for key in keys}


_COUNTRIES = (("91", "IN"), ("34", "ES"), ("33", "FR"), ("44", "GB"), ("49", "DE"), ("1", "US"))


def _country(wa_id: str | None) -> str:
    digits = wa_id or "1"
    return next((country for prefix, country in _COUNTRIES if digits.startswith(prefix)), "US")
