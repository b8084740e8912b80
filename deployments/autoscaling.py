"""Scaling signals that Serve does not have: the router's is the inbox."""

import math
from typing import Any

from ray.serve.config import AutoscalingContext

BACKLOG_PER_ROUTER = 200.0  # pending conversations that one router keeps up with


def by_backlog(context: AutoscalingContext) -> tuple[int, dict[str, Any]]:
    """Routers for the pending conversations, as the replicas last counted them.

    Every replica counts the same table, so the largest count is the freshest, not the sum.
    Serve applies the configured bounds and delays to what is returned.
    """
    counts = (context.aggregated_metrics or {}).get("backlog", {}).values()
    wanted = math.ceil(max(counts, default=0.0) / BACKLOG_PER_ROUTER)
    return max(wanted, context.capacity_adjusted_min_replicas), {}
