r"""What a negative sees: Gaussian means of the log-partition function of a two-class mixture.

With η = ½ log(π/(1 - π)) the negatives of an anchor contribute log cosh(x + η) - log cosh η, where
x = y m + √v g with g standard normal and P(y = 1) = π. All that the loss and its derivatives need
are the means, over g and y, of derivatives of log cosh.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
import scipy

from ..checks import Array
from .gaussian import legendre, normal_density

__all__ = ["Channel", "Force", "channel", "force", "mean_log_partition"]

# Where the normal density has fallen below 1e-16 of its peak.
_REACH = 8.6
# e^-41 is 1e-18: the trapezoid rule with step h errs by exp(-2π²/h²) for the Gaussian, and by
# exp(y²/2 - 2πy/h) for poles of tanh at distance y = π/(2√v).
_DIGITS = 41.0
_WIDEST_STEP = 2.0 * np.pi / np.sqrt(2.0 * _DIGITS)
# Deviations from which tanh is the narrow one: sign(x), and a correction next to x = 0.
_WIDE = 1.5
# The correction falls like exp(-2t). Legendre nodes on [0, 20]: its poles are at ±iπ/2, and 64
# nodes leave 1e-16.
_T, _T_WEIGHTS = (20.0 * array for array in legendre(64))
# Numbers held at once.
_SLAB = 2**21


# So many means for laws N(centre, deviation²), of wide ones or of narrow ones.
Kernel: TypeAlias = Callable[[Array, Array, bool, int], Array]


class Force(NamedTuple):
    """What the gradient needs, each of shape (B,); ψ = log cosh(x + η)."""

    deficit: Array  # 1 - E[y ψ']
    second: Array  # E ψ''


class Channel(NamedTuple):
    """What the Hessian needs as well."""

    deficit: Array
    second: Array
    third: Array  # E[y ψ''']
    fourth: Array  # E ψ''''


def force(mean: Array, variance: Array, balance: Array) -> Force:
    """The means of the first two derivatives of ψ for flat arrays of m, v and π."""
    out = np.empty((2, mean.size))
    for rows in _slabs(mean.size):
        out[:, rows] = _both_labels(_derivatives, mean[rows], variance[rows], balance[rows], 2)
    return Force(*out)


def channel(mean: Array, variance: Array, balance: Array) -> Channel:
    """The means of the first four."""
    out = np.empty((4, mean.size))
    for rows in _slabs(mean.size):
        out[:, rows] = _both_labels(_derivatives, mean[rows], variance[rows], balance[rows], 4)
    return Channel(*out)


def mean_log_partition(mean: Array, variance: Array, balance: Array) -> Array:
    """E log(π e^x + (1 - π) e^-x) for flat arrays of m, v and π."""
    out = np.empty(mean.size)
    for rows in _slabs(mean.size):
        out[rows] = _both_labels(_log_cosh, mean[rows], variance[rows], balance[rows], 1)[0]
    # log cosh η = -log(2 √(π(1 - π)))
    total: Array = out + np.log(2.0) + 0.5 * (np.log(balance) + np.log1p(-balance))
    return total


def _slabs(count: int) -> list[slice]:
    rows = _SLAB // 128
    return [slice(start, start + rows) for start in range(0, count, rows)]


def _both_labels(kernel: Kernel, mean: Array, variance: Array, balance: Array, count: int) -> Array:
    """Average over the label. That of y = -1 is that of y = +1 with -η: tanh is odd."""
    deviation = np.sqrt(variance)
    tilt = 0.5 * (np.log(balance) - np.log1p(-balance))
    wide = deviation > _WIDE
    out = np.empty((count, mean.size))
    for part, is_wide in ((wide, True), (~wide, False)):
        if not part.any():
            continue
        m, d, eta, share = mean[part], deviation[part], tilt[part], balance[part]
        found = kernel(m + eta, d, is_wide, count)
        if np.any(eta != 0.0):
            found = share * found + (1.0 - share) * kernel(m - eta, d, is_wide, count)
        out[:, part] = found
    return out


def _rule(deviation: Array) -> tuple[Array, Array]:
    """Trapezoid nodes and weights for the widest law of a batch."""
    pole = min(0.5 * np.pi / max(float(deviation.max()), 1e-300), 2.0 * np.pi / _WIDEST_STEP)
    step = min(2.0 * np.pi * pole / (_DIGITS + 0.5 * pole**2), _WIDEST_STEP)
    count = int(np.ceil(_REACH / step))
    nodes = step * np.arange(-count, count + 1)
    return nodes, step * normal_density(nodes)


def _powers(deficit: Array, count: int) -> list[Array]:
    """1 - tanh, sech² and the next two derivatives, from the first of them."""
    second = deficit * (2.0 - deficit)
    if count == 2:
        return [deficit, second]
    return [deficit, second, -2.0 * (1.0 - deficit) * second, second * (4.0 - 6.0 * second)]


def _derivatives(centre: Array, deviation: Array, wide: bool, count: int) -> Array:
    """E of 1 - tanh x, sech² x and the next two derivatives, x ~ N(centre, deviation²)."""
    if not wide:
        nodes, weights = _rule(deviation)
        x = centre[:, None] + deviation[:, None] * nodes
        return np.stack([f @ weights for f in _powers(2.0 * scipy.special.expit(-2.0 * x), count)])
    near, far = _half_lines(centre, deviation)
    even, odd = near + far, near - far
    found = [
        (even if k % 2 else odd) @ (_T_WEIGHTS * f)
        for k, f in enumerate(_powers(2.0 * scipy.special.expit(-2.0 * _T), count))
    ]
    found[0] += 2.0 * scipy.special.ndtr(-centre / deviation)
    return np.stack(found)


def _half_lines(centre: Array, deviation: Array) -> tuple[Array, Array]:
    """The density of x at the nodes t and at -t."""
    near, far = (
        normal_density((sign * _T - centre[:, None]) / deviation[:, None]) / deviation[:, None]
        for sign in (1.0, -1.0)
    )
    return near, far


def _log_cosh(centre: Array, deviation: Array, wide: bool, count: int) -> Array:
    """E log cosh x, x ~ N(centre, deviation²)."""
    if not wide:
        nodes, weights = _rule(deviation)
        x = np.abs(centre[:, None] + deviation[:, None] * nodes)
        return np.asarray((x + np.log1p(np.exp(-2.0 * x)) - np.log(2.0)) @ weights)[None]
    near, far = _half_lines(centre, deviation)
    ratio = centre / deviation
    # E|x|, and what log(2 cosh x) exceeds it by
    length = deviation * (
        ratio * (1.0 - 2.0 * scipy.special.ndtr(-ratio)) + 2.0 * normal_density(ratio)
    )
    correction = (near + far) @ (_T_WEIGHTS * np.log1p(np.exp(-2.0 * _T)))
    return np.asarray(length + correction - np.log(2.0))[None]
