r"""From readings of Ŝ and Ê to atoms: two non-negative least-squares problems.

The weights fit Ŝ relative to itself, with their sum and the trace held. The energies fit Ê whitened
by its own correlation, in two passes, for that depends on the energies; no energy is put below the
lowest weight, and Σ (e/d)² in units of the squared separation is held down. Without these two rules
the noise of Ê becomes energy at tiny d.

Energies that cannot be negative make energy of noise all the same: what is fitted to readings with
errors has more than they. That excess is measured on fits to readings drawn around the first fit,
and taken off the readings of the second.
"""

from __future__ import annotations

import numpy as np
import scipy

from ..checks import Array
from .covariance import energy_covariance, inflations
from .least_squares import nonnegative_least_squares
from .resolvent import Reading
from .sample import LabelledSample

__all__ = [
    "EXCESS_DRAWS",
    "NUGGET",
    "fit_energies",
    "fit_weights",
    "paired_errors",
    "refit_energies",
]

# Atoms to choose from, on a logarithmic grid.
_ATOMS = 80
# How much heavier than one reading the sum of the weights and their trace are.
_STIFF = 100.0
# Of the correlation: what rounding and the fitted spectrum leave uncertain in it.
NUGGET = 1e-3
# The first for the covariance without energies.
_PASSES = 2
# Readings drawn around the fit to measure its excess, in pairs of opposite errors.
EXCESS_DRAWS = 16


def fit_weights(sample: LabelledSample, reading: Reading, lowest: float) -> tuple[Array, Array]:
    """Eigenvalues and weights of the atoms with weight, ascending; the weights sum to the rank."""
    grid = np.geomspace(lowest, max(float(sample.eigenvalues[0]), 2.0 * lowest), _ATOMS)
    total = sample.active / sample.dimension
    if sample.is_degenerate:
        total = sample.rank / sample.dimension
    trace = float(sample.eigenvalues.sum()) / sample.dimension
    rows = grid / (reading.kappa[:, None] + grid) / reading.weight_sum[:, None]
    design = np.concatenate(
        [rows, np.full((1, _ATOMS), _STIFF / total), _STIFF * grid[None] / trace]
    )
    target = np.concatenate([np.ones(reading.kappa.size), [_STIFF, _STIFF]])
    weights = nonnegative_least_squares(design, target)
    kept = weights > 0
    return grid, np.where(kept, weights * (total / weights[kept].sum()), 0.0)


def _whitener(covariance: Array) -> Array:
    """The matrix that whitens Ê by its own correlation."""
    deviations = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(deviations, deviations)
    root = np.linalg.cholesky(correlation + NUGGET * np.eye(deviations.size))
    return np.asarray(scipy.linalg.solve_triangular(root, np.diag(1.0 / deviations), lower=True))


def paired_errors(covariance: Array, draws: int, rng: np.random.Generator) -> Array:
    """Normal errors, shape (draws, R), each with its opposite.

    Along the leading axes of the correlation the draws have unit variance exactly, and none with
    one another: a dozen of them would otherwise leave a fifth of a standard error to chance.
    """
    deviations = np.sqrt(np.diag(covariance))
    values, axes = np.linalg.eigh(covariance / np.outer(deviations, deviations))
    # an axis has no sign of its own
    axes = axes[:, ::-1] * np.where(axes.sum(0) < 0, -1.0, 1.0)[::-1]
    half = rng.standard_normal((draws // 2, deviations.size))
    leading = min(half.shape)
    half[:, :leading] = np.linalg.qr(half[:, :leading])[0] * np.sqrt(draws // 2)
    errors = half * np.sqrt(np.maximum(values[::-1], 0.0)) @ axes.T * deviations
    return np.concatenate([errors, -errors])


def refit_energies(
    reading: Reading, grid: Array, weights: Array, covariance: Array, targets: Array
) -> Array:
    """Energies on a grid for each of B targets in the place of Ê, shape (B, J)."""
    whiten = _whitener(covariance)
    lowest = grid[np.flatnonzero(weights)[0]]
    allowed = grid >= lowest
    design = whiten @ (1.0 / (reading.kappa[:, None] + grid))
    noise = float(np.sqrt(covariance[0, 0]))
    found = np.zeros((len(targets), grid.size))
    for row, target in zip(found, targets, strict=True):
        separation = max(float(target[0]), noise)
        full = np.concatenate([design, np.diag(1.0 / (grid * separation))])[:, allowed]
        row[allowed] = nonnegative_least_squares(
            full, np.concatenate([whiten @ target, np.zeros(grid.size)])
        )
    return found


def fit_energies(
    sample: LabelledSample, reading: Reading, grid: Array, weights: Array
) -> tuple[Array, Array]:
    """Energies on the grid, and the covariance of Ê that they imply."""
    kappa = reading.kappa
    excess = inflations(sample, kappa, reading.level)
    energies = np.zeros(grid.size)
    for _ in range(_PASSES):
        covariance = energy_covariance(sample, kappa, excess, grid, energies)
        energies = refit_energies(reading, grid, weights, covariance, reading.energy_sum[None])[0]
    covariance = energy_covariance(sample, kappa, excess, grid, energies)
    kernel = 1.0 / (kappa[:, None] + grid)
    first = kernel @ energies
    errors = paired_errors(covariance, EXCESS_DRAWS, np.random.default_rng(0))
    drawn = refit_energies(reading, grid, weights, covariance, first + errors)
    lowered = 2.0 * first - kernel @ drawn.mean(0)
    energies = refit_energies(reading, grid, weights, covariance, lowered[None])[0]
    return energies, energy_covariance(sample, kappa, excess, grid, energies)
