"""The fixed point of a nonlinear channel: Newton's method in log coordinates, in batches.

The unknowns are log m, log q, log V and a coordinate of b, the equations

    log(m'/m) = log(q'/q) = log(V'/V) = 0   and, with an intercept,
    log(π E f₊ / ((1 - π) E f₋)) = 0,

where primes are the right-hand sides of the prior's equations (problem.py). Since f ≥ 0 for every
decreasing loss the logarithms exist, and power laws, which rule the corners, become straight lines:
Newton's method converges from the first guess nearly everywhere. What it leaves is reached by
continuation in the penalty, from a strong one where every loss is linear.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
import scipy

from .gaussian import normal_density
from .parameters import Array
from .problem import ACCEPTED_RESIDUAL, Moments, Problem, Resolvent, State
from .square_loss import solve_square_loss

__all__ = ["Channel", "linearise", "solve_fixed_point"]

# A residual that counts as solved at once.
_TARGET = 1e-13
_MAX_STEPS = 60
_MAX_HALVINGS = 12
# One over the largest Newton step, in the logarithms and in the intercept.
_TRUST = 1.0 / np.array([3.0, 3.0, 3.0, 1.0])
_SUFFICIENT = 1e-4
# The residual below which the equations have to be exact; a step from above it is looked at again.
_NEAR = 1e-4
# Continuation: shares of the path from the easy problem to the one in hand.
_FIRST_STRIDE = 0.1
_SHORTEST_STRIDE = 1e-4
_MAX_STRIDES = 200
_BISECTIONS = 60
_PINNED_SWEEPS = 12
# Problems solved together: enough to hide the interpreter, few enough to stay in the cache.
_CHUNK = 128


# Which moment, and how much of it, is the derivative of f, f², f' (rows; the last times -1/√q) with
# respect to the mean, log q times √q, and V of the law (columns).
_FIELD = {name: k for k, name in enumerate(Moments._fields)}
_BY_LAW = np.array(
    [
        [_FIELD["df"], _FIELD["df_z"], _FIELD["f_df"]],
        [_FIELD["f_df"], _FIELD["f_df_z"], _FIELD["f2_df"]],
        [_FIELD["df_z"], _FIELD["df_z2"], _FIELD["f_df_z"]],
    ]
)
_BY_LAW_FACTOR = np.array([[1.0, 0.5, 1.0], [2.0, 1.0, 2.0], [1.0, 0.5, 1.0]])[..., None]


class Rule(Protocol):
    """Quadrature nodes made for a batch of laws, good for their neighbours too."""

    def covers(
        self, mean: Array, deviation: Array, susceptibility: Array
    ) -> tuple[Array, Array]: ...

    def renew(self, stale: Array, mean: Array, deviation: Array, susceptibility: Array) -> Any: ...

    def take(self, index: Any) -> Any: ...


class Channel(Protocol):
    """What the solver needs to know of a loss."""

    @property
    def stand_ins(self) -> tuple[tuple[float, float], ...]: ...

    @property
    def hard(self) -> bool: ...

    @property
    def kinked(self) -> bool: ...

    def rule(self, mean: Array, deviation: Array, susceptibility: Array) -> Rule | None: ...

    def moments(
        self, mean: Array, deviation: Array, susceptibility: Array, rule: Any = None
    ) -> Moments: ...

    def training_loss(
        self, mean: Array, deviation: Array, susceptibility: Array, rule: Any = None
    ) -> Array: ...


class _Equations(NamedTuple):
    answer: Array  # (B, 3), the prior's m/|μ|², q and V
    residual: Array  # (B, 4)
    jacobian: Array  # (B, 4, 4)
    size: Array  # (B,), norm of the residual; infinite where anything is not finite
    exact: Array  # (B,) bool, whether the quadrature was made for this very neighbourhood
    rule: Any  # quadrature nodes for the next evaluation nearby, or None

    def take(self, index: Any) -> _Equations:
        rule = None if self.rule is None else self.rule.take(index)
        return _Equations(
            self.answer[index],
            self.residual[index],
            self.jacobian[index],
            self.size[index],
            self.exact[index],
            rule,
        )


def _intercept(problem: Problem, x: Array, channel: Channel) -> tuple[Array, Array]:
    """The intercept b at x and its derivatives in x, shape (B, 4).

    The fourth coordinate is b/√(1 + q), since b grows with √q towards the separability threshold;
    for a loss with a kink at 1 it is the place of the kink among the margins of the larger class,
    κ = (1 - m - |b|)/√q. There the intercept hides all but a sliver of that class behind the kink,
    and moves with √q.
    """
    if not problem.free_intercept.any():
        return np.zeros(len(x)), np.zeros_like(x)
    if not channel.kinked:
        q = np.exp(x[:, 1])
        length = np.sqrt(1.0 + q)
        b = x[:, 3] * length
        return b, np.stack([0 * b, 0.5 * b * (q / (1.0 + q)), 0 * b, length], axis=-1)
    m, deviation = problem.signal * np.exp(x[:, 0]), np.exp(0.5 * x[:, 1])
    side = np.where(problem.free_intercept, np.sign(problem.balance - 0.5), 0.0)
    step = x[:, 3] * deviation
    by = side[:, None] * np.stack([-m, -0.5 * step, 0 * m, -deviation], axis=-1)
    return side * (1.0 - m - step) + 0.0, by


def _to_coordinates(problem: Problem, x: Array, channel: Channel) -> Array:
    """Turn a fourth coordinate that is an intercept into the solver's."""
    if not channel.kinked:
        out = x.copy()
        out[:, 3] /= np.sqrt(1.0 + np.exp(x[:, 1]))
        return out
    m, deviation = problem.signal * np.exp(x[:, 0]), np.exp(0.5 * x[:, 1])
    out = x.copy()
    out[:, 3] = (1.0 - m - np.sign(problem.balance - 0.5) * x[:, 3]) / deviation
    out[:, 3] = np.where(problem.free_intercept, out[:, 3], 0.0)
    return out


