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
