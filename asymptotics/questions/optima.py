"""The best penalty and the best gain: maxima of the limiting accuracy between bounds.

They are minima of the logarithm of the error, which near certainty keeps the digits that accuracies
have lost, and does not underflow where the error does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy

from ..checks import POSITIVE, Parametrised, check_bounds, check_single
from ..classifiers import Classifier
from ..outcomes import Limit, Status
from ..populations.base import Population, check_population
from ..populations.spiked import SpikedMixture
from ..projectors import Expansion, Projector, check_projector
from .gradients import Gradient, gradient
from .limits import check_classifier, limit

__all__ = ["Optimum", "optimal_gain", "optimal_penalty"]

# A logarithmic grid fine enough to find the basin of the global maximum: 12 points a decade.
_POINTS_PER_DECADE = 12
# Of the logarithm, at which its derivative is called zero.
_TOLERANCE = 1e-12
# Changes of the log error below this share of 1 + |log error| are rounding.
_ROUNDING = 1e-12
# The smallest error that gradients, divided by it, keep their digits beside.
_SMALLEST_ERROR = 1e-280
# Central differences of the sixth order in the logarithm of the value: truncation and rounding are
# of one size at this step.
_STEP = 0.02
_PLACES = np.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])
_WEIGHTS = np.array([-1.0, 9.0, -45.0, 45.0, -9.0, 1.0]) / (60.0 * _STEP)


@dataclass(frozen=True)
class Optimum:
    """A maximum of the limiting accuracy.

    Attributes
    ----------
    value : float
        Where it is.
    accuracy : float
        How high.
    error, log_error : float
        1 - accuracy to its own precision, and its natural logarithm.
    slope : float
        d accuracy/d log value there: 0 up to rounding inside the bounds.
    status : Status
        "interior", "at lower bound", "at upper bound", or "flat" where nothing but rounding of the
        log error distinguishes the value from others.
    """

    value: float
    accuracy: float
    error: float
    log_error: float
    slope: float
    status: Status


def _maximise(
    at: Callable[[Any], Limit],
    exact: Callable[[float], Any] | None,
    low: float,
    high: float,
) -> Optimum:
    """The least log error on a grid, then the zero of its slope (in the logarithm) beside it.

    `exact` is the slope of the accuracy; without it that of the log error is taken by differences.
    """

    def gain(value: float) -> float:
        """The slope of -log error."""
        if exact is not None:
            error = at(value).error
            if error > _SMALLEST_ERROR:
                return float(exact(value) / error)
        around = np.exp(np.log(value) + _STEP * _PLACES)
        return -float(_WEIGHTS @ at(around).log_error)

    left, right = np.log(low), np.log(high)
    count = max(3, 1 + int(np.ceil((right - left) / np.log(10.0) * _POINTS_PER_DECADE)))
    grid = np.linspace(left, right, count)
    values = np.exp(grid)
    values[[0, -1]] = low, high
    found = at(values).log_error
    best = int(np.argmin(found))
    before, after = max(best - 1, 0), min(best + 1, count - 1)
    at_a, at_b = gain(float(values[before])), gain(float(values[after]))
    rounding = _ROUNDING * (1.0 + abs(found[best]))
    # an error of 0, known for certain, is the same everywhere it occurs
    spread = np.ptp(found) if np.isfinite(found).all() else np.inf
    if np.isneginf(found[best]) or (
        spread <= rounding and not max(abs(at_a), abs(at_b)) > rounding
    ):
        value, status = float(values[best]), Status.FLAT
    elif best == 0 and at_a <= 0:
        value, status = low, Status.AT_LOWER_BOUND
    elif best == count - 1 and at_b >= 0:
        value, status = high, Status.AT_UPPER_BOUND
    elif at_a > 0 > at_b:
        root = scipy.optimize.brentq(
            lambda t: gain(float(np.exp(t))),
            grid[before],
            grid[after],
            xtol=_TOLERANCE,
            rtol=_TOLERANCE,
        )
        value, status = float(np.exp(root)), Status.INTERIOR
    else:
        # no slope that is not rounding: the grid point is as good as any
        value, status = float(values[best]), Status.FLAT
    here = at(value)
    slope = gain(value) * here.error
    return Optimum(value, here.accuracy, here.error, here.log_error, slope, status)


def _check_singles(**arguments: Any) -> None:
    """Refuse arrays of parameters by name: an optimum is one number."""
    for name, argument in arguments.items():
        if isinstance(argument, Parametrised):
            for parameter, interval in argument.parameters.items():
                check_single(f"{name}.{parameter}", getattr(argument, parameter), interval)
        shape = argument.batch_shape
        if shape:
            raise ValueError(
                f"{name} must hold single numbers, got parameters of shape {shape}: {argument!r}"
            )


def _has_gradient(mix: Population, projector: Projector) -> bool:
    """Whether gradients.py knows the derivatives."""
    if not isinstance(mix, SpikedMixture) or not mix.signal > 0:
        return False
    return projector.is_identity or (isinstance(projector, Expansion) and projector.gain > 0)


def _slope_by(name: str, value: float, found: Gradient) -> float:
    return float(value * getattr(found, name))


def optimal_penalty(
    mix: Population,
    clf: Classifier,
    aspect_ratio: float,
    projector: Projector | None = None,
    *,
    bounds: tuple[float, float] = (1e-6, 1e6),
) -> Optimum:
    """The penalty with the largest limiting accuracy.

    Parameters
    ----------
    mix : SpikedMixture, GaussianMixture or Spectrum
        With single numbers for parameters, as all others here.
    clf : Ridge, Logistic, SVM or SquaredHinge
        Its own penalty is ignored.
    aspect_ratio : float
    projector : projector, optional
        Any of the package's.
    bounds : pair of float, default (1e-6, 1e6)
        Where to look.

    Returns
    -------
    Optimum

    Raises
    ------
    TypeError, ValueError
        For invalid input, arrays of parameters among it, or a classifier without a penalty.
    NoLimitError, ConvergenceError
        As :func:`limit`, anywhere between the bounds.

    Examples
    --------
    The best ridge limit on an isotropic mixture is Φ(s/√(1 + γ/s²)), at a diverging penalty:

    >>> import asymptotics as asy
    >>> best = asy.optimal_penalty(asy.SpikedMixture(1.5), asy.Ridge(1.0), aspect_ratio=0.5)
    >>> best.status, round(best.accuracy, 6)
    ('at upper bound', 0.912578)
    """
    mix, clf, projector = check_population(mix), check_classifier(clf), check_projector(projector)
    if not hasattr(clf, "penalty"):
        raise TypeError(f"clf must have a penalty, got {clf!r}")
    gamma = check_single("aspect_ratio", aspect_ratio, POSITIVE)
    _check_singles(mix=mix, projector=projector)
    low, high = check_bounds(bounds)

    def at(value: Any) -> Any:
        return replace(clf, penalty=value)  # type: ignore[type-var]

    def slope(value: float) -> float:
        return _slope_by("penalty", value, gradient(mix, at(value), gamma, projector))

    return _maximise(
        lambda value: limit(mix, at(value), gamma, projector),
        slope if _has_gradient(mix, projector) else None,
        low,
        high,
    )


def optimal_gain(
    mix: Population,
    clf: Classifier,
    aspect_ratio: float,
    projector: Expansion,
    *,
    bounds: tuple[float, float] = (1e-3, 1e3),
) -> Optimum:
    """The gain of an expansion with the largest limiting accuracy.

    Along the signal it is the upper bound; along a misaligned direction it may be interior.

    Parameters
    ----------
    mix : SpikedMixture, GaussianMixture or Spectrum
        With single numbers for parameters, as all others here.
    clf : classifier
        Any of the package's.
    aspect_ratio : float
    projector : Expansion
        Its direction; its own gain is ignored.
    bounds : pair of float, default (1e-3, 1e3)
        Where to look.

    Returns
    -------
    Optimum

    Raises
    ------
    TypeError, ValueError
        For invalid input, arrays of parameters among it.
    NoLimitError, ConvergenceError
        As :func:`limit`, anywhere between the bounds.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix = asy.SpikedMixture(1.5)
    >>> best = asy.optimal_gain(mix, asy.Ridge(1.0), 2.0, asy.Expansion(1.0, alignment=0.3))
    >>> best.status, round(best.value, 3)
    ('interior', 1.822)
    """
    mix, clf = check_population(mix), check_classifier(clf)
    if not isinstance(projector, Expansion):
        raise TypeError(f"projector must be an Expansion, got {projector!r}")
    gamma = check_single("aspect_ratio", aspect_ratio, POSITIVE)
    direction = replace(projector, gain=1.0)
    _check_singles(mix=mix, clf=clf, projector=direction)
    low, high = check_bounds(bounds)

    def at(value: Any) -> Expansion:
        return replace(projector, gain=value)

    def slope(value: float) -> float:
        return _slope_by("gain", value, gradient(mix, clf, gamma, at(value)))

    return _maximise(
        lambda value: limit(mix, clf, gamma, at(value)),
        slope if _has_gradient(mix, direction) else None,
        low,
        high,
    )
