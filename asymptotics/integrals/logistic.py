r"""Quadrature for the logistic channel: E g(prox(ω)) with ω ~ N(mean, q), without a prox a node.

Integrating over x = prox(ω) instead of ω, with ω(x) = x + V ℓ'(x) and dω = (1 + V ℓ''(x)) dx,

    E g = ∫ g(x) φ((ω(x) - mean)/√q) (1 + V ℓ''(x)) dx/√q,

every factor is analytic and the trapezoid rule converges geometrically, if the step resolves the
Gaussian (a share of √q in ω) and the loss (a share of π, the distance of its poles, in x). Both are
asked of one graded coordinate

    t(x) = ω(x)/(A √q) + [asinh(x/π) + asinh((x - log(1+V))/π)]/B

whose derivative is large where either wants many nodes: the loss bends around x = 0, and around
x = log V the prox turns from the branch V ℓ' ≈ ω to the branch x ≈ ω. Far from both the spacing
grows with the distance. The rule is uniform in a polynomial that interpolates the inverse of t at
Chebyshev points: any smooth coordinate close to t will do, so those need not be precise.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy

from ..checks import Array

__all__ = [
    "REACH",
    "STEEP",
    "STEP",
    "WIDE",
    "LogisticRule",
    "graded_coordinate",
    "logistic_prox",
    "logistic_rule",
    "rise_of",
    "slope_and_curvature",
    "tails",
]

# The step and the two scales together bound the relative error by about 1e-13, and by 1e-10 at the
# far end, for deviations from 1e-7 to 1e3, V from 1e-7 to 1e11 and means above -V/2, where every
# solution lies (tests/integrals/test_logistic.py).
STEP = 0.5
_GAUSSIAN_SCALE = 1.4
_LOSS_SCALE = 0.4
_BRIDGE = 0.1  # more nodes the further the two bends lie apart
# Where the standard normal density has fallen below 1e-16 of its peak.
REACH = 8.5
# Beyond the sum of both the density itself underflows.
_FARTHEST = 30.0
# Points at which t is tabulated before it is inverted: in z, and around each bend.
_TABLE_Z = np.linspace(0.0, 1.0, 13)
_TABLE_BEND = np.array([-80.0, -25.0, -8.0, -2.5, 0.0, 2.5, 8.0, 25.0, 80.0])
# Newton steps that make a knot good enough, and a node exact.
_KNOT_STEPS = 2
_EXACT_STEPS = 10
# A law this much wider than the loss needs the latter.
WIDE = 40.0
# V in deviations above which V ℓ'(0) would hide the law.
STEEP = 100.0
_PROX_STEPS = 60
_PROX_TOLERANCE = 1e-3
# Node counts are rounded up to a multiple of this, so that few matrices are ever made.
_ROUND = 8
# How far the law may drift, in deviations, logarithms of the deviation and of V, before a rule
# made for it has to be made anew.
_DRIFT = 0.25, 0.05, 0.05
# The same for a first look, good to some 1e-6.
_LOOSE_DRIFT = 1.0, 0.3, 1.0
# Arguments at which e^x is still finite.
_OVERFLOW = 700.0
_FAR = 600.0
_TINY = 1e-300


def slope_and_curvature(x: Array) -> tuple[Array, Array]:
    """-ℓ'(x) = σ(-x) and ℓ''(x) = σ(x) σ(-x), to full relative precision on both sides."""
    growth = np.exp(np.minimum(x, _OVERFLOW))
    slope = 1.0 / (1.0 + growth)
    return slope, growth * slope * slope


def rise_of(delta: Array, slope: Array, centre: Array) -> Array:
    """ℓ'(c + δ) - ℓ'(c) = σ(c) σ(-c-δ) (e^δ - 1), given σ(-c-δ); nothing cancels."""
    there = 1.0 / (1.0 + np.exp(-centre))
    if delta[..., -1].max(initial=0.0) < _FAR:
        return np.asarray(np.expm1(delta) * slope * there)
    # so far out that the plain difference is exact, and e^δ may overflow
    near = np.expm1(np.minimum(delta, _FAR)) * slope * there
    return np.where(delta < _FAR, near, slope_and_curvature(centre)[0] - slope)


