"""A symmetric map made for one population: a stretch of its frame, and of its bulk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..checks import Array
from ..intake import shown
from ..populations.frame import Frame
from ..populations.frame_map import FrameMap
from ..populations.gaussian import GaussianMixture
from .base import Projector

__all__ = ["FrameStretch"]


@dataclass(frozen=True, eq=False, repr=False)
class FrameStretch(Projector):
    r"""A symmetric map :math:`U \operatorname{diag}(a) U^\top` on a frame, multiples on the bulk.

    What :meth:`InfoNCE.projector` returns: fixed numbers, made for one population and not for
    another. The axes of the frame are those of ``population.sample``: the signal, then what is
    left of each spike.

    Attributes
    ----------
    basis : array, shape (..., K, K)
        U, orthogonal.
    scales : array, shape (..., K)
        a ≥ 0.
    bulk : array, shape (..., J)
        The multiple on each part of the bulk; J = 1 for a :class:`SpikedMixture`.
    """

    basis: Array
    scales: Array
    bulk: Array

    def __repr__(self) -> str:
        return f"FrameStretch(scales={self.scales}, bulk={self.bulk})"

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return tuple(self.scales.shape[:-1])

    @property
    def matrix(self) -> Array:
        """The block on the frame, shape (..., K, K)."""
        block: Array = (self.basis * self.scales[..., None, :]) @ np.swapaxes(self.basis, -1, -2)
        return block

    def take(self, index: tuple[int, ...]) -> FrameStretch:
        """One element of an array of maps."""
        return FrameStretch(self.basis[index], self.scales[index], self.bulk[index])

    def restricted(self, kept: Array) -> FrameStretch:
        """The map on some axes of a frame, out of which it does not lead; `kept` is bool."""
        basis, scales, _ = np.linalg.svd(self.matrix[..., kept, :][..., kept])
        return FrameStretch(basis, scales, self.bulk)

    def on_frame(self, frame: Frame, axis: int | None = None) -> FrameMap:
        axes = self.scales.shape[-1]
        parts = frame.weights.shape[-1]
        own = min(frame.axes, 1 + len(frame.spikes)) if parts == 1 else frame.axes
        if own != axes or self.bulk.shape[-1] != parts:
            raise ValueError(
                f"projector must be used on a population like its own, of {axes} special "
                f"direction(s) and {self.bulk.shape[-1]} part(s) of the bulk, got {own} and {parts}"
            )
        basis, scales = self.basis, self.scales
        fresh = frame.axes - own  # directions of the bulk that another map singles out
        if fresh:
            basis = np.zeros((*scales.shape[:-1], frame.axes, frame.axes))
            basis[..., :own, :own] = self.basis
            rest = np.arange(own, frame.axes)
            basis[..., rest, rest] = 1.0
            bulk = np.broadcast_to(self.bulk, (*scales.shape[:-1], fresh))
            scales = np.concatenate([scales, bulk], axis=-1)
        return FrameMap.of(basis, scales, self.bulk)

    def on_coordinates(self, mixture: GaussianMixture) -> Array:
        raise TypeError(
            "projector must not be a FrameStretch on a GaussianMixture, nor composed with a map in "
            "coordinates like a LinearMap, which are not those of a frame; use the InfoNCE itself, "
            f"or make one for the mixture, which is a LinearMap, got {shown(self)}"
        )
