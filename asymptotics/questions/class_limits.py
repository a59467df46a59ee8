"""The limit on several classes, on clusters, and with a covariance for each class."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy

from ..checks import Array
from ..classifiers import Classifier
from ..classifiers.base import no_such_limit
from ..equations.class_prior import ClassPrior, class_prior
from ..equations.prior import ACCEPTED_RESIDUAL
from ..intake import shown
from ..metrics.orthant import alike, by_class, confusion, symmetric_accuracy
from ..metrics.score_law import ScoreLaw
from ..outcomes import ClassLimit, ConvergenceError, NoLimitError, Status, StatusArray
from .resolution import left_open, unresolved

__all__ = ["class_limit"]

# Numbers of a slab of Gram matrices held in memory at once.
_SLAB = 2**22
# Above so many classes those that are all alike are told from others, for the sake of speed.
_ORTHANTS = 3


class _Part(NamedTuple):
    """The fields of a ClassLimit of a slab."""

    accuracy: Array
    error: Array
    log_error: Array
    mean: Array
    variance: Array
    intercept: Array
    susceptibility: Array
    train_accuracy: Array
    train_loss: Array
    residual: Array
    accuracy_error: Array
    means: Array  # of the scores, (B, C, R)
    covariances: Array  # (B, C, R, R)
    priors: Array
    confusion: Array


def class_limit(spectrum: Any, clf: Classifier, gamma: Array, throw: bool) -> ClassLimit:
    """What :func:`limit` returns where the population is not that of two classes ±μ."""
    penalty = np.asarray(clf.penalty_values, dtype=float)
    try:
        shape = np.broadcast_shapes(spectrum.batch_shape, gamma.shape, penalty.shape)
    except ValueError:
        raise ValueError(
            "mix, projector, penalty and aspect_ratio must broadcast together, got shapes "
            f"{spectrum.batch_shape} (mix and projector), {penalty.shape} and {gamma.shape}"
        ) from None
    count = int(np.prod(shape))
    whole = _prior(clf, spectrum, gamma, penalty, slice(0, 1))
    _check_penalty(clf, whole, penalty)
    size = 1
    if not hasattr(spectrum, "covariances"):
        size = max(1, _SLAB // int(np.prod(spectrum.grams.shape[-3:])))
    parts = []
    if not count:
        none = _solve(clf, whole.stand_in())
        parts.append(_Part(*(values[:0] for values in none)))
    for start in range(0, count, size):
        prior = _prior(clf, spectrum, gamma, penalty, slice(start, min(start + size, count)))
        with np.errstate(all="ignore"):
            parts.append(_solve(clf, prior))
    joined = _Part(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    converged = joined.residual <= ACCEPTED_RESIDUAL
    unknown = np.zeros(count, dtype=bool)
    if spectrum.ends is not None:
        low, high = (class_limit(end, clf, gamma, throw=False) for end in spectrum.ends)
        unknown = left_open(low, high, shape)
        converged &= ~unknown
    codes = np.where(converged, Status.CONVERGED.code, Status.NOT_CONVERGED.code)
    result = _shaped(joined, converged, codes.astype(np.uint8), whole, shape, spectrum)
    if throw and unknown.any():
        raise unresolved(clf, result, unknown)
    if throw and not converged.all():
        failed = np.flatnonzero(~converged)
        share = f" ({failed.size} of {count} elements failed)" if count > 1 else ""
        raise ConvergenceError(
            f"the fixed point for {shown(clf)} at aspect_ratio "
            f"{np.broadcast_to(gamma, shape).ravel()[failed[0]]:.6g} was not found to a relative "
            f"residual of {ACCEPTED_RESIDUAL:g}{share}; throw=False returns the others",
            result,
        )
    return result


def _prior(clf: Classifier, spectrum: Any, gamma: Array, penalty: Array, index: slice) -> Any:
    """The flat batch, as a classifier takes it: with one score the classes are its two sides."""
    prior = class_prior(spectrum, gamma, penalty, index)
    if prior.answers is None or clf.scores_classes:
        return prior
    if prior.answers.max() > 1:
        raise no_such_limit(clf, prior)
    return prior._replace(labels=2.0 * prior.answers - 1.0, answers=None)


def _check_penalty(clf: Classifier, prior: ClassPrior, penalty: Array) -> None:
    """A penalty of 0 is for two classes of one covariance, where its existence is known."""
    if np.any(penalty == 0):
        raise NoLimitError(
            f"penalty must be positive on {prior.priors.shape[1]} classes or clusters, where the "
            f"threshold of a penalty of 0 is not known, got 0 for {shown(clf)}"
        )


def _solve(clf: Classifier, prior: ClassPrior) -> _Part:
    answers, count = prior.answers, prior.priors.shape[1]
    if answers is None:
        state = clf.solve_classes(prior)
    else:
        count = int(answers.max()) + 1
        state = clf.solve_answers(prior, answers, count)
    scores = state.mean.shape[1]
    means = np.swapaxes(state.mean, -1, -2) + state.intercept[:, None]
    covariances = state.variance
    batch = len(means)
    if scores == 1:
        labels = np.array([-1.0, 1.0]) if prior.labels is None else prior.labels
        law = ScoreLaw(means, covariances, prior.priors, labels)
        margin = labels * law.locations / law.deviations
        accuracy = (prior.priors * scipy.special.ndtr(margin)).sum(-1)
        error = (prior.priors * scipy.special.ndtr(-margin)).sum(-1)
        log_error = scipy.special.logsumexp(
            scipy.special.log_ndtr(-margin), axis=-1, b=prior.priors
        )
        tables, accuracy_error = np.zeros((batch, 0, 0)), np.zeros(batch)
    elif scores == count:
        tables, accuracy_error = np.full((batch, count, count), np.nan), np.full(batch, np.nan)
        for i in np.flatnonzero(state.residual <= ACCEPTED_RESIDUAL):
            spread = state.variance[i, 0] if prior.kinds == 1 else state.variance[i]
            tables[i], accuracy_error[i] = _table(means[i], spread, prior.priors[i], answers)
        shares = prior.priors
        if answers is not None:
            shares = shares @ np.equal.outer(answers, np.arange(count))
        accuracy = (shares * np.diagonal(tables, axis1=-2, axis2=-1)).sum(-1)
        error = 1.0 - accuracy
        log_error = np.log(error)
    else:
        raise no_such_limit(clf, prior)
    if answers is None:
        train_accuracy = clf.train_classes(prior, state)
    else:
        train_accuracy = clf.train_answers(prior, answers, count, state)
    return _Part(
        accuracy,
        error,
        log_error,
        state.mean,
        state.variance,
        state.intercept,
        state.susceptibility,
        train_accuracy,
        state.loss,
        state.residual,
        accuracy_error + state.accuracy_error,
        means,
        covariances,
        prior.priors,
        tables,
    )


def _table(
    means: Array, spread: Array, priors: Array, answers: Array | None
) -> tuple[Array, float]:
    """The confusion matrix; classes that are all alike have one integral for it."""
    if answers is not None:
        rows, error = confusion(means, spread, priors, answers)
        return by_class(rows, priors, answers), error
    count = len(means)
    if count > _ORTHANTS and spread.ndim == 2 and alike(means) and alike(spread):
        ratio = (means[0, 0] - means[0, 1]) / np.sqrt(spread[0, 0] - spread[0, 1])
        right = float(symmetric_accuracy(ratio, count))
        table = np.full((count, count), (1.0 - right) / (count - 1.0))
        np.fill_diagonal(table, right)
        return table, 0.0
    return confusion(means, spread, priors)


def _shaped(
    part: _Part,
    converged: Array,
    codes: Array,
    prior: ClassPrior,
    shape: tuple[int, ...],
    spectrum: Any,
) -> ClassLimit:
    """The fields in the shapes that a ClassLimit promises, NaN where nothing was found."""
    scores = part.mean.shape[1]
    symmetric = scores == 1 and getattr(spectrum, "priors", "given") is None
    mean, variance, v = part.mean, part.variance, part.susceptibility
    if scores == 1:
        mean, variance = mean[:, 0], variance[:, :, 0, 0]
        if symmetric:  # of means ∓μ
            mean = mean[:, 1]
        intercept = part.intercept[:, 0]
    else:
        intercept = part.intercept
        if v.ndim == 2:
            v = v[:, :, None, None] * np.eye(scores)
    if prior.kinds == 1:
        variance, v = variance[:, 0], v[:, 0]

    def placed(values: Array) -> Any:
        tail = values.shape[1:]
        kept = converged.reshape(-1, *(1 for _ in tail))
        found = np.where(kept, values, np.nan).reshape(shape + tail)
        if found.ndim == 0:
            return float(found)
        found.flags.writeable = False
        return found

    status = StatusArray.from_codes(codes).reshape(shape) if shape else None
    labels = prior.labels
    if scores == 1 and labels is None:
        labels = np.array([-1.0, 1.0])
    law = ScoreLaw(
        placed(part.means),
        placed(part.covariances),
        placed(part.priors),
        labels if scores == 1 else None,
        None if scores == 1 else placed(part.confusion),
        prior.answers,
    )
    return ClassLimit(
        accuracy=placed(part.accuracy),
        error=placed(part.error),
        log_error=placed(part.log_error),
        mean=placed(mean),
        variance=placed(variance),
        intercept=placed(intercept),
        susceptibility=placed(v),
        train_accuracy=placed(part.train_accuracy),
        train_loss=placed(part.train_loss),
        residual=placed(part.residual),
        status=StatusArray.from_codes(codes)[0] if status is None else status,
        law=law,
        numerical_error=placed(part.accuracy_error),
    )
