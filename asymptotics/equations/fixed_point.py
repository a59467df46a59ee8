"""The fixed point of a nonlinear channel, in batches.

Newton's method in log coordinates (system.py, newton.py) converges from the first guess nearly
everywhere. What it leaves is reached by continuation in the penalty, from a strong one where every
loss is linear.
"""

from __future__ import annotations

import numpy as np

from .channel import Channel
from .continuation import continue_from_afar
from .first_guess import first_guess
from .newton import Found, newton
from .prior import ACCEPTED_RESIDUAL, Problem, State
from .single import solve_single
from .system import intercept_of

__all__ = ["solve_fixed_point"]

# Problems solved together: enough to hide the interpreter, few enough to stay in the cache.
_CHUNK = 128


def _solve_chunk(problem: Problem, channel: Channel) -> Found:
    """Newton from the first guess; continuation for what it leaves."""
    found = newton(problem, first_guess(problem, channel), channel)
    left = np.flatnonzero(~(found.residual <= ACCEPTED_RESIDUAL))
    if left.size:
        again = continue_from_afar(problem.take(left), channel)
        better = again.residual <= ACCEPTED_RESIDUAL
        for whole, part in zip(found, again, strict=True):
            whole[left[better]] = part[better]
    return found


def solve_fixed_point(problem: Problem, channel: Channel) -> State:
    """Solve a flat batch; `converged` is False where no point was found to tolerance."""
    count = len(problem.balance)
    if count == 1 and channel.on_lattice:
        state = solve_single(problem, channel)
        if state is not None and state.residual[0] <= ACCEPTED_RESIDUAL:
            return state
    whole = Found(np.empty((count, 4)), np.empty((count, 3)), np.empty(count), np.empty(count))
    with np.errstate(all="ignore"):  # every overflow ends as an infinite residual, seen above
        for free in (False, True):
            index = np.flatnonzero(problem.free_intercept == free)
            for start in range(0, index.size, _CHUNK):
                part = index[start : start + _CHUNK]
                found = _solve_chunk(problem.take(part), channel)
                for column, values in zip(whole, found, strict=True):
                    column[part] = values
        b = intercept_of(problem, whole.x, channel)[0]
    unit_mean, q, v = whole.order.T
    converged = whole.residual <= ACCEPTED_RESIDUAL
    return State(problem.signal * unit_mean, q, v, b, whole.residual, converged, whole.loss)
