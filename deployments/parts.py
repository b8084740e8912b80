"""The composition root: which implementation stands behind which port, for each step.

One `Parts` per process. Every replica builds its own from the environment and asks for what it
needs; tests build it from settings of their own. Nothing else in the project chooses.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args

from deployments.settings import Settings, SettingsError
from models.catalog import ModelEntry, load_catalog
from models.types import Tier
from serving import ports
from serving.step import Step
from serving.types import LANGUAGES, StepName

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from serving.answer_cache import AnswerCache
    from serving.business import Business
    from serving.chat import ChatEndpoint
    from serving.stores.cache import ContextCache
    from serving.stores.database import Database
    from serving.stores.inbox import Inbox
    from serving.stores.media import MediaFetcher
    from serving.stores.metrics import RedisMetrics
    from serving.stores.stats import PostgresStats
    from serving.stores.wakeups import RedisWakeups

# ruff: noqa: PLC0415  # a replica's memory and start-up are mostly imports, and each needs few

STUB_GRAPH = "stub:"  # SWITCHBACK_GRAPH_BASE_URL of load tests: everything is accepted at once


class Parts:
    """The implementations one process uses, each made when first asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._to_open: list[Database] = []

    async def open(self) -> None:
        """Connect what has been asked for so far."""
        for database in self._to_open:
            await database.open()

    @cached_property
    def database(self) -> "Database":
        from serving.stores.database import Database

        url = _given(self.settings.database_url, "SWITCHBACK_DATABASE_URL")
        database = Database(url, self.settings.encryption_keys)
        self._to_open.append(database)
        return database

    @cached_property
    def redis(self) -> "Redis":
        from redis.asyncio import Redis

        url = _given(self.settings.redis_url, "SWITCHBACK_REDIS_URL")
        return Redis.from_url(url, socket_connect_timeout=1.0)

    @cached_property
    def cache(self) -> "ContextCache":
        from serving.stores.cache import ContextCache

        return ContextCache(self.redis)

    @cached_property
    def contexts(self) -> ports.ContextStore:
        from serving.stores.context import PostgresContext

        return PostgresContext(self.database, self.cache)

    @cached_property
    def wakeups(self) -> "RedisWakeups":
        from serving.stores.wakeups import RedisWakeups

        return RedisWakeups(self.redis)

    @cached_property
    def metrics(self) -> "RedisMetrics":
        from serving.stores.metrics import RedisMetrics

        return RedisMetrics(self.redis)

    @cached_property
    def inbox(self) -> "Inbox":
        from serving.stores.inbox import Inbox

        return Inbox(self.database, self.cache, self.business.rate_card)

    @cached_property
    def turns(self) -> ports.TurnStore:
        from serving.stores.turns import PostgresTurns

        return PostgresTurns(self.database)

    @cached_property
    def outbox(self) -> ports.Outbox:
        from serving.stores.outbox import PostgresOutbox
        from serving.templates import TemplateBook

        business = self.business
        templates = TemplateBook(business.message_templates, business.default_language)
        return PostgresOutbox(self.database, templates, business.rate_card)

    @cached_property
    def drafts(self) -> ports.DraftStore:
        from serving.stores.drafts import PostgresDrafts

        return PostgresDrafts(self.database)

    @cached_property
    def consent(self) -> ports.ConsentStore:
        from serving.stores.consent import PostgresConsent

        return PostgresConsent(self.database)

    @cached_property
    def stats(self) -> "PostgresStats":
        from serving.stores.stats import PostgresStats

        return PostgresStats(self.database)

    @cached_property
    def business(self) -> "Business":
        from serving.business import load_business

        return load_business(self.settings.business)

    @cached_property
    def clock(self) -> ports.Clock:
        return SystemClock()

    @cached_property
    def knowledge(self) -> ports.Knowledge:
        from deployments.transport import ServeKnowledge

        return ServeKnowledge()

    @cached_property
    def graph(self) -> ports.Graph:
        if self.settings.graph_base_url == STUB_GRAPH:
            from serving.stubs import StubGraph

            return StubGraph()
        from serving.graph import GraphApi

        return GraphApi(
            self.settings.graph_base_url, self.settings.graph_version, self.settings.access_token
        )

    @cached_property
    def media_fetcher(self) -> "MediaFetcher | None":
        """None where there is no Graph to fetch from."""
        settings = self.settings
        if settings.graph_base_url == STUB_GRAPH:
            return None
        from serving.media import GraphMedia
        from serving.stores.media import MediaFetcher, PostgresMedia

        source = GraphMedia(settings.graph_base_url, settings.graph_version, settings.access_token)
        return MediaFetcher(PostgresMedia(self.database), source)

    @cached_property
    def chat(self) -> ports.ChatModel:
        if self.settings.models == "stub":
            from serving.stubs import StubChat

            return StubChat(self.settings.stub_llm_ms / 1e3)
        from serving.chat import OpenAiChat
        from serving.stores.budget import PostgresBudget

        budget = PostgresBudget(self.database, self.settings.model_budget_usd)
        return OpenAiChat(chat_endpoints(self.settings), budget)

    @cached_property
    def answers(self) -> "AnswerCache | None":
        """None with stub models: load tests ask the same again and mean every call."""
        if self.settings.models == "stub":
            return None
        from serving.answer_cache import AnswerCache
        from serving.policy import load_policy
        from serving.stores.cache import RedisAnswers

        return AnswerCache(self.chat, RedisAnswers(self.redis), load_policy().version)

    def step(self, name: StepName) -> Step[Any, Any]:
        """The step of that name, with its ports."""
        return STEPS[name](self)


