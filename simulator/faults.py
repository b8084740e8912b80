"""What goes wrong, and how often. Edited over REST; the rest of the simulator asks the board.

Pydantic, because this is an edge: a misspelt knob is an error, not a silent no-op.
"""

import random
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]


class _Knobs(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StatusKnobs(_Knobs):
    """When `sent`, `delivered` and `read` arrive, and what is odd about them."""

    enabled: bool = True
    sent_delay_s: Seconds = 0.15
    delivered_delay_s: Seconds = 0.5
    read_delay_s: Seconds = 1.2
    jitter: Probability = 0.4  # share of each delay that is random
    read: Literal["auto", "on_open", "never"] = "auto"  # on_open: when the chat is looked at
    duplicate_p: Probability = 0.0
    out_of_order_p: Probability = 0.0
    read_without_delivered_p: Probability = 0.0
    never_delivered_p: Probability = 0.0
    late_p: Probability = 0.0
    late_s: Seconds = 30.0
    before_response_p: Probability = 0.0  # `sent` overtakes the answer of the send call


class WebhookKnobs(_Knobs):
    """What happens to deliveries on their way."""

    batch_window_s: Seconds = 0.0  # 0: one update per POST
    batch_max: Annotated[int, Field(ge=1, le=1000)] = 1000
    duplicate_p: Probability = 0.0
    wrong_signature_p: Probability = 0.0  # of each attempt; the retry is signed properly
    reorder_p: Probability = 0.0
    reorder_s: Seconds = 2.0  # a held delivery waits up to this long
    age_s: float = 0.0  # inbound timestamps lie this far in the past (negative: in the future)
    pad_to_bytes: Annotated[int, Field(ge=0, le=3_145_728)] = 0  # at most Meta's 3 MB


class LimitKnobs(_Knobs):
    """Meta's own limits."""

    window: Literal["async", "sync", "off"] = "async"  # how 131047 is reported
    window_s: Seconds = 86_400.0
    pair: Literal["strict", "bucket", "off"] = "bucket"  # see limits.py
    throughput: bool = True
    unknown_recipient: Literal["exists", "undeliverable"] = "exists"
    magic_recipients: bool = True
    # Service messages that cost nothing, per month and number, since October 2026.
    free_service_messages: Annotated[int, Field(ge=0)] = 1_000


class SendFault(_Knobs):
    """One misfortune of the send call. `to` None: whoever it goes to; `times` None: until cleared.

    `error` answers `code` at once (sync), in a `failed` status (async), or both. `http` answers
    `http_status` without JSON. `timeout_after_accept` and `timeout_before_accept` keep the caller
    waiting `hold_s`; the first has processed the message, the second then answers 503. `slow`
    answers correctly after `hold_s`.
    """

    kind: Literal["error", "http", "timeout_after_accept", "timeout_before_accept", "slow"]
    to: str | None = None
    times: Annotated[int, Field(ge=1)] | None = 1
    probability: Probability = 1.0
    code: int = 131000
    mode: Literal["sync", "async", "both"] = "sync"
    http_status: Annotated[int, Field(ge=400, le=599)] = 503
    hold_s: Seconds = 60.0


class Faults(_Knobs):
    """Everything adjustable, in one JSON object."""

    statuses: StatusKnobs = Field(default_factory=StatusKnobs)
    webhooks: WebhookKnobs = Field(default_factory=WebhookKnobs)
    limits: LimitKnobs = Field(default_factory=LimitKnobs)
    sends: list[SendFault] = Field(default_factory=list, max_length=1000)


PRESETS: dict[str, Faults] = {
    "calm": Faults(),
    # Rates that people report from production.
    "realistic": Faults(
        statuses=StatusKnobs(
            duplicate_p=0.05,
            out_of_order_p=0.05,
            read_without_delivered_p=0.05,
            never_delivered_p=0.01,
            late_p=0.02,
            before_response_p=0.02,
        ),
        webhooks=WebhookKnobs(duplicate_p=0.05, reorder_p=0.05),
        limits=LimitKnobs(pair="strict"),
    ),
    "hostile": Faults(
        statuses=StatusKnobs(
            duplicate_p=0.3,
            out_of_order_p=0.3,
            read_without_delivered_p=0.2,
            never_delivered_p=0.05,
            late_p=0.1,
            before_response_p=0.2,
        ),
        webhooks=WebhookKnobs(
            batch_window_s=0.2, duplicate_p=0.3, reorder_p=0.3, wrong_signature_p=0.1
        ),
        limits=LimitKnobs(pair="strict"),
        sends=[
            SendFault(kind="timeout_after_accept", times=None, probability=0.05, hold_s=20),
            SendFault(kind="http", times=None, probability=0.1),
            SendFault(kind="error", times=None, probability=0.05, code=131000),
            SendFault(kind="error", times=None, probability=0.05, code=131026, mode="async"),
        ],
    ),
}


class FaultBoard:
    """The knobs in force, and the dice."""

    def __init__(self, faults: Faults, seed: int | None = None) -> None:
        self.dice = random.Random(seed)
        self.now = faults.model_copy(deep=True)

    def replace(self, faults: Faults) -> None:
        """Put other knobs in force."""
        self.now = faults.model_copy(deep=True)

    def hits(self, probability: float) -> bool:
        """Roll the dice."""
        return probability > 0 and self.dice.random() < probability

    def take_send(self, names: set[str]) -> SendFault | None:
        """The first misfortune meant for a recipient of these names; counted ones are used up."""
        for fault in self.now.sends:
            if (fault.to is None or fault.to.lstrip("+") in names) and self.hits(fault.probability):
                self._use_up(fault)
                return fault.model_copy()
        return None

    def _use_up(self, fault: SendFault) -> None:
        if fault.times is None:
            return
        if fault.times > 1:
            fault.times -= 1
        else:
            self.now.sends = [other for other in self.now.sends if other is not fault]
