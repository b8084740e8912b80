"""The bytes of a webhook: Meta's escaping, compact separators, and the signature over them."""

import hashlib
import hmac
import json
from typing import Any

Json = dict[str, Any]

# Meta writes these four characters escaped and signs that form.
_ESCAPES = (("/", "\\/"), ("<", "\\u003C"), ("%", "\\u0025"), ("@", "\\u0040"))


def encode(payload: object) -> bytes:
    """JSON as Meta serialises it: ASCII only, lowercase hex, no spaces.

    The four characters occur only inside JSON strings, so replacing them in the text is safe.
    """
    text = json.dumps(payload, ensure_ascii=True, separators=(",", ":"))
    for char, escaped in _ESCAPES:
        text = text.replace(char, escaped)
    return text.encode("ascii")


def sign(secret: str, body: bytes) -> str:
    """The value of `X-Hub-Signature-256` for these raw bytes."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def wrong_signature(secret: str, body: bytes) -> str:
    """Well formed, and wrong for these bytes."""
    return sign(secret + "-not", body)
