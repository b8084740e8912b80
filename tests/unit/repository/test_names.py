"""One name per step, everywhere: types, flow, files, Serve configurations."""

from pathlib import Path
from typing import Any

import pytest

from deployments import config
from serving.flow import FLOW
from serving.types import STEP_NAMES

ROOT = Path(__file__).parents[3]
PROFILES = ("laptop", "test", "staging", "production")


def agent(profile: str) -> list[str]:
    (found,) = [a for a in config.read(profile)["applications"] if a["name"] == "agent"]
    deployments: list[dict[str, Any]] = found["deployments"]
    return [deployment["name"] for deployment in deployments]


def test_types_and_flow_agree() -> None:
    """The flow has a row for each step name and for nothing else, in their order."""
    assert tuple(spec.name for spec in FLOW) == STEP_NAMES
    assert len(STEP_NAMES) == 11


def test_each_step_has_its_file() -> None:
    """A step's code is found under its name, and nothing else lies beside it."""
    files = {path.stem for path in (ROOT / "serving" / "steps").glob("*.py")} - {"__init__"}
    assert files == set(STEP_NAMES)


@pytest.mark.parametrize("profile", PROFILES)
def test_each_step_is_configured_in_order(profile: str) -> None:
    """A profile gives numbers to ingress, router and the eleven steps."""
    assert agent(profile) == ["ingress", "router", *STEP_NAMES]


def test_needs_come_before() -> None:
    """No row of the flow needs a later one, so the table can be read downwards."""
    for position, spec in enumerate(FLOW):
        assert set(spec.needs) <= set(STEP_NAMES[:position]), spec.name


def test_every_row_says_why() -> None:
    """What happens when a step fails carries its reason."""
    assert [spec.name for spec in FLOW if not spec.why] == []
