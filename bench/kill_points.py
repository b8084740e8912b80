"""kill -9 at named points of an ingestion run: each run that goes on must end in the very bytes of
one that was never interrupted.

    python -m bench.kill_points [--points 30] [--first 0]

A point is a file of the run (a staged unit, a batch of vectors, a shard, the manifest, the pointer)
and a victim: the driver, a worker that is busy at that moment, or the raylet, which is the whole
node. The victim is killed as soon as the file is there. Then, unless the run survived by itself,
the same command is given again. Compared are manifest.json, every shard.json (which holds the
checksums of all files of its shard) and the number of passages that were embedded twice.

Drivers and workers die in one Ray that is started once; where the raylet is the victim each run
starts its own. The stub encoder embeds: what is tested is the bookkeeping, for which any vector is
as good.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import psutil
import ray
import typer

from bench import machine

Victim = Literal["driver", "worker", "raylet"]

RUN = "20260131T120000-000000Z"
WORKERS = 1  # embedding actors, each of which may lose one batch
DEADLINE_S = 300.0
# A worker without work, and the node's own agents, with whom the raylet dies: not the victim meant.
OURS_NOT = re.compile("IDLE|Agent")
BATCH_TOKENS = 1_024
# In the order in which a run writes them; {n} is the n-th file of its kind.
FILES = (
    "runs/{run}/run.json",
    "runs/{run}/staged/units/00000.json",
    "runs/{run}/staged/units/00003.json",
    "runs/{run}/staged/units/00007.json",
    "quarantine.json",
    "runs/{run}/documents.parquet",
    "runs/{run}/plan.parquet",
    "vectors/*/{run}/*.parquet:1",
    "vectors/*/{run}/*.parquet:5",
    "vectors/*/{run}/*.parquet:12",
    "epochs/{run}/shard-000/shard.json",
    "epochs/{run}/shard-001/shard.json",
    "epochs/{run}/lineage.json",
    "epochs/{run}/manifest.json",
    "moves/00000001.json",
    "CURRENT",
)
POINTS: tuple[tuple[str, Victim], ...] = (
    *((file, "driver") for file in FILES),
    *((file, "worker") for file in FILES[1:4] + FILES[6:11]),
    *((file, "raylet") for file in FILES[1:3] + FILES[7:11] + FILES[13:14]),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One point."""

    survived: bool
    """The run ended well without being told again."""
    same: bool
    embedded_twice: int
    seconds: float


def main(
    points: Annotated[int, typer.Option(help="How many of the points.")] = len(POINTS),
    first: Annotated[int, typer.Option(help="Where to begin.")] = 0,
) -> None:
    """Run the points one after the other; exit 1 when one of them differs."""
    from pipelines.ingest.cluster import ray_session  # noqa: PLC0415  # starts with Ray
    from pipelines.ingest.config import ClusterSettings  # noqa: PLC0415

    # Ray gives its workers the lowest priority; a busy machine would leave them nothing.
    os.environ.setdefault("RAY_worker_niceness", "0")
    print(json.dumps(machine.describe()))
    outcomes: list[Outcome] = []
    with (
        tempfile.TemporaryDirectory(prefix="kill-points-") as folder,
        ray_session(ClusterSettings()),
    ):
        rig = Rig(Path(folder), ray.get_runtime_context().gcs_address)
        write_corpus(rig.work / "corpus")
        complete(rig, rig.work / "reference", "driver")
        expected = fingerprint(rig.work / "reference")
        for number, (file, victim) in list(enumerate(POINTS))[first : first + points]:
            outcomes.append(one_point(rig, file, victim, expected))
            show(number, file, victim, outcomes[-1])
    good = sum(outcome.same for outcome in outcomes)
    survived = sum(outcome.survived for outcome in outcomes)
    twice = max(outcome.embedded_twice for outcome in outcomes)
    print(
        f"{good} of {len(outcomes)} points end in the same bytes; {survived} needed no second "
        f"command; at most {twice} passages were embedded twice"
    )
    raise typer.Exit(0 if good == len(outcomes) else 1)


@dataclass(frozen=True, slots=True)
class Rig:
    """Where it happens."""

    work: Path
    address: str
    """Of the Ray in which drivers and workers die."""


def show(number: int, file: str, victim: Victim, outcome: Outcome) -> None:
    name = file.replace("{run}", "RUN")
    verdict = "same bytes" if outcome.same else "DIFFERENT"
    how = "went on by itself" if outcome.survived else "resumed"
    print(
        f"{number:>2}  {victim:<7}{name:<40}{how:<19}{verdict}  {outcome.embedded_twice:>4} twice  "
        f"{outcome.seconds:5.1f} s",
        flush=True,
    )


