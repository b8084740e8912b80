"""How much the house itself costs: turns through the eleven deployments, models excluded.

Two transports carry the same turns through the same deployments in the same run:

- coalesced: the product's own client, one queue per step, whatever has gathered goes as one call;
- naive: one `await handle.many.remote([item])` per step and message, the usual Serve chain.

Everything else is real: Postgres with its inbox, leases, gate and outbox, Redis, Serve, the index.
The language model, the encoder and the Graph API are stubs that answer at once. Then the same
for the hops alone (`bench/hops.py`), where the steps work nothing.

The load comes from a process of its own: it joins the cluster, and one in which gRPC has threads
cannot start and stop services safely.
"""

import json
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Annotated

import typer

from bench.instances import stub_instance
from bench.turns import inside
from deployments.config import render
from deployments.local import ray_head, verbs
from deployments.local.serve_api import ServeApi
from deployments.parts import STUB_GRAPH
from deployments.settings import Settings

ROUTER_STOPS_S = 120.0


def stop_deployed_router(settings: Settings) -> None:
    """Leave the routing to this process, with one transport and then with the other."""
    api = ServeApi(ray_head.dashboard(settings))
    wanted = render(settings)
    for application in wanted["applications"]:
        for deployment in application["deployments"]:
            if deployment["name"] == "router":
                delays = dict.fromkeys(("downscale_delay_s", "downscale_to_zero_delay_s"), 0.1)
                deployment["autoscaling_config"] |= {"min_replicas": 0, **delays}
    api.apply(wanted)
    give_up_at = time.monotonic() + ROUTER_STOPS_S
    while _routers(api):
        if time.monotonic() > give_up_at:
            raise TimeoutError("the deployed router did not stop")
        time.sleep(1.0)


def _routers(api: ServeApi) -> int:
    return sum(
        deployment.replicas
        for app in api.applications()
        for deployment in app.deployments
        if deployment.name == "router"
    )


def main(
    messages: Annotated[int, typer.Option(min=100, max=100_000)] = 2_000,
    naive_messages: Annotated[int, typer.Option(min=50, max=10_000)] = 150,
    *,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Measure turns per second and idle time per turn through the eleven deployments."""
    # As this process and Postgres: else they, and whatever else runs here, go before the replicas.
    os.environ.setdefault("RAY_worker_niceness", "0")
    instant = {"SWITCHBACK_STUB_LLM_MS": "0", "SWITCHBACK_GRAPH_BASE_URL": STUB_GRAPH}
    with stub_instance(**instant) as running:
        stop_deployed_router(running.settings)
        joining = verbs.cluster_env(running.settings)
        os.environ |= joining  # Ray and Serve read these when the new process imports them
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            work = pool.submit(inside, running.settings, joining, messages, naive_messages)
            report = work.result()
    print(json.dumps(report, indent=None if as_json else 2))


if __name__ == "__main__":
    typer.run(main)
