"""The environment of a run, parsed once; the same variables as the rest of the platform, those that
matter here.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import fsspec
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.catalog import load_catalog
from models.open import HASH_ENCODER
from models.types import ModelId
from pipelines.ingest.errors import InputError

PREFIX = "SWITCHBACK_"


class _Variables(BaseSettings):
    """As written; `.env` is read if present."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore"
    )

    profile: str = "laptop"
    data_dir: Path = Path(".switchback")
    index_uri: str | None = None
    catalog: Path | None = None
    models: Literal["real", "stub"] | None = None


class _RayVariables(BaseSettings):
    """Ray's own, set inside `ray job submit`."""

    ray_address: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are and which encoder the profile has."""

    index_uri: str
    models_dir: Path
    cache_dir: Path
    """Where serving keeps copies of an index that lies behind a URI."""
    catalog: Path | None
    encoder_id: ModelId
    ray_address: str | None


def load_settings(profile: str | None = None, index: str | None = None) -> Settings:
    """Options win over the environment; raises InputError naming the variable."""
    try:
        variables = _Variables()
        address = _RayVariables().ray_address
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InputError(f"{PREFIX}{str(first['loc'][0]).upper()}: {first['msg']}") from error
    data_dir = variables.data_dir.expanduser().resolve()
    chosen = profile or variables.profile
    return Settings(
        index_uri=_reachable(absolute(index or variables.index_uri or str(data_dir / "index"))),
        models_dir=data_dir / "models",
        cache_dir=data_dir / "index-cache",
        catalog=variables.catalog.resolve() if variables.catalog else None,
        encoder_id=_encoder_id(chosen, variables),
        ray_address=address,
    )


def _reachable(address: str) -> str:
    """The address, if fsspec knows its protocol and the protocol's library is installed."""
    protocol, is_uri, _ = address.partition("://")
    if is_uri:
        try:
            fsspec.get_filesystem_class(protocol)
        except (ValueError, ImportError) as error:
            raise InputError(f"index {address!r}: {error}") from error
    return address


def absolute(address: str) -> str:
    """A URI as it is, a path in full: tasks do not run where the command was given."""
    return address if "://" in address else str(Path(address).expanduser().absolute())


def _encoder_id(profile: str, variables: _Variables) -> ModelId:
    models = variables.models or ("stub" if profile == "test" else "real")
    if models == "stub":
        return ModelId(HASH_ENCODER)
    return load_catalog(variables.catalog).profile(profile).encoder
