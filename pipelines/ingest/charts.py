"""Bar charts as SVG text, for a page that needs nothing beside itself."""

from collections.abc import Sequence
from html import escape

_WIDTH = 640
_ROW = 24
_LABEL = 150
_VALUE = 130


def horizontal_bars(rows: Sequence[tuple[str, float, str]], *, most: float | None = None) -> str:
    """One bar a row: label, length, what is written behind it."""
    longest = most or max((length for _, length, _ in rows), default=0.0) or 1.0
    room = _WIDTH - _LABEL - _VALUE
    parts = [
        f'<text x="{_LABEL - 8}" y="{at * _ROW + 16}" text-anchor="end">{escape(label)}</text>'
        f'<rect x="{_LABEL}" y="{at * _ROW + 4}" height="{_ROW - 8}" rx="2" '
        f'width="{max(1.0, length / longest * room):.1f}"/>'
        f'<text x="{_LABEL + max(1.0, length / longest * room) + 6:.1f}" '
        f'y="{at * _ROW + 16}">{escape(value)}</text>'
        for at, (label, length, value) in enumerate(rows)
    ]
    return _svg(len(rows) * _ROW + 4, parts)


def histogram(counts: Sequence[tuple[int, int]], step: int, unit: str) -> str:
    """Columns side by side: (from, count), each `step` wide; gaps are shown as gaps."""
    if not counts:
        return ""
    height, foot = 160, 36
    highest = max(count for _, count in counts)
    last = max(start for start, _ in counts) + step
    wide = (_WIDTH - 20) * step / last
    parts = []
    for start, count in counts:
        tall = count / highest * height
        left = 10 + (_WIDTH - 20) * start / last
        tip = f"{start} to {start + step - 1} {unit}: {count}"
        parts.append(
            f'<rect x="{left:.1f}" y="{height - tall + 16:.1f}" width="{max(1.0, wide - 2):.1f}" '
            f'height="{tall:.1f}"><title>{escape(tip)}</title></rect>'
            f'<text class="small" x="{left + wide / 2 - 1:.1f}" y="{height - tall + 12:.1f}" '
            f'text-anchor="middle">{count}</text>'
            f'<text class="small" x="{left:.1f}" y="{height + 30}">{start}</text>'
        )
    return _svg(height + foot, parts)


def _svg(height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" role="img">'
        + "".join(parts)
        + "</svg>"
    )
