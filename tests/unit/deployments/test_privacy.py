"""A person in log files: found, masked where it stands, and files of which nothing can be said."""

import os
import threading
from pathlib import Path

import pytest

from deployments.privacy import log_files, look_into_logs, mask_logs
from serving.needles import Needles

NUMBER = "15550100123"
NEEDLES = Needles([NUMBER])


def test_links_are_followed_and_the_simulator_is_not_ours(tmp_path: Path) -> None:
    """Ray's logs lie elsewhere, behind a link; each file is looked at once."""
    logs, elsewhere = tmp_path / "logs", tmp_path / "session"
    logs.mkdir()
    elsewhere.mkdir()
    (logs / "ray").symlink_to(elsewhere)
    for path in (logs / "postgres.log", logs / "simulator.log", elsewhere / "worker.out"):
        path.write_text(f"a\n{NUMBER}\nb\n")
    (elsewhere / "again.out").symlink_to(elsewhere / "worker.out")
    names = sorted(path.name for path in log_files(logs))
    assert names == ["postgres.log", "worker.out"]
    assert look_into_logs(logs, NEEDLES).lines == 2
    assert mask_logs(logs, NEEDLES) == 2
    assert look_into_logs(logs, NEEDLES).lines == 0
    assert NUMBER in (logs / "simulator.log").read_text()


def test_a_file_that_grows_meanwhile_loses_nothing(tmp_path: Path) -> None:
    """A writer that appends while it is masked finds all its lines, each as long as it was."""
    path = tmp_path / "router.log"
    line = f"turn of {NUMBER}\n"
    started = threading.Event()

    def write() -> None:
        with path.open("a") as file:
            for _ in range(2000):
                file.write(line)
                file.flush()
                started.set()

    writer = threading.Thread(target=write)
    writer.start()
    started.wait(10)
    mask_logs(tmp_path, NEEDLES)
    writer.join()
    mask_logs(tmp_path, NEEDLES)
    masked = f"turn of {'*' * len(NUMBER)}\n"
    assert path.read_text() == masked * 2000


@pytest.mark.skipif(os.geteuid() == 0, reason="everything is open to root")
def test_what_cannot_be_read_is_counted(tmp_path: Path) -> None:
    """Nothing can be said of it, so absence is not claimed."""
    path = tmp_path / "closed.log"
    path.touch(mode=0o000)
    assert look_into_logs(tmp_path, NEEDLES).unreadable == 1


def test_no_logs_hold_nobody(tmp_path: Path) -> None:
    """A folder that is not there yet is no fault."""
    assert look_into_logs(tmp_path / "logs", NEEDLES).lines == 0
    assert look_into_logs(tmp_path / "logs", NEEDLES).unreadable == 0
