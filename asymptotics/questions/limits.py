"""The limiting accuracy of a classifier: limit() and what it returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..checks import POSITIVE, Array, check_flag, check_real
from ..classifiers import Classifier
from ..classifiers.base import FixedPointClassifier
from ..equations.fixed_point import coordinates
from ..equations.prior import ACCEPTED_ERROR, ACCEPTED_RESIDUAL, Problem, flat_problem
from ..intake import shown
from ..metrics.accuracy import mixture_law
from ..outcomes import ConvergenceError, Limit, NoLimitError, Status, StatusArray
from ..populations.base import Population, check_population
from ..populations.spectrum import Spectrum
from ..projectors import Projector, check_projector
from .class_limits import class_limit
from .coarse_to_fine import spline_starts
from .images import image_of_classes
from .resolution import left_open, unresolved

__all__ = ["check_classifier", "limit", "project"]

# Atoms held in memory at once: a longer batch is solved in slabs.
_SLAB = 2**17
# Cover's threshold: above it even labels without any signal can be separated.
_ALWAYS_SEPARABLE = 0.5


def check_classifier(clf: Any, *, several: bool = False) -> Classifier:
    """Refuse anything but a classifier, and, unless told otherwise, one with class weights."""
    if not isinstance(clf, Classifier):
        raise TypeError(f"clf must be a classifier such as Logistic(0.1), got {shown(clf)}")
    if not several and clf.wants_classes:
        raise ValueError(
            "clf must have one score of two classes, and no class_weight or label noise, here "
            f"(limit and simulate take them), got {shown(clf)}"
        )
    return clf


def project(mix: Population, projector: Projector) -> Spectrum:
    """The spectrum of a population behind a projector, if their parameters broadcast."""
    try:
        np.broadcast_shapes(mix.batch_shape, projector.batch_shape)
    except ValueError:
        raise ValueError(
            "mix and projector must broadcast together, got shapes "
            f"{mix.batch_shape} and {projector.batch_shape}"
        ) from None
    if projector.batch_shape and not mix.is_classic:
        return image_of_classes(mix, projector)
    return mix.spectrum(projector)


def _existence(clf: Classifier, problem: Problem) -> tuple[Array, Array]:
    """Each element's status before it is solved, as codes, and its threshold if one was needed."""
    count = len(problem.balance)
    status = np.full(count, Status.CONVERGED.code, dtype=np.uint8)
    threshold = np.full(count, np.nan)
    affected = np.flatnonzero((problem.penalty == 0) | clf.needs_separable)
    if affected.size:
        part = problem.take(affected)
        rank = part.weights.sum(-1)
        if clf.needs_separable and np.all(part.aspect_ratio * rank > _ALWAYS_SEPARABLE):
            return status, threshold
        threshold[affected] = clf.critical_aspect_ratio(part) / rank
        above = part.aspect_ratio > threshold[affected]
        if clf.needs_separable:
            status[affected[~above]] = Status.NOT_SEPARABLE.code
        else:
            at_or_above = part.aspect_ratio >= threshold[affected]
            status[affected[at_or_above]] = clf.no_limit_status.code
    return status, threshold


