r"""The equations of the limit, as residuals in logarithmic coordinates.

Unknowns u = (log m, log q, log V, b), without log m where there is no signal and without b where
it is zero. For a loss with a corner at 1 the last one is the place of the corner among the margins
of the larger class, (1 - m - |b|)/√q: weak signals put all of that class next to the corner. The
channel gives m̂, q̂, V̂ and the force f_± on either class; the prior answers with

    V' = γ Σ w d/(λ + V̂d),   m' = m̂ Σ e/(λ + V̂d),
    q' = m̂² Σ e d/(λ + V̂d)² + γ q̂ Σ w d²/(λ + V̂d)²,

and the residuals are log(m'/m), log(q'/q), log(V'/V), log(π f₊/((1 - π) f₋)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .arithmetic import Context, Real, below
from .channels import Channel
from .population import Atoms

__all__ = ["Equations", "Point", "Quantities", "quantities"]


class Point(NamedTuple):
    """The order parameters m, q, V and b."""

    mean: Real
    variance: Real
    susceptibility: Real
    intercept: Real


class Quantities(NamedTuple):
    """All that a limit reports, in the order of its fields."""

    accuracy: Real
    error: Real
    mean: Real
    variance: Real
    intercept: Real
    susceptibility: Real
    train_accuracy: Real
    train_loss: Real


@dataclass(frozen=True)
class Equations:
    """One problem: an atomic spectrum, γ, λ, a channel, and whether the intercept is free."""

    ctx: Context
    atoms: Atoms
    aspect_ratio: Real
    penalty: Real
    channel: Channel
    free_intercept: bool

    @property
    def classes(self) -> tuple[tuple[int, Real], ...]:
        """Labels with their shares; one class stands for both where b = 0."""
        if not self.free_intercept:
            return ((1, self.ctx.one),)
        return ((1, self.atoms.balance), (-1, 1 - self.atoms.balance))

    @property
    def larger(self) -> int:
        """The label of the larger class."""
        return 1 if 2 * self.atoms.balance > 1 else -1

    def point(self, u: list[Real]) -> Point:
        ctx = self.ctx
        rest = list(u)
        mean = ctx.exp(rest.pop(0)) if self.atoms.signal > 0 else ctx.zero
        variance, susceptibility = ctx.exp(rest.pop(0)), ctx.exp(rest.pop(0))
        last = rest.pop() if rest else ctx.zero
        if not self.free_intercept or not self.channel.corner:
            return Point(mean, variance, susceptibility, last)
        intercept = self.larger * (1 - mean - ctx.sqrt(variance) * last)
        return Point(mean, variance, susceptibility, intercept)

    def coordinates(self, point: Point) -> list[Real]:
        log = self.ctx.log
        u = [log(point.mean)] if self.atoms.signal > 0 else []
        u += [log(point.variance), log(point.susceptibility)]
        if not self.free_intercept:
            return u
        if not self.channel.corner:
            return [*u, point.intercept]
        distance = 1 - point.mean - self.larger * point.intercept
        return [*u, distance / self.ctx.sqrt(point.variance)]

    def prior(self, m_hat: Real, q_hat: Real, v_hat: Real) -> tuple[Real, Real, Real]:
        """m', q' and V'."""
        mean = explained = spread = trace = self.ctx.zero
        for d, w, e in self.atoms:
            resolvent = self.penalty + v_hat * d
            if e:
                mean += e / resolvent
                explained += e * d / resolvent**2
            if w and d:
                trace += w * d / resolvent
                spread += w * (d / resolvent) ** 2
        q = m_hat**2 * explained + self.aspect_ratio * q_hat * spread
        return m_hat * mean, q, self.aspect_ratio * trace

    def residual(self, u: list[Real]) -> list[Real]:
        if not self.channel.corner:
            return self._residual(u)
        # Margins 1 - √q·(…) are formed from m, b and √q, and told apart on the scale of √q.
        magnitude = self.ctx.mag(self.point(u).variance)
        lost = max(0, -int(magnitude) * 3 // 20) if self.ctx.isfinite(magnitude) else 0
        with self.ctx.workdps(self.ctx.dps + lost):
            return self._residual(u)

    def _residual(self, u: list[Real]) -> list[Real]:
        ctx = self.ctx
        point = self.point(u)
        m_hat = q_hat = v_hat = ctx.zero
        forces = []
        for label, share in self.classes:
            moments = self.channel.moments(
                ctx,
                point.mean + label * point.intercept,
                point.variance,
                point.susceptibility,
                label,
            )
            m_hat += share * moments.force
            q_hat += share * moments.square
            v_hat += share * moments.slope
            forces.append(share * moments.force)
        mean, variance, susceptibility = self.prior(m_hat, q_hat, v_hat)
        gaps = [ctx.log(mean / point.mean)] if point.mean else []
        gaps.append(ctx.log(variance / point.variance))
        gaps.append(ctx.log(susceptibility / point.susceptibility))
        if self.free_intercept:
            gaps.append(ctx.log(forces[0] / forces[1]))
        return gaps


def quantities(equations: Equations, point: Point) -> Quantities:
    """Accuracy and error on fresh points, the order parameters, accuracy and loss in training."""
    ctx = equations.ctx
    mean, q, v, b = point
    deviation = ctx.sqrt(q)
    pi = equations.atoms.balance
    accuracy = pi * below(ctx, (mean + b) / deviation) + (1 - pi) * below(
        ctx, (mean - b) / deviation
    )
    error = pi * below(ctx, -(mean + b) / deviation) + (1 - pi) * below(ctx, (b - mean) / deviation)
    train_accuracy = train_loss = ctx.zero
    for label, share in equations.classes:
        right, loss = equations.channel.training(ctx, mean + label * b, q, v, label)
        train_accuracy += share * right
        train_loss += share * loss
    return Quantities(accuracy, error, mean, q, b, v, train_accuracy, train_loss)
