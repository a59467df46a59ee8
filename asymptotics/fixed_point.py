"""The fixed point of a nonlinear channel: Newton's method in log coordinates, in batches.

The unknowns are (log m, log q, log V, b), the equations

    log(m'/m) = log(q'/q) = log(V'/V) = 0   and, with an intercept,   log(π E f₊ / ((1-π) E f₋)) = 0,

where primes are the right-hand sides of the design's section 3. Since f ≥ 0 for every decreasing
loss the logarithms exist, and power laws, which rule the corners, become straight lines: Newton's
method converges from the first guess nearly everywhere. What it leaves is reached by continuation
in the penalty, from a strong one where every loss is linear.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from scipy.special import ndtri

from .gaussian import normal_density
from .parameters import Array
from .problem import Moments, Problem, Resolvent, State
from .square_loss import solve_square_loss

__all__ = ["Channel", "solve_fixed_point"]

# A residual that counts as solved at once, and the largest that is accepted where rounding (a
# deviation of 1e-7 beside an intercept of 1) does not let it fall further.
_TARGET = 1e-13
_ACCEPTED = 1e-9
_MAX_STEPS = 60
_MAX_HALVINGS = 12
# Largest Newton step in a logarithm, and in the intercept.
_TRUST = 3.0
_TRUST_INTERCEPT = 1.0
_SUFFICIENT = 1e-4
# Continuation: shares of the path from the easy problem to the one in hand.
_FIRST_STRIDE = 0.1
_SHORTEST_STRIDE = 1e-4
_MAX_STRIDES = 200
_BISECTIONS = 60
_PINNED_SWEEPS = 12
# Problems solved together: enough to hide the interpreter, few enough to stay in the cache.
_CHUNK = 128


class Channel(Protocol):
    """What the solver needs to know of a loss."""

    @property
    def stand_ins(self) -> tuple[tuple[float, float], ...]: ...

    @property
    def hard(self) -> bool: ...

    @property
    def kinked(self) -> bool: ...

    def moments(self, mean: Array, deviation: Array, susceptibility: Array) -> Moments: ...


class _Equations(NamedTuple):
    residual: Array  # (B, 4)
    jacobian: Array  # (B, 4, 4)


def _intercept(problem: Problem, x: Array, channel: Channel) -> tuple[Array, Array]:
    """The intercept b at x and its derivatives in x, shape (B, 4).

    The fourth coordinate is b itself; for a loss with a kink at 1 it is the place of the kink among
    the margins of the larger class, κ = (1 - m - |b|)/√q. There the intercept hides all but a
    sliver of that class behind the kink, and moves with √q.
    """
    if not channel.kinked:
        return x[:, 3], np.zeros((1, 4))
    m, deviation = problem.signal * np.exp(x[:, 0]), np.exp(0.5 * x[:, 1])
    side = np.where(problem.free_intercept, np.sign(problem.balance - 0.5), 0.0)
    step = x[:, 3] * deviation
    by = side[:, None] * np.stack([-m, -0.5 * step, 0 * m, -deviation], axis=-1)
    return side * (1.0 - m - step), by


def _kink_coordinate(problem: Problem, x: Array, channel: Channel) -> Array:
    """Turn a fourth coordinate that is an intercept into the solver's."""
    if not channel.kinked:
        return x
    m, deviation = problem.signal * np.exp(x[:, 0]), np.exp(0.5 * x[:, 1])
    out = x.copy()
    out[:, 3] = (1.0 - m - np.sign(problem.balance - 0.5) * x[:, 3]) / deviation
    out[:, 3] = np.where(problem.free_intercept, out[:, 3], 0.0)
    return out


