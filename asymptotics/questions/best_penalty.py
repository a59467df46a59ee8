"""The best penalty of each of several problems: a maximum on a grid, and a finer one around it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..checks import Array
from ..classifiers import Classifier
from ..populations.spectrum import Spectrum
from .class_errors import class_accuracies
from .limits import limit

__all__ = ["best_penalties", "check_penalised"]

# Penalties to try, in units of the mean eigenvalue.
_LOWEST, _HIGHEST = 1e-6, 1e3
# The first grid, and the finer one over two of its steps; coarser ones of several classes.
_GRIDS, _GRIDS_OF_SEVERAL = (37, 17), (19, 9)


def check_penalised(clf: Classifier) -> None:
    """Refuse a classifier without a penalty."""
    if not hasattr(clf, "penalty"):
        raise TypeError(f"clf must have a penalty for best_penalty, got {clf!r}")


def best_penalties(spectrum: Spectrum, clf: Classifier, aspect_ratio: Array) -> Array:
    """The penalty with the largest limiting accuracy at each of M aspect ratios, to 2 %.

    To 20 % of K > 2 classes. The accuracy is flat there: it is that of the maximum to second order
    in the step.
    """
    several = spectrum.classes > 2

    def accuracy(logarithms: Array) -> Any:
        tried = replace(clf, penalty=np.exp(logarithms))  # type: ignore[type-var]
        if not several:
            return limit(spectrum, tried, aspect_ratio).accuracy
        found = class_accuracies(spectrum, tried, aspect_ratio) @ spectrum.class_priors
        return np.where(np.isnan(found), -np.inf, found)

    coarse, finer = _GRIDS_OF_SEVERAL if several else _GRIDS
    size = float(spectrum.noise) ** 2
    grid = np.linspace(np.log(_LOWEST * size), np.log(_HIGHEST * size), coarse)
    best = grid[np.argmax(accuracy(grid[:, None]), axis=0)]
    fine = best + np.linspace(-1.0, 1.0, finer)[:, None] * (grid[1] - grid[0])
    chosen = np.argmax(accuracy(fine), axis=0)
    return np.asarray(np.exp(fine[chosen, np.arange(best.size)]))
