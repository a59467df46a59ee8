"""Damped Newton in log coordinates, a batch at a time: each element stops on its own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..checks import Array
from .channel import Channel
from .prior import ACCEPTED_RESIDUAL, Problem
from .system import NEAR, Equations, evaluate, training_loss_of

__all__ = ["Found", "newton"]

# A residual that counts as solved at once.
_TARGET = 1e-13
_MAX_STEPS = 60
_MAX_HALVINGS = 12
# One over the largest Newton step, in the logarithms and in the intercept.
_TRUST = 1.0 / np.array([3.0, 3.0, 3.0, 1.0])
_SUFFICIENT = 1e-4
# Of the residuals, at a fresh quadrature: at most. Near thresholds a known multiple of it shows,
# and there the reference finds from 1e-16 to 3e-14.
_ROUNDING = 3e-14


class Found(NamedTuple):
    """Where Newton's method ended."""

    x: Array  # (B, 4)
    order: Array  # (B, 3): m/|μ|², q and V, free of the rounding of their logarithms
    residual: Array  # (B,), the largest
    loss: Array  # (B,), of training
    error: Array  # (B,), estimated, of the logarithms of m, q and V: what the residual leaves open

    @classmethod
    def nothing(cls, count: int) -> Found:
        """Where nothing has been found yet."""
        shapes = ((count, 4), (count, 3), (count,), (count,), (count,))
        return cls(*(np.full(shape, np.inf) for shape in shapes))


def _estimated_error(equations: Equations, step: Array) -> Array:
    """What rounding of the equations, and a last Newton step, leave in log m, log q and log V.

    Rounding goes through the inverse Jacobian; the step leaves its square.
    """
    try:
        inverse = np.linalg.inv(equations.jacobian)
    except np.linalg.LinAlgError:
        inverse = np.full_like(equations.jacobian, np.inf)
        for k, matrix in enumerate(equations.jacobian):
            try:
                inverse[k] = np.linalg.inv(matrix)
            except np.linalg.LinAlgError:
                continue
    rounding = _ROUNDING * np.abs(inverse[:, :3]).sum(-1).max(-1)
    return np.asarray(rounding + np.square(step[:, :3]).max(-1))


def _newton_step(equations: Equations) -> Array:
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


def newton(problem: Problem, start: Array, channel: Channel) -> Found:
    """Damped Newton from `start`, shape (B, 4): the points reached and their residuals.

    Each element is judged by the norm of its undamped residuals, and stops on its own: at the
    target, or where no shorter step makes the norm of its residual fall. One more step, too small
    to be judged, is taken from there.
    """
    count = len(start)
    reached = Found.nothing(count)
    index = np.arange(count)
    x, here, equations = start, problem, evaluate(problem, start, channel)
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
            reached.loss[where] = training_loss_of(
                here if every else here.take(done), reached.x[where], channel, ended.rule
            )
            reached.error[where] = _estimated_error(ended, last)
            if every:
                break
            going = ~done
            index, x, here = index[going], x[going], here.take(going)
            equations = equations.take(going)
        step = _newton_step(equations)
        trial = x + step
        found = evaluate(here, trial, channel, equations)
        if not np.all(found.exact | (found.size > NEAR)):
            found = evaluate(here, trial, channel, found)
        better = found.size < (1.0 - _SUFFICIENT) * equations.size
        if better.all():
            x, equations, stuck = trial, found, ~better
        else:
            x, equations, stuck = _backtrack(here, x, equations, step, found, channel)
    return reached


def _backtrack(
    problem: Problem,
    x: Array,
    equations: Equations,
    step: Array,
    found: Equations,
    channel: Channel,
) -> tuple[Array, Equations, Array]:
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
        found = evaluate(problem, x + moved[:, None] * step, channel)
        better = found.size < (1.0 - _SUFFICIENT * moved) * equations.size
    moved = np.where(better, shrink, 0.0)
    if not better.all():
        found = evaluate(problem, x + moved[:, None] * step, channel)
    return x + moved[:, None] * step, found, ~better
