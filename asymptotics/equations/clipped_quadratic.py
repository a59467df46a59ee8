"""The channel f = (1 - ω)₊/κ of the squared hinge (κ = 1 + V) and the hard margin (κ = V)."""

from __future__ import annotations

from ..checks import Array
from ..integrals.gaussian import half_moments, half_moments_of
from .channel import Moments

__all__ = ["clipped_quadratic_law", "clipped_quadratic_moments"]


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


def clipped_quadratic_law(mean: float, deviation: float, kappa: float) -> list[float]:
    """The same for one law in plain floats, and ½ E f²."""
    x = (1.0 - mean) / deviation
    inside, first, second, density = half_moments_of(x)
    scale = deviation / kappa
    f, f2, edge = scale * first, scale * scale * second, density / kappa
    return [
        f,
        f2,
        -inside / kappa,
        -f / kappa,
        -f2 / kappa,
        edge,
        x * edge,
        scale * inside / kappa,
        0.5 * f2,
    ]
