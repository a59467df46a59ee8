"""The cross-validated accuracy to which a learning curve is moved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..checks import Array
from ..classifiers import Classifier
from ..populations.spectrum import Spectrum
from ..training.cross_validation import cross_validated_accuracy
from .best_penalty import best_penalties

__all__ = ["TRAINED", "anchor_of"]

# The share of the samples on which each probe of a 5-fold cross-validation is trained.
TRAINED = 0.8


def anchor_of(
    spectrum: Spectrum,
    clf: Classifier,
    table: Array,
    upper: Array,
    rng: np.random.Generator,
    tuned: bool,
) -> float:
    """Accuracy of a probe by 5-fold cross-validation, at its best penalty there if `tuned`."""
    if tuned:
        size = np.array([table.shape[1] / (TRAINED * upper.size)])
        clf = replace(clf, penalty=float(best_penalties(spectrum, clf, size)[0]))  # type: ignore[type-var]
    return cross_validated_accuracy(clf, table.astype(float), upper, rng)
