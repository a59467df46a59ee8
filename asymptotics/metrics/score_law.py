"""The law of the scores of fresh data, class by class: all that any metric reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checks import Array

__all__ = ["ScoreLaw", "two_class_law"]


@dataclass(frozen=True, eq=False)
class ScoreLaw:
    """Gaussian scores of C classes or clusters, intercept included.

    Attributes
    ----------
    means : array, shape (..., C, R)
        R = 1 score of two classes, or one for each of K classes.
    covariances : array, shape (..., C, R, R), or (..., 1, R, R) where all are the same
    priors : array, shape (..., C)
    labels : array of ±1, shape (C,), or None
        The class of each cluster, where there is one score; None for K classes.
    confusion : array, shape (..., K, K), or None
        P(answer l | class k) of K classes.
    answers : array of int, shape (C,), or None
        The class of each cluster of K classes; None where C = K.
    """

    means: Array
    covariances: Array
    priors: Array
    labels: Array | None
    confusion: Array | None = None
    answers: Array | None = None

    @property
    def truth(self) -> Array:
        """The class of each cluster among K."""
        return np.arange(self.priors.shape[-1]) if self.answers is None else self.answers

    @property
    def shape(self) -> tuple[int, ...]:
        """Broadcast shape of the limits."""
        return self.means.shape[:-2]

    @property
    def locations(self) -> Array:
        """Mean of the only score, shape (..., C)."""
        return self.means[..., 0]

    @property
    def deviations(self) -> Array:
        """Standard deviation of the only score, shape (..., C)."""
        deviations = np.sqrt(self.covariances[..., 0, 0])
        return np.broadcast_to(deviations, (*self.shape, self.means.shape[-2]))


def two_class_law(mean: Any, variance: Any, intercept: Any, balance: Any) -> ScoreLaw:
    """The law of ⟨w, z⟩ + b in the classes -1 and +1 of means ∓m and one variance."""
    m, q, b, pi = np.broadcast_arrays(mean, variance, intercept, balance)
    means = np.stack([b - m, b + m], axis=-1)[..., None]
    covariances = np.stack([q, q], axis=-1)[..., None, None]
    return ScoreLaw(means, covariances, np.stack([1.0 - pi, pi], axis=-1), np.array([-1.0, 1.0]))