def _equations(problem: Problem, x: Array, channel: Channel) -> _Equations:
    """Residuals and their exact Jacobian at x = (log m/|μ|², log q, log V, b), shape (B, 4)."""
    unit_mean, q, v = np.exp(x[:, :3]).T
    m = problem.signal * unit_mean
    deviation = np.sqrt(q)
    b, by_coordinates = _intercept(problem, x, channel)
    two = bool(problem.free_intercept.any())
    if two:
        means = np.stack([m + b, m - b], axis=1)
        share = np.stack([problem.balance, 1.0 - problem.balance], axis=1)
    else:  # b = 0: both classes have the same margins
        means, share = m[:, None], np.ones((len(m), 1))
    shape = means.shape
    per_class = channel.moments(
        means,
        np.broadcast_to(deviation[:, None], shape),
        np.broadcast_to(v[:, None], shape),
    )
    g = Moments(*((share * moment).sum(-1) for moment in per_class))
    m_hat, q_hat, v_hat = g.f, g.f2, -g.df

    # Derivatives of log m̂, log q̂, V̂ with respect to (log m, log q, log V, b).
    sign = np.array([1.0, -1.0]) if two else np.zeros(1)

    def in_intercept(moment: Array) -> Array:
        return np.asarray((share * moment * sign).sum(-1))

    hats = np.empty((len(m), 3, 4))
    hats[:, 0] = (
        np.stack(
            [g.df * m, 0.5 * g.df_z * deviation, g.f_df * v, in_intercept(per_class.df)], axis=-1
        )
        / m_hat[:, None]
    )
    hats[:, 1] = (
        np.stack(
            [
                2.0 * g.f_df * m,
                g.f_df_z * deviation,
                2.0 * g.f2_df * v,
                2.0 * in_intercept(per_class.f_df),
            ],
            axis=-1,
        )
        / q_hat[:, None]
    )
    hats[:, 2] = -np.stack(
        [
            g.df_z / deviation * m,
            0.5 * g.df_z2,
            g.f_df_z / deviation * v,
            in_intercept(per_class.df_z) / deviation,
        ],
        axis=-1,
    )

    sums = Resolvent.of(problem, v_hat)
    explained = problem.signal * m_hat**2 * sums.e_d
    unexplained = q_hat * sums.w_d2
    new_q = explained + unexplained
    residual = np.zeros((len(m), 4))
    residual[:, 0] = np.log(m_hat * sums.e) - x[:, 0]
    residual[:, 1] = np.log(new_q) - x[:, 1]
    residual[:, 2] = np.log(sums.w_d) - x[:, 2]

    jacobian = np.zeros((len(m), 4, 4))
    jacobian[:, 0] = hats[:, 0] - (sums.e_d / sums.e)[:, None] * hats[:, 2]
    by_v_hat = problem.signal * m_hat**2 * sums.e_d2 + q_hat * sums.w_d3
    jacobian[:, 1] = (
        2.0 * explained[:, None] * hats[:, 0]
        + unexplained[:, None] * hats[:, 1]
        - 2.0 * by_v_hat[:, None] * hats[:, 2]
    ) / new_q[:, None]
    jacobian[:, 2] = -(sums.w_d2 / sums.w_d)[:, None] * hats[:, 2]
    jacobian[:, range(3), range(3)] -= 1.0
    jacobian[:, 3, 3] = 1.0
    if two:
        free = problem.free_intercept
        f = share * per_class.f
        residual[:, 3] = np.where(free, np.log(f[:, 0] / f[:, 1]), 0.0)
        scale = (share * sign) / f

        def contrast(moment: Array) -> Array:
            return np.asarray((scale * moment).sum(-1))

        last = np.stack(
            [
                contrast(per_class.df) * m,
                contrast(0.5 * per_class.df_z) * deviation,
                contrast(per_class.f_df) * v,
                (scale * sign * per_class.df).sum(-1),
            ],
            axis=-1,
        )
        jacobian[:, 3] = np.where(free[:, None], last, jacobian[:, 3])
        jacobian[:, :3, 3] *= free[:, None]
        if channel.kinked:
            by_intercept = jacobian[:, :, 3].copy()
            jacobian[:, :, 3] = 0.0
            jacobian += by_intercept[:, :, None] * by_coordinates[:, None, :]
    return _Equations(residual, jacobian)


def _size(equations: _Equations) -> Array:
    """Norm of the residual; infinite where anything is not finite."""
    norm = np.sqrt(np.square(equations.residual).sum(-1))
    finite = np.isfinite(norm) & np.isfinite(equations.jacobian).all((-1, -2))
    return np.where(finite, norm, np.inf)


def _newton_step(equations: _Equations) -> Array:
    """The full step; zero where the Jacobian is singular."""
    try:
        return -np.linalg.solve(equations.jacobian, equations.residual[..., None])[..., 0]
    except np.linalg.LinAlgError:
        step = np.zeros_like(equations.residual)
        for k, (matrix, right) in enumerate(zip(*equations[::-1], strict=True)):
            try:
                step[k] = -np.linalg.solve(matrix, right)
            except np.linalg.LinAlgError:
                continue
        return step


