"""How a question ends: a limit, a word of status, or one of the ways to fail."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

__all__ = [
    "CheckpointError",
    "CheckpointWarning",
    "ConvergenceError",
    "Limit",
    "NoLimitError",
    "Status",
]


class Status(StrEnum):
    """What became of one element of a batch of limits."""

    CONVERGED = "converged"
    NOT_SEPARABLE = "no limit: not separable"
    SEPARABLE = "no limit: separable"
    UNDETERMINED = "no limit: fewer samples than dimensions"
    NOT_CONVERGED = "not converged"


@dataclass(frozen=True, eq=False)
class Limit:
    """A limiting accuracy with its order parameters; scalars, or arrays of one broadcast shape.

    Attributes
    ----------
    accuracy, error : float or array
        Probability of a correct and of a wrong label on fresh data. They are computed separately:
        a small error keeps its relative precision.
    mean, variance : float or array
        m and q: a fresh margin y⟨w, z⟩ is N(m, q).
    intercept : float or array
        b; 0 if not fitted.
    susceptibility : float or array
        V, the response of a training margin to its own sample.
    train_accuracy, train_loss : float or array
        On the training set; the loss without its penalty.
    residual : float or array
        Largest relative violation of the equations.
    status : Status or array of str
        "converged", or why the element is NaN.
    """

    accuracy: Any
    error: Any
    mean: Any
    variance: Any
    intercept: Any
    susceptibility: Any
    train_accuracy: Any
    train_loss: Any
    residual: Any
    status: Any

    def __repr__(self) -> str:
        if np.ndim(self.accuracy):
            shape = np.shape(self.accuracy)
            counts = {s: int(np.sum(self.status == s)) for s in np.unique(self.status)}
            return f"Limit(shape={shape}, status={counts})"
        fields = ("accuracy", "mean", "variance", "intercept", "susceptibility", "train_accuracy")
        numbers = ", ".join(f"{name}={getattr(self, name):.6g}" for name in fields)
        return f"Limit({numbers}, residual={self.residual:.1e}, status={str(self.status)!r})"


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
