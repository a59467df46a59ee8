"""Augmentation that is not the same in all directions: a covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..checks import NONNEGATIVE, Array, Interval, Parametrised, check_matrix, check_real
from ..intake import shown
from ..populations.frame import Frame

__all__ = ["Augmentation"]

# Relative rounding allowed in the symmetry and the definiteness of a covariance.
_SLACK = 1e-10


@dataclass(frozen=True, eq=False)
class Augmentation(Parametrised):
    r"""Noise of each view with a covariance :math:`\Sigma_a` of its own, not :math:`\sigma_a^2 I`.

    Either a deviation for each special direction of a population and for its bulk, or, for a
    :class:`GaussianMixture`, a matrix. Goes where σ_a goes, in :class:`InfoNCE` and
    :func:`train_projector`.

    Parameters
    ----------
    frame : array_like, shape (..., K)
        Standard deviation along each axis of the population's frame, those of its ``sample``: of a
        :class:`SpikedMixture` the signal, then what is left of each spike; of a :class:`Spectrum`
        each atom with energy.
    bulk : float or array_like, shape (..., J)
        Standard deviation in the bulk: one for all of it, or one for each atom of a
        :class:`Spectrum`.
    covariance : array_like, shape (p, p)
        Σ_a in coordinates, instead of the two.

    Raises
    ------
    TypeError, ValueError
        For numbers out of range, both forms or none, and a matrix that is no covariance.

    Examples
    --------
    Augmentation of the bulk alone expands the signal, of the signal alone it shrinks it:

    >>> import asymptotics as asy
    >>> mix = asy.SpikedMixture(signal=1.5)
    >>> bulk, signal = asy.Augmentation([0.0], 1.0), asy.Augmentation([1.0], 0.0)
    >>> round(asy.InfoNCE(bulk).gain(mix), 4), round(asy.InfoNCE(signal).gain(mix), 4)
    (1.2984, 0.45)
    """

    frame: Any = None
    bulk: Any = None
    covariance: Any = None

    parameters: ClassVar[dict[str, Interval]] = {
        "frame": NONNEGATIVE,
        "bulk": NONNEGATIVE,
    }

    def __post_init__(self) -> None:
        if self.covariance is not None:
            matrix = _check_covariance(self.covariance)
            if self.frame is not None or self.bulk is not None:
                raise ValueError(
                    "covariance must be None where frame and bulk are given, and instead of them, "
                    f"got {shown(self.covariance)}"
                )
            object.__setattr__(self, "covariance", matrix)
            return
        frame = np.asarray(check_real("frame", self.frame, NONNEGATIVE))
        bulk = check_real("bulk", self.bulk, NONNEGATIVE)
        if frame.ndim == 0 or frame.shape[-1] == 0:
            raise ValueError(
                "frame must be an array with a number in [0, inf) for each special direction, got "
                f"shape {frame.shape}"
            )
        object.__setattr__(self, "frame", frame)
        object.__setattr__(self, "bulk", bulk)
        try:
            np.broadcast_shapes(frame.shape[:-1], np.shape(bulk)[:-1])
        except ValueError:
            raise ValueError(
                "the leading axes of frame and bulk must broadcast together, got shapes "
                f"{frame.shape} and {np.shape(bulk)}"
            ) from None

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Broadcast shape, without the axes of directions."""
        if self.covariance is not None:
            return ()
        return np.broadcast_shapes(self.frame.shape[:-1], np.shape(self.bulk)[:-1])

    def on_frame(self, axes: int, parts: int) -> tuple[Array, Array]:
        """Variances on the axes and on the parts of the bulk, shapes (..., K) and (..., J).

        Raises
        ------
        ValueError
            If they are not as many.
        """
        if self.covariance is not None:
            raise ValueError(
                "augmentation must not be a matrix on a population without coordinates, which "
                f"takes frame and bulk, got one of shape {self.covariance.shape}"
            )
        bulk = np.atleast_1d(self.bulk)
        if self.frame.shape[-1] != axes or bulk.shape[-1] not in (1, parts):
            raise ValueError(
                f"augmentation must have {axes} number(s) for the special directions of mix and "
                f"1 or {parts} for its bulk, got {self.frame.shape[-1]} and {bulk.shape[-1]}"
            )
        return np.square(self.frame), np.square(np.broadcast_to(bulk, (*bulk.shape[:-1], parts)))

    def in_coordinates(self, dimension: int) -> Array:
        """The matrix.

        Raises
        ------
        ValueError
            If it is not of that dimension.
        """
        if self.covariance is None:
            raise ValueError(
                "augmentation must be a matrix on a GaussianMixture, which has no frame, got "
                f"{shown(self)}"
            )
        if len(self.covariance) != dimension:
            raise ValueError(
                f"augmentation must be a matrix of shape ({dimension}, {dimension}), got one of "
                f"shape {self.covariance.shape}"
            )
        return np.asarray(self.covariance)

    def deviations(self, frame: Frame | None, dimension: int) -> Array:
        """A factor of Σ_a in the coordinates of ``sample``: (p,) if it is diagonal, or (p, p)."""
        if frame is None:
            eigenvalues, basis = np.linalg.eigh(self.in_coordinates(dimension))
            root = basis * np.sqrt(np.maximum(eigenvalues, 0.0))
            return np.asarray(root @ basis.T)
        special, bulk = self.on_frame(frame.axes, frame.weights.shape[-1])
        return np.asarray(np.sqrt(np.concatenate([special, bulk[frame.bulk_atoms(dimension)]])))


def _check_covariance(value: Any) -> Array:
    matrix = check_matrix("covariance", value, 2)
    size = np.abs(matrix).max()
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"covariance must be a square matrix, got shape {matrix.shape}")
    skew = np.abs(matrix - matrix.T).max()
    if skew > _SLACK * size:
        raise ValueError(
            "covariance must be symmetric, got entries that differ from their mirror image by "
            f"{skew:.3g}"
        )
    least = np.linalg.eigvalsh(matrix)[0]
    if least < -_SLACK * size:
        raise ValueError(
            f"covariance must be positive semi-definite, got an eigenvalue of {least:.6g}"
        )
    return matrix
