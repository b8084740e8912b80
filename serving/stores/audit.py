"""Who may administer, and what they did. Keys are kept as hashes; the log holds no personal data.

A key is 32 random bytes, so a plain hash of it cannot be guessed back.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from serving.errors import Rejected
from serving.sql import queries
from serving.stores.database import Database

_SQL = queries("audit")

Scope = Literal["read", "handover", "consent", "dlq", "privacy", "costs", "audit"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

PREFIX = "sbk_"  # lets secret scanners recognise a key that leaked
# The API must not hang on its key store: it refuses instead.
DEADLINE_S = 3.0


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever a key stands for."""

    name: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class KeyInfo:
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    audit_id: int
    at: datetime
    actor: str
    action: str
    target: str
    status: int  # as in HTTP; 0: begun, and not known how it ended


class Keys:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, name: str, scopes: Sequence[str]) -> str:
        """Make a key and return it: it is shown this once. `Rejected` for a name that is taken."""
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            raise Rejected(f"scope {', '.join(unknown) or '(none)'}: choose of {', '.join(SCOPES)}")
        if not name.strip():
            raise Rejected("the name of a key is empty")
        key = PREFIX + secrets.token_urlsafe(32)
        parameters = {"name": name, "key_hash": _hash(key), "scopes": sorted(set(scopes))}
        if not await self._database.query(_SQL.add_key, parameters):
            raise Rejected(f"a key named {name!r} exists or existed: the audit log must tell apart")
        return key

    async def principal(self, key: str) -> Principal | None:
        """Whose key this is; None when it is nobody's or was revoked."""
        parameters = {"key_hash": _hash(key)}
        rows = await self._database.query(_SQL.key, parameters, DEADLINE_S)
        return Principal(rows[0][0], frozenset(rows[0][1])) if rows else None

    async def all(self) -> list[KeyInfo]:
        rows = await self._database.query(_SQL.list_keys)
        return [KeyInfo(name, tuple(scopes), *times) for name, scopes, *times in rows]

    async def revoke(self, name: str) -> bool:
        """False: there is no such key in use."""
        return bool(await self._database.query(_SQL.revoke_key, {"name": name}))

    async def discard(self, name: str) -> None:
        """Of a key that was made for one call, and is nobody's."""
        await self._database.query(_SQL.discard_key, {"name": name})


class AuditLog:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, action: str, actor: str = "") -> int:
        """Note what is about to be done; `Retryable` when that cannot be: then do not do it."""
        parameters = {"action": action, "actor": actor}
        rows = await self._database.query(_SQL.begin, parameters, DEADLINE_S)
        return int(rows[0][0])

    async def finish(self, audit_id: int, actor: str, target: str, status: int) -> None:
        """`target` is an id of ours, never an identifier of a customer."""
        parameters = {"audit_id": audit_id, "actor": actor, "target": target, "status": status}
        await self._database.query(_SQL.finish, parameters, DEADLINE_S)

    async def page(self, limit: int = 50, before: int | None = None) -> list[AuditEntry]:
        """Newest first."""
        parameters = {"limit": limit, "before": before}
        rows = await self._database.query(_SQL.list_audit, parameters)
        return [AuditEntry(*row) for row in rows]


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
