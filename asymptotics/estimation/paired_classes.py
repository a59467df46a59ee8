r"""How the readings of K > 2 classes in two linear images of one sample err together.

In contrasts whitened alike on both sides they have the covariance of :mod:`.class_estimate`, with
the R and D of the pair, both from the sample as in :mod:`.paired`. As there only the correlations
are taken from it.
"""

from __future__ import annotations

import numpy as np

from ..checks import Array
from ..integrals.softmax import contrasts
from .atoms import paired_errors
from .class_estimate import ClassEstimate, entry_covariance
from .paired import forms, traces
from .sample import LabelledSample

__all__ = ["paired_class_correlations", "redrawn_pair"]

Samples = tuple[LabelledSample, LabelledSample]
Points = tuple[Array, Array]


def _block(
    samples: Samples, points: Points, whiten: Array, bounds: Points | None = None
) -> tuple[Array, Array]:
    """The covariance of the entries, (s, K, s, L), and R/(1 - D/N), (m, m, K, L).

    `bounds` are the roots of the diagonal of either's own R, of shape (m, K).
    """
    one, other = samples
    excess = traces(one, other, *points)
    sides = (one.projections @ whiten.T, other.projections @ whiten.T)
    r = np.moveaxis(forms(samples, points, sides), (2, 3), (0, 1))
    r = r - np.eye(len(whiten))[..., None, None] * excess
    if bounds is not None:
        most = bounds[0][:, None, :, None] * bounds[1][None, :, None, :]
        r = np.clip(r, -most, most)
    inflation = 1.0 + excess / one.freedom
    return entry_covariance(r / inflation, inflation, one.freedom), r


def paired_class_correlations(samples: Samples, points: Points, whiten: Array) -> Array:
    """Of the entries read off one image with those read off the other.

    Parameters
    ----------
    samples : pair of LabelledSample
        Of the two images of one sample, with their left vectors.
    points : pair of array, shapes (K,) and (L,)
        κ of either.
    whiten : array, shape (m, m)
        From contrasts to whitened ones.

    Returns
    -------
    array, shape (s, K, s, L)
    """
    bounds, deviations = [], []
    for sample, kappa in zip(samples, points, strict=True):
        twice = (sample, sample), (kappa, kappa), whiten
        own = np.einsum("aaii->ai", _block(*twice)[1])
        # noise may leave less than none of it: then the excess alone
        bound = np.sqrt(np.maximum(own, 0.0))
        bounds.append(bound)
        variance = np.einsum("sisi->si", _block(*twice, (bound, bound))[0])
        deviations.append(np.sqrt(np.maximum(variance, 0.0)))
    cross = _block(samples, points, whiten, (bounds[0], bounds[1]))[0]
    size = deviations[0][..., None, None] * deviations[1]
    found = np.divide(cross, size, out=np.zeros_like(cross), where=size > 0)
    return np.asarray(np.clip(found, -1.0, 1.0))


def redrawn_pair(
    estimates: tuple[ClassEstimate, ClassEstimate],
    samples: Samples,
    draws: int,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Matrices of both fitted again to readings that err together, each (draws, J, K, K).

    Parameters
    ----------
    estimates : pair of ClassEstimate
    samples : pair of LabelledSample
        Those of the estimates, with their left vectors.
    draws : int
        In pairs of opposite errors.
    rng : Generator
    """
    one, other = estimates[0], estimates[1].in_axes(estimates[0].coding)
    whiten = np.linalg.pinv(one.coding) @ contrasts(len(one.sample.counts))
    covariances = one.covariance, other.covariance
    flat = [c.reshape(c.shape[0] * c.shape[1], -1) for c in covariances]
    first, second = (np.sqrt(np.diag(c)) for c in flat)
    points = one.reading.kappa, other.reading.kappa
    correlation = paired_class_correlations(samples, points, whiten).reshape(first.size, -1)
    cross = first[:, None] * correlation * second
    whole = np.block([[flat[0], cross], [cross.T, flat[1]]])
    errors = paired_errors(whole, draws, rng)
    parts = errors[:, : first.size], errors[:, first.size :]
    found = [
        side.refitted(part.reshape(draws, *covariance.shape[:2]), covariance)
        for side, part, covariance in zip((one, other), parts, covariances, strict=True)
    ]
    return found[0], found[1]
