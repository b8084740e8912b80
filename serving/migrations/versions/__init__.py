"""One file per version, with its SQL beside it."""
