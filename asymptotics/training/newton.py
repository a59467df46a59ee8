"""Penalised smooth losses trained by Newton's method, each step by conjugate gradients.

The objective (1/n) Σ ℓ(y_i(⟨w, z_i⟩ + b)) + (λ/2)|w|² is convex, and a step is found to the
precision it is worth: the first to a tenth, the last to the last digit that the gradient asks for.
Products with the Hessian decide the way only, never where it ends, so that single precision serves
them and halves the memory they have to read, which is what they cost. The gradient is in double
precision, and the answer is certified by it alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from ..checks import Array

__all__ = ["Derivatives", "newton"]

#: ℓ'(u) and ℓ''(u), elementwise.
Derivatives: TypeAlias = Callable[[Array], tuple[Array, Array]]

_MAX_STEPS = 60
# Passes over the training set, beyond which factorising a Hessian is faster.
_MAX_PASSES = 400
# A step is solved to this share of its gradient at most, and in proportion as the gradient falls.
_FORCING = 0.1
# Share of the slope at which a line search may end.
_LINE = 0.5
_MAX_HALVINGS = 40


def newton(
    features: Array,
    labels: Array,
    penalty: float,
    fit_intercept: bool,
    derivatives: Derivatives,
    tolerance: float,
) -> tuple[Array, float] | None:
    """The minimum of a penalised smooth loss.

    Parameters
    ----------
    features : array, shape (n, p)
    labels : array, shape (n,)
        ±1.
    penalty : float
        λ > 0.
    fit_intercept : bool
    derivatives : callable
        ℓ' and ℓ'' of margins.
    tolerance : float
        Largest entry of the gradient at the answer.

    Returns
    -------
    (weights, intercept), or None
        None where conjugate gradients are too slow, or no way down is left in double precision.
    """
    n, p = features.shape
    single = features.astype(np.float32)
    if not np.isfinite(single.sum()):
        return None
    weights, intercept = np.zeros(p), 0.0
    scores, passes, first = np.zeros(n), 0, 0.0
    for _ in range(_MAX_STEPS):
        slope, curvature = derivatives(labels * scores)
        pull = labels * slope / n
        gradient, lift = pull @ features + penalty * weights, float(pull.sum())
        if not fit_intercept:
            lift = 0.0
        if max(np.abs(gradient).max(), abs(lift)) <= tolerance:
            return weights, intercept
        size = float(np.sqrt(gradient @ gradient + lift * lift))
        first = first or size
        step, shift, used = _step(
            single,
            curvature / n,
            penalty,
            fit_intercept,
            gradient,
            lift,
            max(min(_FORCING, size / first), 0.3 * tolerance / size),
            _MAX_PASSES - passes,
        )
        passes += used
        if passes >= _MAX_PASSES:
            return None
        move = features @ step + shift
        linear, quadratic = penalty * float(weights @ step), penalty * float(step @ step)
        length = _length(labels, scores, move, linear, quadratic, n, derivatives)
        if length is None:
            return None
        weights, intercept = weights + length * step, intercept + length * shift
        scores = scores + length * move
    return None


def _step(
    features: Array,
    weight: Array,
    penalty: float,
    fit_intercept: bool,
    gradient: Array,
    lift: float,
    forcing: float,
    budget: int,
) -> tuple[Array, float, int]:
    """Solve (ZᵀDZ + λ) δ = -gradient to a share of it, the intercept eliminated.

    Returns
    -------
    step, shift, passes
    """
    right = -gradient
    total = float(weight.sum())
    if fit_intercept and total > 0:
        right = right + (weight.astype(np.float32) @ features) * (lift / total)
    weight = weight.astype(np.float32)
    centre = weight / np.float32(total) if fit_intercept and total > 0 else None
    step, way = np.zeros_like(right), right.copy()
    moved = np.zeros(len(features))
    square = float(right @ right)
    stop = forcing**2 * square
    passes = 0
    while square > stop and passes < budget:
        image = features @ way.astype(np.float32)
        bent = weight * image
        if centre is not None:
            bent -= centre * bent.sum()
        turned = bent @ features + penalty * way
        length = square / float(way @ turned)
        step += length * way
        moved += length * image
        right = right - length * turned
        square, before = float(right @ right), square
        way = right + (square / before) * way
        passes += 1
    shift = -(lift + float(weight @ moved)) / total if centre is not None else 0.0
    return step, shift, passes + 1


def _length(
    labels: Array,
    scores: Array,
    move: Array,
    linear: float,
    quadratic: float,
    n: int,
    derivatives: Derivatives,
) -> float | None:
    """How far to go: to the end, if that is not far beyond the minimum along the way."""

    def slope(t: float) -> float:
        bend, _ = derivatives(labels * (scores + t * move))
        return float((labels * bend) @ move) / n + linear + t * quadratic

    start = slope(0.0)
    if not start < 0:
        return None
    low, high, t = 0.0, 1.0, 1.0
    for _ in range(_MAX_HALVINGS):
        here = slope(t)
        if here <= _LINE * abs(start) and (t == 1.0 or here >= _LINE * start):
            return t
        low, high = (t, high) if here < 0 else (low, t)
        t = 0.5 * (low + high)
    return None
