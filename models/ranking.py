"""The last order of passages: all shards' hits fused, then nudged by what the question wants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from models.fusion import merge
from models.types import Hit

POOL = 4  # candidates for each passage wanted, so that a preferred one can move up

# Which kinds of document an intent is usually answered from.
TYPES_BY_INTENT: Mapping[str, tuple[str, ...]] = {
    "trek_info": ("trek", "faq"),
    "pricing": ("price", "faq"),
    "availability": ("price", "trek", "faq"),
    "booking": ("policy", "faq", "price"),
    "cancellation_refund": ("policy", "faq"),
    "support": ("policy", "faq"),
}
# Fused scores fall by about 1.5 % a rank: a right type is worth five ranks, the language ten.
TYPE_FACTOR = 1.08
LANGUAGE_FACTOR = 1.15


@dataclass(frozen=True, slots=True)
class Preference:
    """What to prefer among passages that match about equally."""

    intent: str | None = None
    language: str | None = None


def rank(shard_hits: Sequence[Sequence[Hit]], preference: Preference, k: int) -> tuple[Hit, ...]:
    """The best `k` passages of several shards of one epoch, best first."""
    pool = merge(shard_hits, POOL * k)
    scored = [replace(hit, score=hit.score * _factor(hit, preference)) for hit in pool]
    scored.sort(key=lambda hit: (-hit.score, hit.chunk.chunk_id))
    return tuple(scored[:k])


def _factor(hit: Hit, preference: Preference) -> float:
    factor = 1.0
    if preference.intent and hit.chunk.doc_type in TYPES_BY_INTENT.get(preference.intent, ()):
        factor *= TYPE_FACTOR
    if preference.language and hit.chunk.language == preference.language:
        factor *= LANGUAGE_FACTOR
    return factor
