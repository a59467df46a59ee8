"""The accuracy of a classifier on features themselves, by cross-validation."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ..checks import Array

__all__ = ["ClassFitting", "Fitting", "cross_validated_accuracy", "cross_validated_classes"]

_FOLDS = 5


class Fitting(Protocol):
    """What is trained: features (n, p) and labels ±1 to weights and an intercept."""

    def fit(self, features: Array, labels: Array) -> tuple[Array, float]: ...


class ClassFitting(Protocol):
    """What is trained on K classes: features (n, p) and classes to weights (p, K), intercepts."""

    def fit_classes(self, features: Array, labels: Array, count: int) -> tuple[Array, Array]: ...


def _folds(classes: Array, rng: np.random.Generator) -> Array:
    """The fold of each sample, drawn within each class, the last one first."""
    fold = np.zeros(classes.size, dtype=int)
    for k in range(int(classes.max()), -1, -1):
        members = np.flatnonzero(classes == k)
        fold[rng.permutation(members)] = np.arange(members.size) % _FOLDS
    return fold


def cross_validated_accuracy(
    clf: Fitting, features: Array, upper: Array, rng: np.random.Generator
) -> float:
    """Share of right answers over 5 folds, drawn within each class.

    Features are centred on the mid-point of the class means of the training folds, so that a
    classifier without an intercept is asked what its limit answers.
    """
    fold = _folds(upper.astype(int), rng)
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


def cross_validated_classes(
    clf: ClassFitting, features: Array, classes: Array, rng: np.random.Generator
) -> float:
    """The same of K classes 0 … K - 1: the answer is the largest score."""
    fold, count = _folds(classes, rng), int(classes.max()) + 1
    right = 0
    for k in range(_FOLDS):
        train, test = fold != k, fold == k
        if not test.any():
            continue
        part, own = features[train], classes[train]
        middle = np.mean([part[own == c].mean(0) for c in range(count)], axis=0)
        weights, intercepts = clf.fit_classes(part - middle, own, count)
        scores = (features[test] - middle) @ weights + intercepts
        right += int(np.sum(scores.argmax(1) == classes[test]))
    return right / classes.size
