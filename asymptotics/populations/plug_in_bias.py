r"""How much a plug-in estimate of a population flatters a classifier: an estimate from its sample.

The class means and the pooled covariance S of n points, N = n - 2 degrees of freedom, are not those
of the population: with Δ half the difference of the means, :math:`c = (1/n_+ + 1/n_-)/4`,

.. math::
    \mathbb E\,\Delta^\top S^{-1} \Delta
        = \frac{N}{N - p - 1}\,\big(\mu^\top\Sigma^{-1}\mu + c\,p\big), \qquad N > p + 1,

so that the squared separation is stretched and shifted. Of a ridge classifier that is trained on as
many points anew, without intercept and on equal classes, the limit reads the spectrum at one number
κ, through

.. math::
    E = \mu^\top(\Sigma + \kappa)^{-1}\mu, \quad
    S = \tfrac1p \operatorname{tr} \Sigma(\Sigma + \kappa)^{-1}, \quad
    R = E + \kappa E', \quad D = S + \kappa S', \qquad
    \text{accuracy} = \Phi\Big(\frac{E\sqrt{1 - \gamma D}}{\sqrt{R + \gamma D}}\Big),

:math:`\kappa(1 - \gamma S) = \lambda`. The sample's own resolvent at λ shows them without bias as
n, p → ∞, whether n is above or below p:

.. math::
    \mathrm{df} = \operatorname{tr} S_N(S_N + \lambda)^{-1}, \quad
    \kappa = \frac{\lambda}{1 - \mathrm{df}/N}, \quad \hat S = \frac{\mathrm{df}}{p}, \quad
    \hat E = \frac\lambda\kappa\,\Delta^\top(S_N + \lambda)^{-1}\Delta - c\,\mathrm{df}.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import scipy

from ..checks import Array
from ..outcomes import PlugInWarning

__all__ = ["PlugInBias", "plug_in_bias", "warn_of_bias"]

# From so many points a dimension on the bias is left unsaid.
_ENOUGH = 10

# A root of the equation for κ to this share of it: what it is for needs three digits.
_TOLERANCE = 1e-10


class PlugInBias(NamedTuple):
    """Accuracies of ridge classification, penalty tr S/p: by the plug-in, and without its bias."""

    predicted: float
    corrected: float


class _Sample(NamedTuple):
    """Eigenvalues of a covariance, and the energy of a difference of means along each of them."""

    eigenvalues: Array
    energies: Array
    outside: float
    dimension: int

    def sums(self, at: float) -> tuple[float, float, float, float]:
        """tr S(S+x)⁻¹ and Δᵀ(S+x)⁻¹Δ, and the derivatives of both by x."""
        r = 1.0 / (at + self.eigenvalues)
        df, slope = self.eigenvalues @ r, -self.eigenvalues @ (r * r)
        energy = self.energies @ r + self.outside / at
        by_energy = -self.energies @ (r * r) - self.outside / at**2
        return float(df), float(energy), float(slope), float(by_energy)


def plug_in_bias(difference: Array, residuals: Array, counts: tuple[int, int]) -> PlugInBias:
    """The accuracy that a plug-in estimate predicts, and that of a consistent one.

    Parameters
    ----------
    difference : array, shape (p,)
        Δ, half the difference of the class means.
    residuals : array, shape (n, p)
        The points less their class means, n ≥ 3, not all 0.
    counts : (int, int)
        Points of either class.

    Returns
    -------
    PlugInBias
    """
    n, p = residuals.shape
    degrees = n - 2
    # no unit matters, and squares of large or small numbers are no floats
    unit = np.abs(residuals).max()
    difference, residuals = difference / unit, residuals / unit
    sample = _decompose(difference, residuals, degrees)
    penalty = float(sample.eigenvalues.sum()) / p
    c = (1.0 / counts[0] + 1.0 / counts[1]) / 4.0
    df, energy, slope, by_energy = sample.sums(penalty)
    kappa = penalty / (1.0 - df / degrees)
    # everything as a function of κ: dκ/dλ = 1/(1 - γD)
    by_penalty = kappa / penalty + kappa**2 / penalty * slope / degrees
    share = (1.0 - 1.0 / by_penalty) * degrees / n  # γD, γ = p/n
    shrunk = penalty / kappa
    signal = shrunk * energy - c * df
    by_shrunk = -slope / degrees
    by_signal = (by_shrunk * energy + shrunk * by_energy - c * slope) / by_penalty
    corrected = _accuracy(signal, signal + kappa * by_signal, share)
    return PlugInBias(_predicted(sample, penalty, p / n), corrected)


def warn_of_bias(difference: Array, residuals: Array, counts: tuple[int, int]) -> None:
    """Say what the plug-in is off by, if there are fewer points than 10 p."""
    n, p = residuals.shape
    if n >= _ENOUGH * p:
        return
    found = plug_in_bias(difference, residuals, counts)
    warnings.warn(
        f"n = {n} points do not resolve a population in p = {p} dimensions, being fewer than "
        f"{_ENOUGH} p: for ridge classification this estimate predicts an accuracy of "
        f"{found.predicted:.3f}, where the points without its bias support "
        f"{found.corrected:.3f}, a difference of {found.predicted - found.corrected:+.3f}",
        PlugInWarning,
        stacklevel=3,
    )


def _decompose(difference: Array, residuals: Array, degrees: int) -> _Sample:
    """In n or in p dimensions, whichever is less."""
    n, p = residuals.shape
    if p <= n:
        eigenvalues, basis = np.linalg.eigh(residuals.T @ residuals / degrees)
        energies = np.square(difference @ basis)
        return _Sample(np.maximum(eigenvalues, 0.0), energies, 0.0, p)
    eigenvalues, basis = np.linalg.eigh(residuals @ residuals.T / degrees)
    # two directions of the n, the classes' means, and rounding have no variance
    kept = eigenvalues > n * np.finfo(float).eps * eigenvalues[-1]
    eigenvalues = eigenvalues[kept]
    projections = basis[:, kept].T @ (residuals @ difference)
    energies = np.square(projections) / (degrees * eigenvalues)
    outside = max(float(difference @ difference - energies.sum()), 0.0)
    return _Sample(eigenvalues, energies, outside, p)


def _predicted(sample: _Sample, penalty: float, gamma: float) -> float:
    """The limit on the spectrum of the sample itself."""

    def excess(log_kappa: float) -> float:
        kappa = float(np.exp(log_kappa))
        return kappa * (1.0 - gamma * sample.sums(kappa)[0] / sample.dimension) - penalty

    low, high = np.log(penalty), np.log(penalty + gamma * sample.eigenvalues.sum())
    kappa = float(np.exp(scipy.optimize.brentq(excess, low - 1e-9, high + 1e-9, xtol=_TOLERANCE)))
    df, energy, slope, by_energy = sample.sums(kappa)
    share = gamma * (df + kappa * slope) / sample.dimension
    return _accuracy(energy, energy + kappa * by_energy, share)


def _accuracy(signal: float, square: float, share: float) -> float:
    """Φ(E √(1 - γD)/√(R + γD)); ½ where an estimate of E ≥ 0 has come out below 0."""
    if signal <= 0.0:
        return 0.5
    return float(scipy.special.ndtr(signal * np.sqrt((1 - share) / (max(square, 0.0) + share))))
