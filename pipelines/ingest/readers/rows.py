"""A table row as a passage that repeats its column names, so that a price never loses what it is a
price of.
"""

import re
from collections.abc import Sequence

_MONEY = re.compile(
    r"(^|[^a-z])(price|cost|fee|fare|deposit|amount|total|inr|usd|eur|gbp|npr|rs)($|[^a-z])"
)
_WHOLE_NUMBER = re.compile(r"\d{4,9}")


def named_cells(names: Sequence[str], cells: Sequence[str]) -> str:
    """`trek: Hampta Pass; season: June; price_inr: 12,500`; empty cells are left out."""
    columns = [*names, *("" for _ in range(len(cells) - len(names)))]
    pairs = zip(columns, cells, strict=False)
    return "; ".join(_pair(" ".join(name.split()), cell) for name, cell in pairs if cell.strip())


def _pair(name: str, cell: str) -> str:
    value = " ".join(cell.split())
    if _MONEY.search(name.lower().replace("_", " ")) and _WHOLE_NUMBER.fullmatch(value):
        value = f"{int(value):,}"
    return f"{name}: {value}" if name else value
