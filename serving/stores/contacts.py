"""Finds or makes the contact behind an identity. Knows no message.

A contact is keyed by its business-scoped user id where Meta sends one, else by its number.
Identifiers that contradict each other never merge two contacts: the id decides whose message it
is, and the number stays with whoever has it.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from serving.crypto import Vault
from serving.sql import queries
from serving.stores.database import Connection, fetch
from serving.updates import Identity, IdentityChange

_SQL = queries("contacts")

# Two rounds settle a race with another delivery; the third would be a defect.
_ROUNDS = 3

Keys = tuple[bytes | None, bytes | None]  # blind indexes of (bsuid, wa_id)


@dataclass(frozen=True, slots=True)
class Known:
    contact_id: uuid.UUID
    bsuid_key: bytes | None
    wa_id_key: bytes | None
    name: bytes | None
    username: bytes | None


@dataclass(frozen=True, slots=True)
class Resolved:
    contacts: dict[Keys, uuid.UUID]
    renamed: frozenset[uuid.UUID]  # whose profile changed: caches must forget them


class ContactBook:
    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def keys(self, identity: Identity) -> Keys:
        vault = self._vault
        return (
            vault.index_optional("bsuid", identity.bsuid),
            vault.index_optional("wa_id", identity.wa_id),
        )

    async def resolve(
        self, connection: Connection, identities: Iterable[tuple[Keys, Identity]]
    ) -> Resolved:
        """The contact of every identity; those with no identifier at all are left out.

        Also completes and renames contacts from what the identities say.
        """
        wanted = {keys: identity for keys, identity in identities if keys != (None, None)}
        for _ in range(_ROUNDS):
            known = await self._find(connection, wanted)
            found = {keys: _match(known, keys) for keys in wanted}
            changed = await self._add(connection, wanted, known, found)
            changed |= await self._complete(connection, wanted, known, found)
            if not changed:
                break
        matched = {keys: contact for keys, contact in found.items() if contact is not None}
        renamed = await self._rename(connection, wanted, matched)
        return Resolved({k: c.contact_id for k, c in matched.items()}, renamed)

    async def move(self, connection: Connection, change: IdentityChange) -> bool:
        """Give a contact its new identifiers. False: unknown, or they are somebody else's."""
        old, new = self.keys(change.previous), self.keys(change.current)
        contact = _match(await self._find(connection, [old]), old)
        if contact is None:
            return False
        parameters = {"contact_id": contact.contact_id} | self._columns(new, change.current)
        return bool(await fetch(connection, _SQL.move_contact, parameters))

    async def _find(self, connection: Connection, wanted: Iterable[Keys]) -> list[Known]:
        bsuid_keys = [bsuid for bsuid, _ in wanted if bsuid is not None]
        wa_id_keys = [wa_id for _, wa_id in wanted if wa_id is not None]
        rows = await fetch(
            connection, _SQL.find_contacts, {"bsuid_keys": bsuid_keys, "wa_id_keys": wa_id_keys}
        )
        return [Known(*row) for row in rows]

    async def _add(
        self,
        connection: Connection,
        wanted: dict[Keys, Identity],
        known: Sequence[Known],
        found: dict[Keys, Known | None],
    ) -> bool:
        taken = {contact.wa_id_key for contact in known}
        # A number that is somebody else's is not written to a second contact.
        fresh = {
            (bsuid, None if wa_id in taken else wa_id): wanted[bsuid, wa_id]
            for (bsuid, wa_id), contact in found.items()
            if contact is None
        }
        if not fresh:
            return False
        # One order for everybody, so that two deliveries cannot wait for each other.
        ordered = sorted(fresh, key=lambda keys: (keys[0] or b"", keys[1] or b""))
        columns = [self._columns(keys, fresh[keys]) for keys in ordered]
        await connection.execute(
            _SQL.add_contacts,
            {
                "contact_ids": [uuid.uuid4() for _ in ordered],
                **{f"{name}s": [row[name] for row in columns] for name in _COLUMNS},
                "names": [self._vault.seal_optional(fresh[keys].name) for keys in ordered],
                "usernames": [self._vault.seal_optional(fresh[keys].username) for keys in ordered],
            },
        )
        return True

    async def _complete(
        self,
        connection: Connection,
        wanted: dict[Keys, Identity],
        known: Sequence[Known],
        found: dict[Keys, Known | None],
    ) -> bool:
        changed = False
        taken = {contact.wa_id_key for contact in known}
        for keys, contact in found.items():
            if contact is None:
                continue
            new_bsuid = keys[0] is not None and contact.bsuid_key is None
            new_wa_id = keys[1] is not None and contact.wa_id_key is None and keys[1] not in taken
            if new_bsuid or new_wa_id:
                columns = self._columns(keys, wanted[keys])
                await connection.execute(
                    _SQL.complete_contact, {"contact_id": contact.contact_id} | columns
                )
                changed = True
        return changed

    async def _rename(
        self,
        connection: Connection,
        wanted: dict[Keys, Identity],
        found: dict[Keys, Known],
    ) -> frozenset[uuid.UUID]:
        names = {
            contact.contact_id: wanted[keys]
            for keys, contact in found.items()
            if self._differs(contact, wanted[keys])
        }
        if not names:
            return frozenset()
        ordered = sorted(names)
        await connection.execute(_SQL.lock_contacts, {"contact_ids": ordered})
        await connection.execute(
            _SQL.rename_contacts,
            {
                "contact_ids": ordered,
                "names": [self._vault.seal_optional(names[key].name) for key in ordered],
                "usernames": [self._vault.seal_optional(names[key].username) for key in ordered],
            },
        )
        return frozenset(ordered)

    def _differs(self, contact: Known, identity: Identity) -> bool:
        unseal = self._vault.unseal_optional
        new_name = identity.name is not None and identity.name != unseal(contact.name)
        if new_name or identity.username is None:
            return new_name
        return identity.username != unseal(contact.username)

    def _columns(self, keys: Keys, identity: Identity) -> dict[str, bytes | None]:
        bsuid_key, wa_id_key = keys
        seal = self._vault.seal_optional
        return {
            "bsuid_key": bsuid_key,
            "wa_id_key": wa_id_key,
            "bsuid": seal(identity.bsuid) if bsuid_key else None,
            "wa_id": seal(identity.wa_id) if wa_id_key else None,
        }


_COLUMNS = ("bsuid_key", "wa_id_key", "bsuid", "wa_id")


def _match(known: Sequence[Known], keys: Keys) -> Known | None:
    """Whose keys these are; None when it is nobody's, or the number is another id's."""
    bsuid_key, wa_id_key = keys
    if bsuid_key is not None:
        for contact in known:
            if contact.bsuid_key == bsuid_key:
                return contact
    if wa_id_key is not None:
        for contact in known:
            free = bsuid_key is None or contact.bsuid_key is None
            if contact.wa_id_key == wa_id_key and free:
                return contact
    return None
