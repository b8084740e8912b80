"""Small checks of request JSON that answer with Graph's codes.

131008 for what is missing, 131009 for a wrong value, 100 for what is unsupported or oversized.
"""

from collections.abc import Collection
from typing import Any

from simulator.errors import GraphError, bad_parameter
from simulator.wire import Json


def missing(path: str) -> GraphError:
    """The error for an absent parameter."""
    return GraphError(131008, f"Parameter '{path}' is required.")


def invalid(path: str, why: str) -> GraphError:
    """The error for a value that is not valid."""
    return GraphError(131009, f"Parameter '{path}' {why}.")


def obj(parent: Json, key: str, path: str) -> Json:
    """A required object."""
    value = parent.get(key)
    if value is None:
        raise missing(path)
    if not isinstance(value, dict):
        raise bad_parameter(f"Param {path} must be a JSON object.")
    return value


def array(parent: Json, key: str, path: str, *, most: int) -> list[Any]:
    """A required list of one to `most` elements."""
    value = parent.get(key)
    if value is None:
        raise missing(path)
    if not isinstance(value, list):
        raise bad_parameter(f"Param {path} must be a JSON array.")
    if not 1 <= len(value) <= most:
        raise invalid(path, f"must have 1 to {most} elements, and has {len(value)}")
    return value


def objects(parent: Json, key: str, path: str, *, most: int) -> list[Json]:
    """A required list of objects."""
    values = array(parent, key, path, most=most)
    for value in values:
        if not isinstance(value, dict):
            raise bad_parameter(f"Param {path} must be a list of JSON objects.")
    return values


def text(parent: Json, key: str, path: str, *, most: int) -> str:
    """A required string of 1 to `most` characters that is not blank."""
    value = parent.get(key)
    if value is None:
        raise missing(path)
    if not isinstance(value, str):
        raise bad_parameter(f"Param {path} must be a string.")
    if not value.strip():
        raise missing(path)
    if len(value) > most:
        raise invalid(path, f"must be at most {most} characters long, and has {len(value)}")
    return value


def optional_text(parent: Json, key: str, path: str, *, most: int) -> str | None:
    """A string of at most `most` characters, or nothing."""
    return None if parent.get(key) is None else text(parent, key, path, most=most)


def number(parent: Json, key: str, path: str, *, low: float, high: float) -> float:
    """A required number (Graph takes numeric strings too)."""
    value = parent.get(key)
    if value is None:
        raise missing(path)
    try:
        result = float("true" if isinstance(value, bool) else value)
    except (TypeError, ValueError) as error:
        raise bad_parameter(f"Param {path} must be a number.") from error
    if not low <= result <= high:
        raise invalid(path, f"must lie between {low:g} and {high:g}")
    return result


def only(parent: Json, allowed: Collection[str], path: str) -> None:
    """Refuse keys that Graph does not know: mostly misspelt ones."""
    for key in parent:
        if key not in allowed:
            raise bad_parameter(f'Unexpected key "{key}" on param "{path}".')


def one_of(parent: Json, key: str, path: str, allowed: Collection[str]) -> str:
    """A required string out of a list."""
    value = parent.get(key)
    if value is None:
        raise missing(path)
    if value not in allowed:
        listed = ", ".join(sorted(allowed))
        raise bad_parameter(f"Param {path} must be one of {{{listed}}} - got {value!r}.")
    return str(value)


def unique(values: list[str], path: str) -> None:
    """No two alike."""
    if len(set(values)) != len(values):
        raise invalid(path, "must be unique")
