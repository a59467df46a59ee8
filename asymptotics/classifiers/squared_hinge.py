"""The support vector machine with a squared hinge loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import ConvergenceError
from ..parameters import NONNEGATIVE, Array, Interval
from ..problem import Moments
from ..training import NEEDS_PENALTY, check_classes, row_space
from .base import FixedPointClassifier, LinearFit
from .clipped_quadratic import clipped_quadratic_moments
from .ridge import ridge_regression

__all__ = ["SquaredHinge"]

# A point this near to margin 1 may be on either side of it: its share in the gradient is rounding.
_ON_MARGIN = 1e-11
_MAX_STEPS = 200
_MAX_HALVINGS = 40
# Decrease of the objective, as a share of that promised by its slope, that accepts a step.
_SUFFICIENT = 1e-4


@dataclass(frozen=True, eq=False)
class SquaredHinge(FixedPointClassifier):
    r"""The support vector machine with squared hinge: :math:`\ell(u) = \tfrac12 (1 - u)_+^2`.

    Parameters
    ----------
    penalty : float or array_like
        λ ≥ 0. At 0 its limit exists where data are not separable.
    fit_intercept : bool, default True
        Whether an unpenalised intercept b is fitted.

    Raises
    ------
    TypeError, ValueError
        For parameters out of range.

    References
    ----------
    B. Loureiro et al. (2021), arXiv:2106.03791.

    Examples
    --------
    >>> import asymptotics as asy
    >>> lim = asy.limit(asy.SpikedMixture(signal=1.5), asy.SquaredHinge(0.1), aspect_ratio=0.5)
    >>> round(lim.accuracy, 6)
    0.875099
    """

    penalty: Any
    fit_intercept: bool = True

    parameters: ClassVar[dict[str, Interval]] = {"penalty": NONNEGATIVE}

    def moments(
        self, mean: Array, deviation: Array, susceptibility: Array, rule: Any = None
    ) -> Moments:
        return clipped_quadratic_moments(mean, deviation, 1.0 + susceptibility)

    def training_loss(
        self, mean: Array, deviation: Array, susceptibility: Array, rule: Any = None
    ) -> Array:
        return 0.5 * self.moments(mean, deviation, susceptibility).f2

    def fit(self, features: Array, labels: Array) -> LinearFit:
        """Newton's method: the loss of the points with margin below 1 is that of ridge.

        There are finitely many such sets, and the objective falls from one to the next; once the
        set stays as it is, the answer is exact.
        """
        if self.fit_intercept:
            check_classes(labels)
        reduced, basis = row_space(features)
        cost = labels.size * self.penalty
        weights, intercept = np.zeros(reduced.shape[1]), 0.0
        shortfall = np.ones_like(labels)  # (1 - u)₊
        for _ in range(_MAX_STEPS):
            active = shortfall > 0
            if active.any():
                target = ridge_regression(reduced[active], labels[active], cost, self.fit_intercept)
            elif cost:
                target = LinearFit(np.zeros_like(weights), intercept)
            else:
                raise ValueError(NEEDS_PENALTY)
            gap = 1.0 - labels * (reduced @ target.weights + target.intercept)
            if np.all(((gap > 0) == active) | (np.abs(gap) < _ON_MARGIN)):
                weights = target.weights if basis is None else basis @ target.weights
                return LinearFit(weights, target.intercept)
            step, shift = target.weights - weights, target.intercept - intercept
            here = 0.5 * shortfall @ shortfall + 0.5 * cost * weights @ weights
            slope = cost * weights @ step - (shortfall * labels) @ (reduced @ step + shift)
            length = 1.0
            for _ in range(_MAX_HALVINGS):
                trial, at = weights + length * step, intercept + length * shift
                shortfall = np.maximum(1.0 - labels * (reduced @ trial + at), 0.0)
                there = 0.5 * shortfall @ shortfall + 0.5 * cost * trial @ trial
                if there <= here + _SUFFICIENT * length * slope:
                    break
                length *= 0.5
            weights, intercept = trial, at
        raise ConvergenceError(
            f"the squared hinge was not trained after {_MAX_STEPS} Newton steps; a larger penalty "
            "makes it better posed"
        )
