"""Where the weights of an unbalanced support vector machine with an intercept vanish.

At w = 0, |b| = 1 the larger class, of share Π, sits on the corner of the hinge, where its forces
may be anything in [0, 1]. If they can balance those of the smaller class, which are 1, then w = 0
is optimal whatever the penalty, and the answer is always the larger class. In the equations m, √q
and V vanish at fixed ratios: on the scale of √q the forces of the larger class are
clip((κ - g)/ρ, 0, 1).
"""

from __future__ import annotations

from .arithmetic import Context, Real, below, first_excess, second_excess
from .equations import Quantities
from .population import Atoms

__all__ = ["collapsed", "weights_vanish"]

_BISECTIONS = 100


def weights_vanish(ctx: Context, spectrum: Atoms, aspect_ratio: Real) -> bool:
    """Whether the equations without a penalty leave q' < q on a vanishing scale.

    V V̂ = γ' = γ Σ_{d>0} w and the intercept's equation fix κ and ρ = V/√q; what is left of the
    equation for q compares (γ'/ρ)² with m̂² Σ e/d + γ' q̂.
    """
    larger = max(spectrum.balance, 1 - spectrum.balance)
    gamma = aspect_ratio * spectrum.rank
    if spectrum.separation is None or gamma >= larger:
        return False

    share = gamma / larger

    def forces(top: Real) -> tuple[Real, Real, Real]:
        """E f, E f² and ρ at κ = top, with Φ(κ) - Φ(κ - ρ) = γ'/Π."""
        low = _quantile(ctx, below(ctx, top) - share)
        rho = top - low
        over = first_excess(ctx, low)
        first = (first_excess(ctx, top) - over) / rho
        second = (second_excess(ctx, top) - second_excess(ctx, low)) / rho**2 - 2 * over / rho
        return first, second, rho

    target = (1 - larger) / larger
    start = _quantile(ctx, share)
    # E f rises from 0 to 1 with κ: bisection in the distance from the start.
    low, high = ctx.zero, ctx.one
    while forces(start + high)[0] < target:
        low, high = high, 2 * high
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if forces(start + middle)[0] < target:
            low = middle
        else:
            high = middle
    _, second, rho = forces(start + high)
    pull = (2 * (1 - larger)) ** 2 * spectrum.separation
    return bool((gamma / rho) ** 2 >= pull + gamma * (larger * second + 1 - larger))


def _quantile(ctx: Context, probability: Real) -> Real:
    return ctx.sqrt(2) * ctx.erfinv(2 * probability - 1)


def collapsed(ctx: Context, balance: Real) -> Quantities:
    """The classifier that answers with the larger class; the smaller one has a loss of 2."""
    larger = max(balance, 1 - balance)
    side = ctx.mpf(1 if 2 * balance > 1 else -1)
    zero = ctx.zero
    return Quantities(larger, 1 - larger, zero, zero, side, zero, larger, 2 * (1 - larger))
