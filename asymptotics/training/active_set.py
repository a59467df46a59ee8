"""Support vector machines trained exactly, or not at all.

Mostly the sets of points on and inside the margin are found by :mod:`~asymptotics.margin_sets`, in
the time of some tens of passes over the points. Where they are not, as for a small penalty on
inseparable points, libsvm's answer is taken, then an active set.

The dual of (1/n) Σ (1 - y_i(⟨w, z_i⟩ + b))₊ + (λ/2)|w|², with w = Σ α_i y_i z_i, is

    minimise ½ αᵀQα - Σ α_i   over   0 ≤ α_i ≤ 1/(nλ)   (and Σ α_i y_i = 0 with an intercept),

where Q_ij = y_i y_j ⟨z_i, z_j⟩; the hard margin has no upper end. libsvm keeps Q in single
precision, and takes millions of steps when the penalty is small, so its answer is a start: from
there an active-set method solves the equations of the points on the margin, which is exact. Where
libsvm gives up, the start comes from a stronger penalty.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from ..checks import Array
from ..outcomes import ConvergenceError
from .linear_program import least_hinge
from .margin_sets import guess, solve_sets

__all__ = ["train_support_vectors"]

# libsvm's tolerance on the margins, and its number of pairwise steps beyond which continuation in
# the penalty is faster.
_START_TOLERANCE = 1e-4
_START_STEPS = 50_000
_CONTINUATION_RATIO = 10.0
# Largest α followed by continuation towards a hard margin, for points of mean square length 1.
_HARD_START = 1e6
# At a cap this small every margin is 0, or that of the intercept alone.
_SOFTEST = 1e-12
# A condition holds if it does to this share of the largest |⟨w, z⟩|, or to rounding; and rounding
# itself may be no more than the second share.
_TOLERANCE = 1e-10
_ACCEPTED = 1e-7
_ROUNDING = 4 * np.finfo(float).eps
# Growth of a solution, and share of a direction without curvature, that make a system singular.
_SINGULAR = 1e11
_FLAT = 1e-6
_MAX_SOLVES = 3000
_NOT_SEPARABLE = (
    "the training set must be separable for a hard margin, got one that is not: take a larger "
    "aspect_ratio or signal, or a soft margin"
)


def train_support_vectors(
    features: Array, labels: Array, cap: float, fit_intercept: bool
) -> tuple[Array, float]:
    """Weights and intercept of a soft (cap = 1/(nλ)) or hard (cap = ∞) margin.

    Parameters
    ----------
    features : array, shape (n, p)
    labels : array, shape (n,)
        ±1.
    cap : float
        Largest dual coefficient α.
    fit_intercept : bool

    Returns
    -------
    weights : array, shape (p,)
    intercept : float

    Raises
    ------
    ValueError
        If the margin is hard and the points are not separable.
    ConvergenceError
        If the optimality conditions do not hold to tolerance.
    """
    if not features.any():
        raise ValueError("features must not all be zero, got a matrix of zeros")
    signed = labels[:, None] * features
    sets = guess(signed, labels, cap, fit_intercept)
    if sets is not None:
        solved = solve_sets(signed, labels, cap, fit_intercept, sets)
        if solved is not None:
            return solved.weights, solved.intercept
    gram = features @ features.T
    unit = gram.trace() / labels.size
    gram /= unit
    try:
        alpha = _start(gram, labels, cap * unit, fit_intercept)
        alpha, intercept, lost = _refine(gram, labels, alpha, cap * unit, fit_intercept)
        if lost > _ACCEPTED:
            # The sets are right, but w = Σ α_i y_i z_i cancels: w from the margins does not.
            sets = np.where(alpha <= 0, 0, np.where(alpha >= cap * unit, 2, 1)).astype(np.int8)
            solved = solve_sets(signed, labels, cap, fit_intercept, sets)
            if solved is not None:
                return solved.weights, solved.intercept
            raise ConvergenceError(
                "the support vector machine is lost in rounding, its margins known only to "
                f"{lost:.1g} of their size: a larger penalty makes it better posed"
            )
    except ConvergenceError:
        if np.isinf(cap) and not least_hinge(features, labels, fit_intercept).separable:
            raise ValueError(_NOT_SEPARABLE) from None
        raise
    return features.T @ (alpha * labels) / unit, intercept


def _start(gram: Array, labels: Array, cap: float, fit_intercept: bool) -> Array:
    """A feasible α near the solution."""
    alpha, converged = _libsvm(gram, labels, cap, fit_intercept)
    if converged:
        return alpha
    softer = cap / _CONTINUATION_RATIO if np.isfinite(cap) else _HARD_START
    if softer < _SOFTEST:
        raise ConvergenceError(f"libsvm did not converge in {_START_STEPS} steps at any penalty")
    start = _start(gram, labels, softer, fit_intercept)
    solved, _, _ = _refine(gram, labels, start, softer, fit_intercept)
    # At the same share of its cap each point stays where it was: inside, on or beyond the margin.
    return solved * _CONTINUATION_RATIO if np.isfinite(cap) else solved


def _libsvm(gram: Array, labels: Array, cap: float, fit_intercept: bool) -> tuple[Array, bool]:
    """What libsvm finds for α, and whether it converged.

    It always fits an intercept. Without one, each point enters with its mirror image (-z, -y),
    half the cap each, whose intercept is zero by symmetry.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import SVC

    n = labels.size
    target = labels
    if not fit_intercept:
        gram = np.block([[gram, -gram], [-gram, gram]])
        target = np.concatenate([labels, -labels])
    model = SVC(
        kernel="precomputed",
        C=cap if fit_intercept else 0.5 * cap,
        tol=_START_TOLERANCE,
        max_iter=_START_STEPS,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model.fit(gram, target)
        except ConvergenceWarning:
            return np.zeros(n), False
    alpha = np.zeros(target.size)
    alpha[model.support_] = np.abs(model.dual_coef_[0])
    return np.minimum(alpha.reshape(-1, n).sum(0), cap), True


def _step(matrix: Array, right: Array, count: int, here: Array) -> tuple[Array, Array | None]:
    """The way from `here` to the minimum of a convex quadratic on the free coordinates.

    Returns
    -------
    step : array, shape (count,)
    solution : array, or None
        None where the quadratic has no minimum: `step` is then a ray along which it falls.
    """
    try:
        solution = np.linalg.solve(matrix, right)
        step = solution[:count] - here
        # A singular matrix gives a step that is out of all proportion, or points uphill.
        size = max(np.abs(right).max(), np.abs(here).max())
        slope = (right[:count] - matrix[:count, :count] @ here) @ step
        if np.abs(solution).max() < _SINGULAR * size and slope >= 0:
            return step, solution
    except np.linalg.LinAlgError:
        pass
    # A direction without curvature meets only the linear term of the dual, Σ α.
    linear = (np.arange(right.size) < count).astype(float)
    both = np.stack([right, linear], axis=1)
    found: Array = np.linalg.lstsq(matrix, both, rcond=1.0 / _SINGULAR)[0]
    ray: Array = linear - matrix @ found[:, 1]
    if np.abs(ray).max() > _FLAT:
        return ray[:count], None
    return found[:count, 0] - here, found[:, 0]


def _free_interval(slack: Array, labels: Array, capped: NDArray[np.bool_]) -> float:
    """The middle of the intercepts allowed when no point lies on the margin."""
    bound = labels * slack
    below = (labels > 0) != capped
    low = bound[below].max(initial=-np.inf)
    high = bound[~below].min(initial=np.inf)
    if np.isfinite(low) and np.isfinite(high):
        return float(0.5 * (low + high))
    return float(low if np.isfinite(low) else high)


def _refine(
    gram: Array, labels: Array, start: Array, cap: float, fit_intercept: bool
) -> tuple[Array, float, float]:
    """The exact solution from a feasible start: α, the intercept, the share that is rounding."""
    q = gram * np.outer(labels, labels)
    alpha = start.copy()
    capped = alpha >= cap
    free = (alpha > 0) & ~capped
    lowest, cautious = np.inf, False
    for _ in range(_MAX_SOLVES):
        index = np.flatnonzero(free)
        count = index.size
        intercept = 0.0
        if count:
            fixed = np.where(capped, alpha, 0.0)
            matrix = q[np.ix_(index, index)]
            right = 1.0 - q[index] @ fixed
            if fit_intercept:
                border = labels[index]
                matrix = np.block([[matrix, border[:, None]], [border, np.zeros(1)]])
                right = np.append(right, -labels @ fixed)
            step, solution = _step(matrix, right, count, alpha[index])
            room = np.where(step > 0, cap - alpha[index], alpha[index])
            with np.errstate(divide="ignore", invalid="ignore"):
                reach = np.where(step == 0, np.inf, room / np.abs(step))
            length = reach.min()
            if solution is None or length < 1.0:
                if not np.isfinite(length):
                    raise ValueError(_NOT_SEPARABLE)
                alpha[index] += length * step
                hit = reach <= length * (1.0 + _ROUNDING)
                stopped, up = index[hit], step[hit] > 0
                alpha[stopped] = np.where(up, cap, 0.0)
                free[stopped], capped[stopped] = False, up
                continue
            alpha[index] = solution[:count]
            if fit_intercept:
                intercept = float(solution[count])
        image = q @ alpha
        slack = 1.0 - image
        if fit_intercept and not count:
            intercept = _free_interval(slack, labels, capped)
        gain = np.where(capped, -1.0, 1.0) * (slack - intercept * labels)
        violation = np.where(free, np.abs(gain), gain)
        size = np.abs(image).max()
        rounding = _ROUNDING * ((np.abs(q) @ alpha).max() + labels.size * abs(intercept))
        allowed = max(_TOLERANCE * size, rounding)
        if violation.max() <= allowed:
            return alpha, intercept, rounding / max(size, abs(intercept))
        objective = 0.5 * alpha @ image - alpha.sum()
        cautious = objective >= lowest  # adding one point at a time can never cycle
        lowest = min(lowest, objective)
        candidates = np.where(free, -np.inf, violation)
        threshold = candidates.max() if cautious else max(0.3 * candidates.max(), allowed)
        entering = candidates >= threshold
        free[entering], capped[entering] = True, False
    raise ConvergenceError(
        f"the support vector machine was not trained after {_MAX_SOLVES} linear systems; a larger "
        "penalty or a gain nearer to 1 makes it better posed"
    )
