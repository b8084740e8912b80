"""A corpus that nobody here wrote: Debian's HTML of the Python and PostgreSQL documentation.

    python -m bench.debian_docs --folder DIR --pages 120     # a sample of pages
    python -m bench.debian_docs --folder DIR --pages 0       # all of some 1,700 pages: an hour

Downloads two packages with apt-get, ingests the pages end to end with the encoder in use, and asks
known-item questions: titles of sections, and entries of the Python index. The page a title or entry
points to must be among the first five passages, found by meaning alone, by words alone, and as
served. Index and contents pages are left out, since they hold every term. A sample keeps the same
share of each package, and its questions are those whose page is in it. Run again, it goes on where
it stopped: passages that were embedded are not embedded again.
"""

import argparse
import html
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import machine
from models.checksums import sha256_text
from models.epochs import EpochStore
from models.fusion import Weights
from models.open import open_encoder
from models.question import Question, QuestionReader
from models.ranking import rank, trek_bonus
from models.types import SearchFilter
from pipelines.ingest.search import CANDIDATES, EpochSearch, live_epoch
from pipelines.ingest.settings import load_settings

PACKAGES = {
    "python3.11-doc": "usr/share/doc/python3.11/html",
    "postgresql-doc-15": "usr/share/doc/postgresql-doc-15/html",
}
NOT_PAGES = re.compile(
    r"genindex|bookindex|py-modindex|search\.html|contents|/index\.html|whatsnew/|/release-"
)
HEADING = re.compile(r"<h([123])[^>]*>(.*?)</h\1>", re.DOTALL)
ENTRY = re.compile(r'<li><a href="([\w./]+\.html)#[^"]*">([^<]+\([^<]+\))</a>')
NUMBER = re.compile(r"^(Chapter |Appendix )?[\dA-Z]+(\.\d+)*\.\s+")
MIN_WORDS = 2
QUESTIONS = 300
K = 5


class Unavailable(Exception):
    """What the benchmark needs is not on this machine."""


def download(folder: Path) -> None:
    """The packages, unpacked."""
    if all((folder / path).is_dir() for path in PACKAGES.values()):
        return
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Unavailable("apt-get and dpkg-deb are needed: run this on Debian")
    folder.mkdir(parents=True, exist_ok=True)
    got = subprocess.run(
        ["apt-get", "download", *PACKAGES], cwd=folder, capture_output=True, text=True, check=False
    )
    if got.returncode:
        raise Unavailable(f"apt-get download: {got.stderr.strip().splitlines()[-1]}")
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package.name, "."], cwd=folder, check=True)


def choose(folder: Path, pages: int) -> dict[str, Path]:
    """Pages by document id: all, or those whose name has the lowest hash."""
    found = {
        f"{package}/{path.relative_to(folder / root).as_posix()}": path
        for package, root in PACKAGES.items()
        for path in (folder / root).rglob("*.html")
        if not NOT_PAGES.search(path.as_posix()) and not path.is_symlink()
    }
    names = sorted(found, key=sha256_text)[: pages or None]
    return {name: found[name] for name in sorted(names)}


def questions(folder: Path, pages: Mapping[str, Path]) -> dict[str, set[str]]:
    """Title or index entry to the pages it stands for."""
    index = (folder / PACKAGES["python3.11-doc"] / "genindex-all.html").read_text("utf-8")
    entries = ((f"python3.11-doc/{page}", _plain(entry)) for page, entry in ENTRY.findall(index))
    titles = _sample(_titles(pages), QUESTIONS // 2)
    return titles | _sample((pair for pair in entries if pair[0] in pages), QUESTIONS // 2)


def _sample(pairs: Iterable[tuple[str, str]], count: int) -> dict[str, set[str]]:
    wanted: dict[str, set[str]] = {}
    for name, title in pairs:
        wanted.setdefault(title, set()).add(name)
    # A title of many pages, such as "See also", names none.
    fair = sorted(title for title, names in wanted.items() if len(names) == 1)
    random.Random(7).shuffle(fair)  # a sample, not a secret
    return {title: wanted[title] for title in fair[:count]}


def _titles(pages: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    for name, path in pages.items():
        for _, heading in HEADING.findall(path.read_text("utf-8", errors="replace")):
            title = NUMBER.sub("", _plain(heading))
            if len(title.split()) >= MIN_WORDS:
                yield name, title


def _plain(fragment: str) -> str:
    text = html.unescape(re.sub(r"<[^>]+>", "", fragment)).replace("¶", "").replace("\u00a0", " ")
    return " ".join(text.split())


def ingest(corpus: Path, index: Path, pages: Mapping[str, Path]) -> dict[str, Any]:
    """One real run, in a process of its own."""
    for name, path in pages.items():
        target = corpus / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    command = [sys.executable, "-m", "pipelines.ingest", "run", "--json", "--allow-shrink"]
    done = subprocess.run(
        [*command, "--corpus", str(corpus), "--index", str(index)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unavailable(f"ingest run ended with {done.returncode}")
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def measure(index: Path, wanted: Mapping[str, set[str]]) -> dict[str, float]:
    """Recall at five of each way of searching."""
    settings = load_settings(None, str(index))
    store = EpochStore(settings.index_uri)
    encoder = open_encoder(settings.encoder_id, settings.models_dir, settings.catalog)
    encoder.warm_up()
    with tempfile.TemporaryDirectory(prefix="debian-docs-") as cache:
        search = EpochSearch.open(store, live_epoch(store), Path(cache))
        reader = QuestionReader(search.manifest.treks)
        asked = [Question(title, (title,), (), ()) for title in wanted]
        read = [reader.read(title) for title in wanted]

        def recall(texts: Sequence[Question], weights: Weights, penalty: float) -> float:
            vectors = encoder.encode([question.to_embed for question in texts], "query")
            words = [question.to_match for question in texts]
            filters = [SearchFilter()] * len(texts)
            found = [shard.search(vectors, words, filters, CANDIDATES) for shard in search.shards]
            right = 0
            for names, hits in zip(wanted.values(), zip(*found, strict=True), strict=True):
                best = rank(hits, trek_bonus(()), K, weights=weights, repeat_penalty=penalty)
                right += any(hit.chunk.doc in names for hit in best)
            return round(right / len(wanted), 3)

        return {
            "dense": recall(asked, Weights(lexical=0.0), 0.0),
            "lexical": recall(asked, Weights(dense=0.0), 0.0),
            "hybrid": recall(asked, Weights(), 0.0),
            "served": recall(read, Weights(), 0.3),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--pages", type=int, default=120)
    options = parser.parse_args()
    try:
        download(options.folder)
        pages = choose(options.folder, options.pages)
        wanted = questions(options.folder, pages)
        started = time.monotonic()
        report = ingest(options.folder / "corpus", options.folder / "index", pages)
        took_s = round(time.monotonic() - started)
        found = measure(options.folder / "index", wanted)
    except Unavailable as error:
        sys.exit(f"debian_docs: {error}")
    facts = {key: report[key] for key in ("documents", "chunks", "embedded", "status")}
    result = {**facts, "ingest_s": took_s, "questions": len(wanted), "recall_at_5": found}
    print(json.dumps({**machine.describe(), **result}))


if __name__ == "__main__":
    main()
