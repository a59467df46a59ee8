r"""How a covariance is taken apart: its root, its principal axes and the mean in them.

A covariance is known entry by entry: with D the deviations of the coordinates, what rounding hides
is a share of the correlations :math:`D^{-1} \Sigma D^{-1}`, not of the largest variance. They are
what is diagonalised, :math:`\Sigma = D U \Lambda U^\top D = R R^\top`, and the principal axes of Σ
are those of the graded matrix :math:`R = D U \Lambda^{1/2}`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..checks import Array
from .frame_map import graded_svd

__all__ = ["Parts", "Root", "covariance_root", "diagonal_root", "factor_root", "rounding"]

_EPSILON = float(np.finfo(float).eps)
# Relative rounding allowed in the symmetry and the definiteness of a covariance.
_SLACK = 1e-10
# Deviations of the coordinates within this ratio of each other need no scaling.
_EVEN = 16.0
# A correlation this many times its uncertainty is certain for every purpose.
_CERTAIN = 1e6
# A change of the separation by a smaller share than this is not worth two more solutions.
_SHARE = 1e-7


class Parts(NamedTuple):
    """Principal axes of a covariance, and K means in them: μ = X diag(σ) ν + μ₀ for each.

    Attributes
    ----------
    axes : array, shape (p, r)
        X: the directions in which there is noise.
    deviations : array, shape (r,)
        σ > 0.
    whitened : array, shape (r, K)
        ν: |ν|² is the separation of classes of means ±μ.
    rest : array, shape (p, K)
        μ₀: the part of the means that is free of noise; not in general orthogonal to X.
    """

    axes: Array
    deviations: Array
    whitened: Array
    rest: Array


class Root(NamedTuple):
    """A covariance as D U diag(s)² Uᵀ D.

    Attributes
    ----------
    scale : array, shape (p,)
        D; 0 for a coordinate without noise.
    basis : array, shape (p, r)
        U, of orthonormal columns.
    sizes : array, shape (r,)
        s > 0, or 0 where `basis` is complete.
    uncertainty : float
        What s² may be off by; 0 where it is exact but for the last digits.
    epsilon : float
        Relative rounding of the numbers that it was made of.
    """

    scale: Array
    basis: Array
    sizes: Array
    uncertainty: float
    epsilon: float

    @property
    def matrix(self) -> Array:
        """R with RRᵀ = Σ, shape (p, r)."""
        return np.asarray(self.scale[:, None] * self.basis * self.sizes)

    def with_axes(self, deviations: Array) -> Root:
        """With more coordinates, independent of all others."""
        kept = self._on_noise()
        more = _scale(deviations)
        basis = np.zeros((self.scale.size + deviations.size, kept.sizes.size + deviations.size))
        basis[: self.scale.size, : kept.sizes.size] = kept.basis
        basis[self.scale.size :, kept.sizes.size :] = np.eye(deviations.size)
        return kept._replace(
            scale=np.concatenate([kept.scale, more]),
            basis=basis,
            sizes=np.concatenate([kept.sizes, _over(deviations, more)]),
        )

    def _on_noise(self) -> Root:
        """Without the columns of U that are there to make it complete, the largest s first."""
        kept = np.flatnonzero(self.sizes > 0)
        kept = kept[np.argsort(-self.sizes[kept], kind="stable")]
        return self._replace(basis=self.basis[:, kept], sizes=self.sizes[kept])

    def _split(self, means: Array) -> tuple[Array, Array, Array]:
        """Of D⁻¹μ, for columns μ: its components along U, what is left, and where that is sure."""
        equal = _over(means, self.scale[:, None])
        along = self.basis.T @ equal
        rest = equal - self.basis @ along
        rest -= self.basis @ (self.basis.T @ rest)
        # Of a mean within the span of the noise, rounding leaves a little outside of it.
        least = len(means) * self.epsilon * np.linalg.norm(equal, axis=0)
        complete = self.basis.shape[1] == np.count_nonzero(self.scale)
        return along, rest, (np.linalg.norm(rest, axis=0) > least) & (not complete)

    def parts(self, means: Array) -> Parts:
        """The principal axes, and means of shape (p, K) in them."""
        own = self._on_noise()
        along, rest, hidden = own._split(means)
        rest[:, ~hidden] = 0.0
        whitened = along / own.sizes[:, None]
        rest = np.where(self.scale[:, None] > 0, self.scale[:, None] * rest, means)
        if np.all(self.scale == 1.0):
            return Parts(own.basis, own.sizes, whitened, rest)
        axes, deviations, turn = graded_svd(own.matrix)
        return Parts(axes, deviations, turn.T @ whitened, rest)

    def ends(self, means: Array) -> tuple[Root, Root] | None:
        """The least and the largest covariance that rounding leaves open, if a mean may feel it.

        The largest has in place of each correlation that is 0 to rounding the uncertainty of it,
        but in the directions of the means alone: the others have no signal to lose.
        """
        if self.uncertainty == 0:
            return None
        own = self._on_noise()
        along, rest, hidden = own._split(means)
        squares = own.sizes**2
        change = np.where(squares < _CERTAIN * self.uncertainty, self.uncertainty, 0.0)
        separation = along**2 / squares[:, None]
        moved = (change / squares) @ separation
        if not (np.any(moved > _SHARE * separation.sum(0)) or np.any(hidden)):
            return None
        low = own._replace(sizes=np.sqrt(np.maximum(squares - change, 0.0)))
        basis, sizes = own.basis, np.sqrt(squares + change)
        if np.any(hidden):
            more, lengths, _ = np.linalg.svd(
                rest[:, hidden] / np.linalg.norm(rest[:, hidden], axis=0), full_matrices=False
            )
            more = more[:, lengths > len(means) * self.epsilon * lengths[0]]
            basis = np.column_stack([basis, more])
            sizes = np.append(sizes, np.full(more.shape[1], np.sqrt(self.uncertainty)))
        return low, own._replace(basis=basis, sizes=sizes)


def covariance_root(covariance: Array, epsilon: float = _EPSILON) -> Root:
    """The root of a symmetric matrix whose entries have a relative rounding of `epsilon`.

    The root of a diagonal matrix is the diagonal one of its deviations.

    Raises
    ------
    ValueError
        If it is not symmetric, or has a negative eigenvalue, beyond rounding.
    """
    slack = max(_SLACK, len(covariance) * epsilon)
    size = np.abs(covariance).max()
    skew = np.abs(covariance - covariance.T).max()
    if skew > slack * size:
        raise ValueError(
            "covariance must be symmetric, got entries that differ from their mirror image by "
            f"{skew:.3g}"
        )
    even = 0.5 * covariance + 0.5 * covariance.T
    deviations = np.sqrt(np.maximum(np.diag(even), 0.0))
    scale = _scale(deviations)
    if np.array_equal(np.diag(np.diag(even)), even) and np.all(np.diag(even) >= 0):
        return Root(scale, np.eye(len(even)), _over(deviations, scale), 0.0, epsilon)
    # Entries that no covariance with this diagonal has: what rounding of the largest has left.
    bound = np.outer(scale, scale)
    coarse = bool(np.any(np.abs(covariance - covariance.T) > 16.0 * slack * bound))
    if not coarse:
        inverse = _over(np.ones(scale.shape), scale)
        coarse = bool(np.any((bound == 0) & (even != 0)))
        if not coarse:
            eigenvalues, basis = np.linalg.eigh(inverse[:, None] * even * inverse)
            coarse = bool(eigenvalues[0] < -slack * eigenvalues[-1])
    error = 0.0
    if coarse:
        scale = np.ones(len(even))
        eigenvalues, basis = np.linalg.eigh(even)
        error = skew
    if eigenvalues[0] < -slack * eigenvalues[-1]:
        raise ValueError(
            f"covariance must be positive semi-definite, got an eigenvalue of {eigenvalues[0]:.6g}"
        )
    # Of entries that are off by a share ε the eigenvalues are off by ε|C|, those of eigh by pε max;
    # a negative eigenvalue shows how far off they really are.
    uncertainty = max(
        len(even) * _EPSILON * eigenvalues[-1],
        epsilon * eigenvalues[-1] * np.linalg.norm(eigenvalues / eigenvalues[-1]),
        -2.0 * eigenvalues[0],
        error,
    )
    kept = eigenvalues > uncertainty
    sizes = np.sqrt(np.where(kept, eigenvalues, 0.0))
    return Root(scale, basis, sizes, float(uncertainty), epsilon)


def factor_root(factor: Array) -> Root:
    """The root of FFᵀ, F of shape (p, r), in r dimensions if they are fewer than p.

    Singular values are not squared: those that rounding makes of zeros stand far below the others.
    """
    deviations = np.linalg.norm(factor, axis=1)
    scale = _scale(deviations)
    basis, sizes, _ = np.linalg.svd(_over(factor, scale[:, None]), full_matrices=False)
    kept = sizes > max(factor.shape) * _EPSILON * sizes[0]
    return Root(scale, basis[:, kept], sizes[kept], 0.0, _EPSILON)


def diagonal_root(deviations: Array) -> Root:
    """The root of independent coordinates."""
    empty = Root(np.zeros(0), np.zeros((0, 0)), np.zeros(0), 0.0, _EPSILON)
    return empty.with_axes(deviations)


def rounding(value: Any) -> float:
    """The relative rounding of what an array holds: float32 knows seven digits."""
    dtype = getattr(value, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind == "f":
        return max(float(np.finfo(dtype).eps), _EPSILON)
    return _EPSILON


def _scale(deviations: Array) -> Array:
    """Powers of two near the deviations, so that scaling rounds nothing; 1 where all are alike."""
    if deviations.min() * _EVEN >= deviations.max():
        return np.ones(deviations.shape)
    exponents = np.frexp(deviations)[1]
    return np.where(deviations > 0, np.ldexp(1.0, exponents), 0.0)


def _over(values: Array, scale: Array) -> Array:
    """Values over a scale; 0 where it is 0."""
    return np.divide(values, scale, out=np.zeros(values.shape), where=scale > 0)
