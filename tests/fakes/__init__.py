"""Second implementations of the ports, in memory: simple, deterministic, without a deadline."""