def write_corpus(folder: Path) -> None:
    """Sixty documents in two languages, one of them torn."""
    folder.mkdir()
    for number in range(60):
        paragraphs = [
            f"On day {day} of trek {number} the path climbs {day * 110 + number} metres to camp "
            f"{day}, where the night costs {number * 13 + day} rupees and the lake is cold."
            for day in range(1, 13)
        ]
        (folder / f"{number:03d}.md").write_text(f"# Trek {number}\n\n" + "\n\n".join(paragraphs))
    (folder / "torn.pdf").write_bytes(b"%PDF-1.4 torn")


def one_point(rig: Rig, file: str, victim: Victim, expected: dict[str, str]) -> Outcome:
    began = time.monotonic()
    index = rig.work / "index"
    shutil.rmtree(index, ignore_errors=True)
    driver = start(rig, index, victim)
    appears(index, file, driver)
    kill(driver, victim)
    driver.communicate(timeout=DEADLINE_S)
    survived = driver.returncode == 0
    twice = 0
    if not survived:
        kept = vectors_in(index)
        report = complete(rig, index, victim)
        if report["encoded"]:  # else all had been embedded before the kill
            twice = max(0, report["encoded"] - (report["embedded"] - kept))
    same = fingerprint(index) == expected
    return Outcome(survived, same, twice, time.monotonic() - began)


def start(rig: Rig, index: Path, victim: Victim) -> subprocess.Popen[str]:
    """A run as the data team starts it."""
    argv = [
        sys.executable, "-m", "pipelines.ingest", "run", "--corpus", str(rig.work / "corpus"),
        "--index", str(index), "--run-id", RUN, "--json", "--files-per-unit", "8",
        "--batch-tokens", str(BATCH_TOKENS),
    ]  # fmt: skip
    if victim != "raylet":
        argv += ["--ray-address", rig.address]
    temporary = rig.work / "tmp"
    temporary.mkdir(exist_ok=True)
    env = {**os.environ, "SWITCHBACK_MODELS": "stub", "TMPDIR": str(temporary)}
    env |= {"SWITCHBACK_DATA_DIR": str(rig.work / "data")}
    return subprocess.Popen(
        argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        start_new_session=True,
    )  # fmt: skip


def complete(rig: Rig, index: Path, victim: Victim) -> dict[str, int]:
    """The same command to its end; returns its report."""
    driver = start(rig, index, victim)
    out, _ = driver.communicate(timeout=DEADLINE_S)
    if driver.returncode != 0:
        raise RuntimeError(f"the run ended with {driver.returncode}: {out}")
    report: dict[str, int] = json.loads(out)
    return report


def appears(index: Path, file: str, driver: subprocess.Popen[str]) -> None:
    """Wait until the file, or so many of its kind, is there."""
    pattern, _, count = file.format(run=RUN).partition(":")
    ends = time.monotonic() + DEADLINE_S
    while len(list(index.glob(pattern))) < int(count or 1):
        if driver.poll() is not None or time.monotonic() > ends:
            return  # it ended before; then this point is one after its end
        time.sleep(0.001)


def kill(driver: subprocess.Popen[str], victim: Victim) -> None:
    """SIGKILL, to the driver, to the busiest worker, or to the driver's node."""
    if victim == "driver":
        driver.kill()
        return
    # Workers belong to the raylet that this process started, raylets to their driver.
    root = psutil.Process(driver.pid if victim == "raylet" else os.getpid())
    for pid in list(_pids(root, victim))[:1]:
        os.kill(pid, signal.SIGKILL)


def _pids(root: psutil.Process, victim: Victim) -> Iterator[int]:
    found = []
    for process in root.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            name, title = process.name(), " ".join(process.cmdline())
            if victim == "raylet" and name == "raylet":
                found.append((0.0, process.pid))
            elif victim == "worker" and title.startswith("ray::") and not OURS_NOT.search(title):
                found.append((-sum(process.cpu_times()[:2]), process.pid))
    yield from (pid for _, pid in sorted(found))


def vectors_in(index: Path) -> int:
    """Passages that have a vector on disk."""
    import pyarrow.parquet as pq  # noqa: PLC0415  # the benchmark starts without it

    files = index.glob(f"vectors/*/{RUN}/*.parquet")
    return sum(pq.ParquetFile(file).metadata.num_rows for file in files)


def fingerprint(index: Path) -> dict[str, str]:
    """The published manifest and the records of its shards, which hold all checksums."""
    live = (index / "CURRENT").read_text().strip()
    epoch = index / "epochs" / live
    names = ["manifest.json", *(f"{s.name}/shard.json" for s in sorted(epoch.glob("shard-*")))]
    return {name: (epoch / name).read_text() for name in names}


if __name__ == "__main__":
    typer.run(main)
