"""Bytes to text, whatever encoding somebody saved them in."""

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE

from pipelines.ingest.errors import Unreadable

# charset-normalizer reads all of what it is given several times over.
_SAMPLE_BYTES = 256 * 1024
# Short texts fit several encodings equally well; then what most editors have written wins.
_USUAL = ("cp1252", "cp1251", "cp1250")


def decode(data: bytes) -> str:
    """UTF-8 where it is valid, else by byte-order mark, else by detection."""
    for mark, encoding in (
        (BOM_UTF8, "utf-8-sig"),
        (BOM_UTF16_LE, "utf-16"),
        (BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return _strict(data, encoding)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _strict(data, _detect(data))
    if "\x00" in text:
        raise Unreadable("holds NUL bytes: not a text file")
    return text


def _strict(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(f"not valid {encoding}: byte {error.start}") from error


def _detect(data: bytes) -> str:
    from charset_normalizer import from_bytes

    if b"\x00" in data[:_SAMPLE_BYTES]:
        raise Unreadable("holds NUL bytes: not a text file")
    matches = from_bytes(data[:_SAMPLE_BYTES])
    best = matches.best()
    if best is None:
        raise Unreadable("no known text encoding fits its bytes")
    equal = {match.encoding for match in matches if match.chaos <= best.chaos}
    return next((name for name in _USUAL if name in equal), best.encoding)
