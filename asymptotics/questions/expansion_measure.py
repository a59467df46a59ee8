"""The signal direction's share of the energy of a projector, in units of a fair share."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import Array, check_integer, check_matrix
from ..intake import shown
from ..populations.base import Population, check_population
from ..populations.gaussian import GaussianMixture
from ..projectors import LinearMap, Projector, check_projector

__all__ = ["expansion_measure"]


def expansion_measure(
    mix: Population, projector: Projector | Any, dimension: int | None = None
) -> Any:
    r"""The expansion measure of any projector: :math:`p\,|T\hat\mu|^2/\|T\|_F^2`.

    1 for a projector that treats all directions alike, below 1 where the signal is shrunk, 0 where
    it is projected out; above 1 where it is expanded, p where nothing else is left. For a gain g
    along the signal alone it is :math:`p g^2/(g^2 + p - 1)`.

    Parameters
    ----------
    mix : SpikedMixture, GaussianMixture or Spectrum
        What gives the signal its direction :math:`\hat\mu`.
    projector : projector, or array_like of shape (k, p)
        Any; a matrix acts on the coordinates of ``mix.sample``.
    dimension : int, optional
        p, where neither mixture nor projector has one.

    Returns
    -------
    float or array, of the shape to which mixture and projector broadcast

    Raises
    ------
    TypeError, ValueError
        For invalid input, a population without a signal, and a dimension that is missing, too small
        or another than theirs.

    References
    ----------
    The "expansion" axis of the phase diagram of Gui, Ma, Zhong, arXiv:2306.03335 (2023).

    Examples
    --------
    >>> import numpy as np, asymptotics as asy
    >>> mix = asy.SpikedMixture(signal=1.5)
    >>> asy.expansion_measure(mix, asy.Expansion([0.0, 1.0, 7.0]), dimension=50)
    array([ 0.,  1., 25.])
    >>> asy.expansion_measure(mix, np.diag([3.0, 1.0, 1.0, 1.0]))
    3.0
    """
    mix = check_population(mix)
    if not isinstance(projector, Projector) and isinstance(projector, (np.ndarray, list, tuple)):
        if not np.size(projector):
            raise ValueError(f"projector must not be empty, got {shown(projector)}")
        projector = LinearMap(check_matrix("projector", projector, 2))
    projector = check_projector(projector)
    p = _dimension(mix, projector, dimension)
    along, total = _energies(mix.placed(projector), projector, p)
    if not np.all(total > 0):
        raise ValueError("projector must not be zero for an expansion measure, got a zero map")
    shape = np.broadcast_shapes(mix.batch_shape, projector.batch_shape)
    measure = np.broadcast_to(p * along / total, shape)
    return measure.copy() if shape else float(measure)


def _dimension(mix: Population, projector: Projector, dimension: int | None) -> int:
    own = {x for x in (mix.dimension, projector.input_dimension) if x is not None}
    if dimension is not None:
        own.add(check_integer("dimension", dimension, 1))
    if not own:
        raise ValueError(
            "dimension must be given where neither mix nor projector has one, got None"
        )
    if len(own) > 1:
        raise ValueError(
            f"dimension must be that of mix and projector, {mix.dimension} and "
            f"{projector.input_dimension}, got {dimension}"
        )
    return own.pop()


def _energies(mix: Population, projector: Projector, p: int) -> tuple[Array, Array]:
    """|Tμ̂|² and |T|_F², up to a common factor."""
    if isinstance(mix, GaussianMixture):
        length = np.linalg.norm(mix.mean)
        if length == 0:
            raise ValueError("mix must have a signal, got a mean of length 0")
        matrix = projector.on_coordinates(mix)
        matrix = _scaled(matrix, np.abs(matrix).max((-2, -1)))
        return np.square(matrix @ (mix.mean / length)).sum(-1), np.square(matrix).sum((-2, -1))
    frame = mix.frame()
    if not np.all(np.any(frame.mean, axis=-1)):
        raise ValueError("mix must have a signal, got one of length 0")
    image = projector.spectrum_of(mix)
    if image is not None:  # no map of the frame, but energies and variances tell |Tμ|² and tr TTᵀ
        along = image.energies.sum(-1) / np.square(frame.mean).sum(-1)
        rest = (image.weights * image.eigenvalues).sum(-1) / frame.noise**2
        return along, along + (p - 1) * rest
    frame = mix.frame(projector.fresh_axes)
    if p < frame.axes:
        raise ValueError(
            f"dimension must be at least {frame.axes}, the number of special directions, got {p}"
        )
    stretched = projector.on_frame(frame)
    size = np.maximum(np.abs(stretched.block).max((-2, -1)), np.abs(stretched.bulk).max(-1))
    block, bulk = _scaled(stretched.block, size), stretched.bulk / _whole(size)[..., None]
    along = np.square(block @ frame.signal[..., None]).sum((-2, -1))
    rest = (frame.weights * np.square(bulk)).sum(-1)
    return along, np.square(block).sum((-2, -1)) + (p - frame.axes) * rest


def _whole(size: Array) -> Array:
    return np.where(size > 0, size, 1.0)


def _scaled(matrix: Array, size: Array) -> Array:
    """Without overflow of the squares to come."""
    found: Array = matrix / _whole(size)[..., None, None]
    return found
