"""Encryption at rest and blind indexes. Knows no database and no settings.

Values are encrypted with Fernet (AES-128-CBC with HMAC-SHA256); the first key encrypts, all
decrypt, so a key is rotated by putting a new one in front. What must be found again is indexed by
a keyed hash whose key never changes: it is made once and stored wrapped by the encryption keys.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Literal

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from serving.errors import Rejected

LOOKUP_KEY_BYTES = 32

IndexKind = Literal["bsuid", "wa_id", "wamid", "event", "recipient"]


class UndecryptableError(Rejected):
    """A stored value was encrypted with none of the configured keys."""


class Cipher:
    def __init__(self, keys: Sequence[str]) -> None:
        """`keys`: URL-safe base64 of 32 bytes each, as `Fernet.generate_key` makes them."""
        if not keys:
            raise ValueError("at least one encryption key is needed")
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise ValueError("an encryption key is not URL-safe base64 of 32 bytes") from None

    def encrypt(self, plain: bytes) -> bytes:
        return self._fernet.encrypt(plain)

    def decrypt(self, token: bytes) -> bytes:
        try:
            return self._fernet.decrypt(token)
        except InvalidToken:
            raise UndecryptableError from None


class Vault:
    """Encrypts values and hashes identifiers. Texts may hold lone surrogates; they survive."""

    def __init__(self, cipher: Cipher, lookup_key: bytes) -> None:
        self._cipher = cipher
        self._lookup_key = lookup_key

    def seal(self, text: str) -> bytes:
        return self._cipher.encrypt(text.encode("utf-8", "surrogatepass"))

    def unseal(self, token: bytes) -> str:
        return self._cipher.decrypt(token).decode("utf-8", "surrogatepass")

    def seal_bytes(self, content: bytes) -> bytes:
        return self._cipher.encrypt(content)

    def unseal_bytes(self, token: bytes) -> bytes:
        return self._cipher.decrypt(token)

    def seal_optional(self, text: str | None) -> bytes | None:
        return None if text is None else self.seal(text)

    def unseal_optional(self, token: bytes | None) -> str | None:
        return None if token is None else self.unseal(token)

    def index(self, kind: IndexKind, value: str) -> bytes:
        """The blind index of an identifier; equal values of different kinds differ."""
        message = kind.encode() + b"\0" + value.encode("utf-8", "surrogatepass")
        return hmac.digest(self._lookup_key, message, hashlib.sha256)

    def index_optional(self, kind: IndexKind, value: str | None) -> bytes | None:
        return None if value is None else self.index(kind, value)


def new_lookup_key() -> bytes:
    return secrets.token_bytes(LOOKUP_KEY_BYTES)
