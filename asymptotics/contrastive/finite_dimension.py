r"""InfoNCE on the unit sphere at finite dimension, by quadrature: how far the limits are off.

For isotropic noise and T = diag(√b, 1, …, 1) a view has the coordinate x = ys + √C g along the
signal and a bulk √C ζ in m = p - 1 dimensions. With t = x/|√C ζ| its embedding is v along the
signal and w in the bulk, v² = bt²/(1 + bt²) = 1 - w²; two of them have the cosine vv' + ww'c.

The bulk of a negative is uniform on its sphere: E e^{ac} = 0F1(m/2; a²/4) = F(a) with

    F'/F(a) = I_{m/2}(a)/I_{m/2-1}(a) = 1/(m/a + 1/((m + 2)/a + …)),

so that the partition function needs the law of t alone. Two views of a pair are independent given
their point, whose place along the signal and length of bulk are all that matters; of z in the bulk
its mean is along that of the point. As dv/d log b = ½vw² and dw/d log b = -½v²w, the slope of the
loss in log b is made of the same means, and its root is the minimum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy
from numpy.polynomial import chebyshev

from ..checks import Array
from ..outcomes import ConvergenceError
from .strong_signal import Sphere

__all__ = ["finite_gain"]

# Steps of the trapezoid rule along the signal, in standard deviations, and numbers of nodes for the
# lengths and components of the bulk, at one accuracy after another.
_LEVELS = ((0.5, 6), (0.35, 8), (0.25, 11), (0.15, 14), (0.08, 14))
# Steps in units of a Gaussian's deviation that resolve it.
_RESOLVED = 0.9
# Dimensions of the bulk below which their numbers grow, and by which factor at most.
_LONG, _MOST = 40.0, 2.5
# Nodes for the length of the bulk in the law of t alone.
_LENGTHS = 40
# Where a Gaussian has fallen to nothing; for negatives, whose tails low temperatures weigh, beyond.
_REACH, _FAR_REACH = 8.5, 8.0
# Largest change of log b from one to the next that is accepted.
_SETTLED = 1e-6
# log b is looked for within these distances of the logarithm of p; beyond it is ±∞.
_LOWEST, _HIGHEST = -40.0, 20.0
# Where the limit has no finite value the search begins at this log b - log p.
_START = 1.0
# Coefficients of the ratio of Bessel functions, relative to the first, that are left out.
_TAIL = 1e-14
_DEGREES = (32, 64, 128, 256, 512, 1024)
# Terms of the continued fraction beyond the argument.
_TERMS = 60


class _Law(NamedTuple):
    """One setting: s, C, the correlation ρ of two views, p, π, τ."""

    signal: float
    total: float
    shared: float
    dimension: int
    balance: float
    temperature: float


def finite_gain(sphere: Sphere, temperature: Array) -> Array:
    """Squared gains b at the minimum of the loss in p dimensions, for isotropic noise.

    0 and infinity where the loss falls all the way there.

    Raises
    ------
    ConvergenceError
        If the quadratures did not settle to 1e-6 in log b.
    """
    start = sphere.squared_gain(sphere.optimum(temperature)) / sphere.level
    columns = (
        np.sqrt(sphere.square),
        sphere.total,
        sphere.kept,
        sphere.dimension,
        sphere.balance,
        temperature,
    )
    found = np.empty(start.shape)
    for k, (guess, *numbers) in enumerate(zip(start, *columns, strict=True)):
        s, total, shared, p, balance, tau = (float(x) for x in numbers)
        law = _Law(s, total, shared, round(p), balance, tau)
        top = np.log(p)
        first = np.log(guess) if 0 < guess < np.inf else top + _START
        found[k] = np.exp(_settle(law, float(np.clip(first, top - 12.0, top + _START))))
    return found


def _settle(law: _Law, guess: float) -> float:
    """log b, by finer and finer quadratures."""
    before = np.nan
    for step, lengths in _LEVELS:
        slope = _Slope(law, step, lengths)
        here = _root(slope, guess, np.log(law.dimension))
        if here == before or abs(here - before) <= _SETTLED:
            return here
        before, guess = here, here if np.isfinite(here) else guess
    raise ConvergenceError(
        "the loss at finite dimension was not integrated to the wanted accuracy, as where it is "
        f"flat next to a collapse, with signal {law.signal:.6g}, dimension {law.dimension} and "
        f"temperature {law.temperature:.6g}"
    )


def _root(slope: _Slope, guess: float, centre: float) -> float:
    """Where the slope passes from below to above 0, from a guess outwards."""
    low, high = centre + _LOWEST, centre + _HIGHEST
    step, here, value = 0.25, guess, slope(guess)
    way = -1.0 if value > 0 else 1.0
    while value * way < 0:
        before, here = here, here + way * step
        step *= 2.0
        if not low < here < high:
            return way * np.inf
        value = slope(here)
    if value == 0:
        return here
    return float(scipy.optimize.brentq(slope, *sorted((before, here)), xtol=1e-11, rtol=1e-14))


class _Slope:
    """dL/d log b as a function of log b."""

    def __init__(self, law: _Law, step: float, lengths: int) -> None:
        self._law = law
        centre, rho = law.signal / np.sqrt(law.total), law.shared
        m = law.dimension - 1
        # short bulks vary more in length
        lengths = int(np.ceil(lengths * min(max(1.0, np.sqrt(_LONG / m)), _MOST)))
        self._t, self._log_mass = _negatives(centre, m, step)
        self._kernel = _Kernel(m, 1.0 / law.temperature)
        # the share of negatives of an anchor's own class, and how frequent such anchors are
        own = law.balance, 1.0 - law.balance
        self._classes = [(0.5, 1.0)] if law.balance == 0.5 else [(share, share) for share in own]

        # a grid on which both Gaussians, of the point and of what a view adds, are resolved
        own, added = np.sqrt(rho), np.sqrt(1.0 - rho)
        x = centre + _grid(min(step, _RESOLVED * own, _RESOLVED * added), _REACH)
        self._points = _normal_masses((x - centre) / own)
        self._views = _normal_masses((x[:, None] - x) / added)
        few, few_mass = np.polynomial.hermite_e.hermegauss(lengths + 2)
        self._lengths, self._few = _chi(m, lengths), few_mass / few_mass.sum()
        across, self._across = _chi(m - 1, lengths)
        along = own * self._lengths[0][:, None, None] + added * few[:, None]
        length = np.hypot(along, added * across)
        self._angle = along / length
        self._t_view = x[:, None, None, None] / length

    def __call__(self, log_b: float) -> float:
        b = np.exp(log_b)
        return (self._partition(b) - self._attraction(b)) / self._law.temperature

    def _attraction(self, b: float) -> float:
        """Two views of one point are independent, and alike: a mean of products of their means."""
        v, w = _embed(self._t_view, b)
        along = w * self._angle

        def mean(values: Array) -> Array:
            """Over the views of points at each place and length, shape (places, lengths)."""
            over_bulk = np.einsum("xrka,k,a->xr", values, self._few, self._across)
            return np.asarray(self._views @ over_bulk)

        values = mean(v * w**2) * mean(v) - mean(v**2 * along) * mean(along)
        return float(self._points @ values @ self._lengths[1])

    def _partition(self, b: float) -> float:
        """The mean over anchors of the softmax's mean slope; those of class -1 are mirrored."""
        v, w = _embed(self._t, b)
        one, across = v[:, None], w[:, None]
        straight = one * v / self._law.temperature
        log_f, angle = self._kernel(across * w / self._law.temperature)
        exponents = log_f + np.abs(straight) + self._log_mass
        weight = np.exp(exponents - exponents.max(1, keepdims=True))
        same = _cosine_slope(one, across, v, w, 1.0, angle)
        other = _cosine_slope(one, across, v, w, -1.0, angle)
        # e^x and e^-x over e^|x|
        ahead, behind = (np.exp(np.minimum(2.0 * x, 0.0)) for x in (straight, -straight))
        total = 0.0
        for share, frequency in self._classes:
            plus, minus = share * ahead * weight, (1.0 - share) * behind * weight
            mean = (plus * same + minus * other).sum(1) / (plus + minus).sum(1)
            total += frequency * float(np.exp(self._log_mass) @ mean)
        return total


