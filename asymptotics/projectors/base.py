"""What a projector is: a linear map T, on samples, on a frame and on a population."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checks import Array, ByValue, check_matrix
from ..intake import shown
from ..populations.base import Population, check_population
from ..populations.class_frame import ClassFrame
from ..populations.frame import Frame
from ..populations.frame_map import FrameMap
from ..populations.gaussian import GaussianMixture
from ..populations.image import Factor
from ..populations.spectrum import Spectrum
from ..randomness import check_rng
from .unlabelled import Unlabelled

__all__ = ["Composition", "DrawnMap", "Projector"]


class Projector(ByValue, ABC):
    """A linear map applied to a representation; ``outer @ inner`` applies `inner` first."""

    #: An array is no projector: ``projector @ array`` is a TypeError, not a matter for NumPy.
    __array_ufunc__ = None

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Broadcast shape of the parameters."""
        return ()

    @property
    def fresh_axes(self) -> int:
        """How many directions of the bulk the map singles out."""
        return 0

    @property
    def input_dimension(self) -> int | None:
        """The dimension the map is defined in; None if any."""
        return None

    @property
    def output_dimension(self) -> int | None:
        """The dimension the map leads to; None if that it came from."""
        return self.input_dimension

    @property
    def matrix_alone(self) -> Array | None:
        """The matrix of a map that is the same for every population, None for the others."""
        return None

    @property
    def is_identity(self) -> bool:
        return False

    @property
    def is_learned(self) -> bool:
        """Whether the map depends on data of its own, and is there only after :meth:`draw`."""
        return False

    def draw(self, population: Population, dimension: int, rng: Any = None) -> Projector:
        """The map that one draw of its own data leads to; itself if it depends on none."""
        if not self.is_learned:
            return self
        generator = check_rng(rng)
        return self.learn(population, dimension, Unlabelled(lambda: generator))

    def learn(self, population: Population, dimension: int, data: Unlabelled) -> Projector:
        """The map that some data lead to, of which much may be known from another map."""
        return self

    def spectrum_of(self, population: Population) -> Spectrum | None:
        """The spectrum of the image where it is not that of a map on a frame; else None."""
        return None

    @abstractmethod
    def on_frame(self, frame: Frame, axis: int | None = None) -> FrameMap:
        """The map in a frame; `axis` is the first fresh axis of its own, by default the last."""

    @abstractmethod
    def on_coordinates(self, mixture: GaussianMixture) -> Array:
        """The map as an explicit matrix, shape (..., k, p)."""

    def factors(self, mixture: GaussianMixture) -> tuple[Factor, ...]:
        """The same as a product of maps, which holds digits that the matrix may lose."""
        return (Factor(self.on_coordinates(mixture)),)

    def on_classes(self, frame: ClassFrame, axis: int | None = None) -> FrameMap:
        """The map on the axes of several classes, as :meth:`on_frame`."""
        raise ValueError(
            "projector must be an Identity, Expansion, Power, LinearMap or InfoNCE, or made of "
            f"them, on {len(frame.means)} classes or clusters, got {shown(self)}"
        )

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
        population = check_population(population, "population", several=True)
        if self.is_learned:
            raise TypeError(
                "projector must be drawn before it can transform: call "
                f"draw(population, dimension, rng) first, got {shown(self)}"
            )
        points = check_matrix("features", features, 2)
        return points if self.is_identity else population.transform(points, self)

    def margins(self, weights: Array, population: Population) -> tuple[Array, Array]:
        """Exact ⟨w, Tμ⟩ and wᵀTΣTᵀw of a population, for weights of shape (..., k)."""
        return population.margins(weights, self)

    def __matmul__(self, inner: Projector) -> Projector:
        if not isinstance(inner, Projector):
            return NotImplemented
        return Composition(self, inner)