def parse_message(parts: Parts) -> Step[Any, Any]:
    from serving.steps.parse_message import ParseMessage

    if parts.settings.models == "stub":
        return ParseMessage(parts.knowledge)  # the stub's vectors mean nothing to trained heads
    from deployments.transport import ServeEmbedder
    from serving.understanding import heads

    return ParseMessage(parts.knowledge, heads=heads.load(), embedder=ServeEmbedder())


def check_unsubscribed(parts: Parts) -> Step[Any, Any]:
    from serving.steps.check_unsubscribed import CheckUnsubscribed

    return CheckUnsubscribed(parts.consent, confirmations(parts.business))


def confirmations(business: "Business") -> dict[str, dict[str, str]]:
    """Wording of each confirmation by language variant."""
    from serving.business import VARIANTS
    from serving.steps.check_unsubscribed import Confirmation

    names = get_args(Confirmation)
    return {name: {v: business.say(name, v) for v in VARIANTS} for name in names}


def build_context(parts: Parts) -> Step[Any, Any]:
    from serving.steps.build_context import BuildContext

    return BuildContext(parts.contexts)


def retrieve_documents(parts: Parts) -> Step[Any, Any]:
    from serving.steps.retrieve_documents import RetrieveDocuments

    return RetrieveDocuments(parts.knowledge, parts.clock, parts.contexts)


def analyze_ban_risk(parts: Parts) -> Step[Any, Any]:
    from serving.steps.analyze_ban_risk import AnalyzeBanRisk

    return AnalyzeBanRisk(parts.business.website.own_domains)


def generate_response(parts: Parts) -> Step[Any, Any]:
    from serving.generation import EconomicalGeneration
    from serving.presence import VisibleGeneration
    from serving.steps.generate_response import GenerateResponse

    writer = GenerateResponse(
        parts.chat,
        parts.business,
        parts.clock,
        answers=parts.answers,
        knowledge=parts.knowledge,
    )
    visible = VisibleGeneration(writer, parts.graph)
    return EconomicalGeneration(visible, parts.drafts, parts.wakeups)


def validate_response(parts: Parts) -> Step[Any, Any]:
    from serving.steps.validate_response import ValidateResponse

    # Laptops and tests have the smallest models only.
    return ValidateResponse(parts.business, parts.knowledge, verbatim=parts.settings.embedded)


def check_compliance(parts: Parts) -> Step[Any, Any]:
    from serving.policy import load_policy
    from serving.steps.check_compliance import CheckCompliance

    return CheckCompliance(parts.business, load_policy())


def send_message(parts: Parts) -> Step[Any, Any]:
    from serving.steps.send_message import SendMessage

    return SendMessage(parts.outbox, parts.graph, parts.clock)


def log_interaction(parts: Parts) -> Step[Any, Any]:
    from serving.steps.log_interaction import LogInteraction
    from serving.stores.interactions import PostgresInteractions

    return LogInteraction(PostgresInteractions(parts.database))


def update_lead_score(parts: Parts) -> Step[Any, Any]:
    from serving.steps.update_lead_score import UpdateLeadScore
    from serving.stores.leads import PostgresLeads

    return UpdateLeadScore(PostgresLeads(parts.database))


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
    from serving.chat import ChatEndpoint

    catalog = load_catalog(settings.catalog)
    own = f"http://127.0.0.1:{settings.http_port}/v1"  # a proxy runs on every node

    def endpoint(entry: ModelEntry) -> ChatEndpoint:
        hosted, price = entry.hosted, entry.price
        return ChatEndpoint(
            model_id=entry.id,
            remote_name=hosted.model if hosted else str(entry.id),
            base_url=settings.openrouter_base_url if hosted else own,
            api_key=(settings.openrouter_api_key or "") if hosted else settings.api_key,
            languages=frozenset(n for n in LANGUAGES if n in (entry.languages or LANGUAGES)),
            price_in=price.input_usd_per_mtok if price else 0.0,
            price_out=price.output_usd_per_mtok if price else 0.0,
            max_context=entry.context_length,
            metered=hosted is not None,
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
