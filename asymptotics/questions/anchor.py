"""The cross-validated accuracy to which a learning curve is moved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..checks import Array
from ..classifiers import Classifier
from ..populations.spectrum import Spectrum
from ..training.cross_validation import cross_validated_accuracy
from .best_penalty import best_penalties
from .limits import limit

__all__ = ["TRAINED", "anchor_of"]

# The share of the samples on which each probe of a 5-fold cross-validation is trained.
TRAINED = 0.8
_CHANCE = 0.5


def anchor_of(
    spectrum: Spectrum,
    clf: Classifier,
    table: Array,
    upper: Array,
    rng: np.random.Generator,
    tuned: bool,
) -> float | None:
    """Accuracy of a probe by 5-fold cross-validation, at its best penalty there if `tuned`.

    Without any error it counts as half of one. None where it is at chance or the prediction for its
    size is at chance or without error: there is nothing to hold on to.
    """
    ratio = np.array([table.shape[1] / (TRAINED * upper.size)])
    if tuned:
        clf = replace(clf, penalty=float(best_penalties(spectrum, clf, ratio)[0]))  # type: ignore[type-var]
    found = cross_validated_accuracy(clf, table.astype(float), upper, rng)
    found = min(found, 1.0 - 0.5 / upper.size)
    error = limit(spectrum, clf, ratio).error[0]
    return found if found > _CHANCE and 0 < error < _CHANCE else None