class Composition(Projector):
    """Two projectors in sequence, `inner` first; made by ``outer @ inner``."""

    def __init__(self, outer: Projector, inner: Projector) -> None:
        self.outer, self.inner = outer, inner
        try:
            np.broadcast_shapes(outer.batch_shape, inner.batch_shape)
        except ValueError:
            raise ValueError(
                "the parameters of two composed projectors must broadcast together, got shapes "
                f"{outer.batch_shape} and {inner.batch_shape}"
            ) from None
        between = inner.output_dimension
        if None not in (outer.input_dimension, between) and outer.input_dimension != between:
            raise ValueError(
                f"the outer map must take {between} dimensions, those of the inner map's output, "
                f"got {shown(outer)}, which takes {outer.input_dimension}"
            )
        reshapes = between != inner.input_dimension
        if reshapes and outer.matrix_alone is None and not outer.is_identity:
            raise ValueError(
                "after a map that changes the dimension the outer map must be a LinearMap, "
                f"got {shown(outer)}, whose directions are those of the population"
            )

    def __repr__(self) -> str:
        return f"{shown(self.outer)} @ {shown(self.inner)}"

    def _compared(self) -> dict[str, Any]:
        return {"outer": self.outer, "inner": self.inner}

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(self.outer.batch_shape, self.inner.batch_shape)

    @property
    def fresh_axes(self) -> int:
        return self.outer.fresh_axes + self.inner.fresh_axes

    @property
    def input_dimension(self) -> int | None:
        return (
            self.outer.input_dimension
            if self.inner.input_dimension is None
            else self.inner.input_dimension
        )

    @property
    def output_dimension(self) -> int | None:
        outer = self.outer.output_dimension
        return self.inner.output_dimension if outer is None else outer

    @property
    def matrix_alone(self) -> Array | None:
        outer, inner = self.outer.matrix_alone, self.inner.matrix_alone
        if self.outer.is_identity or outer is None:
            return inner if self.outer.is_identity else None
        if self.inner.is_identity:
            return outer
        return None if inner is None else np.asarray(outer @ inner)

    @property
    def is_identity(self) -> bool:
        return self.outer.is_identity and self.inner.is_identity

    @property
    def is_learned(self) -> bool:
        return self.outer.is_learned or self.inner.is_learned

    def learn(self, population: Population, dimension: int, data: Unlabelled) -> Projector:
        """Learn either part, each from data of its own: one matrix."""
        if not self.is_learned:
            return self
        inner, outer = (
            part.learn(population, dimension, own)
            for part, own in zip((self.inner, self.outer), data.parts, strict=True)
        )
        image, last = inner.transform(np.eye(dimension), population), outer.matrix_alone
        image = outer.transform(image, population) if last is None else image @ last.T
        return DrawnMap(image.T, np.eye(dimension), 0.0)

    def spectrum_of(self, population: Population) -> Spectrum | None:
        parts = [part for part in (self.inner, self.outer) if not part.is_identity]
        if len(parts) == 1:
            return parts[0].spectrum_of(population)
        if any(part.spectrum_of(population) is not None for part in parts):
            raise TypeError(
                "projector must not compose a SamplePower or PCATruncation with others for a "
                "limit, which is known of them alone (simulate takes the composition), got "
                f"{shown(self)}"
            )
        return None

    def on_frame(self, frame: Frame, axis: int | None = None) -> FrameMap:
        axis = frame.axes - self.fresh_axes if axis is None else axis
        inner = self.inner.on_frame(frame, axis)
        return self.outer.on_frame(frame, axis + self.inner.fresh_axes) @ inner

    def on_classes(self, frame: ClassFrame, axis: int | None = None) -> FrameMap:
        axis = frame.axes - self.fresh_axes if axis is None else axis
        inner = self.inner.on_classes(frame, axis)
        if self.outer.is_identity:
            return inner
        outer = self.outer.matrix_alone
        if outer is not None and frame.is_finite:
            return FrameMap(outer, np.ones(1)) @ inner
        return self.outer.on_classes(frame, axis + self.inner.fresh_axes) @ inner

    def on_coordinates(self, mixture: GaussianMixture) -> Array:
        inner = self.inner.on_coordinates(mixture)
        if self.outer.is_identity:
            return inner
        outer = self.outer.matrix_alone
        return np.asarray((self.outer.on_coordinates(mixture) if outer is None else outer) @ inner)

    def factors(self, mixture: GaussianMixture) -> tuple[Factor, ...]:
        inner = () if self.inner.is_identity else self.inner.factors(mixture)
        if self.outer.is_identity:
            return inner
        outer = self.outer.matrix_alone
        return (*inner, *(self.outer.factors(mixture) if outer is None else (Factor(outer),)))


@dataclass(frozen=True, eq=False)
class DrawnMap(Projector):
    """T = c I + L Rᵀ in coordinates, applied as such: a map of rank one costs O(np).

    Attributes
    ----------
    left : array, shape (k, r)
    right : array, shape (p, r)
    rest : float
        c; 0 if k differs from p.
    """

    left: Array
    right: Array
    rest: float

    @property
    def input_dimension(self) -> int | None:
        return int(self.right.shape[0])

    @property
    def output_dimension(self) -> int | None:
        return int(self.left.shape[0])

    @property
    def matrix_alone(self) -> Array | None:
        return self._on_rows(np.eye(self.right.shape[0])).T

    def _on_rows(self, points: Array) -> Array:
        image = (points @ self.right) @ self.left.T
        return image + self.rest * points if self.rest else image

    def transform(self, features: Any, population: Population) -> Array:
        points = check_matrix("features", features, 2)
        if points.shape[1] != self.input_dimension:
            raise ValueError(
                f"features must have {self.input_dimension} columns, got shape {points.shape}"
            )
        return self._on_rows(points)

    def margins(self, weights: Array, population: Population) -> tuple[Array, Array]:
        if not population.is_classic:  # of a score in each column
            back = self.right @ (self.left.T @ weights)
            return population.margins(back + self.rest * weights if self.rest else back)
        pulled = (weights @ self.left) @ self.right.T
        if self.rest:
            pulled = pulled + self.rest * weights
        return population.margins(pulled)

    def on_frame(self, frame: Frame, axis: int | None = None) -> FrameMap:
        raise TypeError(
            "projector must not be drawn where a map of the frame is needed; "
            "take a SpikedMixture or a GaussianMixture, got a Spectrum"
        )

    def on_classes(self, frame: ClassFrame, axis: int | None = None) -> FrameMap:
        if not frame.is_finite:
            raise TypeError(
                "projector must not be drawn where a map of the frame is needed; "
                "take a ClassMixture or GaussianClasses, got a Spectrum"
            )
        return FrameMap(np.asarray(self.matrix_alone), np.ones(1))

    def on_coordinates(self, mixture: GaussianMixture) -> Array:
        return np.asarray(self.matrix_alone)
