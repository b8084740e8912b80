"""The Serve configuration of each profile, and what this machine's settings add to it."""

from pathlib import Path
from typing import Any

import yaml

from deployments.settings import Settings
from models.catalog import load_catalog

FOLDER = Path(__file__).parent


def read(profile: str) -> dict[str, Any]:
    """The profile's configuration as it is in the repository."""
    config: dict[str, Any] = yaml.safe_load((FOLDER / f"{profile}.yaml").read_text("utf-8"))
    return config


def render(settings: Settings) -> dict[str, Any]:
    """The configuration to apply: the profile's, with this instance's port, folders and models.

    Replicas parse the settings from the environment of the node they run on; written here they
    would show, secrets included, on the dashboard.
    """
    config = read(settings.profile)
    config["http_options"]["port"] = settings.http_port
    for application in config["applications"]:
        if application["name"] == "knowledge" and settings.models == "real":
            _add_reranker(application, config, settings)
        if application["name"] == "models":
            application["args"] |= {
                "models": settings.models,
                "models_dir": str(settings.data_dir / "models"),
                "catalog": str(settings.catalog),
                "stub_llm_ms": settings.stub_llm_ms,
            }
            if settings.models == "stub":
                _drop_language_models(application)
    return config


def _add_reranker(application: dict[str, Any], config: dict[str, Any], settings: Settings) -> None:
    """Where the catalogue names a cross-encoder: on the hardware and numbers of the encoder."""
    reranker = load_catalog(settings.catalog).profile(settings.profile).reranker
    if reranker is None:
        return
    application["args"] |= {
        "reranker": str(reranker),
        "models_dir": str(settings.data_dir / "models"),
        "catalog": str(settings.catalog),
    }
    deployments = [one for app in config["applications"] for one in app["deployments"]]
    encoder = next(one for one in deployments if one["name"] == "encoder")
    application["deployments"].append({**encoder, "name": "reranker"})


def _drop_language_models(application: dict[str, Any]) -> None:
    """A stubbed `models` application has no vLLM deployments to configure."""
    application["deployments"] = [
        deployment
        for deployment in application["deployments"]
        if not deployment["name"].startswith("LLMServer:")
    ]
