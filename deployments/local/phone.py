"""A customer's phone, for programs that play customers: the routes of the simulator they need.

Must not know who plays, or how it is answered.
"""

from dataclasses import dataclass
from typing import Any

import httpx

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """A message that was put on its way."""

    wamid: str
    seq: int  # its place among all messages of the simulator


@dataclass(frozen=True, slots=True)
class Phone:
    """One customer's. `http` has the simulator's address as its base."""

    http: httpx.AsyncClient
    wa_id: str

    async def arrive(self) -> None:
        """Be a customer of the simulator; a known one stays as it is."""
        new = {"name": "Guest", "wa_id": self.wa_id}
        answer = await self.http.post("/sim/customers", json=new)
        if answer.status_code != httpx.codes.CONFLICT:
            answer.raise_for_status()

    async def write(self, text: str, **more: object) -> Written:
        """Send a text; `more` are further fields of the simulator's action."""
        action = {"text": text, **more}
        answer = await self.http.post(f"/sim/customers/{self.wa_id}/messages", json=action)
        message = answer.raise_for_status().json()
        return Written(message["id"], message["seq"])

    async def replies(self, after: int = 0, wait_s: float = 0.0) -> list[Json]:
        """What the business sent after that place, oldest first; waits for the first of it."""
        where = httpx.QueryParams(to=self.wa_id, after=after, wait_s=wait_s)
        answer = await self.http.get("/sim/messages", params=where)
        messages: list[Json] = answer.raise_for_status().json()["messages"]
        return messages
