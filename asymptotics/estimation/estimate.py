"""A spectrum estimated from labelled features, with what is known of its error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..checks import Array
from .atoms import fit_energies, fit_weights, refit_energies
from .class_estimate import ClassEstimate, class_estimate_of
from .covariance import energy_covariance, inflations
from .resolvent import Reading, kappa_min, levels, read, reading_points
from .sample import LabelledSample, check_classes, check_features, labelled_sample

__all__ = ["Estimate", "difference_points", "estimate_from_data", "estimate_of", "estimate_of_any"]

# Half the distance of two values of κ whose difference stands for a derivative, relative to κ + d.
_STEP = 0.02


@dataclass(frozen=True, eq=False)
class Estimate:
    r"""What from_data found, and how: readings, atoms, and the covariance of the readings.

    Attributes
    ----------
    sample : LabelledSample
        The eigenvalues of the pooled covariance, and the difference of the class means in them.
    reading : Reading
        κ, Ŝ(κ) and Ê(κ), each of shape (K,).
    covariance : array, shape (K, K)
        Of the errors of Ê at these κ.
    eigenvalues, weights, energies : array, shape (J,)
        The atoms.
    kappa_min : float
        κ of a vanishing penalty at the sample's own size: losses on up to as many samples read the
        spectrum above it. 0 if there are more degrees of freedom than directions.
    kappa_low : float
        Below it the data say nothing, unless `kappa_min` is 0.
    """

    sample: LabelledSample
    reading: Reading
    covariance: Array
    eigenvalues: Array
    weights: Array
    energies: Array
    kappa_min: float
    kappa_low: float

    def __repr__(self) -> str:
        return (
            f"Estimate(samples={self.samples}, dimension={self.dimension}, "
            f"kappa_min={self.kappa_min:.6g}, kappa_low={self.kappa_low:.6g})"
        )

    @property
    def samples(self) -> int:
        return sum(self.sample.counts)

    @property
    def dimension(self) -> int:
        return self.sample.dimension

    def extrapolates(self, kappa: Array) -> Array:
        """Whether the data say nothing of the spectrum at κ."""
        if self.sample.covers:
            return np.zeros(np.shape(kappa), dtype=bool)
        return np.asarray(kappa) < self.kappa_low

    def extended(self, lowest: float) -> Estimate:
        """With the smallest atom at so many times κ_low instead."""
        return _fit(
            self.sample, self.reading, lowest * self.kappa_low, self.kappa_min, self.kappa_low
        )

    def redrawn(self, normal: Array) -> Array:
        """Energies fitted again to Ê with other errors, of K independent standard normals each.

        Parameters
        ----------
        normal : array, shape (B, K)

        Returns
        -------
        array, shape (B, J)
        """
        values, vectors = np.linalg.eigh(self.covariance)
        errors = (normal * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
        seen = self.eigenvalues > 0
        d, w, e = self.eigenvalues[seen], self.weights[seen], self.energies[seen]
        centre = (e / (self.reading.kappa[:, None] + d)).sum(-1)
        found = np.zeros((len(normal), self.eigenvalues.size))
        found[:, seen] = refit_energies(self.reading, d, w, self.covariance, centre + errors)
        return found

    def energy_covariance(self, kappa: Array) -> Array:
        """Of Ê at all pairs of these κ, shape (K, K)."""
        kappa = np.asarray(kappa, dtype=float)
        excess = inflations(self.sample, kappa, levels(self.sample, kappa))
        return energy_covariance(self.sample, kappa, excess, self.eigenvalues, self.energies)

    def functional_covariance(self, kappa: Array, first: Array, second: Array) -> Array:
        r"""Covariance of :math:`\sum_j e_j [a/(\kappa + d_j) + b/(\kappa + d_j)^2]`, in M cases.

        By differences of Ê at κ ± h(κ + d), d the lowest atom with weight; below κ_low, at κ_low.

        Parameters
        ----------
        kappa, first, second : array, shape (M,)
            κ, a and b.

        Returns
        -------
        array, shape (M, M)
        """
        points, coefficients = difference_points(
            self.lowest_readable(kappa), first, second, self.floor
        )
        covariance = self.energy_covariance(points.ravel())
        flat = coefficients.ravel()
        whole = flat[:, None] * covariance * flat
        count = len(points)
        return np.asarray(whole.reshape(count, 2, count, 2).sum((1, 3)))

    def lowest_readable(self, kappa: Array) -> Array:
        """κ, or κ_low where it is below in a sample that does not cover its directions."""
        return np.asarray(kappa) if self.sample.covers else np.maximum(kappa, self.kappa_low)

    @property
    def floor(self) -> float:
        """The lowest atom with weight."""
        return float(self.eigenvalues[(self.weights > 0) & (self.eigenvalues > 0)].min())


def difference_points(
    kappa: Array, first: Array, second: Array, floor: float
) -> tuple[Array, Array]:
    """Pairs of κ > 0, and coefficients of 1/(κ + d) there, each of shape (M, 2), for a and b."""
    half = _STEP * (np.asarray(kappa) + floor)
    left = np.maximum(kappa - half, 0.5 * half)
    points = np.stack([left, left + 2.0 * half], axis=-1)
    # exact for a, and for b by the slope of the chord
    right = -(second + first * (left - kappa)) / (2.0 * half)
    return points, np.stack([first - right, right], axis=-1)


def _fit(
    sample: LabelledSample, reading: Reading, lowest: float, least: float, low: float
) -> Estimate:
    grid, weights = fit_weights(sample, reading, lowest)
    energies, covariance = fit_energies(sample, reading, grid, weights)
    kept = (weights > 0) | (energies > 0)
    eigenvalues, weights, energies = grid[kept], weights[kept], energies[kept]
    if sample.is_degenerate or sample.active < sample.dimension:
        outside = sample.outside if sample.is_degenerate else 0.0
        eigenvalues = np.append(0.0, eigenvalues)
        weights = np.append(1.0 - weights.sum(), weights)
        energies = np.append(outside, energies)
    return Estimate(sample, reading, covariance, eigenvalues, weights, energies, least, low)


def estimate_of(sample: LabelledSample) -> Estimate:
    """The estimate of a decomposed sample."""
    kappa, lowest, low = reading_points(sample)
    # energy outside a covariance that is singular is not noise: it is read by itself
    inside = replace(sample, outside=0.0) if sample.is_degenerate else sample
    reading = read(inside, kappa)
    return _fit(sample, reading, lowest, kappa_min(sample), low)


def estimate_of_any(sample: LabelledSample) -> Estimate | ClassEstimate:
    """The estimate of a decomposed sample of two classes or more."""
    return estimate_of(sample) if len(sample.counts) == 2 else class_estimate_of(sample)


def estimate_from_data(features: Any, labels: Any) -> Estimate | ClassEstimate:
    """Check labelled features, and estimate their spectrum.

    Raises
    ------
    TypeError, ValueError
        See :func:`check_features`, :func:`check_classes` and :func:`labelled_sample`.
    """
    table = check_features(features)
    return estimate_of_any(labelled_sample(table, check_classes(labels, table.shape[0])))