def _newton(problem: Problem, start: Array, channel: Channel) -> tuple[Array, Array]:
    """Damped Newton from `start`, shape (B, 4): the best points found and their residuals.

    Each element is judged by the largest of its undamped residuals, and stops on its own: at the
    target, or where no shorter step makes the norm of its residual fall.
    """
    x, best = start.copy(), np.full(len(start), np.inf)
    active = np.arange(len(start))
    here = problem
    equations = _equations(here, x, channel)
    size = _size(equations)
    for _ in range(_MAX_STEPS):
        best[active] = np.where(np.isfinite(size), np.abs(equations.residual).max(-1), np.inf)
        going = (best[active] > _TARGET) & np.isfinite(size)
        if not going.all():
            active, here = active[going], here.take(going)
            equations = _Equations(*(part[going] for part in equations))
            size = size[going]
        if not active.size:
            break
        step = _newton_step(equations)
        length = np.maximum(
            np.abs(step[:, :3]).max(-1) / _TRUST, np.abs(step[:, 3]) / _TRUST_INTERCEPT
        )
        step /= np.maximum(length, 1.0)[:, None]
        pending = np.arange(active.size)
        shrink = 1.0
        moved = np.zeros(active.size, dtype=bool)
        for _ in range(_MAX_HALVINGS):
            whole = pending.size == active.size
            trial = x[active[pending]] + shrink * step[pending]
            found = _equations(here if whole else here.take(pending), trial, channel)
            norm = _size(found)
            better = norm < (1.0 - _SUFFICIENT * shrink) * size[pending]
            if whole and better.all():
                x[active], equations, size = trial, found, norm
                moved[:] = True
                break
            chosen = pending[better]
            x[active[chosen]] = trial[better]
            equations.residual[chosen] = found.residual[better]
            equations.jacobian[chosen] = found.jacobian[better]
            size[chosen] = norm[better]
            moved[chosen] = True
            pending = pending[~better]
            # At the level of rounding there is nothing shorter to try.
            pending = pending[size[pending] > _ACCEPTED]
            if not pending.size:
                break
            shrink *= 0.4
        if not moved.all():
            best[active] = np.abs(equations.residual).max(-1)
            active, here = active[moved], here.take(moved)
            equations = _Equations(*(part[moved] for part in equations))
            size = size[moved]
            if not active.size:
                break
    return x, best


def _stand_in(problem: Problem, curvature: float, target: float) -> Array:
    """The solution for the quadratic loss ½ a (u - t)², as a first guess of shape (B, 4)."""
    # Without a penalty the stand-in may interpolate where the loss does not: give it a small one.
    floor = 1e-3 * (problem.weights * problem.bulk).sum(-1)
    penalty = np.where(problem.penalty > 0, problem.penalty, floor) / curvature
    state = solve_square_loss(problem._replace(penalty=penalty))
    direction = Resolvent.of(
        problem._replace(penalty=penalty), 1.0 / (1.0 + state.susceptibility)
    ).e
    # m/|μ|², which is defined without a signal too
    unit = np.where(
        problem.signal > 0, state.mean / np.where(problem.signal > 0, problem.signal, 1), direction
    )
    return np.stack(
        [
            np.log(target * unit),
            np.log(target**2 * state.variance),
            np.log(state.susceptibility / curvature),
            target * state.intercept,
        ],
        axis=-1,
    )


def _pinned_guess(problem: Problem) -> Array:
    """A first guess for a kinked loss where the intercept pins the larger class to the kink.

    The smaller class and as large a part of the other have f = 1; the kink is a thin slice of the
    larger class, at the quantile κ of that part.
    """
    larger = np.maximum(problem.balance, 1.0 - problem.balance)
    m_hat = q_hat = 2.0 * (1.0 - larger)
    kink = ndtri((1.0 - larger) / larger)
    sums = Resolvent.of(problem, np.zeros_like(kink))
    for _ in range(_PINNED_SWEEPS):
        q = problem.signal * m_hat**2 * sums.e_d + q_hat * sums.w_d2
        sums = Resolvent.of(problem, larger * normal_density(kink) / np.sqrt(q))
    return np.stack([np.log(m_hat * sums.e), np.log(q), np.log(sums.w_d), kink], axis=-1)


def _first_guess(problem: Problem, channel: Channel) -> Array:
    """Of the stand-ins, the one with the smallest residual, element by element."""
    candidates = [
        _kink_coordinate(problem, _stand_in(problem, a, t), channel) for a, t in channel.stand_ins
    ]
    if channel.kinked and problem.free_intercept.all():
        candidates.append(_pinned_guess(problem))
    if len(candidates) == 1:
        return candidates[0]
    sizes = np.stack([_size(_equations(problem, x, channel)) for x in candidates])
    return np.stack(candidates)[sizes.argmin(0), np.arange(len(sizes[0]))]


