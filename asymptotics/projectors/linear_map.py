"""An explicit matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..checks import ANY, Array, Interval, check_matrix
from ..populations.class_frame import ClassFrame
from ..populations.frame import Frame
from ..populations.frame_map import FrameMap
from ..populations.gaussian import GaussianMixture
from .base import Projector

__all__ = ["LinearMap"]


@dataclass(frozen=True, eq=False)
class LinearMap(Projector):
    """Any matrix T, z = T h.

    A map into fewer dimensions leaves the aspect ratio at p/n, with p the dimension of h.

    Parameters
    ----------
    matrix : array_like, shape (k, p)
        On a :class:`SpikedMixture` it acts on the coordinates of ``sample(n, dimension=p)``.

    Raises
    ------
    TypeError, ValueError
        If `matrix` is not a finite, non-zero matrix, or p is not that of the population.

    Examples
    --------
    >>> import numpy as np, asymptotics as asy
    >>> mix = asy.GaussianMixture([1.0, 0.0], np.eye(2))
    >>> mix.spectrum(asy.LinearMap([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    array([4., 1.])
    """

    matrix: Any

    parameters: ClassVar[dict[str, Interval]] = {"matrix": ANY}

    def __post_init__(self) -> None:
        matrix = check_matrix("matrix", self.matrix, 2)
        if not np.any(matrix):
            raise ValueError("matrix must not be zero, got a matrix of zeros")
        object.__setattr__(self, "matrix", matrix)

    @property
    def input_dimension(self) -> int | None:
        return int(self.matrix.shape[1])

    @property
    def output_dimension(self) -> int | None:
        return int(self.matrix.shape[0])

    @property
    def matrix_alone(self) -> Array | None:
        return np.asarray(self.matrix)

    def on_frame(self, frame: Frame, axis: int | None = None) -> FrameMap:
        raise TypeError(
            "projector must not be a LinearMap on a Spectrum, which has no coordinates; "
            "use a GaussianMixture"
        )

    def on_classes(self, frame: ClassFrame, axis: int | None = None) -> FrameMap:
        if not frame.is_finite:
            raise TypeError(
                "projector must not be a LinearMap on a Spectrum, which has no coordinates; "
                "use GaussianClasses"
            )
        if frame.axes != self.input_dimension:
            raise ValueError(
                f"matrix must have {frame.axes} columns, the dimension of the mixture, "
                f"got shape {self.matrix.shape}"
            )
        return FrameMap(np.asarray(self.matrix), np.ones(1))

    def on_coordinates(self, mixture: GaussianMixture) -> Array:
        if mixture.dimension != self.input_dimension:
            raise ValueError(
                f"matrix must have {mixture.dimension} columns, the dimension of the mixture, "
                f"got shape {self.matrix.shape}"
            )
        return np.asarray(self.matrix)
