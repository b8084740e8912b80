"""ops/: rules and dashboard name metrics that exist; the manifest runs what production runs."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.serve.schema import ServeDeploySchema

from deployments import config
from deployments.settings import PREFIX, SECRET_NAMES
from serving.metrics import HELP
from serving.types import STEP_NAMES

OPS = Path(__file__).parents[3] / "ops"
RULES: dict[str, Any] = yaml.safe_load((OPS / "prometheus" / "rules.yaml").read_text("utf-8"))
DASHBOARD: dict[str, Any] = json.loads((OPS / "grafana" / "switchback.json").read_text("utf-8"))
MANIFEST: dict[str, Any] = yaml.safe_load((OPS / "kubernetes" / "rayservice.yaml").read_text())
DOCKERFILE = (OPS / "Dockerfile").read_text("utf-8")

METRIC = re.compile(r"\bswitchback_\w+")
STEP = re.compile(r'step!?="(\w+)"')


def exprs() -> Iterator[str]:
    for group in RULES["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def exported() -> set[str]:
    """Every series name that /metrics can show."""
    names = set()
    for name, (kind, _) in HELP.items():
        suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        names |= {name + suffix for suffix in suffixes}
    return names


@pytest.mark.parametrize("expr", sorted(set(exprs())))
def test_every_expression_asks_for_what_is_exported(expr: str) -> None:
    """A metric or step that was renamed would make an alert that never fires."""
    asked = set(METRIC.findall(expr))
    assert asked
    assert asked <= exported()
    assert set(STEP.findall(expr)) <= set(STEP_NAMES)
    assert expr.count("(") == expr.count(")")


def test_every_alert_says_how_bad_and_what_to_do() -> None:
    """And has a name of its own."""
    rules = [rule for group in RULES["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) >= 8
    for rule in rules:
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"].keys() == {"summary", "fix"}


def test_every_gauge_is_watched() -> None:
    """By a rule or on the dashboard: nothing is exported for nobody."""
    watched = {name for expr in exprs() for name in METRIC.findall(expr)}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in watched}
    assert families == set(HELP)


def test_panels_do_not_overlap() -> None:
    """Each has an id, a title and a place of its own on the grid."""
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_the_manifest_serves_the_production_profile() -> None:
    """Ray accepts it, and it is the profile's configuration, not one that was like it once."""
    serve = yaml.safe_load(MANIFEST["spec"]["serveConfigV2"])
    assert serve == config.read("production")
    ServeDeploySchema.model_validate(serve)


def containers() -> Iterator[dict[str, Any]]:
    cluster = MANIFEST["spec"]["rayClusterConfig"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        yield from group["template"]["spec"]["containers"]


def test_every_node_gets_its_settings_and_limits() -> None:
    """From the secret; memory is limited, so that one node's leak is not its neighbour's."""
    assert (MANIFEST["apiVersion"], MANIFEST["kind"]) == ("ray.io/v1", "RayService")
    for container in containers():
        assert container["envFrom"] == [{"secretRef": {"name": "switchback"}}]
        assert container["resources"]["limits"].keys() >= {"cpu", "memory"}
    for group in MANIFEST["spec"]["rayClusterConfig"]["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


def test_no_secret_stands_in_ops() -> None:
    """Not a value, and not even the name of one."""
    for path in OPS.rglob("*"):
        if path.is_file():
            text = path.read_text("utf-8")
            found = [n for n in SECRET_NAMES if f"{PREFIX}{n.upper()}" in text]
            assert found == [], path


def test_the_image_runs_ray_of_the_manifest_and_not_as_root() -> None:
    """Lists that it installs exist, and pin the Ray that KubeRay is told of."""
    assert re.findall(r"^USER (\w+)", DOCKERFILE, re.MULTILINE)[-1] != "root"
    version = MANIFEST["spec"]["rayClusterConfig"]["rayVersion"]
    for kind in ("cpu", "gpu"):
        pins = (OPS.parent / "requirements" / f"{kind}.txt").read_text("utf-8")
        assert re.search(rf"^ray(\[[\w,]+\])?=={re.escape(version)}\b", pins, re.MULTILINE)