class _Found(NamedTuple):
    x: Array  # (B, 4)
    order: Array  # (B, 3): m/|μ|², q and V, free of the rounding of their logarithms
    residual: Array  # (B,), the largest
    loss: Array  # (B,), of training


def _order_parameters(
    problem: Problem, x: Array, channel: Channel
) -> tuple[Array, Array, Array, Array, Array]:
    """m, √q, V, b at x, and the derivatives of b in x."""
    unit_mean, q, v = np.exp(x[:, :3]).T
    return problem.signal * unit_mean, np.sqrt(q), v, *_intercept(problem, x, channel)


def _laws(m: Array, deviation: Array, v: Array, b: Array, two: bool) -> tuple[Array, Array, Array]:
    """Mean, deviation and V of the margins, one column for each class whose law is its own."""
    if not two:  # b = 0: both classes have the same margins
        return m[:, None], deviation[:, None], v[:, None]
    means = np.stack([m + b, m - b], axis=1)
    return means, np.repeat(deviation[:, None], 2, axis=1), np.repeat(v[:, None], 2, axis=1)


def _equations(
    problem: Problem, x: Array, channel: Channel, before: _Equations | None = None
) -> _Equations:
    """Residuals and their exact Jacobian at x = (log m/|μ|², log q, log V, b), shape (B, 4).

    The quadrature of an evaluation `before` is kept where it still holds; where that one was far
    from a solution it only has to hold loosely.
    """
    m, deviation, v, b, by_coordinates = _order_parameters(problem, x, channel)
    two = bool(problem.free_intercept.any())
    laws = _laws(m, deviation, v, b, two)
    exact = np.ones(len(m), dtype=bool)
    if before is None or before.rule is None:
        rule = channel.rule(*laws)
    else:
        rule = before.rule
        tight, loose = rule.covers(*laws)
        far = before.size > _NEAR
        stale = ~np.where(far, loose.all(-1), tight.all(-1))
        exact = stale | tight.all(-1)
        if stale.any():
            rule = rule.renew(stale, *laws)
    per_class = np.array(channel.moments(*laws, rule))  # (8, B, classes)
    if two:
        share = np.stack([problem.balance, 1.0 - problem.balance], axis=1)
        weighted = per_class * share
        average, contrast = weighted.sum(-1), weighted[..., 0] - weighted[..., 1]
    else:
        average, contrast = per_class[..., 0], np.zeros((8, 1))
    m_hat, q_hat, v_hat = average[0], average[1], -average[2]

    # Derivatives of log m̂, log q̂, V̂ with respect to (log m, log q, log V, b).
    units = np.array((m, deviation, v))
    hats = np.empty((3, 4, len(m)))
    hats[:, :3] = average[_BY_LAW] * _BY_LAW_FACTOR * units
    hats[:, 3] = contrast[_BY_LAW[:, 0]] * _BY_LAW_FACTOR[:, 0]
    hats /= np.array((m_hat, q_hat, -deviation))[:, None]

    sums = Resolvent.of(problem, v_hat)
    explained = problem.signal * m_hat**2 * sums.e_d
    unexplained = q_hat * sums.w_d2
    new_q = explained + unexplained
    residual = np.zeros((4, len(m)))
    residual[0] = m_hat * sums.e
    residual[1] = new_q
    residual[2] = sums.w_d
    answer = residual[:3].T.copy()
    residual[:3] = np.log(residual[:3]) - x[:, :3].T

    jacobian = np.zeros((4, 4, len(m)))
    jacobian[0] = hats[0] - (sums.e_d / sums.e) * hats[2]
    by_v_hat = problem.signal * m_hat**2 * sums.e_d2 + q_hat * sums.w_d3
    jacobian[1] = (
        2.0 * explained * hats[0] + unexplained * hats[1] - 2.0 * by_v_hat * hats[2]
    ) / new_q
    jacobian[2] = -(sums.w_d2 / sums.w_d) * hats[2]
    for k in range(3):
        jacobian[k, k] -= 1.0
    jacobian[3, 3] = 1.0
    if two:
        free = problem.free_intercept
        plus, minus = weighted[0, :, 0], weighted[0, :, 1]
        residual[3] = np.where(free, np.log(plus / minus), 0.0)
        # d log(f₊/f₋): the logarithmic derivatives of the two classes, subtracted
        up, down = weighted[..., 0] / plus, weighted[..., 1] / minus
        last = np.empty((4, len(m)))
        last[:3] = (up - down)[_BY_LAW[0]] * _BY_LAW_FACTOR[0] * units
        last[3] = up[2] + down[2]
        jacobian[3] = np.where(free, last, jacobian[3])
        jacobian[:3, 3] *= free
        by_intercept = jacobian[:, 3].copy()
        jacobian[:, 3] = 0.0
        jacobian += by_intercept[:, None] * by_coordinates.T
    norm = np.sqrt(np.square(residual).sum(0))
    size = np.where(np.isfinite(norm + jacobian.sum((0, 1))), norm, np.inf)
    return _Equations(answer, residual.T, jacobian.transpose(2, 0, 1), size, exact, rule)


