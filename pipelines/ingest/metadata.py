"""Metadata of a document, from its front matter, sidecar or table columns: checked here, once."""

import datetime as dt
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from pipelines.ingest.errors import Unreadable

DocType = Literal["trek", "price", "faq", "policy", "other"]
FIELDS = frozenset(
    {
        "title", "type", "language", "trek", "aliases", "season",
        "valid_from", "valid_to", "revision", "supersedes", "url",
    }
)  # fmt: skip
SIDECAR_SUFFIX = ".meta.yaml"

_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_FRONT_MATTER_START = re.compile(r"\A\ufeff?---[ \t]*\r?\n[\w-]+:")
_DEVANAGARI = re.compile(r"[\u0900-\u097f]")
# Languages that are told apart where a document does not say its own.
_DETECTED = ("ENGLISH", "SPANISH", "FRENCH", "HINDI", "GERMAN", "ITALIAN", "PORTUGUESE", "DUTCH")
_SAMPLE_CHARS = 2000
# Below it a table of names and prices is taken for Dutch as easily as for English.
_MIN_LETTERS = 80
DEFAULT_LANGUAGE = "en"


def _text(value: object) -> object:
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return (value.strip() or None) if isinstance(value, str) else value


def _iso_date(value: object) -> object:
    value = _text(value)
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value[:10]).isoformat()
        except ValueError:
            raise ValueError(f"{value!r} is not an ISO date") from None
    return value


def _doc_type(value: object) -> object:
    """A word of another vocabulary is `other`: a data team's own types must not refuse their
    documents.
    """
    value = _text(value)
    return (
        value.lower() if isinstance(value, str) and value.lower() in get_args(DocType) else "other"
    )


def _language(value: object) -> object:
    value = _text(value)
    return re.split(r"[-_]", value.lower())[0] if isinstance(value, str) else value


def _aliases(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value if value is not None else ()


Text = Annotated[str | None, BeforeValidator(_text)]
IsoDate = Annotated[str | None, BeforeValidator(_iso_date)]


class Metadata(BaseModel):
    """What a document says about itself. Keys that are not listed here are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    title: Text = None
    type: Annotated[DocType, BeforeValidator(_doc_type)] | None = None
    language: Annotated[str | None, BeforeValidator(_language)] = None
    trek: Text = None
    aliases: Annotated[tuple[str, ...], BeforeValidator(_aliases)] = ()
    season: Text = None
    valid_from: IsoDate = None
    valid_to: IsoDate = None
    revision: Text = None
    supersedes: Annotated[tuple[str, ...], BeforeValidator(_aliases)] = ()
    """Documents that this one takes the place of."""
    url: Text = None


def parse_metadata(values: Mapping[str, Any], where: str) -> Metadata:
    """Check values; raises Unreadable naming the key."""
    try:
        metadata = Metadata.model_validate(dict(values))
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in detail["loc"])
        raise Unreadable(f"{where}: {key}: {detail['msg']}") from error
    if metadata.valid_from and metadata.valid_to and metadata.valid_from > metadata.valid_to:
        raise Unreadable(
            f"{where}: valid_from {metadata.valid_from} is after valid_to {metadata.valid_to}"
        )
    return metadata


def split_front_matter(text: str) -> tuple[dict[str, Any], str]:
    """YAML between two lines of `---` at the very start, and the text after it."""
    found = _FRONT_MATTER.match(text)
    if found is None:
        if _FRONT_MATTER_START.match(text):
            raise Unreadable("front matter has no closing line of ---")
        return {}, text
    return load_yaml_mapping(found.group(1), "front matter"), text[found.end() :]


def load_yaml_mapping(text: str, where: str) -> dict[str, Any]:
    """A YAML mapping; raises Unreadable with the line of the fault."""
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Unreadable(f"{where}: not valid YAML: {' '.join(str(error).split())}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise Unreadable(f"{where}: needs keys and values, not a {type(values).__name__}")
    return {str(key): value for key, value in values.items()}


def guess_type(doc: str) -> DocType:
    """From the folder a document lies in, such as `policies/refunds.pdf`."""
    for part in doc.lower().split("/")[:-1]:
        stem = part.removesuffix("ies") + "y" if part.endswith("ies") else part.removesuffix("s")
        if stem in get_args(DocType):
            return stem  # type: ignore[return-value]  # checked against the literal just above
    return "other"


def detect_language(text: str) -> str:
    """ISO 639-1 code of a text's language; `en` where too little is said to tell."""
    sample = text[:_SAMPLE_CHARS]
    letters = sum(character.isalpha() for character in sample)
    if letters and len(_DEVANAGARI.findall(sample)) > letters / 3:
        return "hi"
    if letters < _MIN_LETTERS:
        return DEFAULT_LANGUAGE
    found = _detector().detect_language_of(sample)
    return found.iso_code_639_1.name.lower() if found is not None else DEFAULT_LANGUAGE


@lru_cache(maxsize=1)
def _detector() -> Any:
    from lingua import Language, LanguageDetectorBuilder

    languages = [getattr(Language, name) for name in _DETECTED]
    builder = LanguageDetectorBuilder.from_languages(*languages)
    return builder.with_low_accuracy_mode().with_minimum_relative_distance(0.1).build()
