"""How surely the difference of the accuracies before and after a head is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..checks import Array
from ..classifiers import Classifier
from ..estimation.estimate import Estimate, difference_points
from ..estimation.paired import paired_correlations
from ..estimation.sample import LabelledSample
from ..populations.spectrum import Spectrum
from .anchor import TRAINED
from .best_penalty import best_penalties
from .class_errors import further_squares
from .estimation_error import sensitivity
from .learning_curve import LearningCurve
from .limits import limit
from .score_scale import ScoreScale

__all__ = [
    "changes_correlation",
    "curves_correlation",
    "difference_variance",
    "model_spread",
    "score_level",
]


def difference_variance(before: Array, after: Array, correlation: Array) -> Array:
    """Of a difference of two that have these standard errors."""
    return np.asarray(np.maximum(before**2 + after**2 - 2 * correlation * before * after, 0.0))


def curves_correlation(
    pair: list[Spectrum],
    samples: tuple[LabelledSample, LabelledSample],
    clf: Classifier,
    curves: list[LearningCurve],
) -> Array:
    """Of the errors of the two accuracies at each size, of two classes."""
    points, coefficients = [], []
    for spectrum, curve in zip(pair, curves, strict=True):
        estimate = spectrum.estimate
        assert isinstance(estimate, Estimate)
        own = clf
        if hasattr(clf, "penalty"):
            own = replace(clf, penalty=curve.penalty)  # type: ignore[type-var]
        ratio = estimate.dimension / curve.samples
        found = sensitivity(spectrum, own, curve.limit, ratio)
        first, second = found.first["probit"], found.second["probit"]
        at, weights = difference_points(
            estimate.lowest_readable(found.kappa), first, second, estimate.floor
        )
        points.append(at)
        coefficients.append(weights)
    return paired_correlations(samples, (points[0], points[1]), (coefficients[0], coefficients[1]))


def changes_correlation(before: Array, after: Array) -> Array:
    """The same of several classes, from changes (B, M) that are due to the same draws.

    With it the variance of the difference is the mean square over all draws: what stops one of a
    pair of opposite draws on both sides leaves their difference.
    """
    known = (np.isfinite(before) & np.isfinite(after)).all(1).reshape(2, -1).all(0)
    kept = np.tile(known, 2)
    before, after = before[kept], after[kept]
    own, other = further_squares(before), further_squares(after)
    gap, size = np.square(after - before).mean(0), 2.0 * np.sqrt(own * other)
    found = np.divide(own + other - gap, size, out=np.zeros_like(size), where=size > 0)
    return np.asarray(np.clip(found, -1.0, 1.0))


def model_spread(curve: LearningCurve, scale: ScoreScale, level: float) -> Array:
    """Derivative of the accuracy at so many times its score, in the logarithm of that score."""
    score = scale.score(curve.accuracy) if curve.anchored else scale.of_limit(curve.limit)
    score = level * np.where(np.isfinite(score), score, 0.0)
    return np.asarray(np.abs(score) * scale.slope(score))


def score_level(
    pair: list[Spectrum], clf: Classifier, anchors: list[float | None], n: int, tuned: bool
) -> float:
    """The measured scores over the predicted ones, of both sides together; 1 at the most.

    Real margins have heavier tails than Gaussian ones: a predicted error of 1e-4 may be one of
    1e-2, and the error of the model is that of the latter.
    """
    if anchors[0] is None or anchors[1] is None:
        return 1.0
    scale = ScoreScale(pair[0].classes)
    measured = float(scale.score(np.array(anchors, dtype=float)).sum())
    predicted = 0.0
    for spectrum in pair:
        assert spectrum.estimate is not None
        ratio = np.array([spectrum.estimate.dimension / (TRAINED * n)])
        own = clf
        if tuned:
            own = replace(clf, penalty=float(best_penalties(spectrum, clf, ratio)[0]))  # type: ignore[type-var]
        predicted += float(scale.of_limit(limit(spectrum, own, ratio))[0])
    return min(measured / predicted, 1.0)
