"""Errors grouped by what the caller does about them."""

from dataclasses import dataclass
from typing import Literal, assert_never

FailureKind = Literal["retryable", "rejected", "overloaded", "degraded"]


class SwitchbackError(Exception):
    """Something went wrong."""

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail or (self.__doc__ or "").splitlines()[0])


class Retryable(SwitchbackError):
    """A passing fault; the same call may succeed."""


class Rejected(SwitchbackError):
    """The input cannot be processed; retrying will not help, a dead letter keeps it."""


class Overloaded(SwitchbackError):
    """The callee asks to slow down."""

    def __init__(self, detail: str | None = None, retry_after_s: float = 1.0) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Degraded(SwitchbackError):
    """The full answer cannot be had now; use the fallback."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed item of a batch, as a value: it never fails its neighbours."""

    kind: FailureKind
    detail: str
    retry_after_s: float = 0.0

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        detail = f"{type(error).__name__}: {error}"
        match error:
            case Overloaded():
                return cls("overloaded", detail, error.retry_after_s)
            case Rejected():
                return cls("rejected", detail)
            case Degraded():
                return cls("degraded", detail)
            case Retryable() | TimeoutError() | ConnectionError() | OSError():
                return cls("retryable", detail)
            case _:
                # An unknown error is a defect: repeating it would repeat the defect.
                return cls("rejected", detail)

    def error(self) -> SwitchbackError:
        """The exception a caller raises for this failure."""
        match self.kind:
            case "retryable":
                return Retryable(self.detail)
            case "rejected":
                return Rejected(self.detail)
            case "overloaded":
                return Overloaded(self.detail, self.retry_after_s)
            case "degraded":
                return Degraded(self.detail)
            case _ as never:
                assert_never(never)
