"""How surely the limits of K > 2 classes are known, from Gram matrices drawn again.

The matrices of the estimate are drawn again from the covariance of their readings and fitted, and
the limit is taken of each. The accuracies of all have their Sobol points in common, so that those
drop out of the differences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checks import Array
from ..classifiers import Classifier
from ..equations.class_prior import class_prior
from ..equations.prior import ACCEPTED_RESIDUAL
from ..metrics.orthant import right_answers
from ..populations.spectrum import Spectrum
from ..projectors import Projector
from .score_scale import ScoreScale

__all__ = [
    "DRAWS",
    "ClassErrors",
    "class_accuracies",
    "class_errors",
    "further_squares",
    "redrawn_changes",
]

#: Draws of the matrices: a standard error good to 14 %.
DRAWS = 24
# 2 to this power Sobol points for each orthant.
_LOG_POINTS = 8


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


def class_accuracies(spectrum: Spectrum, clf: Classifier, aspect_ratio: Array) -> Array:
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


def redrawn_changes(
    base: Spectrum, clf: Classifier, aspect_ratio: Array, projector: Projector, grams: Array
) -> Array:
    """How other matrices (B, J, K, K) change the accuracy of each class, shape (B, M, K).

    NaN where the equations were not solved.
    """
    priors = base.class_priors
    centre = class_accuracies(base.spectrum(projector), clf, aspect_ratio)
    if projector.is_identity:
        drawn = Spectrum(base.eigenvalues, base.weights, grams[:, None], priors=priors)
        return class_accuracies(drawn, clf, aspect_ratio) - centre
    # maps of several classes take one population at a time
    each = [Spectrum(base.eigenvalues, base.weights, g, priors=priors) for g in grams]
    images = [one.spectrum(projector) for one in each]
    return np.stack([class_accuracies(image, clf, aspect_ratio) for image in images]) - centre


def _further(changes: Array, sizes: Array) -> Array:
    """Of each pair of opposite draws the one whose changes, of these sizes (B, M), are larger.

    The cone of the semi-definite matrices stops the other, where little signal was found.
    """
    kept = np.isfinite(sizes).all(1).reshape(2, -1).all(0)
    pairs = changes.reshape(2, -1, *changes.shape[1:])[:, kept]
    lengths = np.square(sizes.reshape(2, -1, sizes.shape[1])[:, kept]).sum(-1)
    return np.asarray(pairs[np.argmax(lengths, axis=0), np.arange(pairs.shape[1])])


def further_squares(changes: Array) -> Array:
    """Mean squares of changes (B, M) that are due to pairs of opposite draws, shape (M,)."""
    return np.asarray(np.square(_further(changes, changes)).mean(0))


def class_errors(changes: Array, priors: Array, score: Array) -> tuple[ClassErrors, Array]:
    """Standard errors of M limits from their changes (B, M, K), and the covariance of M scores.

    Second moments about the estimate, not about the mean of the draws: a matrix that is none of
    a semi-definite one is pushed one way.
    """
    change = _further(changes, changes @ priors)

    def deviation(values: Array) -> Array:
        return np.asarray(np.sqrt(np.mean(values**2, axis=0)))

    errors = ClassErrors(deviation(change @ priors), deviation(change), deviation(change.mean(-1)))
    scale = ScoreScale(priors.size)
    # without noise where there is signal, accuracy is 1 whatever the other matrices are
    finite = np.isfinite(score)
    moved = scale.score(np.where(finite, scale.accuracy(score) + change @ priors, scale.chance))
    moves = np.where(finite & np.isfinite(moved), moved - score, 0.0)
    return errors, moves.T @ moves / len(moves)
