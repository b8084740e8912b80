"""Language models and an index that answer from memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from models.types import Epoch, ModelId
from serving.errors import Degraded, Failure, SwitchbackError
from serving.ports import ChatReply, ChatRequest, Embeddings, SearchQuery
from serving.sentences import content_words
from serving.types import Candidate, Documents, Language, Passage

EPOCH = Epoch("e-test")


@dataclass
class FakeChat:
    """Answers with `text`, or fails with `error`; writes only the given languages."""

    text: str = "It is fine."
    error: SwitchbackError | None = None
    languages: frozenset[Language] = frozenset({"en"})
    requests: list[ChatRequest] = field(default_factory=list)

    def candidates(self, request: ChatRequest) -> tuple[Candidate, ...]:
        why_not = "" if request.language in self.languages else "language"
        return (Candidate(request.tier, ModelId("fake"), 0.0, why_not),)

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.requests.append(request)
        if request.language not in self.languages:
            raise Degraded(f"no model of tier {request.tier!r} writes {request.language!r}")
        if self.error:
            raise self.error
        return ChatReply(self.text, ModelId("fake"), 100, 20, 0.0)


@dataclass
class FakeEmbedder:
    """The same vector for every text, or fails with `error`."""

    encoder: str = "fake"
    vector: Sequence[float] = (1.0, 0.0)
    error: SwitchbackError | None = None

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        if self.error:
            raise self.error
        return Embeddings(self.encoder, np.array([self.vector] * len(texts), np.float32))


@dataclass
class FakeKnowledge:
    """Passages ranked by shared words, those about the trek in question first."""

    passages: Sequence[Passage] = ()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    error: SwitchbackError | None = None

    async def search(self, queries: Sequence[SearchQuery]) -> list[Documents | Failure]:
        return [self._answer(query) for query in queries]

    async def treks(self) -> Mapping[str, tuple[str, ...]]:
        if self.error:
            raise self.error
        own = {passage.trek: () for passage in self.passages if passage.trek}
        return {**own, **self.aliases}

    def _answer(self, query: SearchQuery) -> Documents | Failure:
        if self.error:
            return Failure.of(self.error)
        wanted = content_words(query.text)
        scored = [
            (len(wanted & content_words(f"{p.title} {p.trek} {p.text}")) + self._bonus(p, query), p)
            for p in self.passages
            if self._allowed(p, query)
        ]
        best = sorted(scored, key=lambda pair: -pair[0])[: query.k]
        found = tuple(replace(p, score=score) for score, p in best if score > 0)
        return Documents(EPOCH, found)

    @staticmethod
    def _bonus(passage: Passage, query: SearchQuery) -> float:
        about = bool(query.filter.treks) and passage.trek in (query.filter.treks or ())
        return 2.0 * about

    @staticmethod
    def _allowed(passage: Passage, query: SearchQuery) -> bool:
        wanted = query.filter
        treks_fit = not wanted.treks or passage.trek is None or passage.trek in wanted.treks
        day = wanted.valid_on
        dates_fit = not day or ((passage.valid_from or day) <= day <= (passage.valid_to or day))
        return treks_fit and dates_fit