def _balance_classes(problem: Problem, x: Array, channel: Channel) -> Array:
    """Replace the intercepts by roots of the class equation, which falls in b, at fixed m, q, V."""
    unit_mean, q, v = np.exp(x[:, :3]).T
    m, deviation = problem.signal * unit_mean, np.sqrt(q)
    target = np.log(problem.balance / (1.0 - problem.balance))

    def gap(b: Array) -> Array:
        plus, minus = (channel.moments(mean, deviation, v).f for mean in (m + b, m - b))
        return np.log(plus) - np.log(minus) + target

    # Outside this bracket one class lies beyond the reach of the loss, or of the other class.
    reach = 2.0 + 2.0 * np.abs(_intercept(problem, x, channel)[0]) + m + v + 40.0 * deviation
    low, high = -reach, reach
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        positive = gap(middle) > 0
        low, high = np.where(positive, middle, low), np.where(positive, high, middle)
    found = x.copy()
    found[:, 3] = np.where(problem.free_intercept, 0.5 * (low + high), 0.0)
    return _kink_coordinate(problem, found, channel)


def _continuation(problem: Problem, channel: Channel) -> tuple[Array, Array]:
    """Follow the solution from an easy problem to this one, by a secant predictor and Newton.

    The easy problem has a strong penalty, which makes every loss linear; for a hard margin, whose
    penalty means nothing, it has many more dimensions than samples.
    """
    if channel.hard:
        start = problem._replace(aspect_ratio=10.0 * np.maximum(problem.aspect_ratio, 1.0))
    else:
        size = (problem.weights * problem.bulk).sum(-1)
        start = problem._replace(penalty=np.maximum(10.0 * problem.penalty, 10.0 * size))
    # An end at penalty 0 is infinitely far on a logarithmic path: come close, then step over.
    end = np.maximum(problem.penalty, 1e-6 * (problem.weights * problem.bulk).sum(-1))
    end = np.where(problem.penalty > 0, problem.penalty, end)

    def at(t: Array, index: Array) -> Problem:
        part, first = problem.take(index), start.take(index)
        penalty = first.penalty ** (1.0 - t) * end[index] ** t
        return part._replace(
            aspect_ratio=first.aspect_ratio ** (1.0 - t) * part.aspect_ratio**t,
            penalty=np.where(t == 1.0, part.penalty, penalty),
        )

    count = len(problem.balance)
    t, before = np.zeros(count), np.full(count, -1.0)
    everything = np.arange(count)
    easy = at(t, everything)
    guess = _balance_classes(easy, _first_guess(easy, channel), channel)
    x, residual = _newton(easy, guess, channel)
    previous = x.copy()
    alive = residual <= _ACCEPTED
    result, final = x.copy(), np.full(count, np.inf)
    stride = np.full(count, _FIRST_STRIDE)
    for _ in range(_MAX_STRIDES):
        index = np.flatnonzero(alive)
        if not index.size:
            break
        ahead = np.minimum(t[index] + stride[index], 1.0)
        ahead = np.where(ahead > 1.0 - 1e-6, 1.0, ahead)
        ratio = (ahead - t[index]) / (t[index] - before[index])
        guess = x[index] + ratio[:, None] * (x[index] - previous[index])
        found, size = _newton(at(ahead, index), guess, channel)
        good = size <= _ACCEPTED
        moved = index[good]
        previous[moved], before[moved] = x[moved], t[moved]
        x[moved], t[moved] = found[good], ahead[good]
        stride[index] *= np.where(good, 2.0, 0.3)
        arrived = moved[t[moved] == 1.0]
        result[arrived], final[arrived] = x[arrived], size[good][t[moved] == 1.0]
        alive[arrived] = False
        alive &= stride > _SHORTEST_STRIDE
    return result, final


def _solve_chunk(problem: Problem, channel: Channel) -> tuple[Array, Array]:
    """Newton from the first guess; continuation for what it leaves."""
    x, residual = _newton(problem, _first_guess(problem, channel), channel)
    left = np.flatnonzero(~(residual <= _ACCEPTED))
    if left.size:
        again, size = _continuation(problem.take(left), channel)
        better = size <= _ACCEPTED
        x[left[better]], residual[left[better]] = again[better], size[better]
    return x, residual


def solve_fixed_point(problem: Problem, channel: Channel) -> State:
    """Solve a flat batch; `converged` is False where no point was found to tolerance."""
    count = len(problem.balance)
    x, residual = np.empty((count, 4)), np.empty(count)
    with np.errstate(all="ignore"):  # every overflow ends as an infinite residual, seen above
        for free in (False, True):
            index = np.flatnonzero(problem.free_intercept == free)
            for start in range(0, index.size, _CHUNK):
                part = index[start : start + _CHUNK]
                x[part], residual[part] = _solve_chunk(problem.take(part), channel)
        unit, q, v = np.exp(x[:, :3]).T
        intercept = _intercept(problem, x, channel)[0]
    return State(problem.signal * unit, q, v, intercept, residual, residual <= _ACCEPTED)
