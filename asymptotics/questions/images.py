"""The image of several classes behind several maps at once: one spectrum with an axis of maps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..checks import Array, Parametrised
from ..populations.base import Population
from ..populations.spectrum import Spectrum
from ..projectors import Projector

__all__ = ["image_of_classes"]


def image_of_classes(mix: Population, projector: Projector) -> Spectrum:
    """The spectrum of the image, of the shape of the projector's parameters.

    Where the maps cannot have a spectrum in common the population refuses them by name.
    """
    if not isinstance(projector, Parametrised) or not np.prod(projector.batch_shape):
        return mix.spectrum(projector)
    parts = [mix.spectrum(single) for single in _singles(projector)]
    if not all(_stands_alone(part) for part in parts):
        return mix.spectrum(projector)
    most = max(part.weights.size for part in parts)
    shape = projector.batch_shape

    def stacked(name: str, axis: int) -> Array:
        whole = np.stack([_padded(getattr(part, name), axis, most, name) for part in parts])
        return whole.reshape(*shape, *whole.shape[1:])

    more: dict[str, Any] = {"priors": parts[0].priors}
    if parts[0].labels is not None:
        more["labels"] = parts[0].labels
    arrays = stacked("eigenvalues", -1), stacked("weights", -1), stacked("grams", -3)
    return Spectrum(*arrays, **more)


def _stands_alone(image: Any) -> bool:
    """Whether it is one spectrum, of one covariance, that is known."""
    return (
        isinstance(image, Spectrum)
        and image.class_eigenvalues is None
        and image.ends is None
        and not image.batch_shape
    )


def _singles(projector: Any) -> list[Projector]:
    """Each of several maps, in the order of the broadcast shape."""
    shape = projector.batch_shape
    names = [name for name in projector.parameters if np.ndim(getattr(projector, name))]
    values = {name: np.broadcast_to(getattr(projector, name), shape) for name in names}
    return [
        replace(projector, **{name: values[name][index].item() for name in names})
        for index in np.ndindex(shape)
    ]


def _padded(values: Array, axis: int, most: int, name: str) -> Array:
    """With further atoms that have neither weight nor signal, at the last eigenvalue."""
    lacking = most - values.shape[axis]
    width = [(0, 0)] * values.ndim
    width[axis] = (0, lacking)
    mode = "edge" if name == "eigenvalues" else "constant"
    return np.asarray(np.pad(values, width, mode=mode))  # type: ignore[call-overload]
