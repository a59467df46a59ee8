r"""One score on clusters of two classes, shared or own covariances: the fixed point of any channel.

Cluster k has the label y_k and the loss c_k ℓ(y_k x): its channel is that of ℓ at V c_k, times c_k.
The unknowns are logarithms of what the channel answers, all of it positive, and the intercept:

    a_k = E_k f,   q̂_s = Σ_{k∈s} ρ_k E_k f²,   v̂_s = -Σ_{k∈s} ρ_k E_k f',

over covariances s. From them the prior makes F_k = ρ_k y_k a_k, m = AF, V_s (class_prior.py) and
q_s = Fᵀ D_s F + Σ c_st q̂_t, and the channel of N(y_k(m_k + b), q_s) at V_s has to answer the same.
With an intercept, log Σ_{y=1} ρ_k a_k = log Σ_{y=-1} ρ_k a_k. Newton with the exact Jacobian; where
it fails, continuation in the penalty, from a strong one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..checks import Array
from .channel import Channel, Moments
from .class_prior import ClassPrior
from .class_square import ClassState, own_kind, solve_targets
from .prior import ACCEPTED_RESIDUAL

__all__ = ["solve_clusters"]

_TARGET = 1e-13
_MAX_STEPS = 80
_MAX_HALVINGS = 14
_SUFFICIENT = 1e-4
# The largest Newton step in the logarithms, and of the intercept in units of √(1 + q).
_TRUST = 1.5
# Continuation: the first factor between penalties, and the one at which it is given up.
_FIRST_FACTOR = 10.0
_LAST_FACTOR = 1.02
_MAX_STRIDES = 120


# How often the weight c multiplies each of the moments of c f(ω; cV).
_POWERS = (1, 2, 1, 2, 3, 1, 1, 2)


class _Point(NamedTuple):
    """The equations at x, shape (B, C + 2S + 1)."""

    residual: Array  # (B, n)
    jacobian: Array  # (B, n, n)
    size: Array  # (B,)
    mean: Array  # (B, C)
    variance: Array  # (B, S)
    v: Array  # (B, S)
    moments: Moments  # each (B, C)


def _places(channel: Channel, mean: Array, deviation: Array) -> Array:
    """What a channel takes of the mean: itself, or where the kink at 1 is among the margins."""
    return np.asarray((1.0 - mean) / deviation) if channel.kinked else mean


def _weighted(channel: Channel, mean: Array, deviation: Array, v: Array, costs: Array) -> Moments:
    """The moments of c f(ω; cV)."""
    found = channel.moments(_places(channel, mean, deviation), deviation, costs * v)
    return Moments(*(m * costs**p for m, p in zip(found, _POWERS, strict=True)))


class _System:
    """The equations of one batch."""

    def __init__(self, prior: ClassPrior, channel: Channel, costs: Array, free: bool) -> None:
        self.prior, self.channel, self.costs, self.free = prior, channel, costs, free
        assert prior.labels is not None
        self.labels = prior.labels
        self.count, self.kinds = prior.priors.shape[1], prior.kinds
        shared = self.kinds != self.count
        # (C, S): which covariance a cluster has
        self.member = np.ones((self.count, 1)) if shared else np.eye(self.count)

    def take(self, index: Array) -> _System:
        prior: Any = self.prior
        return _System(prior.take(index), self.channel, self.costs[index], self.free)

    def channel_at(self, m: Array, b: Array, q: Array, v: Array) -> Moments:
        mean = self.labels * (m + b[:, None])
        deviation = np.sqrt(own_kind(q, self.count))
        return _weighted(self.channel, mean, deviation, own_kind(v, self.count), self.costs)

    def coordinates(self, moments: Moments, b: Array) -> Array:
        shares = self.prior.priors
        q_hat, v_hat = (shares * moments.f2) @ self.member, -(shares * moments.df) @ self.member
        return np.concatenate([np.log(moments.f), np.log(q_hat), np.log(v_hat), b[:, None]], axis=1)

    def evaluate(self, x: Array) -> _Point:
        c, s = self.count, self.kinds
        prior, labels, shares = self.prior, self.labels, self.prior.priors
        a, q_hat, v_hat = np.exp(x[:, :c]), np.exp(x[:, c : c + s]), np.exp(x[:, c + s : -1])
        b = x[:, -1]
        sums, slopes = prior.sums(v_hat), prior.slopes(v_hat)
        f = shares * labels * a
        df_ = (sums.d @ f[:, None, :, None])[..., 0]  # (B, S, C): D_s F
        m = (sums.a @ f[..., None])[..., 0]
        q = (df_ * f[:, None]).sum(-1) + (sums.c @ q_hat[..., None])[..., 0]
        v = sums.v
        moments = self.channel_at(m, b, q, v)
        answer = self.coordinates(moments, b)
        residual = answer - x
        # of the laws (m, q, V) in x = (log a, log q̂, log v̂, b)
        n = x.shape[1]
        batch = len(x)
        by_m, by_q, by_v = np.zeros((batch, c, n)), np.zeros((batch, s, n)), np.zeros((batch, s, n))
        by_m[:, :, :c] = sums.a * f[:, None]
        by_m[:, :, c + s : -1] = -np.swapaxes(df_ * v_hat[..., None], -1, -2)
        by_q[:, :, :c] = 2.0 * df_ * f[:, None]
        by_q[:, :, c : c + s] = sums.c * q_hat[:, None]
        bent = (f[:, None, None, None] @ slopes.d @ f[:, None, None, :, None])[..., 0, 0]
        bent = bent + (np.swapaxes(slopes.c, -1, -2) @ q_hat[:, None, :, None])[..., 0]
        by_q[:, :, c + s : -1] = -bent * v_hat[:, None]
        by_v[:, :, c + s : -1] = -sums.c * v_hat[:, None]
        by_m[:, :, -1] = 1.0  # the margin moves with b as with m
        # of the moments in the laws
        deviation = np.sqrt(own_kind(q, c))
        own_q, own_v = (own_kind(block, c) for block in (by_q, by_v))

        def chained(mean: Array, variance: Array, susceptibility: Array) -> Array:
            return np.asarray(
                (labels * mean)[..., None] * by_m
                + variance[..., None] * own_q
                + susceptibility[..., None] * own_v
            )

        t = moments
        by_f = chained(t.df, 0.5 * t.df_z / deviation, t.f_df)
        by_f2 = chained(2.0 * t.f_df, t.f_df_z / deviation, 2.0 * t.f2_df)
        by_df = chained(t.df_z / deviation, 0.5 * t.df_z2 / deviation**2, t.f_df_z / deviation)
        jacobian = np.empty((batch, n, n))
        jacobian[:, :c] = by_f / t.f[..., None]
        to_kind = (shares[:, :, None] * self.member).swapaxes(-1, -2)  # (B, S, C)
        q_new, v_new = np.exp(answer[:, c : c + s]), np.exp(answer[:, c + s : -1])
        jacobian[:, c : c + s] = to_kind @ by_f2 / q_new[..., None]
        jacobian[:, c + s : -1] = -(to_kind @ by_df) / v_new[..., None]
        rows = np.arange(n - 1)
        jacobian[:, rows, rows] -= 1.0
        if self.free:
            up, down = shares * (labels > 0), shares * (labels < 0)
            plus, minus = (up * t.f).sum(-1), (down * t.f).sum(-1)
            residual[:, -1] = np.log(plus / minus)
            slope = up / plus[:, None] - down / minus[:, None]
            jacobian[:, -1] = (slope[:, None] @ by_f)[:, 0]
        else:
            residual[:, -1] = 0.0
            jacobian[:, :, -1] = 0.0
            jacobian[:, -1] = 0.0
            jacobian[:, -1, -1] = 1.0
        norm = np.sqrt(np.square(residual).sum(-1))
        known = np.isfinite(norm + jacobian.sum((-1, -2)))
        return _Point(residual, jacobian, np.where(known, norm, np.inf), m, q, v, moments)


def _steps(point: _Point) -> Array:
    found = np.zeros_like(point.residual)
    for i in np.flatnonzero(np.isfinite(point.size)):
        try:
            found[i] = np.linalg.solve(point.jacobian[i], -point.residual[i])
        except np.linalg.LinAlgError:
            continue
    units = np.ones_like(found)
    units[:, -1] = np.sqrt(1.0 + point.variance.max(-1))
    length = np.abs(found / units).max(-1) / _TRUST
    return np.asarray(found / np.maximum(length, 1.0)[:, None])


def _pick(point: _Point, index: Array) -> _Point:
    return _Point(
        point.residual[index],
        point.jacobian[index],
        point.size[index],
        point.mean[index],
        point.variance[index],
        point.v[index],
        Moments(*(m[index] for m in point.moments)),
    )


def _put(whole: _Point, part: _Point, index: Array) -> None:
    for old, new in zip((*whole[:-1], *whole.moments), (*part[:-1], *part.moments), strict=True):
        old[index] = new


def _newton(system: _System, start: Array) -> tuple[Array, _Point]:
    """Damped Newton from `start`, each element on its own."""
    x = start.copy()
    point = system.evaluate(x)
    going = np.flatnonzero((point.size > _TARGET) & np.isfinite(point.size))
    for _ in range(_MAX_STEPS):
        if not going.size:
            break
        part, here = system.take(going), _pick(point, going)
        step, shrink = _steps(here), np.ones(going.size)
        better = np.zeros(going.size, bool)
        for _ in range(_MAX_HALVINGS):
            trial = x[going] + shrink[:, None] * step
            found = part.evaluate(trial)
            better = found.size < (1.0 - _SUFFICIENT * shrink) * here.size
            if np.all(better | (here.size <= ACCEPTED_RESIDUAL)):
                break
            shrink = np.where(better, shrink, 0.5 * shrink)
        moved = going[better]
        x[moved] = trial[better]
        _put(point, _pick(found, np.flatnonzero(better)), moved)
        going = moved[point.size[moved] > _TARGET]
    return x, point


def _guess(system: _System, prior: ClassPrior) -> Array:
    """The best of the quadratic stand-ins of the channel, in closed form."""
    best: Array | None = None
    size: Array | None = None
    for curvature, target in system.channel.stand_ins:
        state = solve_targets(
            prior.penalised(prior.penalty / curvature),
            target * system.labels[None],
            system.costs,
            system.free,
        )
        b = state.intercept[:, 0]
        moments = system.channel_at(
            state.mean[:, 0], b, state.variance[:, :, 0, 0], state.susceptibility / curvature
        )
        x = system.coordinates(moments, b)
        if len(system.channel.stand_ins) == 1:
            return x
        sizes = system.evaluate(x).size
        if best is None or size is None:
            best, size = x, sizes
        else:
            best = np.where((sizes < size)[:, None], x, best)
            size = np.minimum(sizes, size)
    assert best is not None
    return best


def _continued(system: _System) -> tuple[Array, _Point]:
    """One element, from a strong penalty down to its own."""
    prior = system.prior
    goal = float(prior.penalty[0])
    start = max(10.0 * goal, 10.0 * float(prior.size()[0]))

    def at(penalty: float) -> _System:
        moved = prior.penalised(np.array([penalty]))
        return _System(moved, system.channel, system.costs, system.free)

    here = at(start)
    x, point = _newton(here, _guess(here, here.prior))
    penalty, factor = start, _FIRST_FACTOR
    before: tuple[float, Array] | None = None
    for _ in range(_MAX_STRIDES):
        if not point.size[0] <= ACCEPTED_RESIDUAL or factor < _LAST_FACTOR:
            break
        if penalty == goal:
            return x, point
        ahead = max(goal, penalty / factor)
        guess = x
        if before is not None:  # a secant in the logarithm of the penalty
            slope = np.log(ahead / penalty) / np.log(penalty / before[0])
            guess = x + slope * (x - before[1])
        moved, found = _newton(at(ahead), guess)
        if found.size[0] <= ACCEPTED_RESIDUAL:
            before = (penalty, x)
            x, point, penalty = moved, found, ahead
            factor = min(factor * 1.5, 1e3)
        else:
            factor = np.sqrt(factor)
    failed = point._replace(size=np.full(1, np.inf))
    return (x, failed) if penalty != goal else (x, point)


def solve_clusters(prior: ClassPrior, channel: Channel, costs: Array, free: bool) -> ClassState:
    """The order parameters of a batch; the residual of an element not found is not small."""
    system = _System(prior, channel, costs, free)
    x, point = _newton(system, _guess(system, prior))
    if not channel.hard:
        for i in np.flatnonzero(~(point.size <= ACCEPTED_RESIDUAL)):
            index = np.array([i])
            found, at = _continued(system.take(index))
            if at.size[0] <= ACCEPTED_RESIDUAL:
                x[index] = found
                _put(point, at, index)
    count = system.count
    b = x[:, -1]
    mean = system.labels * (point.mean + b[:, None])
    deviation = np.sqrt(own_kind(point.variance, count))
    v = own_kind(point.v, count)
    losses = costs * channel.training_loss(_places(channel, mean, deviation), deviation, costs * v)
    return ClassState(
        point.mean[:, None],
        point.variance[:, :, None, None],
        point.v,
        b[:, None],
        np.where(np.isfinite(point.size), np.abs(point.residual).max(-1), np.inf),
        (prior.priors * losses).sum(-1),
    )