def _grid(step: float, reach: float) -> Array:
    count = int(np.ceil(reach / step))
    nodes: Array = step * np.arange(-count, count + 1)
    return nodes


def _normal_masses(x: Array) -> Array:
    """Of a standard normal law on the points of a grid, along the last axis."""
    mass = np.exp(-0.5 * x**2)
    found: Array = mass / mass.sum(-1, keepdims=True)
    return found


def _negatives(centre: float, degrees: int, step: float) -> tuple[Array, Array]:
    """Nodes of t = x/r, x ~ N(centre, 1) and r the length of a bulk, and their log masses."""
    r, mass = _chi(degrees, _LENGTHS)
    scale = np.sqrt(degrees)
    u = centre + _grid(step, _REACH + _FAR_REACH)
    x = u[:, None] * (r / scale) - centre
    log_mass = scipy.special.logsumexp(-0.5 * x**2, b=mass * r / scale, axis=1)
    return u / scale, log_mass - scipy.special.logsumexp(log_mass)


def _embed(t: Array, b: float) -> tuple[Array, Array]:
    """The coordinates v and w of an embedding."""
    length = np.hypot(1.0, np.sqrt(b) * t)
    return np.sqrt(b) * t / length, 1.0 / length


def _cosine_slope(v1: Array, w1: Array, v2: Array, w2: Array, sign: float, angle: Array) -> Array:
    """d(±v₁v₂ + w₁w₂c)/d log b."""
    one, other = v1**2, v2**2
    found: Array = 0.5 * (sign * v1 * v2 * (w1**2 + w2**2) - (one + other) * w1 * w2 * angle)
    return found


