"""What one score of two classes tells by its sign and its order: recall, AUC, best threshold."""

from __future__ import annotations

import numpy as np
import scipy

from ..checks import Array
from ..integrals.gaussian import normal_density
from .score_law import ScoreLaw

__all__ = ["area_under_curve", "best_shift", "class_recalls", "two_by_two"]

# Thresholds looked at before the best one is refined.
_GRID = 801
_REACH = 10.0


def _sign_probability(law: ScoreLaw, shift: Array | float = 0.0) -> Array:
    """P(the answer is right | cluster), shape (..., C), with the intercept moved."""
    assert law.labels is not None
    margin = law.labels * (law.locations + np.asarray(shift)[..., None])
    deviation = law.deviations
    with np.errstate(divide="ignore", invalid="ignore"):
        right = scipy.special.ndtr(margin / deviation)
    # a score that is always 0 is a coin toss
    return np.asarray(np.where((margin == 0) & (deviation == 0), 0.5, right))


def class_recalls(law: ScoreLaw, shift: Array | float = 0.0) -> Array:
    """P(right answer | class) of the classes -1 and +1, shape (..., 2)."""
    assert law.labels is not None
    right = _sign_probability(law, shift)
    found = []
    for label in (-1.0, 1.0):
        share = law.priors * (law.labels == label)
        found.append((share * right).sum(-1) / share.sum(-1))
    return np.stack(found, axis=-1)


def two_by_two(right: Array) -> Array:
    """The confusion matrices, shape (..., 2, 2), of two classes with these recalls."""
    found = np.empty((*right.shape, 2))
    for k in range(2):
        found[..., k, k], found[..., k, 1 - k] = right[..., k], 1.0 - right[..., k]
    return found


def area_under_curve(law: ScoreLaw) -> Array:
    """P(score of a point of +1 > score of one of -1): Φ(2m/√(q₊ + q₋)), averaged over clusters."""
    assert law.labels is not None
    up, down = law.labels > 0, law.labels < 0
    m, q = law.locations, np.square(law.deviations)
    gap = m[..., up][..., :, None] - m[..., down][..., None, :]
    spread = np.sqrt(q[..., up][..., :, None] + q[..., down][..., None, :])
    with np.errstate(divide="ignore", invalid="ignore"):
        above = scipy.special.ndtr(gap / spread)
    above = np.where((gap == 0) & (spread == 0), 0.5, above)
    shares = law.priors[..., up][..., :, None] * law.priors[..., down][..., None, :]
    return np.asarray((shares * above).sum((-2, -1)) / shares.sum((-2, -1)))


def best_shift(law: ScoreLaw, balanced: bool) -> tuple[Array, Array]:
    """The move of the intercept that maximises (balanced) accuracy, and that accuracy.

    Where the constant answer is best the move is infinite.
    """
    assert law.labels is not None
    labels = law.labels
    count = len(labels)
    shares = np.broadcast_to(law.priors, (*law.shape, count)).reshape(-1, count).copy()
    if balanced:
        for label in (-1.0, 1.0):
            own = labels == label
            shares[:, own] *= 0.5 / shares[:, own].sum(-1, keepdims=True)
    locations, deviations = (
        np.broadcast_to(x, (*law.shape, count)).reshape(-1, count)
        for x in (law.locations, law.deviations)
    )
    moves, values = np.full(len(shares), np.nan), np.full(len(shares), np.nan)
    for i, (m, s, share) in enumerate(zip(locations, deviations, shares, strict=True)):
        if not (np.isfinite(m).all() and np.all(s > 0)):
            continue

        def slope(t: float, m: Array = m, s: Array = s, share: Array = share) -> float:
            return float((share * labels / s) @ normal_density((m + t) / s))

        def value(t: float, m: Array = m, s: Array = s, share: Array = share) -> float:
            return float(share @ scipy.special.ndtr(labels * (m + t) / s))

        ends = np.concatenate([-m - _REACH * s, -m + _REACH * s])
        grid = np.linspace(ends.min(), ends.max(), _GRID)
        slopes = (share * labels / s) @ normal_density((m[:, None] + grid) / s[:, None]).reshape(
            count, -1
        )
        found = [-np.inf, np.inf]
        for k in np.flatnonzero((slopes[:-1] > 0) & (slopes[1:] <= 0)):
            low, high = grid[k], grid[k + 1]
            if slope(low) <= 0 or slope(high) > 0:  # one alone may be rounded to the other side
                found.append(float(low if slope(low) <= 0 else high))
            else:
                found.append(float(scipy.optimize.brentq(slope, low, high, xtol=1e-14)))
        scores = [value(t) for t in found]
        best = int(np.argmax(scores))
        moves[i], values[i] = found[best], scores[best]
    return moves.reshape(law.shape), values.reshape(law.shape)
