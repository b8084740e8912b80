"""The one shape of all eleven steps."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from serving.errors import Failure
from serving.types import StepName

In = TypeVar("In")
Out = TypeVar("Out")


class Step(Generic[In, Out]):
    """A frozen dataclass in, a frozen dataclass out.

    Subclasses implement `one`; those that gain from a batch (SQL, models) override `many`.
    The constructor takes ports and settings and does nothing else: connections and models are
    opened in `warm_up`. A step knows neither its neighbours nor Ray nor the environment.
    """

    name: ClassVar[StepName]

    async def warm_up(self) -> None:
        """Open what the step needs. Called once, before the first item."""

    async def check_health(self) -> None:
        """Raise when this replica is broken and a new one would not be.

        A database or an index that is away is no reason: a restart does not bring it back.
        """

    async def one(self, item: In) -> Out:
        raise NotImplementedError

    async def many(self, items: Sequence[In]) -> list[Out | Failure]:
        """Same length, same order; a failed item is a `Failure` in its place."""
        results = await asyncio.gather(*map(self.one, items), return_exceptions=True)
        return [as_outcome(result) for result in results]


def as_outcome(result: Out | BaseException) -> Out | Failure:
    """Turn an exception into a value; let cancellation and exits through."""
    if isinstance(result, Exception):
        return Failure.of(result)
    if isinstance(result, BaseException):
        raise result
    return result
