r"""Whether to probe before or after a linear head, from labelled features and the head itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy

from ..checks import NONNEGATIVE, Array, check_flag, check_matrix, check_single
from ..classifiers import Bayes, Classifier
from ..estimation.class_estimate import ClassEstimate
from ..estimation.estimate import estimate_of_any
from ..estimation.paired_classes import redrawn_pair
from ..estimation.sample import LabelledSample, check_classes, check_features, labelled_sample
from ..metrics.rank import participation_ratio, rank_me, spectral_slope
from ..populations.spectrum import Spectrum
from ..projectors import Identity
from ..randomness import check_rng
from .anchor import anchor_of
from .best_penalty import best_penalties, check_penalised
from .class_errors import DRAWS, class_accuracies
from .head_errors import (
    changes_correlation,
    curves_correlation,
    difference_variance,
    model_spread,
    score_level,
)
from .head_gains import head_gains, refuse_learned
from .learning_curve import (
    LearningCurve,
    check_anchor,
    check_samples,
    check_single_penalty,
    curve_and_changes,
)
from .limits import check_classifier, limit
from .score_scale import ScoreScale

__all__ = ["HeadReport", "Side", "check_head", "head_report"]

_QUANTILE = 1.959963984540054
# A share of the probit: so far was the Gaussian model from probes on the features of encoders that
# were trained on images (tests/data/make_head_study.py, on other pairs of classes than its own).
MODEL_ERROR = 0.08
# Sizes at which the order of the two sides is looked at: from 4 labels to so many per feature.
_SIZES, _SIZES_OF_SEVERAL, _FEWEST, _PER_FEATURE = 61, 21, 4.0, 100.0
# Accuracies that differ by less are the same: within the accepted residual, and the orthants.
_SAME, _SAME_OF_SEVERAL = 1e-9, 1e-5


@dataclass(frozen=True, eq=False)
class Side:
    """The features on one side of the head.

    Attributes
    ----------
    dimension : int
    separation : float
        Squared Mahalanobis length Σ e_j/d_j of the fitted spectrum; of K > 2 classes the mean over
        their means, from the centre of all.
    rank_me : float
        exp of the entropy of σ/Σσ, σ the singular values of the features, uncentred.
    participation_ratio : float
        (tr Σ)²/tr Σ² of the within-class covariance, each trace debiased.
    spectral_slope : float
        α of within-class eigenvalues like rank^-α, over ranks of 5 to 50 %.
    eigenvalues : array, shape (r,)
        Of the pooled within-class covariance of the sample, positive, descending.
    """

    dimension: int
    separation: float
    rank_me: float
    participation_ratio: float
    spectral_slope: float
    eigenvalues: Array

    def __repr__(self) -> str:
        return (
            f"Side(dimension={self.dimension}, separation={self.separation:.4g}, "
            f"rank_me={self.rank_me:.4g}, participation_ratio={self.participation_ratio:.4g}, "
            f"spectral_slope={self.spectral_slope:.4g})"
        )


@dataclass(frozen=True, eq=False)
class HeadReport:
    r"""Accuracy before and after a head at M numbers of labels; arrays of shape (M,).

    Attributes
    ----------
    before, after : LearningCurve
    difference, stderr, low, high : array
        Accuracy after minus before, its standard error and 95 % interval: both sides are read off
        the same samples, and their errors go together. The error of the Gaussian model is
        included. Where an accuracy is extrapolated, the interval holds the other continuations as
        well.
    gain : float
        Of the head along the difference of the class means, relative to its root mean square over
        the directions orthogonal to it; NaN where the data show no difference. Of K > 2 classes
        its root mean square over the differences, orthogonal to all of them.
    pair_gains : array, shape (K, K)
        The same along the difference of each pair of class means; NaN on the diagonal, and where
        the data show no difference.
    regime : str
        Of that gain: "expansion", "shrinkage" or "neutral"; "both" where some pairs of classes are
        expanded and others shrunk; "unknown" for NaN. It does not decide which side is better:
        `difference` does.
    noise_gain : float
        √(tr TΣTᵀ/tr Σ), the gain of the noise within the classes.
    fisher_gain : float
        Gain along the class means over `noise_gain`: above 1 the head raises signal over noise in
        the sense of their traces.
    expansion_measure : float
        :math:`p\,|T\hat v|^2/|T|_F^2` along the unit class difference, or the mean over those of
        several classes in the proportion of their squares: 1 for a neutral head.
    separation_kept : float
        Share of the squared Mahalanobis length that is left after the head, of the fitted spectra.
    sides : pair of Side
        Before and after.
    flips : tuple of float
        Numbers of labels at which the order of the two predicted accuracies changes.
    recommendation : str
        One sentence.
    confidence : float
        Probability that the side it names is the better one, at the size where that is least sure.
    """

    before: LearningCurve
    after: LearningCurve
    difference: Any
    stderr: Any
    low: Any
    high: Any
    gain: float
    pair_gains: Array
    regime: str
    noise_gain: float
    fisher_gain: float
    expansion_measure: float
    separation_kept: float
    sides: tuple[Side, Side]
    flips: tuple[float, ...]
    recommendation: str
    confidence: float

    @property
    def pair_gain_range(self) -> tuple[float, float]:
        """The smallest and the largest of `pair_gains`."""
        known = self.pair_gains[~np.isnan(self.pair_gains)]
        return (float(known.min()), float(known.max())) if known.size else (np.nan, np.nan)

    def __repr__(self) -> str:
        return f"HeadReport(gain={self.gain:.4g}, {self.recommendation!r})"


def check_head(head: Any, dimension: int) -> Array:
    """The matrix (k, p) of a head: an array, a layer's weight, or what scikit-learn calls it."""
    found = head
    for name in ("weight", "components_", "coef_"):
        if hasattr(found, name):
            found = getattr(found, name)
            break
    for method in ("detach", "cpu", "numpy"):  # a tensor
        if hasattr(found, method):
            found = getattr(found, method)()
    matrix = check_matrix("head", found, 2)
    if matrix.shape[1] != dimension:
        raise ValueError(
            f"head must have {dimension} columns, one for each feature, got shape {matrix.shape}"
        )
    if not np.any(matrix):
        raise ValueError("head must not be zero, got a matrix of zeros")
    return matrix


