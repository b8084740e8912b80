"""Loads demo customers with their bookings. Running it again changes nothing."""

import datetime as dt
import uuid
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from serving.crypto import Vault
from serving.errors import Rejected
from serving.sql import queries
from serving.stores.cache import ContextCache
from serving.stores.database import Connection, Database, fetch

_SQL = queries("seed")


class _Booking(BaseModel):
    reference: str
    trek: str
    departure_date: dt.date
    seats: int = Field(gt=0)
    status: str
    amount_inr: int
    paid_inr: int


class _Preferences(BaseModel):
    difficulty: str | None = None
    budget_inr: int | None = None
    season: str | None = None


class _Customer(BaseModel):
    name: str
    wa_id: str | None = None
    bsuid: str | None = None
    username: str | None = None
    email: str | None = None
    tier: str = "standard"
    joined: dt.date | None = None
    marketing_opt_in: bool = True
    preferences: _Preferences = _Preferences()
    bookings: list[_Booking] = Field(default_factory=list)


class _File(BaseModel):
    customers: list[_Customer]


async def seed_customers(database: Database, path: Path, cache: ContextCache | None = None) -> int:
    """Load the customers of a JSON file; returns how many could be.

    Left out is who cannot be told from somebody else: a number that has another id by now.
    `Rejected` names what is wrong with the file.
    """
    try:  # a small local file, read once at start
        customers = _File.model_validate_json(path.read_bytes()).customers  # noqa: ASYNC240
    except OSError as error:
        raise Rejected(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise Rejected(f"{path}: {place}: {first['msg']}") from None

    async def work(connection: Connection) -> list[str | None]:
        return [await _load(connection, database.vault, customer) for customer in customers]

    loaded = [contact_id for contact_id in await database.run(work) if contact_id is not None]
    if cache is not None:
        await cache.forget(loaded)
    return len(loaded)


async def _load(connection: Connection, vault: Vault, customer: _Customer) -> str | None:
    parameters = _columns(vault, customer)
    await connection.execute(_SQL.add_customer, parameters)
    rows: Sequence[tuple[uuid.UUID]] = await fetch(connection, _SQL.complete_customer, parameters)
    if not rows:
        return None
    (contact_id,) = rows[0]
    for booking in customer.bookings:
        await connection.execute(
            _SQL.add_booking, booking.model_dump() | {"contact_id": contact_id}
        )
    return str(contact_id)


def _columns(vault: Vault, customer: _Customer) -> dict[str, object]:
    return {
        "contact_id": uuid.uuid4(),
        "bsuid_key": vault.index_optional("bsuid", customer.bsuid),
        "wa_id_key": vault.index_optional("wa_id", customer.wa_id),
        "bsuid": vault.seal_optional(customer.bsuid),
        "wa_id": vault.seal_optional(customer.wa_id),
        "name": vault.seal(customer.name),
        "username": vault.seal_optional(customer.username),
        "email": vault.seal_optional(customer.email),
        "tier": customer.tier,
        "joined": customer.joined,
        **customer.preferences.model_dump(),
        "opt_out_scope": None if customer.marketing_opt_in else "marketing",
    }
