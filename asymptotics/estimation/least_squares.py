"""Non-negative least squares on columns of very different lengths."""

from __future__ import annotations

import numpy as np
import scipy

from ..checks import Array

__all__ = ["nonnegative_least_squares"]

# Steps of the active set for each column, where SciPy's own bound is 3.
_STEPS = 100


def nonnegative_least_squares(design: Array, target: Array) -> Array:
    """The x ≥ 0 with the smallest sum of squares of design x - target.

    Lawson and Hanson's active set, on columns of length 1: the sign of a derivative that decides
    whether a column enters is otherwise lost among those of longer ones, and the search runs in a
    circle. Columns of zeros get 0.
    """
    lengths = np.linalg.norm(design, axis=0)
    lengths[lengths == 0] = 1.0
    found, _ = scipy.optimize.nnls(design / lengths, target, maxiter=_STEPS * lengths.size)
    return np.asarray(found / lengths)