def _newton_step(equations: _Equations) -> Array:
    """The Newton step, cut to the trust region; zero where the Jacobian is singular."""
    try:
        step = np.linalg.solve(equations.jacobian, -equations.residual[..., None])[..., 0]
    except np.linalg.LinAlgError:
        step = np.zeros_like(equations.residual)
        pairs = zip(equations.jacobian, equations.residual, strict=True)
        for k, (matrix, right) in enumerate(pairs):
            try:
                step[k] = np.linalg.solve(matrix, -right)
            except np.linalg.LinAlgError:
                continue
    length = np.abs(step * _TRUST).max(-1)
    return np.asarray(step / np.maximum(length, 1.0)[:, None])


def _newton(problem: Problem, start: Array, channel: Channel) -> _Found:
    """Damped Newton from `start`, shape (B, 4): the points reached and their residuals.

    Each element is judged by the norm of its undamped residuals, and stops on its own: at the
    target, or where no shorter step makes the norm of its residual fall. One more step, too small
    to be judged, is taken from there.
    """
    count = len(start)
    reached = _Found(
        start.copy(), np.empty((count, 3)), np.full(count, np.inf), np.full(count, np.nan)
    )
    index = np.arange(count)
    x, here, equations = start, problem, _equations(problem, start, channel)
    stuck = np.zeros(count, dtype=bool)
    for iteration in range(_MAX_STEPS + 1):
        size = equations.size
        done = (size <= _TARGET) | np.isinf(size) | stuck
        if iteration == _MAX_STEPS:
            done[:] = True
        if done.any():
            every = bool(done.all())
            ended = equations if every else equations.take(done)
            where = index if every else index[done]
            last = _newton_step(ended) * (ended.size <= ACCEPTED_RESIDUAL)[:, None]
            reached.x[where] = (x if every else x[done]) + last
            # log m = log m' - log(m'/m), and the same for q and V
            reached.order[where] = ended.answer * np.exp(last - ended.residual)[:, :3]
            reached.residual[where] = np.where(
                np.isinf(ended.size), np.inf, np.abs(ended.residual).max(-1)
            )
            reached.loss[where] = _loss(
                here if every else here.take(done), reached.x[where], channel, ended.rule
            )
            if every:
                break
            going = ~done
            index, x, here = index[going], x[going], here.take(going)
            equations = equations.take(going)
        step = _newton_step(equations)
        trial = x + step
        found = _equations(here, trial, channel, equations)
        if not np.all(found.exact | (found.size > _NEAR)):
            found = _equations(here, trial, channel, found)
        better = found.size < (1.0 - _SUFFICIENT) * equations.size
        if better.all():
            x, equations, stuck = trial, found, ~better
        else:
            x, equations, stuck = _backtrack(here, x, equations, step, found, channel)
    return reached


