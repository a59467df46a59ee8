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

__all__ = ["pair_moments", "paired_correlations"]


def _hats(sample: LabelledSample, kappa: Array, projections: Array) -> tuple[Array, Array, Array]:
    """Of K readings: C on the left vectors, C beyond them, and XAΔ/√N on the left vectors."""
    level = levels(sample, kappa)
    shifted = sample.eigenvalues + level[:, None]
    beyond = kappa / level if sample.covers else np.zeros(kappa.size)
    seen = (np.sqrt(sample.eigenvalues) / shifted)[..., None] * projections
    return kappa[:, None] / shifted, beyond, seen


def pair_moments(
    samples: tuple[LabelledSample, LabelledSample],
    points: tuple[Array, Array],
    projections: tuple[Array, Array],
) -> tuple[list[list[Array]], list[list[Array]]]:
    """D/(1 - D/N), (K, L), and ΔᵀASBΔ, (K, L, m, m), of each of two images with each.

    Parameters
    ----------
    samples : pair of LabelledSample
        With their left vectors.
    points : pair of array, shapes (K,) and (L,)
        κ of either.
    projections : pair of array, shape (r, m)
        Of m columns Δ, on the eigenvectors of either.
    """
    hats = [_hats(*part) for part in zip(samples, points, projections, strict=True)]
    found = [
        [_block(s, t, first, second) for t, second in zip(samples, hats, strict=True)]
        for s, first in zip(samples, hats, strict=True)
    ]
    return [[trace for trace, _ in row] for row in found], [
        [form for _, form in row] for row in found
    ]


def _block(
    one: LabelledSample,
    other: LabelledSample,
    first: tuple[Array, Array, Array],
    second: tuple[Array, Array, Array],
) -> tuple[Array, Array]:
    assert one.left is not None and other.left is not None
    (c, c_beyond, a), (d, d_beyond, b) = first, second
    overlap = one.left.T @ other.left
    square = np.square(overlap)
    # beyond the left vectors of either, within the N dimensions of the residuals
    trace = c @ square @ d.T
    trace += (c @ (1.0 - square.sum(1)))[:, None] * d_beyond
    trace += c_beyond[:, None] * (d @ (1.0 - square.sum(0)))
    rest = one.freedom - one.rank - other.rank + square.sum()
    trace += np.multiply.outer(c_beyond, d_beyond) * rest
    form = np.tensordot(np.swapaxes(a, 1, 2) @ overlap, b, (2, 1)).swapaxes(1, 2)
    return trace - one.freedom, np.asarray(form)


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
    columns = samples[0].projections[:, None], samples[1].projections[:, None]
    traces, forms = pair_moments(samples, (kappa[0], kappa[1]), columns)
    excess: Array = np.block(traces)
    form = np.block([[part[..., 0, 0] for part in row] for row in forms])
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
