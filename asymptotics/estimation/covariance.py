r"""How surely the energies are read: the covariance of Ê at two values of κ, in closed form.

    Cov(Ê(κ₁), Ê(κ₂)) = (4cR + 2c²D + 2R²/N)/(1 - D/N),
    R = Σ e d/((κ₁ + d)(κ₂ + d)),   D = p Σ w d²/((κ₁ + d)(κ₂ + d)).

The first two terms are the noise of Δ, linear and quadratic in it; the third is that of S, and
1/(1 - D/N) what a product of two sample resolvents has more than that of their limits. It needs no
fit: since pS = df and κ(1 - df/N) = λ, it is (κ₁ - κ₂)/(λ₁ - λ₂), on the diagonal φ. At κ = 0 the
variance is that of the debiased Hotelling statistic. Ŝ errs by O(1/p), which is left out.
"""

from __future__ import annotations

import numpy as np

from ..checks import Array
from .resolvent import inflation
from .sample import LabelledSample

__all__ = ["energy_covariance", "inflations"]

# Two values of κ that differ by less, relatively, are one: a difference of λ would be rounding.
_SAME = 1e-6


def inflations(sample: LabelledSample, kappa: Array, level: Array) -> Array:
    """1/(1 - D/N) at all pairs of K values of κ(λ), shape (K, K)."""
    rise = kappa[:, None] - kappa
    same = np.abs(rise) <= _SAME * kappa
    single = np.broadcast_to(inflation(sample, level), same.shape)
    return np.asarray(np.divide(rise, level[:, None] - level, out=np.array(single), where=~same))


def energy_covariance(
    sample: LabelledSample, kappa: Array, excess: Array, eigenvalues: Array, energies: Array
) -> Array:
    """Of Ê at all pairs of K values of κ with these :func:`inflations`, for energies on J atoms."""
    n, c = sample.freedom, sample.mean_noise
    seen = eigenvalues > 0
    d = eigenvalues[seen]
    resolvent = 1.0 / (kappa[:, None] + d)
    r = (resolvent * (energies[seen] * d)) @ resolvent.T
    return np.asarray((4 * c * r + 2 * r**2 / n) * excess + 2 * c**2 * n * (excess - 1.0))