def _loss(problem: Problem, x: Array, channel: Channel, rule: Any) -> Array:
    """The mean training loss at x, shape (B,)."""
    m, deviation, v, b, _ = _order_parameters(problem, x, channel)
    two = bool(problem.free_intercept.any())
    loss = channel.training_loss(*_laws(m, deviation, v, b, two), rule)
    if not two:
        return loss[:, 0]
    return problem.balance * loss[:, 0] + (1.0 - problem.balance) * loss[:, 1]


def _backtrack(
    problem: Problem,
    x: Array,
    equations: _Equations,
    step: Array,
    found: _Equations,
    channel: Channel,
) -> tuple[Array, _Equations, Array]:
    """Shorten the steps that did not help; the elements that no shorter step helps are stuck."""
    shrink = np.ones(len(x))
    better = found.size < (1.0 - _SUFFICIENT) * equations.size
    # At the level of rounding there is nothing shorter to try.
    hopeless = ~better & (equations.size <= ACCEPTED_RESIDUAL)
    for _ in range(_MAX_HALVINGS):
        again = ~better & ~hopeless
        if not again.any():
            break
        shrink = np.where(again, 0.4 * shrink, shrink)
        moved = np.where(hopeless, 0.0, shrink)
        found = _equations(problem, x + moved[:, None] * step, channel)
        better = found.size < (1.0 - _SUFFICIENT * moved) * equations.size
    moved = np.where(better, shrink, 0.0)
    if not better.all():
        found = _equations(problem, x + moved[:, None] * step, channel)
    return x + moved[:, None] * step, found, ~better


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
    kink = scipy.special.ndtri((1.0 - larger) / larger)
    sums = Resolvent.of(problem, np.zeros_like(kink))
    for _ in range(_PINNED_SWEEPS):
        q = problem.signal * m_hat**2 * sums.e_d + q_hat * sums.w_d2
        sums = Resolvent.of(problem, larger * normal_density(kink) / np.sqrt(q))
    return np.stack([np.log(m_hat * sums.e), np.log(q), np.log(sums.w_d), kink], axis=-1)


def _first_guess(problem: Problem, channel: Channel) -> Array:
    """Of the stand-ins, the one with the smallest residual, element by element."""
    candidates = [
        _to_coordinates(problem, _stand_in(problem, a, t), channel) for a, t in channel.stand_ins
    ]
    if channel.kinked and problem.free_intercept.all():
        candidates.append(_pinned_guess(problem))
    if len(candidates) == 1:
        return candidates[0]
    sizes = np.stack([_equations(problem, x, channel).size for x in candidates])
    return np.asarray(np.stack(candidates)[sizes.argmin(0), np.arange(len(sizes[0]))])


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
    return _to_coordinates(problem, found, channel)


