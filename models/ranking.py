"""Putting the hits of all shards into one order.

Shards return raw scores; fusion happens here, over all of them, because ranks within one shard
say nothing about another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from models.types import Hit

RRF_K = 60  # Cormack, Clarke and Buettcher 2009: insensitive around this value

# Which kinds of document an intent is usually answered from.
TYPES_BY_INTENT: Mapping[str, tuple[str, ...]] = {
    "trek_info": ("trek", "faq"),
    "pricing": ("price", "faq"),
    "availability": ("price", "trek", "faq"),
    "booking": ("policy", "faq", "price"),
    "cancellation_refund": ("policy", "faq"),
    "support": ("policy", "faq"),
}


@dataclass(frozen=True, slots=True)
class Preference:
    """What to prefer among passages that match about equally."""

    intent: str | None = None
    language: str | None = None


def merge(hits: Sequence[Hit], preference: Preference, k: int) -> tuple[Hit, ...]:
    """The best `k` of all shards' hits, each passage once, by reciprocal-rank fusion."""
    unique = tuple({hit.chunk.chunk_id: hit for hit in hits}.values())
    scores = dict.fromkeys((hit.chunk.chunk_id for hit in unique), 0.0)
    for of in ("dense", "lexical"):
        ranked = [hit for hit in unique if getattr(hit, of) is not None]
        ranked.sort(key=lambda hit: (-getattr(hit, of), hit.chunk.chunk_id))
        for rank, hit in enumerate(ranked, start=1):
            scores[hit.chunk.chunk_id] += 1.0 / (RRF_K + rank)
    rescored = [
        replace(hit, score=scores[hit.chunk.chunk_id] * _bonus(hit, preference)) for hit in unique
    ]
    rescored.sort(key=lambda hit: (-hit.score, hit.chunk.chunk_id))
    return tuple(rescored[:k])


def _bonus(hit: Hit, preference: Preference) -> float:
    """A factor: a preferred type moves a passage up by about five ranks, its language by ten."""
    factor = 1.0
    if preference.intent and hit.chunk.doc_type in TYPES_BY_INTENT.get(preference.intent, ()):
        factor *= 1.08
    if preference.language and hit.chunk.language == preference.language:
        factor *= 1.15
    return factor
