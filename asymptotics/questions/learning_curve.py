"""Accuracy against the number of labels, with the error that an estimated spectrum leaves."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy

from ..checks import POSITIVE, PROBABILITY, Array, check_flag, check_real, check_single
from ..classifiers import Classifier
from ..estimation.class_estimate import ClassEstimate
from ..estimation.estimate import Estimate
from ..intake import shown
from ..outcomes import Limit, StatusArray
from ..populations.gaussian import GaussianMixture
from ..populations.spectrum import Spectrum
from ..projectors import Projector, check_projector
from .anchor import TRAINED
from .best_penalty import best_penalties, check_penalised
from .estimation_error import kappa_read, probit, reads_at_kappa, redrawn_errors, sensitivity
from .limits import check_classifier, limit

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
        95 % interval, by the delta method on the probit scale; around the bracket, if there is one.
    extrapolated : bool or array of bool
        Whether the accuracy depends on a part of the spectrum of which the data say nothing.
    bracket_low, bracket_high : float or array
        Where it does, how far the accuracy moves if the smallest eigenvalue lies just below what
        is seen, or a hundred times lower; elsewhere the accuracy.
    penalty : float or array
        Of the classifier; NaN without one.
    limit : Limit
        The limits, for whatever else they hold. Not anchored.
    errors : Limit
        Their standard errors, field by field; `residual` and `status` are those of the limits.
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
    errors: Limit
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
    if isinstance(source, Spectrum) and isinstance(source.estimate, ClassEstimate):
        raise ValueError(
            f"source must be of two classes to say how surely a curve is known, got {shown(source)}"
            "; limit takes what was estimated of more"
        )
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
    method's on the probit scale, from the covariance of what was read off the data. It holds the
    error of the estimate alone: not that of the Gaussian model, which on real features is of the
    order of one point of accuracy, and which `cross_validated` removes for the larger part.

    Parameters
    ----------
    source : Spectrum or GaussianMixture
        Of :meth:`Spectrum.from_data`; or a mixture, which is taken as known.
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
        the probit scale, :math:`z(n')\,z_{cv}/z(0.8\,n)`.
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
    source, clf = check_source(source), check_classifier(clf)
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
    if per_class:  # equal shares in the training set; the accuracy is then that of either class
        base = _balanced(base)
    total = np.atleast_1d(sizes * (2.0 if per_class else 1.0))
    flat = _curve(base, clf, total, p, projector, anchor, best_penalty)
    flat = replace(flat, samples=np.atleast_1d(sizes))
    return flat if sizes.ndim else _scalar(flat)


def _balanced(spectrum: Spectrum) -> Spectrum:
    made = Spectrum(spectrum.eigenvalues, spectrum.weights, spectrum.energies, 0.5)
    object.__setattr__(made, "estimate", spectrum.estimate)
    return made


def _curve(
    base: Spectrum,
    clf: Classifier,
    sizes: Array,
    p: int,
    projector: Projector,
    anchor: tuple[float, float] | None,
    tuned: bool,
) -> LearningCurve:
    estimate = base.estimate
    assert estimate is None or isinstance(estimate, Estimate)  # checked by check_source
    # the size of the anchor is one more point, at the end
    points = sizes if anchor is None else np.append(sizes, anchor[1])
    ratio = p / points
    image = base.spectrum(projector)
    if tuned:
        check_penalised(clf)
        clf = replace(clf, penalty=best_penalties(image, clf, ratio))  # type: ignore[type-var]
    lim = limit(image, clf, ratio)
    score = probit(lim)
    count = points.size
    penalty = np.broadcast_to(np.asarray(getattr(clf, "penalty", np.nan), dtype=float), (count,))
    errors = {
        field.name: np.zeros(np.shape(getattr(lim, field.name)))
        for field in dataclasses.fields(lim)
        if field.name not in ("residual", "status")
    }
    covariance = np.zeros((count, count))
    extrapolated = np.zeros(count, dtype=bool)
    ends = np.stack([score, score])
    if estimate is not None:
        known = reads_at_kappa(projector)
        read_at = kappa_read(image, clf, lim, ratio) if known else np.zeros(count)
        extrapolated = estimate.extrapolates(read_at) if known else np.ones(count, dtype=bool)
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
            stretch = np.where(
                other & (own > 0), np.maximum(spread / np.where(own > 0, own, 1), 1), 1
            )
            covariance = covariance * np.outer(stretch, stretch)
            silent = other & (own == 0)
            covariance[np.diag_indices(count)] += np.where(silent, spread**2, 0.0)
            errors = {
                name: np.where(other, np.maximum(values, drawn[name]), values)
                for name, values in errors.items()
            }
        if extrapolated.any() and not estimate.sample.covers:
            ends = _bracket(base, clf, ratio, projector, score, extrapolated)
    scale, noise = np.ones(count), covariance
    if anchor is not None:
        scale, noise = _anchored(score, covariance, anchor, estimate)
    error = np.sqrt(np.diag(noise))
    moved = scale * score
    shape = slice(0, sizes.size)

    def accuracy_of(values: Array) -> Array:
        return np.asarray(scipy.special.ndtr(values)[shape])

    density = np.exp(-0.5 * moved**2) / np.sqrt(2 * np.pi)
    lower, upper = scale * ends
    fields = {f.name: getattr(lim, f.name) for f in dataclasses.fields(lim)}
    return LearningCurve(
        sizes,
        accuracy_of(moved) if anchor else lim.accuracy[shape],
        (density * error)[shape],
        accuracy_of(lower - _QUANTILE * error),
        accuracy_of(upper + _QUANTILE * error),
        extrapolated[shape],
        accuracy_of(lower),
        accuracy_of(upper),
        penalty[shape],
        Limit(**{name: values[shape] for name, values in fields.items()}),
        Limit(**{name: values[shape] for name, values in (fields | errors).items()}),
        anchor is not None,
    )


def _bracket(
    base: Spectrum,
    clf: Classifier,
    ratio: Array,
    projector: Projector,
    score: Array,
    extrapolated: Array,
) -> Array:
    """The lowest and the highest probit of three continuations, where the data say nothing."""
    assert isinstance(base.estimate, Estimate)
    found = [score]
    for lowest in _BRACKET:
        other = base.estimate.extended(lowest)
        spectrum = Spectrum(other.eigenvalues, other.weights, other.energies, base.balance)
        found.append(probit(limit(spectrum, clf, ratio, projector)))
    ends = np.stack([np.min(found, axis=0), np.max(found, axis=0)])
    return np.where(extrapolated, ends, score)


def _anchored(
    score: Array, covariance: Array, anchor: tuple[float, float], estimate: Any
) -> tuple[Array, Array]:
    """The factor z_cv/z, and the covariance of the moved probits; the last point is the anchor's.

    The cross-validated accuracy has the binomial error of its n test labels.
    """
    accuracy, _ = anchor
    goal = float(scipy.special.ndtri(accuracy))
    here = score[-1]
    if not 0 < here < np.inf or not goal > 0:
        raise ValueError(
            "cross_validated must be above 0.5, and the predicted accuracy at its size between 0.5 "
            f"and 1, to be an anchor, got {accuracy:g} and {scipy.special.ndtr(here):g}"
        )
    factor = goal / here
    own = accuracy * (1 - accuracy) / estimate.samples / (np.exp(-(goal**2)) / (2 * np.pi))
    # z' z_cv/z: derivatives in z', in z at the anchor, and in z_cv
    slope = factor * np.eye(score.size)
    slope[:, -1] -= factor * score / here
    direct = score / here
    return np.full(score.size, factor), slope @ covariance @ slope.T + own * np.outer(
        direct, direct
    )


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
        lim = parts[name]
        parts[name] = Limit(
            **{f.name: first(getattr(lim, f.name)) for f in dataclasses.fields(lim)}
        )
    return LearningCurve(**{name: first(value) for name, value in parts.items()})
