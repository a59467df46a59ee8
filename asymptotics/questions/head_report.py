r"""Whether to probe before or after a linear head, from labelled features and the head itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy

from ..checks import NONNEGATIVE, Array, check_flag, check_matrix, check_single
from ..classifiers import Bayes, Classifier
from ..estimation.estimate import Estimate, difference_points, estimate_of
from ..estimation.paired import paired_correlations
from ..estimation.sample import LabelledSample, check_features, check_two_classes, labelled_sample
from ..metrics.rank import participation_ratio, rank_me, spectral_slope
from ..populations.spectrum import Spectrum
from ..randomness import check_rng
from .anchor import TRAINED, anchor_of
from .best_penalty import best_penalties, check_penalised
from .estimation_error import sensitivity
from .learning_curve import LearningCurve, check_samples, check_single_penalty, learning_curve
from .limits import check_classifier, limit
from .regime import regime_of
from .score_scale import probit

__all__ = ["HeadReport", "Side", "check_head", "head_report"]

_QUANTILE = 1.959963984540054
# A share of the probit: so far was the Gaussian model from probes on the features of encoders that
# were trained on images (tests/data/make_head_study.py, on other pairs of classes than its own).
MODEL_ERROR = 0.08
# Sizes at which the order of the two sides is looked at: from 4 labels to so many per feature.
_SIZES, _FEWEST, _PER_FEATURE = 61, 4.0, 100.0
# A singular direction of the head this near to the difference of the class means was made of it.
_LEARNED = 1e-6


@dataclass(frozen=True, eq=False)
class Side:
    """The features on one side of the head.

    Attributes
    ----------
    dimension : int
    separation : float
        Squared Mahalanobis length Σ e_j/d_j of the fitted spectrum.
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
        the directions orthogonal to it; NaN where the data show no difference.
    regime : str
        Of that gain: "expansion", "shrinkage" or "neutral"; "unknown" for NaN. It does not decide
        which side is better: `difference` does.
    noise_gain : float
        √(tr TΣTᵀ/tr Σ), the gain of the noise within the classes.
    fisher_gain : float
        Gain along the class means over `noise_gain`: above 1 the head raises signal over noise in
        the sense of their traces.
    expansion_measure : float
        :math:`p\,|T\hat v|^2/|T|_F^2` along the unit class difference: 1 for a neutral head.
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
    regime: str
    noise_gain: float
    fisher_gain: float
    expansion_measure: float
    separation_kept: float
    sides: tuple[Side, Side]
    flips: tuple[float, ...]
    recommendation: str
    confidence: float

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
        Two distinct values.
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
        For invalid input, and a head that stretches exactly the sample's own class difference: a
        direction learned from the labels that are to judge it. Split the samples for that.
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
    upper = check_two_classes(labels, table.shape[0])
    matrix = check_head(head, table.shape[1])
    clf = check_classifier(clf)
    check_single_penalty(clf)
    sizes = np.atleast_1d(check_samples(samples))
    best_penalty, anchor = check_flag("best_penalty", best_penalty), check_flag("anchor", anchor)
    model_error = check_single("model_error", model_error, NONNEGATIVE)
    generator = check_rng(rng)
    if best_penalty:
        check_penalised(clf)
    one = labelled_sample(table, upper, keep_left=True)
    image = np.concatenate([part.astype(float) @ matrix.T for part in _slabs(table)])
    try:
        other = labelled_sample(image, upper, keep_left=True)
    except ValueError as error:
        raise ValueError(
            f"head must leave features that vary in their classes, got {error}"
        ) from None
    _refuse_learned(matrix, _difference(table, upper))
    pair = [_spectrum(sample) for sample in (one, other)]
    tables = (table, image)
    anchors: list[float | None] = [None, None]
    if (anchor or model_error > 0) and not isinstance(clf, Bayes):  # which cannot be trained
        folds = generator.integers(2**63)  # the same on both sides
        anchors = [
            anchor_of(spectrum, clf, own, upper, np.random.default_rng(folds), best_penalty)
            for spectrum, own in zip(pair, tables, strict=True)
        ]
    before, after = curves = [
        learning_curve(
            spectrum,
            clf,
            sizes,
            cross_validated=measured if anchor else None,
            best_penalty=best_penalty,
        )
        for spectrum, measured in zip(pair, anchors, strict=True)
    ]
    difference = after.accuracy - before.accuracy
    if not (before.anchored or after.anchored):  # with the digits that accuracies near 1 have lost
        difference = before.limit.error - after.limit.error
    correlation = _correlation(pair, (one, other), clf, curves)
    variance = _difference_variance(before.stderr, after.stderr, correlation)
    level = 1.0 if anchor else _level(pair, clf, anchors, upper.size, best_penalty)
    spreads = [model_error * _slope(level * _probit(curve)) for curve in curves]
    variance = variance + _difference_variance(spreads[0], spreads[1], correlation)
    stderr = np.sqrt(variance)
    # the same continuation on both sides would move them together: these are the widest
    down = np.minimum(after.bracket_low - after.accuracy, before.accuracy - before.bracket_high)
    up = np.maximum(after.bracket_high - after.accuracy, before.accuracy - before.bracket_low)
    low, high = difference + down - _QUANTILE * stderr, difference + up + _QUANTILE * stderr
    flips = _flips(pair, clf, best_penalty)
    sentence, confidence = _recommend(sizes, difference, 0.5 * (high - low) / _QUANTILE)
    gain, noise_gain, fisher_gain, measure = _gains(one, other, matrix)
    sides = tuple(
        _side(sample, spectrum, part)
        for sample, spectrum, part in zip((one, other), pair, tables, strict=True)
    )
    kept = float(pair[1].mahalanobis / pair[0].mahalanobis) if pair[0].mahalanobis > 0 else np.nan
    regime = "unknown" if np.isnan(gain) else regime_of(gain)
    return HeadReport(
        before,
        after,
        difference,
        stderr,
        low,
        high,
        gain,
        regime,
        noise_gain,
        fisher_gain,
        measure,
        kept,
        (sides[0], sides[1]),
        flips,
        sentence,
        confidence,
    )


