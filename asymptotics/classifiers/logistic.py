"""Logistic regression."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import scipy

from ..checks import LATER, NONNEGATIVE, Array, Interval
from ..equations.channel import Moments
from ..intake import shown
from ..integrals.lattice import window
from ..integrals.logistic import LogisticRule, logistic_rule
from ..integrals.shared_logistic import SharedLogisticRule, shared_logistic_rule
from ..outcomes import ConvergenceError
from ..training.linear_program import least_hinge
from ..training.newton import newton
from ..training.samples import NEEDS_PENALTY, check_classes, row_space, strict
from .base import FixedPointClassifier, LinearFit
from .conventions import CostConvention
from .weights import sample_weights

__all__ = ["Logistic"]

# Gradient and Newton decrement at which training stops, for penalties above 1; in proportion below.
_GRADIENT_TOLERANCE = 1e-8
_MAX_STEPS = 200
# Laws from which on nodes for all of them are worth a look.
_MANY = 16


def _derivatives(u: Array) -> tuple[Array, Array]:
    """ℓ' and ℓ'' of log(1 + e^{-u})."""
    slope = -scipy.special.expit(-u)
    return slope, -slope * (1.0 + slope)


@dataclass(frozen=True, eq=False, repr=False)
class Logistic(CostConvention, FixedPointClassifier):
    r"""Logistic regression: :math:`\ell(u) = \log(1 + e^{-u})`.

    The moments of its channel are integrated over x = prox(ω) by a trapezoid rule, to about 1e-13.

    Parameters
    ----------
    penalty : float or array_like
        λ ≥ 0. At 0, maximum likelihood, its limit exists where data are not separable.
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
    >>> lim = asy.limit(asy.SpikedMixture(signal=1.5), asy.Logistic(0.1), aspect_ratio=0.5)
    >>> round(lim.accuracy, 6)
    0.900168
    """

    penalty: Any
    fit_intercept: bool = True
    class_weight: Any = field(default=None, metadata=LATER)

    parameters: ClassVar[dict[str, Interval]] = {"penalty": NONNEGATIVE}
    stand_ins: ClassVar[tuple[tuple[float, float], ...]] = ((0.25, 2.0),)
    side: ClassVar[float] = -0.5
    has_coarse_nodes: ClassVar[bool] = True

    def rule(
        self, mean: Array, deviation: Array, susceptibility: Array
    ) -> LogisticRule | SharedLogisticRule:
        laws = mean, deviation, susceptibility
        shared = shared_logistic_rule(*laws) if mean.size >= _MANY else None
        return shared or logistic_rule(*laws)

    def moments(
        self, mean: Array, deviation: Array, susceptibility: Array, rule: Any = None
    ) -> Moments:
        rule = self.rule(mean, deviation, susceptibility) if rule is None else rule
        return Moments(*rule.averages(mean, deviation, susceptibility))

    def law_moments(
        self, means: tuple[float, ...], deviation: float, v: float, fine: bool
    ) -> list[list[float]] | None:
        nodes = window(means, deviation, v, fine)
        if nodes is None:
            return None
        found = []
        for mean in means:
            zeroth, first, second = nodes.sums(mean, deviation, v)
            f, f2, bend, bend_f, bend_f2, value, bend_value = zeroth
            # dω = (1 + vℓ'') dx, and f' dω/dx = -ℓ''
            found.append(
                [
                    f + v * bend_f,
                    f2 + v * bend_f2,
                    -bend,
                    -bend_f,
                    -bend_f2,
                    -first[2],
                    bend - second[2],
                    -first[3],
                    value + v * bend_value,
                ]
            )
        return found

    def training_loss(
        self, mean: Array, deviation: Array, susceptibility: Array, rule: Any = None
    ) -> Array:
        rule = self.rule(mean, deviation, susceptibility) if rule is None else rule
        return np.asarray(rule.loss(mean, deviation, susceptibility))

    def fit(self, features: Array, labels: Array) -> LinearFit:
        if self.fit_intercept:
            check_classes(labels)
        tolerance = _GRADIENT_TOLERANCE * min(1.0, self.penalty or 1.0)
        if self.class_weight is not None:
            counts = sample_weights(self.class_weight, labels)
            return self._weighted(features, labels, counts, tolerance)
        if self.penalty:
            found = newton(
                features, labels, self.penalty, self.fit_intercept, _derivatives, tolerance
            )
            if found is not None:
                return LinearFit(*found)
        from sklearn.linear_model import LogisticRegression

        reduced, basis = row_space(features)
        if not self.fit_intercept and np.all(labels == labels[0]):
            # The estimator wants two classes; mirrored at the origin, a point changes its own.
            mirror = np.where(np.arange(labels.size) == 0, -1.0, 1.0)
            reduced, labels = mirror[:, None] * reduced, mirror * labels
        model = LogisticRegression(
            C=1.0 / (labels.size * self.penalty) if self.penalty else np.inf,
            fit_intercept=self.fit_intercept,
            solver="newton-cholesky",
            tol=tolerance,
            max_iter=_MAX_STEPS,
        )
        try:
            with strict("logistic regression"):
                model.fit(reduced, labels)
            weights, intercept = model.coef_[0], float(np.ravel(model.intercept_)[0])
            separated = bool(np.all(labels * (reduced @ weights + intercept) > 0))
        except ConvergenceError:
            if self.penalty:
                raise
            separated = least_hinge(reduced, labels, self.fit_intercept).separable
            if not separated:
                raise
        if not self.penalty and separated:
            raise ValueError(NEEDS_PENALTY)
        return LinearFit(weights if basis is None else basis @ weights, intercept)

    def _weighted(
        self, features: Array, labels: Array, counts: Array | None, tolerance: float
    ) -> LinearFit:
        """With a weight for each point, by scikit-learn."""
        if self.penalty == 0:
            raise ValueError(f"penalty must be positive with a class_weight, got {shown(self)}")
        from sklearn.linear_model import LogisticRegression

        reduced, basis = row_space(features)
        model = LogisticRegression(
            C=1.0 / (labels.size * self.penalty),
            fit_intercept=self.fit_intercept,
            solver="newton-cholesky",
            tol=tolerance,
            max_iter=_MAX_STEPS,
        )
        with strict("logistic regression"):
            model.fit(reduced, labels, sample_weight=counts)
        weights, intercept = model.coef_[0], float(np.ravel(model.intercept_)[0])
        return LinearFit(weights if basis is None else basis @ weights, intercept)