def _chi(degrees: int, count: int) -> tuple[Array, Array]:
    """Nodes and weights for the length of a Gaussian vector, by Golub and Welsch."""
    if not degrees:
        return np.zeros(1), np.ones(1)
    k = np.arange(count)
    alpha = 0.5 * degrees - 1.0
    off = np.sqrt(k[1:] * (k[1:] + alpha))
    nodes, vectors = scipy.linalg.eigh_tridiagonal(2.0 * k + alpha + 1.0, off)
    return np.sqrt(2.0 * nodes), vectors[0] ** 2


class _Kernel:
    """log F and F'/F on [0, top], as polynomials: the second one integrated is the first."""

    def __init__(self, degrees: int, top: float) -> None:
        self._top = top
        for degree in _DEGREES:
            nodes = chebyshev.chebpts1(degree + 1)
            values = _bessel_ratio(0.5 * top * (nodes + 1.0), degrees)
            # degree + 1 values decide as many coefficients: no fit, and no loss of digits
            ratio = chebyshev.chebvander(nodes, degree).T @ values * (2.0 / (degree + 1))
            ratio[0] *= 0.5
            if np.abs(ratio[-3:]).max() <= _TAIL * np.abs(ratio[0]):
                break
        kept = np.flatnonzero(np.abs(ratio) > _TAIL * np.abs(ratio[0]))
        self._ratio = ratio[: kept[-1] + 1]
        self._log = chebyshev.chebint(self._ratio, scl=0.5 * top, lbnd=-1)

    def __call__(self, a: Array) -> tuple[Array, Array]:
        x = 2.0 * a / self._top - 1.0
        return chebyshev.chebval(x, self._log), chebyshev.chebval(x, self._ratio)


def _bessel_ratio(a: Array, degrees: int) -> Array:
    """I_{m/2}(a)/I_{m/2-1}(a), from the end of the continued fraction."""
    found = np.zeros(a.shape)
    for k in range(int(a.max()) + _TERMS, -1, -1):
        found = a / (degrees + 2.0 * k + a * found)
    return found
