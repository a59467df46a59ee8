"""Gaussian integrals that keep their relative precision in the tails."""

from __future__ import annotations

from functools import lru_cache
from math import erfc, exp, sqrt
from typing import Any

import numpy as np
import scipy

from ..checks import Array

__all__ = [
    "half_moments",
    "half_moments_of",
    "hermite_grid",
    "interval_moments_of",
    "interval_rule",
    "legendre",
    "normal_density",
]

_INVERSE_ROOT_2PI = float(1.0 / np.sqrt(2.0 * np.pi))
_ROOT_HALF = sqrt(0.5)
# Below this point (x + g)_+ is computed from its integral: the textbook formulas
# xΦ(x) + φ(x), (1 + x²)Φ(x) + xφ(x) cancel there like x² and x⁴.
_TAIL = -0.5
# Steps of Newton's method towards a node, from a guess good to three digits.
_POLISH = 5


def legendre(count: int) -> tuple[Array, Array]:
    """Nodes and weights of Gauss and Legendre on [0, 1], to the last bit or two.

    Newton's method on the polynomial, in the longest floats there are: the weights near the ends
    that numpy.polynomial gives are off by 1e-12 at 48 nodes.
    """
    angle = np.pi * (4.0 * np.arange(count, 0, -1) - 1.0) / (4 * count + 2)
    z: Any = np.cos(angle).astype(np.longdouble)
    for _ in range(_POLISH):
        before, here = np.ones_like(z), z
        for k in range(1, count):
            before, here = here, ((2 * k + 1) * z * here - k * before) / (k + 1)
        inside = (1 - z) * (1 + z)
        slope = count * (before - z * here) / inside
        z, weights = z - here / slope, 1 / (inside * slope**2)
    return (0.5 * (1 + z)).astype(float), weights.astype(float)


# 48 nodes integrate a Gaussian over its whole width to 1e-15, 28 over half of it.
_LEGENDRE, _LEGENDRE_WEIGHTS = legendre(48)
_HALF, _HALF_WEIGHTS = legendre(28)
_HALF_POWERS = _HALF_WEIGHTS * np.stack([np.ones_like(_HALF), _HALF, _HALF**2])
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
        # φ(x) ∫ t exp(xt - t²/2) dt, as far as the exponent matters
        depth = -x[tail][..., None]
        reach = _NEGLIGIBLE / (depth + np.sqrt(depth * depth + _NEGLIGIBLE))
        t = reach * _HALF
        weights = np.exp(-t * (depth + 0.5 * t)) * _HALF_WEIGHTS
        front = density[tail] * reach[..., 0]
        zeroth[tail] = front * weights.sum(-1)
        weights *= t
        first[tail] = front * weights.sum(-1)
        second[tail] = front * (weights * t).sum(-1)
    return zeroth, first, second, density


def half_moments_of(x: float) -> tuple[float, float, float, float]:
    """The same for one float."""
    density = exp(-0.5 * x * x) * _INVERSE_ROOT_2PI
    if x >= _TAIL:
        zeroth = 0.5 * erfc(-x * _ROOT_HALF)
        first = x * zeroth + density
        return zeroth, first, zeroth + x * first, density
    reach = _NEGLIGIBLE / (-x + sqrt(x * x + _NEGLIGIBLE))
    t = reach * _HALF
    weights = np.exp(t * (x - 0.5 * t)) * _HALF_POWERS
    zeroth, first, second = (density * reach * weights.sum(-1)).tolist()
    return zeroth, reach * first, reach * reach * second, density


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


def interval_moments_of(high: float, width: float) -> list[list[float]]:
    """E[z^k (high - z)^l; high - width < z < high] for k, l = 0, 1, 2, by that rule for floats."""
    peak = min(max(0.0, high - width), high)
    reach = sqrt(peak * peak + _NEGLIGIBLE)
    start = max(high - reach, 0.0)
    length = min(width, high + reach) - start
    below = start + length * _LEGENDRE
    z = high - below
    left, right = np.empty((3, z.size)), np.empty((3, z.size))
    weights = np.exp(-0.5 * z * z, out=left[0])
    weights *= (length * _INVERSE_ROOT_2PI) * _LEGENDRE_WEIGHTS
    np.multiply(weights, z, out=left[1])
    np.multiply(left[1], z, out=left[2])
    right[0] = 1.0
    right[1] = below
    np.multiply(below, below, out=right[2])
    found: list[list[float]] = (left @ right.T).tolist()
    return found


@lru_cache(maxsize=64)
def hermite_grid(dimension: int, count: int) -> tuple[Array, Array]:
    """Nodes (dimension, N) and weights of sum 1 of Gauss and Hermite, `count` of them an axis."""
    x, w = np.polynomial.hermite_e.hermegauss(count)
    w = w / w.sum()
    grids = np.meshgrid(*[x] * dimension, indexing="ij")
    weights = np.ones(1)
    for _ in range(dimension):
        weights = (weights[:, None] * w).ravel()
    nodes = np.stack([g.ravel() for g in grids])
    kept = weights > 1e-19  # corners that carry nothing
    return nodes[:, kept], weights[kept] / weights[kept].sum()
