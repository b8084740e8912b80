"""Every profile's applications are built, not deployed, by the schemas that will run them."""

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.serve._private.build_app import build_app
from ray.serve.schema import ServeDeploySchema
from vllm.engine.arg_utils import AsyncEngineArgs

from deployments import config
from deployments.settings import load_settings
from models.catalog import load_catalog
from serving.flow import FLOW

PROFILES = ("laptop", "test", "staging", "production")
pytestmark = [
    pytest.mark.slow,  # imports vLLM
    pytest.mark.filterwarnings("ignore"),  # of Ray and vLLM at import
]


def applications(profile: str) -> dict[str, Any]:
    schema = ServeDeploySchema.model_validate(config.read(profile))
    return {application.name: application for application in schema.applications}


def built(application: Any) -> dict[str, Any]:
    """Deployments by name, as Serve itself builds them from the import path and arguments."""
    module, _, function = application.import_path.partition(":")
    builder = getattr(importlib.import_module(module), function)
    annotation = next(iter(builder.__annotations__.values()))
    args = annotation(**application.args) if isinstance(annotation, type) else application.args
    graph = build_app(builder(args), name=application.name)
    return {deployment.name: deployment for deployment in graph.deployments}


@pytest.mark.parametrize("profile", PROFILES)
def test_the_profile_has_three_applications(profile: str) -> None:
    """Models, knowledge and agent are separate, so that each can be upgraded alone."""
    assert list(applications(profile)) == ["models", "knowledge", "agent"]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", ["models", "knowledge", "agent"])
def test_configured_and_built_deployments_are_the_same(profile: str, name: str) -> None:
    """No deployment runs on defaults, and no number is written for one that does not exist."""
    application = applications(profile)[name]
    configured = {deployment.name for deployment in application.deployments}
    assert configured == set(built(application))


@pytest.mark.parametrize("profile", PROFILES)
def test_every_deployment_autoscales(profile: str) -> None:
    """Each one has bounds and a signal of its own in the profile."""
    for application in applications(profile).values():
        for deployment in application.deployments:
            autoscaling = deployment.autoscaling_config
            assert autoscaling["min_replicas"] >= 1, deployment.name
            assert autoscaling["max_replicas"] >= autoscaling["min_replicas"], deployment.name
            assert {"target_ongoing_requests", "policy"} & set(autoscaling), deployment.name


def test_the_agent_has_the_eleven_steps_under_their_names() -> None:
    """The flow's table and the deployments of the agent are the same set."""
    names = set(built(applications("laptop")["agent"]))
    assert names == {spec.name for spec in FLOW} | {"ingress", "router"}


@pytest.mark.parametrize(
    ("model", "hardware"),
    [
        (str(entry.id), hardware)
        for entry in load_catalog().models.values()
        for hardware in entry.engine
    ],
)
def test_engine_arguments_are_vllms_own(model: str, hardware: str) -> None:
    """vLLM's argument class takes each engine block of the catalogue as it stands."""
    engine = load_catalog().model(model).engine[hardware]  # type: ignore[index]
    arguments = AsyncEngineArgs(model=model, **engine.args)  # type: ignore[arg-type]
    assert arguments.model == model


def test_gpu_models_ask_for_their_gpus() -> None:
    """A tier that is split over sixteen GPUs reserves sixteen of the named accelerator."""
    from deployments.app import ModelsArgs, llm_config

    entry = load_catalog().model("kimi-k2-instruct")
    made = llm_config(entry, ModelsArgs(profile="production", hardware="gpu"))
    bundles = made.get_engine_config().placement_bundles
    assert sum(bundle.get("GPU", 0) for bundle in bundles) == 16


def test_a_reranker_named_in_the_catalogue_is_deployed(tmp_path: Path) -> None:
    """A cross-encoder of the profile becomes a deployment with numbers; else there is none."""
    catalog = yaml.safe_load(Path("models/catalog.yaml").read_text("utf-8"))
    source = {"kind": "folder", "path": str(tmp_path)}
    catalog["models"]["rank"] = {"kind": "cross_encoder", "licence": "MIT", "sources": [source]}
    catalog["models"]["rank"]["context_length"] = 512
    for profile in catalog["profiles"].values():
        profile["reranker"] = "rank"
    path = tmp_path / "catalog.yaml"
    path.write_text(yaml.safe_dump(catalog), "utf-8")

    def deployments(**more: str) -> tuple[set[str], set[str]]:
        settings = load_settings({"SWITCHBACK_PROFILE": "laptop", **more})
        schema = ServeDeploySchema.model_validate(config.render(settings))
        [knowledge] = [one for one in schema.applications if one.name == "knowledge"]
        return {one.name for one in knowledge.deployments}, set(built(knowledge))

    configured, made = deployments(SWITCHBACK_CATALOG=str(path))
    assert configured == made == {"shard_0", "shard_1", "searcher", "reranker"}
    configured, made = deployments()
    assert configured == made == {"shard_0", "shard_1", "searcher"}
