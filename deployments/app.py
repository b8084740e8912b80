"""The three Serve applications: what each deploys and how it is wired.

`models`, `knowledge` and `agent` are the builders named in deployments/config/<profile>.yaml.
They bind deployments and read nothing but their arguments and the catalogue; connections are
opened in the replicas. How many replicas, with how much of which machine, the profile says.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig

from models.catalog import Catalog, Hardware, ModelEntry, load_catalog
from models.open import HASH_ENCODER
from serving.types import STEP_NAMES


class ModelsArgs(BaseModel):
    """Arguments of the `models` application."""

    model_config = ConfigDict(extra="forbid")

    profile: str
    models: Literal["real", "stub"] = "real"
    hardware: Hardware = "cpu"
    models_dir: str = ".switchback/models"
    catalog: str | None = None
    stub_llm_ms: float = 50.0


class KnowledgeArgs(BaseModel):
    """Arguments of the `knowledge` application."""

    model_config = ConfigDict(extra="forbid")

    num_shards: int = 2
    reranker: str | None = None
    """A cross-encoder of the catalogue: the profile's, where it names one."""
    models_dir: str = ".switchback/models"
    catalog: str | None = None


# ── applications ─────────────────────────────────────────────────────────────────────────────


def models(args: ModelsArgs) -> Application:
    """Language models through ray.serve.llm, the encoder, and the /v1 in front of both."""
    catalog = load_catalog(Path(args.catalog) if args.catalog else None)
    if args.models == "stub":
        return _stub_models(args, catalog)
    from deployments.openai_gateway import gateway_class  # noqa: PLC0415  # imports vLLM

    entries = [entry for entry in catalog.local_models(args.profile) if entry.kind == "llm"]
    configs = {str(entry.id): llm_config(entry, args) for entry in entries}
    encoder_id = str(catalog.encoder(args.profile).id)
    from ray.serve.llm import build_llm_deployment  # noqa: PLC0415

    return _deployment(gateway_class(), "gateway").bind(
        llm_deployments={name: build_llm_deployment(config) for name, config in configs.items()},
        model_cards={name: _card(name, config) for name, config in configs.items()},
        encoder=_encoder(encoder_id, args),
        encoder_id=encoder_id,
    )


def knowledge(args: KnowledgeArgs) -> Application:
    """One deployment per index shard, the searcher in front of them, a reranker if one is named."""
    from deployments.knowledge import Searcher, ShardHost  # noqa: PLC0415  # imports FAISS
    from deployments.reranker import RerankerHost  # noqa: PLC0415

    shards = [
        _deployment(ShardHost, f"shard_{number}").bind(number) for number in range(args.num_shards)
    ]
    reranker = None
    if args.reranker is not None:
        where = (args.models_dir, args.catalog)
        reranker = _deployment(RerankerHost, "reranker").bind(args.reranker, *where)
    return _deployment(Searcher, "searcher").bind(shards, reranker)


def agent(_args: dict[str, Any]) -> Application:
    """Ingress, router and the eleven steps."""
    from deployments.ingress import Ingress  # noqa: PLC0415
    from deployments.router_host import RouterHost  # noqa: PLC0415
    from deployments.step_host import StepHost  # noqa: PLC0415

    steps = {name: _deployment(StepHost, name).bind(name) for name in STEP_NAMES}
    router = _deployment(RouterHost, "router").bind(steps)
    return _deployment(Ingress, "ingress").bind(router)


def llm_config(entry: ModelEntry, args: ModelsArgs) -> Any:
    """Ray's LLMConfig of a catalogue entry on the given hardware."""
    from ray.serve.llm import LLMConfig  # noqa: PLC0415  # imports vLLM

    engine = entry.engine[args.hardware]
    on_cpu: dict[str, Any] = {"placement_group_config": {"bundles": [{"CPU": 1}]}}
    return LLMConfig(
        model_loading_config={"model_id": entry.id, "model_source": _source(entry, args)},
        engine_kwargs=dict(engine.args),
        accelerator_type=engine.accelerator_type,
        runtime_env={"env_vars": dict(engine.env)},
        deployment_config={"ray_actor_options": {"num_cpus": 1}},
        log_engine_metrics=True,
        **(on_cpu if args.hardware == "cpu" else {}),
    )


def _source(entry: ModelEntry, args: ModelsArgs) -> str:
    """The prepared folder on this hardware's machines, or the hub's name where it is fetched."""
    hub = next((source.repo for source in entry.sources if source.kind == "hub"), None)
    if args.hardware == "gpu" and hub is not None:
        return hub
    return str(Path(args.models_dir).absolute() / entry.id)


def _card(name: str, config: Any) -> Any:
    from ray.llm._internal.serve.core.configs.openai_api_models import (  # noqa: PLC0415
        to_model_metadata,  # the one thing build_openai_app does that has no public name
    )

    return to_model_metadata(name, config)


def _encoder(encoder_id: str, args: ModelsArgs) -> Application:
    from deployments.encoder import EncoderHost  # noqa: PLC0415

    return _deployment(EncoderHost, "encoder").bind(encoder_id, args.models_dir)


def _stub_models(args: ModelsArgs, catalog: Catalog) -> Application:
    from deployments.stub_gateway import StubGateway  # noqa: PLC0415

    names = [str(entry.id) for entry in catalog.local_models(args.profile) if entry.kind == "llm"]
    encoder = _encoder(HASH_ENCODER, args)
    return _deployment(StubGateway, "gateway").bind(names, encoder, args.stub_llm_ms)


def _deployment(host: Any, name: str) -> Any:
    """A deployment of that name; its numbers come from the profile's configuration."""
    return serve.deployment(host, name=name, autoscaling_config=AutoscalingConfig())
