"""The shard on disk: written once, the same bytes every time, opened only when whole."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from models.chunk_table import SCHEMA, to_records, to_table
from models.errors import CorruptShard, WrongEncoder
from models.shard import IndexShard
from models.shard_files import read_record
from models.shard_writer import write_shard
from models.types import ChunkRecord, EncoderFingerprint, SearchFilter
from models.vector_index import IndexSpec, choose_index, train, write
from tests.unit.models.samples import TREKS, chunk, chunks, unit_vectors

COUNT = 700
ENCODER = EncoderFingerprint("encoder-a")
SPECS = [
    IndexSpec("flat", "Flat"),
    IndexSpec("ivf-sq8", "IVF8,SQ8", nprobe=8),
    IndexSpec("ivf-pq", "IVF8,PQ8x4fsr,RFlat", nprobe=8, k_factor=20),
    IndexSpec("ivf-pq", "IVF8,PQ8x4fsr,Refine(SQ8)", nprobe=8, k_factor=20),
]
ANY = SearchFilter()


@pytest.fixture(params=SPECS, ids=lambda spec: spec.factory)
def spec(request: pytest.FixtureRequest) -> IndexSpec:
    assert isinstance(request.param, IndexSpec)
    return request.param


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "shard-000"
    write_shard(path, unit_vectors(COUNT), chunks(COUNT), ENCODER)
    return path


def test_a_shard_gives_back_what_was_written(tmp_path: Path, spec: IndexSpec) -> None:
    """Records and vectors come back in the order of their ids; the record says what is there."""
    vectors = unit_vectors(COUNT)
    record = write_shard(tmp_path / "s", vectors, chunks(COUNT), ENCODER, index=spec)
    shard = IndexShard.load(tmp_path / "s", encoder=ENCODER)
    assert shard.record == record == read_record(tmp_path / "s")
    assert (len(shard), record.dim, record.index) == (COUNT, 32, spec)
    assert shard.chunks() == chunks(COUNT)
    assert np.abs(shard.vectors() - vectors).max() < 0.02  # SQ8 stores a byte per value


@pytest.mark.parametrize("mmap", [True, False])
def test_a_passage_finds_itself(tmp_path: Path, spec: IndexSpec, *, mmap: bool) -> None:
    """The query equal to a stored vector gets that passage first, with its cosine."""
    vectors = unit_vectors(COUNT)
    write_shard(tmp_path / "s", vectors, chunks(COUNT), ENCODER, index=spec)
    shard = IndexShard.load(tmp_path / "s", mmap=mmap)
    rows = [3, 77, 699]
    for row, hits in zip(rows, shard.search(vectors[rows], ["zzz"] * 3, [ANY] * 3, 4), strict=True):
        assert len(hits) == 4
        assert hits[0].chunk == chunk(row)
        assert hits[0].dense == pytest.approx(1.0, abs=0.02)
        assert hits[0].lexical is None
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_the_order_of_input_does_not_change_a_byte(tmp_path: Path, spec: IndexSpec) -> None:
    """Equal chunks in another order give byte-identical files."""
    vectors, records = unit_vectors(COUNT), chunks(COUNT)
    shuffled = np.random.default_rng(1).permutation(COUNT)
    write_shard(tmp_path / "a", vectors, records, ENCODER, index=spec)
    table = to_table([records[i] for i in shuffled])
    write_shard(tmp_path / "b", vectors[shuffled], table, ENCODER, index=spec)
    names = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*"))
    assert len(names) >= 5
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_another_process_writes_the_same_bytes(tmp_path: Path, folder: Path) -> None:
    """Nothing depends on the hash seed or on the clock."""
    script = (
        "import sys; from pathlib import Path; from models.shard_writer import write_shard;"
        "from tests.unit.models.samples import chunks, unit_vectors;"
        f"write_shard(Path(sys.argv[1]), unit_vectors({COUNT}), chunks({COUNT}), {ENCODER!r})"
    )
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": str(root)}
    other = tmp_path / "other"
    subprocess.run([sys.executable, "-c", script, str(other)], env=environment, check=True)
    assert (other / "shard.json").read_bytes() == (folder / "shard.json").read_bytes()


def test_records_survive_the_table() -> None:
    """A record is the same after its way through Arrow, nulls and empty headings included."""
    table = to_table(chunks(12))
    assert table.schema.equals(SCHEMA)
    assert to_records(table) == chunks(12)


@pytest.mark.parametrize(
    "name",
    ["vectors.faiss", "chunks.parquet", "lexical/data.csc.index.npy", "lexical/vocab.index.json"],
)
def test_a_flipped_bit_is_refused(folder: Path, name: str) -> None:
    """A changed file is named, whichever it is, even where it could still be read."""
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(CorruptShard, match=name.rpartition("/")[2]):
        IndexShard.load(folder)


@pytest.mark.parametrize("name", ["vectors.faiss", "chunks.parquet", "lexical/params.index.json"])
@pytest.mark.parametrize("verify", [True, False])
def test_a_missing_file_is_refused(folder: Path, name: str, *, verify: bool) -> None:
    """A shard with a file gone is refused with or without checksums."""
    (folder / name).unlink()
    with pytest.raises(CorruptShard, match="shard-000"):
        IndexShard.load(folder, verify=verify)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format": 99}', '{"format": 1}'])
def test_a_broken_record_is_refused(folder: Path, content: str) -> None:
    """shard.json itself may be the damaged file."""
    (folder / "shard.json").write_text(content)
    with pytest.raises(CorruptShard, match=r"shard\.json"):
        IndexShard.load(folder)


def test_files_of_two_shards_do_not_mix(tmp_path: Path, folder: Path) -> None:
    """Without checksums a file of another shard is still noticed by its count."""
    write_shard(tmp_path / "small", unit_vectors(10), chunks(10), ENCODER)
    (folder / "vectors.faiss").write_bytes((tmp_path / "small" / "vectors.faiss").read_bytes())
    with pytest.raises(CorruptShard, match="10 vectors"):
        IndexShard.load(folder, verify=False)


def test_another_encoder_is_refused(folder: Path) -> None:
    """Vectors of two encoders are never compared."""
    with pytest.raises(WrongEncoder, match=r"encoder-a.*encoder-b"):
        IndexShard.load(folder, encoder=EncoderFingerprint("encoder-b"))


def test_a_shard_is_never_overwritten(folder: Path) -> None:
    """Writing over a published shard is refused and leaves it whole."""
    with pytest.raises(FileExistsError):
        write_shard(folder, unit_vectors(3), chunks(3), ENCODER)
    assert len(IndexShard.load(folder)) == COUNT


def test_input_that_is_no_index_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    """Too few vectors, repeated ids, vectors of another length, or nothing at all."""
    target = tmp_path / "s"
    long = unit_vectors(3) * 2
    for vectors, records in [
        (unit_vectors(2), chunks(3)),
        (unit_vectors(2), [chunk(1), chunk(1)]),
        (long, chunks(3)),
        (np.full_like(long, np.nan), chunks(3)),
        (unit_vectors(0), []),
    ]:
        with pytest.raises(ValueError, match=r"shape|repeat|length one|at least one"):
            write_shard(target, vectors, records, ENCODER)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wanted", "allowed"),
    [
        (SearchFilter(doc_types=("faq",)), lambda c: c.doc_type == "faq"),
        (SearchFilter(languages=("hi", "fr")), lambda c: c.language in ("hi", "fr")),
        (SearchFilter(treks=(str(TREKS[0]),)), lambda c: c.trek in (TREKS[0], None)),
        (SearchFilter(valid_on="2026-06-30"), lambda c: True),
        (SearchFilter(valid_on="2026-07-01"), lambda c: c.valid_to is None),
        (SearchFilter(valid_on="2025-12-31"), lambda c: c.valid_from is None),
        (
            SearchFilter(doc_types=("trek",), languages=("en",), valid_on="2027-01-01"),
            lambda c: c.doc_type == "trek" and c.language == "en" and c.valid_to is None,
        ),
    ],
)
def test_filters_hold_for_both_rankings(
    tmp_path: Path, spec: IndexSpec, wanted: SearchFilter, allowed: Callable[[ChunkRecord], bool]
) -> None:
    """Every hit satisfies the filter, and every passage that does can be found."""
    vectors, records = unit_vectors(60), chunks(60)
    small = (
        IndexSpec("flat", "Flat") if spec.kind == "flat" else IndexSpec("ivf-sq8", "IVF1,SQ8", 1)
    )
    write_shard(tmp_path / "s", vectors, records, ENCODER, index=small)
    shard = IndexShard.load(tmp_path / "s")
    (hits,) = shard.search(vectors[:1], ["tents passage word0"], [wanted], 60)
    expected = {record.chunk_id for record in records if allowed(record)}
    assert {hit.chunk.chunk_id for hit in hits} == expected


def test_a_filter_that_leaves_nothing_gives_no_hits(folder: Path) -> None:
    """No passage of that language: an empty answer, not an error."""
    shard = IndexShard.load(folder)
    nothing = SearchFilter(languages=("ja",))
    assert shard.search(unit_vectors(1), ["tents"], [nothing], 5) == [()]


def test_a_batch_answers_as_single_queries_do(folder: Path) -> None:
    """Mixed filters in one call do not disturb each other or the order."""
    shard = IndexShard.load(folder)
    vectors = unit_vectors(6, seed=3)
    texts = ["word12", "", "tents", "word99", "zzz", "Title"]
    filters = [ANY, SearchFilter(languages=("hi",)), ANY, SearchFilter(doc_types=("faq",))] + [
        ANY
    ] * 2
    together = shard.search(vectors, texts, filters, 5)
    for i in range(6):
        (alone,) = shard.search(vectors[i : i + 1], texts[i : i + 1], filters[i : i + 1], 5)
        assert [hit.chunk for hit in together[i]] == [hit.chunk for hit in alone]
    assert shard.search(unit_vectors(0), [], [], 5) == []


def test_lengths_that_differ_are_refused(folder: Path) -> None:
    """A caller that mixes up its lists is told."""
    with pytest.raises(ValueError, match="2 vectors, 1 texts, 1 filters"):
        IndexShard.load(folder).search(unit_vectors(2), ["a"], [ANY], 5)


def test_a_rare_word_lifts_its_passage(folder: Path) -> None:
    """A word that only one passage holds brings it to the top from further down."""
    shard = IndexShard.load(folder)
    vectors = unit_vectors(COUNT)
    blurred = 0.9 * vectors[345:346] + vectors[7:8]
    (without,) = shard.search(blurred / np.linalg.norm(blurred), ["zzz"], [ANY], 50)
    (with_word,) = shard.search(blurred / np.linalg.norm(blurred), ["word345"], [ANY], 50)
    assert chunk(345) in [hit.chunk for hit in without[1:]]
    assert with_word[0].chunk == chunk(345)
    assert with_word[0].lexical is not None


def test_without_vectors_words_alone_decide(folder: Path) -> None:
    """Only passages with a word of the question, each with its words' score and no cosine."""
    shard = IndexShard.load(folder)
    (hits, nothing) = shard.search(None, ["word7", "zzz"], [ANY, ANY], 5)
    assert [hit.chunk.chunk_id for hit in hits] == ["c0007"]
    assert hits[0].dense is None
    assert hits[0].lexical
    assert nothing == ()


