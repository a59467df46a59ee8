"""Which points a support vector machine leaves on, inside and beyond its margin.

The dual of (1/n) Σ (1 - y_i(⟨w, z_i⟩ + b))₊ + (λ/2)|w|² is, with s_i = y_i z_i and cap = 1/(nλ),

    minimise ½ |Σ α_i s_i|² - Σ α_i   over   0 ≤ α_i ≤ cap   (and Σ α_i y_i = 0 with an intercept).

Once it is known which α are 0, which are at the cap and which are free, the rest is one linear
system. The sets are guessed by accelerated projected gradients in single precision, where a step
costs two passes over the points and no Gram matrix. The direction of largest variance, along
which a strong projector may have put all of it, is taken out of the gradient and into the
projection, which stays as fast. Then the system of the sets is solved, and points that it puts
on a wrong side change theirs, until none does. An answer is one to all digits, or there is none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from ..checks import Array

__all__ = ["Solved", "guess", "solve_sets"]

# α is 0, free, or at its cap.
BEYOND, ON, INSIDE = 0, 1, 2

_MAX_STEPS = 150
_POWER_STEPS = 8
_TOP_STEPS = 3
# Safety of a Lipschitz constant from a few power steps.
_SAFETY = 1.1
# Sets are compared after so many steps; a smaller share of changes is left to the linear systems.
_EVERY = 10
_CHANGES = 0.01
_ROOT_STEPS = 6
_ROOT_TOLERANCE = 1e-4
_MAX_SYSTEMS = 12
_REFINEMENTS = 3
# A condition holds if it does to this share of the largest |⟨w, z⟩|, or to rounding; and rounding
# itself may be no more than the second share.
_TOLERANCE = 1e-10
_ACCEPTED = 1e-7
_ROUNDING = 4 * np.finfo(float).eps


class Solved(NamedTuple):
    """The weights, the intercept, and the dual coefficients that prove them."""

    weights: Array
    intercept: float
    alpha: Array


def guess(signed: Array, labels: Array, cap: float, fit_intercept: bool) -> NDArray[np.int8] | None:
    """The set of each point, nearly; None if single precision does not reach that far.

    Parameters
    ----------
    signed : array, shape (n, p)
        y_i z_i.
    labels : array, shape (n,)
    cap : float
    fit_intercept : bool
    """
    unit = float(np.sqrt(np.vdot(signed, signed) / len(signed)))
    with np.errstate(all="ignore"):
        points = signed.astype(np.float32) / np.float32(unit)
        try:
            return _descend(points, labels.astype(np.float32), cap * unit**2, fit_intercept)
        except np.linalg.LinAlgError:
            return None


def _descend(
    points: Array, labels: Array, cap: float, fit_intercept: bool
) -> NDArray[np.int8] | None:
    top = points.sum(0)
    for _ in range(_TOP_STEPS):
        top = (points @ top) @ points
        top /= np.sqrt(top @ top)
    outlier = points @ top
    points -= np.outer(outlier, top)
    probe = np.sin(np.arange(len(points), dtype=np.float32)) + 1
    lipschitz = 1.0
    for _ in range(_POWER_STEPS):
        probe = points @ (probe @ points)
        lipschitz = float(np.sqrt(probe @ probe))
        if not 0 < lipschitz < np.inf:
            return None
        probe /= lipschitz
    lipschitz *= _SAFETY

    # The projection: α = clip(v - ⟨multipliers, columns⟩), one multiplier each for the intercept,
    # Σ α_i y_i = 0, and for the direction that was taken out, Σ α_i ⟨s_i, top⟩ = L multiplier.
    columns = np.stack([outlier, labels]) if fit_intercept else outlier[None]
    own = np.zeros(len(columns), np.float32)
    own[0] = lipschitz
    multipliers = np.zeros(len(columns), np.float32)
    bound = np.float32(cap)
    alpha = ahead = np.zeros(len(points), np.float32)
    momentum, sets, known = 1.0, np.zeros(len(points), np.int8), np.zeros(0, np.int8)
    for step in range(1, _MAX_STEPS + 1):
        target = ahead - (points @ (ahead @ points) - 1) / np.float32(lipschitz)
        for root_step in range(_ROOT_STEPS):
            moved = target - multipliers @ columns
            after = np.clip(moved, 0, bound)
            free = (moved > 0) & (moved < bound)
            missing = columns @ after - own * multipliers
            if (
                root_step
                and np.abs(missing).max() <= _ROOT_TOLERANCE * (np.abs(columns) @ after).max()
            ):
                break
            inner = columns * free
            jacobian = inner @ inner.T + np.diag(own)
            if not free.any():
                jacobian += np.eye(len(own), dtype=np.float32)
            multipliers = multipliers + np.linalg.solve(jacobian, missing)
        change = after - alpha
        if (ahead - after) @ change > 0:  # the momentum leads uphill: start anew
            momentum, alpha, ahead = 1.0, after, after
        else:
            following = 0.5 * (1.0 + (1.0 + 4.0 * momentum**2) ** 0.5)
            ahead = after + (momentum - 1.0) / following * change
            alpha, momentum = after, following
        if step % _EVERY == 0:
            sets = np.where(moved >= bound, INSIDE, free).astype(np.int8)
            if known.size and np.count_nonzero(sets != known) <= _CHANGES * sets.size:
                break
            known = sets
    return sets if np.isfinite(alpha).all() else None


def solve_sets(
    signed: Array,
    labels: Array,
    cap: float,
    fit_intercept: bool,
    sets: NDArray[np.int8],
) -> Solved | None:
    """The exact answer from sets that are nearly its own; None if that is not where they lead.

    On an answer every condition of optimality holds: α in its bounds, Σ α_i y_i = 0, w = Σ α_i s_i,
    and each margin on the right side of 1, to `_TOLERANCE` of the largest |⟨w, z⟩|. The duality
    gap is then at most that share of Σ α_i.
    """
    lengths = np.sqrt(np.vecdot(signed, signed).max())
    for _ in range(_MAX_SYSTEMS):
        on = np.flatnonzero(sets == ON)
        inside = sets == INSIDE
        if not 0 < on.size <= signed.shape[1] + fit_intercept:
            return None
        solved = _equations(signed, labels, cap, fit_intercept, on, inside)
        if solved is None:
            return None
        weights, intercept, alpha = solved
        gap = 1.0 - signed @ weights - intercept * labels
        size = np.abs(1.0 - gap - intercept * labels).max()
        rounding = _ROUNDING * (1.0 + lengths * np.sqrt(weights @ weights) + abs(intercept))
        allowed = max(_TOLERANCE * size, rounding)
        changed = sets.copy()
        changed[on[alpha[on] <= 0]] = BEYOND
        changed[on[alpha[on] >= cap]] = INSIDE
        changed[((sets == BEYOND) & (gap > allowed)) | (inside & (gap < -allowed))] = ON
        if np.array_equal(changed, sets):
            if np.abs(gap[on]).max() > allowed or rounding > _ACCEPTED * max(size, abs(intercept)):
                return None
            return solved
        sets = changed
    return None


def _equations(
    signed: Array,
    labels: Array,
    cap: float,
    fit_intercept: bool,
    on: NDArray[np.intp],
    inside: NDArray[np.bool_],
) -> Solved | None:
    """Put the margins of some points at 1, others having α at the cap.

    The weights are refined on the margins themselves: where large terms of Σ α_i s_i cancel, the
    sum is not known to the digits that the margins need.
    """
    points, side = signed[on], labels[on]
    gram = points @ points.T
    unit = gram.trace() / on.size
    if fit_intercept:  # leaves Σ α_i y_i = const alone, and makes p + 1 points independent
        gram += unit * np.outer(side, side)
    try:
        factor = scipy.linalg.cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
    except np.linalg.LinAlgError:
        return None
    fixed: Array = np.zeros(signed.shape[1])
    total = 0.0
    if inside.any():
        fixed = (inside * cap) @ signed
        total = -cap * float(labels[inside].sum())
    across = scipy.linalg.cho_solve(factor, side, check_finite=False)
    weight = float(side @ across)
    weights, intercept, free = fixed, 0.0, np.zeros(on.size)
    for _ in range(_REFINEMENTS):
        missing = 1.0 - points @ weights - intercept * side
        step = scipy.linalg.cho_solve(factor, missing, check_finite=False)
        if fit_intercept:
            short = total - float(side @ free)
            shift = unit * short + (float(side @ step) - short) / weight
            step = step - (shift - unit * short) * across
            intercept += shift
        free = free + step
        weights = weights + step @ points
    alpha = np.where(inside, cap, 0.0)
    alpha[on] = free
    return Solved(weights, intercept, alpha)
