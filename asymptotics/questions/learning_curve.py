"""Accuracy against the number of labels, with the error that an estimated spectrum leaves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..checks import POSITIVE, PROBABILITY, Array, check_flag, check_real, check_single
from ..classifiers import Classifier
from ..estimation.estimate import Estimate
from ..intake import shown
from ..metrics.score_law import ScoreLaw
from ..outcomes import Limit, StatusArray
from ..populations.gaussian import GaussianMixture
from ..populations.spectrum import Spectrum
from ..projectors import Projector, check_projector
from .anchor import TRAINED
from .best_penalty import best_penalties, check_penalised
from .class_errors import (
    DRAWS,
    ClassErrors,
    class_errors,
    redrawn_changes,
)
from .estimation_error import (
    kappa_read,
    numeric_fields,
    reads_at_kappa,
    redrawn_errors,
    sensitivity,
)
from .limits import check_classifier, limit
from .score_scale import ScoreScale

__all__ = ["LearningCurve", "learning_curve"]

# Standard errors of half a 95 % interval.
_QUANTILE = 1.959963984540054
# The smallest atom of the two other continuations below κ_low, in units of it.
_BRACKET = (1.0, 0.01)


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """Accuracies at numbers of labels; scalars, or arrays of one shape.

    Attributes
    ----------
    samples : float or array
        Training labels n′ as asked for: of both classes together, or of each with `per_class`.
    accuracy : float or array
    stderr : float or array
        Standard error that the estimate of the spectrum leaves, 0 for a population that is given.
    low, high : float or array
        95 % interval, by the delta method on the scale of :mod:`.score_scale`; around the bracket,
        if there is one.
    extrapolated : bool or array of bool
        Whether the accuracy depends on a part of the spectrum of which the data say nothing.
    bracket_low, bracket_high : float or array
        Where it does, how far the accuracy moves if the smallest eigenvalue lies just below what
        is seen, or a hundred times lower; elsewhere the accuracy.
    penalty : float or array
        Of the classifier; NaN without one.
    limit : Limit
        The limits, for whatever else they hold. Not anchored.
    errors : Limit or ClassErrors
        Their standard errors, field by field; `residual` and `status` are those of the limits. Of
        K > 2 classes those of the accuracies.
    anchored : bool
        Whether a cross-validated accuracy was used.
    """

    samples: Any
    accuracy: Any
    stderr: Any
    low: Any
    high: Any
    extrapolated: Any
    bracket_low: Any
    bracket_high: Any
    penalty: Any
    limit: Limit
    errors: Limit | ClassErrors
    anchored: bool

    def __repr__(self) -> str:
        if np.ndim(self.samples):
            flags = int(np.sum(self.extrapolated))
            ends = f"{self.samples[0]:g} to {self.samples[-1]:g}"
            return (
                f"LearningCurve(samples={ends}, accuracy={self.accuracy[0]:.4f} to "
                f"{self.accuracy[-1]:.4f}, {flags} of {self.samples.size} extrapolated)"
            )
        return (
            f"LearningCurve(samples={self.samples:g}, accuracy={self.accuracy:.4f}, "
            f"low={self.low:.4f}, high={self.high:.4f}, extrapolated={self.extrapolated})"
        )


def check_source(source: Any) -> Spectrum | GaussianMixture:
    """Refuse a population whose number of features is not known."""
    known = isinstance(source, GaussianMixture) or (
        isinstance(source, Spectrum) and source.estimate is not None
    )
    if not known:
        raise TypeError(
            "source must be Spectrum.from_data(features, labels) or a GaussianMixture, whose "
            f"number of features is known, got {shown(source)}"
        )
    if source.batch_shape:
        raise ValueError(f"source must be a single population, got shape {source.batch_shape}")
    found: Spectrum | GaussianMixture = source
    return found


def check_single_penalty(clf: Classifier) -> None:
    """Refuse a classifier that is several."""
    if np.ndim(clf.penalty_values):
        raise ValueError("clf must have single parameters, got arrays")


def check_samples(samples: Any) -> Array:
    """A number of labels, or a flat list of them."""
    found = check_real("samples", samples, POSITIVE)
    if np.ndim(found) > 1 or np.size(found) == 0:
        raise ValueError(
            f"samples must be a number or a non-empty list of them, got shape {np.shape(found)}"
        )
    return np.asarray(found)


def check_anchor(cross_validated: Any, n: int) -> tuple[float, float] | None:
    """The accuracy, and the training size at which it was measured."""
    if cross_validated is None:
        return None
    if isinstance(cross_validated, tuple | list):
        if len(cross_validated) != 2:
            raise ValueError(
                "cross_validated must be an accuracy or a pair (accuracy, samples), "
                f"got {shown(cross_validated)}"
            )
        accuracy, size = cross_validated
    else:
        accuracy, size = cross_validated, TRAINED * n
    return (
        check_single("cross_validated", accuracy, PROBABILITY),
        check_single("cross_validated", size, POSITIVE),
    )


def learning_curve(
    source: Spectrum | GaussianMixture,
    clf: Classifier,
    samples: Any,
    projector: Projector | None = None,
    cross_validated: Any = None,
    *,
    per_class: bool = False,
    best_penalty: bool = False,
) -> LearningCurve:
    r"""The accuracy that a linear probe will have with n′ labels, and how surely that is known.

    The limit at :math:`\gamma = p/n'` on an estimated spectrum. Its standard error is the delta
    method's on the probit scale, from the covariance of what was read off the data; of K > 2
    classes it is the scatter of limits on Gram matrices drawn again from theirs. It holds the
    error of the estimate alone: not that of the Gaussian model, which on real features is of the
    order of one point of accuracy, and which `cross_validated` removes for the larger part.

    Parameters
    ----------
    source : Spectrum or GaussianMixture
        Of :meth:`Spectrum.from_data`, of any number of classes; or a mixture of two, which is
        taken as known.
    clf : classifier
        With a single penalty.
    samples : float or array_like, shape (M,)
        Numbers n′ of training labels.
    projector : projector, optional
        Applied before training, as in :func:`limit`. A matrix is applied to the features before
        the spectrum is estimated.
    cross_validated : float or pair (float, float), optional
        The accuracy of the same probe on the same features by 5-fold cross-validation, or an
        accuracy and the training size at which it was measured. The whole curve is moved to it on
        the probit scale, :math:`z(n')\,z_{cv}/z(0.8\,n)`; of K > 2 classes z is the separation
        at which K equidistant classes have the accuracy.
    per_class : bool, default False
        `samples` counts the labels of each class, in equal numbers ("k-shot").
    best_penalty : bool, default False
        At each n′ the penalty with the largest predicted accuracy, in place of that of `clf`.

    Returns
    -------
    LearningCurve

    Raises
    ------
    TypeError, ValueError
        For invalid input.
    NoLimitError, ConvergenceError
        As :func:`limit`.

    Examples
    --------
    >>> import asymptotics as asy
    >>> features, labels = asy.SpikedMixture(1.5).sample(300, dimension=200, rng=0)
    >>> source = asy.Spectrum.from_data(features, labels)
    >>> curve = asy.learning_curve(source, asy.Logistic(0.1), samples=[100, 300, 1000])
    >>> curve.accuracy.round(2), curve.extrapolated
    (array([0.83, 0.88, 0.91]), array([False, False, False]))
    >>> truth = asy.limit(asy.SpikedMixture(1.5), asy.Logistic(0.1), 200 / curve.samples).accuracy
    >>> bool(((curve.low < truth) & (truth < curve.high)).all())
    True
    """
    source = check_source(source)
    clf = check_classifier(clf, several=source.spectrum().classes > 2)
    sizes = check_samples(samples)
    projector = check_projector(projector)
    per_class = check_flag("per_class", per_class)
    best_penalty = check_flag("best_penalty", best_penalty)
    check_single_penalty(clf)
    if projector.batch_shape:
        raise ValueError("projector must have single parameters, got arrays")
    estimate = source.estimate if isinstance(source, Spectrum) else None
    p = source.dimension if estimate is None else estimate.dimension
    assert p is not None
    if cross_validated is not None and estimate is None:
        raise ValueError(
            "cross_validated must be None for a mixture that is given, got "
            f"{shown(cross_validated)}"
        )
    anchor = None if estimate is None else check_anchor(cross_validated, estimate.samples)
    base = source.spectrum()
    if per_class:  # equal shares in the training set; the accuracy is then the balanced one
        base = _balanced(base)
    total = np.atleast_1d(sizes * (float(base.classes) if per_class else 1.0))
    flat, _ = curve_and_changes(base, clf, total, p, projector, anchor, best_penalty)
    flat = replace(flat, samples=np.atleast_1d(sizes))
    return flat if sizes.ndim else _scalar(flat)


def _balanced(spectrum: Spectrum) -> Spectrum:
    parts = (spectrum.eigenvalues, spectrum.weights, spectrum.energies)
    count = spectrum.classes
    made = (
        Spectrum(*parts, 0.5) if count == 2 else Spectrum(*parts, priors=np.full(count, 1 / count))
    )
    object.__setattr__(made, "estimate", spectrum.estimate)
    return made


def curve_and_changes(
    base: Spectrum,
    clf: Classifier,
    sizes: Array,
    p: int,
    projector: Projector,
    anchor: tuple[float, float] | None,
    tuned: bool,
    grams: Array | None = None,
) -> tuple[LearningCurve, Array | None]:
    """The curve of checked input at M sizes; of K > 2 classes what redrawn matrices change as well.

    Parameters
    ----------
    grams : array, shape (B, J, K, K), optional
        Those matrices, in pairs of opposite errors.

    Returns
    -------
    curve : LearningCurve
    changes : array, shape (B, M, K), or None
        Of the accuracy of each class.
    """
    estimate, scale = base.estimate, ScoreScale(base.classes)
    # the size of the anchor is one more point, at the end
    points = sizes if anchor is None else np.append(sizes, anchor[1])
    ratio = p / points
    image = base.spectrum(projector)
    if tuned:
        check_penalised(clf)
        clf = replace(clf, penalty=best_penalties(image, clf, ratio))  # type: ignore[type-var]
    lim = limit(image, clf, ratio)
    score = scale.of_limit(lim)
    count = points.size
    penalty = np.broadcast_to(np.asarray(getattr(clf, "penalty", np.nan), dtype=float), (count,))
    extrapolated = np.zeros(count, dtype=bool)
    ends = np.stack([score, score])
    errors: dict[str, Array] | ClassErrors = {
        name: np.zeros(np.shape(getattr(lim, name))) for name in numeric_fields(lim)
    }
    covariance = np.zeros((count, count))
    changes = None
    if estimate is not None:
        known = reads_at_kappa(projector)
        read_at = kappa_read(image, clf, lim, ratio) if known else np.zeros(count)
        extrapolated = estimate.extrapolates(read_at) if known else np.ones(count, dtype=bool)
        if isinstance(estimate, Estimate):
            errors, covariance = _errors(base, image, clf, lim, ratio, projector, extrapolated)
        else:
            if grams is None:
                grams = estimate.redrawn(DRAWS, np.random.default_rng(0))
            changes = redrawn_changes(base, clf, ratio, projector, grams)
            errors, covariance = class_errors(changes, base.class_priors, score)
        if extrapolated.any() and not estimate.sample.covers:
            ends = _bracket(base, clf, ratio, projector, score, extrapolated)
    factor, noise = np.ones(count), covariance
    if anchor is not None:
        factor, noise = _anchored(scale, score, covariance, anchor, estimate)
    error = np.sqrt(np.diag(noise))
    moved = factor * score
    shape = slice(0, sizes.size)
    lower, upper = factor * ends
    kept = _select(lim, lambda values: values[shape])
    if isinstance(errors, ClassErrors):
        found = _select(errors, lambda values: values[shape])
    else:
        found = replace(kept, **{name: values[shape] for name, values in errors.items()})
    curve = LearningCurve(
        sizes,
        scale.accuracy(moved)[shape] if anchor else kept.accuracy,
        (scale.slope(moved) * error)[shape],
        scale.accuracy(lower - _QUANTILE * error)[shape],
        scale.accuracy(upper + _QUANTILE * error)[shape],
        extrapolated[shape],
        scale.accuracy(lower)[shape],
        scale.accuracy(upper)[shape],
        penalty[shape],
        kept,
        found,
        anchor is not None,
    )
    return curve, None if changes is None else changes[:, shape]


def _errors(
    base: Spectrum,
    image: Spectrum,
    clf: Classifier,
    lim: Limit,
    ratio: Array,
    projector: Projector,
    extrapolated: Array,
) -> tuple[dict[str, Array], Array]:
    """Of two classes: the standard error of each field, and the covariance of the probits."""
    estimate, count = base.estimate, ratio.size
    assert isinstance(estimate, Estimate)
    errors = {name: np.zeros(np.shape(getattr(lim, name))) for name in numeric_fields(lim)}
    covariance = np.zeros((count, count))
    if projector.is_identity:
        found = sensitivity(image, clf, lim, ratio)
        errors = found.errors(estimate)
        covariance = estimate.functional_covariance(
            found.kappa, found.first["probit"], found.second["probit"]
        )
    if extrapolated.any() or not projector.is_identity:
        drawn, spread = redrawn_errors(base, clf, ratio, projector)
        own = np.sqrt(np.diag(covariance))
        other = extrapolated | (not projector.is_identity)
        stretch = np.where(other & (own > 0), np.maximum(spread / np.where(own > 0, own, 1), 1), 1)
        covariance = covariance * np.outer(stretch, stretch)
        silent = other & (own == 0)
        covariance[np.diag_indices(count)] += np.where(silent, spread**2, 0.0)
        errors = {
            name: np.where(other, np.maximum(values, drawn[name]), values)
            for name, values in errors.items()
        }
    return errors, covariance


def _bracket(
    base: Spectrum,
    clf: Classifier,
    ratio: Array,
    projector: Projector,
    score: Array,
    extrapolated: Array,
) -> Array:
    """The lowest and the highest probit of three continuations, where the data say nothing."""
    estimate, scale = base.estimate, ScoreScale(base.classes)
    assert estimate is not None
    found = [score]
    for lowest in _BRACKET:
        other = Spectrum.of_estimate(estimate.extended(lowest))
        # the shares of the classes may be others than those of the sample
        own = {"balance": base.balance} if base.is_classic else {"priors": base.priors}
        other = replace(other, **own)
        found.append(scale.of_limit(limit(other, clf, ratio, projector)))
    ends = np.stack([np.min(found, axis=0), np.max(found, axis=0)])
    return np.where(extrapolated, ends, score)


def _anchored(
    scale: ScoreScale, score: Array, covariance: Array, anchor: tuple[float, float], estimate: Any
) -> tuple[Array, Array]:
    """The factor z_cv/z, and the covariance of the moved probits; the last point is the anchor's.

    The cross-validated accuracy has the binomial error of its n test labels.
    """
    accuracy, _ = anchor
    goal = float(scale.score(np.array(accuracy)))
    here = score[-1]
    if not 0 < here < np.inf or not goal > 0:
        chance = f"{scale.chance:.4g}"
        raise ValueError(
            f"cross_validated must be above {chance}, and the predicted accuracy at its size "
            f"between {chance} and 1, to be an anchor, got {accuracy:g} and "
            f"{float(scale.accuracy(here)):g}"
        )
    factor = goal / here
    own = accuracy * (1 - accuracy) / estimate.samples / float(scale.slope(np.array(goal))) ** 2
    # z' z_cv/z: derivatives in z', in z at the anchor, and in z_cv
    slope = factor * np.eye(score.size)
    slope[:, -1] -= factor * score / here
    direct = score / here
    return np.full(score.size, factor), slope @ covariance @ slope.T + own * np.outer(
        direct, direct
    )


def _select(outcome: Any, part: Callable[[Any], Any]) -> Any:
    """A part of each array of a limit, of its law, or of standard errors."""
    arrays = {}
    for field in dataclasses.fields(outcome):
        values = getattr(outcome, field.name)
        if isinstance(values, ScoreLaw):
            arrays[field.name] = _select(values, part)
        elif field.name not in ("labels", "answers") and np.ndim(values):  # not of the classes
            arrays[field.name] = part(values)
    return replace(outcome, **arrays)


def _scalar(curve: LearningCurve) -> LearningCurve:
    """A curve of one point as scalars."""

    def first(values: Any) -> Any:
        if isinstance(values, StatusArray):
            return values[0]
        if isinstance(values, np.ndarray):
            return values[0].item() if values.ndim == 1 else values[0]
        return values

    parts = {f.name: getattr(curve, f.name) for f in dataclasses.fields(curve)}
    for name in ("limit", "errors"):
        parts[name] = _select(parts[name], first)
    return LearningCurve(**{name: first(value) for name, value in parts.items()})
