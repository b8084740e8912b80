"""Questions to the live epoch, from the command line or a file."""

import datetime as dt
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.epochs import EpochStore
from models.open import open_encoder
from models.types import Epoch, Hit, SearchFilter
from pipelines.ingest.errors import InputError
from pipelines.ingest.search import EpochSearch, live_epoch
from pipelines.ingest.settings import Settings


def questions_of(text: str | None, jsonl: Path | None) -> list[tuple[object, str]]:
    """Pairs of id and question; raises InputError naming the line."""
    if (text is None) == (jsonl is None):
        raise InputError("give either a text or --jsonl FILE")
    if text is not None:
        return [(None, text)]
    assert jsonl is not None
    try:
        lines = jsonl.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{jsonl}: {error}") from error
    return [_question(line, f"{jsonl}:{n}") for n, line in enumerate(lines, 1) if line.strip()]


def _question(line: str, where: str) -> tuple[object, str]:
    try:
        row = json.loads(line)
        return row.get("id"), str(row["question"])
    except (ValueError, KeyError, AttributeError) as error:
        raise InputError(f'{where}: needs {{"id", "question"}}: {error!r}') from error


def filter_of(doc_type: str | None, language: str | None, valid_on: str) -> SearchFilter:
    """What hits must satisfy; `valid_on` is an ISO date, `today` or `any`."""
    return SearchFilter(
        doc_types=(doc_type,) if doc_type else None,
        languages=(language,) if language else None,
        valid_on=_date(valid_on),
    )


def _date(valid_on: str) -> str | None:
    if valid_on == "any":
        return None
    if valid_on == "today":
        return dt.datetime.now(dt.UTC).date().isoformat()
    try:
        return dt.date.fromisoformat(valid_on).isoformat()
    except ValueError as error:
        raise InputError(f"--valid-on {valid_on!r}: {error}") from error


def search_live(
    settings: Settings, texts: Sequence[str], wanted: SearchFilter, k: int
) -> tuple[Epoch, list[tuple[Hit, ...]]]:
    store = EpochStore(settings.index_uri)
    epoch = live_epoch(store)
    with tempfile.TemporaryDirectory(prefix="sbi-cache-") as cache:
        search = EpochSearch.open(store, epoch, Path(cache))
        encoder = open_encoder(settings.encoder_id, settings.models_dir, settings.catalog)
        encoder.warm_up()
        return epoch, search.query(encoder, texts, wanted, k)


def hit_json(hit: Hit) -> dict[str, Any]:
    chunk = hit.chunk
    return {
        "doc": chunk.doc,
        "revision": chunk.revision,
        "span": list(chunk.span),
        "score": round(hit.score, 6),
        "text": chunk.text,
        "title": chunk.title,
        "type": chunk.doc_type,
        "language": chunk.language,
        "url": chunk.url,
    }
