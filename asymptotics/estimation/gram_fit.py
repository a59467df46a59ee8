r"""Gram matrices on atoms from noisy readings: least squares with positive semi-definite solutions.

For readings ĝ_s(κ) of each entry s = (a, b), a ≥ b, whitened over κ,

    min ½ Σ_s (x_sᵀ H_s x_s - 2 x_sᵀ l_s)   over   X_j = (x_sj)_s ≽ 0 on every atom j.

Of one entry it is non-negative least squares. The alternating directions of multipliers (S. Boyd et
al., Found. Trends Mach. Learn. 3, 1, 2011): a linear system for each entry, and the projection of
each matrix onto the cone by its eigenvalues.
"""

from __future__ import annotations

import numpy as np

from ..checks import Array

__all__ = ["entries", "matrices", "semidefinite_least_squares"]

_MAX_STEPS = 4000
# Relative residuals at which the two copies of the solution agree.
_TARGET = 1e-6
# How often the weight of their agreement is looked at, and the imbalance that changes it.
_ROUND, _IMBALANCE, _FACTOR = 50, 5.0, 2.5


def entries(values: Array) -> Array:
    """The independent entries (a ≥ b) of symmetric matrices in the last two axes: the last axis."""
    rows, columns = np.tril_indices(values.shape[-1])
    return np.asarray(values[..., rows, columns])


def matrices(values: Array, size: int) -> Array:
    """Symmetric matrices of their independent entries in the last axis."""
    rows, columns = np.tril_indices(size)
    made = np.empty((*values.shape[:-1], size, size))
    made[..., rows, columns] = made[..., columns, rows] = values
    return made


def _projected(values: Array, size: int) -> Array:
    """The nearest positive semi-definite matrices, in entries."""
    if size == 1:
        return np.maximum(values, 0.0)
    spectrum, vectors = np.linalg.eigh(matrices(values, size))
    kept = vectors * np.maximum(spectrum, 0.0)[..., None, :]
    return entries(kept @ np.swapaxes(vectors, -1, -2))


def semidefinite_least_squares(
    hessians: Array, linear: Array, size: int, target: float = _TARGET
) -> Array:
    """The solutions of B problems with the same Hessians.

    Parameters
    ----------
    hessians : array, shape (s, J, J)
        H_s of the s = size(size + 1)/2 entries.
    linear : array, shape (B, s, J)
    size : int
    target : float
        Relative residual at which the two copies of the solution agree.

    Returns
    -------
    array, shape (B, J, size, size)
    """
    rows, columns = np.tril_indices(size)
    # an entry off the diagonal stands for two in the norm of a matrix
    times = np.where(rows == columns, 1.0, 2.0)[:, None]
    # atoms in units of their own curvature
    units = 1.0 / np.sqrt(np.einsum("sjj->sj", hessians).mean(0))
    scaled = hessians * units[:, None] * units
    goal = linear * units
    identity = np.eye(units.size)
    weight = 0.1
    copy = np.zeros_like(goal)
    dual = np.zeros_like(goal)
    inverse = np.linalg.inv(scaled + weight * times[..., None] * identity)
    for step in range(_MAX_STEPS):
        right = goal + weight * times * (copy - dual)
        found = np.einsum("sij,bsj->bsi", inverse, right)
        before = copy
        copy = np.swapaxes(_projected(np.swapaxes(found + dual, -1, -2), size), -1, -2)
        dual = dual + found - copy
        if step % 10:
            continue
        length = max(float(np.linalg.norm(copy)), float(np.linalg.norm(found)), 1e-300)
        primal = float(np.linalg.norm(found - copy)) / length
        moved = float(np.linalg.norm(copy - before)) * weight
        force = max(float(np.linalg.norm(dual)) * weight, 1e-300)
        if primal <= target and moved <= target * force:
            break
        if step and step % _ROUND == 0:
            # both residuals fall together
            ratio = primal / max(moved / force, 1e-300)
            change = 1.0
            if ratio > _IMBALANCE:
                change = _FACTOR
            elif ratio < 1.0 / _IMBALANCE:
                change = 1.0 / _FACTOR
            if change != 1.0:
                weight *= change
                dual = dual / change
                inverse = np.linalg.inv(scaled + weight * times[..., None] * identity)
    solved = matrices(np.swapaxes(copy, -1, -2), size)
    return np.asarray(solved * units[:, None, None])
