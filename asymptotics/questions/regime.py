"""Expansion or shrinkage: the gain of a projector along the signal, relative to the bulk."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import Array
from ..populations.base import Population
from ..populations.gaussian import GaussianMixture
from ..projectors import Projector

__all__ = ["INFINITE_GAIN", "regime_of", "relative_gain", "signal_gain"]

# What stands for an infinite gain in the numbers of a map: λ/(V̂ gain²) is then below rounding in
# every limit, which is that of the gain to infinity; it is reported as infinite.
INFINITE_GAIN = 1e30

# A gain this near to 1 is 1 but for rounding.
_ROUNDING = 1e-12


def regime_of(gain: Any) -> Any:
    """Words for gains, of their shape.

    "expansion", "shrinkage", "neutral" within 1e-12 of 1, and "collapse" for an infinite gain, of
    a map that leaves nothing but the signal.
    """
    above = np.asarray(gain) - 1.0
    words = np.select(
        [np.isposinf(above), above > _ROUNDING, above < -_ROUNDING],
        ["collapse", "expansion", "shrinkage"],
        "neutral",
    )
    return words if words.ndim else str(words)


def relative_gain(along: Array, rest: Array) -> Array:
    """√(along/rest) of squared gains; infinite for a map that leaves nothing of the rest."""
    with np.errstate(divide="ignore"):
        gain: Array = np.sqrt(np.divide(along, rest))
    return np.where(gain >= INFINITE_GAIN * (1.0 - _ROUNDING), np.inf, gain)


def signal_gain(mix: Population, projector: Projector) -> Array:
    r"""Gain of a projector along the signal, relative to the rest.

    :math:`|T\hat\mu|` over the root mean square of T over the directions orthogonal to the signal:
    in a :class:`SpikedMixture`, whose bulk is infinite, the gain of the bulk, or its root mean
    square for a map that spreads it.

    Raises
    ------
    ValueError
        For a population without a signal, or without directions beside it.
    """
    mix = mix.placed(projector)
    if isinstance(mix, GaussianMixture):
        length = np.linalg.norm(mix.mean)
        if length == 0 or mix.dimension == 1:
            raise ValueError(
                "mix must have a mean that is not 0, and more than one dimension, for a regime, "
                f"got a mean of length {length:g} in {mix.dimension} dimension(s)"
            )
        unit = mix.mean / length
        matrix = projector.on_coordinates(mix)
        # Of the complement itself: a difference of sums would cancel at large gains.
        rest = matrix - (matrix @ unit)[..., None] * unit
        square = np.square(rest).sum((-2, -1)) / (mix.dimension - 1)
        return relative_gain(np.square(matrix @ unit).sum(-1), square)
    image = projector.spectrum_of(mix)
    if image is not None:  # no map of the frame, but energies and variances tell |Tμ|² and tr TTᵀ
        frame = mix.frame()
        if not np.all(np.any(frame.mean, axis=-1)):
            raise ValueError("mix must have a signal for a regime, got one of length 0")
        along = image.energies.sum(-1) / np.square(frame.mean).sum(-1)
        return relative_gain(along, (image.weights * image.eigenvalues).sum(-1) / frame.noise**2)
    frame = mix.frame(projector.fresh_axes)
    if not np.all(np.any(frame.signal, axis=-1)):
        raise ValueError("mix must have a signal for a regime, got energies that are all 0")
    stretched = projector.on_frame(frame)
    along = np.square(stretched.block @ frame.signal[..., None]).sum((-2, -1))
    return relative_gain(along, (frame.weights * np.square(stretched.bulk)).sum(-1))
