"""Small generated files, so that a simulated customer can send media without owning any."""

import math
import struct
import zlib

_OPUS_SILENCE = b"\xf8\xff\xfe"  # 20 ms of silence
_OPUS_FRAME = 960  # samples at 48 kHz


def png(width: int = 480, height: int = 320) -> bytes:
    """A mountain skyline at dusk."""
    rows = b"".join(b"\x00" + _skyline(y, width, height) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _skyline(y: int, width: int, height: int) -> bytes:
    dusk = y / height
    sky = (int(250 - 120 * dusk), int(190 - 70 * dusk), int(150 + 40 * dusk))
    row = bytearray()
    for x in range(width):
        far = height * (0.55 - 0.18 * math.sin(x / 61) - 0.07 * math.sin(x / 17))
        near = height * (0.8 - 0.12 * math.sin(x / 43 + 2) - 0.04 * math.sin(x / 11))
        row += bytes((44, 66, 72) if y > near else (92, 112, 134) if y > far else sky)
    return bytes(row)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def pdf(text: str) -> bytes:
    """One page with one line of text."""
    line = text.encode("latin-1", "replace").translate(None, b"()\\").decode("latin-1")
    drawing = f"BT /F1 18 Tf 60 760 Td ({line}) Tj ET".encode("latin-1")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
            b"/Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(objects) + 1
    tail = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n%s" % (count, table) + tail


def voice_note(seconds: float = 2.0) -> bytes:
    """Silence in Ogg/Opus (RFC 7845), which is what a voice note is packed in."""
    head = b"OpusHead" + struct.pack("<BBHIHB", 1, 1, 312, 48000, 0, 0)
    vendor = b"simulator"
    tags = b"OpusTags" + struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", 0)
    pages = [_ogg_page(2, 0, 0, [head]), _ogg_page(0, 0, 1, [tags])]
    frames = max(1, int(seconds * 50))
    for number, start in enumerate(range(0, frames, 50), start=2):
        count = min(50, frames - start)
        last = start + count >= frames
        granule = (start + count) * _OPUS_FRAME
        pages.append(_ogg_page(4 if last else 0, granule, number, [_OPUS_SILENCE] * count))
    return b"".join(pages)


def _ogg_page(flags: int, granule: int, number: int, packets: list[bytes]) -> bytes:
    lacing = bytes(len(packet) for packet in packets)  # every packet here is under 255 bytes
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, 1, number, 0, len(lacing))
    page = head + lacing + b"".join(packets)
    return page[:22] + struct.pack("<I", _ogg_crc(page)) + page[26:]


def _ogg_crc(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1
        crc &= 0xFFFFFFFF
    return crc