def head_report(
    features: Any,
    labels: Any,
    head: Any,
    clf: Classifier,
    samples: Any,
    *,
    best_penalty: bool = False,
    anchor: bool = False,
    model_error: float = MODEL_ERROR,
    rng: Any = 0,
) -> HeadReport:
    r"""Compare a linear probe before a head with one after it, at several numbers of labels.

    The spectra of h and of z = T h are estimated from the same labelled features, and the limits
    on them compared. The penalty is that of :math:`\frac1n\sum\ell + \frac\lambda2|w|^2` on either
    side: a head that only shrinks everything is a larger penalty.

    Parameters
    ----------
    features : array_like, shape (n, p)
        Before the head.
    labels : array_like, shape (n,)
        Of two classes or more.
    head : array_like, shape (k, p), or a layer
        T, with z = T h: a matrix, or an object with a `weight`, `components_` or `coef_` such as a
        linear layer of PyTorch or a fitted PCA of scikit-learn. A bias changes nothing. It must
        not have been made with these labels.
    clf : classifier
    samples : float or array_like, shape (M,)
        Numbers of training labels.
    best_penalty : bool, default False
        On each side and at each size the penalty with the largest predicted accuracy.
    anchor : bool, default False
        Move both curves to a 5-fold cross-validation of the same probe on these features. A side
        stays where it is if the one or the other is at chance, and no error at all counts as half.
    model_error : float, default 0.08
        Standard error of a probit that the Gaussian model leaves, as a share of it, the same on
        both sides; it goes together on both as much as the sampling errors do. The default is that
        of image features; 0 is for features that are Gaussian.
    rng : int, SeedSequence or Generator, default 0
        Of the folds: how large the errors really are, on which the width of the interval depends,
        is taken from a cross-validation as well.

    Returns
    -------
    HeadReport

    Raises
    ------
    TypeError, ValueError
        For invalid input, and a head that stretches exactly a difference of the sample's own class
        means: a direction learned from the labels that are to judge it. Split the samples for that.
    NoLimitError, ConvergenceError
        As :func:`limit`.

    Examples
    --------
    >>> import numpy as np, asymptotics as asy
    >>> features, labels = asy.SpikedMixture(1.5).sample(400, dimension=200, rng=0)
    >>> head = np.diag(np.r_[3.0, np.ones(199)])
    >>> report = asy.head_report(features, labels, head, asy.Logistic(1.0), samples=[100, 400])
    >>> report.regime, bool((report.low > 0).all())
    ('expansion', True)
    >>> report.recommendation
    'Probe after the head: better at 100 to 400 labels.'
    """
    table = check_features(features)
    index = check_classes(labels, table.shape[0])
    matrix = check_head(head, table.shape[1])
    several = int(index.max()) > 1
    clf = check_classifier(clf, several=several)
    check_single_penalty(clf)
    sizes = np.atleast_1d(check_samples(samples))
    best_penalty, anchor = check_flag("best_penalty", best_penalty), check_flag("anchor", anchor)
    model_error = check_single("model_error", model_error, NONNEGATIVE)
    generator = check_rng(rng)
    if best_penalty:
        check_penalised(clf)
    one = labelled_sample(table, index, keep_left=True)
    image = np.concatenate([part.astype(float) @ matrix.T for part in _slabs(table)])
    try:
        other = labelled_sample(image, index, keep_left=True)
    except ValueError as error:
        raise ValueError(
            f"head must leave features that vary in their classes, got {error}"
        ) from None
    refuse_learned(matrix, table, index)
    pair = [_spectrum(sample) for sample in (one, other)]
    tables, scale = (table, image), ScoreScale(pair[0].classes)
    anchors: list[float | None] = [None, None]
    if (anchor or model_error > 0) and not isinstance(clf, Bayes):  # which cannot be trained
        folds = generator.integers(2**63)  # the same on both sides
        anchors = [
            anchor_of(spectrum, clf, own, index, np.random.default_rng(folds), best_penalty)
            for spectrum, own in zip(pair, tables, strict=True)
        ]
    grams = _redrawn(pair, (one, other)) if several else (None, None)
    curves, changes = [], []
    for spectrum, measured, drawn in zip(pair, anchors, grams, strict=True):
        assert spectrum.estimate is not None
        estimate = spectrum.estimate
        at = check_anchor(measured if anchor else None, estimate.samples)
        dimension = estimate.dimension
        curve, change = curve_and_changes(
            spectrum, clf, sizes, dimension, Identity(), at, best_penalty, drawn
        )
        curves.append(curve)
        changes.append(change)
    before, after = curves
    difference = after.accuracy - before.accuracy
    if not (before.anchored or after.anchored):  # with the digits that accuracies near 1 have lost
        difference = before.limit.error - after.limit.error
    correlation = _correlation(pair, (one, other), clf, curves, changes)
    variance = difference_variance(before.stderr, after.stderr, correlation)
    level = 1.0 if anchor else score_level(pair, clf, anchors, index.size, best_penalty)
    spreads = [model_error * model_spread(curve, scale, level) for curve in curves]
    variance = variance + difference_variance(spreads[0], spreads[1], correlation)
    stderr = np.sqrt(variance)
    # the same continuation on both sides would move them together: these are the widest
    down = np.minimum(after.bracket_low - after.accuracy, before.accuracy - before.bracket_high)
    up = np.maximum(after.bracket_high - after.accuracy, before.accuracy - before.bracket_low)
    low, high = difference + down - _QUANTILE * stderr, difference + up + _QUANTILE * stderr
    sentence, confidence = _recommend(sizes, difference, 0.5 * (high - low) / _QUANTILE)
    gains = head_gains(one, other, matrix)
    sides = tuple(
        _side(sample, spectrum, part)
        for sample, spectrum, part in zip((one, other), pair, tables, strict=True)
    )
    kept = sides[1].separation / sides[0].separation if sides[0].separation > 0 else np.nan
    return HeadReport(
        before,
        after,
        difference,
        stderr,
        low,
        high,
        gains.gain,
        gains.pair_gains,
        gains.regime,
        gains.noise_gain,
        gains.fisher_gain,
        gains.expansion_measure,
        kept,
        (sides[0], sides[1]),
        _flips(pair, clf, best_penalty),
        sentence,
        confidence,
    )


