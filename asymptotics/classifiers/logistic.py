"""Logistic regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..parameters import NONNEGATIVE, Array, Interval
from ..problem import Moments
from ..quadrature import logistic_rule
from .base import FixedPointClassifier, LinearFit

__all__ = ["Logistic"]


@dataclass(frozen=True, eq=False)
class Logistic(FixedPointClassifier):
    penalty: Any
    fit_intercept: bool = True

    parameters: ClassVar[dict[str, Interval]] = {"penalty": NONNEGATIVE}
    stand_ins: ClassVar[tuple[tuple[float, float], ...]] = ((0.25, 2.0), (0.05, 4.0))
    side: ClassVar[float] = -0.5

    def moments(self, mean: Array, deviation: Array, susceptibility: Array) -> Moments:
        rule = logistic_rule(mean, deviation, susceptibility)
        f = rule.slope
        w0 = rule.weight
        bend = w0 * rule.curvature  # -f' stretch
        f1 = w0 * rule.stretch * f
        bf = bend * f
        bz = bend * rule.z
        return Moments(
            f=f1.sum(-1),
            f2=(f1 * f).sum(-1),
            df=-bend.sum(-1),
            f_df=-bf.sum(-1),
            f2_df=-(bf * f).sum(-1),
            df_z=-bz.sum(-1),
            df_z2=-(bz * rule.z - bend).sum(-1),
            f_df_z=-(bf * rule.z).sum(-1),
        )

    def training_loss(self, mean: Array, deviation: Array, susceptibility: Array) -> Array:
        rule = logistic_rule(mean, deviation, susceptibility)
        loss: Array = (rule.weight * rule.stretch * np.logaddexp(0.0, -rule.x)).sum(-1)
        return loss

    def fit(self, features: Array, labels: Array) -> LinearFit:
        raise NotImplementedError
