r"""The minimiser of population InfoNCE by inner product on K classes of one covariance.

With C = Σ + σ_a², S = Σ ρ_k u_k u_kᵀ, u_k = C^{-1/2} μ_k, N = C^{-1/2} Σ C^{-1/2} and
W = C^{1/2} B C^{1/2}, the negatives of a view h are a mixture, whose log-mean has K terms:

    L = ½|W|² - ⟨W, N + S⟩ + ½ tr W S W + Σ_k ρ_k E log Σ_l ρ_l exp⟨u_l, W(u_k + g)⟩

It is convex. Its gradient differs from W - N by matrices uaᵀ + auᵀ with u one of the u_k and a in
the span of all u_k and N u_k: outside of it nothing of W differs from N, so that a few dimensions
are left, twice as many as classes at most. On equidistant classes of one variance W is a multiple
of the identity there, one number for any K.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy

from ..checks import Array
from ..integrals.gaussian import hermite_grid
from ..integrals.softmax import contrasts
from ..integrals.spherical import rotated_spheres
from ..metrics.orthant import alike, sobol_normal
from ..outcomes import ConvergenceError

__all__ = ["minimiser"]

# Directions below this share of the largest are the rounding of none.
_SPAN = 1e-10
# Nodes an axis in up to four dimensions; rotations and radii above.
_AXIS = {1: 120, 2: 48, 3: 24, 4: 14}
_SPHERES = (4, 4)
_MOST = 24
_STEPS, _SMALL = 60, 1e-11
# Points of the one number of equidistant classes.
_LOG_POINTS = 13
# Up to so many classes the spheres are used.
_FEW = 14


@lru_cache(maxsize=16)
def _nodes(dimension: int) -> tuple[Array, Array]:
    if dimension in _AXIS:
        return hermite_grid(dimension, _AXIS[dimension])
    return rotated_spheres(dimension, *_SPHERES)


def _span(vectors: Array) -> Array:
    """An orthonormal basis of the columns' span."""
    left, sizes, _ = np.linalg.svd(vectors, full_matrices=False)
    return np.asarray(left[:, sizes > _SPAN * sizes.max(initial=0.0)])


def minimiser(variances: Array, total: Array, means: Array, priors: Array) -> Array:
    """W at the minimum.

    Parameters
    ----------
    variances, total : array, shape (a,)
        Eigenvalues of Σ and of C, in axes on which both are diagonal.
    means : array, shape (K, a)
        In these axes.
    priors : array, shape (K,)

    Returns
    -------
    array, shape (a, a)

    Raises
    ------
    ValueError
        For classes that are not equidistant and span too many dimensions.
    ConvergenceError
        If it was not found.
    """
    n = variances / total
    u = (means / np.sqrt(total)).T
    basis = _span(np.concatenate([u, n[:, None] * u], axis=1))
    whitened = np.diag(n)
    if not basis.shape[1]:
        return whitened
    inner = basis.T @ (n[:, None] * basis)
    seen = basis.T @ u
    if _is_equidistant(inner, seen, priors):
        level = float(inner[0, 0])
        return whitened + (_one_number(level, seen) - level) * basis @ basis.T
    if len(seen) > _MOST:
        raise ValueError(
            f"means must span at most {_MOST} dimensions, with their images under the covariance, "
            f"for InfoNCE on classes that are not equidistant, got {len(seen)}"
        )
    return whitened + basis @ (_newton(inner, seen, priors) - inner) @ basis.T


def _is_equidistant(inner: Array, seen: Array, priors: Array) -> bool:
    size = len(inner)
    isotropic = np.allclose(inner, inner[0, 0] * np.eye(size), rtol=0, atol=_SPAN)
    gram = seen.T @ seen
    centred = np.abs(gram.sum(0)).max() <= _SPAN * np.trace(gram)
    equal = np.ptp(priors) <= _SPAN * priors[0]
    return bool(len(gram) > 2 and isotropic and centred and equal and alike(gram))


