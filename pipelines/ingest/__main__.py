"""`python -m pipelines.ingest`: the same commands as `switchback ingest`, for `ray job submit`."""

from pipelines.ingest.cli import main

if __name__ == "__main__":
    main()
