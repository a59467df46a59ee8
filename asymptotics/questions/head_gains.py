r"""The gains of a head along the differences of class means, from a sample before and after it.

Gram matrices of the K - 1 contrasts of the sample's class means, B before and B′ after, less the
covariance of their noise: a gain along u is :math:`\sqrt{u^\top B' u/u^\top B u}`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..checks import Array
from ..estimation.sample import LabelledSample
from ..integrals.softmax import contrasts
from .regime import regime_of

__all__ = ["HeadGains", "head_gains", "refuse_learned"]

# A singular direction of the head this near to a difference of the class means was made of it.
_LEARNED = 1e-6
# From half the difference of two means, of which a sample of two classes knows, to the means.
_HALVES = np.array([[-1.0], [1.0]])


class HeadGains(NamedTuple):
    """As of :class:`HeadReport`."""

    gain: float
    pair_gains: Array
    noise_gain: float
    fisher_gain: float
    expansion_measure: float

    @property
    def regime(self) -> str:
        if np.isnan(self.gain):
            return "unknown"
        words = {regime_of(gain) for gain in self.pair_gains[~np.isnan(self.pair_gains)]}
        return "both" if {"expansion", "shrinkage"} <= words else str(regime_of(self.gain))


def _basis(classes: int) -> Array:
    return _HALVES if classes == 2 else contrasts(classes)


def _class_differences(table: Array, index: Array) -> Array:
    """The class means less that of the first, shape (p, K - 1)."""
    means = [table[index == k].mean(0, dtype=float) for k in range(int(index.max()) + 1)]
    return np.asarray(np.stack(means[1:], axis=1) - means[0][:, None])


def _grams(sample: LabelledSample) -> tuple[Array, Array]:
    """ΔᵀΔ of the sample, and without its noise."""
    m = len(sample.counts) - 1
    projections = sample.projections.reshape(sample.rank, m)
    seen = projections.T @ projections + np.reshape(sample.outside, (m, m))
    noise = np.reshape(sample.mean_noise, (1, 1)) if m == 1 else sample.contrast_noise
    return seen, np.asarray(seen - noise * float(sample.eigenvalues.sum()))


def _along_space(one: LabelledSample, other: LabelledSample) -> float:
    """The sum of the squared gains over the space of the class differences.

    Along the axes of ΔᵀΔ, each without its noise where more than noise is left on both sides.
    """
    (seen, clean), (image, clean_image) = _grams(one), _grams(other)
    axes = np.linalg.eigh(seen)[1]
    a, b, c, d = (
        np.einsum("ki,kl,li->i", axes, gram, axes) for gram in (clean_image, clean, image, seen)
    )
    there = (a > 0) & (b > 0)
    return float(np.where(there, a, c)[d > 0] @ (1.0 / np.where(there, b, d)[d > 0]))


def head_gains(one: LabelledSample, other: LabelledSample, matrix: Array) -> HeadGains:
    """Of a head (k, p), from the samples before and after it."""
    classes, p = len(one.counts), one.dimension
    noise = float(np.sqrt(other.eigenvalues.sum() / one.eigenvalues.sum()))
    before, after = (_grams(sample)[1] for sample in (one, other))
    lengths = float(np.trace(before)), float(np.trace(after))
    unknown = np.full((classes, classes), np.nan)
    if min(lengths) <= 0 or p < classes:
        return HeadGains(np.nan, unknown, noise, np.nan, np.nan)
    along, total = lengths[1] / lengths[0], float(np.square(matrix).sum())
    rest = (total - _along_space(one, other)) / (p - classes + 1)
    basis = _basis(classes)
    towards = basis[:, None] - basis  # (K, K, m)
    shares = (np.einsum("kla,ab,klb->kl", towards, gram, towards) for gram in (after, before))
    a, b = (np.where(share > 0, share, np.nan) for share in shares)
    with np.errstate(divide="ignore"):
        scale = 1.0 / np.sqrt(max(rest, 0.0))
        gain, pairs = float(np.sqrt(along) * scale), np.sqrt(a / b) * scale
    return HeadGains(gain, pairs, noise, float(np.sqrt(along)) / noise, p * along / total)


def refuse_learned(matrix: Array, table: Array, index: Array) -> None:
    """A head of which a difference of the sample's class means is a singular direction.

    Or all of them together an invariant space.
    """
    p = table.shape[1]
    differences = _class_differences(table, index)
    m = differences.shape[1]
    first, second = np.triu_indices(m + 1, 1)
    means = np.concatenate([np.zeros((p, 1)), differences], axis=1)
    pairs = means[:, second] - means[:, first]
    lengths = np.linalg.norm(pairs, axis=0)
    mean = float(np.square(matrix).sum()) / p
    units = pairs[:, lengths > 0] / lengths[lengths > 0]
    spaces = [unit[:, None] for unit in units.T] if p > 1 else []
    if 1 < m < p and np.linalg.matrix_rank(differences) == m:
        spaces.append(np.linalg.qr(differences)[0])
    for space in spaces:
        stretched = matrix.T @ (matrix @ space)
        inside = space.T @ stretched
        size = max(float(np.linalg.norm(stretched)), mean)
        is_invariant = float(np.linalg.norm(stretched - space @ inside)) <= _LEARNED * size
        is_neutral = np.abs(inside - mean * np.eye(len(inside))).max() <= _LEARNED * mean
        if is_invariant and not is_neutral:
            what = "the difference" if m == 1 else "differences"
            raise ValueError(
                "head must not be made with the labels that judge it, got one that stretches "
                f"exactly {what} of these class means: learn it on one half of the samples, and "
                "give the other half"
            )
