r"""How the readings of two linear images of one sample err together.

With A and B the resolvents of two images, pulled back to the features (B = Tᵀ(TSTᵀ + λ)⁻¹T), the
covariance of :mod:`.covariance` holds with R and D of the pair, and both are in the sample: in the
n-dimensional space of the samples, with hat matrices H of the two and C = (1 - H)κ/λ,

    D/(1 - D/N) = tr C₁C₂ - N,   R/(1 - D/N) = ΔᵀASBΔ - c D/(1 - D/N).

Only their correlation is taken from here: the variances themselves have the fit of Ê behind them.
"""

from __future__ import annotations

import numpy as np

from ..checks import Array
from .resolvent import levels
from .sample import LabelledSample

__all__ = ["forms", "paired_correlations", "traces"]


def _hats(sample: LabelledSample, kappa: Array) -> tuple[Array, Array]:
    """Of K readings: C on the left vectors, and C beyond them."""
    level = levels(sample, kappa)
    beyond = kappa / level if sample.covers else np.zeros(kappa.size)
    return kappa[:, None] / (sample.eigenvalues + level[:, None]), beyond


def traces(one: LabelledSample, other: LabelledSample, first: Array, second: Array) -> Array:
    """D/(1 - D/N) of the readings of two images of one sample, shape (K, L)."""
    assert one.left is not None and other.left is not None
    c, c_beyond = _hats(one, first)
    d, d_beyond = _hats(other, second)
    square = np.square(one.left.T @ other.left)
    # beyond the left vectors of either, within the N dimensions of the residuals
    trace = c @ square @ d.T
    trace += (c @ (1.0 - square.sum(1)))[:, None] * d_beyond
    trace += c_beyond[:, None] * (d @ (1.0 - square.sum(0)))
    rest = one.freedom - one.rank - other.rank + square.sum()
    trace += np.multiply.outer(c_beyond, d_beyond) * rest
    return np.asarray(trace - one.freedom)


def _seen(sample: LabelledSample, kappa: Array, projections: Array) -> Array:
    """XAΔ/√N on the left vectors, shape (K, r, m), for projections (r, m)."""
    shifted = sample.eigenvalues + levels(sample, kappa)[:, None]
    return np.asarray((np.sqrt(sample.eigenvalues) / shifted)[..., None] * projections)


def forms(
    samples: tuple[LabelledSample, LabelledSample],
    points: tuple[Array, Array],
    projections: tuple[Array, Array],
) -> Array:
    """ΔᵀASBΔ for m columns Δ of two images of one sample, shape (K, L, m, m)."""
    one, other = samples
    assert one.left is not None and other.left is not None
    a, b = (_seen(*part) for part in zip(samples, points, projections, strict=True))
    overlap = one.left.T @ other.left
    return np.asarray(np.tensordot(np.swapaxes(a, 1, 2) @ overlap, b, (2, 1)).swapaxes(1, 2))


def paired_correlations(
    samples: tuple[LabelledSample, LabelledSample],
    points: tuple[Array, Array],
    coefficients: tuple[Array, Array],
) -> Array:
    """Correlation of Σ_i α_i Ê(κ_i) of one image with that of the other, in M cases.

    Parameters
    ----------
    samples : pair of LabelledSample
        Of the two images of one sample, with their left vectors.
    points, coefficients : pair of array, shape (M, 2)
        κ_i and α_i, of each image.

    Returns
    -------
    array, shape (M,)
    """
    kappa = [part.ravel() for part in points]
    pairs = list(zip(samples, kappa, strict=True))
    excess = np.block([[traces(s, t, x, y) for t, y in pairs] for s, x in pairs])
    form = np.block(
        [
            [
                forms((s, t), (x, y), (s.projections[:, None], t.projections[:, None]))[..., 0, 0]
                for t, y in pairs
            ]
            for s, x in pairs
        ]
    )
    c, n = samples[0].mean_noise, samples[0].freedom
    r = form - c * excess
    # noise may leave less than none of it: then the excess alone
    bound = np.sqrt(np.maximum(np.diag(r), 0.0))
    r = np.clip(r, -np.outer(bound, bound), np.outer(bound, bound))
    covariance = 4 * c * r + 2 * c**2 * excess + 2 * np.square(r) / (n + excess)
    weights = np.concatenate([part.ravel() for part in coefficients])
    whole = weights[:, None] * covariance * weights
    count = len(points[0])
    cases = whole.reshape(2, count, 2, 2, count, 2).sum((2, 5))  # (image, case, image, case)
    case = np.arange(count)
    own, other, both = (cases[i, case, j, case] for i, j in ((0, 0), (1, 1), (0, 1)))
    known = (own > 0) & (other > 0)
    # a pair of which the sample says nothing is taken as independent, the wider interval
    size = np.sqrt(np.where(known, own * other, 1.0))
    return np.asarray(np.where(known, np.clip(both / size, -1.0, 1.0), 0.0))
