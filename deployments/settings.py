"""The environment, parsed once into frozen settings; nothing below reads `os.environ`.

Knows the names and defaults of the variables. Must not know what any room does with them.
"""

import base64
import binascii
import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from deployments.secrets import generate_missing

Profile = Literal["laptop", "test", "staging", "production"]
ModelSource = Literal["real", "stub"]

PREFIX: Final = "SWITCHBACK_"
PROJECT_ROOT: Final = Path(__file__).resolve().parent.parent
EMBEDDED_PROFILES: Final[tuple[Profile, ...]] = ("laptop", "test")
SECRET_NAMES: Final = ("app_secret", "verify_token", "access_token", "encryption_keys", "api_key")
GRAPH_VERSION: Final = re.compile(r"v\d{1,3}\.\d{1,2}")


class SettingsError(ValueError):
    """The environment is incomplete or wrong; the message names the variable."""


class _Variables(BaseModel):
    """The variables as written. None: not set."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)

    profile: Profile = "laptop"
    data_dir: Path = Path(".switchback")
    database_url: str | None = None
    redis_url: str | None = None
    index_uri: str | None = None
    business: Path | None = None
    catalog: Path | None = None
    http_port: int = Field(default=8000, ge=1, le=65_535)
    simulator_port: int = Field(default=8080, ge=1, le=65_535)
    dashboard_port: int = Field(default=8265, ge=1, le=65_535)
    models: ModelSource | None = None
    stub_llm_ms: float = Field(default=50.0, ge=0)
    graph_base_url: str | None = None
    graph_version: str = "v26.0"
    phone_number_id: str = "106500000000002"
    app_secret: str | None = None
    verify_token: str | None = None
    access_token: str | None = None
    encryption_keys: str | None = None
    api_key: str | None = None
    openrouter_api_key: str | None = None
    openrouter_base_url: str = "https://openrouter.ai/api/v1"
    model_budget_usd: float = Field(default=20.0, ge=0)


class _ProcessVariables(_Variables, BaseSettings):
    """The same, from this process's environment and `.env`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore"
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the environment decides. Secrets never show in its repr."""

    profile: Profile
    data_dir: Path  # absolute
    database_url: str | None = field(repr=False)  # may carry a password; None: embedded
    redis_url: str | None = field(repr=False)  # as above
    index_uri: str  # absolute path, or a URI that pyarrow.fs and fsspec understand
    business: Path
    catalog: Path
    http_port: int
    simulator_port: int
    dashboard_port: int
    models: ModelSource
    stub_llm_ms: float
    graph_base_url: str
    graph_version: str
    phone_number_id: str
    app_secrets: tuple[str, ...] = field(repr=False)  # any of them verifies; two in rotation
    verify_token: str = field(repr=False)
    access_token: str = field(repr=False)
    encryption_keys: tuple[str, ...] = field(repr=False)  # the first encrypts, all decrypt
    api_key: str = field(repr=False)  # of /v1, /knowledge and /admin
    openrouter_api_key: str | None = field(repr=False)
    openrouter_base_url: str
    model_budget_usd: float  # for paid models, a day

    @property
    def embedded(self) -> bool:
        """Whether this profile runs its own Postgres and Redis where no URL names others."""
        return self.profile in EMBEDDED_PROFILES

    def with_services(self, database_url: str, redis_url: str) -> "Settings":
        """The same settings, pointing at services that have been started."""
        return dataclasses.replace(self, database_url=database_url, redis_url=redis_url)

    def to_env(self) -> dict[str, str]:
        """Variables from which a child process parses these very settings."""
        values = {
            "PROFILE": self.profile,
            "DATA_DIR": str(self.data_dir),
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "INDEX_URI": self.index_uri,
            "BUSINESS": str(self.business),
            "CATALOG": str(self.catalog),
            "HTTP_PORT": str(self.http_port),
            "SIMULATOR_PORT": str(self.simulator_port),
            "DASHBOARD_PORT": str(self.dashboard_port),
            "MODELS": self.models,
            "STUB_LLM_MS": str(self.stub_llm_ms),
            "GRAPH_BASE_URL": self.graph_base_url,
            "GRAPH_VERSION": self.graph_version,
            "PHONE_NUMBER_ID": self.phone_number_id,
            "APP_SECRET": ",".join(self.app_secrets),
            "VERIFY_TOKEN": self.verify_token,
            "ACCESS_TOKEN": self.access_token,
            "ENCRYPTION_KEYS": ",".join(self.encryption_keys),
            "API_KEY": self.api_key,
            "OPENROUTER_API_KEY": self.openrouter_api_key,
            "OPENROUTER_BASE_URL": self.openrouter_base_url,
            "MODEL_BUDGET_USD": str(self.model_budget_usd),
        }
        return {PREFIX + name: value for name, value in values.items() if value is not None}


def load_settings(env: Mapping[str, str] | None = None) -> Settings:
    """Parse `env`, or this process's environment with `.env` when it is None.

    On the laptop and test profiles missing secrets are generated once into the data folder;
    elsewhere a missing one raises `SettingsError` with its name.
    """
    variables = _read(env)
    data_dir = variables.data_dir.expanduser().resolve()
    secrets = _secrets(variables, data_dir)
    if variables.profile not in EMBEDDED_PROFILES:
        _require(variables, ("database_url", "redis_url"))
    return _freeze(variables, data_dir, secrets)


def _read(env: Mapping[str, str] | None) -> _Variables:
    try:
        if env is None:
            return _ProcessVariables()
        given = {k.upper().removeprefix(PREFIX): v for k, v in env.items() if _ours(k) and v}
        return _Variables.model_validate({k.lower(): v for k, v in given.items()})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = PREFIX + str(first["loc"][0]).upper().removeprefix(PREFIX)
        raise SettingsError(f"{name}: {first['msg'].lower()}") from None  # values stay unseen


def _ours(name: str) -> bool:
    return name.upper().startswith(PREFIX)


def _secrets(variables: _Variables, data_dir: Path) -> dict[str, str]:
    given = {name: getattr(variables, name) for name in SECRET_NAMES}
    present = {name: value for name, value in given.items() if value}
    missing = [name for name in SECRET_NAMES if name not in present]
    if not missing:
        return present
    if variables.profile not in EMBEDDED_PROFILES:
        _require(variables, SECRET_NAMES)
    try:
        return generate_missing(data_dir / "secrets.json", missing) | present
    except (OSError, ValueError) as error:
        raise SettingsError(f"{PREFIX}DATA_DIR: {error}") from error


def _require(variables: _Variables, names: tuple[str, ...]) -> None:
    for name in names:
        if not getattr(variables, name):
            raise SettingsError(
                f"{PREFIX}{name.upper()} is not set; the {variables.profile} profile needs it"
            )


def _freeze(variables: _Variables, data_dir: Path, secrets: Mapping[str, str]) -> Settings:
    default_models: ModelSource = "stub" if variables.profile == "test" else "real"
    return Settings(
        profile=variables.profile,
        data_dir=data_dir,
        database_url=variables.database_url,
        redis_url=variables.redis_url,
        index_uri=_uri(variables.index_uri or str(data_dir / "index")),
        business=_path(variables.business, "corpus/business.yaml"),
        catalog=_path(variables.catalog, "models/catalog.yaml"),
        http_port=variables.http_port,
        simulator_port=variables.simulator_port,
        dashboard_port=variables.dashboard_port,
        models=variables.models or default_models,
        stub_llm_ms=variables.stub_llm_ms,
        graph_base_url=_base_url(variables),
        graph_version=_graph_version(variables.graph_version),
        phone_number_id=variables.phone_number_id,
        app_secrets=_listed("app_secret", secrets["app_secret"]),
        verify_token=secrets["verify_token"],
        access_token=secrets["access_token"],
        encryption_keys=_keys(secrets["encryption_keys"]),
        api_key=secrets["api_key"],
        openrouter_api_key=variables.openrouter_api_key,
        openrouter_base_url=variables.openrouter_base_url.rstrip("/"),
        model_budget_usd=variables.model_budget_usd,
    )


def _path(given: Path | None, default: str) -> Path:
    """A path of the caller's is relative to where it stands; a default, to the project."""
    return given.expanduser().resolve() if given else PROJECT_ROOT / default


