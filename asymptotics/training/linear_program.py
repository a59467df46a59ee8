"""Least hinge loss as a linear program: whether a training set is separable, and by how much."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..checks import Array
from ..outcomes import ConvergenceError

__all__ = ["LinearProgram", "least_hinge"]

# Total loss below which a set counts as separable: the feasibility tolerance of the program.
_LP_TOLERANCE = 1e-7


class LinearProgram(NamedTuple):
    """A minimum of the hinge loss, and whether the loss is 0 there."""

    weights: Array
    intercept: float
    separable: bool


def least_hinge(features: Array, labels: Array, fit_intercept: bool) -> LinearProgram:
    """Weights and intercept of least total hinge loss Σ (1 - y_i(⟨w, z_i⟩ + b))₊."""
    from scipy.optimize import linprog

    n, p = features.shape
    columns = p + int(fit_intercept)
    border = np.ones((n, int(fit_intercept)))
    signed = labels[:, None] * np.concatenate([features, border], axis=1)
    found = linprog(
        np.concatenate([np.zeros(columns), np.ones(n)]),
        A_ub=-np.concatenate([signed, np.eye(n)], axis=1),
        b_ub=-np.ones(n),
        bounds=[(None, None)] * columns + [(0.0, None)] * n,
    )
    if found.status != 0:
        raise ConvergenceError(f"the linear program of least hinge loss failed: {found.message}")
    return LinearProgram(
        found.x[:p], float(found.x[p]) if fit_intercept else 0.0, found.fun < _LP_TOLERANCE
    )
