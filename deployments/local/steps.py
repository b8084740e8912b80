"""Single steps on a file of inputs, outside the cluster: one line in, one line out, in order.

Knows the public forms of input and output. What a step decides is `serving`'s.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from deployments.local import understanding
from deployments.local.errors import UsageError
from deployments.settings import Settings

Row = dict[str, Any]
ENTITY_FIELDS = ("type", "text", "start", "end", "value")
Function = Callable[[Sequence["_Line"]], Iterator[Row]]


class BadInput(UsageError):
    """A line of the input is not what the step takes."""


class _Line(BaseModel):
    """One input. Fields that a step does not know are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore")

    id: str | int
    text: str
    timestamp: str | None = None


def run(name: str, path: Path, settings: Settings, gazetteer: Path | None) -> Iterator[Row]:
    """The outputs of step `name` for a JSON Lines file; `BadInput` names file and line."""
    makers: Mapping[str, Callable[[], Function]] = {
        "parse_message": lambda: _parse_message(settings, gazetteer),
        "check_unsubscribed": lambda: _check_unsubscribed(settings),
        "analyze_ban_risk": lambda: _analyze_ban_risk(settings),
    }
    if name not in makers:
        raise BadInput(f"step {name!r} cannot run alone; choose from {', '.join(makers)}")
    lines = read(path)  # all of it first: a bad line stops before anything is printed
    return makers[name]()(lines)


def read(path: Path) -> list[_Line]:
    """Every line of the file, checked."""
    try:
        content = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not UTF-8 at byte {error.start}") from None
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
    rows = enumerate(content.split("\n"), start=1)
    return [_line(text, f"{path}:{number}") for number, text in rows if text.strip()]


def _line(text: str, where: str) -> _Line:
    try:
        line = _Line.model_validate(json.loads(text))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "the line"
        raise BadInput(f"{where}: {field}: {first['msg'].lower()}") from None
    except json.JSONDecodeError as error:
        raise BadInput(f"{where}: not JSON: {error.msg.lower()} at column {error.colno}") from None
    except RecursionError:
        raise BadInput(f"{where}: nested too deeply") from None
    try:
        _instant(line.timestamp)
    except ValueError:
        raise BadInput(f"{where}: timestamp is not ISO 8601") from None
    return line


def _instant(timestamp: str | None) -> datetime:
    """Now by default; a time without an offset is taken as UTC."""
    if timestamp is None:
        return datetime.now(UTC)
    instant = datetime.fromisoformat(timestamp)
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


def _parse_message(settings: Settings, gazetteer: Path | None) -> Function:
    from serving.understanding.reading import parse_text  # noqa: PLC0415
    from serving.understanding.treks import TrekFinder  # noqa: PLC0415

    names = _names(gazetteer) if gazetteer is not None else _live_treks(settings)
    finder = TrekFinder(names)

    def every(lines: Sequence[_Line]) -> Iterator[Row]:
        trained = understanding.embed([line.text for line in lines], settings)
        for line, own in zip(lines, trained, strict=True):
            parsed = parse_text(line.text, _instant(line.timestamp), finder, trained=own)
            yield {
                "id": line.id,
                "language": parsed.language,
                "script": parsed.script,
                "intent": parsed.intent,
                "intent_scores": dict(parsed.intent_scores),
                "sentiment": parsed.sentiment,
                "entities": [
                    {
                        "type": e.type,
                        "text": e.text,
                        "start": e.start,
                        "end": e.end,
                        "value": e.value,
                    }
                    for e in parsed.entities
                ],
                "unsure": parsed.unsure,
            }

    return every


def _check_unsubscribed(settings: Settings) -> Function:
    from serving.understanding import optout  # noqa: PLC0415
    from serving.understanding.reading import parse_text  # noqa: PLC0415
    from serving.understanding.treks import TrekFinder  # noqa: PLC0415

    finder = TrekFinder({})

    def every(lines: Sequence[_Line]) -> Iterator[Row]:
        trained = understanding.embed([line.text for line in lines], settings)
        for line, own in zip(lines, trained, strict=True):
            parsed = parse_text(line.text, _instant(line.timestamp), finder, trained=own)
            found = optout.detect(line.text)
            asked = optout.settle(found, parsed.request, parsed.request_share)
            yield {
                "id": line.id,
                "opt_out": asked.opt_out,
                "resubscribe": asked.resubscribe,
                "scope": asked.scope,
                "rule": asked.rule,
            }

    return every


def _analyze_ban_risk(settings: Settings) -> Function:
    from serving.business import load_business  # noqa: PLC0415
    from serving.risk import score_risk  # noqa: PLC0415

    own_domains = load_business(settings.business).website.own_domains

    def every(lines: Sequence[_Line]) -> Iterator[Row]:
        for line in lines:
            risk = score_risk(line.text, own_domains)
            yield {
                "id": line.id,
                "score": risk.score,
                "level": risk.level,
                "factors": dict(risk.factors),
                "suggestions": list(risk.suggestions),
            }

    return every


def _names(path: Path) -> dict[str, Sequence[str]]:
    """A trek name on each line."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read: {error}") from None
    return dict.fromkeys(_clean(lines), ())


def _clean(lines: Iterable[str]) -> Iterator[str]:
    return (line.strip() for line in lines if line.strip())


def _live_treks(settings: Settings) -> dict[str, Sequence[str]]:
    from models.epochs import EpochStore  # noqa: PLC0415

    store = EpochStore(settings.index_uri)
    epoch = store.current()
    if epoch is None:
        raise BadInput(
            f"no epoch is live at {settings.index_uri} to take trek names from;"
            " give --gazetteer FILE or run `switchback ingest run`"
        )
    return {trek.name: trek.aliases for trek in store.manifest(epoch).treks}
