"""The composition root: which implementation stands behind which port, and what each app deploys.

`models`, `knowledge` and `agent` are the builders named in deployments/config/<profile>.yaml.
They bind deployments and read nothing but their arguments and the catalogue; connections are
opened in the replicas. How many replicas, with how much of which machine, the profile says.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict
from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig

from deployments.settings import Settings, SettingsError
from models.catalog import Catalog, Hardware, ModelEntry, load_catalog
from models.open import HASH_ENCODER
from models.types import Tier
from serving import ports
from serving.step import Step
from serving.types import STEP_NAMES, StepName

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from serving.business import Business
    from serving.chat import ChatEndpoint
    from serving.stores.cache import ContextCache
    from serving.stores.database import Database
    from serving.stores.inbox import Inbox
    from serving.stores.stats import Stats
    from serving.stores.wakeups import RedisWakeups

STUB_GRAPH = "stub:"  # SWITCHBACK_GRAPH_BASE_URL of load tests: everything is accepted at once


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
    """One deployment per index shard, and the searcher in front of them."""
    from deployments.knowledge import Searcher, ShardHost  # noqa: PLC0415  # imports FAISS

    shards = [
        _deployment(ShardHost, f"shard_{number}").bind(number) for number in range(args.num_shards)
    ]
    return _deployment(Searcher, "searcher").bind(shards)


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
    from ray.llm._internal.serve.core.configs.openai_api_models import (  # noqa: PLC0415, PLC2701
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


# ── ports and steps ──────────────────────────────────────────────────────────────────────────


class Parts:
    """The implementations one process uses, each made when first asked for.

    Imports are local: a replica's memory and start-up are mostly imports, and each step needs few.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._to_open: list[Database] = []

    async def open(self) -> None:
        """Connect what has been asked for so far."""
        for database in self._to_open:
            await database.open()

    @cached_property
    def database(self) -> "Database":
        from serving.stores.database import Database  # noqa: PLC0415

        url = _given(self.settings.database_url, "SWITCHBACK_DATABASE_URL")
        database = Database(url, self.settings.encryption_keys)
        self._to_open.append(database)
        return database

    @cached_property
    def redis(self) -> "Redis":
        from redis.asyncio import Redis  # noqa: PLC0415

        url = _given(self.settings.redis_url, "SWITCHBACK_REDIS_URL")
        return Redis.from_url(url, socket_connect_timeout=1.0)

    @cached_property
    def cache(self) -> "ContextCache":
        from serving.stores.cache import ContextCache  # noqa: PLC0415

        return ContextCache(self.redis)

    @cached_property
    def wakeups(self) -> "RedisWakeups":
        from serving.stores.wakeups import RedisWakeups  # noqa: PLC0415

        return RedisWakeups(self.redis)

    @cached_property
    def inbox(self) -> "Inbox":
        from serving.stores.inbox import Inbox  # noqa: PLC0415

        return Inbox(self.database, self.cache)

    @cached_property
    def turns(self) -> ports.TurnStore:
        from serving.stores.turns import PostgresTurns  # noqa: PLC0415

        return PostgresTurns(self.database)

    @cached_property
    def stats(self) -> "Stats":
        from serving.stores.stats import Stats  # noqa: PLC0415

        return Stats(self.database)

    @cached_property
    def business(self) -> "Business":
        from serving.business import load_business  # noqa: PLC0415

        return load_business(self.settings.business)

    @cached_property
    def clock(self) -> ports.Clock:
        return SystemClock()

    @cached_property
    def knowledge(self) -> ports.Knowledge:
        from deployments.transport import ServeKnowledge  # noqa: PLC0415

        return ServeKnowledge()

    @cached_property
    def graph(self) -> ports.Graph:
        if self.settings.graph_base_url == STUB_GRAPH:
            from serving.stubs import StubGraph  # noqa: PLC0415

            return StubGraph()
        from serving.graph import GraphApi  # noqa: PLC0415

        return GraphApi(
            self.settings.graph_base_url, self.settings.graph_version, self.settings.access_token
        )

    @cached_property
    def chat(self) -> ports.ChatModel:
        if self.settings.models == "stub":
            from serving.stubs import StubChat  # noqa: PLC0415

            return StubChat(self.settings.stub_llm_ms / 1e3)
        from serving.chat import OpenAiChat  # noqa: PLC0415

        return OpenAiChat(chat_endpoints(self.settings))

    def step(self, name: StepName) -> Step[Any, Any]:
        """The step of that name, with its ports."""
        return STEPS[name](self)


def parse_message(parts: Parts) -> Step[Any, Any]:
    from serving.steps.parse_message import ParseMessage  # noqa: PLC0415

    return ParseMessage(parts.knowledge)


