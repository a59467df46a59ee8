"""What the reference needs of mpmath: contexts of its own, exact numbers, Gaussian integrals."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from mpmath import MPContext

from ..checks import check_integer

__all__ = [
    "Context",
    "Matrix",
    "Real",
    "below",
    "check_digits",
    "exact",
    "first_excess",
    "new_context",
    "scalar",
    "second_excess",
]

Context: TypeAlias = Any  # mpmath.MPContext
Real: TypeAlias = Any  # mpmath.mpf
Matrix: TypeAlias = Any  # mpmath.matrix


def new_context(dps: int) -> Context:
    """A context of its own, so that no precision of the caller's is read or changed."""
    ctx = MPContext()
    ctx.dps = dps
    return ctx


def check_digits(dps: Any) -> int:
    """The number of digits that is asked for."""
    return check_integer("dps", dps, 1)


def exact(ctx: Context, value: Any) -> Real:
    """The binary number that a float is."""
    return ctx.mpf(float(value))


def scalar(ctx: Context, name: str, value: Any) -> Real:
    """A single number; arrays are refused."""
    if np.ndim(value):
        raise ValueError(
            f"{name} must be a single number in asymptotics.reference, "
            f"got an array of shape {np.shape(value)}"
        )
    return exact(ctx, value)


def below(ctx: Context, x: Real) -> Real:
    """Φ(x) = P(g < x), to full relative precision in the lower tail."""
    return ctx.erfc(-x / ctx.sqrt(2)) / 2


def _density(ctx: Context, x: Real) -> Real:
    return ctx.exp(-(x**2) / 2) / ctx.sqrt(2 * ctx.pi)


def _guard(ctx: Context, x: Real) -> int:
    """Digits lost to cancellation by the formulas below at x → -∞: as many as x⁴ has."""
    return 10 + 4 * max(0, int(ctx.mag(x)) * 3 // 10 + 1) if x else 10


def first_excess(ctx: Context, x: Real) -> Real:
    """E (x - g)₊ = xΦ(x) + φ(x)."""
    with ctx.workdps(ctx.dps + _guard(ctx, x)):
        return x * below(ctx, x) + _density(ctx, x)


def second_excess(ctx: Context, x: Real) -> Real:
    """E (x - g)₊² = (1 + x²)Φ(x) + xφ(x)."""
    with ctx.workdps(ctx.dps + _guard(ctx, x)):
        return (1 + x**2) * below(ctx, x) + x * _density(ctx, x)
