r"""Where the weights of an unbalanced support vector machine with an intercept vanish.

With w = 0 and |b| = 1 every point of the larger class sits on the kink of the hinge, where its dual
weight f may be anything in [0, 1]; every point of the smaller one has f = 1. If such weights can
cancel the gradient Σ f_i y_i z_i, w = 0 is optimal, whatever the penalty: the classifier answers
with the larger class. In the limit, for shares Π and 1 - Π of the classes, write m, √q and V as
infinitely small multiples of each other. The larger class has f = clip((κ - g)/ρ, 0, 1) with

    E f = (1 - Π)/Π   (the intercept)   and   Π P(κ - ρ < g < κ) = V V̂ = γ,

which fix κ and ρ = V/√q, and the remaining equation q V̂² = m̂² s² + γ q̂ compares

    γ²/ρ²   with   4 (1 - Π)² s² + γ ((1 - Π) + Π E f²),      s² = μᵀΣ⁻¹μ.

The weights vanish where the left side is the larger.
"""

from __future__ import annotations

import numpy as np
import scipy

from ..checks import Array
from ..integrals.gaussian import interval_rule
from .prior import Problem

__all__ = ["weights_vanish"]

_BISECTIONS = 60
_PEAK_DENSITY = 1.0 / np.sqrt(2.0 * np.pi)


def weights_vanish(problem: Problem) -> Array:
    """Whether the limit of a support vector machine is the constant classifier, shape (B,)."""
    larger = np.maximum(problem.balance, 1.0 - problem.balance)
    smaller = 1.0 - larger
    gamma = problem.aspect_ratio * problem.weights.sum(-1)
    pull = 4.0 * smaller**2 * problem.separation
    # γ/ρ is at most Π times the peak of the density, and E f² at least (E f)².
    possible = (
        problem.free_intercept
        & (gamma < larger)
        & ((_PEAK_DENSITY * larger) ** 2 >= pull + gamma * smaller / larger)
    )
    result = np.zeros(len(gamma), dtype=bool)
    if not possible.any():
        return result
    larger, smaller, gamma, pull = (a[possible] for a in (larger, smaller, gamma, pull))
    share, target = gamma / larger, smaller / larger

    def weights_of(u: Array) -> tuple[Array, Array, Array]:
        """E f, E f² and ρ for the share u of margins below the kink."""
        high = scipy.special.ndtri(u + share)
        rho = high - scipy.special.ndtri(u)
        below, weights = interval_rule(high, rho)
        f = below / rho[:, None]
        return u + (weights * f).sum(-1), u + (weights * f * f).sum(-1), rho

    low, high = np.maximum(0.0, target - share), np.minimum(target, 1.0 - share)
    # By hand: find_root takes 2 to 8 times as long for 1 to 40 problems, as its secants get nowhere
    # on a root that may lie any number of decades above the end 0.
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        above = weights_of(middle)[0] > target
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    _, second, rho = weights_of(0.5 * (low + high))
    result[possible] = (gamma / rho) ** 2 >= pull + gamma * (smaller + larger * second)
    return result