def check_unsubscribed(parts: Parts) -> Step[Any, Any]:
    from serving.steps.check_unsubscribed import CheckUnsubscribed  # noqa: PLC0415
    from serving.stores.consent import PostgresConsent  # noqa: PLC0415

    return CheckUnsubscribed(PostgresConsent(parts.database), parts.business)


def build_context(parts: Parts) -> Step[Any, Any]:
    from serving.steps.build_context import BuildContext  # noqa: PLC0415
    from serving.stores.context import PostgresContext  # noqa: PLC0415

    return BuildContext(PostgresContext(parts.database, parts.cache))


def retrieve_documents(parts: Parts) -> Step[Any, Any]:
    from serving.steps.retrieve_documents import RetrieveDocuments  # noqa: PLC0415

    return RetrieveDocuments(parts.knowledge, parts.clock)


def analyze_ban_risk(parts: Parts) -> Step[Any, Any]:
    from serving.steps.analyze_ban_risk import AnalyzeBanRisk  # noqa: PLC0415

    return AnalyzeBanRisk(parts.business.website.own_domains)


def generate_response(parts: Parts) -> Step[Any, Any]:
    from serving.steps.generate_response import GenerateResponse  # noqa: PLC0415

    return GenerateResponse(parts.chat, parts.business, parts.clock)


def validate_response(parts: Parts) -> Step[Any, Any]:
    from serving.steps.validate_response import ValidateResponse  # noqa: PLC0415

    return ValidateResponse(parts.business, parts.knowledge)


def check_compliance(parts: Parts) -> Step[Any, Any]:
    from serving.policy import load_policy  # noqa: PLC0415
    from serving.steps.check_compliance import CheckCompliance  # noqa: PLC0415

    return CheckCompliance(parts.business, load_policy())


def send_message(parts: Parts) -> Step[Any, Any]:
    from serving.steps.send_message import SendMessage  # noqa: PLC0415
    from serving.stores.outbox import PostgresOutbox  # noqa: PLC0415

    return SendMessage(PostgresOutbox(parts.database), parts.graph, parts.clock)


def log_interaction(parts: Parts) -> Step[Any, Any]:
    from serving.steps.log_interaction import LogInteraction  # noqa: PLC0415
    from serving.stores.interactions import PostgresInteractions  # noqa: PLC0415

    return LogInteraction(PostgresInteractions(parts.database, parts.cache), parts.clock)


def update_lead_score(parts: Parts) -> Step[Any, Any]:
    from serving.steps.update_lead_score import UpdateLeadScore  # noqa: PLC0415
    from serving.stores.leads import PostgresLeads  # noqa: PLC0415

    return UpdateLeadScore(PostgresLeads(parts.database, parts.cache))


STEPS: Mapping[StepName, Callable[[Parts], Step[Any, Any]]] = {
    "parse_message": parse_message,
    "check_unsubscribed": check_unsubscribed,
    "build_context": build_context,
    "retrieve_documents": retrieve_documents,
    "analyze_ban_risk": analyze_ban_risk,
    "generate_response": generate_response,
    "validate_response": validate_response,
    "check_compliance": check_compliance,
    "send_message": send_message,
    "log_interaction": log_interaction,
    "update_lead_score": update_lead_score,
}


class SystemClock:
    """`serving.ports.Clock` of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def chat_endpoints(settings: Settings) -> "Mapping[Tier, Sequence[ChatEndpoint]]":
    """Every tier's chain of OpenAI-compatible endpoints, ours and hosted ones alike."""
    from serving.chat import ChatEndpoint  # noqa: PLC0415

    catalog = load_catalog(settings.catalog)
    own = f"http://127.0.0.1:{settings.http_port}/v1"  # a proxy runs on every node

    def endpoint(entry: ModelEntry) -> ChatEndpoint:
        hosted, price = entry.hosted, entry.price
        return ChatEndpoint(
            model_id=entry.id,
            remote_name=hosted.model if hosted else str(entry.id),
            base_url=settings.openrouter_base_url if hosted else own,
            api_key=(settings.openrouter_api_key or "") if hosted else settings.api_key,
            languages=entry.languages,
            input_usd_per_mtok=price.input_usd_per_mtok if price else 0.0,
            output_usd_per_mtok=price.output_usd_per_mtok if price else 0.0,
            context_length=entry.context_length,
        )

    def usable(entry: ModelEntry) -> bool:
        return entry.hosted is None or settings.openrouter_api_key is not None

    return {
        tier: [endpoint(e) for e in catalog.tier_chain(settings.profile, tier) if usable(e)]
        for tier in get_args(Tier)
    }


def _given(url: str | None, variable: str) -> str:
    if url is None:
        raise SettingsError(f"{variable} is not set, and this process starts no service of its own")
    return url
