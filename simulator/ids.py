"""Identifiers as Meta mints them. Everything random comes from `secrets`, never from the dice."""

import base64
import re
import secrets

BSUID = re.compile(r"^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$")
_FROM_BUSINESS = 0x11
_FROM_USER = 0x12


def _block(text: str) -> bytes:
    data = text.encode("ascii")
    return bytes([len(data)]) + data


def wamid(phone: str | None, *, outbound: bool) -> str:
    """A message id in the layout observed in the wild: it carries the user's phone number.

    Without a phone (username users) the real layout is unknown, so the rest is random.
    """
    head = b"\x1c\x18"
    if phone is None:
        body = head + secrets.token_bytes(30)
    else:
        unique = secrets.token_hex(9).upper() if outbound else "3A" + secrets.token_hex(9).upper()
        side = _FROM_BUSINESS if outbound else _FROM_USER
        body = head + _block(phone) + bytes([0x15, 2, 0, side, 0x18]) + _block(unique) + b"\x00"
    return "wamid." + base64.b64encode(body).decode("ascii")


def bsuid(country: str = "US") -> str:
    """A business-scoped user id: country, a dot, twenty digits."""
    return f"{country}.9{secrets.randbelow(10**19):019d}"


def media_id() -> str:
    """Sixteen digits, as media ids are."""
    return f"1{secrets.randbelow(10**15):015d}"


def trace_id() -> str:
    """The `fbtrace_id` of an error."""
    return "A" + secrets.token_urlsafe(16)


def digits(phone: str) -> str:
    """The digits of a phone number written in any usual way."""
    return re.sub(r"\D", "", phone)
