"""The logistic loss on a lattice: what averages over x = prox(ω) need of it, tabulated once.

In the integral of logistic.py over x a uniform lattice converges geometrically too, where the law
is not much wider or narrower than the loss bends. Then no node is ever made: of a table over all x
a window is taken, and the averages are products of the Gaussian weights with its columns.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, log, log1p, sqrt

import numpy as np
from scipy.special import wrightomega

from ..checks import Array

__all__ = ["Window", "window"]

# The first step of the series h, h/√2, h/2, …: a share of π, the distance of the poles of ℓ'.
_STEP = 0.5
_HALF_OCTAVE = sqrt(0.5)
_LEVELS = 12
# As far as the tables go, in x and in rows to either side; and the most that is taken of one.
_REACH = 400.0
_ROWS = 8000
_MOST = 700
# Where the standard normal density has fallen below 1e-16 of its peak.
_TAILS = 8.5
_FARTHEST = 30.0
# Largest ω in deviations: beyond, its rounding would show in the weights.
_ROUNDING = 400.0
# Steps of Newton's method towards the ends of a window, which need no digits.
_END_STEPS = 2
_ROOT_2PI = sqrt(2.0 * np.pi)


@lru_cache(maxsize=24)
def _table(level: int) -> tuple[float, int, Array, Array, Array]:
    """Step, index of x = 0, x, f = -ℓ'(x), and the columns f, f², ℓ'', fℓ'', f²ℓ'', ℓ, ℓℓ''."""
    step = _STEP * 0.5 ** (0.5 * level)
    half = min(int(_REACH / step), _ROWS)
    x = step * np.arange(-half, half + 1)
    decay = np.exp(-np.abs(x))
    f = np.where(x > 0, decay, 1.0) / (1.0 + decay)
    curvature = decay / (1.0 + decay) ** 2
    loss = np.maximum(-x, 0.0) + np.log1p(decay)
    columns = (f, f * f, curvature, f * curvature, f * f * curvature, loss, loss * curvature)
    return step, half, x, f, np.stack(columns, axis=1)


class Window:
    """A stretch of the lattice that holds some laws N(mean, q) behind one V."""

    __slots__ = ("columns", "f", "step", "x")

    def __init__(self, level: int, low: float, high: float) -> None:
        self.step, zero, x, f, columns = _table(level)
        cut = slice(zero + int(low / self.step) - 1, zero + int(high / self.step) + 2)
        self.x, self.f, self.columns = x[cut], f[cut], columns[cut]

    def sums(self, mean: float, deviation: float, v: float) -> list[list[float]]:
        """Σ φ(z) z^k (columns) dx/√q for k = 0, 1, 2, with z = (x - V f - mean)/√q."""
        z = (self.x - v * self.f - mean) * (1.0 / deviation)
        powers = np.empty((3, z.size))
        weight = np.exp(-0.5 * z * z, out=powers[0])
        weight *= self.step / (deviation * _ROOT_2PI)
        np.multiply(weight, z, out=powers[1])
        np.multiply(powers[1], z, out=powers[2])
        found: list[list[float]] = (powers @ self.columns).tolist()
        return found


def _prox(omega: float, v: float) -> float:
    """A root x of x - V σ(-x) = ω to a few digits, as logistic_prox: ends need no more."""
    positive = omega > -0.5 * v
    target = omega if positive else -omega - v
    x = max(target + float(wrightomega(log(v) - target)), 0.0)
    for _ in range(_END_STEPS):
        decay = exp(-x)
        s = decay / (1.0 + decay)
        x = max(x - (x - target - v * s) / (1.0 + v * s * (1.0 - s)), 0.0)
    return x if positive else -x


def window(means: tuple[float, ...], deviation: float, v: float, fine: bool) -> Window | None:
    """A window for laws of one deviation and V; None where a graded rule has to take over.

    The coarse step leaves an error of about 1e-7, the fine one, half of it, the square of that.
    """
    branch = log1p(v)
    turn = branch - v / (2.0 + v)
    lowest, highest = min(means), max(means)
    # f and f² fall like e^{-x}, e^{-2x}, and move their mass; ℓ'' rises like e^x below x = 0
    tilt = min(2.0 * deviation, max(0.0, (highest - turn) / deviation), _FARTHEST)
    lift = min(deviation, max(0.0, (-0.5 * v - lowest) / deviation), _FARTHEST)
    bottom, top = lowest - (_TAILS + tilt) * deviation, highest + (_TAILS + lift) * deviation
    if not max(-bottom, top, v) < _ROUNDING * deviation:
        return None
    low, high = _prox(bottom, v), _prox(top, v)
    # where the loss bends most the law is this wide in x
    decay = exp(-max(low, -high, 0.0))
    narrow = deviation / (1.0 + v * decay / (1.0 + decay) ** 2)
    step, level = _STEP, 0
    while step > narrow and level < _LEVELS:
        step, level = step * _HALF_OCTAVE, level + 1
    reach = min(_REACH, _ROWS * step * 0.5) - 2.0
    if step > narrow or max(-low, high) > reach or high - low > _MOST * step:
        return None
    return Window(level + 2 if fine else level, low - step, high + step)
