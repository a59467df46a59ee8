"""How a batch is drawn: points of a law or of a data set, and two views of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...checks import NONNEGATIVE, Array, check_integer, check_matrix, check_single
from ...populations.gaussian import GaussianMixture
from ...populations.spectrum import Spectrum
from ...populations.spiked import SpikedMixture
from ..augmentation import Augmentation

__all__ = ["Augment", "training_pairs"]

#: A view of each point, the caller's own.
Augment = Callable[[Array, np.random.Generator], Array]


def training_pairs(
    source: Any, augmentation: Any, batch_size: int, dimension: int | None
) -> Callable[[np.random.Generator], tuple[Array, Array]]:
    """How a batch is drawn: points, and two views of each."""
    points = _points(source, batch_size, dimension)
    if callable(augmentation):
        return lambda rng: _views(points(rng), augmentation, rng)
    if isinstance(augmentation, Augmentation):
        factor = _factor(source, augmentation, dimension)
        return lambda rng: _noisy_views(points(rng), factor, rng)
    spread = check_single("augmentation", augmentation, NONNEGATIVE)

    def draw(rng: np.random.Generator) -> tuple[Array, Array]:
        h = points(rng)
        return h + spread * rng.standard_normal(h.shape), h + spread * rng.standard_normal(h.shape)

    return draw


def _factor(source: Any, augmentation: Augmentation, dimension: int | None) -> Array:
    """A factor of the covariance of what a view adds: deviations (p,), or a matrix (p, p)."""
    if augmentation.batch_shape:
        raise ValueError(
            f"augmentation must be a single one, got an array of shape {augmentation.batch_shape}"
        )
    if isinstance(source, (SpikedMixture, Spectrum)) and augmentation.covariance is None:
        assert dimension is not None  # or there would be no points
        return augmentation.deviations(source.frame(), dimension)
    p = dimension
    if isinstance(source, GaussianMixture):
        p = source.dimension
    elif not isinstance(source, (SpikedMixture, Spectrum)):
        p = int(np.shape(source)[1])
    assert p is not None
    return augmentation.deviations(None, p)


def _noisy_views(points: Array, factor: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    first, second = (
        noise * factor if factor.ndim == 1 else noise @ factor.T
        for noise in (rng.standard_normal(points.shape) for _ in range(2))
    )
    return points + first, points + second


def _points(
    source: Any, batch_size: int, dimension: int | None
) -> Callable[[np.random.Generator], Array]:
    """How the points of a batch are drawn."""
    if isinstance(source, (SpikedMixture, GaussianMixture, Spectrum)):
        mix: Any = source
        if mix.batch_shape:
            raise ValueError(
                "source must be a single population, got array parameters of shape "
                f"{mix.batch_shape}"
            )
        if dimension is None and not isinstance(mix, GaussianMixture):
            raise ValueError(
                f"dimension must be given for a {type(mix).__name__}, whose law has any, got None"
            )
        return lambda rng: mix.sample(batch_size, dimension, rng)[0]
    points = check_matrix("source", source, 2)
    n, p = points.shape
    if dimension is not None and check_integer("dimension", dimension, 1) != p:
        raise ValueError(f"dimension must be {p}, that of the points, got {dimension}")
    if batch_size > n:
        raise ValueError(f"batch_size must be at most {n}, the number of points, got {batch_size}")
    return lambda rng: points[rng.choice(n, batch_size, replace=False)]


def _views(points: Array, augment: Augment, rng: np.random.Generator) -> tuple[Array, Array]:
    """Two views by the caller's own augmentation, checked."""
    first, second = (check_matrix("augmentation", augment(points, rng), 2) for _ in range(2))
    if len(first) != len(points) or first.shape != second.shape:
        raise ValueError(
            f"augmentation must return one view for each of {len(points)} points, all of one "
            f"width, got shapes {first.shape} and {second.shape}"
        )
    return first, second
