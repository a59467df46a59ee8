r"""The separability threshold of balanced classes: its one-dimensional form, solved as a curve.

.. math:: \gamma^* = \min_a F(a), \qquad F(a) = E\big[(\tau g - as)_+^2\big] = \tau^2 E_2(x),
    \qquad \tau = \sqrt{1 + a^2}, \quad x = \frac{as}{\tau}

with the Gaussian tail moments :math:`E_k(x) = E (g - x)_+^k` in closed form,

.. math:: E_0 = \Phi(-x), \qquad E_1 = \varphi(x) - xE_0, \qquad E_2 = E_0 - xE_1 .

Stationarity, :math:`a E_0 = s\tau E_1`, has no closed solution for a, but one for s at given x; and
on it F is :math:`E_0`. So the threshold is a curve in the parameter x > 0,

.. math:: s^2 = \frac{xE_0}{E_1}, \qquad \gamma^* = E_0 = \Phi(-x), \qquad
    \frac{d\gamma^*}{ds^2} = -\frac{E_1^2}{E_2},

and the signal that makes data separable at a given aspect ratio is an explicit formula.
"""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from ..checks import check_integer
from ..outcomes import ConvergenceError
from .derivation import KEPT, Setting, resolvent
from .expansion import Claim, Theorem
from .formula import Condition, Formula, Step, plain
from .parameters import ASPECT_RATIO, SIGNAL, Expr, check_exact, check_number, exact, parameter

__all__ = [
    "critical_signal",
    "separability",
    "threshold_at",
    "threshold_objective",
    "threshold_slope",
]

_WEIGHT = sp.Symbol("a", positive=True)
_POINT = sp.Symbol("x", nonnegative=True)
_TAIL, _DENSITY = sp.symbols("E_0 varphi", positive=True)
_FIRST, _SECOND = sp.symbols("E_1 E_2", positive=True)
_RATIO = sp.Symbol("rho", positive=True)

# E₁/E₀ = 1/(x + 2/(x + 3/(x + …))), from Laplace's fraction for E₀/φ: at x ≥ 3 these many levels
# reach 1e-17, and the differences of the closed forms have lost two digits there and lose more.
_LEVELS = 60
_DEEP = 3
# Digits beyond those asked for in the inversion of the curve.
_GUARD = 15
_GUARD_BITS = 30


class erfcinv(sp.erfcinv):  # type: ignore[misc]  # printed by its name
    """SymPy's inverse of erfc, with the numbers that it lacks: erfinv(1 - z) loses a small z."""

    def _eval_evalf(self, prec: int) -> Expr:
        ctx = mpmath.MPContext()
        full = prec + _GUARD_BITS
        ctx.prec = full
        value = self.args[0]._to_mpmath(full)
        z = ctx.make_mpf(value._mpf_) if hasattr(value, "_mpf_") else ctx.zero
        if not 0 < z < 2:
            return None
        if z == 1:
            return sp.Float(0)
        x = ctx.zero
        # near 1 the answer is as small as 1 - z
        lost = max(0, -int(ctx.mag(1 - z)))
        full += lost
        ctx.prec = min(2 * _GUARD_BITS + lost, full)
        # log erfc is concave and falls: from 0 Newton's method arrives without turning back, and
        # at the end every step doubles the digits.
        while True:
            target = ctx.log(z)
            tail = ctx.erfc(x)
            step = (ctx.log(tail) - target) * tail * ctx.sqrt(ctx.pi) / 2 * ctx.exp(x * x)
            x += step
            if abs(step) <= ctx.ldexp(abs(x), (lost - ctx.prec) // 2 - _GUARD_BITS // 4):
                if ctx.prec == full:
                    return sp.Float._new(x._mpf_, prec)
                ctx.prec = min(2 * ctx.prec - _GUARD_BITS // 2 - lost, full)


def _moments(tail: Expr, density: Expr, x: Expr) -> tuple[Expr, Expr]:
    """E₁ and E₂ from E₀ and φ, by parts."""
    first = density - x * tail
    return first, tail - x * first


def _deep(x: Expr, start: int) -> Expr:
    """start/(x + (start + 1)/(x + …)), a sum of positive terms."""
    value = sp.S.Zero
    for k in range(start + _LEVELS, start - 1, -1):
        value = k / (x + value)
    return value


def threshold_objective(*, signal: Expr = SIGNAL) -> Expr:
    """F(a), whose minimum over a ≥ 0 is the threshold, with the Gaussian integral done.

    Examples
    --------
    >>> import asymptotics as asy
    >>> objective = asy.symbolic.threshold_objective(signal=0)
    >>> objective
    a**2/2 + 1/2
    """
    s = check_number("signal", signal)
    tau = sp.sqrt(1 + _WEIGHT**2)
    x = _WEIGHT * s / tau
    density = sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)
    _, second = _moments(sp.erfc(x / sp.sqrt(2)) / 2, density, x)
    return sp.expand(tau**2 * second)


def _curve(gamma: Expr, setting: Setting) -> tuple[tuple[Step, ...], Expr]:
    """The steps from γ* to E₁ and E₂, and the Mahalanobis length D with that threshold."""
    x = _POINT
    first, second = _moments(gamma, sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi), x)
    near = x < _DEEP
    kept, _ = resolvent(setting, sp.S.Zero, sp.S.One)
    steps = (
        kept,
        Step(
            x,
            sp.sqrt(2) * erfcinv(2 * gamma),
            "Φ(-x) is the aspect ratio",
        ),
        Step(
            _FIRST,
            first,
            "E (g - x)₊",
            sp.Piecewise((first, near), (gamma / (x + _deep(x, 2)), True)),
        ),
        Step(
            _SECOND,
            second,
            "E (g - x)₊²",
            sp.Piecewise((second, near), (_FIRST * _deep(x, 2), True)),
        ),
        Step(_RATIO, _FIRST / _SECOND, "E₁/E₂"),  # by itself: E₁² underflows
    )
    return steps, sp.sqrt(x * gamma / _FIRST)


