r"""What expansion does to ridge regression: statements, each with the identities that prove it.

All of them are about the squared margin :math:`m^2/q`: without an intercept, or balanced, the
accuracy is :math:`\Phi(m/\sqrt q)`. With an intercept and unbalanced classes the threshold moves as
well, and the accuracy need not follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sympy as sp

from .accuracy import ridge
from .derivation import ETA, ETA_BAR, V_HAT, Setting, resolvent, response
from .formula import Condition, Formula, Step, plain
from .parameters import (
    ALIGNMENT,
    ASPECT_RATIO,
    GAIN,
    NOISE,
    PENALTY,
    SIGNAL,
    STRENGTH,
    Expr,
    check_number,
)

__all__ = [
    "Claim",
    "Theorem",
    "best_gain",
    "break_even_gain",
    "expansion_along_signal",
    "expansion_helps",
    "misaligned_expansion",
    "sensitivity",
]

_HALF = sp.Rational(1, 2)
# α²(1 + θ): the variance of a direction after the projector, in units of the bulk's.
_VARIANCE = sp.Symbol("d", positive=True)


@dataclass(frozen=True)
class Claim:
    """One step of a proof: an expression that is zero or positive.

    Attributes
    ----------
    words : str
        What it says.
    expression : Expr
    positive : bool
        Whether it is positive, for all positive values of its symbols, or zero.
    """

    words: str
    expression: Expr
    positive: bool = False

    def __repr__(self) -> str:
        return f"{'proven' if self.holds() else 'NOT PROVEN'}: {self.words}"

    def holds(self) -> bool:
        """Whether SymPy can show it."""
        if not self.positive:
            return bool(sp.simplify(self.expression) == 0)
        numerator, denominator = sp.fraction(sp.factor(sp.together(self.expression)))
        return all(_positive(part) for part in (numerator, denominator))


def _positive(expr: Expr) -> bool:
    """Whether every term of every factor is positive."""
    factors = sp.Mul.make_args(sp.factor(expr))
    return all(
        factor.is_positive or all(term.is_positive for term in sp.Add.make_args(sp.expand(factor)))
        for factor in factors
    )


@dataclass(frozen=True)
class Theorem:
    """A statement and its proof.

    Attributes
    ----------
    name, statement : str
    claims : tuple of Claim
        In the order of the argument.
    """

    name: str
    statement: str
    claims: tuple[Claim, ...]

    def __repr__(self) -> str:
        title = f"{type(self).__name__} {self.name}"
        return "\n".join([title, f"  {self.statement}", *(f"  {c!r}" for c in self.claims)])

    def verify(self) -> bool:
        """Show every claim; True, or ArithmeticError for the first that cannot be shown.

        Examples
        --------
        >>> import asymptotics as asy
        >>> asy.symbolic.expansion_along_signal().verify()
        True
        """
        for claim in self.claims:
            if not claim.holds():
                raise ArithmeticError(f"{self.name}: not shown: {claim.words}")
        return True


def expansion_along_signal() -> Theorem:
    r"""Expansion of the signal's own direction raises the margin of ridge, whatever the covariance.

    With :math:`M = \lambda I + \hat V\Sigma` and :math:`P = (T^\top T)^{-1} = I + \tau uu^\top`,
    :math:`u = \mu/s`, :math:`\tau = \alpha^{-2} - 1`, the weights are along
    :math:`x = (M + \lambda\tau uu^\top)^{-1}\mu`. By the formula of Sherman and Morrison it is a
    multiple of :math:`M^{-1}\mu`: the gain changes the length of the signal's part of the weights,
    not its direction, and nothing else.

    Returns
    -------
    Theorem

    Examples
    --------
    >>> import asymptotics as asy
    >>> len(asy.symbolic.expansion_along_signal().claims)
    10
    """
    a, b, c, rho = sp.symbols("A_0 B_0 C rho", positive=True)
    h = sp.Symbol("h", positive=True)
    tau = GAIN**-2 - 1
    shrink = 1 + PENALTY * tau * a / SIGNAL**2

    # Any covariance, seen on the plane of μ and M⁻¹μ.
    entries = sp.symbols("M_11 M_12 M_22", positive=True)
    matrix = sp.Matrix([[entries[0], entries[1]], [entries[1], entries[2]]])
    mean = sp.Matrix([SIGNAL, 0])
    solved = matrix.LUsolve(mean)
    kept = (mean.T * solved)[0]
    raised = matrix + PENALTY * tau * sp.Matrix([[1, 0], [0, 0]])
    sherman = raised * solved / shrink.subs(a, kept) - mean

    d, e = sp.symbols("d_j e_j", positive=True)
    square = (a / h) ** 2 * rho / (b / h**2 + c)
    by_gain = square.diff(h) * shrink.diff(GAIN)
    return Theorem(
        "expansion along the signal",
        "For ridge with λ > 0 and alignment 1, whatever the covariance, m²/q rises strictly with "
        "the gain, from 0 at gain 0 to a finite limit; at λ = 0 and γ < 1 it does not depend on "
        "it.",
        (
            Claim(
                "(M + λτuuᵀ) M⁻¹μ = hμ with h = 1 + λτA₀/s², A₀ = μᵀM⁻¹μ: in multiples of μ",
                1 + PENALTY * tau * (a / SIGNAL) / SIGNAL - shrink,
            ),
            Claim("the same, with every entry of M written out: first component", sherman[0]),
            Claim("and the second", sherman[1]),
            Claim(
                "e - λe/(λ + V̂d) = eV̂d/(λ + V̂d), summed: s² - λA₀ > 0",
                e - PENALTY * e / (PENALTY + V_HAT * d) - e * V_HAT * d / (PENALTY + V_HAT * d),
            ),
            Claim(
                "h = (s² - λA₀)/s² + λA₀/(αs)²: a sum of positive terms",
                shrink - (SIGNAL**2 - PENALTY * a) / SIGNAL**2 - PENALTY * a / (GAIN * SIGNAL) ** 2,
            ),
            Claim(
                "m²/q = A²ρ/(B + C) with A = A₀/h, B = B₀/h² is A₀²ρ/(B₀ + Ch²)",
                square - a**2 * rho / (b + c * h**2),
            ),
            Claim("d(m²/q)/dα > 0", by_gain, positive=True),
            Claim("without a penalty h = 1, whatever the gain", shrink.subs(PENALTY, 0) - 1),
            Claim(
                "at gain 0, h is infinite and m²/q is 0",
                sp.limit(square.subs(h, shrink).subs(PENALTY * a, SIGNAL**2 * d), GAIN, 0),
            ),
            Claim(
                "as the gain grows, h falls to (s² - λA₀)/s² > 0: m²/q stays finite",
                sp.limit(shrink, GAIN, sp.oo) - (SIGNAL**2 - PENALTY * a) / SIGNAL**2,
            ),
        ),
    )


def sensitivity(
    *,
    signal: Expr = SIGNAL,
    noise: Expr = 1,
    aspect_ratio: Expr = ASPECT_RATIO,
    penalty: Expr = PENALTY,
    alignment: Expr = 1,
) -> Formula:
    r"""How much a projector can do, to first order: d accuracy/d log gain at gain 1.

    .. math:: 2 c^2\,x\varphi(x)\,\eta\,\frac{\gamma\sigma^2}{\gamma\sigma^2 + s^2}

    for ridge on an isotropic bulk, balanced, with x the margin in units of its deviation. It is
    positive at every alignment c but 0.

    Parameters
    ----------
    signal, noise, aspect_ratio, penalty, alignment : Expr
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
    >>> slope = asy.symbolic.sensitivity()
    >>> round(slope(signal=1.5, aspect_ratio=0.5, penalty=0.1), 6)
    0.012964
    """
    c = check_number("alignment", alignment)
    s, sigma = check_number("signal", signal), check_number("noise", noise)
    gamma = check_number("aspect_ratio", aspect_ratio)
    setting = Setting(s, sigma, alignment=c)
    kept, noisy = (_unit_bulk(step.expression) for step in resolvent(setting))
    # x is a₁/√(s²a₂ + γσ²) times what does not depend on the gain.
    ratio = sp.log(kept) - sp.log(s**2 * noisy + gamma * sigma**2) / 2
    relative = sp.factor(sp.simplify((GAIN * ratio.diff(GAIN)).subs(GAIN, 1)))
    accuracy = ridge(signal=s, noise=sigma, aspect_ratio=gamma, penalty=penalty, gain=1)
    ((_, margin),) = accuracy.margins
    density = sp.exp(-(margin**2) / 2) / sp.sqrt(2 * sp.pi)
    result = margin * density * relative
    return Formula("sensitivity", result, accuracy.steps, accuracy.conditions)


def _unit_bulk(expr: Expr) -> Expr:
    """With 1 - η written out."""
    return expr.subs(ETA_BAR, 1 - ETA)


@cache
def _margin_growth() -> tuple[Expr, Expr]:
    """d log(m²/q)/dα for the expansion of a direction of alignment c and variance σ²(1 + θ).

    In t = 1 - c² and d = 1 + θ; and the one factor of it that can change its sign.
    """
    setting = Setting(noise=NOISE, alignment=ALIGNMENT, strength=STRENGTH, along_spike=True)
    kept, noisy = (_unit_bulk(step.expression) for step in resolvent(setting))
    square = kept**2 / (SIGNAL**2 * noisy + ASPECT_RATIO * NOISE**2)
    growth = sp.factor(sp.together(square.diff(GAIN) / square))
    (sign,) = (
        factor for factor, _ in sp.factor_list(sp.numer(growth))[1] if factor.has(ASPECT_RATIO)
    )
    # Of the two signs the one that is positive for a large aspect ratio.
    lead = sp.expand(sign).coeff(ASPECT_RATIO)
    if sp.factor(lead.subs(STRENGTH, 0).subs(ETA, 1)).could_extract_minus_sign():
        sign = -sign
    return growth, sign


def expansion_helps(
    *,
    signal: Expr = SIGNAL,
    noise: Expr = 1,
    aspect_ratio: Expr = ASPECT_RATIO,
    penalty: Expr = PENALTY,
    gain: Expr = 1,
    alignment: Expr = ALIGNMENT,
    strength: Expr = STRENGTH,
) -> Formula:
    r"""The first-order condition: where a little more gain helps ridge, this is positive.

    .. math:: \gamma\sigma^2\,\big(\lambda + \hat V\sigma^2 d\big) - \lambda s^2 (1 - c^2)(d - 1),
        \qquad d = \alpha^2 (1 + \theta)

    for a direction of alignment c ≠ 0 and variance σ²(1 + θ), balanced classes, λ > 0. It is linear
    in d, the variance of the direction after the projector, in units of the bulk's: as long as that
    is at most 1, expansion helps. At gain 1 it can hurt only along a spike.

    Parameters
    ----------
    signal, noise, aspect_ratio, penalty, alignment, strength : Expr
        As in :func:`ridge` with ``along_spike=True``.
    gain : Expr, default 1
        The gain from which to expand.

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
    >>> condition = asy.symbolic.expansion_helps(strength=3)
    >>> condition(signal=1.5, aspect_ratio=0.05, penalty=5.0, alignment=[0.3, 0.99]).round(3)
    array([-30.264,  -0.223])
    """
    given = {
        SIGNAL: check_number("signal", signal),
        NOISE: check_number("noise", noise),
        ASPECT_RATIO: check_number("aspect_ratio", aspect_ratio),
        PENALTY: check_number("penalty", penalty),
        GAIN: check_number("gain", gain),
        ALIGNMENT: check_number("alignment", alignment),
        STRENGTH: check_number("strength", strength),
    }
    (v_hat, _, _) = response(given[NOISE], given[ASPECT_RATIO], given[PENALTY])
    bulk = PENALTY + V_HAT * NOISE**2
    condition = sp.expand(sp.simplify(bulk * _margin_growth()[1].subs(ETA, PENALTY / bulk)))
    result = _by_aspect_ratio(condition).subs(given, simultaneous=True)
    return Formula("growth of the margin", result, (v_hat,))


def _by_aspect_ratio(polynomial: Expr) -> Expr:
    """A polynomial that is linear in γ, with both coefficients factored."""
    linear = sp.Poly(polynomial, ASPECT_RATIO)
    return ASPECT_RATIO * sp.factor(linear.nth(1)) + sp.factor(linear.nth(0))


def best_gain(
    *,
    signal: Expr = SIGNAL,
    noise: Expr = 1,
    aspect_ratio: Expr = ASPECT_RATIO,
    penalty: Expr = PENALTY,
    alignment: Expr = ALIGNMENT,
    strength: Expr = 0,
) -> Formula:
    r"""The gain at which ridge is most accurate, for a direction of alignment c ≠ 0.

    .. math:: \alpha_*^2 = \frac{1}{1 + \theta}\,
        \frac{\lambda\,\big(\gamma\sigma^2 + s^2 (1 - c^2)\big)}
        {\lambda s^2 (1 - c^2) - \gamma\sigma^4\hat V}

    or infinite where the denominator is not positive: balanced classes, λ > 0, variance σ²(1 + θ).
    It is the root of :func:`expansion_helps` in the gain.

    Parameters
    ----------
    signal, noise, aspect_ratio, penalty, alignment, strength : Expr
        As in :func:`ridge` with ``along_spike=True``.

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
    >>> gain = asy.symbolic.best_gain()
    >>> gain(signal=1.5, aspect_ratio=0.05, penalty=5.0, alignment=[0.3, 0.99]).round(4)
    array([1.0146, 1.6489])
    """
    square = sp.Symbol("x", positive=True)
    return _gain_formula(
        "best gain",
        sp.Poly(_margin_growth()[1].subs(GAIN, sp.sqrt(square)), square),
        (signal, noise, aspect_ratio, penalty, alignment, strength),
    )


def break_even_gain(
    *,
    signal: Expr = SIGNAL,
    noise: Expr = 1,
    aspect_ratio: Expr = ASPECT_RATIO,
    penalty: Expr = PENALTY,
    alignment: Expr = ALIGNMENT,
) -> Formula:
    r"""The gain up to which expansion beats no projector, on an isotropic bulk.

    .. math:: \alpha_0^2 = \frac{\lambda\,\big(\gamma\sigma^2 (2 - c^2) + s^2 (1 - c^2)\big)}
        {\lambda s^2 (1 - c^2) - \gamma\sigma^2 (\lambda c^2 + 2\hat V\sigma^2)}

    or infinite where the denominator is not positive: ridge, balanced classes, λ > 0, c ≠ 0.

    Parameters
    ----------
    signal, noise, aspect_ratio, penalty, alignment : Expr
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
    >>> gain = asy.symbolic.break_even_gain()
    >>> round(gain(signal=1.5, aspect_ratio=0.05, penalty=5.0, alignment=0.3), 4)
    1.0291
    """
    square = sp.Symbol("x", positive=True)
    excess = sp.Poly(_excess_over_identity().subs(GAIN, sp.sqrt(square)), square)
    given = (signal, noise, aspect_ratio, penalty, alignment, sp.S.Zero)
    return _gain_formula("break-even gain", excess, given)


@cache
def _excess_over_identity() -> Expr:
    """The factor of m²/q at gain α less m²/q at gain 1 that is positive where expansion pays."""
    setting = Setting(noise=NOISE, alignment=ALIGNMENT)
    kept, noisy = (_unit_bulk(step.expression) for step in resolvent(setting))
    square = kept**2 / (SIGNAL**2 * noisy + ASPECT_RATIO * NOISE**2)
    factors = sp.factor_list(sp.numer(sp.together(square - square.subs(GAIN, 1))))[1]
    (excess,) = (factor for factor, _ in factors if factor.has(ASPECT_RATIO))
    at_one = sp.expand(excess.subs(GAIN, 1)).coeff(ASPECT_RATIO)
    return -excess if sp.factor(at_one).could_extract_minus_sign() else excess


def _gain_formula(name: str, condition: Expr, given: tuple[Expr, ...]) -> Formula:
    """The gain at which a condition, linear in α² and positive at α = 0, stops to hold."""
    names = ("signal", "noise", "aspect_ratio", "penalty", "alignment", "strength")
    symbols = (SIGNAL, NOISE, ASPECT_RATIO, PENALTY, ALIGNMENT, STRENGTH)
    values = {
        symbol: check_number(name, value)
        for symbol, name, value in zip(symbols, names, given, strict=True)
    }
    bulk = PENALTY + V_HAT * NOISE**2
    slope, start = (
        _by_aspect_ratio(sp.expand(sp.simplify(bulk * part.subs(ETA, PENALTY / bulk))))
        for part in (-condition.nth(1), condition.nth(0))
    )
    fall = sp.Symbol("D", real=True)
    (v_hat, _, _) = response(values[NOISE], values[ASPECT_RATIO], values[PENALTY])
    step = Step(fall, slope.subs(values, simultaneous=True), "what each unit of α² takes away")
    finite = sp.sqrt(start.subs(values, simultaneous=True) / fall)
    positive = Condition(plain(values[PENALTY]) > 0, "penalty must be positive")
    result = sp.Piecewise((finite, fall > 0), (sp.oo, True))
    return Formula(name, result, (v_hat, step), (positive,))


def misaligned_expansion() -> Theorem:
    r"""When the expansion of a direction that is not the signal's helps ridge.

    Along a direction u of alignment c and variance σ²(1 + θ), with d = α²(1 + θ) its variance after
    the projector in units of the bulk's, m²/q rises with the gain iff

    .. math:: \gamma\sigma^2 (\eta + \bar\eta d) > s^2 \eta (1 - c^2)(d - 1) .

    Returns
    -------
    Theorem

    Examples
    --------
    >>> import asymptotics as asy
    >>> asy.symbolic.misaligned_expansion().verify()
    True
    """
    growth, sign = _margin_growth()
    k, p, z = sp.symbols("k p z", positive=True)
    # c² in (0, 1) and η in (0, 1) as rational functions of positive numbers.
    inside = {ETA: p / (1 + p), STRENGTH: _VARIANCE / GAIN**2 - 1}
    variance = GAIN**2 * (1 + STRENGTH)
    tilt = (1 - ALIGNMENT) * (1 + ALIGNMENT)
    stated = ASPECT_RATIO * NOISE**2 * (ETA + (1 - ETA) * variance) - SIGNAL**2 * ETA * tilt * (
        variance - 1
    )
    cosine = {ALIGNMENT: sp.sqrt(k / (1 + k))}
    ratio = sp.cancel(sp.together((growth / sign).subs(inside).subs(cosine)))
    excess = _excess_over_identity()
    isotropic = sign.subs(STRENGTH, 0)
    return Theorem(
        "expansion of another direction",
        "For ridge with λ > 0, balanced, expansion of a direction of alignment c ≠ 0 and variance "
        "σ²(1 + θ) raises m²/q iff γσ²(η + (1 - η)d) > s²η(1 - c²)(d - 1), d = α²(1 + θ). As long "
        "as the direction varies no more than the bulk, d ≤ 1, that is so; on an isotropic bulk "
        "it is so at gain 1 for every c ≠ 0, and the gain is best where both sides are equal.",
        (
            Claim("d log(m²/q)/dα is a positive multiple of the difference", ratio, positive=True),
            Claim("the difference of the two sides, in θ", sp.expand(sign - stated)),
            Claim(
                "it is positive for d ≤ 1",
                stated.subs(inside).subs(_VARIANCE, 1 / (1 + z)).subs(cosine),
                positive=True,
            ),
            Claim(
                "at θ = 0 and gain 1 it is γσ²",
                isotropic.subs(GAIN, 1) - ASPECT_RATIO * NOISE**2,
            ),
            Claim(
                "the excess over gain 1 starts with twice that",
                sp.expand(excess.subs(GAIN, 1) - 2 * isotropic.subs(GAIN, 1)),
            ),
        ),
    )
