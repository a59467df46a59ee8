r"""Thresholds of a population: where its training data become linearly separable, and how it moves.

At the minimiser of :func:`separability_threshold` let x± = -(as ± b)/√(1 + a²), and E₀, E₁, E₂ the
averages over the label of Φ(x), E(x + g)₊ and E(x + g)₊². Stationarity in b and in a reads

    π E(x₊ + g)₊ = (1 - π) E(x₋ + g)₊,    a E₀ = s √(1 + a²) E₁,

and as E(x + g)₊² = Φ(x) + x E(x + g)₊, both together leave γ* = (1 + a²) E₂ = E₀: the threshold is
the share of the points on the margin. By the envelope theorem its derivatives are

    ∂γ*/∂s² = -(1 + a²) E₁²/E₀ = -E₁²/E₂,    ∂γ*/∂π = (1 + a²) (E(x₊ + g)₊² - E(x₋ + g)₊²),

with 1 + a² = E₀/E₂, finite at s = 0 and without a difference of close numbers in any tail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from scipy.optimize import elementwise

from ..checks import Array, check_flag
from ..equations.separability import critical_aspect_ratio
from ..intake import shown
from ..integrals.gaussian import half_moments
from ..outcomes import ConvergenceError
from ..populations.base import Population, check_population
from ..populations.spectrum import Spectrum
from ..populations.spiked import SpikedMixture
from ..projectors import Expansion, Projector, check_projector
from .limits import project

__all__ = ["ThresholdGradient", "separability_gradient", "separability_threshold"]

# Newton steps on log E(x + g)₊, concave and increasing: monotone from the left, doubling at the
# end.
_MAX_STEPS = 100
# Of the margin x₊, in units of max(1, |x|).
_TOLERANCE = 1e-14
# How far apart two thresholds may be that rounding leaves open.
_LEEWAY = 1e-5
# By how much a bracket is widened, so that rounding does not empty it.
_ROOM = 1e-9


def separability_threshold(
    mix: Population, fit_intercept: bool = True, *, projector: Projector | None = None
) -> Any:
    r"""The aspect ratio γ* above which training data are linearly separable.

    .. math::
        \gamma^* = \min_{\rho \in [0, 1),\, b} E\big[(g - \rho s - y b)_+^2\big]/(1 - \rho^2)

    with :math:`s^2 = \mu^\top \Sigma^{-1} \mu`: Deng, Kammoun, Thrampoulidis
    (2022), arXiv:1911.05822; 1/2 without signal (Cover 1965). No invertible projector changes it.

    Parameters
    ----------
    mix : SpikedMixture, GaussianMixture or Spectrum
    fit_intercept : bool, default True
        Whether the separating hyperplane may miss the origin.
    projector : projector, optional
        Matters only if it projects directions out.

    Returns
    -------
    float or array

    Raises
    ------
    TypeError, ValueError
        For invalid input.
    ConvergenceError
        If it depends on a variance that the rounding of a covariance hides.

    Examples
    --------
    >>> import asymptotics as asy
    >>> round(asy.separability_threshold(asy.SpikedMixture(signal=1.0)), 6)
    0.270268
    """
    projector = check_projector(projector)
    check_population(mix)
    fit_intercept = check_flag("fit_intercept", fit_intercept)
    spectrum = project(mix, projector)
    found = _threshold(spectrum, fit_intercept)
    if spectrum.ends is not None:
        low, high = (_threshold(end, fit_intercept) for end in spectrum.ends)
        if not np.allclose(low, high, rtol=_LEEWAY, atol=_LEEWAY):
            raise ConvergenceError(
                "covariance of mix must be known better for a threshold: along a direction of the "
                f"signal the variance is below its rounding, which leaves {np.min(low):.6g} to "
                f"{np.max(high):.6g}"
            )
    shape = spectrum.batch_shape
    return found.reshape(shape) if shape else float(found[0])


def _threshold(spectrum: Spectrum, fit_intercept: bool) -> Array:
    """The threshold of each element of a spectrum, flat."""

    def flat(values: Any) -> Array:
        return np.array(np.broadcast_to(values, spectrum.batch_shape), dtype=float).reshape(-1)

    balance = flat(spectrum.balance)
    ratio: Array = critical_aspect_ratio(
        np.sqrt(flat(spectrum.mahalanobis)), balance, (balance != 0.5) & fit_intercept
    ) / flat(spectrum.rank)
    return ratio


@dataclass(frozen=True, eq=False)
class ThresholdGradient:
    """Derivatives of the separability threshold; scalars, or arrays of one broadcast shape.

    Attributes
    ----------
    threshold : float or array
        γ* itself.
    signal, noise, balance : float or array
        Its derivatives with respect to each parameter, the others held fixed.
    strengths, spike_alignments : tuple of float or array
        One for each spike.
    """

    threshold: Any
    signal: Any
    noise: Any
    balance: Any
    strengths: tuple[Any, ...]
    spike_alignments: tuple[Any, ...]


def separability_gradient(
    mix: SpikedMixture, fit_intercept: bool = True, *, projector: Projector | None = None
) -> ThresholdGradient:
    r"""The exact derivatives of the separability threshold with respect to every parameter.

    .. math::
        \frac{\partial\gamma^*}{\partial D^2} = -\frac{E_1^2}{E_2}, \qquad
        D^2 = \mu^\top\Sigma^{-1}\mu = \frac{s^2/\sigma^2}{1 + \sum_k q_k}, \quad
        q_k = \frac{\theta_k c_k^2}{1 + \theta_k (1 - c_k^2)}

    with :math:`E_1, E_2` the averages of (x + g)₊ and (x + g)₊² at the minimiser, which balanced is
    :math:`\Phi(x) = \gamma^*`: the envelope theorem, no finite differences. Parameters broadcast as
    in :func:`separability_threshold`.

    Parameters
    ----------
    mix : SpikedMixture
    fit_intercept : bool, default True
        Whether the separating hyperplane may miss the origin.
    projector : Identity or Expansion, optional
        Matters only at gain 0, where it projects its direction out.

    Returns
    -------
    ThresholdGradient

    Raises
    ------
    TypeError, ValueError
        For invalid input.

    Examples
    --------
    >>> import asymptotics as asy
    >>> slope = asy.separability_gradient(asy.SpikedMixture(signal=1.0))
    >>> round(slope.threshold, 6), round(slope.signal, 6), slope.balance
    (0.270268, -0.323696, 0.0)
    """
    projector = check_projector(projector)
    if not isinstance(mix, SpikedMixture):
        raise TypeError(f"mix must be a SpikedMixture to have parameters, got {shown(mix)}")
    if not (projector.is_identity or isinstance(projector, Expansion)):
        raise TypeError(f"projector must be Identity or an Expansion, got {shown(projector)}")
    threshold = separability_threshold(mix, fit_intercept, projector=projector)
    shape = np.shape(threshold)
    ratio = np.array(threshold, dtype=float).reshape(-1)

    def flat(values: Any) -> Array:
        return np.array(np.broadcast_to(values, shape), dtype=float).reshape(-1)

    balance = flat(mix.balance)
    free = (balance != 0.5) & fit_intercept
    by_separation, by_balance = _envelope(ratio, balance, free)

    # D² = (s/σ)² h, h = t/(1 + tΣq) with t = 1 - c² for a direction that is projected out, else 1:
    # it is a spike of infinite strength, whose term is c²/(1 - c²).
    theta = [flat(spike.strength) for spike in mix.spikes]
    cosine = [flat(spike.alignment) for spike in mix.spikes]
    gone, own = np.zeros(len(ratio), dtype=bool), None
    left = np.ones(len(ratio))
    if isinstance(projector, Expansion):
        gone, own = flat(projector.gain) == 0.0, projector.spike
        c = flat(projector.alignment) if own is None else cosine[own]
        left = np.where(gone, (1.0 - c) * (1.0 + c), 1.0)
    stays = [np.where(gone & (k == own), 0.0, 1.0) for k in range(len(theta))]
    spread = [1.0 + t * (1.0 - c) * (1.0 + c) for t, c in zip(theta, cosine, strict=True)]
    total = 1.0 + left * sum(
        keep * t * c**2 / w for keep, t, c, w in zip(stays, theta, cosine, spread, strict=True)
    )
    signal, noise = flat(mix.signal), flat(mix.noise)
    square = by_separation * (signal / noise) ** 2

    def shaped(values: Array) -> Any:
        values = values + 0.0  # no negative zeros
        return values.reshape(shape) if shape else float(values[0])

    strengths, alignments = [], []
    for k, (keep, t, c, w) in enumerate(zip(stays, theta, cosine, spread, strict=True)):
        by_term = -keep * square * (left / total) ** 2
        turned = by_term * 2.0 * t * (1.0 + t) * c / w**2
        if k == own:
            turned = np.where(gone, -2.0 * c * square / total**2, turned)
        strengths.append(shaped(by_term * (c / w) ** 2))
        alignments.append(shaped(turned))
    scale = by_separation * left / total
    return ThresholdGradient(
        threshold,
        shaped(scale * 2.0 * signal / noise**2),
        shaped(-2.0 * square * left / total / noise),
        shaped(by_balance),
        tuple(strengths),
        tuple(alignments),
    )


def _envelope(ratio: Array, balance: Array, free: Array) -> tuple[Array, Array]:
    """∂γ*/∂D² and ∂γ*/∂π at fixed D², from γ* alone; 0 below the smallest normal double."""
    by_separation, by_balance = np.zeros_like(ratio), np.zeros_like(ratio)
    alive = ratio >= np.finfo(float).tiny
    gamma, pi, free = ratio[alive], balance[alive], free[alive]
    plus = minus = scipy.special.ndtri(gamma)
    if free.any():
        plus, minus = plus.copy(), minus.copy()
        plus[free], minus[free] = _margins(gamma[free], pi[free])
    up, down = half_moments(plus), half_moments(minus)
    zeroth, first, second = (
        pi * above + (1.0 - pi) * below for above, below in zip(up[:3], down[:3], strict=True)
    )
    by_separation[alive] = -first * (first / second)
    by_balance[alive] = np.where(free, zeroth * (up[2] - down[2]) / second, 0.0)
    return by_separation, by_balance


def _margins(gamma: Array, balance: Array) -> tuple[Array, Array]:
    """x₊ and x₋ with πΦ(x₊) + (1 - π)Φ(x₋) = γ* and π E(x₊ + g)₊ = (1 - π) E(x₋ + g)₊."""
    larger = np.maximum(balance, 1.0 - balance)

    def other(x: Array, share: Array) -> Array:
        """The margin of the smaller class."""
        target = np.log(share / (1.0 - share)) + np.log(half_moments(x)[1])
        found = x.copy()
        for _ in range(_MAX_STEPS):
            zeroth, first, _, _ = half_moments(found)
            step = (target - np.log(first)) * first / zeroth
            found += step
            if np.all(np.abs(step) <= _TOLERANCE * np.maximum(1.0, np.abs(found))):
                break
        return found

    def excess(x: Array, target: Array, share: Array) -> Array:
        """log of the share on the margin over γ*; it rises with x."""
        smaller = scipy.special.ndtr(other(x, share))
        return np.asarray(
            np.log(share * scipy.special.ndtr(x) + (1.0 - share) * smaller) - np.log(target)
        )

    # E(x + g)₊/Φ(x) rises with x, so that at least half of γ* comes from the larger class, whose
    # margin is the smaller one.
    low, high = scipy.special.ndtri(0.5 * gamma / larger), scipy.special.ndtri(gamma)
    room = _ROOM * np.maximum(1.0, np.abs(low))
    root = elementwise.find_root(excess, (low - room, high + room), args=(gamma, larger))
    if not np.all(root.success):
        raise ConvergenceError("the minimiser that defines the separability threshold is not found")
    x, y = root.x, other(root.x, larger)
    upper = balance >= 0.5
    return np.where(upper, x, y), np.where(upper, y, x)
