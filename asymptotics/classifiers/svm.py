"""The soft-margin support vector machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import scipy

from ..checks import LATER, NONNEGATIVE, Array, Interval
from ..equations.channel import Moments
from ..equations.collapse import weights_vanish
from ..equations.prior import Problem, State
from ..integrals.gaussian import (
    half_moments,
    half_moments_of,
    interval_moments_of,
    interval_rule,
)
from ..training.active_set import train_support_vectors
from ..training.linear_program import least_hinge
from ..training.samples import NEEDS_PENALTY, check_classes, strict
from .base import FixedPointClassifier, LinearFit
from .conventions import CostConvention
from .weights import sample_weights

__all__ = ["SVM"]

# Violation of the optimality conditions at which a weighted training stops.
_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False, repr=False)
class SVM(CostConvention, FixedPointClassifier):
    r"""The soft-margin support vector machine: :math:`\ell(u) = (1 - u)_+`.

    With an intercept and unequal classes its weights can vanish altogether, whatever the penalty:
    then m = q = V = 0 and the accuracy is that of the constant classifier, max(π, 1 - π).

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
    A. Kammoun, M.-S. Alouini (2021), arXiv:2003.12972.

    Examples
    --------
    >>> import asymptotics as asy
    >>> lim = asy.limit(asy.SpikedMixture(signal=1.5), asy.SVM(0.1), aspect_ratio=0.5)
    >>> round(lim.accuracy, 6)
    0.864989
    """

    penalty: Any
    fit_intercept: bool = True
    class_weight: Any = field(default=None, metadata=LATER)

    parameters: ClassVar[dict[str, Interval]] = {"penalty": NONNEGATIVE}
    kinked: ClassVar[bool] = True

    def solve(self, problem: Problem) -> State:
        constant = weights_vanish(problem)
        if not constant.any():
            return super().solve(problem)
        answer = np.where(problem.balance > 0.5, 1.0, -1.0)
        zero = np.zeros_like(answer)
        loss = 2.0 * np.minimum(problem.balance, 1.0 - problem.balance)
        state = State(zero, zero.copy(), zero.copy(), answer, zero.copy(), constant, loss)
        rest = ~constant
        if rest.any():
            for whole, found in zip(state, super().solve(problem.take(rest)), strict=True):
                whole[rest] = found
        return state

    def moments(
        self, kink: Array, deviation: Array, susceptibility: Array, rule: Any = None
    ) -> Moments:
        # f = 1 below 1 - V, where the loss is linear; (1 - ω)/V up to 1, on the kink; 0 above.
        v = susceptibility
        # The kink is counted from its upper end: low and high may differ in their last digits only.
        high, kink_width = kink, v / deviation
        low = high - kink_width
        below, weights = interval_rule(high, kink_width)
        z = high[..., None] - below
        f = below / kink_width[..., None]
        wf = weights * f
        wz = weights * z
        linear = scipy.special.ndtr(low)
        inside, kink_f, kink_f2 = weights.sum(-1), wf.sum(-1), (wf * f).sum(-1)
        return Moments(
            f=linear + kink_f,
            f2=linear + kink_f2,
            df=-inside / v,
            f_df=-kink_f / v,
            f2_df=-kink_f2 / v,
            df_z=-wz.sum(-1) / v,
            df_z2=-((wz * z).sum(-1) - inside) / v,
            f_df_z=-(wz * f).sum(-1) / v,
        )

    def law_moments(
        self, means: tuple[float, ...], deviation: float, v: float, fine: bool
    ) -> list[list[float]]:
        return [self._law(kink, deviation, v) for kink in means]

    def _law(self, kink: float, deviation: float, v: float) -> list[float]:
        # as above, with f = below/width
        width = v / deviation
        zeroth, first, second = interval_moments_of(kink, width)
        inside, f, f2 = zeroth[0], zeroth[1] / width, zeroth[2] / width**2
        linear, loss, _, _ = half_moments_of(kink - width)
        return [
            linear + f,
            linear + f2,
            -inside / v,
            -f / v,
            -f2 / v,
            -first[0] / v,
            (inside - second[0]) / v,
            -first[1] / (width * v),
            deviation * loss,
        ]

    def training_loss(
        self, kink: Array, deviation: Array, susceptibility: Array, rule: Any = None
    ) -> Array:
        loss: Array = deviation * half_moments(kink - susceptibility / deviation)[1]
        return loss

    def fit(self, features: Array, labels: Array) -> LinearFit:
        if self.fit_intercept:
            check_classes(labels)
        if self.penalty == 0:
            weights, intercept, separable = least_hinge(features, labels, self.fit_intercept)
            if separable:
                raise ValueError(NEEDS_PENALTY)
            return LinearFit(weights, intercept)
        if self.class_weight is not None:
            return self._weighted(features, labels)
        cap = 1.0 / (labels.size * self.penalty)
        return LinearFit(*train_support_vectors(features, labels, cap, self.fit_intercept))

    def _weighted(self, features: Array, labels: Array) -> LinearFit:
        """With a weight for each point, by scikit-learn."""
        if not self.fit_intercept:
            raise ValueError(
                "fit_intercept must be True to train an SVM with a class_weight, got False: "
                "scikit-learn's SVC has always an intercept"
            )
        from sklearn.svm import SVC

        model = SVC(
            kernel="linear", C=1.0 / (labels.size * self.penalty), tol=_TOLERANCE, cache_size=500
        )
        counts = sample_weights(self.class_weight, labels)
        with strict("the support vector machine"):
            model.fit(features, labels, sample_weight=counts)
        return LinearFit(np.asarray(model.coef_[0]), float(model.intercept_[0]))
