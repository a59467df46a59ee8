"""Exact derivatives of the limiting accuracy, by implicit differentiation of the fixed point.

At a solution x of F(x, θ) = 0 a parameter moves it by dx = -J⁻¹ ∂F/∂θ: one linear solve, with the
Jacobian the solver itself uses. What remains is ∂F/∂θ, the explicit dependence of the prior's sums

    μᵀT R Tμ,   μᵀT R C R Tμ,   Σ w d/(λ + V̂d),   Σ w d²/(λ + V̂d)²,   R = (λ + V̂C)⁻¹, C = TΣT,

on the parameters. They are differentiated as matrices, so that no eigenvector is; tangents.py says
how each parameter moves them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
import scipy

from ..checks import POSITIVE, Array, check_real
from ..classifiers import Bayes, Centroid, Classifier
from ..equations.channel import Channel
from ..equations.fixed_point import coordinates
from ..equations.newton import newton
from ..equations.prior import ACCEPTED_RESIDUAL, Problem, flat_problem
from ..equations.system import linearise
from ..intake import shown
from ..integrals.gaussian import normal_density
from ..outcomes import ConvergenceError
from ..populations.base import Population
from ..populations.classes import ClassMixture
from ..populations.spiked import SpikedMixture
from ..projectors import Expansion, Projector, check_projector
from .class_gradients import ClassGradient, class_gradient
from .limits import check_classifier, limit
from .tangents import ByParameter, Explicit, SkewFrame, Tangent, skew_frame

__all__ = ["Gradient", "gradient"]


@dataclass(frozen=True, eq=False)
class Gradient:
    """Derivatives of the limiting accuracy; scalars, or arrays of one broadcast shape.

    Attributes
    ----------
    accuracy : float or array
        The accuracy itself.
    signal, noise, aspect_ratio, balance : float or array
        Its derivatives with respect to each parameter, the others held fixed.
    penalty : float, array or None
        None for a classifier without one.
    gain, alignment : float, array or None
        None without an :class:`Expansion`; `alignment` is None along a spike.
    strengths, spike_alignments : tuple of float or array
        One for each spike.
    """

    accuracy: Any
    signal: Any
    noise: Any
    aspect_ratio: Any
    balance: Any
    penalty: Any
    gain: Any
    alignment: Any
    strengths: tuple[Any, ...]
    spike_alignments: tuple[Any, ...]


@overload
def gradient(
    mix: SpikedMixture, clf: Classifier, aspect_ratio: Any, projector: Projector | None = None
) -> Gradient: ...


@overload
def gradient(
    mix: ClassMixture, clf: Classifier, aspect_ratio: Any, projector: Projector | None = None
) -> ClassGradient: ...


@overload
def gradient(
    mix: Population, clf: Classifier, aspect_ratio: Any, projector: Projector | None = None
) -> Any: ...


def gradient(
    mix: Population,
    clf: Classifier,
    aspect_ratio: Any,
    projector: Projector | None = None,
) -> Gradient | ClassGradient:
    r"""The exact derivatives of the limiting accuracy with respect to every parameter.

    .. math::
        \frac{d\,\text{accuracy}}{d\theta} = \partial_\theta\,\text{accuracy}
            - \partial_x\,\text{accuracy} \cdot J^{-1}\, \partial_\theta F

    with :math:`F(x, \theta) = 0` the fixed point of :func:`limit` and :math:`J = \partial_x F`: no
    finite differences. Parameters broadcast as in :func:`limit`.

    Parameters
    ----------
    mix : SpikedMixture or ClassMixture
        With a positive signal; of several classes, means that differ.
    clf : classifier
        Any of the package's; :class:`Ridge` or :class:`Softmax` on a ClassMixture.
    aspect_ratio : float or array_like
    projector : Identity or Expansion, optional

    Returns
    -------
    Gradient
        A :class:`~results.ClassGradient` on a ClassMixture.

    Raises
    ------
    TypeError, ValueError
        For invalid input, and where there is no derivative: no signal, a gain of 0, a minimum-norm
        classifier at γ = 1.
    NoLimitError, ConvergenceError
        As :func:`limit`.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix = asy.SpikedMixture(signal=1.5)
    >>> slope = asy.gradient(mix, asy.Ridge(0.1), 0.5, asy.Expansion(1.0))
    >>> round(slope.gain, 4), round(slope.aspect_ratio, 4)
    (0.013, -0.1534)
    >>> three = asy.ClassMixture.simplex(3, distance=3.0)
    >>> round(asy.gradient(three, asy.Softmax(0.1), 0.5).penalty, 4)
    0.1306
    """
    several = isinstance(mix, ClassMixture)
    clf, projector = check_classifier(clf, several=several), check_projector(projector)
    if not isinstance(mix, (SpikedMixture, ClassMixture)):
        raise TypeError(
            f"mix must be a SpikedMixture or a ClassMixture to have parameters, got {shown(mix)}"
        )
    if not (projector.is_identity or isinstance(projector, Expansion)):
        raise TypeError(f"projector must be Identity or an Expansion, got {shown(projector)}")
    if isinstance(mix, ClassMixture):
        return class_gradient(mix, clf, aspect_ratio, projector)
    if np.any(np.equal(mix.signal, 0.0)):
        raise ValueError(f"signal must be in (0, inf) to have a gradient, got {shown(mix.signal)}")
    if isinstance(projector, Expansion) and np.any(np.equal(projector.gain, 0.0)):
        raise ValueError(
            f"gain must be in (0, inf) to have a gradient, got {shown(projector.gain)}"
        )
    found = limit(mix, clf, aspect_ratio, projector)
    shape = np.shape(found.accuracy)
    spectrum = mix.spectrum(projector)
    problem = flat_problem(
        spectrum,
        np.asarray(check_real("aspect_ratio", aspect_ratio, POSITIVE)),
        np.asarray(clf.penalty_values, dtype=float),
        clf.fit_intercept,
        slice(None),
    )
    order = (found.mean, found.variance, found.susceptibility, found.intercept)
    state = tuple(np.asarray(value, dtype=float).reshape(-1) for value in order)
    if not np.all(np.isfinite(state[1])):
        raise ValueError(
            "aspect_ratio must differ from 1 for a minimum-norm classifier to have a gradient, "
            f"got {shown(aspect_ratio)}"
        )
    frame = skew_frame(mix, projector, shape)
    with np.errstate(all="ignore"):  # vanishing weights, whose derivatives are set below
        if isinstance(clf, (Bayes, Centroid)):
            rule = _by_knowledge if isinstance(clf, Bayes) else _by_centroids
            slopes = rule(problem, frame, state, clf.fit_intercept)
        else:
            slopes = _slopes(*clf.smooth(problem), frame, state)
    # the constant classifier answers with the larger class
    vanished, larger = state[1] == 0, np.sign(problem.balance - 0.5)
    by_balance = np.where(vanished, larger, slopes.balance)
    slopes = replace(slopes.map(lambda slope: np.where(vanished, 0.0, slope)), balance=by_balance)

    def shaped(values: Array) -> Any:
        values = values.reshape(shape)
        return values if shape else float(values)

    found_slopes = slopes.map(shaped)
    if not hasattr(clf, "penalty"):
        found_slopes = replace(found_slopes, penalty=None)
    for name, value in vars(found_slopes).items():
        parts = [] if value is None else value if isinstance(value, tuple) else [value]
        if any(np.any(np.isnan(part)) for part in parts):
            raise ConvergenceError(
                f"the derivative by {name} for {shown(clf)} is lost in rounding at aspect_ratio "
                f"{shown(aspect_ratio)}"
            )
    return Gradient(found.accuracy, **vars(found_slopes))


def _chain(balance: Array, state: tuple[Array, ...]) -> tuple[Array, Array, Array, Array]:
    """∂ accuracy with respect to log m, log q, b and, all of them fixed, π."""
    m, q, _, b = state
    deviation = np.sqrt(q)
    plus, minus = (m + b) / deviation, (m - b) / deviation
    up, down = balance * normal_density(plus), (1.0 - balance) * normal_density(minus)
    # a difference of errors, which near certainty keep the digits that accuracies lose
    by_balance = scipy.special.ndtr(-minus) - scipy.special.ndtr(-plus)
    return (
        (up + down) * m / deviation,
        -0.5 * (up * plus + down * minus),
        (up - down) / deviation,
        np.asarray(by_balance),
    )


def _by_centroids(
    problem: Problem, frame: SkewFrame, state: tuple[Array, ...], fit_intercept: bool
) -> ByParameter[Array]:
    """The slopes of the centroid: m = |Tμ|², q = |Σ^{1/2}TᵀTμ|² + κγσ⁴, b = νγσ²."""
    pi, gamma, bulk = problem.balance, problem.aspect_ratio, problem.bulk[:, 0]
    kappa, nu, dkappa, dnu = np.ones_like(pi), np.zeros_like(pi), 0.0 * pi, 0.0 * pi
    if fit_intercept:
        both = pi * (1.0 - pi)
        kappa, dkappa = 0.25 / both, 0.25 * (2.0 * pi - 1.0) / both**2
        nu, dnu = 0.25 * (2.0 * pi - 1.0) / both, 0.25 / pi**2 + 0.25 / (1.0 - pi) ** 2
    by_m, by_q, by_b, direct = _chain(pi, state)
    prior = Explicit(problem._replace(penalty=np.ones_like(pi)), frame, pi, pi, np.zeros_like(pi))

    def slope(tangent: Tangent) -> Array:
        dm, de = prior.sums(replace(tangent, penalty=0.0))
        dbulk = np.asarray(tangent.bulk) + 0.0 * pi
        dgamma, dpi = tangent.aspect_ratio, tangent.balance
        dq = de + dpi * dkappa * gamma * bulk**2
        dq += kappa * (dgamma * bulk**2 + 2.0 * gamma * bulk * dbulk)
        db = nu * (dgamma * bulk + gamma * dbulk) + dpi * dnu * gamma * bulk
        total = by_m * dm / state[0] + by_q * dq / state[1] + by_b * db + dpi * direct
        return np.asarray(total)

    return frame.tangents.map(slope)


def _by_knowledge(
    problem: Problem, frame: SkewFrame, state: tuple[Array, ...], fit_intercept: bool
) -> ByParameter[Array]:
    """The slopes of Bayes: m = 2D², q = 4D², D² = μᵀΣ⁻¹μ, b = log(π/(1 - π))."""
    pi = problem.balance
    by_m, by_q, by_b, direct = _chain(pi, state)
    unmapped = replace(frame, map=np.broadcast_to(np.eye(frame.map.shape[-1]), frame.map.shape))
    prior = Explicit(problem._replace(penalty=0.0 * pi), unmapped, pi, pi, np.ones_like(pi))

    def slope(tangent: Tangent) -> Array:
        growth, _ = prior.sums(replace(tangent, penalty=0.0, map=None))
        db = tangent.balance * fit_intercept / (pi * (1.0 - pi))
        total = (by_m + by_q) * growth / prior.e0 + by_b * db + tangent.balance * direct
        return np.asarray(total)

    slopes, none = frame.tangents.map(slope), np.zeros_like(pi)
    # an invertible projector does nothing
    return replace(
        slopes,
        gain=None if slopes.gain is None else none,
        alignment=None if slopes.alignment is None else none,
    )


def _place(problem: Problem, channel: Channel, state: tuple[Array, ...]) -> Array:
    """The coordinates of a solution."""
    m, q, v, b = state
    x = coordinates(problem, m, q, v, b, channel)
    if channel.kinked:  # whose intercept does not carry the place of the kink
        found = newton(problem, x, channel)
        x = np.where((found.residual <= ACCEPTED_RESIDUAL)[:, None], found.x, x)
    return x


def _slopes(
    problem: Problem, channel: Channel, frame: SkewFrame, state: tuple[Array, ...]
) -> ByParameter[Array]:
    """d accuracy/dθ for every tangent of the frame, each of shape (B,)."""
    m, x = state[0], _place(problem, channel, state)
    jacobian, by_intercept, moments, contrast = linearise(problem, x, channel)
    explicit = Explicit(problem, frame, moments.f, moments.f2, -moments.df)
    pi = problem.balance
    # in the solver's four coordinates
    by_m, by_q, by_b, by_balance = _chain(pi, state)
    along = np.stack([by_m, by_q, 0 * m, 0 * m]).T + by_b[:, None] * by_intercept
    adjoint = np.linalg.solve(np.swapaxes(jacobian, -1, -2), along[..., None])[..., 0]

    def slope(tangent: Tangent) -> Array:
        force = np.zeros((4, len(m)))
        force[:3] = explicit.residual(tangent)
        direct = np.zeros_like(m)
        if tangent.balance:
            by_v_hat = explicit.by_susceptibility()
            force[0] += contrast.f / moments.f
            force[1] += explicit.by_moments(contrast.f, contrast.f2)
            force[:3] -= by_v_hat * contrast.df
            force[3] = np.where(problem.free_intercept, 1.0 / (pi * (1.0 - pi)), 0.0)
            direct = by_balance
        return np.asarray(direct - (adjoint * force.T).sum(-1))

    return frame.tangents.map(slope)
