"""Documents behind http(s) addresses, from a real server on this machine."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipelines.ingest.addresses import addresses_in, doc_of
from pipelines.ingest.documents import Document, Failure, read_file
from pipelines.ingest.errors import InputError
from pipelines.ingest.sources import discover
from tests.unit.pipelines.samples import READING

PAGE = b"<html lang='en'><body><main><h1>Hampta Pass</h1><p>Six days, 4,270 metres.</p></main>"
ANSWERS = {
    "/treks/hampta.php": ("text/html; charset=utf-8", PAGE),
    "/notes.md": ("text/plain", b"---\ntrek: Chadar\n---\n# Chadar\n\nIce, in January."),
    "/prices": ("text/csv", b"trek,price_inr\nHampta Pass,12500\n"),
    "/large.txt": ("text/plain", b"x" * 1_000_001),
}


class _Site(BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        busy = self.path == "/busy.md" and type(self).asked.count(self.path) < 3
        kind, body = ANSWERS.get(self.path, ("text/markdown", b"# Open again\n\nCome in."))
        status = 503 if busy else 404 if self.path == "/gone.md" else 200
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def site() -> Iterator[tuple[str, list[str]]]:
    """Its address, and the paths that were asked for."""
    asked: list[str] = []
    handler = type("Site", (_Site,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def read(corpus: str) -> dict[str, Document | Failure]:
    files = discover(corpus).files
    return {file.doc: found for file in files for found in read_file(file, READING)}


def test_a_list_of_addresses_is_a_corpus(site: tuple[str, list[str]], tmp_path: Path) -> None:
    """Pages are named by host and path, and keep their address for citations."""
    address, _ = site
    names = ["treks/hampta.php", "notes.md", "prices"]
    lines = ["# our pages", "", *(f"{address}/{name}" for name in names)]
    (tmp_path / "site.urls").write_text("\n".join(lines))
    found = read(str(tmp_path / "site.urls"))
    host = address.removeprefix("http://")
    assert set(found) == {f"{host}/{name}" for name in names}
    page = found[f"{host}/treks/hampta.php"]
    assert isinstance(page, Document)
    assert (page.title, page.passages[0].url) == ("Hampta Pass", f"{address}/treks/hampta.php")
    notes, prices = found[f"{host}/notes.md"], found[f"{host}/prices"]
    assert isinstance(notes, Document)
    assert notes.passages[0].trek == "Chadar"
    assert isinstance(prices, Document)
    assert prices.passages[0].text == "trek: Hampta Pass; price_inr: 12,500"


def test_a_busy_server_is_asked_again_and_a_missing_page_is_not(
    site: tuple[str, list[str]], tmp_path: Path
) -> None:
    """One page that cannot be had is quarantined with the server's answer."""
    address, asked = site
    (tmp_path / "site.urls").write_text(f"{address}/busy.md\n{address}/gone.md\n")
    by_name = {
        doc.rpartition("/")[2]: found for doc, found in read(f"{tmp_path}/site.urls").items()
    }
    assert isinstance(by_name["busy.md"], Document)
    gone = by_name["gone.md"]
    assert isinstance(gone, Failure)
    assert "HTTP 404" in gone.reason
    assert gone.counts
    assert sorted(asked) == ["/busy.md", "/busy.md", "/busy.md", "/gone.md"]


def test_a_page_that_is_too_large_is_refused(site: tuple[str, list[str]]) -> None:
    """It is not read to its end."""
    [found] = read(f"{site[0]}/large.txt").values()
    assert isinstance(found, Failure)
    assert "larger than" in found.reason


@pytest.mark.parametrize("content", ["ftp://example.org/a.md", "just words", ""])
def test_a_list_that_is_none_is_an_input_error(tmp_path: Path, content: str) -> None:
    """The message names the file."""
    (tmp_path / "site.urls").write_text(content)
    with pytest.raises(InputError, match=r"site\.urls"):
        discover(str(tmp_path / "site.urls"))


def test_an_unreachable_list_is_an_input_error() -> None:
    """One line that names it; port 9 of this machine has no server."""
    with pytest.raises(InputError, match=r"127\.0\.0\.1:9/site"):
        discover("http://127.0.0.1:9/site.urls")


def test_addresses_are_listed_once_and_told_apart_by_their_query() -> None:
    """The order of the list is kept."""
    assert addresses_in("http://a/x\n\n# no\nhttp://a/y \nhttp://a/x") == [
        "http://a/x",
        "http://a/y",
    ]
    assert doc_of("https://a.org/p/?lang=hi") == "a.org/p?lang=hi"
    assert doc_of("https://a.org") == "a.org/index"
