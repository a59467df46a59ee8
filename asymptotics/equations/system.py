r"""The four equations and their exact Jacobian, in coordinates in which Newton's method is at home.

The unknowns are log m, log q, log V and a coordinate of b, the equations

    log(m'/m) = log(q'/q) = log(V'/V) = 0   and, with an intercept,
    log(π E f₊ / ((1 - π) E f₋)) = 0,

where primes are the right-hand sides of the prior's equations (prior.py). Since f ≥ 0 for every
decreasing loss the logarithms exist, and power laws, which rule the corners, become straight lines.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..checks import Array
from .channel import Channel, Moments
from .prior import Problem, Resolvent

__all__ = [
    "NEAR",
    "Equations",
    "evaluate",
    "intercept_of",
    "linearise",
    "order_parameters",
    "to_coordinates",
    "training_loss_of",
]

# The residual below which the equations have to be exact; a step from above it is looked at again.
NEAR = 1e-4
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


class Equations(NamedTuple):
    """The equations at a point, and the quadrature they were made with."""

    answer: Array  # (B, 3), the prior's m/|μ|², q and V
    residual: Array  # (B, 4)
    jacobian: Array  # (B, 4, 4)
    size: Array  # (B,), norm of the residual; infinite where anything is not finite
    exact: Array  # (B,) bool, whether the quadrature was made for this very neighbourhood
    rule: Any  # quadrature nodes for the next evaluation nearby, or None

    def take(self, index: Any) -> Equations:
        rule = None if self.rule is None else self.rule.take(index)
        return Equations(
            self.answer[index],
            self.residual[index],
            self.jacobian[index],
            self.size[index],
            self.exact[index],
            rule,
        )


def intercept_of(problem: Problem, x: Array, channel: Channel) -> tuple[Array, Array]:
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


def to_coordinates(problem: Problem, x: Array, channel: Channel) -> Array:
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


def order_parameters(
    problem: Problem, x: Array, channel: Channel
) -> tuple[Array, Array, Array, Array, Array]:
    """m, √q, V, b at x, and the derivatives of b in x."""
    unit_mean, q, v = np.exp(x[:, :3]).T
    return problem.signal * unit_mean, np.sqrt(q), v, *intercept_of(problem, x, channel)


def _kinks(problem: Problem, x: Array, m: Array, deviation: Array, two: bool) -> Array:
    """The place of the kink at 1 among the margins of each class, (1 - m ∓ b)/√q.

    With κ that of the larger class, the smaller one has it at 2(1 - m)/√q - κ: b itself, close to
    1, does not carry what √q resolves.
    """
    middle = (1.0 - m) / deviation
    if not two:
        return np.asarray(middle[:, None])
    free, plus = problem.free_intercept, problem.balance > 0.5
    larger = np.where(free, x[:, 3], middle)
    smaller = np.where(free, 2.0 * middle - x[:, 3], middle)
    return np.stack([np.where(plus, larger, smaller), np.where(plus, smaller, larger)], axis=1)


def _laws(
    problem: Problem,
    x: Array,
    channel: Channel,
    order: tuple[Array, Array, Array, Array],
    two: bool,
) -> tuple[Array, Array, Array]:
    """Mean (or kink), deviation and V of the margins, a column for each class with its own law."""
    m, deviation, v, b = order
    if channel.kinked:
        places = _kinks(problem, x, m, deviation, two)
    elif two:
        places = np.stack([m + b, m - b], axis=1)
    else:  # b = 0: both classes have the same margins
        places = m[:, None]
    columns = places.shape[1]
    return (
        places,
        np.repeat(deviation[:, None], columns, axis=1),
        np.repeat(v[:, None], columns, axis=1),
    )


def evaluate(
    problem: Problem, x: Array, channel: Channel, before: Equations | None = None
) -> Equations:
    """Residuals and their exact Jacobian at x = (log m/|μ|², log q, log V, b), shape (B, 4).

    The quadrature of an evaluation `before` is kept where it still holds; where that one was far
    from a solution it only has to hold loosely.
    """
    m, deviation, v, b, by_coordinates = order_parameters(problem, x, channel)
    two = bool(problem.free_intercept.any())
    margins = _laws(problem, x, channel, (m, deviation, v, b), two)
    exact = np.ones(len(m), dtype=bool)
    if before is None or before.rule is None:
        rule = channel.rule(*margins)
    else:
        rule = before.rule
        tight, loose = rule.covers(*margins)
        far = before.size > NEAR
        stale = ~np.where(far, loose.all(-1), tight.all(-1))
        exact = stale | tight.all(-1)
        if stale.any():
            rule = rule.renew(stale, *margins)
    per_class = np.array(channel.moments(*margins, rule))  # (8, B, classes)
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
    return Equations(answer, residual.T, jacobian.transpose(2, 0, 1), size, exact, rule)


def training_loss_of(problem: Problem, x: Array, channel: Channel, rule: Any) -> Array:
    """The mean training loss at x, shape (B,)."""
    m, deviation, v, b, _ = order_parameters(problem, x, channel)
    two = bool(problem.free_intercept.any())
    loss = channel.training_loss(*_laws(problem, x, channel, (m, deviation, v, b), two), rule)
    if not two:
        return loss[:, 0]
    return problem.balance * loss[:, 0] + (1.0 - problem.balance) * loss[:, 1]


def linearise(
    problem: Problem, x: Array, channel: Channel
) -> tuple[Array, Array, Moments, Moments]:
    """The equations around a solution, at its coordinates.

    Returns
    -------
    jacobian : array, shape (B, 4, 4)
        Of the residuals in the solver's coordinates.
    by_intercept : array, shape (B, 4)
        Derivatives of b in these coordinates.
    average, contrast : Moments
        Of the channel: averaged over the classes, and of class +1 less class -1.
    """
    *order, by_intercept = order_parameters(problem, x, channel)
    m, deviation, v, b = order
    equations = evaluate(problem, x, channel)
    margins = _laws(problem, x, channel, (m, deviation, v, b), True)
    plus, minus = np.moveaxis(np.array(channel.moments(*margins)), -1, 0)
    average = problem.balance * plus + (1.0 - problem.balance) * minus
    return equations.jacobian, by_intercept, Moments(*average), Moments(*(plus - minus))
