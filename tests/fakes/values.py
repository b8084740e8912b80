"""Ready-made values of the request path, so that a test states only what it is about."""

from models.types import ModelId
from serving.types import (
    Booking,
    Consent,
    ContactId,
    ConversationId,
    CustomerContext,
    Documents,
    Draft,
    Entity,
    EntityType,
    InboundMessage,
    Intent,
    Interaction,
    JsonValue,
    Language,
    Parsed,
    Passage,
    Profile,
    Reply,
    Script,
    SendOrder,
    Sent,
    Sentiment,
    Turn,
    TurnId,
    TurnRecord,
    Wamid,
)
from tests.fakes.models import EPOCH
from tests.fakes.stores import NOON

PRICE = (
    "The Hampta Pass trek costs ₹11,500 (USD 135) per person in June and July. In August, "
    "September and October the Hampta Pass trek costs ₹10,500 (USD 125) per person. A deposit of "
    "₹3,000 per person confirms the seat; the balance is due 15 days before departure."
)
INCLUDES = (
    "The Hampta Pass price includes: transport Manali to Manali, tents, all meals on trek days, "
    "guide and cook, permits, first aid and oxygen."
)
GLANCE = (
    "- Duration: 5 days\n- Highest point: 4,270 m\n- Difficulty: easy to moderate\n"
    "- Best time: mid June to mid October\n- Minimum age: 10 years"
)
PRICE_ES = (
    "El trek Hampta Pass cuesta ₹11,500 (USD 135) por persona en junio y julio. En agosto, "
    "septiembre y octubre, el trek Hampta Pass cuesta ₹10,500 (USD 125) por persona."
)
ALIASES = {"Hampta Pass": ("Hampta", "हम्पटा पास"), "Kedarkantha": ("Kedar",)}


def turn(
    text: str = "hello", *texts: str, turn_id: str = "t1", recent: tuple[str, ...] = ()
) -> Turn:
    messages = tuple(
        InboundMessage(place, Wamid(f"wamid.{turn_id}.{place}"), "text", said, NOON)
        for place, said in enumerate((text, *texts), start=1)
    )
    return Turn(
        TurnId(turn_id),
        ConversationId("c1"),
        ContactId("k1"),
        "106500000000002",
        1,
        messages,
        NOON,
        recent_replies=recent,
    )


def parsed(
    intent: Intent = "trek_info",
    language: Language = "en",
    script: Script = "latn",
    sentiment: Sentiment = "neutral",
    *entities: tuple[EntityType, JsonValue],
    unsure: bool = False,
) -> Parsed:
    found = tuple(Entity(kind, str(value), 0, 1, value) for kind, value in entities)
    return Parsed(language, script, intent, {intent: 1.0}, sentiment, found, unsure)


def passage(
    text: str,
    *,
    doc: str = "prices/hampta.md",
    title: str = "Hampta Pass trek",
    language: str = "en",
    trek: str | None = "Hampta Pass",
) -> Passage:
    return Passage(
        f"{doc}#{hash(text)}", doc, "3", (0, len(text)), text, title, "trek", language, 1.0, trek
    )


def documents(*passages: Passage) -> Documents:
    return Documents(EPOCH, passages)


def booking(status: str = "confirmed", departs_on: str = "2027-01-23") -> Booking:
    return Booking("SBT-26-0544", "Chadar", departs_on, status, 1, 24500, 6000)


def context(
    name: str | None = None, *, first_contact: bool = False, bookings: tuple[Booking, ...] = ()
) -> CustomerContext:
    return CustomerContext(Profile(name=name, first_contact=first_contact), bookings)


def draft(text: str, model: str = "smollm2-135m-instruct") -> Draft:
    return Draft(text, "fast", ModelId(model))


def record(
    of: Turn | None = None, read: Parsed | None = None, known: CustomerContext | None = None
) -> TurnRecord:
    return TurnRecord(of or turn(), read or parsed(), Consent(opted_out=False), known)


def order(text: str = "Hello", of: Turn | None = None) -> SendOrder:
    return SendOrder(record(of), Reply(text))


def interaction(
    read: Parsed | None = None, known: CustomerContext | None = None, of: Turn | None = None
) -> Interaction:
    return Interaction(record(of, read, known), Reply("Hi"), Sent("sent", Wamid("wamid.OUT")))
