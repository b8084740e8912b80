"""Benchmarks. Each prints the hardware, the workload, the peers and ratios of one run."""

import os

# Serve reads it when it is imported: a driver must speak as the replicas do.
os.environ.setdefault("RAY_SERVE_THROUGHPUT_OPTIMIZED", "1")
