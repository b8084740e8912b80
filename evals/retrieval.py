"""Retrieval: does a question find a page that answers it among the first five passages?

Over the demo corpus, searched directly in the index that is live (`SWITCHBACK_INDEX_URI`), as
`ingest query` does. Measured as it is served, and once for each part taken away or put in.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from deployments.settings import Settings
from evals.frame.evaluation import Evaluation, Unavailable
from evals.frame.measure import Measure, Outcome, accuracy
from models.epochs import EpochStore
from models.errors import ModelsError
from models.fusion import Weights
from models.open import TextEncoder, open_encoder
from models.question import Question, QuestionReader
from models.ranking import Bonus, rank, trek_bonus
from models.shard import IndexShard
from models.types import ChunkRecord, Hit, SearchFilter
from pipelines.ingest.search import CANDIDATES, EpochSearch
from pipelines.ingest.settings import load_settings

QUESTIONS = Path(__file__).parent / "data" / "golden_questions.jsonl"
K = 5
# The golden questions ask about departures after it; on a later day some have no answer left.
TODAY = "2026-11-28"
RANK_CONSTANT = 60

Found = tuple[Hit, ...]
Golden = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Way:
    """One way of searching: how a question is read, what is allowed, and how hits are ranked."""

    name: str
    read: Callable[[QuestionReader, str], Question] = QuestionReader.read
    rank: Callable[[Sequence[Found], Question, Golden], Found] = lambda hits, question, _: rank(
        hits, trek_bonus(question.treks), K
    )
    allowed: SearchFilter = SearchFilter(valid_on=TODAY)  # noqa: RUF009  # frozen


def _as_asked(_: QuestionReader, text: str) -> Question:
    return Question(text, (text,), (), ())


def _ranked(
    hits: Sequence[Found], question: Question, golden: Golden, *, weights: Weights | None = None
) -> Found:
    del question, golden
    return rank(hits, trek_bonus(()), K, weights=weights, repeat_penalty=0.0)


def _by_reciprocal_rank(hits: Sequence[Found], question: Question, _: Golden) -> Found:
    """Cormack, Clarke and Buettcher 2009, in place of the convex combination."""
    found = [hit for of in hits for hit in of]
    scores = dict.fromkeys((hit.chunk.chunk_id for hit in found), 0.0)
    for score in ("dense", "lexical"):
        values = {hit.chunk.chunk_id: getattr(hit, score) for hit in found}
        known = sorted((-value, key) for key, value in values.items() if value is not None)
        for place, (_, key) in enumerate(known, 1):
            scores[key] += 1 / (RANK_CONSTANT + place)
    scale = 30.0  # a first place in both counts 1, as in the convex combination
    as_dense = [replace(h, dense=scale * scores[h.chunk.chunk_id], lexical=None) for h in found]
    return rank([tuple(as_dense)], trek_bonus(question.treks), K)


def _without_variety(hits: Sequence[Found], question: Question, _: Golden) -> Found:
    return rank(hits, trek_bonus(question.treks), K, repeat_penalty=0.0)


def _without_trek(hits: Sequence[Found], question: Question, _: Golden) -> Found:
    del question
    return rank(hits, trek_bonus(()), K)


def _with(hits: Sequence[Found], question: Question, golden: Golden, *, extra: Any) -> Found:
    trek: Bonus = trek_bonus(question.treks)
    return rank(hits, lambda chunk: trek(chunk) + extra(chunk, golden), K)


def _own_language(chunk: ChunkRecord, golden: Golden) -> float:
    return 0.1 if chunk.language == golden["language"] else 0.0


# Which type of page a kind of question is usually answered from: the best that an intent can tell.
_TYPES = {
    "price": {"price"},
    "deposit": {"price", "policy"},
    "payment": {"policy", "faq"},
    "refund": {"policy"},
    "change": {"policy"},
    "insurance": {"policy"},
    "age": {"policy"},
    "permits": {"policy"},
    "trek": {"trek"},
    "season": {"trek"},
    "departures": {"price", "trek"},
    "rental": {"price"},
    "extras": {"price"},
    "discount": {"policy"},
}


def _type_by_intent(chunk: ChunkRecord, golden: Golden) -> float:
    return 0.1 if chunk.doc_type in _TYPES.get(golden["kind"], {"faq", "other"}) else 0.0


SERVED = Way("served")
ABLATION = (
    Way("dense_alone", _as_asked, partial(_ranked, weights=Weights(lexical=0.0))),
    Way("lexical_alone", _as_asked, partial(_ranked, weights=Weights(dense=0.0))),
    Way("hybrid_alone", _as_asked, _ranked),
    Way("with_concepts", rank=_ranked),
    Way("fused_by_rank", rank=_by_reciprocal_rank),
    Way("without_variety", rank=_without_variety),
    Way("without_trek", rank=_without_trek),
    Way("without_freshness", allowed=SearchFilter()),
    Way("with_own_language", rank=partial(_with, extra=_own_language)),
    Way("with_type_by_intent", rank=partial(_with, extra=_type_by_intent)),
)


class Vectors:
    """Each text is embedded once, however many ways of searching ask for it."""

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder
        self._known: dict[str, np.ndarray] = {}

    def of(self, texts: Sequence[str]) -> np.ndarray:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, self._encoder.encode(new, "query"), strict=True))
        return np.stack([self._known[text] for text in texts])


def run(settings: Settings) -> Iterator[Measure]:
    rows = map(json.loads, QUESTIONS.read_text("utf-8").splitlines())
    golden = [row for row in rows if row["answerable"]]
    ingest = load_settings(settings.profile, settings.index_uri)
    encoder = open_encoder(ingest.encoder_id, ingest.models_dir, ingest.catalog)
    with tempfile.TemporaryDirectory(prefix="evals-") as cache:
        search = _live(settings, Path(cache))
        encoder.warm_up()
        if encoder.fingerprint != search.manifest.encoder:
            raise Unavailable("the live index is another encoder's; run `ingest run` again")
        vectors = Vectors(encoder)
        for way in (SERVED, *ABLATION):
            found = _search(search, vectors, golden, way)
            yield from _measures(way, golden, found)


def _live(settings: Settings, cache: Path) -> EpochSearch:
    store = EpochStore(settings.index_uri)
    try:
        epoch = store.current()
        if epoch is None:
            raise Unavailable(f"no index at {store.root}; run `switchback ingest run` first")
        return EpochSearch.open(store, epoch, cache)
    except (ModelsError, OSError) as error:
        raise Unavailable(f"index {store.root}: {error}") from error


def _search(
    search: EpochSearch, encoded: Vectors, golden: Sequence[Golden], way: Way
) -> list[Found]:
    reader = QuestionReader(search.manifest.treks)
    questions = [way.read(reader, row["question"]) for row in golden]
    vectors = encoded.of([question.to_embed for question in questions])
    texts = [question.to_match for question in questions]
    filters = [way.allowed] * len(golden)

    def hits(shard: IndexShard) -> list[Found]:
        return shard.search(vectors, texts, filters, CANDIDATES)

    of_shards = zip(*(hits(shard) for shard in search.shards), strict=True)
    rows = zip(of_shards, questions, golden, strict=True)
    return [way.rank(found, question, row) for found, question, row in rows]


def _measures(way: Way, golden: Sequence[Golden], found: Sequence[Found]) -> Iterator[Measure]:
    served = way is SERVED
    pairs = list(zip(golden, found, strict=True))
    outcomes = [_outcome(row, {hit.chunk.doc for hit in hits}) for row, hits in pairs]
    name = "recall_at_5" if served else f"recall_at_5_{way.name}"
    floors = (0.92, 0.85) if served else (None, None)
    yield Measure(name, accuracy, outcomes, floor=floors[0], floor_each=floors[1])
    if served or way.name == "without_freshness":
        fresh = [Outcome(row["id"], _group(row), "current", _age(hits)) for row, hits in pairs]
        yield Measure(f"nothing_expired_{way.name}", accuracy, fresh, floor=1.0 if served else None)


def _outcome(row: Golden, docs: set[str]) -> Outcome:
    right = sorted(docs & set(row["docs"]))
    return Outcome(
        row["id"], _group(row), "found", "found" if right else "missed", text=row["question"]
    )


def _group(row: Golden) -> str:
    return "hi_latn" if (row["language"], row["script"]) == ("hi", "latn") else row["language"]


def _age(hits: Found) -> str:
    expired = [h for h in hits if not _is_valid(h.chunk)]
    return f"expired: {expired[0].chunk.doc}" if expired else "current"


def _is_valid(chunk: ChunkRecord) -> bool:
    return (chunk.valid_from or TODAY) <= TODAY <= (chunk.valid_to or TODAY)


EVALUATION = Evaluation("retrieval", "does a question find a page that answers it?", run)
