"""The two ways in which a limit can fail, each carrying what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .limits import Limit

__all__ = ["ConvergenceError", "NoLimitError"]


class _LimitError(Exception):
    """An exception that carries the partial result in ``limit``."""

    def __init__(self, message: str, limit: Limit | None = None) -> None:
        super().__init__(message)
        self.limit = limit

    def __reduce__(self) -> tuple[type, tuple[str, Limit | None]]:
        return type(self), (str(self), self.limit)


class NoLimitError(_LimitError, ValueError):
    """The limit does not exist at these parameters.

    Raised for a maximum-margin classifier on data that are not separable, and for a penalty-free
    classifier on data that are. The message states the threshold; ``limit`` holds the elements
    that do exist.
    """


class ConvergenceError(_LimitError, ArithmeticError):
    """The fixed point was not found to tolerance.

    ``limit`` holds what was found: NaN where the solver failed, numbers elsewhere.
    """
