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
from .flow import flow
from .optimum import Views

__all__ = ["Moment", "second_moment", "symmetric_root"]

# An eigenvalue of the correlations of T below this share of 1 has lost its digits.
_LOST = 1e-13


class Moment(NamedTuple):
    """TᵀT in the principal axes of Σ, for a flat batch of B populations with K axes.

    Attributes
    ----------
    axes : array, shape (B, K, K)
        The principal axes, as columns.
    views : Views
        The populations in them.
    temperature : array, shape (B,)
    matrix : array, shape (B, K, K)
    """

    axes: Array
    views: Views
    temperature: Array
    matrix: Array

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

    Raises
    ------
    ConvergenceError
        If it was not found.
    """
    axes, deviations, _ = np.linalg.svd(root)
    turned = np.einsum("...ki,...k->...i", axes, signal)
    k, count = signal.shape[-1], int(np.prod(shape))

    def flat(values: ArrayLike, *own: int) -> Array:
        return np.broadcast_to(values, (*shape, *own)).reshape(count, *own)

    augmentation, temperature, time = (flat(values) for values in parameters)
    views = Views(
        flat(np.square(deviations), k), flat(turned, k), flat(length), flat(balance), augmentation
    )
    return Moment(flat(axes, k, k), views, temperature, flow(views, temperature, time))


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
