r"""Where on the population's resolvent a sample can be read, and what is read there.

With df(λ) = Σ s_i/(s_i + λ) of the pooled covariance S and N = n - K,

    κ = λ/(1 - df/N),   Ŝ(κ) = df/p,   Ê(κ) = (λ/κ) Δᵀ(S + λ)⁻¹Δ - c df

are consistent for S(κ) = Σ w d/(κ + d) and E(κ) = Σ e/(κ + d): the noise of Δ adds c tr Σ(S + λ)⁻¹
to the form, which (λ/κ) makes c df. Equivalently κ is the harmonic mean of s_i + λ over N values,
with s_i = 0 beyond the rank, so that λ may be negative down to -s_N where the rank is N. There κ is
κ_min at λ = 0, and φ = dκ/dλ is how much more the sample's noise is than the population's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..checks import Array
from .sample import LabelledSample

__all__ = [
    "Reading",
    "inflation",
    "kappa_low",
    "kappa_min",
    "kappa_of",
    "levels",
    "read",
    "reading_points",
]

# The largest φ at which the sample is read: beyond it noise drowns what is gained.
_INFLATION = 4.0
# Of the smallest eigenvalue, the lowest κ that is read where every κ > 0 is in the data.
_BELOW_THE_LOWEST = 0.3
_EPSILON = float(np.finfo(float).eps)
# Values of κ at which the sample is read, from κ_low to so many times its largest eigenvalue.
_READINGS = 40
_BEYOND_THE_LARGEST = 30.0
# The smallest atom, in units of the smallest eigenvalue where every κ > 0 is in the data, of κ_low
# where not: there is no safe choice, and `extended` makes others.
_BELOW_THE_SMALLEST = 0.5
_UNSEEN = 0.1
# Halvings of a bracket, to the last bit.
_HALVINGS = 60


class Reading(NamedTuple):
    """The two functions at some κ, each of shape (R,)."""

    kappa: Array
    level: Array  # λ
    weight_sum: Array  # Ŝ
    energy_sum: Array  # Ê; of more than two classes Ĝ, (R, K - 1, K - 1)


def kappa_of(sample: LabelledSample, level: Array) -> Array:
    """κ at levels λ ≥ 0; below 0 as well where the rank is N."""
    level = np.asarray(level, dtype=float)
    inverse = (1.0 / (sample.eigenvalues + level[..., None])).sum(-1)
    missing = sample.freedom - sample.rank
    if missing:
        return np.asarray(level * sample.freedom / (level * inverse + missing))
    return np.asarray(sample.freedom / inverse)


def inflation(sample: LabelledSample, level: Array) -> Array:
    """φ = dκ/dλ = 1/(1 - pD/N), for λ > -s_N, or λ > 0 where the rank is below N."""
    level = np.asarray(level, dtype=float)
    share = level[..., None] / (sample.eigenvalues + level[..., None])
    missing = sample.freedom - sample.rank
    if missing:
        total = share.sum(-1) + missing
        return np.asarray((np.square(share).sum(-1) + missing) * sample.freedom / total**2)
    inverse = 1.0 / (sample.eigenvalues + level[..., None])
    return np.asarray(sample.freedom * np.square(inverse).sum(-1) / inverse.sum(-1) ** 2)


def kappa_min(sample: LabelledSample) -> float:
    """κ at λ = 0+: no loss with a penalty reads lower from as many samples; 0 if rank < N."""
    return float(kappa_of(sample, np.zeros(())))


def kappa_low(sample: LabelledSample) -> float:
    """The lowest κ at which the sample is read."""
    lowest = float(sample.eigenvalues[-1])
    floor, shift = (_BELOW_THE_LOWEST * lowest, 0.0) if sample.covers else (0.0, lowest)
    # of few degrees of freedom φ is below N everywhere
    most = min(_INFLATION, 0.5 * (1.0 + sample.freedom))

    def is_noisy(shifted: float) -> bool:
        return bool(inflation(sample, np.asarray(shifted - shift)) > most)

    high = float(sample.eigenvalues[0])
    while is_noisy(high):
        high *= 2.0
    low = lowest * _EPSILON
    if not is_noisy(low):
        high = low
    while high > low * (1.0 + 4 * _EPSILON):
        middle = float(np.sqrt(low * high))
        if is_noisy(middle):
            low = middle
        else:
            high = middle
    return max(floor, float(kappa_of(sample, np.asarray(high - shift))))


def reading_points(sample: LabelledSample) -> tuple[Array, float, float]:
    """Where a sample is read, the smallest atom that explains it, and κ_low."""
    low, largest = kappa_low(sample), float(sample.eigenvalues[0])
    kappa = np.geomspace(low, _BEYOND_THE_LARGEST * max(largest, low), _READINGS)
    if sample.covers:
        return kappa, _BELOW_THE_SMALLEST * float(sample.eigenvalues[-1]), low
    return kappa, _UNSEEN * low, low


def levels(sample: LabelledSample, kappa: Array) -> Array:
    """λ(κ), by halving a bracket: κ rises with λ, and never lies below it."""
    lowest, n = sample.eigenvalues[-1], sample.freedom
    low = kappa * (1.0 - sample.rank / n) if sample.covers else kappa / n - lowest
    high = np.array(kappa, dtype=float)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        above = kappa_of(sample, middle) > kappa
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.asarray(0.5 * (low + high))


def read(sample: LabelledSample, kappa: Array) -> Reading:
    """Ŝ and Ê at values of κ within the range."""
    level = levels(sample, kappa)
    shifted = sample.eigenvalues + level[:, None]
    df = (sample.eigenvalues / shifted).sum(-1)
    form = level * (np.square(sample.projections) / shifted).sum(-1) + sample.outside
    return Reading(kappa, level, df / sample.dimension, form / kappa - sample.mean_noise * df)
