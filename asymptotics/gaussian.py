"""Gaussian integrals that keep their relative precision in the tails."""

from __future__ import annotations

import numpy as np
import scipy

from .parameters import Array

__all__ = ["half_moments", "interval_rule", "mixture_accuracy", "mixture_error", "normal_density"]

_INVERSE_ROOT_2PI = 1.0 / np.sqrt(2.0 * np.pi)

# Below this point (x + g)_+ is computed from its tail integral: the textbook formulas
# xΦ(x) + φ(x), (1 + x²)Φ(x) + xφ(x) cancel there like x² and x⁴.
_TAIL = -2.5
# exp(-u²/2x²) at Laguerre nodes is smooth for |x| ≥ 2.5: 32 nodes reach 1e-15.
_LAGUERRE, _LAGUERRE_WEIGHTS = np.polynomial.laguerre.laggauss(32)
# Legendre nodes on [0, 1]: 48 integrate a Gaussian over its whole width to 1e-15.
_LEGENDRE, _LEGENDRE_WEIGHTS = np.polynomial.legendre.leggauss(48)
_LEGENDRE, _LEGENDRE_WEIGHTS = 0.5 * (_LEGENDRE + 1.0), 0.5 * _LEGENDRE_WEIGHTS
# Twice the exponent at which a Gaussian weight has fallen below the rounding error: e^(-42).
_NEGLIGIBLE = 84.0


def normal_density(x: Array) -> Array:
    """Density φ(x) of the standard normal law, elementwise."""
    density: Array = np.exp(-0.5 * np.square(x)) * _INVERSE_ROOT_2PI
    return density


def half_moments(x: Array) -> tuple[Array, Array, Array, Array]:
    """P(g < x), E (x - g)₊, E (x - g)₊² and φ(x), for standard normal g and any array x.

    Each keeps its full relative precision for x → -∞, down to the underflow of φ(x).
    """
    density = normal_density(x)
    zeroth = scipy.special.ndtr(x)
    first = x * zeroth + density
    second = zeroth + x * first
    tail = x < _TAIL
    if np.any(tail):
        depth = -x[tail]
        u = _LAGUERRE / depth[..., None]
        weights = np.exp(-0.5 * u * u) * _LAGUERRE_WEIGHTS * u
        front = density[tail] / depth
        first[tail] = front * weights.sum(-1)
        second[tail] = front * (weights * u).sum(-1)
    return zeroth, first, second, density


def interval_rule(high: Array, width: Array) -> tuple[Array, Array]:
    """Nodes and weights (with the normal density) of a quadrature on [high - width, high].

    Parameters
    ----------
    high, width : array, shape (...)
        Upper end and length, which is non-negative.

    Returns
    -------
    below, weights : array, shape (..., 48)
        Nodes z = high - below; Σ weights · g(z) is E[g(Z); high - width < Z < high], without
        cancellation, for intervals that are narrow, wide, or far in a tail. The stretches that
        carry less than a rounding error of the weight are left out.
    """
    low = high - width
    peak = np.minimum(np.maximum(0.0, low), high)
    reach = np.sqrt(peak * peak + _NEGLIGIBLE)
    start = np.maximum(high - reach, 0.0)[..., None]
    length = np.minimum(width, high + reach)[..., None] - start
    below = start + length * _LEGENDRE
    weights = length * _LEGENDRE_WEIGHTS * normal_density(high[..., None] - below)
    return below, weights


def mixture_accuracy(mean: Array, deviation: Array, intercept: Array, balance: Array) -> Array:
    """π Φ((m + b)/√q) + (1 - π) Φ((m - b)/√q), elementwise."""
    return mixture_error(-mean, deviation, -intercept, balance)


def mixture_error(mean: Array, deviation: Array, intercept: Array, balance: Array) -> Array:
    """π Φ(-(m + b)/√q) + (1 - π) Φ(-(m - b)/√q), to full relative precision."""
    plus, minus = (
        # a score that is always 0 is a coin toss
        np.where((margin == 0) & (deviation == 0), 0.5, scipy.special.ndtr(-margin / deviation))
        for margin in (mean + intercept, mean - intercept)
    )
    error: Array = balance * plus + (1.0 - balance) * minus
    return error
