"""Documents behind http(s) addresses: fetched with a deadline, tried again where that can help."""

import time
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import httpx

from pipelines.ingest.errors import Unreadable

LIST_SUFFIX = ".urls"
_TIMEOUT = httpx.Timeout(20.0, connect=5.0)
# Of one document altogether: a server that sends a byte a second must not hold a run.
_DEADLINE_S = 60.0
_ATTEMPTS = 3
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})
_SUFFIX_OF = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/pdf": ".pdf",
    "text/markdown": ".md",
    "text/plain": ".txt",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/jsonl": ".jsonl",
    "application/x-ndjson": ".jsonl",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.apache.parquet": ".parquet",
}


def is_address(uri: str) -> bool:
    """Whether it is fetched over HTTP."""
    return uri.startswith(("http://", "https://"))


def doc_of(address: str) -> str:
    """The id of the document behind an address: host, path and query."""
    parts = urlsplit(address)
    path = parts.path.strip("/") or "index"
    return f"{parts.netloc}/{path}" + (f"?{parts.query}" if parts.query else "")


def addresses_in(text: str) -> list[str]:
    """One a line; empty lines and those that start with # say nothing. Raises ValueError."""
    lines = [line.strip() for line in text.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    for line in found:
        if not is_address(line):
            raise ValueError(f"{line[:80]!r} is not an http(s) address")
    return list(dict.fromkeys(found))


def fetch(address: str, max_bytes: int) -> tuple[bytes, str]:
    """Content and a file name whose ending says what it is; raises Unreadable."""
    last = "no answer"
    ends = time.monotonic() + _DEADLINE_S
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(min(2.0**attempt / 2, max(0.0, ends - time.monotonic())))
        try:
            return _fetch_once(address, max_bytes, ends)
        except httpx.HTTPStatusError as error:
            last = f"HTTP {error.response.status_code}"
            if error.response.status_code not in _WORTH_ANOTHER_TRY:
                break
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise Unreadable(f"{address}: {error}") from error
        except httpx.HTTPError as error:
            last = f"{type(error).__name__}: {error}"
        if time.monotonic() >= ends:
            break
    raise Unreadable(f"{address}: {last}")


def _fetch_once(address: str, max_bytes: int, ends: float) -> tuple[bytes, str]:
    with httpx.stream("GET", address, timeout=_TIMEOUT, follow_redirects=True) as response:
        response.raise_for_status()
        parts: list[bytes] = []
        size = 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > max_bytes:
                raise Unreadable(f"larger than {max_bytes:,} bytes")
            if time.monotonic() > ends:
                raise httpx.ReadTimeout(f"not finished after {_DEADLINE_S:.0f} s")
        return b"".join(parts), _name(address, response.headers.get("content-type", ""))


def _name(address: str, content_type: str) -> str:
    """What the server says a page is wins over its address: `/prices.php` is HTML."""
    name = PurePosixPath(urlsplit(address).path).name or "index"
    suffix = _SUFFIX_OF.get(content_type.partition(";")[0].strip().lower())
    known_better = suffix == ".txt" and PurePosixPath(name).suffix  # most servers call .md that
    return name if suffix is None or known_better else f"{name}{suffix}"
