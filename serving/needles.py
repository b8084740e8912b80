"""What of a person can be recognised in a text: identifiers, also inside WhatsApp message ids.

Names are not looked for: they are not unique, and stand only where an identifier stands too.
Pure; knows no store.
"""

import base64
import binascii
import re
from collections.abc import Iterable

# A message id of WhatsApp holds the customer's number in base64.
_WAMID = re.compile(r"wamid\.([A-Za-z0-9+/_-]{8,}={0,2})")
_MASK = "*"
MIN_CHARS = 5  # anything shorter would be found everywhere


class Needles:
    """A person's identifiers, ready to be looked for."""

    def __init__(self, identifiers: Iterable[str]) -> None:
        """Those too short to tell anyone apart are left out."""
        self.identifiers = sorted({i for i in identifiers if len(i) >= MIN_CHARS})
        self._pattern = re.compile(
            "|".join(_pattern(identifier) for identifier in self.identifiers) or r"(?!)",
            re.IGNORECASE,
        )

    def __bool__(self) -> bool:
        return bool(self.identifiers)

    def within(self, text: str) -> bool:
        if self._pattern.search(text):
            return True
        return any(self._inside(match) for match in _WAMID.finditer(text))

    def mask(self, text: str) -> str:
        """The text with every identifier, and every message id that holds one, made unreadable.

        Of the same length, so that a file can be overwritten where it stands.
        """
        hidden = self._pattern.sub(lambda match: _MASK * len(match[0]), text)
        return _WAMID.sub(self._mask_wamid, hidden)

    def _mask_wamid(self, match: re.Match[str]) -> str:
        return _MASK * len(match[0]) if self._inside(match) else match[0]

    def _inside(self, wamid: re.Match[str]) -> bool:
        try:
            padded = wamid[1].rstrip("=") + "=" * (-len(wamid[1].rstrip("=")) % 4)
            plain = base64.b64decode(padded, altchars=b"-_" if set("-_") & set(padded) else None)
        except (binascii.Error, ValueError):
            return False
        return self._pattern.search(plain.decode("latin-1")) is not None


def _pattern(identifier: str) -> str:
    """Digits must stand alone: a number is not a part of a longer one."""
    if identifier.isdecimal():
        return rf"(?<!\d){identifier}(?!\d)"
    return rf"(?<![\w.-]){re.escape(identifier)}(?![\w-])"
