r"""Quadrature for the logistic channel: E g(prox(ω)) with ω ~ N(mean, q), without a prox a node.

Integrating over x = prox(ω) instead of ω, with ω(x) = x + V ℓ'(x) and dω = (1 + V ℓ''(x)) dx,

    E g = ∫ g(x) φ((ω(x) - mean)/√q) (1 + V ℓ''(x)) dx/√q,

every factor is analytic and the trapezoid rule converges geometrically, if the step resolves the
Gaussian (a share of √q in ω) and the loss (a share of π, the distance of its poles, in x). Both are
asked of one graded coordinate

    t(x) = ω(x)/(A √q) + [asinh(x/π) + asinh((x - log(1+V))/π)]/B

whose derivative is large where either wants many nodes: the loss bends around x = 0, and around
x = log V the prox turns from the branch V ℓ' ≈ ω to the branch x ≈ ω. Far from both the spacing
grows with the distance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import wrightomega

from .parameters import Array

__all__ = ["LogisticRule", "logistic_prox", "logistic_rule"]

# The step and the two scales together bound the error by about 1e-14 for deviations from 1e-7 to
# 1e3 and V from 1e-7 to 1e11 (tests/test_quadrature.py); a step half as long changes nothing.
_STEP = 0.5
_GAUSSIAN_SCALE = 1.4
_LOSS_SCALE = 0.4
_BRIDGE = 0.1  # more nodes the further the two bends lie apart
# Where the standard normal density has fallen below 1e-16 of its peak.
_REACH = 8.5
# Knots from which the nodes are interpolated before they are polished.
_KNOTS = 12
_MAX_STEPS = 60


class LogisticRule(NamedTuple):
    """Nodes of one rule for each element of a batch; all arrays but V have shape (..., N)."""

    x: Array
    z: Array  # (ω(x) - mean)/√q
    weight: Array  # of dx, with the Gaussian density: Σ weight (1 + V ℓ'') g = E g
    slope: Array  # f = -ℓ'(x)
    curvature: Array  # ℓ''(x)
    stretch: Array  # 1 + V ℓ''(x)


def logistic_prox(omega: Array, v: Array) -> Array:
    """The root x of x - V σ(-x) = ω, elementwise, to the rounding error.

    Starts from the root for the exponential tail of σ, a Wright ω function, on its side of zero;
    on each side Newton's method is monotone after its first step.
    """
    positive = omega > -0.5 * v
    log_v = np.log(v)
    # Mirrored problem for negative roots: x = -(root for -ω - V).
    target = np.where(positive, omega, -omega - v)
    x = np.maximum(target + wrightomega(log_v - target), 0.0)
    for _ in range(_MAX_STEPS):
        decay = np.exp(-x)
        s = decay / (1.0 + decay)
        # x - target - V s, with s(1 - s) the slope of -s
        step = (x - target - v * s) / (1.0 + v * s * (1.0 - s))
        x = np.maximum(x - step, 0.0)
        if np.all(np.abs(step) <= 4e-16 * (1.0 + np.abs(x))):
            break
    return np.where(positive, x, -x)


def _coordinate(
    delta: Array, centre: Array, branch: Array, v: Array, scale: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """t(x) - t(centre), dt/dx, ω(x) - ω(centre), ℓ''(x) and -ℓ'(x) at x = centre + delta.

    Written in differences from the centre, so that nothing cancels when √q is tiny.
    """
    x = centre + delta
    decay = np.exp(-np.abs(x))
    near = 1.0 / (1.0 + decay)  # σ(|x|)
    far = decay * near  # σ(-|x|)
    right = x > 0
    slope = np.where(right, far, near)  # σ(-x)
    curvature = far * near
    centre_decay = np.exp(-np.abs(centre))
    centre_near = 1.0 / (1.0 + centre_decay)
    centre_far = centre_decay * centre_near
    up = delta > 0
    # ℓ'(x) - ℓ'(c) = σ(-c) (1 - e^{-δ}) σ(x) for δ > 0, and its mirror image
    reflected = np.where(up == right, near, far) * np.where(
        up == (centre > 0), centre_far, centre_near
    )
    rise = -np.expm1(-np.abs(delta)) * reflected
    shift = delta + v * np.where(up, rise, -rise)
    stretch = 1.0 + v * curvature
    density = 1.0 / _LOSS_SCALE + branch * _BRIDGE
    near_zero, near_branch = x / np.pi, (x - branch) / np.pi
    t = (
        shift * scale
        + (
            np.arcsinh(near_zero)
            - np.arcsinh(centre / np.pi)
            + np.arcsinh(near_branch)
            - np.arcsinh((centre - branch) / np.pi)
        )
        * density
    )
    dt = stretch * scale + (
        1.0 / np.sqrt(1.0 + near_zero * near_zero) + 1.0 / np.sqrt(1.0 + near_branch * near_branch)
    ) * (density / np.pi)
    return t, dt, shift, curvature, slope


def logistic_rule(mean: Array, deviation: Array, v: Array) -> LogisticRule:
    """The rule for ω ~ N(mean, deviation²), for arrays of one common shape."""
    origin = -0.5 * v  # ω(0)
    branch = np.log1p(v)
    # f and f² fall like e^{-x}, e^{-2x} where x ≈ ω, which moves their mass down by q, 2q; below
    # the branch point they are flat again.
    turn = branch - v / (2.0 + v)  # ω at x = log(1 + V)
    tilt = np.minimum(2.0 * deviation, np.maximum(0.0, (mean - turn) / deviation))
    lift = np.minimum(deviation, np.maximum(0.0, (origin - mean) / deviation))  # ℓ'' ~ e^x below 0
    z_ends = np.stack([-(_REACH + tilt), _REACH + lift])
    centre = logistic_prox(mean, v)
    low, high = logistic_prox(mean + deviation * z_ends, v)
    c, b, w = centre[..., None], branch[..., None], v[..., None]
    scale = 1.0 / (_GAUSSIAN_SCALE * deviation[..., None])

    ends = np.stack([low, high], axis=-1) - c
    # x - centre by subtraction is worthless for tiny deviations: there the prox is linear.
    decay = np.exp(-np.abs(c))
    linear = deviation[..., None] / (1.0 + w * decay / (1.0 + decay) ** 2)
    ends = np.where(np.abs(linear) < 1e-5, linear * np.moveaxis(z_ends, 0, -1), ends)
    t_ends = _coordinate(ends, c, b, w, scale)[0]
    t_low, t_high = t_ends[..., :1], t_ends[..., 1:]
    count = int(np.ceil(np.max(t_high - t_low) / _STEP))
    step = (t_high - t_low) / count

    # Knots by safeguarded Newton, then nodes by Newton from the cubic through the knots.
    share = np.arange(_KNOTS + 1) / _KNOTS
    target = t_low + (t_high - t_low) * share
    below, above = ends[..., :1] + 0 * share, ends[..., 1:] + 0 * share
    delta = below + (above - below) * share
    for _ in range(_MAX_STEPS):
        t, dt, *_ = _coordinate(delta, c, b, w, scale)
        gap = t - target
        low_side = gap < 0
        below, above = np.where(low_side, delta, below), np.where(low_side, above, delta)
        trial = delta - gap / dt
        inside = (trial >= below) & (trial <= above)
        delta = np.where(inside, trial, 0.5 * (below + above))
        if np.all(np.abs(gap) < 0.05):
            break
    t, dt, *_ = _coordinate(delta, c, b, w, scale)
    slope = 1.0 / dt
    nodes = (np.arange(count) + 0.5) / count * _KNOTS
    cell = np.minimum(nodes.astype(np.intp), _KNOTS - 1)
    goal = t_low + step * (np.arange(count) + 0.5)
    width = t[..., cell + 1] - t[..., cell]
    u = (goal - t[..., cell]) / width
    x0, x1 = delta[..., cell], delta[..., cell + 1]
    s0, s1 = slope[..., cell] * width, slope[..., cell + 1] * width
    delta = x0 + u * (s0 + u * (3 * (x1 - x0) - 2 * s0 - s1 + u * (2 * (x0 - x1) + s0 + s1)))
    for _ in range(_MAX_STEPS):
        t, dt, shift, curvature, f = _coordinate(delta, c, b, w, scale)
        gap = t - goal
        if np.all(np.abs(gap) < 2e-13):
            break
        delta = delta - gap / dt
    z = shift / deviation[..., None]
    density = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    weight = density * (step / deviation[..., None]) / dt
    return LogisticRule(c + delta, z, weight, f, curvature, 1.0 + w * curvature)
