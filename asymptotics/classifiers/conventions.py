"""Penalties as scikit-learn counts them: C of a summed loss, for a penalty λ of a mean loss."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

import numpy as np

from ..checks import Interval, check_integer, check_real

__all__ = ["CostConvention"]

# C = inf is no penalty.
_COST = Interval(0, math.inf, high_open=False)


class CostConvention:
    """Conversions of a penalty λ to and from the C of an estimator: C = 1/(k n λ)."""

    penalty: Any
    #: k: the estimator's loss over ours, which for LinearSVC's squared hinge lacks the half.
    loss_ratio: ClassVar[float] = 1.0

    @classmethod
    def from_C(cls, C: Any, n: int, fit_intercept: bool = True) -> Self:
        r"""The classifier that scikit-learn's estimator is at C on n samples.

        :math:`\lambda = 1/(nC)`, for :class:`SquaredHinge` :math:`1/(2nC)`. The intercept is free,
        as in LogisticRegression and SVC. LinearSVC, and LogisticRegression by liblinear, penalise
        it: there only fit_intercept=False, or a large intercept_scaling, is the same problem.

        Parameters
        ----------
        C : float or array_like
            In (0, inf].
        n : int
            Samples of the training set, n ≥ 1.
        fit_intercept : bool, default True

        Raises
        ------
        TypeError, ValueError
            For parameters out of range.
        """
        cost = check_real("C", C, _COST)
        n = check_integer("n", n, 1)
        return cls(1.0 / (cls.loss_ratio * n * cost), fit_intercept)  # type: ignore[call-arg]

    def to_C(self, n: int) -> Any:
        """The estimator's C on n samples, the inverse of :meth:`from_C`; inf at a penalty of 0."""
        n = check_integer("n", n, 1)
        with np.errstate(divide="ignore"):
            cost = np.divide(1.0, self.loss_ratio * n * np.asarray(self.penalty))
        return cost if np.ndim(cost) else float(cost)
