r"""The equations of the limit, solved symbolically for the square loss.

With the square loss, or the constraint u = 1, the channel of the limit is linear,
:math:`f = \hat V (1 - \omega)`, and everything can be eliminated. Three steps:

1. The bulk's equation, a quadratic one: :func:`response`.
2. The sums over the few special directions, rational in what the first step leaves:
   :func:`resolvent`.
3. Five linear equations for :math:`\hat m, \hat q, m, q, b`: :func:`margins`.

What the bulk contributes is written in one variable, the share of the penalty in its resolvent,

.. math:: \eta = \frac{\lambda}{\lambda + \hat V\sigma^2}, \qquad
    \bar\eta = \frac{\hat V\sigma^2}{\lambda + \hat V\sigma^2} .
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache, wraps
from typing import Any, TypeVar

import sympy as sp

from .formula import Step
from .parameters import GAIN, PARAMETERS, SIGNAL, Expr, check_number

__all__ = [
    "ETA",
    "ETA_BAR",
    "KEPT",
    "PICKED_UP",
    "V_HAT",
    "Setting",
    "margins",
    "of_setting",
    "positive_root",
    "resolvent",
    "response",
]

_Result = TypeVar("_Result")
_HALF = sp.Rational(1, 2)

V_HAT = sp.Symbol(r"\hat{V}", positive=True)
ETA = sp.Symbol("eta", positive=True)
ETA_BAR = sp.Symbol(r"\bar{\eta}", positive=True)

KEPT = sp.Symbol("a_1", positive=True)
PICKED_UP = sp.Symbol("a_2", positive=True)
IOTA = sp.Symbol("iota", positive=True)


@dataclass(frozen=True)
class Setting:
    """A population with at most one spike and the expansion of one direction, in symbols.

    ``along_spike`` expands the direction of the spike, and `alignment` is then that of the spike.
    """

    signal: Expr = SIGNAL
    noise: Expr = 1
    gain: Expr = GAIN
    alignment: Expr = 1
    strength: Expr = 0
    spike_alignment: Expr = 0
    balance: Expr = _HALF
    fit_intercept: bool = True
    along_spike: bool = False

    def __post_init__(self) -> None:
        for f in fields(self):
            if f.name in ("fit_intercept", "along_spike"):
                continue
            object.__setattr__(self, f.name, check_number(f.name, getattr(self, f.name)))

    @property
    def imbalance(self) -> Expr:
        """E y where an intercept answers it, else 0."""
        return 2 * self.balance - 1 if self.fit_intercept else sp.S.Zero

    @property
    def directions(self) -> tuple[Expr, Expr]:
        """The expanded direction u and the spike v, in the axes: signal, u's own, v's own."""
        c, kappa = self.alignment, self.spike_alignment
        u = sp.Matrix([c, sp.sqrt(1 - c**2), 0])
        if self.along_spike:
            return u, u
        return u, sp.Matrix([kappa, 0, sp.sqrt(1 - kappa**2)])


def of_setting(**fixed: Any) -> Callable[[Callable[..., _Result]], Callable[..., _Result]]:
    """Makes a function of ``setting=`` one of the arguments that the setting is made of.

    Parameters
    ----------
    **fixed
        Those that are no arguments, with their values.
    """
    made = [f for f in fields(Setting) if f.name not in fixed]
    order = ["below", *(parameter.name for parameter in PARAMETERS.values())]

    def place(parameter: inspect.Parameter) -> int:
        return order.index(parameter.name) if parameter.name in order else len(order)

    def decorate(function: Callable[..., _Result]) -> Callable[..., _Result]:
        own = inspect.signature(function)
        kind = inspect.Parameter.KEYWORD_ONLY
        parameters = [p for p in own.parameters.values() if p.name != "setting"]
        for f in made:
            parameters.append(inspect.Parameter(f.name, kind, default=f.default, annotation=f.type))
        public = own.replace(parameters=sorted(parameters, key=place))

        @wraps(function)
        def call(**arguments: Any) -> _Result:
            try:
                public.bind(**arguments)
            except TypeError as error:  # what is unknown or missing
                raise TypeError(f"{function.__name__}() {error}") from None
            parts = {f.name: arguments.pop(f.name) for f in made if f.name in arguments}
            return function(setting=Setting(**parts, **fixed), **arguments)

        call.__signature__ = public  # type: ignore[attr-defined]
        return call

    return decorate


@cache
def response(noise: Expr, gamma: Expr, penalty: Expr) -> tuple[Step, ...]:
    r"""V̂, η and 1 - η of the square loss on an isotropic bulk.

    .. math:: \hat V (1 + V) = 1, \quad V (\lambda + \hat V\sigma^2) = \gamma\sigma^2, \quad
        \eta\,(\lambda + \hat V\sigma^2) = \lambda .
    """
    v = sp.Symbol("V", positive=True)
    of_v_hat = sp.solve(V_HAT * (1 + v) - 1, v)[0]
    quadratic = _polynomial(
        (v * (penalty + V_HAT * noise**2) - gamma * noise**2).subs(v, of_v_hat), V_HAT
    )
    v_hat_of_eta = sp.solve(ETA * (penalty + V_HAT * noise**2) - penalty, V_HAT)[0]
    share = _polynomial(quadratic.subs(V_HAT, v_hat_of_eta), ETA)
    root, stable = positive_root(quadratic, V_HAT)
    bulk = penalty + V_HAT * noise**2
    return (
        Step(V_HAT, root, "mean curvature of the loss at the solution", stable, quadratic),
        Step(ETA, penalty / bulk, "share of the penalty in the bulk's resolvent", None, share),
        Step(ETA_BAR, 1 - ETA, "1 - η", V_HAT * noise**2 / bulk),
    )


def _polynomial(equation: Expr, symbol: Expr) -> Expr:
    """The numerator of an equation, collected in powers of a symbol, without common factors."""
    numerator = sp.numer(sp.cancel(sp.together(equation)))
    factors = [f for f, _ in sp.factor_list(numerator)[1] if f.has(symbol) and f != symbol]
    return sp.collect(sp.expand(sp.Mul(*factors)), symbol)


def positive_root(quadratic: Expr, symbol: Expr) -> tuple[Expr, Expr]:
    """The positive root of a x² + b x + c with a > 0 > c, and the same without cancellation.

    The textbook form (√(b² - 4ac) - b)/(2a) cancels where b > 0 and c is small; there the product
    of the roots, c/a, gives it as -2c/(b + √(b² - 4ac)).
    """
    a, b, c = sp.Poly(quadratic, symbol).all_coeffs()
    if a.could_extract_minus_sign():
        a, b, c = -a, -b, -c
    b = sp.factor(b)
    radical = sp.sqrt(b**2 - 4 * a * c)
    textbook = (radical - b) / (2 * a)
    return textbook, sp.Piecewise((-2 * c / (b + radical), b >= 0), (textbook, True))


@cache
def resolvent(setting: Setting, eta: Expr = ETA, eta_bar: Expr = ETA_BAR) -> tuple[Step, Step]:
    r"""The sums over the special directions, in units of the bulk's resolvent.

    In the coordinates before the projector, with :math:`P = (T^\top T)^{-1}`, they are
    :math:`\mu^\top x` and :math:`x^\top\Sigma x` for :math:`(\lambda P + \hat V\Sigma)x = \mu`:

    .. math:: \sum_j \frac{e_j}{\lambda + \hat V d_j} = \frac{s^2}{\lambda + \hat V\sigma^2}\,a_1,
        \qquad \sum_j \frac{e_j d_j}{(\lambda + \hat V d_j)^2}
        = \frac{s^2\sigma^2}{(\lambda + \hat V\sigma^2)^2}\,a_2 .
    """
    u, v = setting.directions
    theta = setting.strength
    inverse_map = sp.eye(3) + (setting.gain**-2 - 1) * u * u.T
    covariance = sp.eye(3) + theta * v * v.T
    matrix = eta * inverse_map + eta_bar * covariance
    x = matrix.adjugate() * sp.Matrix([1, 0, 0]) / matrix.det()
    variables = [z for z in (eta, eta_bar, setting.gain) if z.is_Symbol]
    entries = [_settle(entry, variables) for entry in x]
    if theta == 0:
        second = sp.Add(*(entry**2 for entry in entries))
        if not any(entries[1:]):
            second = sp.factor(second)
    else:
        # xᵀΣx/σ² = |x - v⟨v, x⟩|² + (1 + θ)⟨v, x⟩²: squares, whatever the sign of θ.
        along = (v.T * x)[0]
        parts = [_settle(entry, variables) for entry in x - along * v]
        second = sp.Add(*(part**2 for part in parts), (1 + theta) * _settle(along, variables) ** 2)
    return (
        Step(KEPT, entries[0], "signal that the weights keep"),
        Step(PICKED_UP, second, "noise that they pick up along the special directions"),
    )


def _settle(expr: Expr, variables: list[Expr]) -> Expr:
    """A rational function as a product of polynomials in the variables with factored coefficients.

    Written like this every polynomial is a sum of terms of one sign: no digits are lost.
    """
    numerator, denominator = sp.fraction(sp.cancel(sp.together(expr)))
    if not variables:
        return sp.factor(numerator) / sp.factor(denominator)

    def sorted_out(polynomial: Expr) -> Expr:
        content, factors = sp.factor_list(polynomial)
        parts = [content]
        for factor, power in factors:
            if factor == ETA + ETA_BAR:
                continue  # it is 1
            terms = sp.Poly(factor, *variables).terms() if factor.has(*variables) else None
            if terms is None:
                parts.append(factor**power)
                continue
            monomials = (
                sp.factor(c) * sp.Mul(*(z**k for z, k in zip(variables, ks, strict=True)))
                for ks, c in terms
            )
            parts.append(sp.Add(*monomials) ** power)
        return sp.Mul(*parts)

    return sorted_out(numerator) / sorted_out(denominator)


@cache
def margins(
    setting: Setting, gamma: Expr, remainder: Expr, eta_bar: Expr = ETA_BAR
) -> tuple[tuple[Step, ...], tuple[tuple[Expr, Expr], ...]]:
    r"""A step more, and the share of each class with its margin (m ± b)/√q.

    For a channel :math:`f = \hat V(1 - \omega)`, :math:`\omega \sim N(m + yb, q)`, the equations

    .. math:: \hat m = E f, \quad E[yf] = 0, \quad \hat q = E f^2, \quad m = A\hat m, \quad
        q = B\hat m^2 + C\hat q

    are linear in m and b, then in q; A and B are the sums of :func:`resolvent`, and
    :math:`C = \gamma\sigma^4/(\lambda + \hat V\sigma^2)^2`. `remainder` is
    :math:`1 - \hat V^2 C`, in a form that does not cancel. Without an intercept, or balanced, b = 0
    and both classes have one margin.
    """
    m, b, q, y = sp.symbols("m b q y", real=True)
    kept, noise, spread = sp.symbols("A N C", positive=True)  # V̂A, V̂²B and V̂²C
    delta = sp.Symbol("delta", real=True)

    def average(of_label: Expr) -> Expr:
        """E over the label y = ±1: E y = δ and y² = 1."""
        terms = sp.Poly(sp.expand(of_label), y).terms()
        return sum(c * (delta if power % 2 else 1) for (power,), c in terms)

    gap = 1 - m - y * b  # E (1 - ω) given the label
    found = sp.solve([m - kept * average(gap), average(y * gap)], [m, b], dict=True)[0]
    equation = q - noise * average(gap) ** 2 - spread * (average(gap**2) + q)
    variance = sp.solve(equation, q)[0].subs(found)
    # m, b and √q have the denominator 1 + V̂A(1 - δ²) > 0 in common; ι is 1 - δ².
    common = 1 + kept * (1 - delta**2)

    def tidy(expr: Expr) -> Expr:
        return sp.factor(sp.expand(sp.cancel(expr)).subs(delta**2, 1 - IOTA))

    mean, shift = tidy(common * found[m]), tidy(common * found[b])
    square = tidy(common**2 * variance * (1 - spread)) / remainder

    ratio = (setting.signal / setting.noise) ** 2
    known = {
        kept: ratio * eta_bar * KEPT,
        noise: ratio * eta_bar**2 * PICKED_UP,
        spread: gamma * eta_bar**2,
        delta: setting.imbalance,
    }
    known |= {IOTA: sp.S.One} if setting.imbalance == 0 else {}
    mean, shift = (sp.cancel((part / eta_bar).subs(known)) for part in (mean, shift))
    deviation = sp.sqrt(sp.cancel((square / eta_bar**2).subs(known)))
    if setting.imbalance == 0:
        return (), ((sp.S.One, sp.powsimp(mean / deviation)),)
    pi = setting.balance
    informative = Step(IOTA, 4 * pi * (1 - pi), "1 - (E y)²")
    return (informative,), (
        (pi, (mean + shift) / deviation),
        (1 - pi, (mean - shift) / deviation),
    )
