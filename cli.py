"""The `switchback` command: parses arguments and calls the rooms below. Decides nothing else.

Each verb imports what it needs when it runs: `--help` must not wait for Ray.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from deployments.settings import Settings

# ruff: noqa: PLC0415, FBT002  # see above; flags are keywords on a command line

EXIT_FAILED = 1
EXIT_USAGE = 2

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

app = typer.Typer(
    help="A WhatsApp sales and support agent on Ray: start it, ask it, measure it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help, three times as fast
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Profile = Annotated[
    str | None, typer.Option("--profile", help="laptop, test, staging or production.")
]


@app.command()
def prepare(profile: Profile = None) -> None:
    """Prepare the profile's models ahead of a start."""
    from deployments.local import verbs

    with _clear_errors():
        verbs.prepare(_settings(profile))


@app.command()
def up(
    profile: Profile = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return when all is healthy.")] = False,
) -> None:
    """Start everything on this machine; Ctrl-C stops all of it."""
    from deployments.local import verbs

    with _clear_errors():
        verbs.up(_settings(profile), detach=detach)


@app.command()
def down() -> None:
    """Stop everything that `up` started."""
    from deployments.local import verbs

    with _clear_errors():
        verbs.down(_settings())


@app.command()
def status(as_json: AsJson = False) -> None:
    """What runs, how healthy it is, and where."""
    from deployments.local import verbs

    with _clear_errors():
        report = verbs.status(_settings())
        _print_json(report) if as_json else verbs.show_status(report)


@app.command()
def ask(
    text: Annotated[str, typer.Argument(help="What the customer writes.")],
    customer: Annotated[
        str | None, typer.Option("--from", metavar="WA_ID", help="Who writes, digits only.")
    ] = None,
    as_json: AsJson = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait.")] = 120.0,
) -> None:
    """Send TEXT through the whole flow and wait for the answer."""
    from deployments.local import verbs

    with _clear_errors():
        answer = verbs.ask(_settings(), text, customer, timeout)
        _print_json(answer) if as_json else verbs.show_answer(answer)
        if not answer["reply"]:
            _fail(f"no reply was sent ({answer['outcome']})", EXIT_FAILED)


@app.command()
def step(
    name: Annotated[str, typer.Argument(help="parse_message, check_unsubscribed, ...")],
    jsonl: Annotated[Path, typer.Option("--jsonl", help="Inputs, one JSON object a line.")],
    gazetteer: Annotated[
        Path | None, typer.Option(help="Trek names, one a line; default: the live epoch's.")
    ] = None,
) -> None:
    """Run one step outside the cluster on a file of inputs."""
    from deployments.local import steps

    with _clear_errors():
        for row in steps.run(name, jsonl, _settings(), gazetteer):
            _print_json(row)


