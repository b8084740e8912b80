"""Sends of which nothing was ever heard: neither Graph's answer nor a status.

After a stated time such a send is closed. Its words go out again, under a visible mark and as an
answer to the message they are for. When that fails too often, a person looks at it.
"""

import uuid
from dataclasses import dataclass

from serving.crypto import Vault
from serving.repeating import marked
from serving.sql import queries
from serving.stores.codec import record_codec, reply_codec
from serving.stores.database import Connection, fetch

_SQL = queries("unheard")

MAX_REPEATS = 3  # of one message; each costs its sender's death, or a Graph that never answers


@dataclass(frozen=True, slots=True)
class _Send:
    outbox_id: int
    turn_id: uuid.UUID
    part: int
    conversation_id: uuid.UUID
    body: bytes
    record: bytes


async def close_unheard(connection: Connection, vault: Vault, after_s: float, limit: int) -> int:
    """Returns how many were closed. A status that comes later still settles them."""
    rows = await fetch(connection, _SQL.unheard, {"after_s": after_s, "limit": limit})
    sends = [_Send(*row) for row in rows]
    if not sends:
        return 0
    detail = vault.seal(f"nothing was heard of it in {after_s:.0f} s")
    ids = [send.outbox_id for send in sends]
    await connection.execute(_SQL.close, {"outbox_ids": ids, "detail": detail})
    for send in sends:
        if send.part < MAX_REPEATS:
            again = {"outbox_id": send.outbox_id, "body": _marked(vault, send)}
            await connection.execute(_SQL.repeat, again)
    looked_at = [send for send in sends if send.part >= MAX_REPEATS]
    if looked_at:
        parameters = {
            "turn_ids": [send.turn_id for send in looked_at],
            "conversation_ids": [send.conversation_id for send in looked_at],
        }
        await connection.execute(_SQL.tell_a_person, parameters)
    return len(sends)


def _marked(vault: Vault, send: _Send) -> bytes:
    record = record_codec.validate_json(vault.unseal(send.record))
    reply = reply_codec.validate_json(vault.unseal(send.body))
    return vault.seal(reply_codec.dump_json(marked(reply, record.parsed)).decode())
