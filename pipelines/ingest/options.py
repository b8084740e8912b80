"""The `ingest` command itself and the options that its verbs share."""

from typing import Annotated

import typer

app = typer.Typer(
    name="ingest",
    help="Turn documents into a published, versioned index.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Index = Annotated[
    str | None, typer.Option("--index", help="Index folder or URI [SWITCHBACK_INDEX_URI].")
]
Profile = Annotated[str | None, typer.Option("--profile", help="[SWITCHBACK_PROFILE]")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
RayAddress = Annotated[
    str | None, typer.Option("--ray-address", help="A running Ray [RAY_ADDRESS]; else our own.")
]
