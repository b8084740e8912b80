"""Ports: found free, claimed in blocks, given back."""

import socket
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from deployments.local import ports
from deployments.local.errors import PortTaken
from deployments.local.layout import Layout


def made(folder: Path) -> Layout:
    layout = Layout(folder)
    layout.run.mkdir(parents=True)
    return layout


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Layout, Layout]]:
    layouts = made(tmp_path / "one"), made(tmp_path / "other")
    yield layouts
    for layout in layouts:
        ports.release(layout)


def test_a_listener_makes_a_port_taken() -> None:
    """The error names the port and the variable to change."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not ports.is_free(port)
        with pytest.raises(PortTaken, match=rf"{port}.*SWITCHBACK_HTTP_PORT"):
            ports.require_free(port, "SWITCHBACK_HTTP_PORT")
    assert ports.is_free(port)


def test_instances_get_blocks_of_their_own(two: tuple[Layout, Layout]) -> None:
    """No port of one instance is a port of another."""
    one, other = (ports.claim(layout) for layout in two)
    assert one.base != other.base
    assert abs(one.base - other.base) >= ports.BLOCK_SIZE


def test_an_instance_keeps_its_block(two: tuple[Layout, Layout]) -> None:
    """Claiming again, also after a release, gives the same ports."""
    layout, _ = two
    first = ports.claim(layout)
    assert ports.claim(layout) == first
    ports.release(layout)
    assert ports.claim(layout) == first


def test_a_block_with_a_listener_is_passed_over(two: tuple[Layout, Layout]) -> None:
    """Some other program in the middle of a block moves the instance to the next."""
    layout, _ = two
    first = ports.claim(layout)
    ports.release(layout)
    with socket.create_server(("127.0.0.1", first.redis)):
        assert ports.claim(layout).base != first.base


def test_no_port_of_a_block_is_used_twice() -> None:
    """Named ports and the two replica ranges are disjoint and inside the block."""
    block = ports.Ports.at(20_000)
    named = [port for name, port in asdict(block).items() if name != "base"]
    everything = [*named, *block.replica_http, *block.replica_grpc]
    assert len(set(everything)) == len(everything)
    assert set(everything) <= set(range(20_000, 20_000 + ports.BLOCK_SIZE))


def test_free_ports_are_distinct_and_outside_every_block() -> None:
    """A further instance can be given them as its settings."""
    found = ports.free_ports(3)
    assert len(set(found)) == 3
    assert all(ports.BELOW_BLOCKS <= port < ports.FIRST_PORT for port in found)
