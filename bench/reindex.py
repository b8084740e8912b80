"""What a second run costs: over an unchanged corpus, and after one document in a hundred was
edited.

    python -m bench.reindex [--documents 2000] [--encoder stub|real]

The corpus is generated: short documents of one passage each. The stub encoder shows the share of
passages that are embedded again and the house's own time; with `real` the multilingual encoder of
the laptop profile embeds, and the ratio of the two runs is that of production.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from bench import machine

_PLACES = ("Sankri", "Jobra", "Munsiyari", "Leh", "Gangtok", "Lukla", "Pokhara", "Joshimath")
_THINGS = ("a permit", "a wool hat", "two litres of water", "the insurance paper", "a head torch")


def main(
    documents: Annotated[int, typer.Option(min=100)] = 2_000,
    encoder: Annotated[str, typer.Option(help="stub or real")] = "stub",
) -> None:
    """Three runs: from nothing, unchanged, one per cent edited."""
    print(json.dumps({**machine.describe(), "documents": documents, "encoder": encoder}))
    with tempfile.TemporaryDirectory(prefix="reindex-") as folder:
        work = Path(folder)
        (work / "corpus").mkdir()
        for number in range(documents):
            write(work / "corpus", number, edition=1)
        first, first_s = run(work, encoder)
        print(
            f"first run: {first['chunks']} passages, {first['embedded']} embedded, {first_s:.1f} s"
        )
        again, again_s = run(work, encoder)
        print(
            f"unchanged: {again['status']}, {again['embedded']} embedded, {again_s:.1f} s, "
            f"{again_s / first_s:.1%} of the first run"
        )
        for number in range(0, documents, 100):
            write(work / "corpus", number, edition=2)
        edited, edited_s = run(work, encoder)
        share = edited["embedded"] / edited["chunks"]
        print(
            f"1 % edited: {edited['status']}, {edited['embedded']} embedded ({share:.2%}), "
            f"{edited_s:.1f} s, {edited_s / first_s:.1%} of the first run"
        )
    good = again["embedded"] == 0 and again_s < 0.05 * first_s and share <= 0.015  # noqa: PLR2004
    print("as promised" if good else "NOT as promised")
    raise typer.Exit(0 if good else 1)


def write(corpus: Path, number: int, *, edition: int) -> None:
    """One short document, different from every other."""
    chance = random.Random(f"{number}/{edition}")
    text = " ".join(
        f"From {chance.choice(_PLACES)} the path climbs {chance.randrange(200, 1500)} metres in "
        f"{chance.randrange(2, 9)} hours; bring {chance.choice(_THINGS)}."
        for _ in range(4)
    )
    (corpus / f"{number:05d}.md").write_text(f"# Stage {number}\n\n{text}\n", "utf-8")


def run(work: Path, encoder: str) -> tuple[dict[str, Any], float]:
    """One command as it is typed, from its start to its end."""
    argv = [
        sys.executable, "-m", "pipelines.ingest", "run", "--json",
        "--corpus", str(work / "corpus"), "--index", str(work / "index"),
    ]  # fmt: skip
    env = {"RAY_worker_niceness": "0", **os.environ}  # else a busy machine is what is measured
    if encoder == "stub":
        env |= {"SWITCHBACK_MODELS": "stub"}
    began = time.monotonic()
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    took_s = time.monotonic() - began
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    report: dict[str, Any] = json.loads(done.stdout)
    return report, took_s


if __name__ == "__main__":
    typer.run(main)
