"""What a loss sees of a population, on a frame or in all of R^p, before batches are made flat."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..checks import Array, ArrayLike
from ..intake import shown
from ..populations.frame import Frame
from ..populations.gaussian import GaussianMixture
from .augmentation import Augmentation

__all__ = ["Setting"]


class Setting(NamedTuple):
    """Populations on K axes and J parts of a bulk; J = 0 where the axes are all there is."""

    shape: tuple[int, ...]  # that of all, parameters of the loss included
    root: Array  # (..., K, K), R with RRᵀ = Σ
    signal: Array  # (..., K), the unit vector
    length: Array  # s
    balance: ArrayLike
    bulk: Array  # (..., J), deviations
    weights: Array  # (..., J)
    spikes: int

    @classmethod
    def of_frame(cls, frame: Frame, shape: tuple[int, ...]) -> Setting:
        # of any size: the square of a large signal is no float
        unit = np.where(frame.mean.any(-1), np.abs(frame.mean).max(-1, initial=0.0), 1.0)
        length = unit * np.linalg.norm(frame.mean / unit[..., None], axis=-1)
        return cls(
            shape,
            frame.root,
            frame.signal,
            length,
            frame.balance,
            frame.bulk,
            frame.weights,
            len(frame.spikes),
        )

    @classmethod
    def of_mixture(cls, mix: GaussianMixture, shape: tuple[int, ...]) -> Setting:
        """All p axes at once.

        Raises
        ------
        ValueError
            For a mean of 0, which gives no direction, and in one dimension, which has no other.
        """
        length, p = float(np.linalg.norm(mix.mean)), mix.dimension
        if length == 0 or p == 1:
            raise ValueError(
                "mix must have a mean that is not 0, and more than one dimension, got a mean of "
                f"length {length:g} in {p} dimension(s)"
            )
        none = np.empty(0)
        unit = mix.mean / length
        root = np.pad(mix.root, [(0, 0), (0, p - mix.root.shape[1])])  # of a factor of few columns
        return cls(shape, root, unit, np.asarray(length), mix.balance, none, none, 0)

    @property
    def axes(self) -> int:
        return int(self.signal.shape[-1])

    @property
    def parts(self) -> int:
        return int(self.weights.shape[-1])

    @property
    def covariance(self) -> Array:
        """Σ on the axes, shape (..., K, K)."""
        found: Array = self.root @ np.swapaxes(self.root, -1, -2)
        return found

    def flat(self, values: ArrayLike, *own: int) -> Array:
        """As a batch of shape (B, *own)."""
        count = int(np.prod(self.shape))
        return np.broadcast_to(values, (*self.shape, *own)).reshape(count, *own)

    def flat_signal(self) -> Array:
        return self.flat(self.signal, self.axes)

    def flat_weights(self) -> Array:
        return self.flat(self.weights, self.parts)

    def added(self, augmentation: Any) -> tuple[Array, Array]:
        """Σ_a on the axes and on the parts of the bulk, shapes (..., K, K) and (..., J)."""
        eye = np.eye(self.axes)
        if not isinstance(augmentation, Augmentation):
            square = np.square(augmentation)
            return square[..., None, None] * eye, square[..., None] * np.ones(self.parts)
        if not self.parts:
            return augmentation.in_coordinates(self.axes), np.empty(0)
        # directions that another map singles out of the bulk come last, and are augmented like it
        special = min(self.axes, 1 + self.spikes) if self.parts == 1 else self.axes
        frame, bulk = augmentation.on_frame(special, self.parts)
        if special < self.axes:
            shape = (*augmentation.batch_shape, self.axes)
            whole = np.broadcast_to(bulk, shape).copy()
            whole[..., :special] = frame
            frame = whole
        return frame[..., None] * eye, bulk

    def check_variance(self, augmentation: Any) -> None:
        """Without augmentation the loss needs some variance in every direction.

        Raises
        ------
        ValueError
            If there is none in some direction.
        """
        if isinstance(augmentation, Augmentation):
            frame, bulk = self.added(augmentation)
            total = self.covariance + frame
            silent = not np.all(np.linalg.eigvalsh(total)[..., :1] > 0)
            silent |= not np.all(np.square(self.bulk) + bulk > 0)
        elif np.any(np.equal(augmentation, 0.0)):
            silent = not np.all(np.linalg.svd(self.root, compute_uv=False) > 0)
            silent |= not np.all(self.bulk > 0)
        else:
            return
        if silent:
            raise ValueError(
                "augmentation must be positive on a population with a direction of zero "
                f"variance, got {shown(augmentation)}"
            )
