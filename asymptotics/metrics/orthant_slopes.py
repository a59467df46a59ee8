r"""How the accuracy of K scores moves with their means and covariances.

For P(y > 0) of y ~ N(m, Σ) the derivative in m_i is the density of y_i at 0 times the probability
that the others are positive where y_i = 0; the mixed second ones are that of a pair, and the pure
ones follow from P being the same for every scale of y_i,

    m_i ∂_i P + Σ_j Σ_ij ∂_i∂_j P = 0,   and   ∂P/∂Σ = ½ ∂²P.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..checks import Array
from ..integrals.gaussian import normal_density
from .orthant import probability

__all__ = ["AccuracySlopes", "accuracy_slopes"]


class AccuracySlopes(NamedTuple):
    """Class accuracies, and the derivatives of their mean Σ ρ_k P_k."""

    right: Array  # (K,)
    means: Array  # (K, K): by the mean score l of class k at [k, l]
    covariances: Array  # (1 or K, K, K), symmetric, by every entry


def _given(mean: Array, covariance: Array, at: list[int]) -> tuple[float, Array, Array]:
    """The density of y_i, i in `at`, at 0, and the law of the others there."""
    rest = np.setdiff1d(np.arange(len(mean)), at)
    inner, beside = covariance[at][:, at], covariance[at][:, rest]
    pull = np.linalg.solve(inner, beside).T
    square = float(mean[at] @ np.linalg.solve(inner, mean[at]))
    size = np.sqrt(np.linalg.det(inner)) * (2.0 * np.pi) ** (0.5 * (len(at) - 1))
    density = float(normal_density(np.sqrt(np.asarray(square)))) / size
    left = covariance[rest][:, rest] - pull @ beside
    return density, mean[rest] - pull @ mean[at], left


def _slopes(mean: Array, covariance: Array) -> tuple[float, Array, Array]:
    """P(y > 0), its gradient and half its second derivatives in m."""
    size = len(mean)
    first, second = np.empty(size), np.zeros((size, size))
    for i in range(size):
        density, centre, spread = _given(mean, covariance, [i])
        first[i] = density * probability(centre, spread)
        for j in range(i):
            density, centre, spread = _given(mean, covariance, [i, j])
            second[i, j] = second[j, i] = density * probability(centre, spread)
    pure = mean * first + (covariance * second).sum(1)
    second -= np.diag(pure / np.diag(covariance))
    return probability(mean, covariance), first, 0.5 * second


def accuracy_slopes(means: Array, covariances: Array, priors: Array) -> AccuracySlopes:
    """Of the largest of K scores, means in rows, covariances (S, K, K) of all classes or each."""
    count = len(means)
    by_mean, by_covariance = np.empty((count, count)), np.zeros_like(covariances)
    right = np.empty(count)
    for k in range(count):
        kind = k if len(covariances) > 1 else 0
        gaps = np.delete(-np.eye(count), k, axis=0)
        gaps[:, k] = 1.0
        right[k], first, second = _slopes(gaps @ means[k], gaps @ covariances[kind] @ gaps.T)
        by_mean[k] = priors[k] * (first @ gaps)
        by_covariance[kind] += priors[k] * (gaps.T @ second @ gaps)
    return AccuracySlopes(right, by_mean, by_covariance)
