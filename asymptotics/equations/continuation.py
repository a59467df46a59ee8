"""Continuation: follow the solution from a problem that every loss finds easy."""

from __future__ import annotations

import numpy as np
from scipy.optimize import elementwise

from ..checks import Array
from .channel import Channel
from .first_guess import first_guess
from .newton import Found, newton
from .prior import ACCEPTED_RESIDUAL, Problem
from .system import intercept_of, to_coordinates

__all__ = ["continue_from_afar"]

# Continuation: shares of the path from the easy problem to the one in hand.
_FIRST_STRIDE = 0.1
_SHORTEST_STRIDE = 1e-4
_MAX_STRIDES = 200
# Deviations beyond which there is nothing of a Gaussian law.
_BEYOND = 40.0
# A logarithm of a ratio of doubles is smaller.
_FAR = 1e4


def _balance_classes(problem: Problem, x: Array, channel: Channel) -> Array:
    """Replace the intercepts by roots of the class equation, at fixed m, q, V."""
    unit_mean, q, v = np.exp(x[:, :3]).T
    m, deviation = problem.signal * unit_mean, np.sqrt(q)
    if channel.kinked:  # by the place of the kink among the larger class
        side = np.where(problem.balance > 0.5, -1.0, 1.0)
        middle = 2.0 * (1.0 - m) / deviation
        low = np.full_like(m, -_BEYOND)
        high = np.maximum(middle, 0.0) + v / deviation + _BEYOND
    else:
        side, middle = np.ones_like(m), m
        # Outside this bracket one class lies beyond the reach of the loss, or of the other class.
        reach = (
            2.0 + 2.0 * np.abs(intercept_of(problem, x, channel)[0]) + m + v + _BEYOND * deviation
        )
        low, high = -reach, reach

    def gap(there: Array, middle: Array, deviation: Array, v: Array, odds: Array) -> Array:
        """What falls towards the upper end: the force of one class against that of the other."""
        places = (middle - there, there) if channel.kinked else (middle + there, middle - there)
        one, other = (channel.moments(place, deviation, v).f for place in places)
        left = np.log(one) - np.log(other) + odds
        # infinite where a class is beyond the reach of the loss: of which the sign is enough
        return np.asarray(np.nan_to_num(left, nan=-_FAR, posinf=_FAR, neginf=-_FAR))

    odds = side * np.log(problem.balance / (1.0 - problem.balance))
    parts = middle, deviation, v, odds
    root = elementwise.find_root(gap, (low, high), args=parts)
    end = np.where(gap(high, *parts) > 0, high, low)
    balanced = np.where(np.isfinite(root.x), root.x, end)
    found = x.copy()
    found[:, 3] = np.where(problem.free_intercept, balanced, 0.0)
    return found if channel.kinked else to_coordinates(problem, found, channel)


def continue_from_afar(problem: Problem, channel: Channel) -> Found:
    """Follow the solution from an easy problem to this one, by a secant predictor and Newton.

    The easy problem has a strong penalty, which makes every loss linear; for a hard margin, whose
    penalty means nothing, it has many more dimensions than samples.
    """
    if channel.hard:
        start = problem._replace(aspect_ratio=10.0 * np.maximum(problem.aspect_ratio, 1.0))
    else:
        size = (problem.weights * problem.bulk).sum(-1)
        start = problem._replace(penalty=np.maximum(10.0 * problem.penalty, 10.0 * size))
    # An end at penalty 0 is infinitely far on a logarithmic path: come close, then step over.
    end = np.maximum(problem.penalty, 1e-6 * (problem.weights * problem.bulk).sum(-1))
    end = np.where(problem.penalty > 0, problem.penalty, end)

    def at(t: Array, index: Array) -> Problem:
        part, first = problem.take(index), start.take(index)
        penalty = first.penalty ** (1.0 - t) * end[index] ** t
        return part._replace(
            aspect_ratio=first.aspect_ratio ** (1.0 - t) * part.aspect_ratio**t,
            penalty=np.where(t == 1.0, part.penalty, penalty),
        )

    count = len(problem.balance)
    t, before = np.zeros(count), np.full(count, -1.0)
    everything = np.arange(count)
    easy = at(t, everything)
    guess = _balance_classes(easy, first_guess(easy, channel), channel)
    result = newton(easy, guess, channel)
    x, previous = result.x.copy(), result.x.copy()
    alive = result.residual <= ACCEPTED_RESIDUAL
    result.residual[:] = np.inf
    stride = np.full(count, _FIRST_STRIDE)
    for _ in range(_MAX_STRIDES):
        index = np.flatnonzero(alive)
        if not index.size:
            break
        ahead = np.minimum(t[index] + stride[index], 1.0)
        ahead = np.where(ahead > 1.0 - 1e-6, 1.0, ahead)
        ratio = (ahead - t[index]) / (t[index] - before[index])
        guess = x[index] + ratio[:, None] * (x[index] - previous[index])
        found = newton(at(ahead, index), guess, channel)
        good = found.residual <= ACCEPTED_RESIDUAL
        moved = index[good]
        previous[moved], before[moved] = x[moved], t[moved]
        x[moved], t[moved] = found.x[good], ahead[good]
        stride[index] *= np.where(good, 2.0, 0.3)
        there = good & (ahead == 1.0)
        for whole, part in zip(result, found, strict=True):
            whole[index[there]] = part[there]
        alive[index[there]] = False
        alive &= stride > _SHORTEST_STRIDE
    return result
