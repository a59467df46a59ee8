"""Answers that depend on a variance which the rounding of a covariance hides are refused.

Where a population has such a variance along its signal, the answer is computed at both ends of what
it may be, its least and its largest value. If they differ, the covariance does not tell it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import Array
from ..intake import shown
from ..outcomes import ConvergenceError

__all__ = ["left_open", "unresolved"]

# Errors of the two ends that agree to this share, and to this, leave nothing open.
_SHARE = 1e-3
_LEEWAY = 1e-6
# Below this an error is one of a certain answer.
_CERTAINTY = 1e-15


def left_open(low: Any, high: Any, shape: tuple[int, ...]) -> Array:
    """Where the limits of the two ends differ by more than rounding may; bool, flat."""
    errors = [np.broadcast_to(end.error, shape).ravel() for end in (low, high)]
    size = np.maximum(*errors)
    differ = np.abs(errors[0] - errors[1]) > np.minimum(_SHARE * size + _CERTAINTY, _LEEWAY)
    missing = np.isnan(errors[0]) != np.isnan(errors[1])
    return np.asarray(differ | missing)


def unresolved(clf: Any, result: Any, unknown: Array) -> ConvergenceError:
    """The error that says so."""
    share = (
        f" in {np.count_nonzero(unknown)} of {unknown.size} elements" if unknown.size > 1 else ""
    )
    return ConvergenceError(
        f"covariance of mix must be known better for {shown(clf)}: along a direction of the signal "
        f"the variance is below its rounding, and the accuracy depends on it{share}; a larger "
        "penalty, or features without that direction, would not",
        result,
    )
