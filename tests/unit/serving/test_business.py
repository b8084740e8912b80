"""The company's profile: complete, typed, and clear about what is wrong with it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from serving.business import VARIANTS, BusinessError, load_business, parse_business, variant_of

FILE = Path(__file__).parents[3] / "corpus" / "business.yaml"


def raw() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return loaded


def test_the_demo_company_loads_with_every_variant() -> None:
    """Every stage and intent has its closing sentence in all five variants."""
    business = load_business(FILE)
    assert all(
        text.get(one) for text in business.call_to_action.by_stage.values() for one in VARIANTS
    )
    assert len(business.call_to_action.by_intent) == 8


def test_a_missing_translation_is_named() -> None:
    """The error gives the file's origin and the key of the missing sentence."""
    data = raw()
    del data["templates"]["greeting"]["fr"]
    with pytest.raises(BusinessError, match=r"shop\.yaml: templates\.greeting\.fr: Field required"):
        parse_business(data, "shop.yaml")


def test_a_placeholder_that_was_not_declared_is_named() -> None:
    """A brace that nothing fills stops the start, not the first customer's turn."""
    data = raw()
    data["templates"]["thanks"]["es"] = "Gracias {nombre}"
    with pytest.raises(BusinessError, match=r"thanks\.es: uses \['nombre'\]"):
        parse_business(data, "shop.yaml")


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    """A path that does not exist is said in one line."""
    with pytest.raises(BusinessError, match=r"none\.yaml: cannot be read"):
        load_business(tmp_path / "none.yaml")


def test_braces_in_values_stay_as_they_are() -> None:
    """A customer's name is filled in, never formatted."""
    assert "{privacy_url}" in load_business(FILE).say("greeting_named", "en", name="{privacy_url}")


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        (datetime(2026, 11, 23, 3, 29, tzinfo=UTC), False),  # Monday 08:59 in India
        (datetime(2026, 11, 23, 3, 30, tzinfo=UTC), True),
        (datetime(2026, 11, 22, 12, 0, tzinfo=UTC), False),  # Sunday 17:30
        (datetime(2027, 1, 26, 6, 0, tzinfo=UTC), False),  # a holiday
    ],
)
def test_opening_hours_are_those_of_the_office(at: datetime, is_open: bool) -> None:  # noqa: FBT001
    """Times are read in the company's zone, holidays are closed."""
    assert load_business(FILE).opening_hours.is_open(at) is is_open


def test_hindi_in_latin_script_has_its_own_variant() -> None:
    """Language and script together choose the wording."""
    assert [variant_of("hi", "deva"), variant_of("hi", "latn"), variant_of("es", "latn")] == [
        "hi",
        "hi_latn",
        "es",
    ]
