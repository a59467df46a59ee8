"""The fixed point of a nonlinear channel, in batches.

Newton's method in log coordinates (system.py, newton.py) converges from the first guess nearly
everywhere. What it leaves is reached by continuation in the penalty, from a strong one where every
loss is linear.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..checks import Array
from .channel import Channel
from .continuation import continue_from_afar
from .first_guess import first_guess
from .newton import Found, newton
from .prior import ACCEPTED_ERROR, ACCEPTED_RESIDUAL, Problem, State
from .single import solve_single
from .system import intercept_of, to_coordinates

__all__ = ["coordinates", "solve_fixed_point"]

# Problems solved together: enough to hide the interpreter, few enough to stay in the cache.
_CHUNK = 256
# An estimated error above which a quadrature kept from a neighbouring point will not do.
_ILL_CONDITIONED = 1e-10


def _accepted(found: Found) -> Array:
    """Whether residual and estimated error are small enough, shape (B,)."""
    return np.asarray((found.residual <= ACCEPTED_RESIDUAL) & (found.error <= ACCEPTED_ERROR))


def _solve_chunk(problem: Problem, channel: Channel) -> Found:
    """Newton from a start that is given, from the first guess, and by continuation in turn."""
    count = len(problem.balance)
    found = Found.nothing(count)

    def attempt(way: Callable[[Problem], Found], index: Array) -> None:
        if not index.size:
            return
        part = way(problem if index.size == count else problem.take(index))
        better = _accepted(part) | (part.residual <= found.residual[index])
        for whole, values in zip(found, part, strict=True):
            whole[index[better]] = values[better]

    def left() -> Array:
        return np.flatnonzero(~_accepted(found))

    start = problem.start
    if start is not None:
        known = np.flatnonzero(np.isfinite(start).all(-1))
        attempt(lambda part: newton(part, start[known], channel), known)
    attempt(lambda part: newton(part, first_guess(part, channel), channel), left())
    attempt(lambda part: continue_from_afar(part, channel), left())
    # Where the equations are ill-conditioned even a good quadrature of the neighbourhood shows:
    # a last step from one that was made for the very point.
    sharp = np.flatnonzero((found.residual <= ACCEPTED_RESIDUAL) & (found.error > _ILL_CONDITIONED))
    attempt(lambda part: newton(part, found.x[sharp], channel), sharp)
    return found


def coordinates(
    problem: Problem, mean: Array, variance: Array, v: Array, intercept: Array, channel: Channel
) -> Array:
    """Where the solver stands at a solution, shape (B, 4); not finite where it does not stand."""
    with np.errstate(all="ignore"):
        x = np.stack(
            [*np.log((mean / problem.signal, variance, v)), intercept],
            axis=-1,
        )
        return to_coordinates(problem, x, channel)


def _alike(start: Array) -> Array:
    """An order in which neighbours have laws that are alike, and may share their quadrature.

    By √q into about as many strips as there are chunks in each, and by V/√q within; what is
    unknown comes last.
    """
    count = len(start)
    width, bend = start[:, 1], start[:, 2] - 0.5 * start[:, 1]
    strips = int(np.sqrt(count / _CHUNK)) + 1
    rank = np.empty(count, dtype=int)
    rank[np.argsort(width)] = np.arange(count)
    return np.lexsort((bend, rank * strips // count))


def solve_fixed_point(problem: Problem, channel: Channel) -> State:
    """Solve a flat batch; `converged` is False where no point was found to tolerance."""
    count = len(problem.balance)
    if count == 1 and channel.on_lattice:
        state = solve_single(problem, channel)
        if state is not None and state.residual[0] <= ACCEPTED_RESIDUAL:
            return state
    whole = Found.nothing(count)
    with np.errstate(all="ignore"):  # every overflow ends as an infinite residual, seen above
        for free in (False, True):
            index = np.flatnonzero(problem.free_intercept == free)
            if problem.start is not None and index.size > _CHUNK:
                index = index[_alike(problem.start[index])]
            for start in range(0, index.size, _CHUNK):
                part = index[start : start + _CHUNK]
                found = _solve_chunk(problem.take(part), channel)
                for column, values in zip(whole, found, strict=True):
                    column[part] = values
        b = intercept_of(problem, whole.x, channel)[0]
    unit_mean, q, v = whole.order.T
    converged = _accepted(whole)
    return State(problem.signal * unit_mean, q, v, b, whole.residual, converged, whole.loss)
