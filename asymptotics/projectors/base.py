"""What a projector is: a linear map T, on samples, on a frame and on a population."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from ..frame import Frame, FrameMap
from ..parameters import Array, check_matrix

if TYPE_CHECKING:
    from ..population import GaussianMixture, Population

__all__ = ["Composition", "Projector"]


class Projector(ABC):
    """A linear map applied to a representation; ``outer @ inner`` applies `inner` first."""

    @property
    def fresh_axes(self) -> int:
        """How many directions of the bulk the map singles out."""
        return 0

    @property
    def dimension(self) -> int | None:
        """The dimension the map is defined in; None if any."""
        return None

    @property
    def is_identity(self) -> bool:
        return False

    @abstractmethod
    def on_frame(self, frame: Frame, axis: int | None = None) -> FrameMap:
        """The map in a frame; `axis` is the first fresh axis that is its own (default: the last ones)."""

    @abstractmethod
    def on_population(self, mixture: GaussianMixture) -> Array:
        """The map as an explicit matrix, shape (..., k, p)."""

    def transform(self, features: Any, population: Population) -> Array:
        """Apply the map to samples.

        Parameters
        ----------
        features : array_like, shape (n, p)
            Points, in the coordinates of ``population.sample``.
        population : SpikedMixture, GaussianMixture or Spectrum
            The law that gives the map its directions.

        Returns
        -------
        array, shape (n, k)
        """
        from ..population import GaussianMixture, SpikedMixture

        points = check_matrix("features", features, 2)
        if self.is_identity:
            return points
        if isinstance(population, SpikedMixture) and self.dimension is not None:
            population = population.realise(self.dimension)
        if isinstance(population, GaussianMixture):
            matrix = self.on_population(population)
            if matrix.ndim != 2:
                raise ValueError(
                    "transform needs a single projector, got one with array parameters"
                )
            if matrix.shape[1] != points.shape[1]:
                raise ValueError(
                    f"features must have {matrix.shape[1]} columns, got shape {points.shape}"
                )
            return np.asarray(points @ matrix.T)
        frame = population.frame(self.fresh_axes)
        image = self.on_frame(frame)
        if image.block.ndim != 2:
            raise ValueError("transform needs a single projector, got one with array parameters")
        atoms = frame.bulk_atoms(points.shape[1])
        out = np.empty_like(points)
        out[:, : frame.axes] = points[:, : frame.axes] @ image.block.T
        out[:, frame.axes :] = (
            points[:, frame.axes :] * np.broadcast_to(image.bulk, frame.bulk.shape)[atoms]
        )
        return out

    def __matmul__(self, inner: Projector) -> Projector:
        if not isinstance(inner, Projector):
            return NotImplemented
        return Composition(self, inner)


class Composition(Projector):
    """Two projectors in sequence, `inner` first; made by ``outer @ inner``."""

    def __init__(self, outer: Projector, inner: Projector) -> None:
        dimensions = {d for d in (outer.dimension, inner.dimension) if d is not None}
        self.outer, self.inner = outer, inner
        self._dimension = inner.dimension if inner.dimension is not None else outer.dimension
        if len(dimensions) > 1:
            out = getattr(inner, "output_dimension", inner.dimension)
            if out != outer.dimension:
                raise ValueError(
                    f"the outer map takes {outer.dimension} dimensions, got an inner map into {out}"
                )

    def __repr__(self) -> str:
        return f"{self.outer!r} @ {self.inner!r}"

    @property
    def fresh_axes(self) -> int:
        return self.outer.fresh_axes + self.inner.fresh_axes

    @property
    def dimension(self) -> int | None:
        return self._dimension

    @property
    def is_identity(self) -> bool:
        return self.outer.is_identity and self.inner.is_identity

    def on_frame(self, frame: Frame, axis: int | None = None) -> FrameMap:
        axis = frame.axes - self.fresh_axes if axis is None else axis
        inner = self.inner.on_frame(frame, axis)
        return self.outer.on_frame(frame, axis + self.inner.fresh_axes) @ inner

    def on_population(self, mixture: GaussianMixture) -> Array:
        return np.asarray(self.outer.on_population(mixture) @ self.inner.on_population(mixture))
