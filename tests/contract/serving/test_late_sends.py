"""The short form of `bench/late_sends.py`."""

import asyncio

from bench.late_sends import run


def test_nothing_but_templates_leaves_outside_the_window(database_url: str) -> None:
    """Late, on the edge, or deferred until it was late: a template, or a person is told."""
    report = asyncio.run(run(database_url, 42))
    assert report.free_form == 0
    assert report.templates == report.for_a_person == 21
    assert report.in_time == 1
