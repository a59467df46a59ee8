"""How many labels a probe needs for an accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from ..checks import PROBABILITY, Array, check_flag, check_single
from ..classifiers import Classifier
from ..populations.gaussian import GaussianMixture
from ..populations.spectrum import Spectrum
from ..projectors import Projector
from .learning_curve import check_source, learning_curve

__all__ = ["SamplesNeeded", "samples_needed"]

# Sizes to look at a decade, from 2 to so many times the number of features; fewer of several
# classes, of which each limit takes longer.
_POINTS_PER_DECADE = 8
_POINTS_OF_SEVERAL = 4
_FEWEST, _PER_FEATURE = 2.0, 1e4
# A crossing between two sizes is found to this share of the size.
_PRECISION = 1e-4


@dataclass(frozen=True)
class SamplesNeeded:
    """The smallest number of labels with which a probe is predicted to reach an accuracy.

    Attributes
    ----------
    samples : float
        A whole number, of each class with `per_class`; infinity if no number of labels up to
        10⁴ p is enough.
    low, high : float
        95 % interval: where the upper and the lower end of the learning curve's reach it.
    accuracy : float
        What was asked for.
    ceiling : float
        The largest predicted accuracy at any number of labels.
    extrapolated : bool
        Whether the accuracy at `samples` depends on what the data say nothing of.
    """

    samples: float
    low: float
    high: float
    accuracy: float
    ceiling: float
    extrapolated: bool


def samples_needed(
    source: Spectrum | GaussianMixture,
    clf: Classifier,
    accuracy: float,
    projector: Projector | None = None,
    cross_validated: Any = None,
    *,
    per_class: bool = False,
    best_penalty: bool = False,
) -> SamplesNeeded:
    """The number of labels with which a linear probe reaches an accuracy.

    Parameters
    ----------
    source, clf, projector, cross_validated, per_class, best_penalty
        As of :func:`learning_curve`.
    accuracy : float
        In (0, 1).

    Returns
    -------
    SamplesNeeded

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
    >>> found = asy.samples_needed(source, asy.Logistic(1.0), accuracy=0.9)
    >>> found.low < found.samples < found.high, found.samples < 1000
    (True, True)
    """
    source = check_source(source)
    wanted = check_single("accuracy", accuracy, PROBABILITY)
    per_class = check_flag("per_class", per_class)
    if isinstance(source, Spectrum):
        assert source.estimate is not None
        p = source.estimate.dimension
    else:
        p = source.dimension

    def curve(sizes: Array) -> Any:
        return learning_curve(
            source,
            clf,
            sizes,
            projector,
            cross_validated,
            per_class=per_class,
            best_penalty=best_penalty,
        )

    last = max(_PER_FEATURE * p, 10 * _FEWEST)
    several = source.spectrum().classes > 2
    points = _POINTS_OF_SEVERAL if several else _POINTS_PER_DECADE
    count = 1 + int(np.ceil(np.log10(last / _FEWEST) * points))
    sizes = np.geomspace(_FEWEST, last, count)
    coarse = curve(sizes)
    goal = float(scipy.special.ndtri(wanted))
    ends = []
    for values in (coarse.high, coarse.accuracy, coarse.low):
        ends.append(_first_crossing(sizes, scipy.special.ndtri(values), goal))
    low, middle, high = ends
    extrapolated = False
    if np.isfinite(middle) and middle > _FEWEST:
        middle = _refined(curve, sizes, middle, wanted)
    if np.isfinite(middle):
        extrapolated = bool(curve(np.array([middle])).extrapolated[0])
    middle, low, high = (float(np.ceil(end * (1 - _PRECISION))) for end in (middle, low, high))
    ceiling = float(coarse.accuracy.max())
    return SamplesNeeded(middle, low, high, wanted, ceiling, extrapolated)


def _first_crossing(sizes: Array, values: Array, goal: float) -> float:
    """Where a curve first reaches its goal, on straight lines in log size; infinity if nowhere."""
    reached = np.flatnonzero(values >= goal)
    if not reached.size:
        return float("inf")
    k = int(reached[0])
    if k == 0:
        return float(sizes[0])
    share = (goal - values[k - 1]) / (values[k] - values[k - 1])
    return float(sizes[k - 1] * (sizes[k] / sizes[k - 1]) ** share)


def _refined(curve: Any, sizes: Array, guess: float, wanted: float) -> float:
    """The crossing itself, in the interval of the sizes around a guess."""
    k = int(np.searchsorted(sizes, guess))

    def gap(logarithm: float) -> float:
        return float(curve(np.exp([logarithm])).accuracy[0]) - wanted

    left, right = np.log(sizes[k - 1]), np.log(sizes[k])
    if gap(left) >= 0:  # the grid's own point, but for rounding
        return float(sizes[k - 1])
    return float(np.exp(scipy.optimize.brentq(gap, left, right, xtol=0.1 * _PRECISION)))
