"""What a population is, and what it asks of a map.

A population never names a projector: a map is any object that acts on a frame and on coordinates.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..checks import Array, ByValue, check_flag, check_integer
from ..intake import shown
from ..randomness import check_rng
from .frame import Frame, frame_features
from .frame_map import FrameMap, frame_margins

if TYPE_CHECKING:
    from .class_frame import ClassFrame
    from .gaussian import GaussianMixture
    from .image import Factor
    from .spectrum import Spectrum

__all__ = ["FramedPopulation", "Map", "Population", "check_map", "check_population"]


class Map(Protocol):
    """A linear map, as far as a population has to know it."""

    @property
    def is_identity(self) -> bool: ...

    @property
    def input_dimension(self) -> int | None:
        """The dimension of the coordinates it acts on; None if it has none of its own."""

    @property
    def fresh_axes(self) -> int:
        """How many directions of the bulk it singles out."""

    def on_frame(self, frame: Frame, axis: int | None = None) -> FrameMap: ...

    def on_coordinates(self, mixture: GaussianMixture) -> Array: ...

    def factors(self, mixture: GaussianMixture) -> tuple[Factor, ...]:
        """The map on coordinates as a product of others, the first applied first."""

    def on_classes(self, frame: ClassFrame, axis: int | None = None) -> FrameMap:
        """On the frame of several classes."""

    def spectrum_of(self, population: Any) -> Spectrum | None:
        """The image's spectrum where it is not that of a map on a frame; else None."""


class Population(ByValue, ABC):
    """The law of a labelled representation (y, h)."""

    balance: Any
    noise: Any

    @property
    def is_classic(self) -> bool:
        """Whether these are two classes of means ±μ and one covariance."""
        return True

    @property
    @abstractmethod
    def batch_shape(self) -> tuple[int, ...]:
        """Broadcast shape of the parameters."""

    @property
    def dimension(self) -> int | None:
        """The number p of coordinates; None for a population of any dimension."""
        return None

    def placed(self, projector: Map) -> Population:
        """The population in the coordinates that a map acts on, if it acts on any."""
        return self

    def frame(self, fresh: int = 0) -> Frame:
        """The population on its special axes, and `fresh` axes of the bulk."""
        raise TypeError(
            f"mix must be a SpikedMixture or Spectrum to have a frame, got {shown(self)}"
        )

    @abstractmethod
    def spectrum(self, projector: Map | None = None) -> Spectrum:
        """The signal-weighted spectrum after a map; its own without one."""

    @abstractmethod
    def sample(
        self, n: int, dimension: int, rng: Any = None, *, fixed_counts: bool = False
    ) -> tuple[Array, Array]:
        """Draw n labelled points in R^dimension."""

    @abstractmethod
    def transform(self, points: Array, projector: Map) -> Array:
        """Points of :meth:`sample`, mapped."""

    @abstractmethod
    def margins(self, weights: Array, projector: Map | None = None) -> tuple[Array, Array]:
        """Exact ⟨w, Tμ⟩ and wᵀTΣTᵀw for weights of shape (..., k)."""


class FramedPopulation(Population):
    """A population of any dimension: a few special directions, and a bulk around them."""

    def _atoms(self, projector: Map | None) -> tuple[Array, Array, Array]:
        """Eigenvalues, weights and energies behind a map that acts on the frame."""
        if projector is None:
            frame = self.frame()
            return FrameMap.identity(frame).spectrum(frame)
        frame = self.frame(projector.fresh_axes)
        return projector.on_frame(frame).spectrum(frame)

    def sample(
        self, n: int, dimension: int, rng: Any = None, *, fixed_counts: bool = False
    ) -> tuple[Array, Array]:
        """Draw n labelled points in R^dimension.

        The first coordinates are the axes of :meth:`frame`: of a :class:`SpikedMixture` the signal,
        then what is left of each spike. The rest is bulk; the eigenvalues of a :class:`Spectrum`
        are dealt out in the proportion of their weights.

        Parameters
        ----------
        n : int
        dimension : int
            At least the number of these axes.
        rng : int, SeedSequence, Generator or None
        fixed_counts : bool, default False
            Draw round(nπ) labels +1 and the others -1, ties to even, instead of each by chance.

        Returns
        -------
        features : array, shape (n, dimension)
        labels : array, shape (n,)
            ±1.

        Raises
        ------
        TypeError, ValueError
            For invalid input, for array parameters, and where fixed counts leave a class empty.
        """
        n, fixed_counts = check_integer("n", n, 1), check_flag("fixed_counts", fixed_counts)
        frame, generator = self.frame(), check_rng(rng)
        return frame_features(frame, n, dimension, self.balance, generator, fixed_counts)

    def transform(self, points: Array, projector: Map) -> Array:
        placed = self.placed(projector)
        if placed is not self:
            return placed.transform(points, projector)
        frame = self.frame(projector.fresh_axes)
        image = projector.on_frame(frame)
        if image.block.ndim != 2:
            raise ValueError("transform needs a single projector, got one with array parameters")
        atoms = frame.bulk_atoms(points.shape[1])
        out = np.empty_like(points)
        out[:, : frame.axes] = points[:, : frame.axes] @ image.block.T
        out[:, frame.axes :] = (
            points[:, frame.axes :] * np.broadcast_to(image.bulk, frame.bulk.shape)[atoms]
        )
        return out

    def margins(self, weights: Array, projector: Map | None = None) -> tuple[Array, Array]:
        if projector is None:
            frame = self.frame()
            return frame_margins(frame, FrameMap.identity(frame), weights)
        placed = self.placed(projector)
        if placed is not self:
            return placed.margins(weights, projector)
        frame = self.frame(projector.fresh_axes)
        return frame_margins(frame, projector.on_frame(frame), weights)


def check_map(projector: Any) -> Map | None:
    """Refuse anything but a map; None for the identity."""
    if projector is None:
        return None
    if isinstance(projector, type) or not hasattr(projector, "on_frame"):
        raise TypeError(
            f"projector must be a projector such as Expansion(3.0), got {shown(projector)}"
        )
    found: Map = projector
    return None if found.is_identity else found


def check_population(mix: Any, name: str = "mix", *, several: bool = False) -> Population:
    """Refuse anything but a population, and, unless told otherwise, one of several classes."""
    if not isinstance(mix, Population):
        raise TypeError(
            f"{name} must be a SpikedMixture, GaussianMixture, ClassMixture or Spectrum, "
            f"got {shown(mix)}"
        )
    if not several and not mix.is_classic:
        raise ValueError(
            f"{name} must be two classes of means ±μ and one covariance here (limit and simulate "
            f"take several classes, clusters, and a covariance for each), got {shown(mix)}"
        )
    return mix
