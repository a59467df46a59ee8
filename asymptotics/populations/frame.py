"""The frame: the few directions in which a population or a projector differs from its bulk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..checks import Array, ArrayLike, check_integer
from .labels import draw_labels

__all__ = ["Frame", "frame_features"]

# Of a deviation, so that a Gaussian multiple of it is a float.
_LARGEST = 1e305


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
    balance : float or array
        Probability π of the label +1; need not have the shape of the rest.
    """

    mean: Array
    root: Array
    signal: Array
    spikes: tuple[Array, ...]
    bulk: Array
    weights: Array
    noise: Array
    balance: ArrayLike

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


def frame_features(
    frame: Frame,
    n: int,
    dimension: int,
    balance: float,
    rng: np.random.Generator,
    fixed_counts: bool = False,
) -> tuple[Array, Array]:
    """Draw n labelled points: the first K coordinates are the frame, the rest the bulk."""
    if frame.mean.ndim != 1 or np.ndim(balance) != 0:
        raise ValueError("sample needs a single population, got one with array parameters")
    size = max(np.abs(part).max(initial=0.0) for part in (frame.mean, frame.root, frame.bulk))
    if size > _LARGEST:
        raise ValueError(
            f"mix must have a signal and deviations of at most {_LARGEST:g} to draw points, "
            f"got {size:.6g}"
        )
    deviations = frame.bulk_deviations(dimension)
    labels = draw_labels(n, balance, rng, fixed_counts)
    features = rng.standard_normal((n, dimension))
    k = frame.axes
    features[:, :k] = features[:, :k] @ frame.root.T + labels[:, None] * frame.mean
    features[:, k:] *= deviations
    return features, labels
