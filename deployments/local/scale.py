"""Scaling by hand while autoscaling stays on: raising the floor of one deployment.

A config that differs in nothing but replica numbers is a lightweight update: Serve starts or stops
replicas of that deployment and touches no other.
"""

import copy
import difflib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from deployments.local.errors import LocalError, UsageError
from deployments.local.serve_api import DeploymentState, ServeApi

TIMEOUT_S: Final = 300.0
POLL_S: Final = 0.5
MAX_REPLICAS: Final = 1000  # more is a typing error


class BadRequest(UsageError):
    """What was asked for names no deployment or no number."""


def parse(requests: Sequence[str]) -> dict[str, int]:
    """`["parse_message=2", ...]` as numbers by name."""
    wanted: dict[str, int] = {}
    for request in requests:
        name, separator, number = request.rpartition("=")
        if not separator or not name or not number.isdecimal():
            raise BadRequest(f"{request!r} is not of the form DEPLOYMENT=N")
        if not 1 <= int(number) <= MAX_REPLICAS:
            raise BadRequest(f"{request!r}: N must be from 1 to {MAX_REPLICAS}")
        wanted[name] = int(number)
    return wanted


def scale(
    api: ServeApi, wanted: Mapping[str, int], tell: Callable[[str], None]
) -> list[DeploymentState]:
    """Set the least number of replicas of each named deployment; wait until they run."""
    found = {d.name: d for app in api.applications() for d in app.deployments}
    for name in wanted:
        _require_known(name, found)
    api.apply(changed(api.current_config(), found, wanted))
    return _await(api, wanted, tell)


def changed(
    config: Mapping[str, Any], found: Mapping[str, DeploymentState], wanted: Mapping[str, int]
) -> dict[str, Any]:
    """The config with only those deployments' replica numbers changed."""
    result = copy.deepcopy(dict(config))
    apps = {app["name"]: app for app in result["applications"]}
    for name, number in wanted.items():
        entries = apps[found[name].app].setdefault("deployments", [])
        entry = next((entry for entry in entries if entry["name"] == name), None)
        if entry is None:
            entry = {"name": name}
            entries.append(entry)
        _set_floor(entry, found[name], number)
    return result


def _set_floor(entry: dict[str, Any], state: DeploymentState, number: int) -> None:
    effective = state.settings.get("autoscaling_config")
    if effective is None:  # a fixed size
        entry["num_replicas"] = number
        return
    own = dict(entry.get("autoscaling_config") or effective)
    ceiling = own.get("max_replicas", effective["max_replicas"])
    own |= {"min_replicas": number, "max_replicas": max(number, ceiling)}
    if own.get("initial_replicas") is not None:
        own["initial_replicas"] = max(number, own["initial_replicas"])
    entry["autoscaling_config"] = own


def _require_known(name: str, found: Mapping[str, DeploymentState]) -> None:
    if name in found:
        return
    if not found:
        raise BadRequest("no application runs; start with `switchback up`")
    close = difflib.get_close_matches(name, found, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(sorted(found))}"
    raise BadRequest(f"there is no deployment {name!r}; {hint}")


def _await(
    api: ServeApi, wanted: Mapping[str, int], tell: Callable[[str], None]
) -> list[DeploymentState]:
    give_up_at = time.monotonic() + TIMEOUT_S
    while True:
        apps = api.applications()
        states = [d for app in apps for d in app.deployments if d.name in wanted]
        missing = [d for d in states if d.healthy < wanted[d.name] or d.status != "HEALTHY"]
        if len(states) == len(wanted) and not missing:
            return states
        what = ", ".join(f"{d.name} has {d.healthy} of {wanted[d.name]}" for d in missing)
        if time.monotonic() > give_up_at:
            why = "; ".join(d.message for d in missing if d.message)
            raise LocalError(
                f"gave up after {TIMEOUT_S:.0f} s: {what} ({why or 'no reason given'})"
            )
        tell(what)
        time.sleep(POLL_S)