def logistic_prox(omega: Array, v: Array, tolerance: Array) -> Array:
    """The root x of x - V σ(-x) = ω, elementwise, from a last Newton step below `tolerance`.

    Convergence is quadratic: the error is of the order of its square. It starts from the root for
    the exponential tail of σ, a Wright ω function, on its side of zero; on each side Newton's
    method is monotone after its first step.
    """
    positive = omega > -0.5 * v
    # Mirrored problem for negative roots: x = -(root for -ω - V).
    target = np.where(positive, omega, -omega - v)
    x = np.maximum(target + scipy.special.wrightomega(np.log(v) - target), 0.0)
    for _ in range(_PROX_STEPS):
        decay = np.exp(-x)
        s = decay / (1.0 + decay)
        # x - target - V s, with s(1 - s) the slope of -s
        vs = v * s
        step = (x - target - vs) / (1.0 + vs - vs * s)
        x = np.maximum(x - step, 0.0)
        if (np.abs(step) <= tolerance).all():
            break
    return np.asarray(np.where(positive, x, -x))


class LogisticRule(NamedTuple):
    """Nodes for a batch of laws; arrays of shape (..., N), or (..., 1) for what is one a law."""

    centre: Array
    anchor: Array  # -ℓ'(centre)
    delta: Array  # x - centre
    rise: Array  # ℓ'(x) - ℓ'(centre)
    slope: Array  # f = -ℓ'(x)
    curvature: Array  # ℓ''(x)
    width: Array  # dx of a node
    made_for: Array  # (..., 4): mean, deviation, V, and -ℓ' at the prox of the mean

    @property
    def x(self) -> Array:
        return self.centre + self.delta

    def covers(self, mean: Array, deviation: Array, v: Array) -> tuple[Array, Array]:
        """Whether the rule holds, tightly and loosely, for laws that have drifted from its own."""
        was = self.made_for
        # ω at a node moves with V too, by many deviations where V σ(-x) is large beside them
        pull = (v - was[..., 2]) * was[..., 3]
        drift = (
            np.abs(mean - was[..., 0] + pull) / was[..., 1],
            np.abs(np.log(deviation / was[..., 1])),
            np.abs(np.log(v / was[..., 2])),
        )
        # written so that NaN does not count as covered
        tight, loose = (
            (drift[0] < bounds[0]) & (drift[1] < bounds[1]) & (drift[2] < bounds[2])
            for bounds in (_DRIFT, _LOOSE_DRIFT)
        )
        return tight, loose

    def take(self, index: Array) -> LogisticRule:
        return LogisticRule(*(part[index] for part in self))

    def renew(self, stale: Array, mean: Array, deviation: Array, v: Array) -> LogisticRule:
        """The rule with its stale laws made anew, all of them where they need more nodes."""
        if not stale.all():
            fresh = logistic_rule(mean[stale], deviation[stale], v[stale], self.delta.shape[-1])
            if fresh.delta.shape[-1] == self.delta.shape[-1]:
                parts = [part.copy() for part in self]
                for whole, new in zip(parts, fresh, strict=True):
                    whole[stale] = new
                return LogisticRule(*parts)
        return logistic_rule(mean, deviation, v)

    def averages(self, mean: Array, deviation: Array, v: Array) -> tuple[Array, ...]:
        """E of f, f², f', ff', f²f', f'z, f'(z² - 1), ff'z, with z = (ω - mean)/√q."""
        z, weight, stretch = self.weigh(mean, deviation, v)
        f = self.slope
        # -f' dω/dx = ℓ'', so that only the averages without f' carry the stretch
        bend = weight * self.curvature
        bend_z, bend_f = bend * z, bend * f
        mass = weight * stretch * f
        curved = bend.sum(-1)
        return (
            mass.sum(-1),
            np.vecdot(mass, f),
            -curved,
            -bend_f.sum(-1),
            -np.vecdot(bend_f, f),
            -bend_z.sum(-1),
            curved - np.vecdot(bend_z, z),
            -np.vecdot(bend_f, z),
        )

    def loss(self, mean: Array, deviation: Array, v: Array) -> Array:
        """E ℓ(prox(ω))."""
        _, weight, stretch = self.weigh(mean, deviation, v)
        return np.asarray(np.vecdot(weight * stretch, np.logaddexp(0.0, -self.x)))

    def weigh(self, mean: Array, deviation: Array, v: Array) -> tuple[Array, Array, Array]:
        """z = (ω(x) - mean)/√q, the weights of dx under its density, and dω/dx = 1 + V ℓ''."""
        w, scale = v[..., None], 1.0 / deviation[..., None]
        shift = mean[..., None] - self.centre + w * self.anchor
        z = (self.delta + w * self.rise - shift) * scale
        weight = np.exp(-0.5 * z * z) * (self.width * (scale / np.sqrt(2.0 * np.pi)))
        return z, weight, 1.0 + w * self.curvature


