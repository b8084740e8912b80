"""Scaling by hand: one deployment's numbers change, and nothing else does."""

import copy
from typing import Any

import pytest

from deployments.local.scale import BadRequest, changed, parse, scale
from deployments.local.serve_api import DeploymentState, ServeApi
from tests.unit.deployments.local.dashboard import Dashboard, application, deployment

EFFECTIVE = {"autoscaling_config": {"min_replicas": 1, "max_replicas": 4}}


def state(name: str, settings: dict[str, Any] | None = None) -> DeploymentState:
    return DeploymentState("agent", name, "HEALTHY", "", 1, 1, 1, settings or EFFECTIVE)


def config(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"applications": [{"name": "agent", "deployments": list(entries)}]}


def entry(name: str, **autoscaling: Any) -> dict[str, Any]:
    return {"name": name, "max_ongoing_requests": 200, "autoscaling_config": autoscaling}


@pytest.mark.parametrize("text", ["router", "router=", "=2", "router=two", "router=0", "r=99999"])
def test_a_malformed_request_is_quoted(text: str) -> None:
    """The error repeats what was written."""
    with pytest.raises(BadRequest, match=text):
        parse([text])


def test_names_may_hold_colons() -> None:
    """As those of language models do."""
    assert parse(["LLMServer:smollm2=2", "router=1"]) == {"LLMServer:smollm2": 2, "router": 1}


def test_only_the_floor_of_the_named_deployment_changes() -> None:
    """The ceiling, every other setting and every other deployment stay as they are."""
    before = config(
        entry("router", min_replicas=1, max_replicas=4, target_ongoing_requests=5),
        entry("ingress", min_replicas=1, max_replicas=2),
    )
    untouched = copy.deepcopy(before)
    after = changed(before, {"router": state("router")}, {"router": 3})
    assert before == untouched
    expected = copy.deepcopy(before)
    expected["applications"][0]["deployments"][0]["autoscaling_config"]["min_replicas"] = 3
    assert after == expected


def test_the_ceiling_rises_with_a_higher_floor() -> None:
    """A floor above the ceiling would be refused."""
    after = changed(
        config(entry("router", min_replicas=1, max_replicas=2)),
        {"router": state("router")},
        {"router": 5},
    )
    found = after["applications"][0]["deployments"][0]["autoscaling_config"]
    assert found == {"min_replicas": 5, "max_replicas": 5}


def test_a_deployment_of_fixed_size_gets_its_number() -> None:
    """Without autoscaling there is only one number to set."""
    fixed = state("router", {"num_replicas": 1})
    after = changed(config({"name": "router", "num_replicas": 1}), {"router": fixed}, {"router": 2})
    assert after["applications"][0]["deployments"] == [{"name": "router", "num_replicas": 2}]


def test_a_deployment_that_the_config_leaves_out_is_added() -> None:
    """Its effective numbers are taken over."""
    after = changed(config(), {"router": state("router")}, {"router": 2})
    assert after["applications"][0]["deployments"] == [
        {"name": "router", "autoscaling_config": {"min_replicas": 2, "max_replicas": 4}}
    ]


def test_scaling_waits_until_the_replicas_run() -> None:
    """What comes back is the state after the change."""
    dashboard = Dashboard(agent=application("agent", {"router": deployment()}))
    with dashboard.served() as address:
        (router,) = scale(ServeApi(address), {"router": 2}, lambda _: None)
    assert router.healthy == 2
    assert len(dashboard.applied) == 1


@pytest.mark.parametrize(
    ("name", "hint"), [("ruoter", "did you mean router"), ("xyz", "known: ingress, router")]
)
def test_an_unknown_name_gets_a_hint_and_changes_nothing(name: str, hint: str) -> None:
    """A close name is suggested, else all are listed."""
    deployments = {"router": deployment(), "ingress": deployment()}
    dashboard = Dashboard(agent=application("agent", deployments))
    with dashboard.served() as address, pytest.raises(BadRequest, match=hint):
        scale(ServeApi(address), {name: 2}, lambda _: None)
    assert dashboard.applied == []
