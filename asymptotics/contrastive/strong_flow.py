r"""Gradient flow of the loss on the sphere with a strong signal, from T = I.

The cosine does not see the length of T, so that Ṫ = -∂L/∂T keeps |T|_F² = p. For isotropic noise T
has two gains, and with b their squared ratio the flow is one equation,

    d log b/dt = (4s²/(τ p C)) (1 - u)² [1 - ρ - G(u/τ)],    u = b s²/(b(s² + C) + (p - 1)C).

Its time is p times that of the temperature. It ends at the optimum, exponentially; in a collapse
log b grows linearly, and it falls for ever where the signal is given up.
"""

from __future__ import annotations

import numpy as np

from ..checks import Array
from .relaxation import march
from .strong_signal import Sphere, critical_argument, slope

__all__ = ["squared_gain_at"]

# Longest step in log b, and in the logarithm of what is left of the way.
_STRIDE = 1.0
# |log b| beyond which b is no float: it is infinite, or 0.
_FAR = 745.0
# |log b| from which on the rate is at its end, to rounding.
_HELD = 300.0
# The end counts as reached when so little of log b is left.
_REACHED = 1e-16
# Arguments of the tanh nearer than this are subtracted by a formula.
_NEAR = 0.5


def squared_gain_at(sphere: Sphere, temperature: Array, time: Array) -> Array:
    """b after finite times in (0, inf), relative to the bulk, for isotropic noise.

    Raises
    ------
    ConvergenceError
        If the flow was not followed to its end.
    """
    s2, total = sphere.square, sphere.total
    top = sphere.collapsed
    odds = (sphere.dimension - 1.0) * total / (s2 + total)
    end = critical_argument(sphere)
    share = temperature * end
    inside, lost = (share > 0) & (share < top), share <= 0
    final = np.zeros(s2.shape)
    final[inside] = np.log(odds[inside] * share[inside]) - np.log(top[inside] - share[inside])

    def log_gain(rows: Array, xi: Array) -> Array:
        """log b, of shape (B', J)."""
        way = -final[rows, None] * np.expm1(-xi)
        return np.where(inside[rows, None], way, np.where(lost[rows, None], -xi, xi))

    def rate(rows: Array, xi: Array) -> Array:
        log_b = log_gain(rows, xi)
        fading = odds[rows, None] * np.exp(-np.clip(log_b, -_HELD, _HELD))
        rest = (total / (s2 + total))[rows, None]
        away = (rest + fading) / (1.0 + fading)  # 1 - u
        x = top[rows, None] / (1.0 + fading) / temperature[rows, None]
        balance = sphere.balance[rows, None]
        force = sphere.lost[rows, None] - slope(x, balance)
        # towards the end: both the force and the way left vanish there
        left = final[rows, None] * np.exp(-xi)
        gap = end[rows, None] - x
        narrow = inside[rows, None] & (np.abs(gap) < _NEAR)
        across = _slope_between(end[rows, None], x, balance)
        stretch = np.where(left == 0, 1.0, np.expm1(left) / np.where(left == 0, 1.0, left))
        per_log = fading * np.exp(-left) * stretch / (1.0 + fading * np.exp(-left))
        near = across * x * per_log
        far = np.divide(force, left, out=np.zeros(left.shape), where=left != 0)
        relative = np.where(narrow, near, np.where(inside[rows, None], far, np.abs(force)))
        found: Array = away**2 * relative
        return found

    def stride(rows: Array, xi: Array) -> Array:
        with np.errstate(divide="ignore", over="ignore"):
            own = _STRIDE * np.exp(xi) / np.abs(final[rows])
        return np.where(inside[rows], np.minimum(own, _STRIDE), _STRIDE)

    theta = 4.0 * s2 * time / (temperature * sphere.dimension * total)
    with np.errstate(divide="ignore"):
        enough = np.where(inside, np.log(np.abs(final) / _REACHED), _FAR)
    xi = march(rate, theta, stride, np.maximum(enough, 0.0))
    with np.errstate(over="ignore"):
        found: Array = np.exp(log_gain(np.arange(xi.size), xi[:, None])[:, 0])
    return found


def _slope_between(one: Array, other: Array, balance: Array) -> Array:
    """[G(x) - G(x')]/(x - x'), by tanh a - tanh b = sinh(a - b)/(cosh a cosh b)."""
    tilt = 0.5 * (np.log(balance) - np.log1p(-balance))
    gap = np.where(np.abs(one - other) < _NEAR, one - other, 0.0)
    ratio = np.where(gap == 0, 1.0, np.sinh(gap) / np.where(gap == 0, 1.0, gap))
    found: Array = np.zeros(ratio.shape)
    for shift, weight in ((tilt, balance), (-tilt, 1.0 - balance)):
        found = found + weight * _sech(one + shift) * _sech(other + shift)
    return found * ratio


def _sech(x: Array) -> Array:
    decay = np.exp(-np.abs(x))
    found: Array = 2.0 * decay / (1.0 + decay**2)
    return found
