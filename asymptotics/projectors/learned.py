"""Projectors learned from unlabelled data: drawn with their sample, and then a map like others."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import scipy

from ..checks import Array, Parametrised, check_integer
from ..intake import shown
from ..populations.base import Population, check_population
from ..populations.classes import ClassMixture, GaussianClasses
from ..populations.gaussian import GaussianMixture
from ..populations.spectrum import Spectrum
from .base import Projector
from .unlabelled import Unlabelled

__all__ = ["LearnedProjector", "no_known_limit", "principal_axes"]

# Unlabelled points in memory at once, if there are more of them than dimensions.
_BLOCK = 4096
# Unlabelled points beyond which a draw would take days.
_MOST_POINTS = 1e10
_EPSILON = float(np.finfo(float).eps)


class LearnedProjector(Parametrised, Projector):
    """A projector that depends on a sample of its own, independent of the labelled one."""

    @property
    def is_learned(self) -> bool:
        return True

    def draw(self, population: Population, dimension: int, rng: Any = None) -> Projector:
        """Draw the unlabelled points, and learn the map from them.

        Parameters
        ----------
        population : SpikedMixture, GaussianMixture or Spectrum
        dimension : int
            p, which decides the number of points, round(p/γ_u).
        rng : int, SeedSequence, Generator or None

        Returns
        -------
        projector
            With coordinates: those of ``population.sample``.

        Raises
        ------
        TypeError, ValueError
            For invalid input, array parameters, and where there are too few points.
        """
        return super().draw(population, dimension, rng)

    def learn(self, population: Population, dimension: int, data: Unlabelled) -> Projector:
        population = check_population(population, "population", several=True)
        dimension = check_integer("dimension", dimension, 1)
        if self.batch_shape or population.batch_shape:
            raise ValueError(
                "draw needs a single projector and population, got shapes "
                f"{self.batch_shape} and {population.batch_shape}"
            )
        return self._learn(population, dimension, data)

    @abstractmethod
    def _learn(self, population: Population, dimension: int, data: Unlabelled) -> Projector:
        """The map, from checked arguments."""


def no_known_limit(what: str, mix: Any, where: str = "SpikedMixture") -> TypeError:
    """The refusal of a population on which nothing but the simulation is known."""
    population = isinstance(mix, (GaussianMixture, Spectrum, ClassMixture, GaussianClasses))
    got = f"a {type(mix).__name__}" if population else repr(mix)
    return TypeError(
        f"mix must be a {where} for {what} to have a known limit (simulate takes any "
        f"population), got {got}"
    )


def principal_axes(
    population: Population,
    dimension: int,
    ratio: float,
    rng: np.random.Generator,
    *,
    centred: bool,
    top: int | None = None,
) -> tuple[Array, Array]:
    """Eigenvalues and eigenvectors of the covariance of N = round(p/γ_u) unlabelled points.

    Parameters
    ----------
    population : SpikedMixture, GaussianMixture or Spectrum
    dimension : int
        p.
    ratio : float
        γ_u.
    rng : Generator
    centred : bool
        Whether the mean of the sample is subtracted; otherwise it is the second moment.
    top : int, optional
        Only so many of the largest.

    Returns
    -------
    eigenvalues : array, shape (r,)
        Without those that are 0 because there are fewer points than dimensions.
    vectors : array, shape (p, r)

    Raises
    ------
    ValueError
        If that leaves too few points.
    """
    least = 2 if centred else 1
    if not dimension / ratio <= _MOST_POINTS:
        raise ValueError(
            f"unlabelled_ratio must be at least {dimension / _MOST_POINTS:.3g} in dimension "
            f"{dimension}, to draw at most {_MOST_POINTS:.0e} unlabelled points, got {shown(ratio)}"
        )
    count = round(dimension / ratio)
    if count < least:
        raise ValueError(
            f"unlabelled_ratio must be at most {dimension / least:g}, to leave {least} unlabelled "
            f"point(s) in dimension {dimension}, got {shown(ratio)}"
        )
    if count < dimension:
        points, _ = population.sample(count, dimension, rng)
        if centred:
            points -= points.mean(0)
        gram = points @ points.T / count
        eigenvalues, basis = _eigen(gram, top)
        kept = eigenvalues > count * _EPSILON * eigenvalues[-1]
        eigenvalues, basis = eigenvalues[kept], basis[:, kept]
        return eigenvalues, points.T @ (basis / np.sqrt(count * eigenvalues))
    total, moment = np.zeros(dimension), np.zeros((dimension, dimension))
    for start in range(0, count, _BLOCK):
        points, _ = population.sample(min(_BLOCK, count - start), dimension, rng)
        total += points.sum(0)
        moment += points.T @ points
    moment /= count
    if centred:
        moment -= np.outer(total, total) / count**2
    return _eigen(moment, top)


def _eigen(matrix: Array, top: int | None) -> tuple[Array, Array]:
    last = len(matrix) - 1
    subset = (max(last + 1 - top, 0), last) if top else None
    eigenvalues, basis = scipy.linalg.eigh(matrix, subset_by_index=subset)
    return np.asarray(eigenvalues), np.asarray(basis)
