r"""One set of nodes for the logistic channel of many laws that are alike.

A rule of logistic.py resolves every law that is no narrower than its own, bends no more, and has
its mass between the ends; one made for the envelope of a batch,

    smallest deviation d*, largest V/d =: r*, from the lowest to the highest end,

serves all of it. No node is then made a law, and the averages are matrix products of the Gaussian
weights with columns that depend on x alone: with 1 + V ℓ''(x) = dω/dx,

    E f = Σ w f + V Σ w f ℓ'',   -E f' = Σ w ℓ'',   w = φ((ω(x) - mean)/√q) dx/√q.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..checks import Array
from .logistic import (
    REACH,
    STEEP,
    STEP,
    WIDE,
    LogisticRule,
    graded_coordinate,
    logistic_prox,
    logistic_rule,
    rise_of,
    slope_and_curvature,
    tails,
)

__all__ = ["SharedLogisticRule", "shared_logistic_rule"]

# More nodes than this cost more, over the evaluations that they serve, than nodes for every law.
_MOST_NODES = 256
# What the envelope leaves free around its laws: as a share of d* and of V/d, in deviations, and in
# log(1 + V).
_SPARE_SHARE = 0.05
_SPARE_REACH = 0.5
_SPARE_BEND = 0.25
# The same bounds for a first look, good to some 1e-5.
_LOOSE_SHARE = 0.4
_LOOSE_REACH = 5.0
# Points at which t is tabulated before it is inverted: in all, and around each bend.
_TABLE = 100
_BENDS = np.concatenate([-np.geomspace(100.0, 0.5, 16), [0.0], np.geomspace(0.5, 100.0, 16)])
_STEPS = 12
_PROX_TOLERANCE = 1e-3
_NODE_TOLERANCE = 1e-7  # in t, before the last Newton step, which leaves its square
_ROOT_2PI = np.sqrt(2.0 * np.pi)


class SharedLogisticRule(NamedTuple):
    """Nodes for every law within an envelope; N in all."""

    centre: float
    anchor: float  # -ℓ'(centre)
    omega: Array  # (3, N): 1, x - centre and ℓ'(x) - ℓ'(centre)
    columns: Array  # (N, 7): f, f², ℓ'', fℓ'', f²ℓ'', ℓ, ℓℓ'', times dx/√(2π)
    deviation: float  # d*
    ratio: float  # r*
    branch: float  # the middle of log(1 + V) over the batch, and the half of its range
    spread: float

    def covers(self, mean: Array, deviation: Array, v: Array) -> tuple[Array, Array]:
        """Whether the rule holds, tightly and loosely, for each law."""
        bend = np.abs(np.log1p(v) - self.branch) < self.spread
        lift, tilt = tails(mean, deviation, v)
        shift = mean - self.centre + v * self.anchor
        _, delta, rise = self.omega
        first = (delta[0] + v * rise[0] - shift) / deviation
        last = (delta[-1] + v * rise[-1] - shift) / deviation

        # written so that NaN does not count as covered
        def within(share: float, reach: float) -> Array:
            return np.asarray(
                bend
                & (deviation * (1.0 + share) > self.deviation)
                & (v < self.ratio * (1.0 + share) * deviation)
                & (-first > reach + tilt)
                & (last > reach + lift)
            )

        return within(0.0, REACH), within(_LOOSE_SHARE, _LOOSE_REACH)

    def take(self, index: Array) -> SharedLogisticRule:
        return self

    def renew(
        self, stale: Array, mean: Array, deviation: Array, v: Array
    ) -> SharedLogisticRule | LogisticRule:
        """Nodes for the laws as they are now."""
        return shared_logistic_rule(mean, deviation, v) or logistic_rule(mean, deviation, v)

    def weigh(self, mean: Array, deviation: Array, v: Array) -> tuple[Array, Array]:
        """z = (ω(x) - mean)/√q, and exp(-z²/2)."""
        shift = self.centre - mean - v * self.anchor
        z = (np.stack([shift, np.ones_like(v), v], axis=-1) / deviation[..., None]) @ self.omega
        weight = z * z
        weight *= -0.5
        return z, np.exp(weight, out=weight)

    def averages(self, mean: Array, deviation: Array, v: Array) -> tuple[Array, ...]:
        """E of f, f², f', ff', f²f', f'z, f'(z² - 1), ff'z, with z = (ω - mean)/√q."""
        z, weight = self.weigh(mean, deviation, v)
        zeroth = weight @ self.columns[:, :5]
        weight *= z
        first = weight @ self.columns[:, 2:4]
        weight *= z
        second = weight @ self.columns[:, 2:3]
        sums = np.concatenate([zeroth, first, second], axis=-1) / deviation[..., None]
        f, f2, bend, bend_f, bend_f2, bend_z, bend_f_z, bend_z2 = np.moveaxis(sums, -1, 0)
        return (
            f + v * bend_f,
            f2 + v * bend_f2,
            -bend,
            -bend_f,
            -bend_f2,
            -bend_z,
            bend - bend_z2,
            -bend_f_z,
        )

    def loss(self, mean: Array, deviation: Array, v: Array) -> Array:
        """E ℓ(prox(ω))."""
        _, weight = self.weigh(mean, deviation, v)
        plain, bent = np.moveaxis(weight @ self.columns[:, 5:], -1, 0)
        return np.asarray((plain + v * bent) / deviation)


def shared_logistic_rule(mean: Array, deviation: Array, v: Array) -> SharedLogisticRule | None:
    """Nodes for all of ω ~ N(mean, deviation²), arrays of one shape; None if they are too many."""
    finite = np.isfinite(mean) & (deviation > 0) & np.isfinite(deviation) & (v > 0) & np.isfinite(v)
    if not finite.all():
        mean, deviation, v = mean[finite], deviation[finite], v[finite]
        if not v.size:
            return None
    # Two ends a law, to few digits: an end needs no more.
    lift, tilt = tails(mean, deviation, v)
    reach = REACH + _SPARE_REACH
    ends = np.stack([mean - (reach + tilt) * deviation, mean + (reach + lift) * deviation])
    proxes = logistic_prox(ends, v, _PROX_TOLERANCE * np.minimum(deviation, 1.0))
    low, high = float(proxes[0].min()), float(proxes[1].max())
    narrowest = float(deviation.min()) * (1.0 - _SPARE_SHARE)
    ratio = float((v / deviation).max()) * (1.0 + _SPARE_SHARE)
    branches = np.log1p(v)
    first, last = float(branches.min()), float(branches.max())
    branch, spread = 0.5 * (first + last), 0.5 * (last - first) + _SPARE_BEND

    bent = narrowest > WIDE and ratio < STEEP  # the bend of the loss must be resolved
    centre = np.array(0.0 if bent else 0.5 * (low + high))
    coordinate = graded_coordinate(
        centre,
        np.array(branch),
        np.array(0.0),
        np.array(ratio * narrowest),
        np.array(narrowest),
        spread,
    )
    places = np.concatenate([_BENDS, branch + _BENDS]).clip(low, high)
    table = np.sort(np.concatenate([np.linspace(low, high, _TABLE), places])) - centre
    t = coordinate.value(table)
    span = t[-1] - t[0]
    if not span <= _MOST_NODES * STEP:
        return None
    count = int(np.ceil(span / STEP))
    goal = t[0] + span * ((np.arange(count) + 0.5) / count)
    cell = np.searchsorted(t, goal).clip(1, t.size - 1)
    left, right = table[cell - 1], table[cell]
    delta = np.interp(goal, t, table)
    for _ in range(_STEPS):
        there, slope_of_t = coordinate(delta)
        gap = there - goal
        delta = np.clip(delta - gap / slope_of_t, left, right)
        if np.abs(gap).max() <= _NODE_TOLERANCE:
            break
    x = centre + delta
    f, curvature = slope_and_curvature(x)
    loss = np.logaddexp(0.0, -x)
    width = span / count / coordinate(delta)[1] / _ROOT_2PI
    columns = np.stack(
        [f, f * f, curvature, f * curvature, f * f * curvature, loss, loss * curvature], axis=-1
    )
    return SharedLogisticRule(
        float(centre),
        float(slope_and_curvature(centre)[0]),
        np.stack([np.ones(count), delta, rise_of(delta, f, centre)]),
        columns * width[:, None],
        narrowest,
        ratio,
        branch,
        spread,
    )
