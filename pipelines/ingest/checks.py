"""The gates between a built epoch and the pointer that makes it live. Each raises Refused with its
reason.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from models.errors import ModelsError
from models.manifest import Manifest
from pipelines.ingest.build import BuiltShard
from pipelines.ingest.config import Gates
from pipelines.ingest.errors import InputError, Refused
from pipelines.ingest.staged import PartSummary, QuarantineEntry

Key = TypeVar("Key", str, int)


def reasons(*gates: Callable[[], None]) -> list[str]:
    """Why the gates refuse, of all of them: a data team mends everything at once."""
    found: list[str] = []
    for gate in gates:
        try:
            gate()
        except (Refused, ModelsError) as error:
            found.append(str(error))
    return found


def added_up(counts: Iterable[Mapping[Key, int]]) -> dict[Key, int]:
    """Counts of several shards as one."""
    total: dict[Key, int] = {}
    for of_one in counts:
        for key, count in of_one.items():
            total[key] = total.get(key, 0) + count
    return total


def check_failures(failures: Sequence[QuarantineEntry], num_files: int, gates: Gates) -> None:
    """Not too many documents could not be read."""
    counted = [entry for entry in failures if entry.counts]
    share = len(counted) / max(1, num_files)
    if share > gates.max_failed_share:
        first = counted[0]
        raise Refused(
            f"{len(counted)} of {num_files} documents could not be read ({share:.1%}, allowed "
            f"{gates.max_failed_share:.1%}); the first is {first.doc!r}: {first.reason}"
        )


def check_encoder(live: Manifest | None, encoder: str, gates: Gates) -> None:
    """Serving embeds questions with the encoder of the live epoch; another finds nothing."""
    if live is None or gates.allow_encoder_change or live.encoder == encoder:
        return
    raise Refused(
        f"the live epoch {live.epoch} was embedded by {live.encoder!r}, this run would use "
        f"{encoder!r}; --allow-encoder-change rebuilds everything with it"
    )


def check_counts(parts: Sequence[PartSummary], shards: Sequence[BuiltShard], expected: int) -> None:
    """Every passage that the documents gave is in a shard, and nothing else."""
    staged = sum(part.num_chunks for part in parts)
    built = sum(shard.entry.chunk_count for shard in shards)
    if not staged == built == expected:
        raise Refused(
            f"the documents gave {expected} passages, {staged} were staged, the shards hold {built}"
        )


def check_recall(shards: Sequence[BuiltShard], gates: Gates) -> None:
    """The served index finds what an exact search finds."""
    for shard in shards:
        if shard.recall < gates.min_recall:
            raise Refused(
                f"shard {shard.number} ({shard.index}) has a recall of {shard.recall:.3f} against "
                f"exact search, needs {gates.min_recall:.3f}"
            )


def check_shrink(
    live: Manifest | None, num_chunks: int, languages: Mapping[str, int], gates: Gates
) -> None:
    """Much less than is live now, or a language gone, is more often an accident than a wish."""
    if live is None or gates.allow_shrink:
        return
    lost = 1 - num_chunks / live.chunk_count
    if lost > gates.max_shrink_share:
        raise Refused(
            f"{num_chunks} passages instead of the {live.chunk_count} of the live epoch "
            f"{live.epoch} ({lost:.0%} fewer, allowed {gates.max_shrink_share:.0%}); "
            "--allow-shrink publishes it all the same"
        )
    gone = sorted(set(live.languages) - set(languages))
    if gone:
        raise Refused(
            f"no passage in {', '.join(gone)} any more, which the live epoch {live.epoch} has; "
            "--allow-shrink publishes it all the same"
        )


def read_questions(path: Path) -> list[tuple[str, str]]:
    """Golden questions as (question, document that answers it)."""
    try:
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
        return [(str(line["question"]), str(line["doc"])) for line in lines]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"golden questions {path}: {error!r}") from error


def check_questions(new: float, live: float | None, gates: Gates) -> None:
    """The share of golden questions whose document is among the first five does not fall."""
    if live is not None and new < live - gates.max_question_loss:
        raise Refused(
            f"{new:.1%} of the golden questions find their document, {live:.1%} in the live epoch"
        )
