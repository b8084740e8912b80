"""What the gate decides before a send, from what was read under its locks. Writes nothing.

Order matters: the reasons that end a turn for good come before those that only make it wait.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from serving.billing import BudgetState
from serving.business import variant_of
from serving.crypto import Vault
from serving.ports import Gate, Recipient
from serving.templates import TemplateBook
from serving.types import Reply, SendOrder, SendOutcome, TemplateRef, Wamid


@dataclass(frozen=True, slots=True)
class Contact:
    opt_out_scope: str | None
    opt_out_wamid_key: bytes | None
    wa_id: bytes | None
    bsuid: bytes | None


@dataclass(frozen=True, slots=True)
class Conversation:
    owner: str
    fence: int
    leased: bool
    window_open: bool
    asked_by: bytes | None  # the message for which a person took over
    free_at: datetime | None  # nothing may go before: a held sender, or Meta's pair limit
    now: datetime


@dataclass(frozen=True, slots=True)
class Admitted:
    """An outbox row this turn already has."""

    admission: uuid.UUID
    callback_data: str
    state: str
    wamid: bytes | None
    attempts: int


Part = tuple[str, int]  # (turn id, part)


@dataclass(frozen=True, slots=True)
class View:
    """Everything the gate looks at, under its locks."""

    contacts: dict[str, Contact]
    conversations: dict[str, Conversation]
    admitted: dict[Part, Admitted]
    overtaken: frozenset[str]
    stopped_templates: frozenset[TemplateRef]
    budget: BudgetState = "normal"  # of the month, for messages


@dataclass(frozen=True, slots=True)
class Prepared:
    """An order with its encrypted columns, made before any lock is taken."""

    order: SendOrder
    body: bytes
    record: bytes
    wamid_keys: frozenset[bytes]

    @property
    def turn_id(self) -> str:
        return self.order.record.turn.turn_id

    @property
    def key(self) -> Part:
        return self.turn_id, self.order.part


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says, and what has to be written for it."""

    item: Prepared
    gate: Gate
    due_at: datetime | None = None  # committed for later


@dataclass(frozen=True, slots=True)
class Judge:
    """Decides from what was looked at; writes nothing."""

    vault: Vault
    templates: TemplateBook
    view: View
    admission: uuid.UUID

    def decide(self, item: Prepared) -> Verdict:
        turn = item.order.record.turn
        contact = self.view.contacts.get(turn.contact_id)
        if contact is None:
            return Verdict(item, Gate("suppressed", reason="the contact is gone"))
        recipient = Recipient(
            self.vault.unseal_optional(contact.wa_id), self.vault.unseal_optional(contact.bsuid)
        )
        before = self.view.admitted.get(item.key)
        resumes = item.order.resumed and before is not None and before.state == "deferred"
        if before is not None and not resumes:
            return Verdict(item, _repeated(self.vault, before, recipient, self.admission))
        conversation = self.view.conversations.get(turn.conversation_id)
        if conversation is None:
            return Verdict(item, Gate("fenced", reason="the conversation is gone"))
        attempt = before.attempts + 1 if before is not None else 1
        return self._now(item, contact, conversation, recipient, attempt)

    def _now(
        self,
        item: Prepared,
        contact: Contact,
        conversation: Conversation,
        recipient: Recipient,
        attempt: int,
    ) -> Verdict:
        """Of a message that has not been tried, or was deferred."""
        if refusal := self._heard_of(item) or self._refusal(item, contact, conversation):
            return Verdict(item, Gate(refusal[0], reason=refusal[1]))
        reply = None
        if not conversation.window_open:
            reply = self._template(item)
            if reply is None:
                return Verdict(item, Gate("held", reason="outside the 24-hour window"))
        if conversation.free_at is not None:
            waits = Gate("deferred", recipient, reason="held, or too many to one customer")
            return Verdict(item, waits, conversation.free_at)
        callback_data = callback_data_of(item, attempt)
        return Verdict(item, Gate("go", recipient, callback_data, reply=reply, attempt=attempt))

    def _heard_of(self, item: Prepared) -> tuple[SendOutcome, str] | None:
        """A part is there because the one before it failed; a late status may say otherwise."""
        before = self.view.admitted.get((item.turn_id, item.order.part - 1))
        if before is not None and before.state == "sent":
            return "suppressed", "the part before it arrived after all"
        return None

    def _refusal(
        self, item: Prepared, contact: Contact, conversation: Conversation
    ) -> tuple[SendOutcome, str] | None:
        """Why it must not be sent, in the order in which the reasons end the turn."""
        turn, purpose = item.order.record.turn, item.order.reply.purpose
        resumes = item.order.resumed
        # What is resumed was committed under a lease that has ended since.
        if not resumes and (conversation.fence != turn.fence or not conversation.leased):
            return "fenced", "the lease was lost"
        # Whoever asked for a person is told once that one comes; else a person is not talked over.
        if conversation.owner != "bot" and not (
            purpose == "handoff" and conversation.asked_by in item.wamid_keys
        ):
            return "suppressed", f"owned by {conversation.owner}"
        if contact.opt_out_scope == "all" and not (
            purpose == "opt_out" and contact.opt_out_wamid_key in item.wamid_keys
        ):
            return "suppressed", "opted out"
        # A confirmation is not held up by what the customer writes next.
        if purpose == "answer" and not resumes and turn.turn_id in self.view.overtaken:
            return "superseded", "newer messages"
        if resumes and turn.is_stale(conversation.now):
            return "held", "older than an hour"
        return self._unaffordable(item) if purpose == "answer" else None

    def _unaffordable(self, item: Prepared) -> tuple[SendOutcome, str] | None:
        """Thanks need no answer when money is short; when there is none, people answer."""
        if self.view.budget == "spent":
            return "held", "the month's budget is spent"
        if self.view.budget == "saving" and item.order.record.parsed.intent == "smalltalk":
            return "suppressed", "small talk, and most of the month's budget is spent"
        return None

    def _template(self, item: Prepared) -> Reply | None:
        """What may be said outside the window instead of the answer."""
        record = item.order.record
        if item.order.reply.template is not None or item.order.reply.purpose != "answer":
            return None
        if self.view.budget != "normal":
            return None  # a template costs and answers nothing yet
        variant = variant_of(record.parsed.language, record.parsed.script)
        return self.templates.choose("resume", variant, self.view.stopped_templates)


def callback_data_of(item: Prepared, attempt: int) -> str:
    """Meta repeats it in every status: one for each try, so that they are never mixed up."""
    tried = f".{attempt}" if item.order.resumed else ""
    return f"{item.turn_id}:{item.order.part}{tried}"


def _repeated(vault: Vault, before: Admitted, recipient: Recipient, admission: uuid.UUID) -> Gate:
    """The turn's intent is already committed: by this very call, or by an earlier one."""
    if before.admission == admission and before.state == "sending":
        return Gate("go", recipient, before.callback_data)
    outcomes: dict[str, SendOutcome] = {
        "sent": "sent",
        "failed": "failed",
        "deferred": "deferred",
        "cancelled": "suppressed",
    }
    wamid = vault.unseal_optional(before.wamid)
    return Gate(
        outcomes.get(before.state, "parked"),
        recipient,
        before.callback_data,
        Wamid(wamid) if wamid is not None else None,
        "committed by an earlier attempt",
    )
