"""The ways to fail: a limit that does not exist or was not found, a checkpoint that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .limits import Limit

__all__ = ["CheckpointError", "CheckpointWarning", "ConvergenceError", "NoLimitError"]


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


class CheckpointError(OSError):
    """A checkpoint folder cannot be made, read or written to; what it held before is intact."""


class CheckpointWarning(UserWarning):
    """A block of a checkpoint was damaged: it was put aside, and its trials are drawn again."""
