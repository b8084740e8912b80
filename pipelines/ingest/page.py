"""A run's report as one HTML page that needs no other file, no script and no network."""

from collections.abc import Iterable, Sequence
from html import escape

from pipelines.ingest.charts import histogram, horizontal_bars
from pipelines.ingest.report import RunReport
from pipelines.ingest.staged import LENGTH_STEP_TOKENS

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2b33; --paper: #fbfaf7; --line: #d8d4ca;
  --bar: #2f6f73; --good: #2e7d4f; --bad: #b3372c; --quiet: #66727a }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e3da; --paper: #14191c; --line: #39434a;
  --bar: #5fb0b4; --good: #6cc48e; --bad: #ec8278; --quiet: #98a3aa } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
.published, .unchanged { color: var(--good) } .refused { color: var(--bad) }
.dry-run { color: var(--quiet) } .quiet { color: var(--quiet) }
.reason { border-left: 4px solid var(--bad); padding: .5rem 1rem; margin: 1rem 0 }
dl.figures { display: flex; flex-wrap: wrap; gap: 1rem 2rem; margin: 1.5rem 0 }
dl.figures div { min-width: 6rem } dt { color: var(--quiet); font-size: .85rem }
dd { margin: 0; font-size: 1.4rem; font-variant-numeric: tabular-nums }
table { border-collapse: collapse; width: 100% } code { overflow-wrap: anywhere }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
svg { max-width: 100%; height: auto } svg rect { fill: var(--bar) }
svg text { fill: var(--ink); font-size: 13px }
svg text.small { font-size: 10px; fill: var(--quiet) }
"""


def page_of(report: RunReport) -> str:
    """The whole page."""
    parts = [
        _head(report),
        _figures(report),
        _changes(report),
        _stages(report),
        _languages(report),
        _chart("Passage length in tokens of the encoder", _lengths(report)),
        _shards(report),
        _formats(report),
        _withheld(report),
        _refused(report),
        _origin(report),
    ]
    title = escape(f"Ingestion {report.run}: {report.status}")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>"
        + "\n".join(part for part in parts if part)
        + "</body></html>\n"
    )


def _head(report: RunReport) -> str:
    said = {
        "published": f"Epoch <code>{escape(report.epoch or '')}</code> is live.",
        "unchanged": f"Nothing changed; <code>{escape(report.epoch or '')}</code> stays live.",
        "refused": f"Not published; <code>{escape(report.epoch or 'no epoch')}</code> stays live.",
        "dry-run": "Nothing was written.",
    }[report.status]
    reason = f'<p class="reason">{escape(report.reason)}</p>' if report.reason else ""
    again = " It went on with a run that was interrupted." if report.resumed else ""
    return (
        f'<h1>Ingestion run <span class="{report.status}">{report.status}</span></h1>'
        f"<p>{said}{again}</p>{reason}"
    )


def _figures(report: RunReport) -> str:
    recall = min((shard.recall for shard in report.shards), default=None)
    figures = [
        ("files", f"{report.files:,}"),
        ("documents", f"{report.documents:,}"),
        ("passages", f"{report.chunks:,}"),
        ("embedded", f"{report.embedded:,}"),
        ("refused", f"{len(report.quarantined):,}"),
        ("treks", f"{report.treks:,}"),
        ("lowest recall@10", "–" if recall is None else f"{recall:.3f}"),
        ("golden questions", _questions(report)),
        ("seconds", f"{report.total_s:,.1f}"),
    ]
    return (
        '<dl class="figures">'
        + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in figures)
        + "</dl>"
    )


def _questions(report: RunReport) -> str:
    if report.questions is None:
        return "–"
    before = report.questions_before
    was = f" (was {before:.1%})" if before is not None else ""
    return f"{report.questions:.1%}{was}"


def _changes(report: RunReport) -> str:
    totals = {"added": report.added, "changed": report.changed, "removed": report.removed}
    if not any(totals.values()):
        return "<h2>What changed</h2><p>No document was added, changed or removed.</p>"
    lines = [
        f"<tr><th>{name}</th><td class=n>{total:,}</td><td>{_names(report, name, total)}</td></tr>"
        for name, total in totals.items()
    ]
    return f"<h2>What changed against the epoch before</h2><table>{''.join(lines)}</table>"


def _names(report: RunReport, change: str, total: int) -> str:
    names = report.changes.get(change, [])
    more = f" and {total - len(names):,} more" if total > len(names) else ""
    return ", ".join(f"<code>{escape(name)}</code>" for name in names) + more


def _stages(report: RunReport) -> str:
    rows = [(name, seconds, f"{seconds:,.1f} s") for name, seconds in report.seconds.items()]
    return _chart("Time by stage", horizontal_bars(rows) if rows else "")


def _languages(report: RunReport) -> str:
    if not report.languages:
        return ""
    most = sorted(report.languages.items(), key=lambda item: -item[1])
    chart = horizontal_bars([(name, count, f"{count:,} passages") for name, count in most])
    rows = [
        (name, f"{before:,}", f"{now:,}", f"{now - before:+,}")
        for name, (before, now) in report.languages_of_documents.items()
    ]
    table = _table(("language", "documents before", "now", "change"), rows, numbers=3)
    return f"<h2>Languages</h2>{chart}{table}"


def _lengths(report: RunReport) -> str:
    counts = [(step * LENGTH_STEP_TOKENS, count) for step, count in sorted(report.lengths.items())]
    return histogram(counts, LENGTH_STEP_TOKENS, "tokens")


def _shards(report: RunReport) -> str:
    if not report.shards:
        return ""
    bars = [(f"shard {s.shard}", s.recall, f"{s.recall:.4f}") for s in report.shards]
    rows = [
        (str(s.shard), f"{s.chunks:,}", f"{s.size_bytes / 1e6:,.1f} MB", s.index)
        for s in report.shards
    ]
    table = _table(("shard", "passages", "size", "index"), rows, numbers=0)
    return f"<h2>Recall@10 against exact search</h2>{horizontal_bars(bars, most=1.0)}{table}"


def _formats(report: RunReport) -> str:
    most = sorted(report.formats.items(), key=lambda item: -item[1])
    rows = [(name, count, f"{count:,}") for name, count in most]
    return _chart("Documents by format", horizontal_bars(rows) if rows else "")


def _withheld(report: RunReport) -> str:
    if not report.withheld:
        return ""
    counts = ", ".join(f"{count:,} {why}" for why, count in sorted(report.withheld.items()))
    rows = [(doc or "", why or "", winner or "–") for doc, why, winner in report.withheld_first]
    table = _table(("document", "why", "answers instead"), rows, numbers=0)
    return f"<h2>Kept out of answers: {counts}</h2>{table}"


def _refused(report: RunReport) -> str:
    if not report.quarantined:
        return "<h2>Refused documents</h2><p>None.</p>"
    rows = [
        (entry.doc, entry.reason, str(entry.carried or "–")) for entry in report.quarantined[:100]
    ]
    head = ("document", "reason", "passages kept of its last revision")
    return f"<h2>Refused documents: {len(report.quarantined):,}</h2>{_table(head, rows, numbers=1)}"


def _origin(report: RunReport) -> str:
    facts = [
        ("run", report.run),
        ("began", report.began_at),
        ("corpus", report.corpus),
        ("index", report.index),
        ("epoch before", report.previous or "none"),
        ("encoder", report.encoder),
        ("chunker", report.chunker),
        ("settings", ", ".join(f"{k}: {v}" for k, v in report.settings.items())),
        ("epochs removed", ", ".join(report.collected) or "none"),
    ]
    return f"<h2>Where it comes from</h2>{_table(None, facts, numbers=0)}"


def _chart(title: str, chart: str) -> str:
    return f"<h2>{title}</h2>{chart}" if chart else ""


def _table(head: Sequence[str] | None, rows: Iterable[Sequence[str]], *, numbers: int) -> str:
    """The last `numbers` columns stand to the right."""

    def line(cells: Sequence[str], tag: str) -> str:
        first = len(cells) - numbers
        return "".join(
            f"<{tag}{' class=n' if at >= first else ''}>{escape(cell)}</{tag}>"
            for at, cell in enumerate(cells)
        )

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    top = f"<tr>{line(head, 'th')}</tr>" if head else ""
    return f"<table>{top}{body}</table>"