def _uri(text: str) -> str:
    return text if "://" in text else os.path.abspath(os.path.expanduser(text))  # noqa: PTH100, PTH111 -- keeps links as written


def _base_url(variables: _Variables) -> str:
    url = variables.graph_base_url or f"http://127.0.0.1:{variables.simulator_port}"
    if not url.startswith(("http://", "https://", "stub:")):  # stub: the load tests' send port
        raise SettingsError(f"{PREFIX}GRAPH_BASE_URL: {url!r} is not an http or https address")
    return url.rstrip("/")


def _graph_version(text: str) -> str:
    if GRAPH_VERSION.fullmatch(text) is None:
        raise SettingsError(f"{PREFIX}GRAPH_VERSION: {text!r} is not of the form v26.0")
    return text


def _listed(name: str, text: str) -> tuple[str, ...]:
    items = tuple(item.strip() for item in text.split(",") if item.strip())
    if not items:
        raise SettingsError(f"{PREFIX}{name.upper()} holds no value")
    return items


def _keys(text: str) -> tuple[str, ...]:
    keys = _listed("encryption_keys", text)
    for position, key in enumerate(keys, start=1):
        if not _is_key(key):
            raise SettingsError(
                f"{PREFIX}ENCRYPTION_KEYS: key {position} is not 32 bytes in URL-safe base64"
            )
    return keys


def _is_key(key: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(key.encode())) == 32  # noqa: PLR2004 -- AES-256, Fernet
    except (binascii.Error, ValueError):
        return False
