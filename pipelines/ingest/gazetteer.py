"""The treks that a corpus knows, with the other names people use for them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from models.manifest import Trek
from pipelines.ingest.errors import InputError, Unreadable
from pipelines.ingest.metadata import load_yaml_mapping
from pipelines.ingest.readers.encoding import decode
from pipelines.ingest.sources import read_bytes

_MAX_BYTES = 4 * 1024 * 1024


def read_gazetteer(uri: str | None) -> dict[str, tuple[str, ...]]:
    """A treks.yaml: canonical name to a list of aliases, or nothing after the name."""
    if uri is None:
        return {}
    try:
        content = load_yaml_mapping(decode(read_bytes(uri, _MAX_BYTES)), uri)
    except Unreadable as error:
        raise InputError(str(error)) from error
    return {name: _names(aliases, name, uri) for name, aliases in content.items()}


def _names(value: Any, trek: str, uri: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return tuple(value)
    raise InputError(f"{uri}: the aliases of {trek!r} must be a list of names")


def merge_treks(
    documents: Iterable[Mapping[str, Any]],
    passages: Iterable[str],
    gazetteer: Mapping[str, Sequence[str]],
) -> tuple[Trek, ...]:
    """Every trek named by the gazetteer, by a document or by a row of a table, in order of name."""
    names: dict[str, dict[str, None]] = {trek: dict.fromkeys(a) for trek, a in gazetteer.items()}
    for document in documents:
        if document["trek"]:
            names.setdefault(document["trek"], {}).update(dict.fromkeys(document["aliases"] or ()))
    for trek in passages:
        names.setdefault(trek, {})
    return tuple(
        Trek(trek, tuple(alias for alias in aliases if alias != trek))
        for trek, aliases in sorted(names.items())
    )
