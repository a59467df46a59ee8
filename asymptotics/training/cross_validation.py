"""The accuracy of a classifier on features themselves, by cross-validation."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ..checks import Array

__all__ = ["Fitting", "cross_validated_accuracy"]

_FOLDS = 5


class Fitting(Protocol):
    """What is trained: features (n, p) and labels ±1 to weights and an intercept."""

    def fit(self, features: Array, labels: Array) -> tuple[Array, float]: ...


def cross_validated_accuracy(
    clf: Fitting, features: Array, upper: Array, rng: np.random.Generator
) -> float:
    """Share of right answers over 5 folds, drawn within each class.

    Features are centred on the mid-point of the class means of the training folds, so that a
    classifier without an intercept is asked what its limit answers.
    """
    fold = np.zeros(upper.size, dtype=int)
    for members in (np.flatnonzero(upper), np.flatnonzero(~upper)):
        fold[rng.permutation(members)] = np.arange(members.size) % _FOLDS
    labels = np.where(upper, 1.0, -1.0)
    right = 0
    for k in range(_FOLDS):
        train, test = fold != k, fold == k
        if not test.any():
            continue
        part, own = features[train], labels[train]
        middle = 0.5 * (part[own > 0].mean(0) + part[own < 0].mean(0))
        weights, intercept = clf.fit(part - middle, own)
        right += int(np.sum(((features[test] - middle) @ weights + intercept) * labels[test] > 0))
    return right / upper.size
