"""The image of a population in coordinates: its spectrum, from factors that are not multiplied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..checks import Array
from .covariance import Parts
from .frame_map import INSENSIBLE, FrameMap, graded_svd

__all__ = [
    "Factor",
    "Reflection",
    "check_image",
    "components_of_image",
    "factors_of",
    "image_svd",
    "spectrum_of_image",
]

_EPSILON = float(np.finfo(float).eps)
# The rounding of an entry of a reflected vector, as a share of its length.
_REFLECTED = 16.0 * _EPSILON
# Sweeps that bring the rows and columns of a matrix to a common length, nearly.
_SWEEPS = 3


@dataclass(frozen=True)
class Reflection:
    """1 - 2nnᵀ/|n|², symmetric and orthogonal, applied without its matrix.

    Attributes
    ----------
    normal : array, shape (p,)
        n.
    """

    normal: Array

    @classmethod
    def onto_first(cls, u: Array) -> Reflection:
        """That which takes a unit vector u to the first axis, up to sign."""
        normal = u.copy()
        normal[0] += np.copysign(1.0, u[0])
        return cls(normal)

    def __matmul__(self, columns: Array) -> Array:
        share = np.tensordot(self.normal, columns, (0, -2)) * (
            2.0 / np.dot(self.normal, self.normal)
        )
        return np.asarray(columns - self.normal[:, None] * share[..., None, :])


class Factor(NamedTuple):
    """A linear map A diag(s) B; a sum like 1 + (g - 1) cannot hold a g far from 1, s can.

    Attributes
    ----------
    before : array of shape (k, p), or Reflection
        B.
    scales : array, shape (..., k), optional
        s ≥ 0; 1 if left out.
    after : array of shape (..., k, k), or Reflection, optional
        A, orthogonal; 1 if left out.
    """

    before: Any
    scales: Array | None = None
    after: Any = None


def factors_of(image: FrameMap) -> tuple[Factor, ...]:
    """The block of a map on a frame."""
    if image.stretches is None:
        return (Factor(image.block),)
    return tuple(Factor(np.swapaxes(r, -1, -2), s, left) for left, s, r in image.stretches)


def spectrum_of_image(parts: Parts, factors: Sequence[Factor]) -> tuple[Array, Array]:
    """Eigenvalues of TΣTᵀ and energies of one Tμ, see :func:`components_of_image`.

    Returns
    -------
    eigenvalues, energies : array, shape (..., p)
        The energy of what lies outside of the image of the noise stands on an eigenvalue of 0.
    """
    deviations, components, outside = components_of_image(parts, factors)
    eigenvalues, energies = deviations**2, components[..., 0] ** 2
    check_image(eigenvalues, energies)
    lost = len(parts.axes) - deviations.shape[-1]
    if not lost:
        return eigenvalues, energies
    more = np.zeros((*energies.shape[:-1], lost))
    more[..., 0] = np.square(outside[..., 0]).sum(-1)
    return np.concatenate([eigenvalues, np.zeros(more.shape)], axis=-1), np.concatenate(
        [energies, more], axis=-1
    )


def components_of_image(parts: Parts, factors: Sequence[Factor]) -> tuple[Array, Array, Array]:
    """Deviations of TΣTᵀ and means Tμ along its axes, T a product of factors, the first one first.

    With T X σ = A d Wᵀ and μ = X σ ν + μ₀, the components of Tμ are d Wᵀν + AᵀTμ₀: in this form no
    error in T or σ changes the separation of an image that loses nothing. Its rounding error is one
    of d|ν|; where that is large, they are taken as AᵀTμ, with a rounding error of |Tμ|.

    Returns
    -------
    deviations : array, shape (..., r)
        d, at most p of them.
    components : array, shape (..., r, K)
    outside : array, shape (..., k, K)
        The parts of the means beyond the axes, where there is no noise.

    Raises
    ------
    ValueError
        If a variance cannot be told from 0, or is beyond the range of a float.
    """
    axes, deviations, whitened, rest = parts
    p, count = len(axes), whitened.shape[-1]
    means = np.concatenate([axes @ (deviations[:, None] * whitened) + rest, rest], axis=-1)
    reach, last = np.abs(rest), None  # what T μ₀ is summed from
    for before, scales, after in factors:
        if last is not None:
            axes, means, reach = last @ axes, last @ means, _reach(last, reach)
        axes, means, reach = before @ axes, before @ means, _reach(before, reach)
        if isinstance(before, Reflection):
            means = _without_rounding(means)
        if scales is not None:
            axes, means, reach = (scales[..., None] * values for values in (axes, means, reach))
        image = axes * deviations[..., None, :]
        check_image(image, means)
        axes, deviations, turn = image_svd(image)
        whitened = np.swapaxes(turn, -1, -2) @ whitened
        last = after
    direct = np.swapaxes(axes, -1, -2) @ means
    spread, size = deviations[..., None], np.abs(axes)
    summed = np.swapaxes(size, -1, -2) @ reach
    free = direct[..., count:]
    free = np.where((spread == 0) & (np.abs(free) <= p * _EPSILON * summed), 0.0, free)
    found = spread * whitened + free
    errors = [np.linalg.norm(v, axis=-2, keepdims=True) for v in (means[..., :count], whitened)]
    components = np.where(errors[0] < INSENSIBLE * spread * errors[1], direct[..., :count], found)
    outside = means[..., count:] - axes @ direct[..., count:]
    complete = axes.shape[-1] == axes.shape[-2]
    rounded = np.abs(outside) <= p * _EPSILON * (reach + size @ summed)
    return deviations, components, np.asarray(np.where(complete | rounded, 0.0, outside))


def _reach(matrix: Any, sizes: Array) -> Array:
    """What the sums of a product with vectors are made of, from the sizes of their terms."""
    if isinstance(matrix, Reflection):
        return np.asarray(sizes + np.linalg.norm(sizes, axis=-2, keepdims=True))
    return np.asarray(np.abs(matrix) @ sizes)


def _without_rounding(columns: Array) -> Array:
    """Columns without entries that a reflection leaves of a zero."""
    size = np.linalg.norm(columns, axis=-2, keepdims=True)
    return np.where(np.abs(columns) <= _REFLECTED * size, 0.0, columns)


def image_svd(image: Array) -> tuple[Array, Array, Array]:
    """The graded decomposition, in which what rounding has made of zeros is zero again.

    Raises
    ------
    ValueError
        If a singular value cannot be told from 0.
    """
    left, deviations, right = graded_svd(image)
    small = deviations <= max(image.shape[-2:]) * _EPSILON * deviations.max(-1, keepdims=True)
    doubtful = np.any(small & (deviations > 0), axis=-1)
    for index in np.argwhere(doubtful):
        i = tuple(index)
        rank = _rank(image[i])
        if np.any(small[i][:rank]):
            kept = deviations[i][:rank]
            if rank < np.count_nonzero(deviations[i]):
                raise ValueError(
                    "the deviations that projector leaves of mix must be told apart from 0, got "
                    f"one of {kept.min():.3g} beside {kept.max():.3g} and directions that are lost"
                )
        deviations[i][rank:] = 0.0
    return left, deviations, right


def _rank(image: Array) -> int:
    """The rank of a matrix, whatever the scales of its rows and columns."""
    for _ in range(_SWEEPS):
        for axis in (1, 0):
            length = np.linalg.norm(image, axis=axis, keepdims=True)
            image = np.divide(image, length, out=np.zeros(image.shape), where=length > 0)
    values = np.linalg.svd(image, compute_uv=False)
    return int(np.sum(values > max(image.shape) * _EPSILON * values[0]))


def check_image(variances: Array, energies: Array) -> None:
    """Refuse what a map makes of a population where it is beyond the range of a float."""
    for words, values in (("variances", variances), ("squared signals", energies)):
        if not np.isfinite(values).all():
            raise ValueError(
                f"the {words} of mix, and of what projector makes of it, must be below "
                f"{np.finfo(float).max:.2g}, got an infinite one"
            )