def test_recall_can_be_measured_on_the_served_index(tmp_path: Path, spec: IndexSpec) -> None:
    """`nearest` is what is served, `exact` the truth; the flat index equals it."""
    vectors = unit_vectors(COUNT)
    write_shard(tmp_path / "s", vectors, chunks(COUNT), ENCODER, index=spec)
    shard = IndexShard.load(tmp_path / "s")
    served, truth = shard.nearest(vectors[:50], 5), shard.exact(vectors[:50], 5)
    pairs = zip(served, truth, strict=True)
    shared = [len({r for r, _ in a} & {r for r, _ in b}) / 5 for a, b in pairs]
    assert np.mean(shared) > (0.999 if spec.kind == "flat" else 0.85)


@pytest.mark.parametrize(
    ("count", "budget_gib", "kind", "factory"),
    [
        (1_000, 2, "flat", "Flat"),
        (100_000, 2, "flat", "Flat"),
        (300_000, 2, "ivf-pq", "IVF1024,PQ96x4fsr,RFlat"),
        (3_000_000, 2, "ivf-pq", "IVF4096,PQ96x4fsr,Refine(SQ8)"),
        (5_500_000, 2, "ivf-sq8", "IVF4096,SQ8"),
    ],
)
def test_the_index_suits_size_and_memory(
    count: int, budget_gib: int, kind: str, factory: str
) -> None:
    """Exact, then refined, then quantised, as the shard grows."""
    chosen = choose_index(count, 384, budget_gib * 1024**3)
    assert (chosen.kind, chosen.factory) == (kind, factory)


