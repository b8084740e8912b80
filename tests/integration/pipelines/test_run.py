"""Whole runs on a small Ray, from a folder of documents to a published epoch, with the stub
encoder.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from models.epochs import EpochStore
from models.open import HASH_ENCODER, open_encoder
from models.types import EncoderFingerprint, ModelId, SearchFilter
from pipelines.ingest.config import Gates, IngestConfig
from pipelines.ingest.documents_table import documents_of
from pipelines.ingest.job import run
from pipelines.ingest.progress import Progress
from pipelines.ingest.quarantine import read_quarantine
from pipelines.ingest.search import EpochSearch, live_epoch
from pipelines.ingest.storage import Storage
from pipelines.ingest.verify import verify_epoch

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
]
NUM_DOCS = 12


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A dozen documents in two languages, a price table and the names of the treks."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number in range(NUM_DOCS):
        language = "en" if number % 3 else "hi"
        (folder / f"doc-{number:02d}.md").write_text(
            f"---\ntitle: Camp {number}\nlanguage: {language}\ntrek: Trek {number % 2}\n---\n"
            f"# Camp {number}\n\nCamp {number} lies {number * 100} metres above the river.\n\n"
            f"## Water of camp {number}\n\nThere is a spring {number} minutes away.\n"
        )
    (folder / "prices.csv").write_text("trek,price_inr\nTrek 0,11500\nTrek 2,9900\n")
    (folder / "treks.yaml").write_text("Trek 0: [T zero]\n")
    return folder


@pytest.fixture
def config(tmp_path: Path, corpus: Path) -> IngestConfig:
    """A run over that corpus into an empty index."""
    return IngestConfig(
        corpus_uri=str(corpus),
        index_uri=str(tmp_path / "index"),
        encoder_id=ModelId(HASH_ENCODER),
        models_dir=tmp_path / "models",
    )


def found_docs(config: IngestConfig, text: str) -> list[str]:
    store = EpochStore(config.index_uri)
    encoder = open_encoder(config.encoder_id, config.models_dir)
    search = EpochSearch.open(store, live_epoch(store), Path(config.index_uri))
    (hits,) = search.query(encoder, [text], SearchFilter(), 50)
    return [hit.chunk.doc for hit in hits]


def test_the_life_of_an_index(config: IngestConfig, corpus: Path) -> None:
    """Publish; nothing to do; an edit, an addition and a removal; each embeds only what is new."""
    seen: list[Progress] = []
    first = run(config, seen.append)
    assert first.status == "published", first.reason
    assert (first.documents, first.chunks, first.embedded) == (13, 26, 26)
    assert first.languages == {"en": 18, "hi": 8}
    assert {shard.recall for shard in first.shards} == {1.0}
    assert [p.stage for p in seen if p.finished] == [
        "prepare", "read", "choose", "plan", "embed", "build", "check",
    ]  # fmt: skip
    assert next(p for p in seen if p.finished and p.stage == "embed").done == 26
    store = EpochStore(config.index_uri)
    manifest = store.manifest(live_epoch(store))
    assert [(t.name, t.aliases) for t in manifest.treks] == [
        ("Trek 0", ("T zero",)),
        ("Trek 1", ()),
        ("Trek 2", ()),
    ]
    assert verify_epoch(Storage(config.index_uri), manifest.epoch).problems == ()

    again = run(config)
    assert (again.status, again.embedded, again.epoch) == ("unchanged", 0, first.epoch)
    assert store.epochs() == [first.epoch]

    edited = corpus / "doc-04.md"
    edited.write_text(edited.read_text().replace("minutes away", "hours away"))
    (corpus / "new.txt").write_text("A new page about permits at the border.")
    (corpus / "doc-05.md").unlink()
    planned = run(replace(config, dry_run=True))
    assert (planned.status, planned.embedded, planned.epoch) == ("dry-run", 2, first.epoch)
    third = run(config)
    assert (third.status, third.embedded, third.previous) == ("published", 2, first.epoch)
    assert (third.added, third.changed, third.removed) == (1, 1, 1)
    assert found_docs(config, "permits at the border")[0] == "new.txt"
    assert "doc-05.md" not in found_docs(config, "Camp 5 lies 500 metres above the river")
    assert Storage(config.index_uri).read_json(f"runs/{third.run}/report.json")["embedded"] == 2


def test_a_document_that_breaks_keeps_its_last_readable_revision(
    config: IngestConfig, corpus: Path
) -> None:
    """It is quarantined with its reason, its passages stay, and it is read again once mended."""
    assert run(config).status == "published"
    whole = (corpus / "doc-07.md").read_text()
    (corpus / "doc-07.md").write_text("---\ntitle: [torn")
    lenient = replace(config, gates=Gates(max_failed_share=0.1))
    (corpus / "doc-08.md").write_text("Camp 8 has moved to the meadow.")
    broken = run(lenient)
    assert broken.status == "published", broken.reason
    (entry,) = broken.quarantined
    assert (entry.doc, entry.carried) == ("doc-07.md", 2)
    listed = read_quarantine(Storage(config.index_uri))
    assert listed is not None
    assert [e.doc for e in listed.entries] == ["doc-07.md"]
    assert "doc-07.md" in found_docs(config, "Camp 7 lies 700 metres above the river")
    (corpus / "doc-07.md").write_text(whole)
    mended = run(config)
    assert (mended.quarantined, mended.embedded) == ([], 0)


def test_a_run_that_must_not_be_published_leaves_the_live_epoch(
    config: IngestConfig, corpus: Path
) -> None:
    """Many failures, a halved corpus, a lost language, another encoder: each with its reason."""
    live = run(config).epoch
    store = EpochStore(config.index_uri)

    def refusal() -> str:
        report = run(config)
        assert (report.status, report.epoch, store.current()) == ("refused", live, live)
        assert store.epochs() == [live]
        assert report.reason is not None
        return report.reason

    texts = {path: path.read_text() for path in sorted(corpus.glob("doc-*.md"))}
    (corpus / "doc-01.md").write_bytes(b"\x00\x01")
    assert "could not be read" in refusal()
    for path in list(texts)[:8]:
        path.unlink()
    assert "passages instead of the 26" in refusal()
    for path, text in texts.items():
        path.write_text(text.replace("language: hi", "language: en"))
    assert "no passage in hi" in refusal()
    for path, text in texts.items():
        path.write_text(text)
    manifest = store.manifest(live_epoch(store))
    store.write(replace(manifest, encoder=EncoderFingerprint("another")))
    assert "embedded by 'another'" in refusal()


def test_a_tiny_corpus_fills_both_shards(config: IngestConfig, tmp_path: Path) -> None:
    """Two passages of one document are divided, so that every shard has something to serve."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "a.md").write_text("# One\n\nFirst.\n\n# Two\n\nSecond.\n")
    report = run(replace(config, corpus_uri=str(folder)))
    assert [shard.chunks for shard in report.shards] == [1, 1]
    assert (
        len(documents_of(Storage(config.index_uri), live_epoch(EpochStore(config.index_uri)))) == 1
    )
