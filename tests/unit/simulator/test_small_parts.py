"""Ids, generated files, errors, the command line's refusals."""

import base64
import io
import re
import subprocess
import sys
import zlib

import pytest
from pypdf import PdfReader

from simulator import ids, samples
from simulator.errors import TABLE, GraphError, code_of_magic_number, status_error


def decoded(wamid: str) -> bytes:
    return base64.b64decode(wamid.removeprefix("wamid."))


def test_inbound_id_has_the_observed_layout() -> None:
    """Phone, direction byte 12, a twenty-character id that begins with 3A."""
    data = decoded(ids.wamid("15550100123", outbound=False))
    assert data[:20] == b"\x1c\x18\x0b15550100123\x15\x02\x00\x12\x18\x14"
    assert re.fullmatch(rb"3A[0-9A-F]{18}\x00", data[20:])


def test_id_without_phone_has_no_digits_of_one() -> None:
    """For hidden phones the rest is random, and ids differ."""
    first, second = (ids.wamid(None, outbound=True) for _ in range(2))
    assert first != second
    assert decoded(first)[:2] == b"\x1c\x18"


def test_user_ids_match_the_documented_pattern() -> None:
    """Country, dot, letters or digits."""
    assert ids.BSUID.match(ids.bsuid("IN"))
    assert ids.BSUID.match("US.ENT.abc9")
    assert not ids.BSUID.match("us.1")
    assert not ids.BSUID.match("15550100123")


def test_generated_picture_is_a_png() -> None:
    """Its header has the size, and its pixels unpack to that many rows."""
    data = samples.png(20, 10)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    start = data.index(b"IDAT") + 4
    length = int.from_bytes(data[start - 8 : start - 4], "big")
    assert len(zlib.decompress(data[start : start + length])) == 10 * (1 + 20 * 3)


def test_generated_document_can_be_read() -> None:
    """A PDF reader finds the line of text."""
    reader = PdfReader(io.BytesIO(samples.pdf("Your (booking)")))
    assert "Your booking" in reader.pages[0].extract_text()


def test_generated_voice_note_is_ogg_opus() -> None:
    """Pages with right checksums, the Opus head first, the last page marked."""
    data = samples.voice_note(1.5)
    pages = [b"OggS" + part for part in data.split(b"OggS")[1:]]
    for page in pages:
        checksum = int.from_bytes(page[22:26], "little")
        assert samples._ogg_crc(page[:22] + bytes(4) + page[26:]) == checksum
    assert b"OpusHead" in pages[0]
    assert (pages[0][5], pages[-1][5]) == (2, 4)
    assert int.from_bytes(pages[-1][6:14], "little") == 75 * 960


@pytest.mark.parametrize("code", sorted(TABLE))
def test_every_code_has_both_shapes(code: int) -> None:
    """Sync and async forms carry the code; small codes have no error data."""
    body = GraphError(code).body()["error"]
    assert (body["code"], "error_data" in body) == (code, code >= 1000)
    assert body["message"].startswith(f"(#{code})")
    status = status_error(code)
    assert status["title"] == status["message"]


def test_magic_numbers() -> None:
    """Only twelve digits with a known code are magic."""
    assert code_of_magic_number("155501031056") == (131056, False)
    assert code_of_magic_number("155501131056") == (131056, True)
    assert code_of_magic_number("15550100123") is None
    assert code_of_magic_number("155501099999") is None


def test_command_line_names_what_is_missing() -> None:
    """Without a secret the start is refused with exit code 2."""
    command = [sys.executable, "-m", "simulator", "--app-secret", "s"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={})
    assert done.returncode == 2
    assert "SWITCHBACK_VERIFY_TOKEN" in done.stderr
