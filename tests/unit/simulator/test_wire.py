"""The bytes of webhooks."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import wire

SECRET = "test_app_secret"
RAW = Path(__file__).parents[2] / "fixtures" / "whatsapp" / "90_raw_escaped_signed.json"
VECTORS = [
    (
        b'{"object":"whatsapp_business_account","entry":[]}',
        "dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756",
    ),
    (
        b'{"object": "whatsapp_business_account", "entry": []}',
        "56cbbaf4961c6cfdae48b7f116c047e5eb513d2c931baae63a2bc1afd26f803a",
    ),
    (RAW.read_bytes(), "5ce9fe115409e5904c00f48857b542d5e1dc86527bbd861ab77ad1d812beb89d"),
]


@pytest.mark.parametrize(("body", "digest"), VECTORS)
def test_signature_vectors(body: bytes, digest: str) -> None:
    """The contract's three vectors."""
    assert wire.sign(SECRET, body) == f"sha256={digest}"
    assert wire.wrong_signature(SECRET, body) != f"sha256={digest}"


def test_escaping_reproduces_the_sample_byte_for_byte() -> None:
    """Decoding and encoding the escaped sample gives the same bytes."""
    raw = RAW.read_bytes()
    assert wire.encode(json.loads(raw)) == raw


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_encoding_keeps_the_value(value: object) -> None:
    """Whatever is escaped reads back as the same value, in plain ASCII."""
    data = wire.encode(value)
    assert json.loads(data) == value
    assert data.isascii()
    assert not {b"<", b"%", b"@"} & {bytes([byte]) for byte in data}
