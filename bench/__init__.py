"""Benchmarks. Each prints the hardware, the workload, the peers and ratios of one run."""
