r"""What an estimate needs of labelled features: the singular values of their residuals.

With R the features after each class's mean is taken off, N = n - K and S = RᵀR/N the pooled
covariance, the sample is known by the eigenvalues s_i > 0 of S, the inner products of its
eigenvectors with Δ, half the difference of two class means, and what of Δ lies outside their span.
Of K > 2 classes Δ has K - 1 columns, orthonormal contrasts of the class means. All three come from
the smaller of the Gram matrices RᵀR and RRᵀ or, where squares have lost what is small, from the
triangle of a QR decomposition. Either is summed over slabs of rows or columns: features on the disk
are never held as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from ..checks import ANY, Array
from ..intake import label_array, real_array, shown
from ..integrals.softmax import contrasts

__all__ = [
    "LabelledSample",
    "check_classes",
    "check_features",
    "check_two_classes",
    "labelled_sample",
]

_EPSILON = float(np.finfo(float).eps)
# Numbers of a slab: 32 MB of float64.
_SLAB = 2**22
# Of |Δ|²: less outside the span is rounding.
_OUTSIDE = 1e-10
# A Gram matrix whose eigenvalues spread wider than this has lost digits of the smaller ones.
_SPREAD = 1e-6
# Entries beyond this size, or all below its inverse, have squares of squares out of range.
_LARGEST = 1e70
# Of each class, so that both have a share in the covariance.
_FEWEST = 2


@dataclass(frozen=True, eq=False)
class LabelledSample:
    """The pooled covariance of a sample, and the differences of its class means in it.

    Attributes
    ----------
    eigenvalues : array, shape (r,)
        s_i > 0, descending.
    projections : array, shape (r,), or (r, K - 1) of K > 2 classes
        ⟨v_i, Δ⟩.
    outside : float, or array of shape (K - 1, K - 1)
        |Δ|² less Σ ⟨v_i, Δ⟩², or the Gram matrix of what is outside.
    counts : tuple of int
        Of the classes in sorted order.
    dimension : int
        p.
    active : int
        How many of the p features are not constant over the sample.
    left : array, shape (n, r), or None
        The left singular vectors of R, one row for each sample.
    """

    eigenvalues: Array
    projections: Array
    outside: Any
    counts: tuple[int, ...]
    dimension: int
    active: int
    left: Array | None = None

    @property
    def freedom(self) -> int:
        """N = n - K."""
        return sum(self.counts) - len(self.counts)

    @property
    def rank(self) -> int:
        return self.eigenvalues.size

    @property
    def is_degenerate(self) -> bool:
        """Whether the rank shows a covariance that is singular, and not only few samples."""
        return self.rank < min(self.freedom, self.active)

    @property
    def covers(self) -> bool:
        """Whether there are more degrees of freedom than directions: every κ > 0 is in the data."""
        return self.rank < self.freedom

    @property
    def mean_noise(self) -> float:
        """c, the variance of Δ in units of the covariance: (1/n₊ + 1/n₋)/4."""
        lower, upper = self.counts
        return 0.25 * (1.0 / lower + 1.0 / upper)

    @property
    def contrast_noise(self) -> Array:
        """The covariance of the K - 1 contrasts, shape (K - 1, K - 1), in the same units."""
        basis = contrasts(len(self.counts))
        return np.asarray(basis.T @ (basis / np.array(self.counts)[:, None]))

    @property
    def balance(self) -> float:
        return self.counts[1] / sum(self.counts)

    @property
    def priors(self) -> Array:
        """Share of each class."""
        return np.array(self.counts) / sum(self.counts)


def check_features(features: Any) -> Array:
    """A matrix of real numbers as it is, without a copy; whether it is finite is seen later."""
    if type(features) in (np.ndarray, np.memmap) and features.dtype.kind in "iuf":
        table: Array = features
    else:
        table = real_array("features", features, str(ANY))
    if table.ndim != 2 or table.size == 0:
        raise ValueError(f"features must be a non-empty matrix, got shape {table.shape}")
    return table


def check_two_classes(labels: Any, rows: int) -> Array:
    """Whether each sample is of the upper class, for labels of two kinds, some of each."""
    return np.asarray(check_classes(labels, rows, most=2) == 1)


def check_classes(labels: Any, rows: int, most: int | None = None) -> Array:
    """The class 0 … K - 1 of each sample in sorted order, some of each of two or more."""
    y = label_array("labels", labels, rows)
    try:
        classes, index, counts = np.unique(y, return_inverse=True, return_counts=True)
    except TypeError:
        raise TypeError(
            f"labels must be of one kind that can be sorted, got {shown(labels)}"
        ) from None
    if classes.size < 2 or (most is not None and classes.size > most):
        wanted = "exactly two" if most == 2 else "at least two"
        raise ValueError(
            f"labels must hold {wanted} classes, got {classes.size}: {shown(classes.tolist())}"
        )
    if counts.min() < _FEWEST:
        few = int(np.argmin(counts))
        raise ValueError(
            f"labels must hold at least {_FEWEST} samples of each class, got {counts[few]} of "
            f"{shown(classes.tolist()[few])}"
        )
    return np.asarray(index)


def _slabs(table: Array, axis: int) -> Iterator[slice]:
    step = max(1, _SLAB // table.shape[1 - axis])
    for start in range(0, table.shape[axis], step):
        yield slice(start, min(start + step, table.shape[axis]))


def _scale(table: Array) -> float:
    """The largest absolute entry, of features that are finite."""
    largest = 0.0
    for rows in _slabs(table, 0):
        part = table[rows].astype(float)
        if not np.isfinite(part).all():
            row, column = np.argwhere(~np.isfinite(part))[0]
            raise ValueError(
                f"features must be finite, got {part[row, column]} in row {rows.start + row}, "
                f"column {column}"
            )
        largest = max(largest, float(np.abs(part).max()))
    if largest > _LARGEST or 0 < largest < 1.0 / _LARGEST:
        raise ValueError(
            f"features must have a largest entry in [{1 / _LARGEST:g}, {_LARGEST:g}], "
            f"got {largest:g}"
        )
    return largest or 1.0


@dataclass(frozen=True, eq=False)
class _Residuals:
    """Features less the means of their classes, in slabs, in units of the largest entry."""

    table: Array
    scale: float
    indicator: Array  # (K, n)
    means: Array  # (K, p)

    @classmethod
    def of(cls, table: Array, index: Array) -> _Residuals:
        scale = _scale(table)
        count = int(index.max()) + 1
        indicator = np.equal.outer(np.arange(count), index).astype(float)
        means = np.zeros((count, table.shape[1]))
        for rows in _slabs(table, 0):
            means += indicator[:, rows] @ (table[rows].astype(float) / scale)
        return cls(table, scale, indicator, means / indicator.sum(1, keepdims=True))

    @property
    def difference(self) -> Array:
        """Δ, shape (p, 1), or the contrasts of K > 2 classes, (p, K - 1)."""
        if len(self.means) == 2:
            return np.asarray(0.5 * (self.means[1] - self.means[0]))[:, None]
        return np.asarray(self.means.T @ contrasts(len(self.means)))

    def by_rows(self) -> Iterator[Array]:
        for rows in _slabs(self.table, 0):
            part = self.table[rows].astype(float) / self.scale
            yield part - self.indicator[:, rows].T @ self.means

    def by_columns(self) -> Iterator[Array]:
        for columns in _slabs(self.table, 1):
            part = self.table[:, columns].astype(float) / self.scale
            yield part - self.indicator.T @ self.means[:, columns]

    def active(self) -> int:
        """How many columns are not constant."""
        low = high = self.table[0]
        for rows in _slabs(self.table, 0):
            low = np.minimum(low, self.table[rows].min(0))
            high = np.maximum(high, self.table[rows].max(0))
        return int((low < high).sum())


def _by_gram(residuals: _Residuals, wide: bool) -> tuple[Array, Array, Array | None, Array]:
    """Singular values, descending, ⟨v_i, Δ⟩, what of ΔᵀΔ is outside, vectors of the smaller side.

    None where the latter follows from the others.
    """
    n, p = residuals.table.shape
    difference = residuals.difference
    size = n if wide else p
    gram, across = np.zeros((size, size)), np.zeros((size, difference.shape[1]))
    if wide:
        for columns, part in zip(_slabs(residuals.table, 1), residuals.by_columns(), strict=True):
            gram += part @ part.T
            across += part @ difference[columns]
    else:
        for part in residuals.by_rows():
            gram += part.T @ part
    values, vectors = scipy.linalg.eigh(gram, overwrite_a=True, driver="evd")
    deviations, vectors = np.sqrt(np.maximum(values[::-1], 0.0)), vectors[:, ::-1]
    count = difference.shape[1]
    if not wide:
        return deviations, vectors.T @ difference, np.zeros((count, count)), vectors
    found = np.broadcast_to((deviations > 0)[:, None], across.shape)
    projections = np.divide(
        vectors.T @ across, deviations[:, None], out=np.zeros_like(across), where=found
    )
    return deviations, projections, None, vectors


def _by_triangle(residuals: _Residuals, wide: bool) -> tuple[Array, Array, Array | None, Array]:
    """The same by QR, to full precision. Wide, Δ is further rows, so that nothing cancels."""
    difference = residuals.difference
    p, count = difference.shape
    triangle = np.zeros((0, residuals.table.shape[0] + count if wide else p))
    if wide:
        for columns, part in zip(_slabs(residuals.table, 1), residuals.by_columns(), strict=True):
            block = np.column_stack([part.T, difference[columns]])
            triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, block]), mode="r"))
        rotated = triangle[:, -count:]
        basis, deviations, right = np.linalg.svd(triangle[:, :-count], full_matrices=False)
        projections = basis.T @ rotated
        rest = rotated - basis @ projections
        return deviations, projections, rest.T @ rest, right.T
    for part in residuals.by_rows():
        triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, part]), mode="r"))
    _, deviations, right = np.linalg.svd(triangle, full_matrices=False)
    return deviations, right @ difference, np.zeros((count, count)), right.T


def labelled_sample(table: Array, index: Array, *, keep_left: bool = False) -> LabelledSample:
    """Decompose checked features, in slabs.

    Parameters
    ----------
    table : array, shape (n, p)
        Of any real type, a memory map included.
    index : array of int or bool, shape (n,)
        The class 0 … K - 1 of each row.
    keep_left : bool
        Whether the left singular vectors are wanted.

    Raises
    ------
    ValueError
        For features that are not finite, or that do not vary within the classes.
    """
    n, p = table.shape
    residuals = _Residuals.of(table, index.astype(np.intp))
    counts = residuals.indicator.sum(1)
    wide, freedom = n <= p, n - counts.size
    active = residuals.active()
    deviations, projections, outside, vectors = _by_gram(residuals, wide)
    most = min(freedom, active)
    # entries carry the rounding of what was subtracted, 8 of its units at most
    noise = (np.sqrt(n) + np.sqrt(p)) * 8 * _EPSILON
    if most == 0 or deviations[0] <= noise:
        raise ValueError(
            "features must vary within the classes, got rows that equal the mean of their class"
        )
    if np.square(deviations[most - 1]) <= _SPREAD * np.square(deviations[0]):
        deviations, projections, outside, vectors = _by_triangle(residuals, wide)
    kept = np.flatnonzero(deviations[:most] > max(n, p) * _EPSILON * deviations[0])
    deviations, vectors = deviations[kept], vectors[:, kept]
    gram = residuals.difference.T @ residuals.difference
    beyond = np.delete(projections, kept, axis=0)
    projections = projections[kept]
    if outside is None:
        outside = gram - projections.T @ projections
    else:
        outside = outside + beyond.T @ beyond
    if np.trace(outside) <= _OUTSIDE * np.trace(gram):
        outside = np.zeros_like(gram)
    left = None
    if keep_left:
        left = vectors
        if not wide:
            left = np.concatenate([part @ vectors for part in residuals.by_rows()]) / deviations
    scale = residuals.scale
    two = counts.size == 2
    return LabelledSample(
        np.square(deviations) * (scale**2 / freedom),
        (projections[:, 0] if two else projections) * scale,
        (float(outside[0, 0]) if two else outside) * scale**2,
        tuple(int(size) for size in counts),
        p,
        active,
        left,
    )
