"""Reports for people."""

from rich.console import Console
from rich.table import Table

from evals.frame.report import Change, Line
from evals.frame.runner import Run

SHOWN_CASES = 8


def show(run: Run) -> None:
    """A table of the scores, what changed since the last report, and the gate's verdict."""
    out = Console(highlight=False)
    out.print(f"\n[bold]{run.evaluation.name}[/]  {run.evaluation.about}")
    if run.report is None:
        out.print(f"skipped: {run.skipped}", markup=False)
        return
    table = Table("measure", "score", "95 %", "cases", "floor", "last", box=None, pad_edge=False)
    for name, result in run.report.results.items():
        change = (run.changes or {}).get(name)
        table.add_row(name, *_cells(result.overall), _before(change))
        for group, line in sorted(result.groups.items()):
            if len(result.groups) > 1:
                table.add_row(f"  {group}", *_cells(line), "", style="dim")
    out.print(table)
    for name, change in (run.changes or {}).items():
        for label, cases in (("broken", change.broken), ("mended", change.mended)):
            if cases:
                more = f" and {len(cases) - SHOWN_CASES} more" if len(cases) > SHOWN_CASES else ""
                shown = ", ".join(cases[:SHOWN_CASES])
                out.print(f"{name}: {label} since the last report: {shown}{more}", markup=False)
    for failure in run.failures:
        out.print(f"! {failure.measure}: {failure.reason}", markup=False)
    out.print("[red]does not pass[/]" if run.failures else "[green]passes[/]")


def _cells(line: Line) -> tuple[str, str, str, str]:
    low, high = f"{line.low:.3f}", f"{line.high:.3f}"
    floor = "" if line.floor is None else f"{line.floor:.2f}"
    return f"{line.value:.3f}", f"{low}-{high}", str(line.cases), floor


def _before(change: Change | None) -> str:
    return "" if change is None else f"{change.before:.3f}"
