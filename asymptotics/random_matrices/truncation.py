r"""What the leading principal components of unlabelled data keep of the population.

The covariance of h without its label is σ²(I + Σ_i ℓ_i v_i v_iᵀ). T is the projection onto the
leading sample eigenvectors. In the limit the T v_i are orthogonal, of squared length

.. math::
    \tau_i = \nu_i[x_c, \infty),

ν_i the spectrum seen from v_i (marchenko_pastur.py) and x_c the smallest eigenvalue kept. Of a
share κ of the components x_c is a quantile of the Marchenko-Pastur law; of finitely many there are
but outliers to keep, and τ_i is the mass of the outlier of v_i. With D = diag τ, V = (v_i) and
A = VᵀΣV of a class, the image has, on the axes T v_i/√τ_i, the means D^{1/2}Vᵀμ and the covariances
D^{1/2} A D^{1/2} + σ²(1 - D), in a bulk of which the share κ has the variance σ² and the rest none.
"""

from __future__ import annotations

import numpy as np

from ..checks import Array
from .marchenko_pastur import outlier_mass, upper_angle, upper_mass

__all__ = ["kept_share", "kept_squares", "truncated_root"]

# Variances nearer to each other than this, relative to the larger one, are equal but for rounding.
_TIE = 1e-12
# The share of all directions that one of finitely many components has. It is 0 in the limit; the
# accuracy is smooth in it, and at this value the same to 1e-10.
_ONE_OF_MANY = 2.0**-34


def kept_share(k: Array) -> Array:
    """The share of all directions that is kept: of a number, next to none."""
    return np.asarray(np.where(k < 1, k, k * _ONE_OF_MANY))


def kept_squares(variances: Array, k: Array, ratio: Array) -> Array:
    """|T v_i|² of each principal axis.

    Parameters
    ----------
    variances : array, shape (..., r)
        1 + ℓ_i, in descending order.
    k : array, shape (...)
        A share of all components below 1, a number of them from 1 on.
    ratio : array, shape (...)
        γ_u.

    Raises
    ------
    ValueError
        If one of several axes of equal variance is to be kept, but not all of them.
    """
    shape = np.broadcast_shapes(variances.shape[:-1], k.shape, ratio.shape)
    variances = np.broadcast_to(variances, (*shape, variances.shape[-1]))
    k, ratio = (np.broadcast_to(x, shape)[..., None] for x in (k, ratio))
    mass = np.where(variances > 1.0, outlier_mass(variances - 1.0, ratio), 0.0)
    rank = np.arange(variances.shape[-1])
    few = np.where(rank < k, mass, 0.0)
    # the last one kept and the first one left out
    equal = variances[..., :-1] - variances[..., 1:] <= _TIE * variances[..., :-1]
    cut = (k >= 1) & (rank[1:] == k) & equal & (mass[..., :-1] > 0)
    if np.any(cut):
        value = float(variances[..., :-1][np.broadcast_to(cut, variances[..., 1:].shape)][0])
        raise ValueError(
            "k must keep all or none of the directions that share a variance, got several of "
            f"variance {value:.6g} σ² with k between them: which of them a sample picks stays "
            "random at every size"
        )
    share = np.where(k < 1, k, 0.5 * np.minimum(1.0, 1.0 / ratio))
    if not np.any(k < 1):
        return few
    angle = upper_angle(share[..., 0], ratio[..., 0])[..., None]
    return np.asarray(np.where(k < 1, np.minimum(upper_mass(variances, ratio, angle), 1.0), few))


def truncated_root(root: Array, squares: Array, noise: Array) -> Array:
    """A factor of D^{1/2} RRᵀ D^{1/2} + σ²(1 - D), R a factor of VᵀΣV, both (..., r, r)."""
    length, lost = np.sqrt(squares), np.sqrt(np.maximum(1.0 - squares, 0.0))
    rest = (noise * lost)[..., None] * np.eye(squares.shape[-1])
    stacked = np.concatenate(np.broadcast_arrays(length[..., None] * root, rest), axis=-1)
    triangle = np.linalg.qr(np.swapaxes(stacked, -1, -2), mode="r")
    return np.asarray(np.swapaxes(triangle, -1, -2))
