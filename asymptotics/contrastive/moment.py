"""TᵀT of a trained projector on a population, and the symmetric T that it belongs to.

The loss sees T through TᵀT only, so that training leaves T free up to a rotation of the embedding;
no classifier of the package sees that rotation either. T is taken symmetric.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..checks import Array, ArrayLike
from ..outcomes import ConvergenceError
from ..populations.frame_map import graded_svd
from .flow import flow, flow_off_axes
from .optimum import Views

__all__ = ["Moment", "second_moment", "symmetric_root"]

# An eigenvalue of the correlations of T below this share of 1 has lost its digits.
_LOST = 1e-13


class Moment(NamedTuple):
    """TᵀT in axes of its own, those of Σ, for a flat batch of B populations with K axes.

    Attributes
    ----------
    axes : array, shape (B, K, K)
        The principal axes, as columns.
    views : Views
        The populations in them.
    temperature : array, shape (B,)
    matrix : array, shape (B, K, K)
    factor : array, shape (B, K, K), optional
        F with C = FFᵀ, where no axes make both Σ and C diagonal: `axes` are then those of T, and
        `views` are F⁻¹h.
    """

    axes: Array
    views: Views
    temperature: Array
    matrix: Array
    factor: Array | None = None

    @property
    def whitened(self) -> Array:
        """W = FᵀBF, in the coordinates of `views`."""
        scale = self.temperature[:, None, None]
        if self.factor is not None:
            turned: Array = np.swapaxes(self.factor, -1, -2) @ self.matrix @ self.factor / scale
            return turned
        root = np.sqrt(self.views.total)
        found: Array = self.matrix * root[:, :, None] * root[:, None, :] / scale
        return found

    def along(self, direction: Array) -> Array:
        """Squared length |T v|² for v of shape (B, K) in the original axes."""
        turned = np.einsum("bki,bk->bi", self.axes, direction)
        square: Array = np.einsum("bi,bij,bj->b", turned, self.matrix, turned)
        return square


def second_moment(
    root: Array,
    signal: Array,
    length: Array,
    balance: ArrayLike,
    parameters: tuple[ArrayLike, ArrayLike, ArrayLike],
    shape: tuple[int, ...],
    added: Array | None = None,
) -> Moment:
    """TᵀT after training with `parameters` = augmentation, temperature and time.

    Parameters
    ----------
    root : array, shape (..., K, K)
        R with RRᵀ = Σ.
    signal : array, shape (..., K)
        Unit vector.
    length : array, shape (...)
    balance : float or array
    parameters : tuple of float or array
    shape : tuple of int
        The broadcast shape of all.
    added : array, shape (..., K, K), optional
        Σ_a, where it is no multiple of the identity; `augmentation` is then left out.

    Raises
    ------
    ConvergenceError
        If it was not found.
    """
    k, count = signal.shape[-1], int(np.prod(shape))

    def flat(values: ArrayLike, *own: int) -> Array:
        return np.broadcast_to(values, (*shape, *own)).reshape(count, *own)

    if added is not None:
        return _off_axes(
            flat(root @ np.swapaxes(root, -1, -2), k, k),
            flat(added, k, k),
            flat(signal, k),
            (flat(length), flat(balance), flat(parameters[1]), flat(parameters[2])),
        )
    axes, deviations, _ = np.linalg.svd(root)
    turned = np.einsum("...ki,...k->...i", axes, signal)
    augmentation, temperature, time = (flat(values) for values in parameters)
    views = Views(
        flat(np.square(deviations), k), flat(turned, k), flat(length), flat(balance), augmentation
    )
    return Moment(flat(axes, k, k), views, temperature, flow(views, temperature, time))


def _off_axes(
    covariance: Array, added: Array, signal: Array, numbers: tuple[Array, Array, Array, Array]
) -> Moment:
    """With F of C = FFᵀ and Σ = F diag(ν) Fᵀ the views are F⁻¹h, and the rest is as before."""
    length, balance, temperature, time = numbers
    lower = np.linalg.cholesky(covariance + added)
    inverse = np.linalg.inv(lower)
    turned = np.swapaxes(inverse, -1, -2)
    shares, basis = np.linalg.eigh(inverse @ covariance @ turned)
    back = turned @ basis
    losses = np.maximum(np.einsum("bki,bkl,bli->bi", back, added, back), 0.0)
    direction = np.einsum("bki,bk->bi", back, signal)
    size = np.linalg.norm(direction, axis=-1)
    unit = direction / np.where(size > 0, size, 1.0)[:, None]
    views = Views(np.maximum(shares, 0.0), unit, length * size, balance, np.sqrt(losses))
    factor = lower @ basis
    matrix = flow_off_axes(views, factor, temperature, time)
    eye = np.broadcast_to(np.eye(signal.shape[-1]), covariance.shape)
    return Moment(eye, views, temperature, matrix, factor)


def symmetric_root(moment: Moment) -> tuple[Array, Array]:
    """The symmetric T as U diag(a) Uᵀ in the original axes: U of (B, K, K), a of (B, K).

    TᵀT is scaled to a matrix of correlations before it is taken apart, so that small gains keep
    their digits beside large ones.
    """
    size = np.sqrt(np.einsum("bii->bi", moment.matrix))
    scale = np.where(size > 0, size, 1.0)
    correlation = moment.matrix / (scale[:, :, None] * scale[:, None, :])
    gone = np.nonzero(size == 0)
    correlation[gone[0], gone[1], gone[1]] = 1.0
    eigenvalues, basis = np.linalg.eigh(correlation)
    if np.any(eigenvalues < _LOST):
        raise ConvergenceError(
            "the directions of the trained projector cannot be told apart: in its own units an "
            f"eigenvalue of TᵀT is {eigenvalues.min():.3g}, below the rounding of {_LOST:g}"
        )
    half = np.sqrt(eigenvalues)[:, :, None] * np.swapaxes(basis, -1, -2) * size[:, None, :]
    if not half.size:
        return moment.axes, size
    _, scales, right = graded_svd(half)
    return moment.axes @ right, scales
