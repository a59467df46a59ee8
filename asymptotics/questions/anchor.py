"""The cross-validated accuracy to which a learning curve is moved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..checks import Array
from ..classifiers import Classifier
from ..populations.spectrum import Spectrum
from ..training.cross_validation import cross_validated_accuracy, cross_validated_classes
from .best_penalty import best_penalties
from .limits import limit

__all__ = ["TRAINED", "anchor_of"]

# The share of the samples on which each probe of a 5-fold cross-validation is trained.
TRAINED = 0.8


def anchor_of(
    spectrum: Spectrum,
    clf: Classifier,
    table: Array,
    classes: Array,
    rng: np.random.Generator,
    tuned: bool,
) -> float | None:
    """Accuracy of a probe by 5-fold cross-validation, at its best penalty there if `tuned`.

    `classes` holds the class 0 … K - 1 of each sample.

    Without any error it counts as half of one. None where it is at chance or the prediction for its
    size is at chance or without error: there is nothing to hold on to.
    """
    several = spectrum.classes > 2
    chance = 1.0 / spectrum.classes
    ratio = np.array([table.shape[1] / (TRAINED * classes.size)])
    if tuned:
        clf = replace(clf, penalty=float(best_penalties(spectrum, clf, ratio)[0]))  # type: ignore[type-var]
    whole = table.astype(float)
    if several:
        found = cross_validated_classes(clf, whole, classes, rng)
    else:
        found = cross_validated_accuracy(clf, whole, classes == 1, rng)
    found = min(found, 1.0 - 0.5 / classes.size)
    error = limit(spectrum, clf, ratio).error[0]
    return found if found > chance and 0 < error < 1.0 - chance else None
