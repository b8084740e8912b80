"""Shows the customer that an answer is being written, when writing takes more than a moment.

By step 6 a reply is certain: the customer is subscribed and the bot has the conversation; what
fails from here on is replaced by something else to say. Meta shows the bubble for 25 s or until
the reply, and marks the message read. It neither delays nor fails a turn.
"""

import asyncio

from serving.ports import Graph
from serving.step import Step
from serving.types import Draft, GenerationQuery, Turn

AFTER_S = 1.0  # an answer that comes at once needs no bubble, and one call less


class VisibleGeneration(Step[GenerationQuery, Draft]):
    """Step 6, seen from outside while it writes."""

    name = "generate_response"

    def __init__(
        self, inner: Step[GenerationQuery, Draft], graph: Graph, after_s: float = AFTER_S
    ) -> None:
        self._inner = inner
        self._graph = graph
        self._after_s = after_s

    async def warm_up(self) -> None:
        await self._inner.warm_up()

    async def check_health(self) -> None:
        await self._inner.check_health()

    async def one(self, item: GenerationQuery) -> Draft:
        showing = asyncio.create_task(self._show(item.turn))
        try:
            return await self._inner.one(item)
        finally:
            showing.cancel()  # else it could appear after the answer

    async def _show(self, turn: Turn) -> None:
        await asyncio.sleep(self._after_s)
        await self._graph.show_typing(turn.phone_number_id, turn.messages[-1].wamid)