def tails(mean: Array, deviation: Array, v: Array) -> tuple[Array, Array]:
    """How many deviations beyond REACH the mass of the averages lies, to the right and to the left.

    Where x ≈ ω, f and f² fall like e^{-x}, e^{-2x}, which moves their mass down by q, 2q; below the
    branch point they are flat again. ℓ'' rises like e^x below x = 0, ω = -V/2.
    """
    turn = np.log1p(v) - v / (2.0 + v)
    tilt = np.minimum(2.0 * deviation, np.maximum(0.0, (mean - turn) / deviation))
    lift = np.minimum(deviation, np.maximum(0.0, (-0.5 * v - mean) / deviation))
    return np.minimum(lift, _FARTHEST), np.minimum(tilt, _FARTHEST)


class GradedCoordinate(NamedTuple):
    """The graded coordinate t of one batch of laws; each field has a last axis of length 1."""

    centre: Array
    branch: Array
    shift: Array  # mean - ω(centre)
    v: Array
    scale: Array  # 1/(A √q)
    density: Array  # 1/B

    def value(self, delta: Array) -> Array:
        """t at x = centre + delta, written in differences so that nothing cancels."""
        x = self.centre + delta
        slope, _ = slope_and_curvature(x)
        omega = delta + self.v * rise_of(delta, slope, self.centre) - self.shift
        bends = np.arcsinh(x / np.pi) + np.arcsinh((x - self.branch) / np.pi)
        return np.asarray(omega * self.scale + bends * self.density)

    def __call__(self, delta: Array) -> tuple[Array, Array]:
        """t and dt/dx at x = centre + delta."""
        x = self.centre + delta
        slope, curvature = slope_and_curvature(x)
        omega = delta + self.v * rise_of(delta, slope, self.centre) - self.shift
        density = self.density
        bend, turn = x / np.pi, (x - self.branch) / np.pi
        t = omega * self.scale + (np.arcsinh(bend) + np.arcsinh(turn)) * density
        dt = (1.0 + self.v * curvature) * self.scale + (
            1.0 / np.sqrt(1.0 + bend * bend) + 1.0 / np.sqrt(1.0 + turn * turn)
        ) * (density / np.pi)
        return t, dt


def graded_coordinate(
    centre: Array, branch: Array, shift: Array, v: Array, deviation: Array, spread: float = 0.0
) -> GradedCoordinate:
    """The coordinate t for laws of these deviations and V, whose branch points are so uncertain."""
    # a bend that may lie anywhere in the spread is as dense throughout as in its middle
    blur = np.hypot(1.0, spread / np.pi)
    density = (1.0 / _LOSS_SCALE + branch * _BRIDGE) * blur
    return GradedCoordinate(centre, branch, shift, v, 1.0 / (_GAUSSIAN_SCALE * deviation), density)