def test_shards_share_one_training(tmp_path: Path, spec: IndexSpec) -> None:
    """Lists and codes learnt once serve every shard, and a passage still finds itself."""
    vectors = unit_vectors(COUNT)
    trained = tmp_path / "trained.faiss"
    write(train(vectors, spec), trained)
    for name, rows in (("a", range(0, COUNT, 2)), ("b", range(1, COUNT, 2))):
        own = [chunk(row) for row in rows]
        write_shard(tmp_path / name, vectors[list(rows)], own, ENCODER, index=spec, trained=trained)
        shard = IndexShard.load(tmp_path / name)
        (hits,) = shard.search(vectors[[rows[7]]], ["zzz"], [ANY], 3)
        assert hits[0].chunk == chunk(rows[7])


def test_an_index_that_is_not_empty_trains_nobody(tmp_path: Path) -> None:
    """A shard built on another's vectors would answer with them."""
    write_shard(tmp_path / "a", unit_vectors(5), chunks(5), ENCODER)
    with pytest.raises(ValueError, match="no empty, trained index of 32 dimensions"):
        write_shard(
            tmp_path / "b",
            unit_vectors(5),
            chunks(5),
            ENCODER,
            trained=tmp_path / "a/vectors.faiss",
        )


def test_a_shard_that_fits_nowhere_is_refused() -> None:
    """Rather than an index of unknown recall, advice to use more shards."""
    with pytest.raises(ValueError, match="more shards"):
        choose_index(10_000_000, 384, 1024**3)


def test_the_record_is_plain_data(folder: Path) -> None:
    """shard.json names every file with its checksum."""
    files = asdict(read_record(folder))["files"]
    on_disk = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert set(files) == on_disk - {"shard.json"}
    assert all(len(file["sha256"]) == 64 for file in files.values())
