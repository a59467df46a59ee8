"""The hard-margin support vector machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..checks import Array
from ..equations.channel import Moments
from ..equations.class_prior import ClassPrior
from ..equations.class_square import ClassState
from ..equations.clipped_quadratic import clipped_quadratic_law, clipped_quadratic_moments
from ..equations.prior import Problem, State
from ..training.active_set import train_support_vectors
from ..training.samples import check_classes
from .base import FixedPointClassifier, LinearFit

__all__ = ["MaxMargin"]


@dataclass(frozen=True, eq=False)
class MaxMargin(FixedPointClassifier):
    """The hard-margin support vector machine: the shortest w with every margin at least 1.

    Its limit exists where data are separable; it is that of every loss of this package but the
    square as the penalty vanishes there. The scale of V is that of λ = 1.

    Parameters
    ----------
    fit_intercept : bool, default True
        Whether an unpenalised intercept b is fitted.

    Raises
    ------
    TypeError
        If `fit_intercept` is not a bool.

    References
    ----------
    Z. Deng, A. Kammoun, C. Thrampoulidis (2022), arXiv:1911.05822.

    Examples
    --------
    >>> import asymptotics as asy
    >>> lim = asy.limit(asy.SpikedMixture(signal=1.5), asy.MaxMargin(), aspect_ratio=1.5)
    >>> round(lim.accuracy, 6)
    0.827459
    """

    fit_intercept: bool = True

    needs_separable: ClassVar[bool] = True
    hard: ClassVar[bool] = True
    stand_ins: ClassVar[tuple[tuple[float, float], ...]] = ((1.0, 1.0),)

    def moments(
        self, mean: Array, deviation: Array, susceptibility: Array, rule: Any = None
    ) -> Moments:
        return clipped_quadratic_moments(mean, deviation, susceptibility)

    def law_moments(
        self, means: tuple[float, ...], deviation: float, v: float, fine: bool
    ) -> list[list[float]]:
        # of a constraint that is kept there is no loss
        return [[*clipped_quadratic_law(mean, deviation, v)[:-1], 0.0] for mean in means]

    def training(self, problem: Problem, state: State) -> tuple[Array, Array]:
        return np.ones_like(state.mean), np.zeros_like(state.mean)

    def train_classes(self, prior: ClassPrior, state: ClassState) -> Array:
        return np.ones(len(state.residual))

    def training_loss(
        self, mean: Array, deviation: Array, susceptibility: Array, rule: Any = None
    ) -> Array:
        return np.zeros_like(mean)

    def fit(self, features: Array, labels: Array) -> LinearFit:
        if self.fit_intercept:
            check_classes(labels)
        return LinearFit(*train_support_vectors(features, labels, np.inf, self.fit_intercept))