def _spectrum(sample: LabelledSample) -> Spectrum:
    return Spectrum.of_estimate(estimate_of_any(replace(sample, left=None)))


def _redrawn(
    pair: list[Spectrum], samples: tuple[LabelledSample, LabelledSample]
) -> tuple[Array, Array]:
    """Of several classes: matrices of both sides that err together."""
    one, other = (spectrum.estimate for spectrum in pair)
    assert isinstance(one, ClassEstimate)
    assert isinstance(other, ClassEstimate)
    return redrawn_pair((one, other), samples, DRAWS, np.random.default_rng(0))


def _slabs(table: Array) -> list[Array]:
    return np.array_split(table, max(1, table.size // 2**22))


def _correlation(
    pair: list[Spectrum],
    samples: tuple[LabelledSample, LabelledSample],
    clf: Classifier,
    curves: list[LearningCurve],
    changes: list[Array | None],
) -> Array:
    """Of the errors of the two accuracies at each size."""
    if changes[0] is None or changes[1] is None:
        return curves_correlation(pair, samples, clf, curves)
    priors = pair[0].class_priors
    return changes_correlation(changes[0] @ priors, changes[1] @ priors)


def _flips(pair: list[Spectrum], clf: Classifier, tuned: bool) -> tuple[float, ...]:
    """Where the two curves cross, on a grid of sizes."""
    several = pair[0].classes > 2
    dimensions = [s.estimate.dimension for s in pair if s.estimate is not None]
    count = _SIZES_OF_SEVERAL if several else _SIZES
    sizes = np.geomspace(_FEWEST, _PER_FEATURE * max(dimensions), count)
    errors = []
    for spectrum, p in zip(pair, dimensions, strict=True):
        own = clf
        if tuned:
            own = replace(clf, penalty=best_penalties(spectrum, clf, p / sizes))  # type: ignore[type-var]
        if several:
            errors.append(1.0 - class_accuracies(spectrum, own, p / sizes) @ spectrum.class_priors)
        else:
            errors.append(limit(spectrum, own, p / sizes, throw=False).error)
    gap = errors[0] - errors[1]
    same = _SAME_OF_SEVERAL if several else _SAME
    gap = np.where(np.abs(gap) > same, gap, 0.0)
    places = np.flatnonzero(gap[:-1] * gap[1:] < 0)
    share = gap[places] / (gap[places] - gap[places + 1])
    return tuple((sizes[places] * (sizes[places + 1] / sizes[places]) ** share).tolist())


def _side(sample: LabelledSample, spectrum: Spectrum, table: Array) -> Side:
    small = table.astype(float)
    gram = small @ small.T if len(small) <= small.shape[1] else small.T @ small
    values = np.sqrt(np.maximum(np.linalg.eigvalsh(gram), 0.0))
    return Side(
        sample.dimension,
        float(spectrum.mahalanobis),
        rank_me(values),
        participation_ratio(sample.eigenvalues, sample.freedom),
        spectral_slope(sample.eigenvalues),
        sample.eigenvalues,
    )


def _recommend(sizes: Array, difference: Array, stderr: Array) -> tuple[str, float]:
    """One sentence, and how sure it is where it is least sure."""
    certain = np.where(difference == 0, 0.0, np.copysign(np.inf, difference))
    sure = scipy.special.ndtr(np.divide(difference, stderr, out=certain, where=stderr > 0))
    order = np.argsort(sizes)
    after = difference[order] > 0
    names = [f"{size:g}" for size in sizes[order]]
    span = f"{names[0]} to {names[-1]} labels" if len(names) > 1 else f"{names[0]} labels"
    if not np.any(difference):
        return f"Probe on either side of the head: no difference at {span}.", 0.5
    confidence = float(np.minimum(np.maximum(sure, 1 - sure), 1.0).min())
    if after.all() or not after.any():
        side = "after" if after.all() else "before"
        return f"Probe {side} the head: better at {span}.", confidence
    parts = []
    for side, chosen in (("after", after), ("before", ~after)):
        parts.append(f"{side} the head at {_spans(names, chosen)} labels")
    return f"Probe {parts[0]}, {parts[1]}.", confidence


def _spans(names: list[str], chosen: Array) -> str:
    """The chosen ones: three or more in a row by their ends."""
    rows = np.split(np.arange(len(names)), np.flatnonzero(np.diff(chosen)) + 1)
    found: list[str] = []
    for row in (row for row in rows if chosen[row[0]]):
        part = [names[k] for k in row]
        found += part if len(part) < 3 else [f"{part[0]} to {part[-1]}"]
    return ", ".join(found)
