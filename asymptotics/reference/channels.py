r"""The channel: moments of f(ω) for ω ~ N(mean, q), to any precision.

With prox = argmin_x ℓ(x) + (x - ω)²/(2V) and f = (prox - ω)/V = -ℓ'(prox), a channel gives

    E f,   E f²,   -E ∂f/∂ω = E[ℓ''/(1 + Vℓ'')],   P(prox > 0),   E ℓ(prox).

Losses made of straight pieces and parabolas have them in closed form; the logistic loss has a
quadrature of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

from .arithmetic import Context, Real, below, first_excess, second_excess

__all__ = ["Channel", "ClippedChannel", "CollapsedChannel", "Moments", "SquareChannel"]


class Moments(NamedTuple):
    """E f, E f² and -E f' of one class."""

    force: Real
    square: Real
    slope: Real


class Channel(Protocol):
    """What the equations need of a loss; `label` (±1) lets a channel tell the classes apart."""

    @property
    def corner(self) -> bool:
        """Whether the loss has a corner or a bend at 1."""

    def moments(self, ctx: Context, mean: Real, q: Real, v: Real, label: int) -> Moments: ...

    def training(
        self, ctx: Context, mean: Real, q: Real, v: Real, label: int
    ) -> tuple[Real, Real]: ...


@dataclass(frozen=True)
class SquareChannel:
    """½(1 - u)²: prox = (ω + V)/(1 + V). With `hard`, the constraint u = 1: prox = 1."""

    hard: bool = False
    corner: ClassVar[bool] = False

    def _stiffness(self, v: Real) -> Real:
        return v if self.hard else 1 + v

    def moments(self, ctx: Context, mean: Real, q: Real, v: Real, label: int) -> Moments:
        stiffness = self._stiffness(v)
        gap = 1 - mean
        return Moments(gap / stiffness, (gap**2 + q) / stiffness**2, 1 / stiffness)

    def training(self, ctx: Context, mean: Real, q: Real, v: Real, label: int) -> tuple[Real, Real]:
        if self.hard:
            return ctx.one, ctx.zero
        loss = self.moments(ctx, mean, q, v, label).square / 2
        return below(ctx, (mean + v) / ctx.sqrt(q)), loss


@dataclass(frozen=True)
class ClippedChannel:
    """f = min((1 - ω)₊/(V + offset), ceiling): every hinge.

    Squared hinge: offset 1, no ceiling. Hard margin, prox = max(ω, 1): offset 0, no ceiling. Hinge:
    offset 0, ceiling 1. An offset in between rounds the corner of the loss off, which is how the
    solver reaches the sharp ones.
    """

    offset: Real
    ceiling: bool
    corner: ClassVar[bool] = True

    def moments(self, ctx: Context, mean: Real, q: Real, v: Real, label: int) -> Moments:
        deviation, stiffness = ctx.sqrt(q), v + self.offset
        unit = deviation / stiffness
        top = (1 - mean) / deviation
        if not self.ceiling:
            return Moments(
                unit * first_excess(ctx, top),
                unit**2 * second_excess(ctx, top),
                below(ctx, top) / stiffness,
            )
        # min(y, 1) = y₊ - (y - 1)₊ and min(y, 1)² = y₊² - (y - 1)₊² - 2(y - 1)₊ cancel like the
        # width of the sloped piece: that many digits more.
        narrow = max(0, int(ctx.mag(unit)) * 3 // 10 + 1)
        with ctx.workdps(ctx.dps + 3 * narrow):
            unit = ctx.sqrt(q) / stiffness
            top = (1 - mean) / ctx.sqrt(q)
            low = top - 1 / unit
            inside = (
                below(ctx, -low) - below(ctx, -top)
                if low > 0
                else below(ctx, top) - below(ctx, low)
            )
            over = first_excess(ctx, low)
            force = unit * (first_excess(ctx, top) - over)
            square = unit**2 * (second_excess(ctx, top) - second_excess(ctx, low)) - 2 * unit * over
            return Moments(force, square, inside / stiffness)

    def training(self, ctx: Context, mean: Real, q: Real, v: Real, label: int) -> tuple[Real, Real]:
        deviation = ctx.sqrt(q)
        if self.ceiling:
            loss = deviation * first_excess(ctx, (1 - v - mean) / deviation)
        elif self.offset:
            loss = self.moments(ctx, mean, q, v, label).square / 2
        else:
            return ctx.one, ctx.zero
        return below(ctx, (mean + v) / deviation), loss


@dataclass(frozen=True)
class CollapsedChannel:
    """The hinge in the limit of vanishing weights, at a rounded corner.

    Margins differ from ±b = 1 of the larger class, `label`, by multiples of a vanishing scale; in
    units of it the larger class sees the corner, and the smaller one a straight line of slope 1.
    """

    larger: int
    corner: ClassVar[bool] = True

    def moments(self, ctx: Context, mean: Real, q: Real, v: Real, label: int) -> Moments:
        if label != self.larger:
            return Moments(ctx.one, ctx.one, ctx.zero)
        return ClippedChannel(ctx.one, ceiling=True).moments(ctx, mean, q, v, label)

    def training(self, ctx: Context, mean: Real, q: Real, v: Real, label: int) -> tuple[Real, Real]:
        """Every margin is 1 or -1."""
        right = label == self.larger
        return ctx.mpf(int(right)), ctx.mpf(0 if right else 2)
