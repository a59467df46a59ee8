r"""The spectrum of a sample second moment, seen from one direction: a quadrature for its law.

N points in R^p, p/N → γ, with second moment σ²(I + finite rank): the sample second moment S/σ² has
the eigenvalues x = |1 + √γ e^{iθ}|² of Marchenko and Pastur. Seen from a principal axis of the
population, of variance c = 1 + ℓ, their law is

.. math::
    \nu(d\theta) = \frac{2}{\pi}\,\frac{\gamma c\,\sin^2\theta}
        {|1 + \sqrt\gamma e^{i\theta}|^2\,|\ell - \sqrt\gamma e^{i\theta}|^2}\,d\theta,
    \qquad 0 < \theta < \pi,

with an atom (1 - γ/ℓ²)/(1 + γ/ℓ) at x = c(1 + γ/ℓ) where |ℓ| > √γ, and one of (γ - 1)/(γ + ℓ) at
x = 0 where γ > 1. ℓ = 0 is the law of all the eigenvalues. From different principal axes the
spectrum is seen independently: ⟨v, f(S)u⟩ → 0. Derivation in docs/learned.rst.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy

from ..checks import Array, ArrayLike

__all__ = ["SpectralLaw", "outlier_mass", "spectral_law", "upper_angle", "upper_mass"]

# Nodes of the double-exponential rule in θ, and how far it reaches: beyond is 1e-17 of the mass.
_NODES = 160
_REACH = 3.25


class SpectralLaw(NamedTuple):
    """Eigenvalues in units of σ², and the mass of each: that at 0, the outlier, the continuum."""

    eigenvalues: Array
    masses: Array


def _angles() -> tuple[Array, Array, Array]:
    """sin(θ/2), cos(θ/2) and dθ at θ = π/(1 + exp(-π sinh t)), t on a grid.

    What is singular at or near an end (x = 0 for γ = 1, an outlier about to leave) costs this rule
    nothing; both ends keep their relative precision.
    """
    t, step = np.linspace(-_REACH, _REACH, _NODES, retstep=True)
    below, above = (1.0 / (1.0 + np.exp(sign * np.pi * np.sinh(t))) for sign in (-1.0, 1.0))
    sine, cosine = np.sin(0.5 * np.pi * below), np.sin(0.5 * np.pi * above)
    return sine, cosine, step * np.pi**2 * below * above * np.cosh(t)


_SINE, _COSINE, _STEP = _angles()


def outlier_mass(excess: ArrayLike, ratio: ArrayLike) -> Array:
    """(1 - γ/ℓ²)/(1 + γ/ℓ) where |ℓ| > √γ, else 0: how much of a principal axis its outlier has.

    References
    ----------
    D. Paul (2007), *Statistica Sinica* 17, theorem 4; J. Baik, G. Ben Arous, S. Péché (2005),
    *Ann. Probab.* 33, 1643, for the threshold.
    """
    excess, ratio = np.broadcast_arrays(np.asarray(excess, float), np.asarray(ratio, float))
    out = np.abs(excess) > np.sqrt(ratio)
    some = np.where(out, excess, 1.0)
    share = ratio / some
    return np.where(out, (1.0 - share / some) / np.where(out, 1.0 + share, 1.0), 0.0)


def spectral_law(variance: ArrayLike, ratio: ArrayLike) -> SpectralLaw:
    """The spectrum of a sample second moment from a principal axis of the population.

    Parameters
    ----------
    variance : array, shape (...)
        c > 0, the second moment along the axis in units of σ²; 1 for all eigenvalues alike.
    ratio : array, shape (...)
        γ = p/N.

    Returns
    -------
    SpectralLaw
        Arrays of shape (..., J).
    """
    c, gamma = (np.asarray(x, dtype=float)[..., None] for x in (variance, ratio))
    excess, root = c - 1.0, np.sqrt(gamma)
    x = (1.0 - root) ** 2 + 4.0 * root * _COSINE**2
    with np.errstate(over="ignore"):  # far above the threshold nothing is left in the continuum
        size, half = np.abs(excess), np.where(excess > 0, _SINE, _COSINE)
        from_outlier = (size - root) ** 2 + 4.0 * size * root * half**2
    density = (8.0 / np.pi) * (_SINE * _COSINE) ** 2 * (gamma / x) * (c / from_outlier)
    outlier = outlier_mass(excess, gamma)
    out = outlier > 0
    share = np.where(out, gamma, 0.0) / np.where(out, excess, 1.0)
    place = np.where(out, c * (1.0 + share), 1.0)
    singular = gamma > 1.0
    at_zero = np.where(singular, (gamma - 1.0) / np.where(singular, gamma + excess, 1.0), 0.0)
    # A mass that is not there stands at 1, where no power of it does any harm.
    columns = (np.where(singular, 0.0, 1.0), place, x), (at_zero, outlier, density * _STEP)
    shape = np.broadcast_shapes(c.shape, gamma.shape)[:-1]
    found = (
        np.concatenate([np.broadcast_to(v, (*shape, v.shape[-1])) for v in column], axis=-1)
        for column in columns
    )
    return SpectralLaw(*found)


def upper_mass(variance: ArrayLike, ratio: ArrayLike, angle: ArrayLike) -> Array:
    """Mass of the spectral law above x = |1 + √γ e^{iθ}|², the outlier above it included.

    Parameters
    ----------
    variance, ratio : array, shape (...)
        As in :func:`spectral_law`.
    angle : array, shape (...)
        θ in [0, π]: 0 leaves the outlier alone, π all but the mass at 0.
    """
    c, gamma, end = (np.asarray(x, dtype=float)[..., None] for x in (variance, ratio, angle))
    excess, root = c - 1.0, np.sqrt(gamma)
    # the rule of _angles on [0, end]; the distance to π keeps its precision
    t, step = np.linspace(-_REACH, _REACH, _NODES, retstep=True)
    below, above = (1.0 / (1.0 + np.exp(sign * np.pi * np.sinh(t))) for sign in (-1.0, 1.0))
    sine, cosine = np.sin(0.5 * end * below), np.sin(0.5 * ((np.pi - end) + end * above))
    weight = step * np.pi * end * below * above * np.cosh(t)
    x = (1.0 - root) ** 2 + 4.0 * root * cosine**2
    with np.errstate(over="ignore"):
        size, half = np.abs(excess), np.where(excess > 0, sine, cosine)
        from_outlier = (size - root) ** 2 + 4.0 * size * root * half**2
    density = (8.0 / np.pi) * (sine * cosine) ** 2 * (gamma / x) * (c / from_outlier)
    outlier = np.where(excess > 0, outlier_mass(excess, gamma), 0.0)
    return np.asarray((density * weight).sum(-1) + outlier[..., 0])


def upper_angle(share: ArrayLike, ratio: ArrayLike) -> Array:
    """The θ above whose eigenvalue lies a share of all: at most min(1, 1/γ)."""
    share, ratio = np.broadcast_arrays(np.asarray(share, float), np.asarray(ratio, float))
    found = scipy.optimize.elementwise.find_root(
        lambda angle, share, ratio: upper_mass(1.0, ratio, angle) - share,
        (np.zeros(share.shape), np.full(share.shape, np.pi)),
        args=(share, ratio),
        tolerances={"xatol": 0.0, "xrtol": 1e-15, "fatol": 0.0, "frtol": 0.0},
    )
    # all that there is: rounding may leave no change of sign
    return np.where(found.success, found.x, np.pi)