def _below_half(gamma: Expr) -> tuple[Condition]:
    return (Condition(plain(gamma) <= sp.Rational(1, 2), "aspect_ratio must be at most 1/2"),)


def critical_signal(
    *,
    noise: Expr = 1,
    aspect_ratio: Expr = ASPECT_RATIO,
    strength: Expr = 0,
    spike_alignment: Expr = 0,
) -> Formula:
    r"""The signal above which balanced data are separable: the threshold, solved for s.

    .. math:: \mu^\top\Sigma^{-1}\mu = \frac{x\gamma}{\varphi(x) - x\gamma},
        \qquad \Phi(-x) = \gamma \le \tfrac12

    Above γ = 1/2 data are separable without any signal (Cover 1965). No invertible projector
    matters. Parameters as in :func:`ridge`.

    Returns
    -------
    Formula

    Raises
    ------
    ValueError
        For a number out of range.

    Examples
    --------
    >>> import asymptotics as asy
    >>> signal = asy.symbolic.critical_signal()
    >>> round(signal(aspect_ratio=0.270267826487715856), 12)
    1.0
    """
    gamma = check_number("aspect_ratio", aspect_ratio)
    setting = Setting(noise=noise, gain=1, strength=strength, spike_alignment=spike_alignment)
    steps, length = _curve(gamma, setting)
    result = setting.noise * length / sp.sqrt(KEPT)
    return Formula("critical signal", result, steps[:-2], _below_half(gamma))


def threshold_slope(
    *,
    noise: Expr = 1,
    aspect_ratio: Expr = ASPECT_RATIO,
    strength: Expr = 0,
    spike_alignment: Expr = 0,
) -> Formula:
    r"""How the threshold falls with the signal, dγ*/ds, where it is `aspect_ratio`.

    .. math:: \frac{d\gamma^*}{ds} = -2D\,\frac{dD}{ds}\,\frac{E_1^2}{E_2}, \qquad
        D^2 = \mu^\top\Sigma^{-1}\mu

    Parameters as in :func:`critical_signal`.

    Returns
    -------
    Formula

    Raises
    ------
    ValueError
        For a number out of range.

    Examples
    --------
    >>> import asymptotics as asy
    >>> slope = asy.symbolic.threshold_slope()
    >>> round(slope(aspect_ratio=0.270267826487715856), 6)
    -0.323696
    """
    gamma = check_number("aspect_ratio", aspect_ratio)
    setting = Setting(noise=noise, gain=1, strength=strength, spike_alignment=spike_alignment)
    steps, length = _curve(gamma, setting)
    result = -2 * length * sp.sqrt(KEPT) / setting.noise * _FIRST * _RATIO
    return Formula("slope of the threshold", result, steps, _below_half(gamma))


