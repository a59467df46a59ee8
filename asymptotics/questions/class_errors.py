"""How surely the limits of K > 2 classes are known, from Gram matrices drawn again.

The matrices of the estimate are drawn again from the covariance of their readings and fitted, and
the limit is taken of each. The accuracies of all have their Sobol points in common, so that those
drop out of the differences.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..checks import Array
from ..classifiers import Classifier
from ..equations.class_prior import class_prior
from ..equations.prior import ACCEPTED_RESIDUAL
from ..estimation.class_estimate import ClassEstimate
from ..metrics.orthant import right_answers
from ..populations.spectrum import Spectrum
from ..projectors import Projector
from .score_scale import ScoreScale

__all__ = ["ClassErrors", "best_class_penalties", "redrawn_class_errors"]

# Draws of the matrices: a standard error good to 14 %.
_DRAWS = 24
# 2 to this power Sobol points for each orthant.
_LOG_POINTS = 8
# Penalties to try, in units of the mean eigenvalue, on a grid and on a finer one over two steps.
_LOWEST, _HIGHEST = 1e-6, 1e3
_COARSE, _FINE = 19, 9


@dataclass(frozen=True, eq=False)
class ClassErrors:
    """Standard errors of a limit of K > 2 classes on an estimated spectrum.

    Attributes
    ----------
    accuracy : float or array
    class_accuracy : array, shape (..., K)
    balanced_accuracy : float or array
    """

    accuracy: Any
    class_accuracy: Any
    balanced_accuracy: Any


def _class_accuracies(spectrum: Spectrum, clf: Classifier, aspect_ratio: Array) -> Array:
    """Of each class, shape (..., K); NaN where the equations were not solved."""
    penalty = np.asarray(clf.penalty_values, dtype=float)
    shape = np.broadcast_shapes(spectrum.batch_shape, aspect_ratio.shape, penalty.shape)
    prior = class_prior(spectrum, aspect_ratio, penalty)
    with np.errstate(all="ignore"):
        state = clf.solve_classes(prior)
    means = np.swapaxes(state.mean, -1, -2) + state.intercept[:, None]
    found = np.full((len(means), means.shape[-1]), np.nan)
    for i in np.flatnonzero(state.residual <= ACCEPTED_RESIDUAL):
        found[i] = right_answers(means[i], state.variance[i, 0], _LOG_POINTS)
    return found.reshape(*shape, -1)


def best_class_penalties(spectrum: Spectrum, clf: Classifier, aspect_ratio: Array) -> Array:
    """The penalty with the largest limiting accuracy at each of M aspect ratios, to 20 %."""

    def accuracy(logarithms: Array) -> Array:
        tried = replace(clf, penalty=np.exp(logarithms))  # type: ignore[type-var]
        found = _class_accuracies(spectrum, tried, aspect_ratio) @ spectrum.class_priors
        return np.where(np.isnan(found), -np.inf, found)

    size = float(spectrum.noise) ** 2
    grid = np.linspace(np.log(_LOWEST * size), np.log(_HIGHEST * size), _COARSE)
    best = grid[np.argmax(accuracy(grid[:, None]), axis=0)]
    fine = best + np.linspace(-1.0, 1.0, _FINE)[:, None] * (grid[1] - grid[0])
    chosen = np.argmax(accuracy(fine), axis=0)
    return np.asarray(np.exp(fine[chosen, np.arange(best.size)]))


def redrawn_class_errors(
    base: Spectrum, clf: Classifier, aspect_ratio: Array, projector: Projector, score: Array
) -> tuple[ClassErrors, Array]:
    """Standard errors at M aspect ratios, and the covariance of the scores, shape (M, M).

    Second moments about the estimate, of the further one of each pair of draws of opposite errors:
    the cone of the semi-definite matrices stops the other, where little signal was found.
    """
    estimate = base.estimate
    assert isinstance(estimate, ClassEstimate)
    priors = base.class_priors
    grams = estimate.redrawn(_DRAWS, np.random.default_rng(0))
    centre = _class_accuracies(base.spectrum(projector), clf, aspect_ratio)
    if projector.is_identity:
        drawn = Spectrum(base.eigenvalues, base.weights, grams[:, None], priors=priors)
        others = _class_accuracies(drawn, clf, aspect_ratio)
    else:  # maps of several classes take one population at a time
        each = [Spectrum(base.eigenvalues, base.weights, g, priors=priors) for g in grams]
        others = np.stack(
            [_class_accuracies(one.spectrum(projector), clf, aspect_ratio) for one in each]
        )
    kept = np.isfinite(others).all((1, 2)).reshape(2, -1).all(0)
    pairs = (others - centre).reshape(2, -1, *centre.shape)[:, kept]
    further = np.argmax(np.square(pairs @ priors).sum(-1), axis=0)
    change = pairs[further, np.arange(further.size)]

    def deviation(values: Array) -> Array:
        return np.asarray(np.sqrt(np.mean(values**2, axis=0)))

    errors = ClassErrors(deviation(change @ priors), deviation(change), deviation(change.mean(-1)))
    scale = ScoreScale(priors.size)
    # without noise where there is signal, accuracy is 1 whatever the other matrices are
    finite = np.isfinite(score)
    moved = scale.score(np.where(finite, scale.accuracy(score) + change @ priors, scale.chance))
    moves = np.where(finite & np.isfinite(moved), moved - score, 0.0)
    return errors, moves.T @ moves / len(moves)
