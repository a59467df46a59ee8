"""A map written in a frame, and the image of a population under it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ..checks import Array
from .frame import Frame

__all__ = ["INSENSIBLE", "FrameMap", "Stretch", "frame_margins", "graded_svd"]

# A component below this share of a vector is the rounding error of an exact zero.
_ROUNDING = 1e-14
# A direction has no more than the square of this share in the separation where it is below it.
INSENSIBLE = 0.3
# The smallest variance that keeps all its digits.
_SMALLEST = float(np.finfo(float).tiny)


# A linear map L diag(s) Rᵀ, as (L, s, R): L and R orthogonal, s ≥ 0.
Stretch: TypeAlias = tuple[Array, Array, Array]


def graded_svd(image: Array) -> Stretch:
    """The singular value decomposition, accurate in every singular value on its own.

    For a matrix diag(s) B or diag(s) B diag(t), B well-conditioned, whatever the scales s and t: a
    QR decomposition of the transpose, largest columns first, leaves a triangle on which the
    ordinary algorithm keeps small singular values apart from the rounding of large ones. A row or
    column of zeros leaves a singular value that is exactly 0. (Demmel et al., Linear Algebra Appl.
    299, 1999, theorem 3.1.) Of a matrix of shape (k, r) there are min(k, r) of each.
    """
    if image.shape[-2:] == (1, 1):
        return np.ones_like(image), np.abs(image[..., 0]), np.where(image < 0, -1.0, 1.0)
    order = np.argsort(-np.square(image).sum(-1), axis=-1, kind="stable")[..., None]
    columns, triangle = np.linalg.qr(np.swapaxes(np.take_along_axis(image, order, -2), -1, -2))
    left, deviations, right = np.linalg.svd(np.swapaxes(triangle, -1, -2), full_matrices=False)
    rank = np.minimum(*(image.any(axis).sum(-1) for axis in (-1, -2)))
    count = deviations.shape[-1]
    deviations = np.where(np.arange(count) < rank[..., None], deviations, 0.0)
    left = np.take_along_axis(left, np.argsort(order, -2), -2)
    right = columns @ np.swapaxes(right, -1, -2)
    # One step of Newton's method towards the nearest orthogonal matrix: a few roundings less.
    right = right @ (1.5 * np.eye(count) - 0.5 * np.swapaxes(right, -1, -2) @ right)
    return left, deviations, right


@dataclass(frozen=True)
class FrameMap:
    """A projector written in a frame: a block on the K axes, a multiple on each part of the bulk.

    Attributes
    ----------
    block : array, shape (..., K, K)
    bulk : array, shape (..., J)
    stretches : tuple of (L, s, R), optional
        The block as a product of maps L diag(s) Rᵀ, the first to be applied first. A sum like
        1 + (g - 1) cannot hold a g that is far from 1; the factors can.
    """

    block: Array
    bulk: Array
    stretches: tuple[Stretch, ...] | None = None

    @classmethod
    def identity(cls, frame: Frame) -> FrameMap:
        """The map that changes nothing."""
        return cls(np.eye(frame.axes), np.ones(1), ())

    @classmethod
    def of(cls, basis: Array, scales: Array, bulk: Array) -> FrameMap:
        """The symmetric block U diag(s) Uᵀ."""
        block = (basis * scales[..., None, :]) @ np.swapaxes(basis, -1, -2)
        return cls(block, bulk, ((basis, scales, basis),))

    def __matmul__(self, first: FrameMap) -> FrameMap:
        return FrameMap(
            self.block @ first.block, self.bulk * first.bulk, first._factors + self._factors
        )

    @property
    def _factors(self) -> tuple[Stretch, ...]:
        return (graded_svd(self.block),) if self.stretches is None else self.stretches

    def spectrum(self, frame: Frame) -> tuple[Array, Array, Array]:
        """Eigenvalues, weights and energies of the image of the population.

        Raises
        ------
        ValueError
            If an eigenvalue of the image that is not 0 is too small to be a float.
        """
        with np.errstate(over="ignore", under="ignore"):  # infinite ones are refused by Spectrum
            return self._image(frame)

    def _image(self, frame: Frame) -> tuple[Array, Array, Array]:
        deviations, components, _ = self.axes(frame)
        bulk = (self.bulk * frame.bulk) ** 2
        eigenvalues = deviations**2
        for roots, squares in ((deviations, eigenvalues), (self.bulk * frame.bulk, bulk)):
            lost = (squares < _SMALLEST) & (roots != 0)
            if np.any(lost):
                raise ValueError(
                    "the standard deviations that projector leaves of mix must be 0 or above "
                    f"{np.sqrt(_SMALLEST):.3g}, got {np.abs(roots[lost]).max():.3g}"
                )
        energies = components**2
        zero = np.zeros(1)
        shape = np.broadcast_shapes(eigenvalues.shape[:-1], bulk.shape[:-1], energies.shape[:-1])
        if not shape:
            atoms = np.concatenate([eigenvalues, bulk])
            weights = np.concatenate([np.zeros(eigenvalues.size), frame.weights])
            return atoms, weights, np.concatenate([energies, np.zeros(bulk.size)])
        special = (*shape, eigenvalues.shape[-1])
        spread = (*shape, bulk.shape[-1])

        def join(left: Array, right: Array) -> Array:
            return np.concatenate(
                [np.broadcast_to(left, special), np.broadcast_to(right, spread)], axis=-1
            )

        return join(eigenvalues, bulk), join(zero, frame.weights), join(energies, zero)

    def axes(self, frame: Frame) -> tuple[Array, Array, Array]:
        """Standard deviation and component of the mean along each principal axis of the image.

        The last of the three is the matrix W of the axes before the map, shape (..., K, K): with
        standard normal g the image of R g has the coordinates D Wᵀ g, each to its own precision.

        With T R = X D Wᵀ and μ = R ν + μ₀, μ₀ free of noise, the components are D Wᵀν + XᵀTμ₀: in
        this form no error in T or D changes the separation |Wᵀν| = |ν| of an image that loses
        nothing. Its rounding error is one of D|ν|. Where D is so large that the separation does not
        feel it, they are taken as XᵀTμ, with a rounding error of |Tμ|.
        """
        if not frame.axes:
            empty = np.zeros(np.broadcast_shapes(self.block.shape[:-1], frame.mean.shape))
            return empty, empty, empty[..., None]
        if frame.axes == 1:  # products of numbers, in which nothing cancels
            scale = self.block[..., 0]
            image = scale * frame.root[..., 0]
            with np.errstate(over="ignore"):  # infinite, as whoever asks will see
                means = scale * frame.mean
            return np.abs(image), means, np.where(image < 0, -1.0, 1.0)[..., None]
        root, mean, noiseless = frame.root, frame.mean, ~np.any(frame.root, axis=-1)
        means = mean[..., None]
        some_noiseless = bool(noiseless.any())
        if some_noiseless:
            means = np.stack([mean, np.where(noiseless, mean, 0.0)], axis=-1)
            root = root + noiseless[..., None] * np.eye(frame.axes)
            mean = np.where(noiseless, 0.0, mean)
        whitened = np.linalg.solve(root, mean[..., None])
        image, left, before = frame.root, None, np.eye(frame.axes)
        for after, scales, right in self._factors:
            turn = np.swapaxes(right, -1, -2)
            if left is None:
                image = scales[..., None] * turn @ image
            else:
                axes, deviations, sources = graded_svd(image)
                turn = turn @ left
                image = scales[..., None] * (turn @ axes) * deviations[..., None, :]
                whitened = np.swapaxes(sources, -1, -2) @ whitened
                before = before @ sources
            means = scales[..., None] * (turn @ means)
            left = after
        axes, deviations, sources = graded_svd(image)
        direct = np.swapaxes(axes, -1, -2) @ means
        found = deviations * (np.swapaxes(sources, -1, -2) @ whitened)[..., 0]
        if some_noiseless:
            length = np.linalg.norm(means[..., 1], axis=-1, keepdims=True)
            found += np.where(np.abs(direct[..., 1]) > _ROUNDING * length, direct[..., 1], 0.0)
        errors = [np.linalg.norm(v[..., 0], axis=-1, keepdims=True) for v in (means, whitened)]
        insensible = errors[0] < INSENSIBLE * deviations * errors[1]
        return deviations, np.where(insensible, direct[..., 0], found), before @ sources


def frame_margins(frame: Frame, image: FrameMap, weights: Array) -> tuple[Array, Array]:
    """⟨w, Tμ⟩ and wᵀTΣTᵀw for weights of shape (..., dimension)."""
    k = frame.axes
    atoms = frame.bulk_atoms(weights.shape[-1])
    pulled = weights[..., :k] @ image.block
    spread = weights[..., k:] * (image.bulk * frame.bulk)[atoms]
    mean = pulled @ frame.mean
    variance = np.square(pulled @ frame.root).sum(-1) + np.square(spread).sum(-1)
    return np.asarray(mean), np.asarray(variance)
