r"""Where two Gaussian classes become linearly separable: the threshold as a convex problem.

n points in p dimensions are separable iff γ = p/n exceeds

    γ* = min over ρ ∈ [0, 1), b of E[(g - ρs - yb)₊²]/(1 - ρ²)
       = min over a, b of F(a, b) = E[(√(1 + a²) g - as - yb)₊²],   a = ρ/√(1 - ρ²),

which is jointly convex in (a, b). Separability does not change under invertible linear maps, so any
covariance reduces to s = √(μᵀΣ⁻¹μ).
"""

from __future__ import annotations

import numpy as np

from ..checks import Array
from ..integrals.gaussian import half_moments

__all__ = ["critical_aspect_ratio"]

_MAX_STEPS = 200
_MAX_HALVINGS = 40
# Twice the relative distance to the minimum; a smaller one is lost in the rounding of F.
_DECREMENT = 1e-13
# The error exponent s²/2 at which γ* falls below the smallest double.
_UNDERFLOW = 38.0


def _objective(a: Array, b: Array, s: Array, balance: Array) -> tuple[Array, Array, Array]:
    """F, its gradient (B, 2) and Hessian (B, 2, 2) in (a, b)."""
    tau = np.sqrt(1.0 + a * a)
    value = np.zeros_like(a)
    gradient, hessian = np.zeros((len(a), 2)), np.zeros((len(a), 2, 2))
    for y, share in ((1.0, balance), (-1.0, 1.0 - balance)):
        x = -(a * s + y * b) / tau
        zeroth, first, second, density = half_moments(x)
        value += share * tau**2 * second
        by_tau, by_c = 2.0 * tau * zeroth, 2.0 * tau * first
        slope = a / tau
        gradient[:, 0] += share * (by_tau * slope - s * by_c)
        gradient[:, 1] -= share * y * by_c
        cc, ct, tt = 2.0 * zeroth, 2.0 * density, 2.0 * (zeroth - x * density)
        hessian[:, 0, 0] += share * (
            tt * slope**2 + by_tau / tau**3 - 2.0 * s * ct * slope + s**2 * cc
        )
        hessian[:, 0, 1] += share * y * (s * cc - ct * slope)
        hessian[:, 1, 1] += share * cc
    hessian[:, 1, 0] = hessian[:, 0, 1]
    return value, gradient, hessian


def _minimise(s: Array, balance: Array, free: Array) -> Array:
    """min F for a flat batch with 0 < s < _UNDERFLOW; b is 0 where it is not free."""
    a, b = s.copy(), np.zeros_like(s)
    value, gradient, hessian = _objective(a, b, s, balance)
    best = value
    for _ in range(_MAX_STEPS):
        gradient[:, 1] *= free
        # Relative to F: Newton's method for log F where that is convex, for F elsewhere.
        slope = gradient / value[:, None]
        curvature = hessian / value[:, None, None]
        logarithmic = curvature - slope[:, :, None] * slope[:, None, :]
        for matrix in (curvature, logarithmic):
            matrix[:, 0, 1] *= free
            matrix[:, 1, 0] *= free
            matrix[:, 1, 1] = np.where(free, matrix[:, 1, 1], 1.0)
        determinant = np.linalg.det(logarithmic)
        convex = (determinant > 1e-6 * np.linalg.det(curvature)) & (logarithmic[:, 0, 0] > 0)
        chosen = np.where(convex[:, None, None], logarithmic, curvature)
        step = -np.linalg.solve(chosen, slope[..., None])[..., 0]
        decrement = -(step * slope).sum(-1)
        if np.all(decrement < _DECREMENT):
            break
        shrink = np.ones_like(s)
        for _ in range(_MAX_HALVINGS):
            trial = _objective(a + shrink * step[:, 0], b + shrink * step[:, 1], s, balance)
            worse = ~(trial[0] <= best * (1.0 + 1e-15))
            if not worse.any():
                break
            shrink = np.where(worse, 0.5 * shrink, shrink)
        shrink = np.where(worse, 0.0, shrink)
        a, b = a + shrink * step[:, 0], b + shrink * step[:, 1]
        value, gradient, hessian = _objective(a, b, s, balance)
        best = np.minimum(best, value)
    return best


def critical_aspect_ratio(separation: Array, balance: Array, free_intercept: Array) -> Array:
    """γ* for s = `separation` (0 to inf), elementwise over arrays of one shape (B,).

    At s = 0 the supremum over the labels' own information is left: γ* = 1/2 when balanced
    (Cover 1965), less when the intercept can answer an imbalance. Below the smallest double, 0.
    """
    result = np.zeros_like(separation)
    inside = separation < _UNDERFLOW
    if inside.any():
        with np.errstate(under="ignore"):
            result[inside] = _minimise(
                separation[inside].astype(float), balance[inside], free_intercept[inside]
            )
    return result
