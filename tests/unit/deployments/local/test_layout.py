"""Folders and run state of an instance."""

import threading
from pathlib import Path

import pytest

from deployments.local.layout import Busy, Layout


def test_the_socket_folder_stays_short(tmp_path: Path) -> None:
    """However deep the data folder lies, Ray's and HAProxy's socket paths fit."""
    deep = tmp_path / "/".join(["a-rather-long-name"] * 12)
    assert len(str(Layout(deep).sockets)) <= 30


def test_two_data_folders_share_nothing(tmp_path: Path) -> None:
    """Instances side by side never meet in a folder."""
    one, other = Layout(tmp_path / "one"), Layout(tmp_path / "other")
    assert one.sockets != other.sockets
    assert one.key != other.key


def test_run_state_survives_and_is_forgotten(tmp_path: Path) -> None:
    """What was saved is loaded; what was forgotten or is damaged is None."""
    layout = Layout(tmp_path)
    layout.run.mkdir()
    layout.save("thing", {"pid": 7})
    assert layout.load("thing") == {"pid": 7}
    (layout.run / "thing.json").write_text("{")
    assert layout.load("thing") is None
    layout.forget("thing")
    layout.forget("thing")
    assert layout.load("thing") is None


def test_the_lock_admits_one_at_a_time(tmp_path: Path) -> None:
    """A second command gives up, naming the process that holds the lock."""
    layout = Layout(tmp_path)
    with layout.locked(), pytest.raises(Busy, match="process"), layout.locked():
        pass
    with layout.locked():
        pass


def test_a_waiting_command_says_so_once_and_goes_on(tmp_path: Path) -> None:
    """The second command waits for the first and tells why it waits."""
    layout, told, order = Layout(tmp_path), list[str](), list[str]()
    released = threading.Event()

    def second() -> None:
        with layout.locked(30, lambda text: (told.append(text), released.set())[0]):
            order.append("second")

    with layout.locked():
        thread = threading.Thread(target=second)
        thread.start()
        assert released.wait(30)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert len(told) == 1
