r"""Ridge at its best penalty: balanced classes, an isotropic bulk, the signal's direction expanded.

The accuracy depends on the penalty through :math:`\eta` alone, which rises with it from
:math:`\max(0, 1 - 1/\gamma)` to 1, and the squared margin is rational in :math:`\eta`. For
expansion it rises all the way: the best penalty is infinite, the nearest centroid. For shrinkage
its derivative has the sign of minus a quadratic polynomial, and this polynomial is the bulk's own
equation for :math:`\eta`, at one certain penalty: that penalty is the best one,

.. math::
    \lambda_* = \alpha^2\,\frac{\alpha^2 (s^2 + \sigma^2) - (1 - \gamma)\sigma^2}{1 - \alpha^2},

or 0 where this is negative: no penalty undoes a strong shrinkage.
"""

from __future__ import annotations

from functools import cache

import sympy as sp

from .accuracy import Accuracy, from_margins
from .derivation import ETA, ETA_BAR, V_HAT, Setting, margins, resolvent, response
from .formula import Formula, Step
from .parameters import ASPECT_RATIO, GAIN, NOISE, PENALTY, SIGNAL, Expr, check_number

__all__ = ["best_penalty", "margin_slope", "ridge_at_best_penalty"]

_REMAINDER = sp.Symbol("rho", positive=True)
# The best penalty below gain 1, where it is finite.
_FINITE = sp.Symbol(r"\lambda_*", nonnegative=True)


@cache
def margin_slope() -> Expr:
    """The quadratic polynomial in η that has the sign of -d(margin²)/dη where α < 1."""
    bar = 1 - ETA
    setting = Setting(SIGNAL, NOISE)
    known = {step.symbol: step.expression for step in resolvent(setting, ETA, bar)}
    _, ((_, margin),) = margins(setting, ASPECT_RATIO, 1 - ASPECT_RATIO * bar**2, bar)
    square = sp.cancel(sp.together((margin**2).subs(known)))
    factors = sp.factor_list(sp.numer(sp.together(square.diff(ETA))))[1]
    (polynomial,) = (factor for factor, _ in factors if factor.has(ETA))
    # Its leading coefficient is a multiple of 1 - α².
    leading = sp.cancel(sp.Poly(polynomial, ETA).LC() / (1 - GAIN**2))
    sign = -1 if leading.could_extract_minus_sign() else 1
    return sp.collect(sp.expand(sign * polynomial), ETA, sp.factor)


def _finite_penalty() -> Expr:
    """The penalty at which the bulk's equation for η is the polynomial of :func:`margin_slope`."""
    share = next(s.relation for s in response(NOISE, ASPECT_RATIO, PENALTY) if s.symbol == ETA)
    bulk, slope = sp.Poly(share, ETA), sp.Poly(margin_slope(), ETA)
    scale = sp.cancel(slope.LC() / bulk.LC())
    found = sp.solve(slope.TC() - scale * bulk.TC(), PENALTY)[0]
    gap = slope.as_expr() - scale * bulk.as_expr().subs(PENALTY, found)
    if sp.simplify(gap) != 0:
        raise ArithmeticError("the slope of the margin is not the bulk's equation at any penalty")
    return sp.factor(found)


def _best(signal: Expr, noise: Expr, gamma: Expr, gain: Expr) -> Step:
    given = {SIGNAL: signal, NOISE: noise, ASPECT_RATIO: gamma, GAIN: gain}
    found = _finite_penalty().subs(given, simultaneous=True)
    undone = sp.factor(-margin_slope().subs(ETA, 0)).subs(given, simultaneous=True) <= 0
    return Step(
        _FINITE,
        sp.Piecewise((1, gain >= 1), (0, undone), (found, True)),
        "the best penalty for shrinkage (1 stands in for expansion)",
    )


def ridge_at_best_penalty(
    *,
    signal: Expr = SIGNAL,
    noise: Expr = 1,
    aspect_ratio: Expr = ASPECT_RATIO,
    gain: Expr = GAIN,
) -> Accuracy:
    r"""The accuracy of ridge regression, the penalty chosen to maximise it.

    .. math:: \alpha \ge 1:\quad
        \Phi\left(\frac{s/\sigma}{\sqrt{1 + \gamma\sigma^2/(s^2\alpha^4)}}\right)

    Parameters
    ----------
    signal, noise, aspect_ratio, gain : Expr
        As in :func:`ridge`.

    Returns
    -------
    Accuracy

    Raises
    ------
    ValueError
        For a number out of range.

    Examples
    --------
    >>> import asymptotics as asy
    >>> best = asy.symbolic.ridge_at_best_penalty()
    >>> ridge = asy.symbolic.ridge()
    >>> shrunk = dict(signal=1.5, aspect_ratio=0.5, gain=0.7)
    >>> penalty = asy.symbolic.best_penalty()(**shrunk)
    >>> round(penalty, 6)
    1.049657
    >>> bool(abs(best(**shrunk) - ridge(**shrunk, penalty=penalty)) < 1e-12)
    True
    """
    s, sigma = check_number("signal", signal), check_number("noise", noise)
    gamma, alpha = check_number("aspect_ratio", aspect_ratio), check_number("gain", gain)
    setting = Setting(s, sigma, alpha)

    def infinite(value: int, step: Step) -> Step:
        """The step, with its value at an infinite penalty for expansion."""
        stable = step.expression if step.stable is None else step.stable
        return Step(
            step.symbol,
            sp.Piecewise((value, alpha >= 1), (step.expression, True)),
            step.meaning,
            sp.Piecewise((value, alpha >= 1), (stable, True)),
        )

    bulk = response(sigma, gamma, _FINITE)
    ends = {V_HAT: 1, ETA: 1, ETA_BAR: 0}
    steps = [_best(s, sigma, gamma, alpha), *(infinite(ends[step.symbol], step) for step in bulk)]
    remainder = Step(_REMAINDER, ETA + ETA_BAR * V_HAT, "1 - V̂²C")
    _, classes = margins(setting, gamma, _REMAINDER)
    return from_margins((*steps, *resolvent(setting), remainder), classes)


def best_penalty(
    *,
    signal: Expr = SIGNAL,
    noise: Expr = 1,
    aspect_ratio: Expr = ASPECT_RATIO,
    gain: Expr = GAIN,
) -> Formula:
    r"""The penalty at which ridge regression is most accurate; infinite for :math:`\alpha \ge 1`.

    .. math:: \lambda_* = \alpha^2\,
        \frac{\alpha^2 (s^2 + \sigma^2) - (1 - \gamma)\sigma^2}{1 - \alpha^2}

    or 0 where this is negative.

    Parameters
    ----------
    signal, noise, aspect_ratio, gain : Expr
        As in :func:`ridge`.

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
    >>> penalty = asy.symbolic.best_penalty(signal=1)
    >>> penalty(aspect_ratio=0.5, gain=[0.4, 0.8, 1.0]).round(4)
    array([0.    , 1.3867,    inf])
    """
    s, sigma = check_number("signal", signal), check_number("noise", noise)
    gamma, alpha = check_number("aspect_ratio", aspect_ratio), check_number("gain", gain)
    result = sp.Piecewise((sp.oo, alpha >= 1), (_FINITE, True))
    return Formula("best penalty", result, (_best(s, sigma, gamma, alpha),))
