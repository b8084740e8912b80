"""Encryption at rest and blind indexes."""

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from serving.crypto import Cipher, UndecryptableError, Vault, new_lookup_key

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
VAULT = Vault(Cipher([NEW]), new_lookup_key())


@given(st.text(st.characters()))
def test_sealed_text_comes_back(text: str) -> None:
    """Any text, lone surrogates included, survives; the sealed form does not show it."""
    assert VAULT.unseal(VAULT.seal(text)) == text


def test_a_rotated_key_still_opens_what_it_sealed() -> None:
    """The first key encrypts, every key decrypts, and none but these."""
    key = new_lookup_key()
    sealed = Vault(Cipher([OLD]), key).seal("Dana")
    both = Vault(Cipher([NEW, OLD]), key)
    assert both.unseal(sealed) == "Dana"
    assert Vault(Cipher([NEW]), key).unseal(both.seal("Dana")) == "Dana"
    with pytest.raises(UndecryptableError):
        Vault(Cipher([NEW]), key).unseal(sealed)


def test_an_index_depends_on_kind_value_and_key() -> None:
    """Equal values are found again; other kinds and other keys give nothing away."""
    assert VAULT.index("wa_id", "1") == VAULT.index("wa_id", "1")
    others = {
        VAULT.index("wa_id", "1"),
        VAULT.index("wa_id", "2"),
        VAULT.index("bsuid", "1"),
        Vault(Cipher([NEW]), new_lookup_key()).index("wa_id", "1"),
    }
    assert len(others) == 4


@pytest.mark.parametrize("keys", [[], ["short"], [OLD, "x" * 44]])
def test_bad_keys_are_refused_without_being_quoted(keys: list[str]) -> None:
    """A start with unusable keys says so; the key itself is not in the message."""
    with pytest.raises(ValueError, match="encryption key") as refusal:
        Cipher(keys)
    assert not [key for key in keys if key in str(refusal.value)]
