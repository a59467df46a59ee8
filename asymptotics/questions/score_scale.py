r"""The scale on which accuracies are compared, moved and given intervals.

Of two classes the probit, :math:`\Phi^{-1}(a)`. Of K > 2 classes the separation s at which K
equidistant classes have the accuracy,

    a = ∫ φ(t) Φ(t + s)^{K-1} dt,

which for K = 2 is the probit times √2: 0 is chance, and without a bound both ways.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from ..checks import Array
from ..metrics.orthant import symmetric_accuracy
from ..outcomes import Limit

__all__ = ["ScoreScale", "probit"]

# Beyond a separation of so much no double is between the accuracy and its bound.
_FAR = 40.0
# The difference that stands for a derivative.
_CHANGE = 1e-4


def probit(lim: Limit) -> Array:
    """Φ⁻¹ of the accuracy, from the logarithm of the error: to full precision near 1."""
    return np.asarray(-scipy.special.ndtri_exp(lim.log_error))


@dataclass(frozen=True)
class ScoreScale:
    """The scale of a number of classes."""

    classes: int

    @property
    def chance(self) -> float:
        return 1.0 / self.classes

    def of_limit(self, lim: Limit) -> Array:
        return probit(lim) if self.classes == 2 else self.score(lim.accuracy)

    def score(self, accuracy: Array) -> Array:
        """Infinite at an accuracy of 0 or 1."""
        a = np.asarray(accuracy, dtype=float)
        if self.classes == 2:
            return np.asarray(scipy.special.ndtri(a))
        found = np.where(a > 0.5, np.inf, -np.inf)
        ends = symmetric_accuracy(np.array([-_FAR, _FAR]), self.classes)
        inside = (a > max(ends[0], 0.0)) & (a < min(ends[1], 1.0))  # the integral is rounded
        if inside.any():
            goal = a[inside]
            root = scipy.optimize.elementwise.find_root(
                lambda s, goal: symmetric_accuracy(s, self.classes) - goal,
                (np.full(goal.shape, -_FAR), np.full(goal.shape, _FAR)),
                args=(goal,),
            )
            found[inside] = root.x
        return found

    def accuracy(self, score: Array) -> Array:
        if self.classes == 2:
            return np.asarray(scipy.special.ndtr(score))
        finite = np.isfinite(score)
        inside = symmetric_accuracy(np.where(finite, score, 0.0), self.classes)
        return np.where(finite, inside, np.where(np.asarray(score) > 0, 1.0, 0.0))

    def slope(self, score: Array) -> Array:
        """The derivative of the accuracy."""
        if self.classes == 2:
            return np.asarray(np.exp(-0.5 * np.square(score)) / np.sqrt(2.0 * np.pi))
        finite = np.where(np.isfinite(score), score, 2.0 * _FAR)
        ends = [symmetric_accuracy(finite + way * _CHANGE, self.classes) for way in (-1, 1)]
        return np.asarray((ends[1] - ends[0]) / (2.0 * _CHANGE))
