"""An evaluation: a name, what it measures, and a function that does it."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import evals
from deployments.settings import Settings
from evals.frame.measure import Measure


class Unavailable(Exception):
    """What the evaluation needs is not there; the message says what and how to get it."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    name: str
    about: str  # one line
    run: Callable[[Settings], Iterable[Measure]]  # raises `Unavailable`


def discover() -> Sequence[Evaluation]:
    """The `EVALUATION` of every module of `evals/`, by name."""
    found = []
    for module in pkgutil.iter_modules(evals.__path__):
        if not module.ispkg:
            loaded = importlib.import_module(f"evals.{module.name}")
            evaluation = getattr(loaded, "EVALUATION", None)
            if isinstance(evaluation, Evaluation):
                found.append(evaluation)
    return sorted(found, key=lambda evaluation: evaluation.name)
