"""What crosses a process arrives as it left."""

import copyreg
import pickle
from dataclasses import is_dataclass
from types import ModuleType
from typing import Any

import pytest

import models.types
import serving.types
from models.types import Hit, SearchFilter
from serving.types import ContextQuery, RiskQuery
from tests.fakes import values
from tests.unit.models.samples import chunk


@pytest.mark.parametrize("module", [models.types, serving.types])
def test_every_value_crosses_by_position(module: ModuleType) -> None:
    """A dataclass that is added later takes the fast way too."""
    kinds = [kind for kind in vars(module).values() if isinstance(kind, type)]
    values_of_it = {kind for kind in kinds if is_dataclass(kind)}
    assert values_of_it
    assert values_of_it <= set(copyreg.dispatch_table)


@pytest.mark.parametrize(
    "value",
    [
        values.interaction(known=values.context("Asha", bookings=(values.booking(),))),
        values.documents(values.passage("a"), values.passage("b")),
        ContextQuery(values.turn("one", "two")),  # of one field
        RiskQuery("hello"),
        Hit(chunk(3), 0.5, None, 1.5),
        SearchFilter(treks=("Hampta Pass",)),
    ],
)
def test_a_value_arrives_as_it_left(value: Any) -> None:
    """Every field, defaults and nested values included."""
    assert pickle.loads(pickle.dumps(value, pickle.HIGHEST_PROTOCOL)) == value