def _continuation(problem: Problem, channel: Channel) -> _Found:
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
    result = _newton(easy, guess, channel)
    x, previous = result.x.copy(), result.x.copy()
    alive = result.residual <= ACCEPTED_RESIDUAL
    result.residual[:] = np.inf
    stride = np.full(count, _FIRST_STRIDE)
    for _ in range(_MAX_STRIDES):
        index = np.flatnonzero(alive)
        if not index.size:
            break
        ahead = np.minimum(t[index] + stride[index], 1.0)
        ahead = np.where(ahead > 1.0 - 1e-6, 1.0, ahead)
        ratio = (ahead - t[index]) / (t[index] - before[index])
        guess = x[index] + ratio[:, None] * (x[index] - previous[index])
        found = _newton(at(ahead, index), guess, channel)
        good = found.residual <= ACCEPTED_RESIDUAL
        moved = index[good]
        previous[moved], before[moved] = x[moved], t[moved]
        x[moved], t[moved] = found.x[good], ahead[good]
        stride[index] *= np.where(good, 2.0, 0.3)
        there = good & (ahead == 1.0)
        for whole, part in zip(result, found, strict=True):
            whole[index[there]] = part[there]
        alive[index[there]] = False
        alive &= stride > _SHORTEST_STRIDE
    return result


def _solve_chunk(problem: Problem, channel: Channel) -> _Found:
    """Newton from the first guess; continuation for what it leaves."""
    found = _newton(problem, _first_guess(problem, channel), channel)
    left = np.flatnonzero(~(found.residual <= ACCEPTED_RESIDUAL))
    if left.size:
        again = _continuation(problem.take(left), channel)
        better = again.residual <= ACCEPTED_RESIDUAL
        for whole, part in zip(found, again, strict=True):
            whole[left[better]] = part[better]
    return found


def solve_fixed_point(problem: Problem, channel: Channel) -> State:
    """Solve a flat batch; `converged` is False where no point was found to tolerance."""
    count = len(problem.balance)
    whole = _Found(np.empty((count, 4)), np.empty((count, 3)), np.empty(count), np.empty(count))
    with np.errstate(all="ignore"):  # every overflow ends as an infinite residual, seen above
        for free in (False, True):
            index = np.flatnonzero(problem.free_intercept == free)
            for start in range(0, index.size, _CHUNK):
                part = index[start : start + _CHUNK]
                found = _solve_chunk(problem.take(part), channel)
                for column, values in zip(whole, found, strict=True):
                    column[part] = values
        b = _intercept(problem, whole.x, channel)[0]
    unit_mean, q, v = whole.order.T
    converged = whole.residual <= ACCEPTED_RESIDUAL
    return State(problem.signal * unit_mean, q, v, b, whole.residual, converged, whole.loss)


def linearise(
    problem: Problem, m: Array, q: Array, v: Array, b: Array, channel: Channel
) -> tuple[Array, Array, Moments, Moments]:
    """The equations around a solution.

    Returns
    -------
    jacobian : array, shape (B, 4, 4)
        Of the residuals in the solver's coordinates.
    by_intercept : array, shape (B, 4)
        Derivatives of b in these coordinates.
    average, contrast : Moments
        Of the channel: averaged over the classes, and of class +1 less class -1.
    """
    x = np.stack([np.log(m / problem.signal), np.log(q), np.log(v), b], axis=-1)
    x = _to_coordinates(problem, x, channel)
    by_intercept = _intercept(problem, x, channel)[1]
    equations = _equations(problem, x, channel)
    deviation = np.sqrt(q)
    laws = _laws(m, deviation, v, b, True)
    plus, minus = np.moveaxis(np.array(channel.moments(*laws)), -1, 0)
    average = problem.balance * plus + (1.0 - problem.balance) * minus
    return equations.jacobian, by_intercept, Moments(*average), Moments(*(plus - minus))
