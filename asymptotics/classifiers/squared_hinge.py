"""The support vector machine with a squared hinge loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ..parameters import NONNEGATIVE, Array, Interval
from ..problem import Moments
from .base import FixedPointClassifier, LinearFit
from .clipped_quadratic import clipped_quadratic_moments

__all__ = ["SquaredHinge"]


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
        raise NotImplementedError
