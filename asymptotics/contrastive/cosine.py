r"""InfoNCE with normalised embeddings and a weak signal in high dimension, isotropic and balanced.

The signal s is fixed as p → ∞, and the temperature for embeddings of length 1 is τ/p. For s² of the
order of p, and temperatures of order 1, see strong_signal.py.

Embeddings lie on the sphere of radius √p, z = √p Th/|Th|, and T has gain √b along the signal and 1
elsewhere. For p → ∞, after infinitely many negatives, what depends on b in the loss is, with
C = σ² + σ_a², k = 1/τ, κ = (√(1 + 4k²) - 1)/(2k), D = 1 + κkb and X = s(s + √C g),

    -(kb/C)[s²σ_a²/C + ½κ(s² + C)] - ½ log D - κkbs²/(2CD) + k²b²(s² + C)/(2CD)
        + E log cosh(kbX/(CD)).

κ is the cosine to which a negative is tilted: along a bulk of p dimensions the partition function
is that of the sphere, not of a Gaussian. With r = 1/D the stationary point solves

    (1 - r²)(s² + C)/(2κ) - ½κ(s² + C + Cr + s²r²) + r² E[X tanh((1 - r)X/(κC))] = s²σ_a²/C.

At r = 0 the left side exceeds the right one iff τ(s² + C) > 2s²σ_a²/C; if not, the loss falls for
all b, the gain grows with p, and there is no limit.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import elementwise

from ..checks import Array
from ..integrals.log_cosh import force
from ..outcomes import ConvergenceError

__all__ = ["cosine_gain", "cosine_threshold"]

# Of log(1/r - 1) = log(κb/τ): where it is looked for, and how exactly.
_RANGE, _STEP = 80.0, 1e-16
# Largest residual of the stationarity, over the size of its terms.
_TOLERANCE = 1e-10


def cosine_threshold(signal: Array, noise: Array, augmentation: Array) -> Array:
    """The temperature 2s²σ_a²/(C(s² + C)), at or below which the gain diverges with p."""
    spread = np.hypot(noise, augmentation)  # of ratios, none of which overflows
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        rest = np.square(spread / signal)
    threshold: Array = 2.0 * np.square(augmentation / spread) / (1.0 + rest)
    return threshold


def cosine_gain(signal: Array, noise: Array, augmentation: Array, temperature: Array) -> Array:
    """√b for flat arrays; infinite where the gain diverges with p.

    Raises
    ------
    ConvergenceError
        If the stationary point was not found to 1e-10.
    """
    # in units of C: s²/C, σ_a²/C
    spread = np.hypot(noise, augmentation)
    s2, share = np.square(signal / spread), np.square(augmentation / spread)
    # κ and b = τ(1 - r)/(κr), with κ/k = 2/(1 + √(1 + 4k²))
    tilt = 2.0 / (temperature + np.hypot(temperature, 2.0))

    def excess(odds: Array, s2: Array, share: Array, tilt: Array) -> tuple[Array, Array]:
        """Left minus right over C at (1 - r)/r, and the size of the terms."""
        r = 1.0 / (1.0 + odds)
        push = odds * r / tilt
        # E[X tanh(push X/C)]/C = s² E[y tanh] + s² push E sech², X = s(s + √C g)
        c = force(push * s2, push * push * s2, np.full(r.shape, 0.5))
        align = s2 * (1.0 - c.deficit + push * c.second)
        repel = 0.5 * (1.0 + s2) * push * (1.0 + r)
        pull = 0.5 * tilt * (1.0 + s2 + r + s2 * r * r)
        value = repel - pull + r * r * align - s2 * share
        return value, repel + pull + r * r * align + s2 * share

    finite = temperature > cosine_threshold(signal, noise, augmentation)
    gain = np.full(s2.shape, np.inf)
    parts = s2[finite], share[finite], tilt[finite]
    found = elementwise.find_root(
        lambda t, *part: excess(np.exp(t), *part)[0],
        (np.full(parts[0].shape, -_RANGE), np.full(parts[0].shape, _RANGE)),
        args=parts,
        tolerances={"xatol": _STEP, "xrtol": 4.0 * _STEP},
    )
    odds = np.exp(found.x)
    left, size = excess(odds, *parts)
    if not (found.success & (np.abs(left) <= _TOLERANCE * size)).all():
        raise ConvergenceError("the stationary point of the cosine loss was not found")
    gain[finite] = np.sqrt(temperature[finite] * odds / parts[2])
    return gain
