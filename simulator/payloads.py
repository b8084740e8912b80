"""Bodies of webhooks: contacts, messages, statuses, and the envelope around them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from simulator.state import ChatMessage, Customer
from simulator.wire import Json


@dataclass(frozen=True, slots=True)
class Update:
    """One message or status on its way to the bot. `who` groups what may share a `value`."""

    kind: Literal["messages", "statuses"]
    who: str
    contacts: tuple[Json, ...]
    item: Json


@dataclass(frozen=True, slots=True)
class Number:
    """The business number that the webhooks speak of."""

    waba_id: str
    phone_number_id: str
    display_phone_number: str

    def envelope(self, updates: Sequence[Update], *, padding: int = 0) -> Json:
        """One POST: neighbours of one kind and person share a change, as Meta batches them."""
        groups = groupby(updates, key=lambda update: (update.kind, update.who, update.contacts))
        changes = [self._change(list(group)) for _, group in groups]
        entry: Json = {"id": self.waba_id, "changes": changes}
        if padding:
            entry["padding"] = "x" * padding  # an unknown key, which receivers must ignore
        return {"object": "whatsapp_business_account", "entry": [entry]}

    def _change(self, updates: list[Update]) -> Json:
        value: Json = {
            "messaging_product": "whatsapp",
            "metadata": {
                "display_phone_number": self.display_phone_number,
                "phone_number_id": self.phone_number_id,
            },
        }
        first = updates[0]
        if first.contacts:
            value["contacts"] = list(first.contacts)
        value[first.kind] = [update.item for update in updates]
        return {"value": value, "field": "messages"}


def contact(customer: Customer) -> Json:
    """An element of `contacts[]`; `wa_id` is left out where the phone is hidden."""
    profile = {"name": customer.name}
    if customer.username:
        profile["username"] = customer.username
    result: Json = {"profile": profile}
    if customer.visible_wa_id:
        result["wa_id"] = customer.visible_wa_id
    return result | {"user_id": customer.bsuid}


def inbound(
    customer: Customer, *, wamid: str, timestamp: int, kind: str, body: Json, context: Json
) -> Json:
    """An element of `messages[]`. `body` has the key of the kind, and further keys if any."""
    message: Json = {}
    if context:
        message["context"] = context
    if customer.visible_wa_id:
        message["from"] = customer.visible_wa_id
    head = {"from_user_id": customer.bsuid, "id": wamid, "timestamp": str(timestamp)}
    return message | head | {"type": kind} | body


def message_update(customer: Customer, message: Json) -> Update:
    """The update that carries an inbound message."""
    return Update("messages", customer.id, (contact(customer),), message)


def status_update(
    customer: Customer,
    message: ChatMessage,
    status: str,
    timestamp: int,
    *,
    pricing: Json | None = None,
    errors: list[Json] | None = None,
    wild_contacts: bool = False,
) -> Update:
    """The update that carries a status.

    `failed` has no contacts by the documentation, and only the `wa_id` in the wild.
    """
    item: Json = {"id": message.id, "status": status, "timestamp": str(timestamp)}
    if customer.visible_wa_id:
        item["recipient_id"] = customer.visible_wa_id
    if status != "failed" or not customer.visible_wa_id:
        item["recipient_user_id"] = customer.bsuid
    if message.callback_data is not None:
        item["biz_opaque_callback_data"] = message.callback_data
    if pricing:
        item["pricing"] = pricing
    if errors:
        item["errors"] = errors
    contacts: tuple[Json, ...] = (contact(customer),)
    if status == "failed":
        wild = wild_contacts and customer.visible_wa_id is not None
        contacts = ({"wa_id": customer.visible_wa_id},) if wild else ()
    return Update("statuses", customer.id, contacts, item)
