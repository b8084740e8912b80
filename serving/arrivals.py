"""What a message that comes during a turn does to it: one table, by the message's intent. Pure.

- supersede: the turn begins anew and answers everything together;
- queue: the turn is finished first, the message is the next one's;
- ignore: the turn goes on and answers it along with the rest: it adds nothing to be said.

Control words always supersede. Past the cap of a burst everything else is queued.
"""

from collections.abc import Mapping
from typing import Literal

from serving.types import InboundMessage, Intent, Parsed

Policy = Literal["supersede", "queue", "ignore"]
Policies = Mapping[Intent, Policy]

POLICIES: Policies = {
    "trek_info": "supersede",
    "pricing": "supersede",
    "availability": "supersede",
    "booking": "supersede",
    "cancellation_refund": "supersede",
    "support": "supersede",
    "human_handoff": "supersede",
    "smalltalk": "ignore",  # "thanks", "ok": a model's work is not thrown away for it
}


def policy_of(message: InboundMessage, parsed: Parsed, policies: Policies = POLICIES) -> Policy:
    """What this message does to the turn under way. What is not clear begins it anew."""
    if parsed.unsure or parsed.entities or not message.text:
        return "supersede"
    return policies[parsed.intent]
