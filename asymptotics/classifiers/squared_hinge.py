"""The support vector machine with a squared hinge loss."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import scipy

from ..checks import LATER, NONNEGATIVE, Array, Interval
from ..equations.channel import Moments
from ..equations.clipped_quadratic import clipped_quadratic_law, clipped_quadratic_moments
from ..intake import shown
from ..outcomes import ConvergenceError
from ..training.linear_program import least_hinge
from ..training.newton import newton
from ..training.samples import NEEDS_PENALTY, check_classes, row_space
from .base import FixedPointClassifier, LinearFit
from .conventions import CostConvention
from .ridge import ridge_regression, weighted_ridge
from .weights import sample_weights

__all__ = ["SquaredHinge"]

# A point this near to margin 1 may count as on either side: its share in the gradient is rounding.
_ON_MARGIN = 1e-11
# Ratio of the penalties in stages, and the last one, relative to the first, before a penalty of 0.
_STAGE = 100.0
_VANISHING = 1e-8
_MAX_STEPS = 300
_LINE_TOLERANCE = 1e-6
# Largest entry of the gradient, for penalties above 1; in proportion below.
_GRADIENT_TOLERANCE = 1e-8


def _derivatives(u: Array) -> tuple[Array, Array]:
    """ℓ' and ℓ'' of ½(1 - u)₊²."""
    return np.minimum(u - 1.0, 0.0), (u < 1.0).astype(float)


@dataclass(frozen=True, eq=False, repr=False)
class SquaredHinge(CostConvention, FixedPointClassifier):
    r"""The support vector machine with squared hinge: :math:`\ell(u) = \tfrac12 (1 - u)_+^2`.

    Parameters
    ----------
    penalty : float or array_like
        λ ≥ 0. At 0 its limit exists where data are not separable.
    fit_intercept : bool, default True
        Whether an unpenalised intercept b is fitted.
    class_weight : None, "balanced" or mapping of labels to weights, default None
        Factors of the loss of each class; "balanced" is 1/(Kρ_k), of K classes of shares ρ_k.

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
    class_weight: Any = field(default=None, metadata=LATER)

    parameters: ClassVar[dict[str, Interval]] = {"penalty": NONNEGATIVE}
    loss_ratio: ClassVar[float] = 2.0

    def moments(
        self, mean: Array, deviation: Array, susceptibility: Array, rule: Any = None
    ) -> Moments:
        return clipped_quadratic_moments(mean, deviation, 1.0 + susceptibility)

    def law_moments(
        self, means: tuple[float, ...], deviation: float, v: float, fine: bool
    ) -> list[list[float]]:
        return [clipped_quadratic_law(mean, deviation, 1.0 + v) for mean in means]

    def training_loss(
        self, mean: Array, deviation: Array, susceptibility: Array, rule: Any = None
    ) -> Array:
        return 0.5 * self.moments(mean, deviation, susceptibility).f2

    def fit(self, features: Array, labels: Array) -> LinearFit:
        if self.fit_intercept:
            check_classes(labels)
        counts = sample_weights(self.class_weight, labels)
        if counts is not None and self.penalty == 0:
            raise ValueError(f"penalty must be positive with a class_weight, got {shown(self)}")
        if counts is None and self.penalty:
            tolerance = _GRADIENT_TOLERANCE * min(1.0, self.penalty)
            fit = newton(
                features, labels, self.penalty, self.fit_intercept, _derivatives, tolerance
            )
            if fit is not None:
                return LinearFit(*fit)
        reduced, basis = row_space(features)
        cost = labels.size * self.penalty
        if cost == 0 and least_hinge(reduced, labels, self.fit_intercept).separable:
            raise ValueError(NEEDS_PENALTY)
        found = LinearFit(np.zeros(reduced.shape[1]), 0.0)
        # From a penalty at which nearly all points are short of the margin, down in stages.
        stage = max(cost, float(np.square(reduced).sum()) / labels.size)
        lowest = cost or _VANISHING * stage
        while stage > lowest:
            found = _newton(reduced, labels, stage, found, self.fit_intercept, counts)
            stage /= _STAGE
        found = _newton(reduced, labels, cost, found, self.fit_intercept, counts)
        return found if basis is None else found._replace(weights=basis @ found.weights)


def _newton(
    features: Array,
    labels: Array,
    cost: float,
    start: LinearFit,
    fit_intercept: bool,
    counts: Array | None = None,
) -> LinearFit:
    """Newton's method: the loss of the points with margin below 1 is that of ridge regression.

    Each step ends at the minimum along its way. There are finitely many sets of such points; once
    the set stays as it is, the answer is exact.
    """
    weights, intercept = start
    for _ in range(_MAX_STEPS):
        gap = 1.0 - labels * (features @ weights + intercept)
        short = gap > 0
        if short.any():
            if counts is None:
                target = ridge_regression(features[short], labels[short], cost, fit_intercept)
            else:
                w, b = weighted_ridge(
                    features[short], labels[short, None], cost, fit_intercept, counts[short]
                )
                target = LinearFit(w[:, 0], float(b[0]))
        else:
            target = LinearFit(np.zeros_like(weights), intercept)
        after = 1.0 - labels * (features @ target.weights + target.intercept)
        if np.all(((after > 0) == short) | (np.abs(after) < _ON_MARGIN)):
            return target
        step, shift = target.weights - weights, target.intercept - intercept
        scale = 1.0 if counts is None else np.sqrt(counts)  # of c (1 - u)₊² = (√c (1 - u))₊²
        t = _length(cost * weights @ step, cost * step @ step, scale * gap, scale * (gap - after))
        weights, intercept = weights + t * step, intercept + t * shift
    raise ConvergenceError(
        f"the squared hinge was not trained after {_MAX_STEPS} Newton steps; a larger penalty "
        "makes it better posed"
    )


def _length(slope: float, curvature: float, gap: Array, rise: Array) -> float:
    """Minimise slope t + ½ curvature t² + ½ Σ (gap - t rise)₊² over 0 ≤ t ≤ 1."""

    def derivative(t: float) -> float:
        return float(slope + t * curvature - np.maximum(gap - t * rise, 0.0) @ rise)

    if derivative(1.0) <= 0:
        return 1.0
    return float(scipy.optimize.brentq(derivative, 0.0, 1.0, xtol=_LINE_TOLERANCE))
