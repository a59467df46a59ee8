r"""The logistic channel: the trapezoid rule on x = prox, in a graded coordinate.

    E g(prox) = ∫ g(x) φ(z) (1 + Vℓ''(x)) dx/√q,    z = (x + Vℓ'(x) - mean)/√q.

Nodes are equally spaced in

    t = (x + Vℓ'(x))/√q + c Σ_± [asinh(u_±) ± π/4 √(1 + u_±²)],
    u_± = (x ± r)/π,    r = 2 asinh(√V/2).

The first part makes the Gaussian one unit wide. The second resolves the loss: ±r + iπ are the
complex zeros of 1 + Vℓ'', where prox branches, and between them x varies like log ω. Its spacing in
x is about π on [-r, r] and grows in proportion to the distance beyond. In t the integrand is
analytic in a strip of half-width about cπ/2, so that the error falls like exp(-cπ²/step), at a
number of nodes that grows with the logarithm of the scales.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from .arithmetic import Context, Real, below
from .channels import Moments

__all__ = ["LogisticChannel"]

# The constant c of the coordinate, and a half-width of the strip that it leaves safe.
_GRADING = 2
_STRIP = 2.8
# A grid made for one V and √q serves others within this factor, at the cost of a few digits, which
# a path can spare; and means within so many √q.
_DRIFT = 2
_REACH = 8
_INVERSION_STEPS = 100
# Digits beyond the working ones at which the sums are cut off, and the nodes are placed.
_SPARE = 5


class _Grid:
    """The nodes for one V, q and precision, made when they are first asked for."""

    def __init__(self, ctx: Context, mean: Real, deviation: Real, v: Real) -> None:
        self.ctx, self.dps = ctx, ctx.dps
        self.mean, self.deviation, self.v = mean, deviation, v
        digits = self.dps * ctx.log(10)
        self.step = 2 * ctx.pi * _STRIP / (digits + _STRIP**2 / 2)
        with ctx.workdps(self.dps + _SPARE):
            self._reach = 2 * ctx.asinh(ctx.sqrt(v) / 2)
            start = self._prox()
            self._origin = self._coordinate(start)[0]
            self._nodes = {0: self._weigh(start)}

    def serves(self, mean: Real, deviation: Real, v: Real) -> bool:
        """Whether parameters are near enough to those that the grid was made for."""
        return bool(
            self.dps == self.ctx.dps
            and abs(mean - self.mean) < _REACH * deviation
            and 1 < _DRIFT * deviation / self.deviation < _DRIFT**2
            and (v == self.v or 1 < _DRIFT * v / self.v < _DRIFT**2)
        )

    def node(self, k: int) -> tuple[Real, Real, Real]:
        """(x, -ℓ'(x), step · dx/dt) of node k; the node before it, seen from 0, has to exist."""
        if k not in self._nodes:
            ctx = self.ctx
            with ctx.workdps(self.dps + _SPARE):
                side = 1 if k > 0 else -1
                x, _, weight = self._nodes[k - side]
                self._nodes[k] = self._weigh(self._place(k, x + side * weight))
        return self._nodes[k]

    def _place(self, k: int, x: Real) -> Real:
        """Solve t(x) = t_k by Newton's method, at the digits that it has earned so far."""
        ctx, full = self.ctx, self.ctx.dps
        target = self._origin + k * self.step
        digits = 15
        try:
            for _ in range(_INVERSION_STEPS):
                ctx.dps = digits
                t, slope = self._coordinate(x)
                change = target - t
                x = x + change / slope
                if abs(change) < ctx.mpf(10) ** (-digits // 2):
                    if digits == full:
                        return x
                    digits = min(2 * digits - 4, full)
        finally:
            ctx.dps = full
        raise ArithmeticError(f"node {k} of the logistic quadrature was not found")

    def _prox(self) -> Real:
        """x + Vℓ'(x) = mean, to a few digits, by bisection: the root is in [mean, mean + V]."""
        low, high = self.mean, self.mean + self.v
        for _ in range(60):
            x = (low + high) / 2
            if x - self.v * self._force(x) < self.mean:
                low = x
            else:
                high = x
        return x

    def _force(self, x: Real) -> Real:
        decay = self.ctx.exp(-abs(x))
        return (decay if x > 0 else 1) / (1 + decay)

    def _coordinate(self, x: Real) -> tuple[Real, Real]:
        """t(x) and dt/dx."""
        ctx = self.ctx
        force = self._force(x)
        t = (x - self.v * force) / self.deviation
        slope = (1 + self.v * force * (1 - force)) / self.deviation
        for side in (1, -1):
            u = (x + side * self._reach) / ctx.pi
            root = ctx.sqrt(1 + u * u)
            t += _GRADING * (ctx.asinh(u) + side * ctx.pi / 4 * root)
            slope += _GRADING / ctx.pi * (1 + side * ctx.pi / 4 * u) / root
        return t, slope

    def _weigh(self, x: Real) -> tuple[Real, Real, Real]:
        return x, self._force(x), self.step / self._coordinate(x)[1]


class LogisticChannel:
    """log(1 + e^{-u}): f = 1/(1 + e^u)."""

    corner: ClassVar[bool] = False

    def __init__(self) -> None:
        self._grids: dict[int, _Grid] = {}

    def moments(self, ctx: Context, mean: Real, q: Real, v: Real, label: int) -> Moments:
        force = square = slope = ctx.zero
        for _, f, weight in self._nodes(ctx, mean, q, v, label):
            wf = weight * f
            bend = wf - wf * f
            wf *= 1 + v * (f - f * f)
            force += wf
            square += wf * f
            slope += bend
        return Moments(force, square, slope)

    def training(self, ctx: Context, mean: Real, q: Real, v: Real, label: int) -> tuple[Real, Real]:
        loss = ctx.zero
        for x, f, weight in self._nodes(ctx, mean, q, v, label):
            value = ctx.log1p(ctx.exp(-x)) if x > 0 else -x + ctx.log1p(ctx.exp(x))
            loss += weight * (1 + v * (f - f * f)) * value
        return below(ctx, (mean + v / 2) / ctx.sqrt(q)), loss

    def _nodes(
        self, ctx: Context, mean: Real, q: Real, v: Real, label: int
    ) -> Iterator[tuple[Real, Real, Real]]:
        """x, f and the weight φ(z) dx/√q of every node that counts.

        On either side the walk ends where the density times 1, f and f² all fall and have fallen
        below the rounding error of the largest such product so far; each has a single peak.
        """
        deviation = ctx.sqrt(q)
        grid = self._grids.get(label)
        if grid is None or not grid.serves(mean, deviation, v):
            grid = self._grids[label] = _Grid(ctx, mean, deviation, v)
        scale = 1 / (deviation * ctx.sqrt(2 * ctx.pi))
        negligible = ctx.mpf(10) ** (-ctx.dps - _SPARE)
        peaks = [ctx.zero] * 3
        for side in (-1, 1):
            k = 0 if side < 0 else 1
            last = [ctx.zero] * 3
            while True:
                x, f, weight = grid.node(k)
                z = (x - v * f - mean) / deviation
                weight = weight * scale * ctx.exp(-z * z / 2)
                density = weight * (1 + v * (f - f * f))
                products = [density, density * f, density * f * f]
                peaks = [max(a, b) for a, b in zip(peaks, products, strict=True)]
                yield x, f, weight
                if all(
                    now < negligible * peak and now <= before
                    for now, peak, before in zip(products, peaks, last, strict=True)
                ):
                    break
                last = products
                k += side