def _one_number(level: float, seen: Array) -> float:
    """ω with W = ω on the span, by Newton's method on a convex function."""
    count = seen.shape[1]
    energy = float(np.square(seen).sum(0).mean())  # S is energy/(K - 1) there
    scale = energy * count / (count - 1.0)  # of the Gram matrix, that times 1 - 11ᵀ/K
    if count <= _FEW:
        nodes, weights = _nodes(count - 1)
        z = (contrasts(count) @ nodes).T
    else:
        half = sobol_normal(count, _LOG_POINTS - 1, 0)
        z = np.concatenate([half, -half])
        weights = np.full(len(z), 1.0 / len(z))
    z = np.sqrt(scale) * z
    z[:, 0] += scale
    z -= z.mean(1, keepdims=True)
    omega = level
    for _ in range(_STEPS):
        p = scipy.special.softmax(omega * z, axis=1)
        mean = (p * z).sum(1)
        slope = (omega - level) * (count - 1) - energy + omega * energy + weights @ mean
        bend = count - 1 + energy + weights @ ((p * z**2).sum(1) - mean**2)
        omega -= slope / bend
        if abs(slope / bend) <= _SMALL * omega:
            return float(omega)
    raise ConvergenceError("the minimum of the contrastive loss was not found")


def _newton(inner: Array, seen: Array, priors: Array) -> Array:
    """W on the span, from W = N."""
    size, count = seen.shape
    rows, columns = np.tril_indices(size)
    basis = np.zeros((len(rows), size, size))
    at = np.arange(len(rows))
    basis[at, rows, columns] = basis[at, columns, rows] = 1.0
    moment = (seen * priors) @ seen.T
    nodes, weights = _nodes(size)
    plain = np.tensordot(basis, basis, ([1, 2], [1, 2]))
    plain = plain + np.einsum("aij,bjk,ki->ab", basis, basis, moment, optimize=True)
    w = inner.copy()

    def loss_parts(w: Array) -> tuple[float, Array, Array]:
        """The loss, its gradient and Hessian in the basis."""
        outward = w - inner - moment + 0.5 * (w @ moment + moment @ w)
        value = 0.5 * float(np.square(w).sum()) - float((w * (inner + moment)).sum())
        value += 0.5 * float(np.trace(w @ w @ moment))
        hessian = plain.copy()
        pulled = np.zeros((size, size))
        for k in range(count):
            h = seen[:, k, None] + nodes
            scores = (seen.T @ w) @ h + np.log(priors)[:, None]
            top = scores.max(0)
            p = np.exp(scores - top)
            sums = p.sum(0)
            p /= sums
            own = priors[k] * weights
            value += float(own @ (np.log(sums) + top))
            pulled += (seen @ p * own) @ h.T
            # u_lᵀ D h for every direction D of the basis
            moved = np.einsum("il,aij,jn->aln", seen, basis, h, optimize=True)
            mean = np.einsum("aln,ln->an", moved, p)
            flat = (moved * (p * own)).reshape(len(basis), -1)
            hessian += flat @ moved.reshape(len(basis), -1).T - (mean * own) @ mean.T
        gradient = np.tensordot(basis, outward + pulled, ([1, 2], [0, 1]))
        return value, gradient, hessian

    value, gradient, hessian = loss_parts(w)
    for _ in range(_STEPS):
        step = np.tensordot(np.linalg.solve(hessian, gradient), basis, 1)
        shrink = 1.0
        while True:
            trial = loss_parts(w - shrink * step)
            if trial[0] <= value + _SMALL * abs(value) or shrink < 1e-6:
                break
            shrink *= 0.5
        w = w - shrink * step
        value, gradient, hessian = trial
        if np.abs(step).max() <= _SMALL * np.abs(w).max():
            if np.linalg.eigvalsh(w)[0] <= 0:
                break
            return w
    raise ConvergenceError("the minimum of the contrastive loss was not found")