@lru_cache(maxsize=256)
def _interpolation(count: int) -> tuple[Array, Array, Array]:
    """Chebyshev points in [0, 1], and the matrices from values there to the midpoints of `count`
    equal cells: of the interpolating polynomial, and of its derivative.
    """
    degree = max(16, count // 2)
    points = 0.5 - 0.5 * np.cos(np.pi * np.arange(degree + 1) / degree)
    nodes = (np.arange(count) + 0.5) / count
    basis = np.polynomial.chebyshev.chebvander(2.0 * points - 1.0, degree)
    values = np.polynomial.chebyshev.chebvander(2.0 * nodes - 1.0, degree)
    derivative = np.polynomial.chebyshev.chebder(np.eye(degree + 1), scl=2.0)
    slopes = np.polynomial.chebyshev.chebvander(2.0 * nodes - 1.0, degree - 1) @ derivative
    inverse = np.linalg.inv(basis)
    return points, (values @ inverse).T.copy(), (slopes @ inverse).T.copy()


def logistic_rule(mean: Array, deviation: Array, v: Array, count: int = 0) -> LogisticRule:
    """The rule for ω ~ N(mean, deviation²), arrays of one shape, with `count` nodes or more."""
    branch = np.log1p(v)
    lift, tilt = tails(mean, deviation, v)
    low = -(REACH + tilt)[..., None]
    z = low + (REACH + lift[..., None] - low) * _TABLE_Z

    proxes = logistic_prox(
        mean[..., None] + deviation[..., None] * np.concatenate([0.0 * low, z], axis=-1),
        v[..., None],
        _PROX_TOLERANCE * np.minimum(deviation, 1.0)[..., None],
    )
    # Nodes are counted from the prox of the mean, or from the bend of the loss at 0 where the law
    # is so wide that x - centre would not resolve it.
    bent = (deviation > WIDE) & (v < STEEP * deviation)
    middle = slope_and_curvature(proxes[..., 0])[0]
    centre = np.where(bent[..., None], 0.0, proxes[..., :1])
    anchor, curvature = slope_and_curvature(centre)
    w, b = v[..., None], branch[..., None]
    # x - centre by subtraction is worthless for tiny deviations: there the prox is linear.
    linear = deviation[..., None] / (1.0 + w * curvature)
    spread = np.where(linear < 1e-5, linear * z, proxes[..., 1:] - centre)
    bends = np.concatenate([_TABLE_BEND - centre, b + _TABLE_BEND - centre], axis=-1)
    table = np.sort(
        np.concatenate(
            [spread, np.minimum(np.maximum(bends, spread[..., :1]), spread[..., -1:])], axis=-1
        ),
        -1,
    )
    shift = mean[..., None] - centre + w * anchor
    coordinate = graded_coordinate(centre, b, shift, w, deviation[..., None])
    t_table = coordinate.value(table)
    first, last = t_table[..., :1], t_table[..., -1:]
    # A law that is not finite gets nodes that are not, and takes no other law with it.
    span = np.max(np.where(np.isfinite(last - first), last - first, STEP), initial=0.0)
    count = max(count, _ROUND, _ROUND * int(np.ceil(span / (STEP * _ROUND))))

    flat_t, flat_x = t_table.reshape(-1), table.reshape(-1)
    rows = np.arange(0, flat_t.size, table.shape[-1]).reshape(first.shape)

    def invert(share: Array, steps: int) -> Array:
        """x - centre where t is at a share of its range: linear in the table, then Newton."""
        goal = first + (last - first) * share
        cell = (goal[..., :, None] >= t_table[..., None, 1:-1]).sum(-1)
        cell += rows
        t0, t1, x0, x1 = flat_t[cell], flat_t[cell + 1], flat_x[cell], flat_x[cell + 1]
        x = x0 + (x1 - x0) * ((goal - t0) / np.maximum(t1 - t0, _TINY))
        for _ in range(steps):
            t, dt = coordinate(x)
            x = np.minimum(np.maximum(x - (t - goal) / dt, x0), x1)
        return np.asarray(x)

    if np.any(deviation > WIDE):
        # x(t) bends on the scale of the loss and reaches over that of the law: no polynomial of
        # moderate degree does both, and the coordinate itself is inverted at every node.
        delta = invert((np.arange(count) + 0.5) / count, _EXACT_STEPS)
        width = (last - first) / (count * coordinate(delta)[1])
    else:
        points, to_nodes, to_slopes = _interpolation(count)
        knots = invert(points, _KNOT_STEPS)
        delta, width = knots @ to_nodes, (knots @ to_slopes) / count
    x = centre + delta
    slope, curvature = slope_and_curvature(x)
    return LogisticRule(
        centre,
        anchor,
        delta,
        rise_of(delta, slope, centre),
        slope,
        curvature,
        width,
        np.stack([mean, deviation, v, middle], axis=-1),
    )