def limit(
    mix: Population,
    clf: Classifier,
    aspect_ratio: Any,
    projector: Projector | None = None,
    *,
    throw: bool = True,
) -> Limit:
    r"""The accuracy of a linear classifier on a projected mixture, as n, p → ∞ with p/n → γ.

    .. math::
        \text{accuracy} = \pi\,\Phi\big((m + b)/\sqrt q\big)
            + (1 - \pi)\,\Phi\big((m - b)/\sqrt q\big)

    with m, q, b the fixed point of Loureiro et al. (2021), arXiv:2106.03791, for the objective
    :math:`\frac1n \sum_i \ell(y_i(\langle w, z_i\rangle + b)) + \frac\lambda2 |w|^2`.
    ``error`` is 1 - accuracy to its own precision, ``log_error`` its natural logarithm: for strong
    signals the accuracy is 1 and the error 0 in double precision, and the logarithm is neither.
    Numeric parameters of all arguments broadcast together.

    Parameters
    ----------
    mix : SpikedMixture, GaussianMixture, ClassMixture, GaussianClasses or Spectrum
        The law of the representation.
    clf : classifier
        :class:`Ridge`, :class:`Softmax`, :class:`Logistic`, :class:`SVM`, :class:`SquaredHinge`,
        :class:`MaxMargin`, :class:`MinNorm`, :class:`Centroid` or :class:`Bayes`.
    aspect_ratio : float or array_like
        γ = p/n > 0.
    projector : projector, optional
        Applied to the representation before training; :class:`Identity` by default.
    throw : bool, default True
        Raise if any element has no limit or is not found; otherwise those elements are NaN and
        ``status`` says why.

    Returns
    -------
    Limit
        A :class:`~results.ClassLimit` on K classes, on clusters, with a covariance for each class,
        and with class weights.

    Raises
    ------
    TypeError, ValueError
        For invalid input.
    NoLimitError
        If the limit does not exist: maximum margin on data that are not separable, a penalty of 0
        on data that are.
    ConvergenceError
        If the fixed point was not found to a relative residual of 1e-9 and, by the rounding that
        the inverse Jacobian magnifies near a threshold, to an estimated error of 1e-6 of the order
        parameters; or if the answer depends on a variance that the rounding of a covariance hides.

    Examples
    --------
    >>> import numpy as np, asymptotics as asy
    >>> mix = asy.SpikedMixture(signal=1.5)
    >>> lim = asy.limit(mix, asy.Logistic(0.1), aspect_ratio=0.5, projector=asy.Expansion(3.0))
    >>> round(lim.accuracy, 6)
    0.92396
    >>> gains = np.array([0.3, 1.0, 3.0])
    >>> asy.limit(mix, asy.Ridge(0.1), 0.5, asy.Expansion(gains)).accuracy.round(4)
    array([0.7808, 0.8606, 0.8661])
    >>> strong = asy.limit(asy.SpikedMixture(signal=60.0), asy.Ridge(0.1), 0.5)
    >>> strong.accuracy, strong.error, round(strong.log_error, 2)
    (1.0, 0.0, -1151.82)
    """
    mix, clf = check_population(mix, several=True), check_classifier(clf, several=True)
    projector = check_projector(projector)
    gamma = np.asarray(check_real("aspect_ratio", aspect_ratio, POSITIVE))
    throw = check_flag("throw", throw)
    spectrum = project(mix, projector)
    if not spectrum.is_classic or clf.wants_classes:
        return class_limit(spectrum, clf, gamma, throw)
    penalty = np.asarray(clf.penalty_values, dtype=float)
    try:
        shape = np.broadcast_shapes(spectrum.batch_shape, gamma.shape, penalty.shape)
    except ValueError:
        raise ValueError(
            "mix, projector, penalty and aspect_ratio must broadcast together, got shapes "
            f"{spectrum.batch_shape} (mix and projector), {penalty.shape} and {gamma.shape}"
        ) from None
    count = int(np.prod(shape))

    def problem(index: Any) -> Problem:
        return flat_problem(spectrum, gamma, penalty, clf.fit_intercept, index)

    starts = _starts(clf, problem, shape) if isinstance(clf, FixedPointClassifier) else None
    slab = max(1, _SLAB // spectrum.eigenvalues.shape[-1])
    parts = []
    for start in range(0, max(count, 1), slab):
        index = slice(start, min(start + slab, count))
        part = problem(index)
        if starts is not None:
            part = part._replace(start=starts[index])
        parts.append(_solve(clf, part))
    fields = [np.concatenate(column) for column in zip(*parts, strict=True)]
    threshold = fields.pop()
    status = StatusArray.from_codes(fields.pop())

    def shaped(values: Any) -> Any:
        if not shape:
            return values[0] if values is status else float(values[0])
        values = values.reshape(shape)
        if isinstance(values, np.ndarray):
            values.flags.writeable = False
        return values

    unknown = None
    if spectrum.ends is not None:
        low, high = (limit(end, clf, gamma, throw=False) for end in spectrum.ends)
        unknown = left_open(low, high, shape)
        codes = np.where(unknown, Status.NOT_CONVERGED.code, status.codes)
        status = StatusArray.from_codes(codes.astype(np.uint8))
        fields = [np.where(unknown, np.nan, values) for values in fields]
    if not shape:  # without the cost of an array
        pi = float(spectrum.balance) if status.codes[0] == Status.CONVERGED.code else np.nan
        single: list[Any] = [*(float(values[0]) for values in fields), status[0], pi]
        result = Limit(*single)
    else:
        balance = np.where(
            np.isnan(fields[0]), np.nan, np.broadcast_to(spectrum.balance, shape).ravel()
        )
        result = Limit(*(shaped(values) for values in (*fields, status, balance)))
    if throw:
        if unknown is not None and np.any(unknown):
            raise unresolved(clf, result, unknown)
        _raise_failures(clf, result, status, np.broadcast_to(gamma, shape).ravel(), threshold)
    return result


def _starts(
    clf: FixedPointClassifier, problem: Callable[[Any], Problem], shape: tuple[int, ...]
) -> Array | None:
    """Coordinates close to the solutions of a grid, see coarse_to_fine.py."""

    def solve(index: Array) -> Array:
        part = problem(index)
        x = np.full((index.size, 4), np.nan)
        exists = np.flatnonzero(_existence(clf, part)[0] == Status.CONVERGED.code)
        if exists.size:
            part = part.take(exists)
            with np.errstate(all="ignore"):
                state = clf.solve(part)
            order = state.mean, state.variance, state.susceptibility, state.intercept
            found = coordinates(part, *order, clf)
            x[exists] = np.where(state.converged[:, None], found, np.nan)
        return x

    return spline_starts(solve, shape)


def _solve(clf: Classifier, problem: Problem) -> list[Array]:
    """The fields of a Limit, flat, with the status as codes, and the thresholds."""
    status, threshold = _existence(clf, problem)
    exists = np.flatnonzero(status == Status.CONVERGED.code)
    count = len(status)
    values = np.full((10, count), np.nan)
    if exists.size:
        whole = exists.size == count
        part = problem if whole else problem.take(exists)
        with np.errstate(all="ignore"):
            state = clf.solve(part)
            deviation = np.sqrt(state.variance)
            training = clf.training(part, state)
            found = [
                *mixture_law(state.mean, deviation, state.intercept, part.balance),
                state.mean,
                state.variance,
                state.intercept,
                state.susceptibility,
                *training,
                state.residual,
            ]
        values[:, exists] = np.where(state.converged, found, np.nan)
        status[exists[~state.converged]] = Status.NOT_CONVERGED.code
    return [*values, status, threshold]


def _raise_failures(
    clf: Classifier, result: Limit, status: StatusArray, gamma: Array, threshold: Array
) -> None:
    failed = np.flatnonzero(status != Status.CONVERGED)
    if not failed.size:
        return
    missing = [k for k in failed if status[k] != Status.NOT_CONVERGED]
    share = f" ({failed.size} of {status.size} elements failed)" if status.size > 1 else ""
    if missing:
        k = missing[0]
        side = "above" if clf.needs_separable else "below"
        raise NoLimitError(
            f"aspect_ratio must be {side} the threshold {threshold[k]:.6g} for {shown(clf)} "
            f"to have a limit, got {gamma[k]:.6g}: {status[k]}{share}",
            result,
        )
    raise ConvergenceError(
        f"the fixed point for {shown(clf)} at aspect_ratio {gamma[failed[0]]:.6g} was not found to "
        f"a relative residual of {ACCEPTED_RESIDUAL:g} and an estimated error of "
        f"{ACCEPTED_ERROR:g}{share}; throw=False returns the others",
        result,
    )
