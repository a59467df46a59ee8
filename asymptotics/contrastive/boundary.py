"""Between shrinkage and expansion: the curve on which contrastive training leaves gain 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checks import Array
from ..outcomes import Status, choose_status
from ..questions.regime import regime_of
from ..questions.sign_changes import sign_changes

__all__ = ["PhaseBoundary", "boundary_at", "phase_boundary"]

_POINTS_PER_DECADE = 12
# Of the logarithm of the parameter.
_TOLERANCE = 4e-13
# Stands for the logarithm of an infinite gain, and of 0: that of no float is as large.
_INFINITE = 1e3


@dataclass(frozen=True, eq=False)
class PhaseBoundary:
    """Where the gain along the signal passes through 1.

    Attributes
    ----------
    value : float or array
        The parameter there, to a relative 1e-12; NaN where there is no change between the bounds.
    status : Status or StatusArray
        "crossing": shrinkage below it, expansion above; "reversed": expansion below, shrinkage
        above; "several": more changes than one, of which it is the last; "always shrinkage",
        "always expansion"; "neutral": gain 1 throughout.
    """

    value: Any
    status: Any


def _sign(log_gain: Array) -> Array:
    with np.errstate(over="ignore"):
        words = regime_of(np.exp(log_gain))
    signs: Array = np.isin(words, ("expansion", "collapse")).astype(int) - (words == "shrinkage")
    return signs


def boundary_at(crossing: Array, low: float, high: float, shape: tuple[int, ...]) -> PhaseBoundary:
    """The boundary of a flat batch of known crossings into expansion, which may be infinite."""
    inside = (crossing >= low) & (crossing <= high)
    value = np.where(inside, crossing, np.nan).reshape(shape)
    status = choose_status(
        [inside.reshape(shape), (crossing < low).reshape(shape)],
        [Status.CROSSING, Status.ALWAYS_EXPANSION],
        Status.ALWAYS_SHRINKAGE,
    )
    return PhaseBoundary(value if shape else float(value), status)


def phase_boundary(
    gain: Callable[[Array], Array], shape: tuple[int, ...], low: float, high: float
) -> PhaseBoundary:
    """The boundary of gains as a function of a parameter, from shape (m, *shape) to that shape."""

    def log_gain(logarithm: Array) -> Array:
        with np.errstate(divide="ignore"):
            return np.clip(np.log(gain(np.exp(logarithm))), -_INFINITE, _INFINITE)

    left, right = np.log(low), np.log(high)
    count = 1 + max(2, int(np.ceil((right - left) / np.log(10.0) * _POINTS_PER_DECADE)))
    found = sign_changes(log_gain, _sign, np.linspace(left, right, count), shape, _TOLERANCE)
    some, top = found.number > 0, found.top
    status = choose_status(
        [found.number > 1, some & (top > 0), some, top > 0, top < 0],
        [
            Status.SEVERAL,
            Status.CROSSING,
            Status.REVERSED,
            Status.ALWAYS_EXPANSION,
            Status.ALWAYS_SHRINKAGE,
        ],
        Status.NEUTRAL,
    )
    value = np.exp(found.root)
    return PhaseBoundary(value if shape else float(value), status)
