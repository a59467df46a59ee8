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

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy

from ..checks import Array
from ..integrals.log_cosh import force
from ..outcomes import ConvergenceError
from .optimum import Views, optimum
from .relaxation import ROUNDING, march

__all__ = ["flow", "flow_off_axes", "spread"]

# |Σ û - û⟨û, Σû⟩| over |Σ|, up to which the signal counts as a principal axis.
_ALIGNED = 1e-14
# Longest step in ξ.
_STRIDE = 1.0
# R is evaluated no nearer to the end than this share of P_∞, where it has settled.
_SETTLED = 1e-7
# Up to so many axes T is integrated by a stiff method, whose Jacobian has the fourth power of their
# number of entries; beyond by an explicit one, over so many times of the fastest direction at most.
_IMPLICIT_AXES, _EXPLICIT_TIMES = 12, 1e4
# Of the integrator, for each entry of T.
_RELATIVE, _ABSOLUTE = 1e-12, 1e-13
# Smallest squared gain, of those that end at 0, to which T is integrated.
_LEAST = 1e-12
# Populations whose equations are integrated in common steps.
_TOGETHER = 32
# Distance from the optimum, relative, at which the flow has ended.
_AT_OPTIMUM = 1e-11


def spread(variances: Array, augmentation: Array, temperature: Array, time: Array) -> Array:
    """Squared gain α(t) of directions without signal; arrays that broadcast, time may be inf."""
    final = temperature * variances / np.square(variances + np.square(augmentation))
    with np.errstate(over="ignore", invalid="ignore"):
        elapsed = 4.0 * variances * time / temperature
    elapsed = np.where(variances > 0, elapsed, 0.0)
    decayed = np.exp(-elapsed)
    # without variance 1 - e^{-rt} and α_∞ vanish together: (1 - e^{-rt})/α_∞ → 4 σ_a⁴ t/τ²
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
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
    bent_rows = np.flatnonzero(started & ~at_end & ~aligned)
    for first in range(0, bent_rows.size, _TOGETHER):
        some = bent_rows[first : first + _TOGETHER]
        found[some] = _integrate(views.take(some), temperature[some], time[some])
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
    with np.errstate(over="ignore"):  # at its end long before
        theta = 4.0 * start * time
    inverse = _quadrature(
        np.square(views.length) / total,
        variance / total,
        views.balance,
        1.0 / start,
        1.0 / final,
        theta,
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
        settled = gap < _SETTLED * end
        gap = side[rows, None] * np.where(settled, _SETTLED * end, gap)
        # from far below the end, end + gap would round to 0
        p = np.where(settled, end + gap, inverse(rows, xi)).reshape(-1)
        width = xi.shape[1]
        flat_q, flat_n = np.repeat(q[rows], width), np.repeat(n[rows], width)
        c = force(flat_q / p, flat_q / p**2, np.repeat(balance[rows], width))
        slope = 1.0 + flat_q * (1.0 + c.second) - p * (flat_n + flat_q * c.deficit)
        found: Array = slope.reshape(xi.shape) / -gap
        return found

    def stride(rows: Array, xi: Array) -> Array:
        return np.full(xi.shape, _STRIDE)

    # e^{-ξ} of the way is then nothing beside the end
    with np.errstate(divide="ignore"):
        enough = np.log(np.abs(distance) / (0.1 * ROUNDING * final))
    xi = march(rate, theta, stride, np.where(distance == 0, 0.0, np.maximum(enough, 0.0)))
    reached: Array = inverse(slice(None), xi[:, None])[:, 0]
    return reached


def flow_off_axes(views: Views, factor: Array, temperature: Array, time: Array) -> Array:
    """A at `time` in the coordinates of T, where Σ and C are F diag(ν) Fᵀ and FFᵀ.

    Parameters
    ----------
    views : Views
        In the coordinates F⁻¹h, with ν the variances and C the identity.
    factor : array, shape (B, K, K)
        F.
    temperature, time : array, shape (B,)

    Raises
    ------
    ConvergenceError, ValueError
        As :func:`flow`, and for a time too long for so many axes.
    """
    count, axes = views.variances.shape
    found = np.empty((count, axes, axes))
    if not axes:
        return found
    found[time == 0] = np.eye(axes)
    at_end = np.isinf(time)
    if at_end.any():
        back = np.swapaxes(np.linalg.inv(factor[at_end]), -1, -2)
        whitened = temperature[at_end, None, None] * optimum(views.take(at_end))
        found[at_end] = back @ whitened @ np.swapaxes(back, -1, -2)
    rows = np.flatnonzero((time > 0) & ~at_end)
    for first in range(0, rows.size, _TOGETHER):
        some = rows[first : first + _TOGETHER]
        found[some] = _integrate(views.take(some), temperature[some], time[some], factor[some])
    return found


def _integrate(views: Views, temperature: Array, time: Array, factor: Array | None = None) -> Array:
    """A from the K × K equations of a batch, all of them over the time of each as a unit.

    A population that has settled at its optimum takes it and leaves the batch: from there on the
    integrator would only chase its own rounding.

    Raises
    ------
    ValueError
        For a time too long for so many axes.
    """
    count, axes = views.variances.shape
    fastest = 4.0 / temperature
    if factor is None:
        fastest *= (views.variances + views.total**2 / temperature[:, None]).max(-1)
    else:
        widest = np.square(np.linalg.norm(factor, 2, axis=(-2, -1)))
        fastest *= widest * (1.0 + widest / temperature)
    slow = np.flatnonzero(fastest * time > _EXPLICIT_TIMES)
    if axes > _IMPLICIT_AXES and slow.size:
        raise ValueError(
            f"time must be at most {_EXPLICIT_TIMES / fastest[slow[0]]:.3g}, or inf, on a "
            f"population of {axes} axes with a mean along none of them, got {time[slow[0]]:g}"
        )
    method: dict[str, Any] = {"method": "DOP853"}
    if axes <= _IMPLICIT_AXES:  # no population feels another: the Jacobian is a band of blocks
        method = {"method": "LSODA", "lband": axes**2 - 1, "uband": axes**2 - 1}
    reached = optimum(views)
    rows, start = np.arange(count), 0.0
    state = np.tile(np.eye(axes), (count, 1, 1))
    while rows.size:
        own = None if factor is None else factor[rows]
        batch = _Batch(views.take(rows), temperature[rows], time[rows], reached[rows], own)
        solution = scipy.integrate.solve_ivp(
            batch.velocity,
            (start, 1.0),
            state.ravel(),
            t_eval=[1.0],
            events=batch.half_settled,
            rtol=_RELATIVE,
            atol=np.repeat(_ABSOLUTE * batch.smallest, axes**2),
            **method,
        )
        if not solution.success:
            raise ConvergenceError(f"the gradient flow was not integrated: {solution.message}")
        if solution.status == 0:  # at the end, not at an event
            reached[rows] = batch.whitened(solution.y[:, 0])
            break
        start, state = solution.t_events[0][-1], solution.y_events[0][-1]
        distance = batch.distance(state)
        left = distance > max(batch.middle(distance), _AT_OPTIMUM)
        rows, state = rows[left], state.reshape(-1, axes, axes)[left]
    if factor is not None:
        back = np.swapaxes(np.linalg.inv(factor), -1, -2)
        turned: Array = temperature[:, None, None] * (back @ reached @ np.swapaxes(back, -1, -2))
        return turned
    root = np.sqrt(views.total)
    found: Array = temperature[:, None, None] * reached / (root[:, :, None] * root[:, None, :])
    return found


class _Batch:
    """The flow of T for a batch of populations, and how far each is from its optimum."""

    def __init__(
        self,
        views: Views,
        temperature: Array,
        time: Array,
        final: Array,
        factor: Array | None = None,
    ) -> None:
        self._views, self._final, self._factor = views, final, factor
        self._root = np.sqrt(views.total)
        self._scale = 1.0 / np.sqrt(temperature)[:, None, None]
        self._pace = (-2.0 * time / temperature)[:, None, None]
        self._u = views.signal / self._root * views.length[:, None]
        diagonal = np.sqrt(np.einsum("bii->bi", final))
        self._size = diagonal[:, :, None] * diagonal[:, None, :]
        if factor is None:
            ends = spread(
                views.variances, views.augmentation[:, None], temperature[:, None], time[:, None]
            )
        else:
            back = np.swapaxes(np.linalg.inv(factor), -1, -2)
            ends = np.linalg.eigvalsh(back @ final @ np.swapaxes(back, -1, -2))
            ends = np.maximum(temperature[:, None] * ends, _LEAST)
        self.smallest = np.sqrt(np.minimum(1.0, ends).min(-1))

    def _wide(self, t: Array) -> Array:
        """T in the coordinates in which C is the identity: T F."""
        found: Array = t * self._root[:, None, :] if self._factor is None else t @ self._factor
        return found

    def whitened(self, state: Array) -> Array:
        """W, of shape (B, K, K)."""
        scaled = self._wide(state.reshape(self._final.shape)) * self._scale
        found: Array = np.swapaxes(scaled, 1, 2) @ scaled
        return found

    def velocity(self, _: float, state: Array) -> Array:
        """dT/ds at s = t/time."""
        u, whitened = self._u, self.whitened(state)
        image = (whitened @ u[:, :, None])[:, :, 0]
        c = force((u * image).sum(-1), np.square(image).sum(-1), self._views.balance)
        half = (0.5 * (1.0 + c.second))[:, None, None] * image[:, :, None] * u[:, None, :]
        gradient = whitened + half + np.swapaxes(half, 1, 2)
        gradient -= c.deficit[:, None, None] * u[:, :, None] * u[:, None, :]
        axis = np.arange(u.shape[1])
        gradient[:, axis, axis] -= self._views.share
        t = self._wide(state.reshape(gradient.shape))
        if self._factor is None:
            gradient = gradient * self._root[:, None, :]
        else:
            gradient = gradient @ np.swapaxes(self._factor, -1, -2)
        moved: Array = self._pace * (t @ gradient)
        return moved.ravel()

    def distance(self, state: Array) -> Array:
        """Largest entry of W - W*, each over those of W* on the diagonal, shape (B,)."""
        apart = np.abs(self.whitened(state) - self._final) / self._size
        found: Array = apart.max(axis=(1, 2))
        return found

    @staticmethod
    def middle(distance: Array) -> float:
        """That of the last one of the nearer half."""
        half = (distance.size - 1) // 2
        return float(np.partition(distance, half)[half])

    @property
    def half_settled(self) -> Callable[[float, Array], float]:
        """Falls through 0, and stops the integrator, when half of the batch is at the optimum."""

        def event(_: float, state: Array) -> float:
            return self.middle(self.distance(state)) - _AT_OPTIMUM

        event.terminal, event.direction = True, -1.0  # type: ignore[attr-defined]
        return event
