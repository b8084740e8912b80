"""A run's report, as people and programs read it."""

import json
from html.parser import HTMLParser

from pipelines.ingest.page import page_of
from pipelines.ingest.report import RunReport, ShardReport, report_from_json
from pipelines.ingest.staged import QuarantineEntry

REPORT = RunReport(
    run="20260101T000000-000000Z",
    corpus="s3://bucket/corpus",
    index="s3://bucket/index",
    status="refused",
    reason="50 passages instead of the 100 of the live epoch <b>",
    files=12,
    documents=11,
    chunks=50,
    embedded=7,
    changes={"added": ["new.md"], "changed": [], "removed": ["old & odd.md"]},
    added=1,
    removed=1,
    withheld={"duplicate": 1},
    withheld_first=[["copy.md", "duplicate", "new.md"]],
    languages={"en": 40, "hi": 10},
    languages_of_documents={"en": [8, 9], "hi": [3, 2]},
    formats={".md": 11},
    lengths={0: 4, 3: 20, 9: 26},
    quarantined=[QuarantineEntry("torn.pdf", "uri", "encrypted <PDF>", counts=True, carried=4)],
    shards=[ShardReport(0, 25, 1_000_000, "Flat", 1.0), ShardReport(1, 25, 900_000, "Flat", 0.97)],
    questions=0.91,
    questions_before=0.93,
    seconds={"read": 1.5, "embed": 20.25},
    total_s=23.4,
)


class _Read(HTMLParser):
    """Texts and tags; complains of tags that are not closed."""

    VOID = frozenset({"meta", "rect", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID or self.get_starttag_text() == "<rect>":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(report: RunReport) -> _Read:
    page = _Read()
    page.feed(page_of(report))
    page.close()
    assert page.open == []
    return page


def test_the_page_says_what_happened_and_why() -> None:
    """Reason, counts, changes, refused documents, all as text and not as markup."""
    texts = " ".join(read(REPORT).texts)
    for said in (
        "50 passages instead of the 100 of the live epoch <b>", "encrypted <PDF>", "torn.pdf",
        "old & odd.md", "copy.md", "0.9700", "91.0% (was 93.0%)", "20.2 s", "40 passages",
        "s3://bucket/corpus",
    ):  # fmt: skip
        assert said in texts


def test_the_page_needs_nothing_beside_itself() -> None:
    """No script, no picture, no address that a browser would fetch."""
    page = read(REPORT)
    assert {tag for tag, _ in page.tags} & {"script", "img", "link", "iframe"} == set()
    assert not [attrs for _, attrs in page.tags if {"src", "href"} & attrs.keys()]
    assert sum(tag == "svg" for tag, _ in page.tags) == 5


def test_a_run_that_came_nowhere_has_a_page_too() -> None:
    """Empty charts are left out."""
    assert not [tag for tag, _ in read(RunReport("run", "corpus", "index")).tags if tag == "svg"]


def test_the_twin_says_the_same_and_can_be_read_back() -> None:
    """So that a finished run can be shown again."""
    assert report_from_json(json.loads(json.dumps(REPORT.as_json()))) == REPORT
