"""Each gate lets a good index pass and refuses a bad one with its reason."""

from dataclasses import replace
from pathlib import Path

import pytest

from models.manifest import Manifest, ShardEntry
from models.types import EncoderFingerprint, Epoch
from pipelines.ingest import checks
from pipelines.ingest.build import BuiltShard
from pipelines.ingest.config import Gates
from pipelines.ingest.errors import InputError, Refused
from pipelines.ingest.staged import PartSummary, QuarantineEntry

ENTRY = ShardEntry("shard-000", "sha", 100, 1)
SHARD = BuiltShard(0, ENTRY, 384, "Flat", 1.0)
PART = PartSummary(0, 100, {"en": 100}, (), "digest")
LIVE = Manifest(
    epoch=Epoch("20260101"),
    created_at="2026-01-01T00:00:00+00:00",
    encoder=EncoderFingerprint("a"),
    dim=384,
    chunker="c",
    shards=(ENTRY,),
    document_count=10,
    chunk_count=100,
    languages=("en", "hi"),
)
BOTH = {"en": 60, "hi": 40}


def failures(count: int, *, counts: bool = True) -> list[QuarantineEntry]:
    return [QuarantineEntry(f"d{n}", "uri", "torn", counts) for n in range(count)]


def test_too_many_unreadable_documents_are_refused() -> None:
    """The message gives the share, the limit and the first reason."""
    checks.check_failures(failures(5), 100, Gates())
    checks.check_failures(failures(50, counts=False), 100, Gates())
    with pytest.raises(Refused, match=r"6 of 100 .*6\.0%, allowed 5\.0%.*'d0': torn"):
        checks.check_failures(failures(6), 100, Gates())


def test_counts_must_agree_with_the_documents() -> None:
    """A passage lost or doubled on the way refuses the index."""
    checks.check_counts([PART], [SHARD], 100)
    for parts, shards, expected in (
        ([PART], [SHARD], 101),
        ([PART], [replace(SHARD, entry=replace(ENTRY, chunk_count=99))], 100),
        ([PART, PART], [SHARD], 100),
    ):
        with pytest.raises(Refused, match="passages"):
            checks.check_counts(parts, shards, expected)


def test_a_shard_that_does_not_find_what_it_holds_is_refused() -> None:
    """Recall is a gate of each shard, not of their mean."""
    checks.check_recall([SHARD, SHARD], Gates())
    with pytest.raises(Refused, match=r"shard 0 \(Flat\) has a recall of 0\.970"):
        checks.check_recall([SHARD, replace(SHARD, recall=0.97)], Gates())


def test_a_halved_corpus_and_a_lost_language_are_refused_unless_wanted() -> None:
    """An accident upstream does not empty the index."""
    checks.check_shrink(None, 1, {"en": 1}, Gates())
    checks.check_shrink(LIVE, 60, BOTH, Gates())
    with pytest.raises(Refused, match="50 passages instead of the 100"):
        checks.check_shrink(LIVE, 50, BOTH, Gates())
    with pytest.raises(Refused, match="no passage in hi"):
        checks.check_shrink(LIVE, 100, {"en": 100}, Gates())
    checks.check_shrink(LIVE, 50, {"en": 50}, Gates(allow_shrink=True))


def test_another_encoder_than_the_live_one_is_refused_unless_wanted() -> None:
    """Serving would embed questions with the old one."""
    checks.check_encoder(None, "b", Gates())
    checks.check_encoder(LIVE, "a", Gates())
    with pytest.raises(Refused, match="embedded by 'a'"):
        checks.check_encoder(LIVE, "b", Gates())
    checks.check_encoder(LIVE, "b", Gates(allow_encoder_change=True))


def test_golden_questions_may_not_get_worse_by_more_than_a_point() -> None:
    """A first index has nothing to be worse than."""
    checks.check_questions(0.1, None, Gates())
    checks.check_questions(0.895, 0.9, Gates())
    with pytest.raises(Refused, match=r"85\.0% .* 90\.0%"):
        checks.check_questions(0.85, 0.9, Gates())


@pytest.mark.parametrize("content", ["not json", '{"question": "only"}', "[]"])
def test_a_faulty_question_file_is_an_input_error(tmp_path: Path, content: str) -> None:
    """The message names the file."""
    path = tmp_path / "golden.jsonl"
    path.write_text(content)
    with pytest.raises(InputError, match=r"golden\.jsonl"):
        checks.read_questions(path)


def test_every_gate_that_refuses_is_heard() -> None:
    """A data team learns of all faults in one run."""
    shrunk = lambda: checks.check_shrink(LIVE, 50, BOTH, Gates())  # noqa: E731
    torn = lambda: checks.check_failures(failures(6), 100, Gates())  # noqa: E731
    fine = lambda: checks.check_shrink(LIVE, 100, BOTH, Gates())  # noqa: E731
    first, second = checks.reasons(shrunk, fine, torn)
    assert "50 passages" in first
    assert "6 of 100" in second
