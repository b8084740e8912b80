"""The model catalogue: what the shipped file offers, and how a wrong one is refused."""

from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from models.catalog import DEFAULT_CATALOG, Catalog, Engine, Price, load_catalog
from models.errors import CatalogError, UnknownModel
from models.types import Tier

TIERS = get_args(Tier)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture
def raw() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(DEFAULT_CATALOG.read_text())
    return content


def _load(tmp_path: Path, raw: object) -> Catalog:
    path = tmp_path / "catalog.yaml"
    path.write_text(yaml.safe_dump(raw))
    return load_catalog(path)


@pytest.mark.parametrize("profile", ["laptop", "test", "staging", "production"])
@pytest.mark.parametrize("tier", TIERS)
def test_every_profile_serves_every_tier(catalog: Catalog, profile: str, tier: Tier) -> None:
    """Each profile has at least one language model for each tier."""
    chain = catalog.tier_chain(profile, tier)
    assert chain
    assert all(entry.kind == "llm" for entry in chain)


def test_production_tiers_have_a_fallback(catalog: Catalog) -> None:
    """In production no tier depends on a single model."""
    assert all(len(catalog.tier_chain("production", tier)) > 1 for tier in TIERS)


def test_laptop_needs_no_account_and_no_gpu(catalog: Catalog) -> None:
    """Everything that the laptop serves is local and has CPU engine arguments."""
    for tier in TIERS:
        for entry in catalog.tier_chain("laptop", tier):
            assert entry.hosted is None
            assert "cpu" in entry.engine


def test_local_models_are_listed_once_encoder_first(catalog: Catalog) -> None:
    """What a profile must prepare: no repeats, no hosted model."""
    ids = [entry.id for entry in catalog.local_models("laptop")]
    assert ids == ["multilingual-e5-small", "smollm2-135m-instruct"]
    assert all(entry.hosted is None for entry in catalog.local_models("production"))


def test_unknown_names_are_refused_with_the_known_ones(catalog: Catalog) -> None:
    """A misspelt model or profile is answered with what exists."""
    with pytest.raises(UnknownModel, match=r"'smollm3'.*smollm2-135m-instruct"):
        catalog.model("smollm3")
    with pytest.raises(UnknownModel, match=r"'lab'.*laptop"):
        catalog.tier_chain("lab", "fast")


def test_a_wrong_field_is_named_with_its_model(tmp_path: Path, raw: dict[str, Any]) -> None:
    """A type error says which model and which field."""
    raw["models"]["grok-4"]["context_length"] = "long"
    with pytest.raises(CatalogError, match=r"models\.grok-4\.context_length"):
        _load(tmp_path, raw)


def test_an_unknown_field_is_refused(tmp_path: Path, raw: dict[str, Any]) -> None:
    """A misspelt field is an error, not ignored."""
    raw["models"]["grok-4"]["licens"] = "x"
    with pytest.raises(CatalogError, match=r"models\.grok-4\.licens"):
        _load(tmp_path, raw)


def test_all_problems_are_reported_together(tmp_path: Path, raw: dict[str, Any]) -> None:
    """Whoever fixes the file sees every problem at once."""
    raw["models"]["multilingual-e5-small"]["dimensions"] = None
    raw["models"]["claude-sonnet"]["sources"] = [{"kind": "hub", "repo": "a/b"}]
    raw["profiles"]["laptop"]["tiers"]["fast"] = ["nobody"]
    raw["profiles"]["test"]["tiers"]["quality"] = ["multilingual-e5-small"]
    with pytest.raises(CatalogError) as caught:
        _load(tmp_path, raw)
    for part in (
        "models.multilingual-e5-small.dimensions",
        "models.claude-sonnet: needs either sources or hosted",
        "profiles.laptop.tiers.fast: no model 'nobody'",
        "profiles.test.tiers.quality: 'multilingual-e5-small' is a encoder, not a llm",
    ):
        assert part in str(caught.value)


def test_a_tier_needs_a_model_that_lists_it(tmp_path: Path, raw: dict[str, Any]) -> None:
    """A model is not used for a tier that its entry does not offer."""
    raw["profiles"]["staging"]["tiers"]["fast"] = ["claude-sonnet"]
    with pytest.raises(CatalogError, match=r"tiers\.fast: 'claude-sonnet' does not list this tier"):
        _load(tmp_path, raw)


@pytest.mark.parametrize("content", ["models: [", "just text", "models: 3"])
def test_a_file_that_is_no_catalogue_is_refused(tmp_path: Path, content: str) -> None:
    """Broken YAML and other YAML end in the same kind of error, naming the file."""
    path = tmp_path / "other.yaml"
    path.write_text(content)
    with pytest.raises(CatalogError, match=r"other\.yaml"):
        load_catalog(path)


def test_cost_is_priced_per_million_tokens() -> None:
    """A million tokens in and two out cost the price of each."""
    price = Price(input_usd_per_mtok=3.0, output_usd_per_mtok=15.0)
    assert price.cost_usd(1_000_000, 2_000_000) == pytest.approx(33.0)
    assert price.cost_usd(0, 0) == 0.0


def test_gpus_are_tensor_times_pipeline_parallel(catalog: Catalog) -> None:
    """A model over two nodes of eight takes sixteen; an engine that says nothing takes one."""
    assert catalog.model("kimi-k2-instruct").engine["gpu"].num_gpus == 16
    assert Engine().num_gpus == 1
