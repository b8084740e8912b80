"""cluster.yaml: what Ray's launcher accepts, and enough of it for what production asks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from deployments import config
from deployments.settings import PREFIX, SECRET_NAMES
from models.catalog import Engine, load_catalog

ROOT = Path(__file__).parents[3]
CLUSTER: dict[str, Any] = yaml.safe_load((ROOT / "cluster.yaml").read_text("utf-8"))
PRODUCTION = config.read("production")
STARTS = ("head_start_ray_commands", "worker_start_ray_commands")
LLM = "LLMServer:"

Bound = Literal["min_replicas", "max_replicas"]


@dataclass(frozen=True)
class Bundle:
    """What must be found free on one machine."""

    owner: str
    cpu: float
    gpu: float = 0.0
    accelerator: str | None = None


@dataclass
class Node:
    """A machine while it is being filled."""

    kind: str
    cpu: float
    gpu: float
    accelerators: frozenset[str]

    def fits(self, bundle: Bundle) -> bool:
        known = bundle.accelerator is None or bundle.accelerator in self.accelerators
        return known and self.cpu >= bundle.cpu - 1e-9 and self.gpu >= bundle.gpu - 1e-9

    def take(self, bundle: Bundle) -> None:
        self.cpu -= bundle.cpu
        self.gpu -= bundle.gpu


def node(kind: str) -> Node:
    resources = CLUSTER["available_node_types"][kind]["resources"]
    prefix = "accelerator_type:"
    accelerators = frozenset(key.removeprefix(prefix) for key in resources if prefix in key)
    return Node(kind, resources.get("CPU", 0), resources.get("GPU", 0), accelerators)


def nodes(count: Literal["min_workers", "max_workers"]) -> list[Node]:
    types = CLUSTER["available_node_types"].items()
    workers = [(kind, spec) for kind, spec in types if kind != CLUSTER["head_node_type"]]
    return [node(kind) for kind, spec in workers for _ in range(spec[count])]


def size(engine: Engine, way: str) -> int:
    value = engine.args.get(f"{way}_parallel_size", 1)
    assert isinstance(value, int)
    return value


def replica(deployment: dict[str, Any]) -> list[Bundle]:
    """What one replica takes; each pipeline stage keeps its tensor-parallel GPUs on one machine."""
    name = deployment["name"]
    options = deployment.get("ray_actor_options", {})
    if not name.startswith(LLM):
        return [Bundle(name, options.get("num_cpus", 1), options.get("num_gpus", 0))]
    engine = load_catalog().model(name.removeprefix(LLM)).engine["gpu"]
    tensor, stages = size(engine, "tensor"), size(engine, "pipeline")
    assert tensor * stages == engine.num_gpus
    stage = Bundle(name, 0, tensor, engine.accelerator_type)
    return [Bundle(name, 1), *[stage] * stages]


def wanted(bound: Bound) -> Iterator[Bundle]:
    for application in PRODUCTION["applications"]:
        for deployment in application["deployments"]:
            for _ in range(deployment["autoscaling_config"][bound]):
                yield from replica(deployment)


def unplaced(bundles: list[Bundle], free: list[Node]) -> list[Bundle]:
    """Fill the tightest machine that fits, the largest bundles first; returns what is left over."""
    left = []
    for bundle in sorted(bundles, key=lambda one: (-one.gpu, -one.cpu)):
        fitting = [each for each in free if each.fits(bundle)]
        if not fitting:
            left.append(bundle)
            continue
        min(fitting, key=lambda each: (each.gpu, each.cpu)).take(bundle)
    return left


def test_rays_own_schema_accepts_it() -> None:
    """The file passes the checks that `ray up` makes before it calls the cloud."""
    validate_config(prepare_config(CLUSTER))


@pytest.mark.parametrize(
    "name", [b["name"] for a in PRODUCTION["applications"] for b in a["deployments"]]
)
def test_some_machine_holds_each_part_of_a_replica(name: str) -> None:
    """No replica asks for more GPUs, or another accelerator, than a machine of some kind has."""
    (deployment,) = [
        each for app in PRODUCTION["applications"] for each in app["deployments"]
        if each["name"] == name
    ]  # fmt: skip
    kinds = [node(kind) for kind in CLUSTER["available_node_types"]]
    for bundle in replica(deployment):
        assert any(each.fits(bundle) for each in kinds), bundle


def test_the_smallest_cluster_holds_the_fewest_replicas() -> None:
    """Production starts on the machines that are always there, without waiting for more."""
    assert unplaced(list(wanted("min_replicas")), nodes("min_workers")) == []


def test_the_largest_cluster_holds_the_most_replicas() -> None:
    """What autoscaling of replicas may ask for, autoscaling of machines can bring."""
    assert unplaced(list(wanted("max_replicas")), nodes("max_workers")) == []


def test_a_missing_machine_is_noticed() -> None:
    """The packing above refuses a cluster without the second large machine."""
    fewer = nodes("min_workers")
    fewer.remove(next(each for each in fewer if each.gpu > 1))
    owners = {bundle.owner for bundle in unplaced(list(wanted("min_replicas")), fewer)}
    assert owners == {"LLMServer:kimi-k2-instruct"}


def test_limits_agree() -> None:
    """All kinds of machines at their limit stay within the cluster's limit."""
    kinds = CLUSTER["available_node_types"].values()
    assert sum(kind.get("max_workers", 0) for kind in kinds) <= CLUSTER["max_workers"]


def test_the_head_takes_no_replica() -> None:
    """A busy replica must not slow the process that watches over all of them."""
    assert node(CLUSTER["head_node_type"]).cpu == 0


@pytest.mark.parametrize("kind", ["head", "cpu_worker", "gpu_worker", "gpu_worker_large"])
def test_each_machine_installs_the_locked_set_of_its_hardware(kind: str) -> None:
    """A node installs exactly the list that fits the machine, and resolves nothing."""
    spec = CLUSTER["available_node_types"][kind]
    commands = "\n".join(spec.get("worker_setup_commands") or CLUSTER["setup_commands"])
    hardware = "gpu" if spec["resources"].get("GPU") else "cpu"
    assert re.findall(r"-r (\S+)", commands) == [f"requirements/{hardware}.txt"]
    installs = re.findall(r"uv pip install .*", commands)
    assert installs
    assert all("--no-deps" in each for each in installs)


@pytest.mark.parametrize("start", STARTS)
def test_every_node_has_the_switches_and_the_settings(start: str) -> None:
    """Serve's fast paths are on everywhere, and replicas inherit settings from their node."""
    commands = "\n".join(CLUSTER[start])
    for part in (
        "RAY_SERVE_ENABLE_HA_PROXY=1",
        "RAY_SERVE_THROUGHPUT_OPTIMIZED=1",
        "RAY_AUTH_MODE=token",
        "SWITCHBACK_PROFILE=production",
        ". ~/.switchback/production.env",
    ):
        assert part in commands, part


@pytest.mark.parametrize("file", ["cluster.yaml", "deployments/config/production.yaml"])
def test_no_secret_is_written_down(file: str) -> None:
    """Neither file sets a secret: on the dashboard everyone could read it."""
    names = [PREFIX + name.upper() for name in (*SECRET_NAMES, "openrouter_api_key")]
    text = (ROOT / file).read_text("utf-8")
    assert [name for name in names if re.search(rf"{name}\s*[=:]", text)] == []


def test_local_state_stays_at_home() -> None:
    """Data folder, environment file and history are not copied to the nodes."""
    assert {".git", ".switchback", ".env"} <= set(CLUSTER["rsync_exclude"])
