"""The limiting accuracy of the classifiers that have one in closed form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import sympy as sp

from .derivation import (
    ETA,
    ETA_BAR,
    KEPT,
    PICKED_UP,
    V_HAT,
    Setting,
    margins,
    of_setting,
    resolvent,
    response,
)
from .formula import Condition, Formula, Step, plain
from .parameters import ASPECT_RATIO, PENALTY, Expr, check_number

__all__ = ["Accuracy", "bayes", "centroid", "from_margins", "min_norm", "ridge"]

_REMAINDER = sp.Symbol("rho", positive=True)
_HALF = sp.Rational(1, 2)


@dataclass(frozen=True, repr=False)
class Accuracy(Formula):
    """A limiting accuracy Σ share · Φ(margin), with its error.

    Attributes
    ----------
    margins : tuple of (Expr, Expr)
        The share of each class, and the symbol of the step that holds its margin in units of its
        deviation; one entry of share 1 where both classes have the same.
    """

    margins: tuple[tuple[Expr, Expr], ...] = ()

    @cached_property
    def error(self) -> Formula:
        """1 - accuracy, computed as an error: 1e-40 comes out as 1e-40."""
        result = sp.Add(*(share * _tail(margin) for share, margin in self.margins))
        return Formula("error", result, self.steps, self.conditions)

    def diff(self, by: str | Expr) -> Formula:
        """The derivative with respect to a parameter: that of the error, with its sign changed.

        Near certainty a difference of two errors keeps the digits that one of accuracies loses.
        """
        found = self.error.diff(by)
        name = found.name.replace("error", self.name)
        return replace(found, name=name, result=-found.result)


def _tail(margin: Expr) -> Expr:
    """Φ(-margin)."""
    return sp.erfc(margin / sp.sqrt(2)) / 2


def from_margins(
    steps: tuple[Step, ...],
    classes: tuple[tuple[Expr, Expr], ...],
    conditions: tuple[Condition, ...] = (),
) -> Accuracy:
    """The accuracy Σ share · Φ(margin), with a step for each margin."""
    names = ("x",) if len(classes) == 1 else ("x_+", "x_-")
    named = []
    for name, (share, margin) in zip(names, classes, strict=True):
        symbol = sp.Symbol(name, real=True)
        steps = (*steps, Step(symbol, margin, "margin in units of its deviation"))
        named.append((share, symbol))
    result = sp.Add(*(share * _tail(-symbol) for share, symbol in named))
    return Accuracy("accuracy", result, steps, conditions, tuple(named))


@of_setting()
def ridge(
    *, setting: Setting, aspect_ratio: Expr = ASPECT_RATIO, penalty: Expr = PENALTY
) -> Accuracy:
    r"""The limiting accuracy of ridge regression, derived from the equations.

    .. math:: \Phi\left(\frac{s}{\sigma}
        \sqrt{\frac{\eta + \bar\eta\hat V}{1 + \gamma k^2\sigma^2/s^2}}\right),
        \qquad k = \bar\eta + \eta\alpha^{-2}

    for balanced classes and an isotropic bulk, with η = λ/(λ + V̂σ²) the only quantity in which the
    penalty appears. Every argument is a symbol, a number or an expression; the names of the numeric
    arguments of the result are those of the arguments here.

    Parameters
    ----------
    signal, noise, aspect_ratio, penalty, gain : Expr
        s, σ, γ, λ and α.
    alignment : Expr, default 1
        Cosine c between the expanded direction and the signal; the rest of it is its own.
    strength, spike_alignment : Expr, default 0
        θ and κ of one spike, σ²(I + θvvᵀ) with ⟨v, μ/s⟩ = κ.
    balance : Expr, default 1/2
        P(y = 1).
    fit_intercept : bool, default True
        Without an intercept the balance does not matter.
    along_spike : bool, default False
        Expand the direction of the spike, which has the cosine `alignment`.

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
    >>> accuracy = asy.symbolic.ridge()
    >>> accuracy.parameters
    ('signal', 'aspect_ratio', 'penalty', 'gain')
    >>> round(accuracy(signal=1.5, aspect_ratio=0.5, penalty=0.1, gain=3.0), 6)
    0.866129
    >>> accuracy.limit("gain", 0).expression
    1/2
    """
    gamma, lam = check_number("aspect_ratio", aspect_ratio), check_number("penalty", penalty)
    remainder = Step(_REMAINDER, ETA + ETA_BAR * V_HAT, "1 - V̂²C")
    steps = (*response(setting.noise, gamma, lam), *resolvent(setting), remainder)
    conditions = (
        Condition(
            sp.Or(plain(lam) > 0, plain(gamma) < 1),
            "penalty must be positive where aspect_ratio is 1 or more",
        ),
        Condition(
            sp.Or(plain(lam) > 0, plain(setting.gain) > 0),
            "gain must be positive where penalty is 0",
        ),
    )
    more, classes = margins(setting, gamma, _REMAINDER)
    return from_margins((*steps, *more), classes, conditions)


@of_setting()
def min_norm(*, below: bool, setting: Setting, aspect_ratio: Expr = ASPECT_RATIO) -> Accuracy:
    r"""The limiting accuracy of minimum-norm least squares, on one side of γ = 1.

    .. math::
        \gamma < 1: \quad \Phi\left(\frac{s}{\sigma}
        \sqrt{\frac{1 - \gamma}{1 + \gamma\sigma^2/s^2}}\right), \qquad
        \gamma > 1: \quad \Phi\left(\frac{s}{\sigma}
        \sqrt{\frac{1 - 1/\gamma}{1 + \gamma k^2\sigma^2/s^2}}\right), \quad
        k = \frac{1 + (\gamma - 1)\alpha^{-2}}{\gamma}

    for balanced classes and an isotropic bulk. Below 1 it is least squares, which undoes any
    projector. Above 1 the data are interpolated: the constraint u = 1 has prox = 1, so that
    :math:`\hat V V = 1`, and a penalty of 1 sets the scale.

    Parameters
    ----------
    below : bool
        Whether γ < 1 or γ > 1.
    signal, noise, aspect_ratio, gain : Expr
    alignment, strength, spike_alignment, balance : Expr
    fit_intercept, along_spike : bool
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
    >>> asy.symbolic.min_norm(below=True).parameters
    ('signal', 'aspect_ratio')
    >>> accuracy = asy.symbolic.min_norm(below=False)
    >>> round(accuracy(signal=1.5, aspect_ratio=2.0, gain=3.0), 6)
    0.826283
    """
    gamma = check_number("aspect_ratio", aspect_ratio)
    if below:
        # λ = 0 in the equations of ridge: V̂ = 1 - γ, η = 0.
        steps = (*resolvent(setting, sp.S.Zero, sp.S.One), Step(_REMAINDER, 1 - gamma, "1 - V̂²C"))
        condition = Condition(plain(gamma) < 1, "aspect_ratio must be below 1")
        more, classes = margins(setting, gamma, _REMAINDER, sp.S.One)
        return from_margins((*steps, *more), classes, (condition,))
    v = sp.Symbol("V", positive=True)
    bulk = v * (1 + setting.noise**2 / v) - gamma * setting.noise**2
    response_above = sp.solve(bulk, v)[0]
    share = sp.factor(1 / (1 + setting.noise**2 / response_above))
    above = (
        Step(ETA, share, "share of the penalty in the bulk's resolvent"),
        Step(ETA_BAR, sp.factor(1 - share), "1 - η"),
        *resolvent(setting),
        Step(_REMAINDER, sp.factor(1 - gamma * (1 - share) ** 2), "1 - V̂²C"),
    )
    condition = Condition(plain(gamma) > 1, "aspect_ratio must be above 1")
    more, classes = margins(setting, gamma, _REMAINDER)
    return from_margins((*above, *more), classes, (condition,))


@of_setting()
def centroid(*, setting: Setting, aspect_ratio: Expr = ASPECT_RATIO) -> Accuracy:
    r"""The limiting accuracy of the nearest-centroid classifier.

    .. math:: \Phi\left(\frac{s/\sigma}{\sqrt{1 + \gamma\sigma^2/(s^2\alpha^4)}}\right)

    for balanced classes and an isotropic bulk. Every point pulls with the same force, or with one
    inverse to the size of its class if there is an intercept: the equations with V̂ = 0 and λ = 1.

    Parameters
    ----------
    signal, noise, aspect_ratio, gain : Expr
    alignment, strength, spike_alignment, balance : Expr
    fit_intercept, along_spike : bool
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
    >>> asy.symbolic.centroid(gain=1).expression
    1 - erfc(sqrt(2)*s**2/(2*sqrt(gamma + s**2)))/2
    """
    gamma = check_number("aspect_ratio", aspect_ratio)
    steps = _images(setting)
    s, sigma, pi = setting.signal, setting.noise, setting.balance
    # Forces 1/(2P(y)) of either class, whose mean is 1 and whose mean square is below.
    square, shift = sp.S.One, sp.S.Zero
    if setting.imbalance != 0:
        square = sp.factor(sp.together((1 / pi + 1 / (1 - pi)) / 4))
        # The smaller class has the longer centroid: |z̄_±|² = |Tμ|² + γσ²/P(y = ±1).
        shift = -gamma * sigma**2 * sp.factor(1 / pi - 1 / (1 - pi)) / 4
    mean = s**2 * KEPT
    deviation = sigma * sp.sqrt(s**2 * PICKED_UP + gamma * sigma**2 * square)
    if shift == 0:
        return from_margins(steps, ((sp.S.One, mean / deviation),))
    classes = ((pi, (mean + shift) / deviation), (1 - pi, (mean - shift) / deviation))
    return from_margins(steps, classes)


def _images(setting: Setting) -> tuple[Step, ...]:
    """|Tμ|²/s² and |Σ^{1/2}TᵀTμ|²/(sσ)²: the sums of the resolvent where the penalty rules."""
    return resolvent(setting, sp.S.One, sp.S.Zero)


@of_setting(gain=1, along_spike=False, alignment=1)
def bayes(*, setting: Setting) -> Accuracy:
    r"""The accuracy of the Bayes classifier, which knows the population.

    .. math::
        \pi\,\Phi\Big(D + \frac{\ell}{2D}\Big) + (1 - \pi)\,\Phi\Big(D - \frac{\ell}{2D}\Big),
        \qquad D^2 = \mu^\top\Sigma^{-1}\mu, \quad \ell = \log\frac{\pi}{1 - \pi}

    No invertible projector matters. D² is the sum of the resolvent without a penalty.

    Parameters
    ----------
    signal, noise, strength, spike_alignment, balance : Expr
    fit_intercept : bool
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
    >>> asy.symbolic.bayes().expression
    1 - erfc(sqrt(2)*s/2)/2
    """
    kept, _ = resolvent(setting, sp.S.Zero, sp.S.One)
    distance = setting.signal / setting.noise * sp.sqrt(KEPT)
    if setting.imbalance == 0:
        return from_margins((kept,), ((sp.S.One, distance),))
    pi = setting.balance
    shift = sp.log(pi / (1 - pi)) / (2 * distance)
    return from_margins((kept,), ((pi, distance + shift), (1 - pi, distance - shift)))
