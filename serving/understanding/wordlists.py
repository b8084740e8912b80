"""The word lists of `data/`, read once per process."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

# The C parser reads all lists in a tenth of the time, where PyYAML was built with it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DATA = Path(__file__).parent / "data"


@cache
def word_list(name: str) -> dict[str, Any]:
    """The parsed `data/<name>.yaml`."""
    path = DATA / f"{name}.yaml"
    loaded = yaml.load(path.read_text(encoding="utf-8"), _LOADER)  # noqa: S506  # a safe one
    if not isinstance(loaded, dict):
        raise TypeError(f"{path}: expected a mapping at the top, found {type(loaded).__name__}")
    return loaded
