"""Whether Meta sent it: the signature of a delivery and the handshake. Pure."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence

_PREFIX = "sha256="
_HEX64 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_CHALLENGE = re.compile(r"[\w.\-]{1,256}", re.ASCII)


def is_signed(body: bytes, header: str | None, secrets: Sequence[str]) -> bool:
    """Whether `X-Hub-Signature-256` is the HMAC-SHA256 of the raw bytes under one of the secrets.

    Several secrets are valid while one is rotated. Never pass re-serialised JSON: Meta escapes
    characters that no serialiser escapes by default.
    """
    if header is None or not header.startswith(_PREFIX):
        return False
    given = header.removeprefix(_PREFIX)
    if not _HEX64.fullmatch(given):
        return False
    # Every secret is tried, so that the time taken does not tell which one fits.
    matches = [hmac.compare_digest(given, sign(body, secret)) for secret in secrets]
    return any(matches)


def sign(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def handshake(parameters: Mapping[str, str], verify_token: str) -> str | None:
    """What to answer to `GET /webhook`, or None when the handshake is not Meta's."""
    token = parameters.get("hub.verify_token", "")
    answer = parameters.get("hub.challenge", "")
    genuine = hmac.compare_digest(token.encode(), verify_token.encode())
    if parameters.get("hub.mode") != "subscribe" or not genuine or not verify_token:
        return None
    return answer if _CHALLENGE.fullmatch(answer) else None
