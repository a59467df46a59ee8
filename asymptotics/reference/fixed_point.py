"""Solving the equations: a path to the solution at few digits, then as many as are asked for.

At few digits Newton's method, with a Jacobian by differences, follows the solution from a problem
with a strong penalty, where every loss is a straight line and the answer is explicit. The problem
is convex: there is one solution, so that any path to it will do. At many digits the same Jacobian
is good for a dozen digits a step.
"""

from __future__ import annotations

from collections.abc import Callable

from ..outcomes import ConvergenceError
from .arithmetic import Context, Matrix, Real
from .equations import Equations

__all__ = ["follow", "jacobian_at", "newton", "polish"]

_MAX_STEPS = 25
_MAX_HALVINGS = 10
# A search that has not halved its residual in so many steps is given up: shorter strides cost less.
_PATIENCE = 4
# Largest change in one step: of a logarithm, of b in units of 1 + √q, of the place of a corner
# in multiples of itself.
_TRUST = 2
# Path: decades of the parameter in one stride.
_FIRST_STRIDE, _SHORTEST_STRIDE, _LONGEST_STRIDE = 2.0, 1e-3, 8.0
_MAX_STRIDES = 400
_MAX_POLISH = 400
# A Jacobian that gains less than a digit a step is taken anew, so many times.
_MAX_REFRESHED = 5


def jacobian_at(equations: Equations, u: list[Real], here: list[Real] | None = None) -> Matrix:
    """∂residual/∂u by one-sided differences from u, where the residual is `here`."""
    ctx = equations.ctx
    here = equations.residual(u) if here is None else here
    units = _units(equations, u)
    matrix = ctx.zeros(len(u), len(u))
    for column in range(len(u)):
        width = ctx.mpf(10) ** (-ctx.dps // 3) * units[column]
        moved = list(u)
        moved[column] += width
        there = equations.residual(moved)
        for row in range(len(u)):
            matrix[row, column] = (there[row] - here[row]) / width
    return matrix


def _units(equations: Equations, u: list[Real]) -> list[Real]:
    """A natural size for a change of each unknown."""
    ones = [equations.ctx.one] * len(u)
    if equations.free_intercept and not equations.channel.corner:
        ones[-1] = equations.ctx.sqrt(equations.point(u).variance)
    return ones


def _norm(ctx: Context, gaps: list[Real]) -> Real:
    """Euclidean norm; infinite where a residual is not a finite real number."""
    if all(ctx.isfinite(gap) and ctx.im(gap) == 0 for gap in gaps):
        return ctx.norm(ctx.matrix(gaps))
    return ctx.inf


def newton(equations: Equations, u: list[Real]) -> list[Real] | None:
    """Damped Newton's method from u; None if it does not arrive."""
    ctx = equations.ctx
    target = ctx.mpf(10) ** (-ctx.dps // 2)
    gaps = equations.residual(u)
    norm = _norm(ctx, gaps)
    norms = [norm]
    for _ in range(_MAX_STEPS):
        if norm < target:
            return u
        if len(norms) > _PATIENCE and 2 * norm > norms[-1 - _PATIENCE]:
            return None
        jacobian = jacobian_at(equations, u, gaps) if norm < ctx.inf else None
        if jacobian is None or not _norm(ctx, list(jacobian)) < ctx.inf:
            return None
        try:
            step = ctx.lu_solve(jacobian, ctx.matrix(gaps))
        except (ZeroDivisionError, TypeError):  # either is how lu_solve finds a column of zeros
            return None
        units = _units(equations, u)
        if equations.free_intercept:
            units[-1] += abs(u[-1]) if equations.channel.corner else 1
        longest = max(abs(s) / unit for s, unit in zip(step, units, strict=True))
        length = min(ctx.one, _TRUST / longest)
        for _ in range(_MAX_HALVINGS):
            trial = [x - length * s for x, s in zip(u, step, strict=True)]
            found = equations.residual(trial)
            shorter = _norm(ctx, found)
            if shorter < (1 - length / 10000) * norm:
                break
            length /= 2
        else:
            return None
        u, gaps, norm = trial, found, shorter
        norms.append(norm)
    return None


def _tangent(family: Callable[[Real], Equations], here: Real, u: list[Real]) -> list[Real]:
    """Derivative of the solution with respect to the decimal logarithm of the parameter."""
    equations = family(here)
    ctx = equations.ctx
    width = ctx.mpf(10) ** (-ctx.dps // 3)
    gaps = equations.residual(u)
    ahead = family(here * 10**width).residual(u)
    slopes = [(a - b) / width for a, b in zip(ahead, gaps, strict=True)]
    return [-x for x in ctx.lu_solve(jacobian_at(equations, u, gaps), ctx.matrix(slopes))]


def follow(
    family: Callable[[Real], Equations], start: Real, end: Real, u: list[Real]
) -> list[Real]:
    """Follow the solution of ``family(p)`` from p = start, where it is u, to p = end ≥ 0.

    Raises
    ------
    ConvergenceError
        If even short strides fail.
    """
    ctx = family(start).ctx
    here = start
    stride = ctx.mpf(_FIRST_STRIDE)
    tangent: list[Real] | None = None
    for _ in range(_MAX_STRIDES):
        if here == end:
            return u
        if tangent is None:
            tangent = _tangent(family, here, u)
        down = end < here
        there = here * ctx.mpf(10) ** (-stride if down else stride)
        # Zero is infinitely far in decades: step over after strides that have become long.
        arrives = there <= end if down else there >= end
        if arrives or (end == 0 and stride >= _LONGEST_STRIDE):
            there = end
        decades = ctx.log(there / here, 10) if there else ctx.zero
        guess = [x + decades * slope for x, slope in zip(u, tangent, strict=True)]
        found = newton(family(there), guess)
        if found is None:
            stride = (abs(decades) if there else stride) / 4
            if stride < _SHORTEST_STRIDE:
                break
            continue
        here, u, tangent = there, found, None
        stride = min(2 * stride, ctx.mpf(_LONGEST_STRIDE))
    raise ConvergenceError(
        f"no path of solutions reaches the parameters: stuck at {ctx.nstr(here, 5)} on the way "
        f"from {ctx.nstr(start, 5)} to {ctx.nstr(end, 5)}"
    )


def polish(equations: Equations, u: list[Real], jacobian: Matrix, digits: int) -> list[Real]:
    """Iterate u ← u - J⁻¹ residual until the step has fallen below 10^(-digits).

    Raises
    ------
    ConvergenceError
        If it does not.
    """
    ctx = equations.ctx
    target = ctx.mpf(10) ** (-digits)
    last, refreshed = None, 0
    for _ in range(_MAX_POLISH):
        gaps = equations.residual(u)
        step = ctx.lu_solve(jacobian, ctx.matrix(gaps))
        u = [x - s for x, s in zip(u, step, strict=True)]
        size = max(abs(s) / unit for s, unit in zip(step, _units(equations, u), strict=True))
        if size < target:
            return u
        if last is not None and size > last / 10:
            if refreshed == _MAX_REFRESHED:
                break
            jacobian, refreshed = jacobian_at(equations, u), refreshed + 1
        last = size
    raise ConvergenceError(
        f"{digits} digits were not reached: the last step of refinement was {ctx.nstr(size, 3)}"
    )
