"""Descent of a contrastive loss: what is evaluated, two rules of descent, and how far they got."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...checks import Array
from ...outcomes import ConvergenceError
from ...randomness import trial_generator
from .losses import Evaluation

__all__ = ["Adam", "End", "Objective", "imbalance", "lbfgs"]

# Residual at which a fixed set of pairs counts as fitted.
_TOLERANCE = 1e-6
# The same for fresh batches, whose gradient is known to within their noise only.
_FRESH_TOLERANCE = 0.1
# The gradient at the end is measured on so many fresh pairs a dimension, which leaves about half
# of the tolerance to noise; on no more batches than a share of the steps, but on some.
_CHECK_PAIRS, _CHECK_SHARE, _CHECKS = 2000, 4, 16
# The averages of Adam (Kingma and Ba, arXiv:1412.6980, algorithm 1).
_ADAM_FIRST, _ADAM_SECOND, _ADAM_FLOOR = 0.9, 0.999, 1e-8
_MEMORY = 20


class End(NamedTuple):
    """What is left of the gradient at the end."""

    residual: float
    noise: float
    gradient_norm: float
    converged: bool


class Objective:
    """The loss and its gradient: of the batch of a step, or the mean over a fixed set."""

    def __init__(
        self,
        draw: Callable[[np.random.Generator], tuple[Array, Array]],
        evaluate: Callable[[Array, Array, Array], Evaluation],
        root: np.random.SeedSequence,
        batches: int | None,
    ) -> None:
        self._draw, self._evaluate, self._root = draw, evaluate, root
        self._fixed = [] if batches is None else [self._batch(t) for t in range(batches)]
        self._first = self._batch(0) if batches is None else self._fixed[0]
        self.batch_size, self.width = self._first[0].shape

    @property
    def is_fixed(self) -> bool:
        return bool(self._fixed)

    def _batch(self, step: int) -> tuple[Array, Array]:
        return self._draw(trial_generator(self._root, step + 1))

    def __call__(self, matrix: Array, step: int) -> Evaluation:
        batches = self._fixed or [self._first if step == 0 else self._batch(step)]
        found = _mean([self._evaluate(matrix, *batch) for batch in batches])
        if not (np.isfinite(found.value) and np.all(np.isfinite(found.gradient))):
            remedy = "learning_rate" if step else "augmentation or points of smaller size"
            raise ConvergenceError(
                f"the contrastive loss overflowed at step {step}: take a smaller {remedy}, "
                "or a larger temperature"
            )
        return found


class Adam:
    """Kingma and Ba's steps, of a size that falls to 0 along half a cosine."""

    def __init__(self, learning_rate: float, steps: int) -> None:
        self._rate, self._steps, self._step = learning_rate, steps, 0
        self._mean: Any = 0.0
        self._square: Any = 0.0

    def __call__(self, gradient: Array) -> Array:
        rate = 0.5 * self._rate * (1.0 + np.cos(np.pi * self._step / self._steps))
        self._step += 1
        self._mean = _ADAM_FIRST * self._mean + (1 - _ADAM_FIRST) * gradient
        self._square = _ADAM_SECOND * self._square + (1 - _ADAM_SECOND) * gradient**2
        mean = self._mean / (1 - _ADAM_FIRST**self._step)
        square = self._square / (1 - _ADAM_SECOND**self._step)
        return np.asarray(rate * mean / (np.sqrt(square) + _ADAM_FLOOR))


def lbfgs(
    objective: Objective, start: Array, steps: int, record: Callable[[Array, float], None]
) -> Array:
    """SciPy's L-BFGS, stopped by the residual rather than by its own small steps."""
    from scipy.optimize import minimize

    latest: dict[str, Any] = {"point": None}
    before = objective(start, 0).value

    def fun(point: Array) -> tuple[float, Array]:
        matrix = point.reshape(start.shape)
        latest["point"], latest["found"] = point.copy(), objective(matrix, 0)
        return latest["found"].value, latest["found"].gradient.ravel()

    def after(point: Array) -> None:
        nonlocal before
        if not np.array_equal(point, latest["point"]):  # the line search has looked further
            fun(point)
        matrix, found = point.reshape(start.shape).copy(), latest["found"]
        record(matrix, before)
        before = found.value
        if _residual(found, matrix) <= _TOLERANCE:
            raise StopIteration

    options = {"maxiter": steps, "maxfun": 20 * steps, "ftol": 0.0, "gtol": 0.0}
    options["maxcor"] = _MEMORY
    found = minimize(
        fun, start.ravel(), jac=True, method="L-BFGS-B", callback=after, options=options
    )
    return np.array(found.x).reshape(start.shape)


def _mean(found: Sequence[Evaluation]) -> Evaluation:
    n = len(found)
    return Evaluation(
        sum(one.value for one in found) / n,
        np.sum([one.gradient for one in found], axis=0) / n,
        np.sum([one.attraction for one in found], axis=0) / n,
    )


def _residual(found: Evaluation, matrix: Array) -> float:
    size = np.linalg.norm(found.attraction, 2)
    if size == 0:
        raise ConvergenceError(
            "the attraction of the views vanished: take a smaller temperature, or points of larger "
            "size"
        )
    return float(np.linalg.norm(found.gradient, 2) * np.linalg.norm(matrix, 2) / size)


def imbalance(objective: Objective, matrix: Array, steps: int) -> End:
    """The residual at the end: of the fixed set, or of fresh batches in two halves."""
    if objective.is_fixed:
        found = objective(matrix, steps)
        left = _residual(found, matrix)
        return End(left, 0.0, float(np.linalg.norm(found.gradient)), left <= _TOLERANCE)
    wanted = -(-_CHECK_PAIRS * objective.width // objective.batch_size)
    half = (min(max(wanted, _CHECKS), _CHECKS + steps // _CHECK_SHARE) + 1) // 2
    halves = [
        _mean([objective(matrix, steps + half * part + k) for k in range(half)]) for part in (0, 1)
    ]
    whole = _mean(halves)
    apart = 0.5 * (halves[0].gradient - halves[1].gradient)
    noise = _residual(whole._replace(gradient=apart), matrix)
    left = _residual(whole, matrix)
    return End(left, noise, float(np.linalg.norm(whole.gradient)), left <= _FRESH_TOLERANCE)