def threshold_at(signal: Any, dps: int = 30) -> Expr:
    """The threshold at a signal in units of the noise, to `dps` digits: the curve, inverted.

    x lies between √(s² - 2) and s, since E₁/E₀ lies between 1/(x + 2/x) and 1/x.

    Parameters
    ----------
    signal : number or str
        s > 0; with a covariance, the Mahalanobis length.
    dps : int, default 30

    Returns
    -------
    sympy.Float

    Raises
    ------
    TypeError, ValueError
        For invalid input.
    ConvergenceError
        If two working precisions do not agree on `dps` digits.

    Examples
    --------
    >>> import asymptotics as asy
    >>> asy.symbolic.threshold_at(1)
    0.270267826487715856181159660865
    """
    digits = check_integer("dps", dps, 1)
    s = check_exact(parameter("signal"), exact(signal))
    if s == 0:
        return sp.Float("0.5", digits)
    found = []
    # In the tail γ - xE₁ loses as many digits as x⁴ has.
    lost = 4 * max(0, int(sp.ceiling(sp.log(s, 10))))
    for working in (digits + lost + _GUARD, digits + lost + 2 * _GUARD):
        ctx = mpmath.MPContext()
        ctx.dps = working
        found.append(sp.Float(str(_invert(ctx, ctx.mpf(str(s.evalf(working))))), working))
    first, second = found
    if abs(first - second) > second * sp.Float(10, digits) ** (-digits - 1):
        raise ConvergenceError(f"{digits} digits of the separability threshold were not reached")
    return sp.Float(second, digits)


def _invert(ctx: Any, s: Any) -> Any:
    """γ* at the signal s, at the working precision of an mpmath context."""

    def tail(x: Any) -> Any:
        return ctx.erfc(x / ctx.sqrt(2)) / 2

    def excess(x: Any) -> Any:
        first = ctx.exp(-x * x / 2) / ctx.sqrt(2 * ctx.pi) - x * tail(x)
        return x * tail(x) / first / s**2 - 1

    ends = (ctx.sqrt(max(s**2 - 2, ctx.zero)), s)
    return tail(ctx.findroot(excess, ends, solver="anderson", tol=ctx.mpf(10) ** (8 - ctx.dps)))


def separability() -> Theorem:
    r"""The curve of the threshold, from the stationarity of its objective.

    Derivatives are taken with :math:`E_0' = -\varphi` and :math:`\varphi' = -x\varphi`.

    Returns
    -------
    Theorem

    Examples
    --------
    >>> import asymptotics as asy
    >>> asy.symbolic.separability().verify()
    True
    """
    x = sp.Symbol("x", positive=True)
    e0, phi, s, a = _TAIL, _DENSITY, SIGNAL, _WEIGHT
    e1, e2 = _moments(e0, phi, x)
    tau = sp.sqrt(1 + a**2)

    def by_x(expr: Expr) -> Expr:
        return expr.diff(x) - phi * expr.diff(e0) - x * phi * expr.diff(phi)

    slope = 2 * a * e2 + tau**2 * by_x(e2) * (a * s / tau).diff(a)
    stationary = a * e0 - s * tau * e1
    square = x * e0 / e1  # s²; and x = sa/τ, so that a²/τ² = x²/s²
    share = x**2 / square
    return Theorem(
        "separability of balanced classes",
        "For 0 < γ < 1/2 and Φ(-x) = γ, balanced classes are separable iff s² > xE₀/E₁; on this "
        "curve dγ*/ds² = -E₁²/E₂, between -γ* and 0.",
        (
            Claim("E₁' = -E₀", by_x(e1) + e0),
            Claim("E₂' = -2E₁", by_x(e2) + 2 * e1),
            Claim(
                "F'(a) = 2(aE₀ - sτE₁) at x = as/τ",
                (slope - 2 * stationary).subs(x, a * s / tau),
            ),
            Claim(
                "aE₀ - sτE₁ is τ/s times xE₀ - s²E₁",
                (a * e0 - s * tau * e1 - tau / s * (x * e0 - s**2 * e1)).subs(x, a * s / tau),
            ),
            Claim("and 0 where s² = xE₀/E₁", x * e0 - square * e1),
            Claim("F = τ²E₂ is E₀ there", e2 / (1 - share) - e0),
            Claim("dγ*/dx = -(E₁²/E₂) ds²/dx", by_x(e0) + e1**2 / e2 * by_x(square)),
        ),
    )
