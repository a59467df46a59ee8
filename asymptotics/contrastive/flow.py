r"""Gradient flow of the population loss from T = I: Ṫ = -∂L/∂T.

With A = TᵀT and B = A/τ, ∂L/∂T = (2/τ) T ∇_B L. A direction without signal and of variance d has

    α̇ = (4/τ) α (d - (d + σ_a²)² α/τ),    α(t) = 1/[e^{-rt} + (1 - e^{-rt})/α_∞],    r = 4d/τ,

with α_∞ = τ d/(d + σ_a²)². A signal along a principal axis of Σ obeys one equation as well: with
P = 1/W, P_∞ = 1/ω and ξ = log |(P_0 - P_∞)/(P - P_∞)|,

    dξ/dθ = R(ξ) = P G(1/P)/(P_∞ - P),    θ = 4 C t/τ,    G(W) = W(1 + q(1 + c)) - n - q d,

where R is smooth, positive because the loss is convex, and constant without signal: one quadrature
of 1/R gives θ(ξ). Otherwise the K × K equation is integrated.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy

from ..errors import ConvergenceError
from ..gaussian import legendre
from ..parameters import Array
from .channel import force
from .optimum import Views, optimum

__all__ = ["flow", "spread"]

# |Σ û - û⟨û, Σû⟩| over |Σ|, up to which the signal counts as a principal axis.
_ALIGNED = 1e-14
# Longest step in ξ, and the Legendre nodes on it.
_STRIDE = 1.0
_NODES, _WEIGHTS = legendre(12)
# R is evaluated no nearer to the end than this share of P_∞, where it has settled.
_SETTLED = 1e-7
_STEPS = 400
_ROUNDING = 4e-15
# Up to so many axes T is integrated by a stiff method, whose Jacobian has the fourth power of their
# number of entries; beyond by an explicit one, over so many times of the fastest direction at most.
_IMPLICIT_AXES, _EXPLICIT_TIMES = 12, 1e4
# Of the integrator, for each entry of T.
_RELATIVE, _ABSOLUTE = 1e-12, 1e-13


def spread(variances: Array, augmentation: Array, temperature: Array, time: Array) -> Array:
    """Squared gain α(t) of directions without signal; arrays that broadcast, time may be inf."""
    final = temperature * variances / np.square(variances + np.square(augmentation))
    with np.errstate(over="ignore", invalid="ignore"):
        elapsed = 4.0 * variances * time / temperature
    elapsed = np.where(variances > 0, elapsed, 0.0)
    decayed = np.exp(-elapsed)
    # without variance 1 - e^{-rt} and α_∞ vanish together: (1 - e^{-rt})/α_∞ → 4 σ_a⁴ t/τ²
    with np.errstate(divide="ignore", invalid="ignore"):
        grown = np.where(variances > 0, -np.expm1(-elapsed) / final, np.nan)
        silent = 4.0 * np.square(np.square(augmentation) / temperature) * time
    found: Array = 1.0 / (decayed + np.where(variances > 0, grown, silent))
    return found


def flow(views: Views, temperature: Array, time: Array) -> Array:
    """A = TᵀT at `time` in the principal axes of Σ, shape (B, K, K).

    Raises
    ------
    ConvergenceError
        If the optimum, or the way to it, was not found.
    """
    count, axes = views.variances.shape
    found = np.empty((count, axes, axes))
    if not axes:
        return found
    started = time > 0
    found[~started] = np.eye(axes)
    mean = (views.signal**2 * views.variances).sum(-1)
    bent = np.linalg.norm((views.variances - mean[:, None]) * views.signal, axis=-1)
    aligned = (bent <= _ALIGNED * views.variances.max(-1)) | (views.length == 0)
    at_end = np.isinf(time)
    if at_end.any():
        part = views.take(at_end)
        root = np.sqrt(part.total)
        found[at_end] = (
            temperature[at_end, None, None] * optimum(part) / (root[:, :, None] * root[:, None, :])
        )
    rows = started & ~at_end & aligned
    if rows.any():
        found[rows] = _along_axis(views.take(rows), mean[rows], temperature[rows], time[rows])
    for row in np.flatnonzero(started & ~at_end & ~aligned):
        one = views.take(np.array([row]))
        found[row] = _integrate(one, float(temperature[row]), float(time[row]))
    return found


def _along_axis(views: Views, variance: Array, temperature: Array, time: Array) -> Array:
    """The closed form everywhere but along the signal, a quadrature there."""
    count, axes = views.variances.shape
    total = variance + np.square(views.augmentation)
    line = Views(
        variance[:, None], np.ones((count, 1)), views.length, views.balance, views.augmentation
    )
    final = optimum(line)[:, 0, 0]
    start = total / temperature
    inverse = _quadrature(
        np.square(views.length) / total,
        variance / total,
        views.balance,
        1.0 / start,
        1.0 / final,
        4.0 * start * time,
    )
    along = temperature / (total * inverse)
    others = spread(
        views.variances, views.augmentation[:, None], temperature[:, None], time[:, None]
    )
    found: Array = along[:, None, None] * views.signal[:, :, None] * views.signal[:, None, :]
    rest = np.eye(axes) - views.signal[:, :, None] * views.signal[:, None, :]
    found += rest @ (others[:, :, None] * rest)
    return found


def _quadrature(
    q: Array, n: Array, balance: Array, start: Array, final: Array, theta: Array
) -> Array:
    """P after θ, from P = `start` towards `final`."""
    distance = start - final
    side = np.where(distance < 0, -1.0, 1.0)

    def inverse(rows: Any, xi: Array) -> Array:
        """P, without cancellation: from the start where it rises, from the end where it falls."""
        first, last, far = (array[rows, None] for array in (start, final, distance))
        value: Array = np.where(far < 0, first + far * np.expm1(-xi), last + far * np.exp(-xi))
        return value

    def rate(rows: Array, xi: Array) -> Array:
        """R at points of shape (B', J)."""
        gap, end = np.abs(distance[rows, None]) * np.exp(-xi), final[rows, None]
        gap = side[rows, None] * np.maximum(gap, _SETTLED * end)
        p = np.where(gap < 0, np.minimum(inverse(rows, xi), end + gap), end + gap).reshape(-1)
        width = xi.shape[1]
        flat_q, flat_n = np.repeat(q[rows], width), np.repeat(n[rows], width)
        c = force(flat_q / p, flat_q / p**2, np.repeat(balance[rows], width))
        slope = 1.0 + flat_q * (1.0 + c.second) - p * (flat_n + flat_q * c.deficit)
        found: Array = slope.reshape(xi.shape) / -gap
        return found

    xi, left = np.zeros(q.size), theta.copy()
    active = np.flatnonzero(distance != 0)
    for _ in range(_STEPS):
        if not active.size:
            break
        here = xi[active]
        step = np.clip(left[active] * rate(active, here[:, None])[:, 0], -_STRIDE, _STRIDE)
        points = here[:, None] + step[:, None] * _NODES
        left[active] -= step * ((1.0 / rate(active, points)) @ _WEIGHTS)
        xi[active] = here + step
        arrived = np.abs(step) <= _ROUNDING * xi[active]
        arrived |= np.abs(distance[active]) * np.exp(-xi[active]) <= 0.1 * _ROUNDING * final[active]
        active = active[~arrived]
    if active.size:
        raise ConvergenceError(
            f"the gradient flow was not followed to its end at {active.size} point(s)"
        )
    reached: Array = inverse(slice(None), xi[:, None])[:, 0]
    return reached


def _integrate(views: Views, temperature: float, time: float) -> Array:
    """The K × K equation, for one population.

    Raises
    ------
    ValueError
        For a time too long for so many axes.
    """
    axes = views.variances.shape[1]
    total, share = views.total[0], views.share[0]
    root = np.sqrt(total)
    u = views.signal[0] / root * views.length[0]
    outer = np.outer(u, u)

    def velocity(_: float, state: Array) -> Array:
        t = state.reshape(axes, axes)
        scaled = t * (root / np.sqrt(temperature))
        whitened = scaled.T @ scaled
        image = whitened @ u
        c = force(np.array([u @ image]), np.array([image @ image]), views.balance)
        half = 0.5 * (1.0 + c.second[0]) * np.outer(image, u)
        gradient = whitened - np.diag(share) + half + half.T - c.deficit[0] * outer
        moved: Array = (-2.0 / temperature) * (t * root) @ (gradient * root)
        return moved.ravel()

    ends = spread(views.variances[0], views.augmentation, *np.array([[temperature], [time]]))
    small = np.sqrt(np.minimum(1.0, ends).min())
    fastest = 4.0 / temperature * (views.variances[0] + total**2 / temperature).max()
    if axes > _IMPLICIT_AXES and fastest * time > _EXPLICIT_TIMES:
        raise ValueError(
            f"time must be at most {_EXPLICIT_TIMES / fastest:.3g}, or inf, on a population of "
            f"{axes} axes with a mean along none of them, got {time:g}"
        )
    solution = scipy.integrate.solve_ivp(
        velocity,
        (0.0, time),
        np.eye(axes).ravel(),
        method="LSODA" if axes <= _IMPLICIT_AXES else "DOP853",
        t_eval=[time],
        rtol=_RELATIVE,
        atol=_ABSOLUTE * small,
    )
    if not solution.success:
        raise ConvergenceError(f"the gradient flow was not integrated: {solution.message}")
    t = solution.y[:, -1].reshape(axes, axes)
    found: Array = t.T @ t
    return found
