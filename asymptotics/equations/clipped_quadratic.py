"""The channel f = (1 - ω)₊/κ of the squared hinge (κ = 1 + V) and the hard margin (κ = V)."""

from __future__ import annotations

from ..checks import Array
from ..integrals.gaussian import half_moments
from .channel import Moments

__all__ = ["clipped_quadratic_moments"]


def clipped_quadratic_moments(mean: Array, deviation: Array, kappa: Array) -> Moments:
    """Moments of f(ω) = (1 - ω)₊/κ and f' = -1{ω < 1}/κ for ω ~ N(mean, deviation²)."""
    x = (1.0 - mean) / deviation
    inside, first, second, density = half_moments(x)
    scale = deviation / kappa
    f, f2 = scale * first, scale**2 * second
    edge = density / kappa
    return Moments(
        f=f,
        f2=f2,
        df=-inside / kappa,
        f_df=-f / kappa,
        f2_df=-f2 / kappa,
        df_z=edge,
        df_z2=x * edge,
        f_df_z=scale * inside / kappa,
    )
