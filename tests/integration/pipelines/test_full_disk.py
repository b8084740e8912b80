"""A run whose index lies on a file system that fills up."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from models.epochs import EpochStore
from models.open import HASH_ENCODER
from models.types import ModelId
from pipelines.ingest.config import ClusterSettings, IngestConfig
from pipelines.ingest.job import run

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

ROOM_KIB = 96  # beside the live epoch: too little for the next one
# A mount of its own, which nobody else sees and which ends with the command.
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")
SCRIPT = """
set -eu
mount -t tmpfs -o size="$1k" tmpfs "$2"
cp -a "$3/." "$2"
shift 3
"$@" && echo "ended well" || echo "ended with $?"
cat "$SMALL/CURRENT"
find "$SMALL/epochs" -mindepth 1 -maxdepth 1 | wc -l
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Where a file system of a fixed size can be mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(folder)]
    if (
        not shutil.which(NAMESPACE[0])
        or subprocess.run([*NAMESPACE, *mount], check=False).returncode
    ):
        pytest.skip("this system lets nobody mount a file system of their own")
    return folder


def test_a_full_disk_ends_the_run_with_one_line(tmp_path: Path, small: Path) -> None:
    """It says what and where; the live epoch stays and nothing half-built is left of the next."""
    corpus, index = tmp_path / "corpus", tmp_path / "index"
    corpus.mkdir()
    (corpus / "camp.md").write_text("Camp 1 lies at 311 metres by the lake.")
    published = run(
        IngestConfig(
            corpus_uri=str(corpus),
            index_uri=str(index),
            encoder_id=ModelId(HASH_ENCODER),
            models_dir=tmp_path / "models",
            cluster=ClusterSettings(max_tasks=1),
        )
    )
    assert published.status == "published"
    for number in range(400):
        text = " ".join(f"Stage {number} day {day}: {number * day} metres." for day in range(60))
        (corpus / f"{number:03d}.md").write_text(text)
    used_kib = sum(path.stat().st_size + 4096 for path in index.rglob("*")) // 1024
    ingest = [sys.executable, "-m", "pipelines.ingest", "run", "--corpus", str(corpus)]
    done = subprocess.run(
        [
            *NAMESPACE, "sh", "-c", SCRIPT, "sh", str(used_kib + ROOM_KIB), str(small), str(index),
            *ingest, "--index", str(small),
        ],
        env={**os.environ, "SWITCHBACK_MODELS": "stub", "SMALL": str(small)},
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    *_, ended, live, epochs = done.stdout.splitlines()
    assert ended == "ended with 1"
    last = done.stderr.strip().splitlines()[-1]
    assert "No space left on device" in last
    assert str(small) in last
    assert "Traceback" not in done.stderr
    assert live == EpochStore(index).current()
    assert epochs == "1"
