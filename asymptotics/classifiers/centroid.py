"""The nearest-centroid classifier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from ..checks import Array
from ..equations.prior import Problem, State
from ..training.samples import check_classes
from .base import Classifier, LinearFit

__all__ = ["Centroid"]


@dataclass(frozen=True, eq=False)
class Centroid(Classifier):
    """The nearest-centroid classifier.

    w = (z̄₊ - z̄₋)/2 with the threshold midway between the centroids. Without intercept,
    w = Σ y_i z_i/n, the limit of every loss of this package for λ → ∞; for equal class
    probabilities the two agree. In the limit m = Σ e_j, q = Σ e_j d_j + γ Σ w_j d_j²/(4π(1 - π))
    (without the last denominator if there is no intercept), and
    b = γ Σ w_j d_j (1/(1 - π) - 1/π)/4, since the smaller class has the longer centroid. The
    training loss is that of 1 - u, which it minimises with λ = 1.

    Parameters
    ----------
    fit_intercept : bool, default True
        Whether the threshold is midway between the centroids, or at 0.

    Raises
    ------
    TypeError
        If `fit_intercept` is not a bool.

    Examples
    --------
    >>> import asymptotics as asy
    >>> lim = asy.limit(asy.SpikedMixture(signal=1.5), asy.Centroid(), aspect_ratio=0.5)
    >>> round(lim.accuracy, 6)
    0.912578
    """

    fit_intercept: bool = True

    def _dual_weights(self, problem: Problem) -> tuple[Array, Array]:
        """n times the weight of a training point of either class in w = Σ y_i (weight) z_i."""
        if self.fit_intercept:
            return 0.5 / problem.balance, 0.5 / (1.0 - problem.balance)
        return np.ones_like(problem.balance), np.ones_like(problem.balance)

    def solve(self, problem: Problem) -> State:
        plus, minus = self._dual_weights(problem)
        total = problem.aspect_ratio * (problem.weights * problem.bulk).sum(-1)
        squared = problem.aspect_ratio * (problem.weights * problem.bulk**2).sum(-1)
        spread = problem.balance * plus**2 + (1.0 - problem.balance) * minus**2
        variance = (
            problem.signal * (problem.energies * problem.eigenvalues).sum(-1) + spread * squared
        )
        # |z̄₊|² - |z̄₋|² = γ Σ w d (1/π - 1/(1-π)): the smaller class has the longer centroid
        intercept = 0.5 * total * (minus - plus) if self.fit_intercept else 0.0 * total
        zero = np.zeros_like(total)
        return State(problem.signal, variance, total, intercept, zero, np.isfinite(variance), zero)

    def training(self, problem: Problem, state: State) -> tuple[Array, Array]:
        plus, minus = self._dual_weights(problem)
        deviation, v = np.sqrt(state.variance), state.susceptibility
        up = state.mean + state.intercept + v * plus
        down = state.mean - state.intercept + v * minus
        pi = problem.balance
        accuracy = pi * scipy.special.ndtr(up / deviation) + (1.0 - pi) * scipy.special.ndtr(
            down / deviation
        )
        return accuracy, 1.0 - pi * up - (1.0 - pi) * down

    def fit(self, features: Array, labels: Array) -> LinearFit:
        if self.fit_intercept:
            check_classes(labels)
        if not self.fit_intercept:
            return LinearFit(labels @ features / labels.size, 0.0)
        below, above = features[labels < 0].mean(0), features[labels > 0].mean(0)
        return LinearFit(0.5 * (above - below), float(0.25 * (below @ below - above @ above)))
