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
from .paired import pair_moments
from .sample import LabelledSample

__all__ = ["joint_correlations", "redrawn_pair"]

Samples = tuple[LabelledSample, LabelledSample]
Points = tuple[Array, Array]


def _positive(matrix: Array) -> Array:
    """The nearest positive semi-definite matrix: noise may leave less than none of a variance."""
    values, axes = np.linalg.eigh(matrix)
    return np.asarray((axes * np.maximum(values, 0.0)) @ axes.T)


def joint_correlations(samples: Samples, points: Points, whiten: Array) -> Array:
    """Of all entries read off the one image and the other.

    Of one image twice it says that both are the same, and so is the whole taken from the sample.

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
    array, shape (s (K + L), s (K + L))
        In the order of images, entries, κ.
    """
    n, m = samples[0].freedom, len(whiten)
    columns = samples[0].projections @ whiten.T, samples[1].projections @ whiten.T
    excess, moments = pair_moments(samples, points, columns)
    form = [[np.moveaxis(part, 2, 0) for part in row] for row in moments]  # each (m, K, L, m)
    r = [
        [part - np.eye(m)[:, None, None] * more[..., None] for part, more in zip(*row, strict=True)]
        for row in zip(form, excess, strict=True)
    ]
    # R/(1 - D/N) over images, κ and contrasts at once
    flat = np.block(
        [[part.transpose(1, 0, 2, 3).reshape(len(part[0]) * m, -1) for part in row] for row in r]
    )
    flat = _positive(flat)
    sizes = [len(at) * m for at in points]
    ends = [slice(0, sizes[0]), slice(sizes[0], sum(sizes))]
    rows = []
    for i, at in enumerate(points):
        row = []
        for j, to in enumerate(points):
            part = flat[ends[i], ends[j]].reshape(len(at), m, len(to), m).transpose(1, 3, 0, 2)
            inflation = 1.0 + excess[i][j] / n
            block = entry_covariance(part / inflation, inflation, n)
            row.append(block.reshape(block.shape[0] * block.shape[1], -1))
        rows.append(row)
    whole: Array = np.block(rows)
    deviations = np.sqrt(np.maximum(np.diag(whole), 0.0))
    size = np.outer(deviations, deviations)
    found = np.divide(whole, size, out=np.zeros_like(whole), where=size > 0)
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
    deviations = np.sqrt(np.concatenate([np.einsum("sisi->si", c).ravel() for c in covariances]))
    correlation = joint_correlations(samples, (one.reading.kappa, other.reading.kappa), whiten)
    errors = paired_errors(deviations[:, None] * correlation * deviations, draws, rng)
    count = int(np.prod(covariances[0].shape[:2]))
    found = [
        side.refitted(part.reshape(draws, *covariance.shape[:2]), covariance)
        for side, part, covariance in zip(
            (one, other), (errors[:, :count], errors[:, count:]), covariances, strict=True
        )
    ]
    return found[0], found[1]
