"""The manifest: read back as written, refused when it is not one."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ManifestError
from models.manifest import (
    Manifest,
    ShardEntry,
    Trek,
    from_json,
    read_manifest,
    to_json,
    write_manifest,
)
from models.types import EncoderFingerprint, Epoch

MANIFEST = Manifest(
    epoch=Epoch("20260131T120000-000000Z"),
    created_at="2026-01-31T12:00:00+00:00",
    encoder=EncoderFingerprint("encoder-a"),
    dim=32,
    chunker="chunker-1",
    shards=(ShardEntry("shard-000", "ab" * 32, 7, 100), ShardEntry("shard-001", "cd" * 32, 5, 90)),
    document_count=3,
    chunk_count=12,
    languages=("en", "hi"),
    treks=(Trek("Everest Base Camp", ("EBC", "एवरेस्ट")), Trek("Mardi Himal")),
    previous=None,
)


def test_a_manifest_comes_back_as_written() -> None:
    """Every field survives, tuples included, and equal manifests give equal text."""
    assert from_json(to_json(MANIFEST)) == MANIFEST
    assert to_json(from_json(to_json(MANIFEST))) == to_json(MANIFEST)


@given(st.lists(st.tuples(st.text(), st.lists(st.text(), max_size=3)), max_size=4))
def test_any_names_survive(treks: list[tuple[str, list[str]]]) -> None:
    """Trek names of any script come back unchanged."""
    manifest = replace(MANIFEST, treks=tuple(Trek(name, tuple(also)) for name, also in treks))
    assert from_json(to_json(manifest)) == manifest


@pytest.mark.parametrize("text", ["", "[]", "3", "{", '{"format": 1}', '{"format": 2}'])
def test_other_content_is_refused_naming_the_place(text: str) -> None:
    """Whatever lies there instead of a manifest, the error says where."""
    with pytest.raises(ManifestError, match=r"here/manifest\.json"):
        from_json(text, "here/manifest.json")


def test_an_unknown_field_is_refused() -> None:
    """A manifest of a later version is not half understood."""
    content = {**json.loads(to_json(MANIFEST)), "later": 1}
    with pytest.raises(ManifestError, match="later"):
        from_json(json.dumps(content))


def test_counts_must_add_up() -> None:
    """A manifest whose shards do not hold its chunks is refused."""
    with pytest.raises(ManifestError, match="12 chunks, not 13"):
        from_json(to_json(replace(MANIFEST, chunk_count=13)))


def test_it_is_written_and_read_by_address(tmp_path: object) -> None:
    """A path and a URI work alike; a missing one is a ManifestError."""
    for uri in (f"{tmp_path}/deep/manifest.json", "memory://manifests/one/manifest.json"):
        write_manifest(uri, MANIFEST)
        assert read_manifest(uri) == MANIFEST
        with pytest.raises(ManifestError, match="cannot be read"):
            read_manifest(uri + ".gone")
