"""What must never be, counted after an experiment: in the tables, and on the customers' phones."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from bench.storm.house import House

TWICE = """
    SELECT count(*) FROM (
        SELECT i.id FROM turns t JOIN outbox o ON o.turn_id = t.turn_id AND o.part = 0
        CROSS JOIN LATERAL unnest(t.inbox_ids) AS i (id)
        GROUP BY i.id HAVING count(*) > 1
    ) AS repeated
"""
# Answered before an older message that could have been seen. `received_at` is taken under the
# lock of the conversation, so what was stored before a claim began was visible to it.
INVERSIONS = """
    WITH done AS (
        SELECT i.conversation_id, i.inbox_id, i.sent_at, i.received_at, t.fence, t.started_at
        FROM inbox i JOIN turns t ON t.turn_id = i.turn_id WHERE i.state = 'answered'
    )
    SELECT count(*) FROM done a JOIN done b USING (conversation_id)
    WHERE (a.sent_at, a.inbox_id) < (b.sent_at, b.inbox_id) AND a.fence > b.fence
        AND a.received_at < b.started_at
"""
FENCES = "SELECT turn_id::text, fence FROM turns"
ANSWERED = """
    SELECT i.wamid_key, i.turn_id::text FROM inbox i WHERE i.state = 'answered'
"""
UNCLEAR = """
    SELECT count(*) FILTER (WHERE state IN ('sending', 'parked')), count(*) FROM outbox
"""


@dataclass(frozen=True, slots=True)
class Tally:
    written: int  # messages of customers
    lost: int  # of these, without a reply on the phone
    twice: int  # of these, answered by two turns
    replies: int  # messages on the phones
    duplicates: int  # of these, a second time and not marked as such
    marked: int  # repeated with a mark: it was not known whether the first one arrived
    inversions: int  # pairs answered in the wrong order
    unclear: int  # sends of which nothing is known at the end
    accidents: int  # processes that ended by themselves

    @property
    def clean(self) -> bool:
        return not (self.lost or self.twice or self.duplicates or self.inversions or self.accidents)


async def tally(house: House) -> Tally:
    written, replies = house.messages("in"), house.messages("out")
    vault = house.database.vault
    turn_of = {bytes(key): turn for key, turn in await house.rows(ANSWERED)}
    turns = [turn_of.get(vault.index("wamid", message.id)) for message in written]
    arrived = Counter(_part(message.callback_data) for message in replies)
    answered = {turn for turn, _ in arrived}
    [(unclear, _)] = await house.rows(UNCLEAR)
    return Tally(
        written=len(written),
        lost=sum(turn is None or turn not in answered for turn in turns),
        twice=await house.count(TWICE),
        replies=len(replies),
        duplicates=sum(count - 1 for count in arrived.values()),
        marked=sum(part > 0 for _, part in arrived),
        inversions=await house.count(INVERSIONS) + await _out_of_order(house),
        unclear=unclear,
        accidents=house.accidents,
    )


async def _out_of_order(house: House) -> int:
    """Replies that overtook an earlier turn's reply on its way to the same customer."""
    fences = dict(await house.rows(FENCES))
    wrong = 0
    for key in house.meta.world.customers:
        parts = [_part(m.callback_data) for m in house.meta.world.chat(key) if m.direction == "out"]
        in_order = [fences[turn] for turn, part in parts if part == 0]
        wrong += sum(later < earlier for earlier, later in pairwise(in_order))
    return wrong


def _part(callback_data: str | None) -> tuple[str, int]:
    """Turn and part; an attempt's number may follow."""
    turn, part, *_ = (callback_data or "?:0").split(":")
    return turn, int(part.partition(".")[0])
