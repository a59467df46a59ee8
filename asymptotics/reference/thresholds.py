r"""The separability threshold to any precision.

    γ* = min over a, b of F(a, b) = E[(√(1 + a²) g - a s - y b)₊²],   s = √(μᵀΣ⁻¹μ),

with a = ρ/√(1 - ρ²); F is convex. Its minimum is found as the root of its
gradient, by Newton's method on log F.
"""

from __future__ import annotations

from collections.abc import Callable

from ..checks import check_flag
from ..outcomes import ConvergenceError
from ..populations.base import Population
from ..projectors import Identity, Projector
from .arithmetic import Context, Real, below, check_digits, first_excess, new_context, second_excess
from .population import Atoms, atoms

__all__ = ["critical_aspect_ratio", "separability_threshold"]

_MAX_STEPS = 200
_MAX_HALVINGS = 60
# Digits beyond those asked for, and how far apart two runs are in precision.
_GUARD = 15


def separability_threshold(
    mix: Population,
    fit_intercept: bool = True,
    dps: int = 50,
    *,
    projector: Projector | None = None,
) -> Real:
    r"""The aspect ratio γ* above which data are linearly separable, to `dps` digits.

    .. math::
        \gamma^* = \min_{\rho \in [0, 1),\, b} E\big[(g - \rho s - y b)_+^2\big]/(1 - \rho^2),
        \qquad s^2 = \mu^\top \Sigma^{-1} \mu

    Parameters
    ----------
    mix : SpikedMixture, GaussianMixture or Spectrum
        A single population, not a batch.
    fit_intercept : bool, default True
        Whether the separating hyperplane may miss the origin.
    dps : int, default 50
        Correct decimal digits.
    projector : projector, optional
        Matters only if it projects directions out.

    Returns
    -------
    mpmath.mpf

    Raises
    ------
    TypeError, ValueError
        For invalid input.
    ConvergenceError
        If two runs at different precisions do not agree on `dps` digits.

    Examples
    --------
    >>> import asymptotics as asy
    >>> threshold = asy.reference.separability_threshold(asy.SpikedMixture(signal=1.0), dps=30)
    >>> print(threshold)
    0.270267826487715856181159660865
    """
    digits = check_digits(dps)
    fit_intercept = check_flag("fit_intercept", fit_intercept)
    ctx = new_context(digits)
    found = []
    for extra in (_GUARD, 2 * _GUARD):
        with ctx.workdps(digits + extra):
            spectrum = atoms(ctx, mix, Identity() if projector is None else projector)
            found.append(critical_aspect_ratio(ctx, spectrum, fit_intercept))
    first, second = found
    if abs(first - second) > ctx.mpf(10) ** (-digits - 1) * second:
        raise ConvergenceError(f"{digits} digits of the separability threshold were not reached")
    return +second


def critical_aspect_ratio(ctx: Context, spectrum: Atoms, fit_intercept: bool) -> Real:
    """γ* at the working precision of `ctx`; 0 where there is signal without noise."""
    separation = spectrum.separation
    if separation is None:
        return ctx.zero
    s, pi = ctx.sqrt(separation), spectrum.balance
    free = fit_intercept and pi != ctx.mpf("0.5")
    classes = ((1, pi), (-1, 1 - pi)) if free else ((1, ctx.one),)

    def objective(x: list[Real]) -> Real:
        a, b = (*x, ctx.zero)[:2]
        tau = ctx.sqrt(1 + a * a)
        return tau**2 * sum(
            share * second_excess(ctx, -(a * s + y * b) / tau) for y, share in classes
        )

    def gradient(x: list[Real]) -> list[Real]:
        """∇ log F: ∂E(τg - c)₊²/∂τ = 2τΦ(-c/τ) and ∂/∂c = -2τ E(-c/τ - g)₊."""
        a, b = (*x, ctx.zero)[:2]
        tau = ctx.sqrt(1 + a * a)
        by_a = by_b = ctx.zero
        for y, share in classes:
            margin = -(a * s + y * b) / tau
            excess = first_excess(ctx, margin)
            by_a += share * 2 * (a * below(ctx, margin) - s * tau * excess)
            by_b -= share * 2 * y * tau * excess
        value = objective(x)
        return [by_a / value, by_b / value] if free else [by_a / value]

    point = _minimise(ctx, objective, gradient, [s, ctx.zero] if free else [s])
    return objective(point) / spectrum.rank


def _minimise(
    ctx: Context,
    objective: Callable[[list[Real]], Real],
    gradient: Callable[[list[Real]], list[Real]],
    x: list[Real],
) -> list[Real]:
    """The root of the gradient of log F, a positive convex function, from x.

    Near the end Newton's method doubles the digits of x, and the minimum has twice as many as x.

    Raises
    ------
    ConvergenceError
        If the steps do not fall below half of the working digits.
    """
    width = ctx.mpf(10) ** (-ctx.dps // 3)
    target = ctx.mpf(10) ** (-ctx.dps // 2 - 2)
    rounding = ctx.mpf(10) ** (4 - ctx.dps)
    value = objective(x)
    for _ in range(_MAX_STEPS):
        slope = gradient(x)
        hessian = ctx.zeros(len(x), len(x))
        for k in range(len(x)):
            moved = list(x)
            moved[k] += width
            for row, there in enumerate(gradient(moved)):
                hessian[row, k] = (there - slope[row]) / width
        # log F need not be convex where F is: ∇²F/F = ∇² log F + ∇ log F ∇ log Fᵀ always is.
        if hessian[0, 0] <= 0 or (len(x) == 2 and ctx.det(hessian) <= 0):
            hessian += ctx.matrix(slope) * ctx.matrix(slope).T
        step = ctx.lu_solve(hessian, ctx.matrix(slope))
        if ctx.norm(step) < target:
            return [a - s for a, s in zip(x, step, strict=True)]
        length = ctx.one
        for _ in range(_MAX_HALVINGS):
            trial = [a - length * s for a, s in zip(x, step, strict=True)]
            found = objective(trial)
            if found <= value * (1 + rounding):
                break
            length /= 2
        else:
            break
        x, value = trial, found
    raise ConvergenceError("the minimum that defines the separability threshold was not found")
