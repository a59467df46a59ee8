"""Least squares on a banded sample: the weights that a rotated training set leads to.

The first r rows hold all of the labels and of the special columns, and the bulk is a lower-banded
matrix of bandwidth r: each case below costs O(n r²) operations.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy

from ..checks import Array
from ..outcomes import ConvergenceError

__all__ = ["Fit", "Parts", "Sample", "centroid", "least_squares", "ridge_parts"]


class Fit(NamedTuple):
    """Weights on the special axes, length of the others, and the fitted labels.

    ``inside`` are the fitted labels in the first r rotated coordinates, ``outside`` is the length
    of the rest of them.
    """

    special: Array
    bulk: float
    inside: Array
    outside: float


class Parts(NamedTuple):
    """The same with all bulk weights and all fitted labels, a column for each of several targets.

    They are those of a rotated training set: of what comes after the first r only products of the
    columns have a meaning.
    """

    special: Array
    bulk: Array
    inside: Array
    outside: Array


class Sample(NamedTuple):
    """A rotated training set: the first r rows of labels and special columns, and the bulk.

    Several targets are labels of shape (r, R).
    """

    labels: Array
    special: Array
    bands: Array
    rows: int
    columns: int
    scale: float


def least_squares(sample: Sample, cost: float) -> Fit:
    """Minimise |labels - fitted|² + cost |weights|²; of the shortest weights if cost is 0.

    Raises
    ------
    ConvergenceError
        If the system is singular to rounding.
    """
    if sample.columns + sample.special.shape[1] < sample.rows:
        return _ridge(sample, cost) if cost else _least_squares(sample)
    if cost:
        return _ridge(sample, cost)
    if sample.columns >= sample.rows:
        return _interpolate(sample)
    return _interpolate_with_frame(sample)


def _ridge(sample: Sample, cost: float) -> Fit:
    weights, bulk, inside, outside = ridge_parts(sample, cost)
    return Fit(weights, float(np.linalg.norm(bulk)), inside, float(np.linalg.norm(outside)))


def centroid(sample: Sample) -> Fit:
    """The weights Σ y_i z_i/|y|², where y lies along the first axis."""
    target, special = sample.labels, sample.special
    weights = special.T @ target / (target @ target)
    inside, outside, bulk = special @ weights, 0.0, 0.0
    if sample.columns:  # the first row of the bulk has one entry, the first column the rest
        column = sample.scale * sample.bands[:, 0]
        bulk = column[0] / target[0]
        inside = inside + column[:-1] * bulk
        outside = column[-1] * bulk
    return Fit(weights, float(abs(bulk)), inside, float(abs(outside)))


def _top(sample: Sample) -> Array:
    """The first r rows of the bulk, which are lower triangular."""
    r = len(sample.labels)
    top = np.zeros((r, min(r, sample.bands.shape[1])))
    for i in range(top.shape[1]):
        top[i:, i] = sample.scale * sample.bands[: r - i, i]
    return top


def _triangle(matrix: Array) -> Array:
    """The factor R of a QR factorisation."""
    triangle: Any = np.linalg.qr(matrix, mode="r")
    return np.asarray(triangle)


def _minimise(matrix: Array, target: Array) -> Array:
    """The least-squares solution of a small or tall system of full column rank, by QR.

    Reflections keep small columns apart from large ones, and small entries of a column apart from
    large ones above them: the rows of a penalty come first, since a shrunk column is smaller.
    """
    k = matrix.shape[1]
    triangle = _triangle(np.column_stack([matrix, target]))
    right = triangle[:k, k] if target.ndim == 1 else triangle[:k, k:]
    solution: Array = np.linalg.solve(triangle[:k, :k], right)
    return solution


def _shortest(matrix: Array, target: Array) -> Array:
    """The shortest solution of a small system of full row rank, of columns of any sizes."""
    order = np.argsort(-np.linalg.norm(matrix, axis=0))
    basis, triangle, rows = scipy.linalg.qr(matrix[:, order].T, mode="economic", pivoting=True)
    solution = np.empty(matrix.shape[1])
    solution[order] = basis @ scipy.linalg.solve_triangular(triangle, target[rows], trans="T")
    return solution


def _solve_band(bands: Array, target: Array, shape: str) -> Array:
    """Solve with a triangular band matrix: "LN" lower, "UN" upper, "LT", "UT" transposed."""
    if not len(target):
        return target
    solution, info = scipy.linalg.lapack.dtbtrs(bands, target, uplo=shape[0], trans=shape[1])
    if info:
        raise ConvergenceError("the least-squares system of the exact law is singular")
    return np.asarray(solution)


def _split(sample: Sample) -> tuple[Array, Array]:
    """The rows after the first r: an upper triangle, and columns beyond it if there are more.

    Returns
    -------
    bands : array, shape (r + 1, size)
        The triangle, not scaled.
    rest : array, shape (size, d)
        The columns beyond.
    """
    bands, r = sample.bands, len(sample.labels)
    p, size = sample.columns, min(sample.columns, sample.rows - r)
    rest = np.zeros((size, p - size), order="F")
    for column in range(size, p):
        for row in range(max(column - r, 0), size):
            rest[row, column - size] = sample.scale * bands[r + row - column, column]
    return bands[:, :size], rest


def _least_squares(sample: Sample) -> Fit:
    """No penalty, and more rows than directions: the rows that follow the first r are triangular.

    With f the fitted labels in these rows, and u' the weights of columns beyond the triangle, if
    any, the fitted ones in the first r are Zv + Xf + Yu', and the least squares of f are a matter
    of r dimensions. Nothing is squared.
    """
    target, special, p = sample.labels, sample.special, sample.columns
    r, k = special.shape
    if not p:
        weights = _minimise(special, target)
        return Fit(weights, 0.0, special @ weights, 0.0)
    (bands, rest), top = _split(sample), _top(sample)
    head = min(top.shape[1], len(rest))
    tall = np.zeros((len(rest), r), order="F")
    tall[:head] = top[:, :head].T / sample.scale
    tall = _solve_band(bands, tall, "UT")
    beyond = -tall.T @ rest
    beyond[:, : top.shape[1] - head] += top[:, head:]
    columns = np.column_stack([special, beyond])
    root = _triangle(np.concatenate([np.eye(r), tall])).T
    weights = _minimise(np.linalg.solve(root, columns), np.linalg.solve(root, target))
    missing = np.linalg.solve(root.T, np.linalg.solve(root, target - columns @ weights))
    outside = tall @ missing
    bulk = _solve_band(bands, outside - rest @ weights[k:], "UN") / sample.scale
    return Fit(
        weights[:k],
        float(np.hypot(np.linalg.norm(bulk), np.linalg.norm(weights[k:]))),
        columns @ weights + tall.T @ outside,
        float(np.linalg.norm(outside)),
    )


def _interpolate(sample: Sample) -> Fit:
    """No penalty, and as many bulk directions as rows: the bulk is square and triangular."""
    target, special = sample.labels, sample.special
    r, k = special.shape
    tall = np.zeros((sample.rows, k + 1), order="F")
    tall[:r, :k], tall[:r, k] = special, target
    tall = _solve_band(sample.bands, tall, "LN") / sample.scale
    weights = _minimise(
        np.concatenate([np.eye(k), tall[:, :k]]), np.concatenate([np.zeros(k), tall[:, k]])
    )
    bulk = tall[:, k] - tall[:, :k] @ weights
    return Fit(weights, float(np.linalg.norm(bulk)), target, 0.0)


def _interpolate_with_frame(sample: Sample) -> Fit:
    """No penalty, and enough directions to interpolate only if the special ones count as well.

    The rows after the first r are triangular, with some columns beyond: they hold no labels, so
    that the weights of these columns decide all others of the bulk. What is left are r equations
    for the weights along the special axes and along an orthonormal basis of the solutions.
    """
    target, special = sample.labels, sample.special
    k = special.shape[1]
    (bands, rest), top = _split(sample), _top(sample)
    inner = -_solve_band(bands, rest / sample.scale, "UN")
    basis, _ = np.linalg.qr(np.concatenate([inner, np.eye(rest.shape[1])]))
    system = np.column_stack([special, top @ basis[: top.shape[1]]])
    found = _shortest(system, target)
    return Fit(found[:k], float(np.linalg.norm(found[k:])), target, 0.0)


def ridge_parts(sample: Sample, cost: float) -> Parts:
    """A penalty: for one column of labels, or for several targets at once."""
    if sample.columns + sample.special.shape[1] < sample.rows:
        return _ridge_weights(sample, cost)
    return _ridge_multipliers(sample, cost)


def _ridge_weights(sample: Sample, cost: float) -> Parts:
    """A penalty, and more rows than directions: the primal system.

    All but the first r bulk weights meet the rows that follow the first r only; they are
    eliminated, the last one first, and a least-squares problem in r + K dimensions is left.
    """
    target, special, p = sample.labels, sample.special, sample.columns
    r, k = special.shape
    tail = target.shape[1:]
    top = _top(sample)
    size = top.shape[1]
    below = sample.scale * sample.bands
    for i in range(size):
        below[: r - i, i] = 0.0
    gram = [np.zeros(p - lag) for lag in range(min(r + 1, p))]
    for lag, diagonal in enumerate(gram):
        for j in range(lag, r + 1):
            diagonal += below[j, : p - lag] * below[j - lag, lag:]
    factor, corner = np.zeros((1, 0)), np.zeros((0, 0))
    if p:
        gram[0] += cost
        factor = _eliminate(gram)
        corner = _corner(factor, size)
    system = np.zeros((r + k + size, k + size))
    system[:k, :k] = np.sqrt(cost) * np.eye(k)
    system[k : k + size, k:] = corner.T
    system[k + size :, :k], system[k + size :, k:] = special, top[:, ::-1]
    found = _minimise(system, np.concatenate([np.zeros((k + size, *tail)), target]))
    weights, head = found[:k], found[k:]
    bulk, outside = np.zeros((0, *tail)), np.zeros((0, *tail))
    if p:
        bulk = _substitute(factor, corner.T @ head)
        outside = np.zeros((p + r, *tail))
        for j in range(r + 1):
            outside[j : j + p] += (below[j] * bulk.T).T
    return Parts(weights, bulk, special @ weights + top @ head[::-1], outside)


def _ridge_multipliers(sample: Sample, cost: float) -> Parts:
    """A penalty, and about as many directions as rows or more: the dual system.

    (BBᵀ + nλ) a = y - Zv; the right-hand side vanishes below the first r rows, onto which the
    others are eliminated, the last one first.
    """
    target, special = sample.labels, sample.special
    r, k = special.shape
    gram = _dual_gram(sample)
    gram[0] += cost
    factor = _eliminate(gram)
    corner = _corner(factor, r)
    scaled = np.linalg.solve(corner, np.column_stack([special, target])[::-1])
    goal = scaled[:, k] if target.ndim == 1 else scaled[:, k:]
    weights = _minimise(
        np.concatenate([np.eye(k), scaled[:, :k]]),
        np.concatenate([np.zeros((k, *target.shape[1:])), goal]),
    )
    dual = _substitute(factor, goal - scaled[:, :k] @ weights)
    bulk = _pull(sample, dual)
    top = _top(sample)
    return Parts(weights, bulk, special @ weights + top @ bulk[: top.shape[1]], cost * dual[r:])


def _dual_gram(sample: Sample) -> list[Array]:
    """The diagonals of BBᵀ, the main one first."""
    bands, n = sample.bands, sample.rows
    r = len(bands) - 1
    gram = [np.zeros(n - lag) for lag in range(min(r + 1, n))]
    for lag, diagonal in enumerate(gram):
        for j in range(r - lag + 1):
            m = min(bands.shape[1], n - lag - j)
            if m > 0:
                diagonal[j : j + m] += bands[j, :m] * bands[j + lag, :m]
        diagonal *= sample.scale**2
    return gram


def _pull(sample: Sample, dual: Array) -> Array:
    """Bᵀ a."""
    out = np.zeros((sample.bands.shape[1], *dual.shape[1:]))
    for j, band in enumerate(sample.bands):
        part = dual[j : j + len(out)]
        out[: len(part)] += (band[: len(part)] * part.T).T
    return sample.scale * out


def _eliminate(gram: list[Array]) -> Array:
    """The banded Cholesky factor of a matrix in reverse order, from its diagonals."""
    size = gram[0].size
    bands = np.zeros((size, len(gram))).T
    for lag, diagonal in enumerate(gram):
        bands[lag, : size - lag] = diagonal[::-1]
    try:
        factor = scipy.linalg.cholesky_banded(
            bands, overwrite_ab=True, lower=True, check_finite=False
        )
    except scipy.linalg.LinAlgError as error:
        raise ConvergenceError(
            "the least-squares system of the exact law is singular to rounding: take a larger "
            "penalty"
        ) from error
    return np.asarray(factor)


def _corner(factor: Array, size: int) -> Array:
    """The last rows and columns of a banded triangular factor."""
    corner = np.zeros((size, size))
    start = factor.shape[1] - size
    for i in range(size):
        length = min(len(factor), size - i)
        corner[i : i + length, i] = factor[:length, start + i]
    return corner


def _substitute(factor: Array, head: Array) -> Array:
    """All unknowns, in their own order, from the right-hand side that is left for the last ones."""
    target = np.zeros((factor.shape[1], *head.shape[1:]))
    target[len(target) - len(head) :] = head
    return _solve_band(factor, target, "LT")[::-1]