def _slabs(table: Array) -> list[Array]:
    return np.array_split(table, max(1, table.size // 2**22))


def _difference(table: Array, upper: Array) -> Array:
    return np.asarray(table[upper].mean(0, dtype=float) - table[~upper].mean(0, dtype=float))


def _refuse_learned(matrix: Array, difference: Array) -> None:
    """A head of which the sample's class difference is itself a singular direction."""
    length = np.linalg.norm(difference)
    if length == 0 or difference.size == 1:
        return
    unit = difference / length
    stretched = matrix.T @ (matrix @ unit)
    along = float(unit @ stretched)
    mean = float(np.square(matrix).sum()) / difference.size
    size = max(float(np.linalg.norm(stretched)), mean)
    is_singular = float(np.linalg.norm(stretched - along * unit)) <= _LEARNED * size
    if is_singular and abs(along - mean) > _LEARNED * mean:
        raise ValueError(
            "head must not be made with the labels that judge it, got one that stretches exactly "
            "the difference of these class means: learn it on one half of the samples, and give "
            "the other half"
        )


def _spectrum(sample: LabelledSample) -> Spectrum:
    return Spectrum.of_estimate(estimate_of(replace(sample, left=None)))


def _probit(curve: LearningCurve) -> Array:
    return (
        np.asarray(scipy.special.ndtri(curve.accuracy)) if curve.anchored else probit(curve.limit)
    )


def _slope(score: Array) -> Array:
    """Derivative of the accuracy Φ(z) in log z."""
    finite = np.where(np.isfinite(score), score, 0.0)
    return np.asarray(np.abs(finite) * np.exp(-0.5 * finite**2) / np.sqrt(2 * np.pi))


def _difference_variance(before: Array, after: Array, correlation: Array) -> Array:
    """Of a difference of two that have these standard errors."""
    return np.asarray(np.maximum(before**2 + after**2 - 2 * correlation * before * after, 0.0))


def _level(
    pair: list[Spectrum], clf: Classifier, anchors: list[float | None], n: int, tuned: bool
) -> float:
    """The measured probits over the predicted ones, of both sides together; 1 at the most.

    Real margins have heavier tails than Gaussian ones: a predicted error of 1e-4 may be one of
    1e-2, and the error of the model is that of the latter.
    """
    if anchors[0] is None or anchors[1] is None:
        return 1.0
    measured = float(scipy.special.ndtri(np.array(anchors, dtype=float)).sum())
    predicted = 0.0
    for spectrum in pair:
        assert spectrum.estimate is not None
        ratio = np.array([spectrum.estimate.dimension / (TRAINED * n)])
        own = clf
        if tuned:
            own = replace(clf, penalty=float(best_penalties(spectrum, clf, ratio)[0]))  # type: ignore[type-var]
        predicted += float(probit(limit(spectrum, own, ratio))[0])
    return min(measured / predicted, 1.0)


def _correlation(
    pair: list[Spectrum],
    samples: tuple[LabelledSample, LabelledSample],
    clf: Classifier,
    curves: list[LearningCurve],
) -> Array:
    """Of the errors of the two accuracies at each size."""
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


def _flips(pair: list[Spectrum], clf: Classifier, tuned: bool) -> tuple[float, ...]:
    """Where the two curves cross, on a grid of sizes."""
    dimensions = [s.estimate.dimension for s in pair if s.estimate is not None]
    sizes = np.geomspace(_FEWEST, _PER_FEATURE * max(dimensions), _SIZES)
    accuracy = []
    for spectrum, p in zip(pair, dimensions, strict=True):
        own = clf
        if tuned:
            own = replace(clf, penalty=best_penalties(spectrum, clf, p / sizes))  # type: ignore[type-var]
        accuracy.append(limit(spectrum, own, p / sizes, throw=False).error)
    gap = accuracy[0] - accuracy[1]
    gap = np.where(np.abs(gap) > 1e-9, gap, 0.0)  # within the accepted residual they are equal
    places = np.flatnonzero(gap[:-1] * gap[1:] < 0)
    share = gap[places] / (gap[places] - gap[places + 1])
    return tuple((sizes[places] * (sizes[places + 1] / sizes[places]) ** share).tolist())


def _gains(
    one: LabelledSample, other: LabelledSample, matrix: Array
) -> tuple[float, float, float, float]:
    """Relative gain, noise gain, Fisher gain and expansion measure; squared lengths debiased."""
    traces = [float(sample.eigenvalues.sum()) for sample in (one, other)]
    noise = float(np.sqrt(traces[1] / traces[0]))
    lengths = [
        float(np.square(sample.projections).sum()) + sample.outside - sample.mean_noise * trace
        for sample, trace in zip((one, other), traces, strict=True)
    ]
    if min(lengths) <= 0 or one.dimension == 1:
        return np.nan, noise, np.nan, np.nan
    along, total = lengths[1] / lengths[0], float(np.square(matrix).sum())
    rest = (total - along) / (one.dimension - 1)
    gain = float(np.sqrt(along / rest)) if rest > 0 else np.inf
    return gain, noise, float(np.sqrt(along)) / noise, one.dimension * along / total


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
        at = ", ".join(name for name, flag in zip(names, chosen, strict=True) if flag)
        parts.append(f"{side} the head at {at} labels")
    return f"Probe {parts[0]}, {parts[1]}.", confidence
