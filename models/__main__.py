"""`python -m models prepare [MODEL_ID ...] --cache DIR`: model folders ready before a start."""

import argparse
import sys
import time
from pathlib import Path

from models.catalog import Catalog, load_catalog
from models.errors import ModelsError
from models.loaders import prepare

USAGE_ERROR = 2


def main(arguments: list[str] | None = None) -> int:
    """Paths on standard output, progress on standard error; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        catalog = load_catalog(options.catalog)
        for model_id in options.models or _profile_models(catalog, options.profile):
            folder = prepare(catalog, model_id, options.cache, _say, deep=options.verify)
            sys.stdout.write(f"{folder}\n")
    except ModelsError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return USAGE_ERROR
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("prepare", help="convert or download model folders")
    command.add_argument("models", nargs="*", metavar="MODEL_ID", help="default: the profile's")
    command.add_argument("--cache", type=Path, required=True, help="where the folders lie")
    command.add_argument("--profile", default="laptop")
    command.add_argument("--catalog", type=Path, default=None)
    command.add_argument("--verify", action="store_true", help="hash every file again")
    return parser


def _profile_models(catalog: Catalog, profile: str) -> list[str]:
    return [entry.id for entry in catalog.local_models(profile)]


def _say(message: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {message}\n")


if __name__ == "__main__":
    sys.exit(main())
