"""The frame: the few directions in which a population or a projector differs from its bulk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .parameters import Array, check_integer

__all__ = ["Frame", "FrameMap", "frame_features", "frame_margins"]

# A singular value below this share of the largest is the rounding error of an exact zero.
_ROUNDING = 1e-14


@dataclass(frozen=True)
class Frame:
    """A population written in its K special directions and its bulk.

    Attributes
    ----------
    mean : array, shape (..., K)
        Class mean μ.
    root : array, shape (..., K, K)
        A factor R of the covariance block, RRᵀ.
    signal : array, shape (..., K)
        The direction μ/s, also where s = 0.
    spikes : tuple of arrays, each of shape (..., K)
        The unit directions of the spikes.
    bulk : array, shape (..., J)
        Standard deviations of the bulk.
    weights : array, shape (..., J)
        Share of the bulk that has each of them.
    noise : array, shape (...)
        The noise level σ, the unit of length.
    """

    mean: Array
    root: Array
    signal: Array
    spikes: tuple[Array, ...]
    bulk: Array
    weights: Array
    noise: Array

    @property
    def axes(self) -> int:
        return int(self.mean.shape[-1])

    def bulk_deviations(self, dimension: int) -> Array:
        """The deviation of each bulk coordinate in R^dimension."""
        return self.bulk[self.bulk_atoms(dimension)]

    def bulk_atoms(self, dimension: int) -> Array:
        """The atom of each of the dimension - K bulk coordinates, dealt by largest remainder."""
        dimension = check_integer("dimension", dimension, self.axes)
        count = dimension - self.axes
        ideal = self.weights / self.weights.sum() * count
        counts = np.floor(ideal).astype(np.intp)
        left = count - int(counts.sum())
        counts[np.argsort(counts - ideal, kind="stable")[:left]] += 1
        atoms: Array = np.repeat(np.arange(counts.size), counts)
        return atoms


@dataclass(frozen=True)
class FrameMap:
    """A projector written in a frame: a block on the K axes, a multiple on each part of the bulk.

    Attributes
    ----------
    block : array, shape (..., K, K)
    bulk : array, shape (..., J)
    """

    block: Array
    bulk: Array

    def __matmul__(self, first: FrameMap) -> FrameMap:
        return FrameMap(self.block @ first.block, self.bulk * first.bulk)

    def spectrum(self, frame: Frame) -> tuple[Array, Array, Array]:
        """Eigenvalues, weights and energies of the image of the population.

        Singular values of T R rather than eigenvalues of T RRᵀ Tᵀ: squaring first would lose the
        small ones when a gain is large.
        """
        with np.errstate(over="ignore"):  # infinite eigenvalues are refused by Spectrum
            return self._image(frame)

    def _image(self, frame: Frame) -> tuple[Array, Array, Array]:
        mean = (self.block @ frame.mean[..., None])[..., 0]
        image = self.block @ frame.root
        if frame.axes == 1:
            deviations, energies = np.abs(image[..., 0]), mean**2
        elif frame.axes:
            basis, deviations, _ = np.linalg.svd(image)
            energies = (np.swapaxes(basis, -1, -2) @ mean[..., None])[..., 0] ** 2
            # A direction that was projected out: its energy is at most a multiple of its variance.
            kept = deviations > _ROUNDING * deviations[..., :1]
            deviations, energies = np.where(kept, deviations, 0.0), np.where(kept, energies, 0.0)
        else:
            deviations = energies = np.zeros(image.shape[:-1])
        bulk = (self.bulk * frame.bulk) ** 2
        shape = np.broadcast_shapes(deviations.shape[:-1], bulk.shape[:-1], energies.shape[:-1])
        special = (*shape, deviations.shape[-1])
        spread = (*shape, bulk.shape[-1])

        def join(left: Array, right: Array) -> Array:
            return np.concatenate(
                [np.broadcast_to(left, special), np.broadcast_to(right, spread)], axis=-1
            )

        zero = np.zeros(1)
        return join(deviations**2, bulk), join(zero, frame.weights), join(energies, zero)


def frame_features(
    frame: Frame, n: int, dimension: int, balance: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Draw n labelled points: the first K coordinates are the frame, the rest the bulk."""
    if frame.mean.ndim != 1 or np.ndim(balance) != 0:
        raise ValueError("sample needs a single population, got one with array parameters")
    deviations = frame.bulk_deviations(dimension)
    labels = np.where(rng.random(n) < balance, 1.0, -1.0)
    features = rng.standard_normal((n, dimension))
    k = frame.axes
    features[:, :k] = features[:, :k] @ frame.root.T + labels[:, None] * frame.mean
    features[:, k:] *= deviations
    return features, labels


def frame_margins(frame: Frame, image: FrameMap, weights: Array) -> tuple[Array, Array]:
    """⟨w, Tμ⟩ and wᵀTΣTᵀw for weights of shape (..., dimension)."""
    k = frame.axes
    atoms = frame.bulk_atoms(weights.shape[-1])
    pulled = weights[..., :k] @ image.block
    spread = weights[..., k:] * (image.bulk * frame.bulk)[atoms]
    mean = pulled @ frame.mean
    variance = np.square(pulled @ frame.root).sum(-1) + np.square(spread).sum(-1)
    return np.asarray(mean), np.asarray(variance)
