"""The best penalty and the best gain: maxima of the limiting accuracy between bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy

from ..checks import check_bounds
from ..classifiers import Classifier
from ..outcomes import Status
from ..populations.spiked import SpikedMixture
from ..projectors import Expansion, Projector
from .gradients import gradient
from .limits import check_classifier, limit

__all__ = ["Optimum", "optimal_gain", "optimal_penalty"]

# A logarithmic grid fine enough to find the basin of the global maximum: 12 points a decade.
_POINTS_PER_DECADE = 12
# Of the logarithm, at which its derivative is called zero.
_TOLERANCE = 1e-12
# Changes of the accuracy below this share of the error are rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Optimum:
    """A maximum of the limiting accuracy.

    Attributes
    ----------
    value : float
        Where it is.
    accuracy : float
        How high.
    slope : float
        d accuracy/d log value there: 0 up to rounding inside the bounds.
    status : Status
        "interior", "at lower bound", "at upper bound", or "flat" where nothing but rounding
        distinguishes the value from others.
    """

    value: float
    accuracy: float
    slope: float
    status: Status


def _maximise(
    accuracy: Callable[[Any], Any], slope: Callable[[float], float], low: float, high: float
) -> Optimum:
    """The largest value on a grid, then the zero of the slope (in the logarithm) beside it."""
    left, right = np.log(low), np.log(high)
    count = max(3, 1 + int(np.ceil((right - left) / np.log(10.0) * _POINTS_PER_DECADE)))
    grid = np.linspace(left, right, count)
    found = accuracy(np.exp(grid))
    best = int(np.argmax(found))
    a, b = grid[max(best - 1, 0)], grid[min(best + 1, count - 1)]
    at_a, at_b = slope(float(np.exp(a))), slope(float(np.exp(b)))
    rounding = _ROUNDING * (1.0 - found[best])
    if np.ptp(found) <= rounding and max(abs(at_a), abs(at_b)) <= rounding:
        value, status = float(np.exp(grid[best])), Status.FLAT
    elif best == 0 and at_a <= 0:
        value, status = low, Status.AT_LOWER_BOUND
    elif best == count - 1 and at_b >= 0:
        value, status = high, Status.AT_UPPER_BOUND
    elif at_a > 0 > at_b:
        root = scipy.optimize.brentq(
            lambda t: slope(float(np.exp(t))), a, b, xtol=_TOLERANCE, rtol=_TOLERANCE
        )
        value, status = float(np.exp(root)), Status.INTERIOR
    else:
        # no slope that is not rounding: the grid point is as good as any
        value, status = float(np.exp(grid[best])), Status.FLAT
    return Optimum(value, float(accuracy(value)), slope(value), status)


def optimal_penalty(
    mix: SpikedMixture,
    clf: Classifier,
    aspect_ratio: float,
    projector: Projector | None = None,
    *,
    bounds: tuple[float, float] = (1e-6, 1e6),
) -> Optimum:
    """The penalty with the largest limiting accuracy.

    Parameters
    ----------
    mix : SpikedMixture
        With scalar parameters, as all others here.
    clf : Ridge, Logistic, SVM or SquaredHinge
        Its own penalty is ignored.
    aspect_ratio : float
    projector : Identity or Expansion, optional
    bounds : pair of float, default (1e-6, 1e6)
        Where to look.

    Returns
    -------
    Optimum

    Raises
    ------
    TypeError, ValueError
        For invalid input, or a classifier without a penalty.

    Examples
    --------
    The best ridge limit on an isotropic mixture is Φ(s/√(1 + γ/s²)), at a diverging penalty:

    >>> import asymptotics as asy
    >>> best = asy.optimal_penalty(asy.SpikedMixture(1.5), asy.Ridge(1.0), aspect_ratio=0.5)
    >>> best.status, round(best.accuracy, 6)
    ('at upper bound', 0.912578)
    """
    clf = check_classifier(clf)
    if not hasattr(clf, "penalty"):
        raise TypeError(f"clf must have a penalty, got {clf!r}")
    low, high = check_bounds(bounds)

    def at(value: Any) -> Any:
        return replace(clf, penalty=value)  # type: ignore[type-var]

    return _maximise(
        lambda value: limit(mix, at(value), aspect_ratio, projector).accuracy,
        lambda value: value * gradient(mix, at(value), aspect_ratio, projector).penalty,
        low,
        high,
    )


def optimal_gain(
    mix: SpikedMixture,
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
    mix : SpikedMixture
        With scalar parameters, as all others here.
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
        For invalid input.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix = asy.SpikedMixture(1.5)
    >>> best = asy.optimal_gain(mix, asy.Ridge(1.0), 2.0, asy.Expansion(1.0, alignment=0.3))
    >>> best.status, round(best.value, 3)
    ('interior', 1.822)
    """
    if not isinstance(projector, Expansion):
        raise TypeError(f"projector must be an Expansion, got {projector!r}")
    low, high = check_bounds(bounds)

    def at(value: Any) -> Expansion:
        return replace(projector, gain=value)

    return _maximise(
        lambda value: limit(mix, clf, aspect_ratio, at(value)).accuracy,
        lambda value: value * gradient(mix, clf, aspect_ratio, at(value)).gain,
        low,
        high,
    )