@app.command()
def scale(
    wanted: Annotated[list[str], typer.Argument(metavar="DEPLOYMENT=N...")],
    as_json: AsJson = False,
) -> None:
    """Set the least number of replicas of deployments; autoscaling stays on."""
    from deployments.local import verbs

    with _clear_errors():
        report = verbs.scale(_settings(), wanted)
        _print_json(report) if as_json else verbs.show_scaled(report)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check this machine and say what to do where something is missing."""
    from deployments.local import verbs

    with _clear_errors():
        report = verbs.doctor(_settings())
        _print_json(report) if as_json else verbs.show_findings(report)
        if not report["healthy"]:
            raise typer.Exit(EXIT_FAILED)


@app.command(context_settings=PASS_ON)
def ingest(context: typer.Context) -> None:
    """Turn documents into a versioned index: run, query, epochs, rollback, verify, ..."""
    from pipelines.ingest import cli as ingest_cli

    with _clear_errors():
        _join_instance(context.args)
    sys.argv = ["switchback ingest", *context.args]
    ingest_cli.main()


@app.command(context_settings=PASS_ON)
def bench(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Which one; none: list them.")] = None,
) -> None:
    """Run a benchmark; options after NAME are its own."""
    from deployments.local import verbs

    with _clear_errors():
        verbs.bench(name, context.args, _settings)


@app.command(context_settings=PASS_ON)
def dlq(context: typer.Context) -> None:
    """Dead letters: list, show, replay."""
    _desk("dlq", context.args)


@app.command(context_settings=PASS_ON)
def privacy(context: typer.Context) -> None:
    """Personal data of one person: export, erase, verify."""
    _desk("privacy", context.args)


@app.command(context_settings=PASS_ON)
def keys(context: typer.Context) -> None:
    """Keys of /admin: add, list, revoke."""
    _desk("keys", context.args)


@app.command()
def replay(
    turn_id: Annotated[str, typer.Argument(metavar="TURN_ID", help="As `ask --json` prints it.")],
    as_json: AsJson = False,
) -> None:
    """Run a past turn again, without side effects, and show the first step that differs."""
    from deployments.local import desk

    with _clear_errors():
        report = desk.replay_turn(_settings(), turn_id)
        _print_json(report) if as_json else desk.show_replay(report)


@app.command()
def train() -> None:
    """Train the heads that read messages, for the profile's encoder, from evals/golden."""
    from evals.training import train
    from serving.understanding.heads import ARTEFACT

    with _clear_errors():
        trained = train(_settings())
        typer.echo(f"{ARTEFACT}: encoder {trained.encoder}, data {trained.data}", err=True)


@app.command("eval")
def evaluate(
    name: Annotated[str | None, typer.Argument(help="Which one; none: all of them.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how right the product is; exit code 1 when the gate does not let it pass."""
    from deployments.local.errors import UsageError
    from evals.frame import evaluation, runner
    from evals.frame.show import show

    with _clear_errors():
        known = {one.name: one for one in evaluation.discover()}
        if name is not None and name not in known:
            raise UsageError(f"no evaluation {name!r}; choose from {', '.join(known)}")
        chosen = [known[name]] if name else list(known.values())
        runs = []
        for run in runner.run(chosen, _settings()):
            runs.append(run)
            if not as_json:
                show(run)
        passed = not any(run.failures for run in runs)
        if as_json:
            by_name = {run.evaluation.name: run.as_json() for run in runs}
            _print_json({"passed": passed, "evaluations": by_name})
        if not passed or (name and runs[0].report is None):
            raise typer.Exit(EXIT_FAILED)


def _desk(group: str, arguments: list[str]) -> None:
    from deployments.local import desk_commands

    with _clear_errors():
        desk_commands.run(group, arguments)


def _settings(profile: str | None = None) -> "Settings":
    from deployments.settings import PREFIX, load_settings

    if profile is not None:
        os.environ[f"{PREFIX}PROFILE"] = profile
    return load_settings()


def _join_instance(arguments: list[str]) -> None:
    """A batch run uses the Ray of the instance that runs here, if one does."""
    if arguments[:1] == ["run"] and "--help" not in arguments:
        from deployments.local import verbs

        for name, value in verbs.cluster_env(_settings()).items():
            os.environ.setdefault(name, value)


def _print_json(value: Mapping[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False), flush=True)  # noqa: T201 -- this is the output


@contextmanager
def _clear_errors() -> Iterator[None]:
    """An error that we foresee is one line; usage and input errors exit with 2."""
    from deployments.local.errors import LocalError, UsageError
    from deployments.settings import SettingsError

    try:
        yield
    except (SettingsError, UsageError) as error:
        _fail(str(error), EXIT_USAGE)
    except LocalError as error:
        _fail(str(error), EXIT_FAILED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # head(1) has seen enough
    except KeyboardInterrupt:
        _fail("interrupted", EXIT_FAILED)


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(f"switchback: {message}", err=True)
    raise typer.Exit(code)


def main() -> None:
    """The console script."""
    app(prog_name="switchback")


if __name__ == "__main__":
    main()
