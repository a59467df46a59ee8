"""Where Newton starts: quadratic losses that stand in for the loss, solved in closed form."""

from __future__ import annotations

import numpy as np
import scipy

from ..checks import Array
from ..integrals.gaussian import normal_density
from .channel import Channel
from .prior import Problem, Resolvent
from .square_loss import solve_square_loss
from .system import evaluate, to_coordinates

__all__ = ["first_guess"]

_PINNED_SWEEPS = 12


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


def first_guess(problem: Problem, channel: Channel) -> Array:
    """Of the stand-ins, the one with the smallest residual, element by element."""
    candidates = [
        to_coordinates(problem, _stand_in(problem, a, t), channel) for a, t in channel.stand_ins
    ]
    if channel.kinked and problem.free_intercept.all():
        candidates.append(_pinned_guess(problem))
    if len(candidates) == 1:
        return candidates[0]
    sizes = np.stack([evaluate(problem, x, channel).size for x in candidates])
    return np.asarray(np.stack(candidates)[sizes.argmin(0), np.arange(len(sizes[0]))])
