"""The exact law: trained weights drawn without the data, in time and memory linear in n.

Of the square loss and the centroids on an isotropic bulk only a few directions of the sample space
matter: the labels, the all-ones vector of an intercept, and the K special columns. In an
orthonormal basis that begins with those, two-sided reflections leave of the n × (p - K) Gaussian
numbers of the bulk a banded matrix of independent entries, without a change in law. The proof is
in docs/exact_law.rst.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy

from ..classifiers import Centroid, Classifier, MinNorm, Ridge
from ..errors import ConvergenceError
from ..parameters import Array
from ..population import Population, SpikedMixture
from ..projectors import Projector
from ..training import check_classes

__all__ = ["Draw", "ExactLaw", "Points", "Source", "banded_gaussian", "unavailable"]

_CLASSIFIERS = (Ridge, MinNorm, Centroid)
# Below this share of the largest eigenvalue a penalty is lost in a squared matrix.
_PENALTY_SHARE = 1e-10


def unavailable(
    mix: Population, clf: Classifier, projector: Projector, n: int, dimension: int
) -> str | None:
    """Why there is no exact law; None if there is one."""
    if type(clf) not in _CLASSIFIERS:
        return f"the classifier must be Ridge, MinNorm or Centroid, got {clf!r}"
    if not isinstance(mix, SpikedMixture):
        return f"mix must be a SpikedMixture, got {type(mix).__name__}"
    if projector.is_learned:
        return f"projector must not be learned from data, got {projector!r}"
    if projector.dimension is not None:
        return f"projector must act on the frame alone, got {projector!r}"
    if isinstance(clf, Ridge) and clf.penalty > 0:
        law = ExactLaw.of(mix, projector, n, dimension)
        least = _PENALTY_SHARE * (law.bulk * (1.0 + np.sqrt(dimension / n))) ** 2
        if clf.penalty < least:
            return f"penalty must be 0 or at least {least:.3g}, got {clf.penalty!r}"
    return None


class Draw(NamedTuple):
    """One training set's worth of trained weights: training accuracy, m, q and b."""

    train_accuracy: float
    overlap: float
    variance: float
    intercept: float


class _Fit(NamedTuple):
    """Weights on the special axes, length of the others, and the fitted labels.

    ``inside`` are the fitted labels in the first r rotated coordinates, ``outside`` is the length
    of the rest of them.
    """

    special: Array
    bulk: float
    inside: Array
    outside: float


class _Sample(NamedTuple):
    """A rotated training set: the first r rows of labels and special columns, and the bulk."""

    labels: Array
    special: Array
    bands: Array
    rows: int
    columns: int
    scale: float


@dataclass(frozen=True)
class Source:
    """Rotated training sets before they are stretched: what all projectors and penalties share.

    Attributes
    ----------
    n : int
    axes : int
        K, the number of special directions.
    bulk_dimension : int
        The number of bulk directions.
    balance : float
    """

    n: int
    axes: int
    bulk_dimension: int
    balance: float

    def draw(self, clf: Classifier, rng: np.random.Generator) -> Points:
        """Draw what a classifier of this kind and a common penalty or another one learns from.

        Raises
        ------
        ValueError
            If all labels are equal and an intercept is fitted.
        """
        n, k = self.n, self.axes
        labels = np.where(rng.random(n) < self.balance, 1.0, -1.0)
        if clf.fit_intercept:
            check_classes(labels)
        # The last column is there to point into a uniform direction, orthogonal to the others.
        columns = np.empty((n, k + 2))
        columns[:, 0] = labels
        columns[:, 1:] = rng.standard_normal((n, k + 1))
        first = np.zeros(k + 2)
        if clf.fit_intercept:
            first, columns = _mirror_ones(columns)
        basis, triangle = np.linalg.qr(columns)
        rows = len(columns)
        r = min(rows, k + 1)
        count = min(1, self.bulk_dimension) if isinstance(clf, Centroid) else self.bulk_dimension
        bands = banded_gaussian(rows, self.bulk_dimension, r, rng, count)
        centre = rng.standard_normal() if clf.fit_intercept else 0.0
        return Points(labels, first, basis, triangle, bands, centre)


class Points(NamedTuple):
    """One draw of :class:`Source`, in an orthonormal basis that begins with [y, G].

    Attributes
    ----------
    labels : array, shape (n,)
    first : array, shape (K + 2,)
        The row along the all-ones vector, of labels, G and one column more; 0 without intercept.
    basis, triangle : array
        QR factorisation of the other rows of the same.
    bands : array
        The bulk behind them, see :func:`banded_gaussian`.
    centre : float
        The row of the bulk along the all-ones vector, in the direction of its weights.
    """

    labels: Array
    first: Array
    basis: Array
    triangle: Array
    bands: Array
    centre: float


@dataclass(frozen=True)
class ExactLaw:
    """The law of the weights that a classifier learns from n points behind a projector.

    Attributes
    ----------
    source : Source
        What is drawn, of which the rest is a function.
    turn : array, shape (K, K')
        From the axes of the population to the principal axes of its image.
    deviations, means : array, shape (K',)
        Standard deviation and class mean along each of these.
    bulk : float
        Standard deviation of the bulk.
    """

    source: Source
    turn: Array
    deviations: Array
    means: Array
    bulk: float

    @classmethod
    def of(cls, mix: SpikedMixture, projector: Projector, n: int, dimension: int) -> ExactLaw:
        """The law of a population behind a projector, p = `dimension`."""
        frame = mix.frame(projector.fresh_axes)
        image = projector.on_frame(frame)
        eigenvalues = image.spectrum(frame)[0]
        k = frame.axes
        basis, _, turn = np.linalg.svd(image.block @ frame.root)
        kept = eigenvalues[:k] > 0  # what a gain of 0 projects out has no variance and no mean
        return cls(
            source=Source(n, k, dimension - k, float(mix.balance)),
            turn=turn[kept].T,
            deviations=np.sqrt(eigenvalues[:k][kept]),
            means=(basis.T @ image.block @ frame.mean)[kept],
            bulk=float(np.sqrt(eigenvalues[k])),
        )

    def draw(self, clf: Classifier, rng: np.random.Generator) -> Draw:
        """Train on one training set, equal in law to ``clf.fit`` on n points.

        Raises
        ------
        ValueError
            If all labels are equal and an intercept is fitted.
        ConvergenceError
            If the least-squares system is singular to rounding.
        """
        return self.learn(clf, self.source.draw(clf, rng))

    def learn(self, clf: Classifier, points: Points) -> Draw:
        """Train on points that were drawn."""
        n, k, columns = self.source.n, self.source.axes, self.source.bulk_dimension
        labels, first, basis, triangle, bands, centre = points
        rows = len(basis)
        r = min(rows, k + 1)
        target = triangle[:r, 0]
        special = triangle[:r, 1 : k + 1] @ self.turn * self.deviations
        special += np.outer(target, self.means)
        cost = n * clf.penalty if isinstance(clf, Ridge) else 0.0
        sample = _Sample(target, special, bands, rows, columns, self.bulk)
        if isinstance(clf, Centroid):
            fit = _centroid(sample)
        elif columns + special.shape[1] < rows:
            fit = _ridge_weights(sample, cost) if cost else _least_squares(sample)
        elif cost:
            fit = _ridge_multipliers(sample, cost)
        elif columns >= rows:
            fit = _interpolate(sample)
        else:
            fit = _interpolate_with_frame(sample)

        intercept = 0.0
        fitted = basis[:, :r] @ fit.inside
        if rows > r:
            fitted += (fit.outside * np.sign(triangle[r, r])) * basis[:, r]
        if clf.fit_intercept:
            # ⟨w, z̄⟩: the bulk of z̄ is Gaussian and independent of all the rest.
            root = np.sqrt(n)
            special_first = first[1 : k + 1] @ self.turn * self.deviations + first[0] * self.means
            score = (self.bulk * fit.bulk * centre - fit.special @ special_first) / root
            share = -first[0] / root
            if isinstance(clf, Centroid):
                share *= fit.special @ fit.special + fit.bulk**2
            intercept = float(share - score)
            fitted = _mirror_back(-root * (score + intercept), fitted)
        return Draw(
            train_accuracy=float((labels * fitted > 0).mean()),
            overlap=float(fit.special @ self.means),
            variance=float(
                np.square(fit.special * self.deviations).sum() + (self.bulk * fit.bulk) ** 2
            ),
            intercept=intercept,
        )


def banded_gaussian(
    rows: int, columns: int, r: int, rng: np.random.Generator, count: int | None = None
) -> Array:
    """A Gaussian matrix after reflections that leave its first r rows in their place.

    Reflections of the columns make row i end at the diagonal, and reflections of the rows from
    i + r on make column i end there. Each meets Gaussian numbers that are independent of it.

    Parameters
    ----------
    rows, columns : int
        Shape of the matrix of independent standard normal entries.
    r : int
        At most `rows`.
    rng : Generator
    count : int, optional
        How many of the columns to draw, all of them by default.

    Returns
    -------
    bands : array, shape (r + 1, min(rows, count))
        Entry [j, i] is that in row i + j and column i; 0 beyond the last row.
    """
    size = min(rows, columns if count is None else count)
    index = np.arange(size)
    bands = np.empty((r + 1, size))
    bands[0] = np.sqrt(2.0 * rng.standard_gamma(0.5 * (columns - index)))
    bands[1:r] = rng.standard_normal((r - 1, size))
    bands[r] = np.sqrt(2.0 * rng.standard_gamma(0.5 * np.maximum(rows - r - index, 0)))
    for j in range(1, r):
        bands[j, max(rows - j, 0) :] = 0.0
    return bands


def _mirror_ones(columns: Array) -> tuple[Array, Array]:
    """Reflect the all-ones vector into the first axis: that row, and the others."""
    n = len(columns)
    root = np.sqrt(n)
    sums = columns.sum(0) + root * columns[0]
    columns -= sums / (n + root)
    columns[0] -= sums / (1.0 + root)
    return columns[0], columns[1:]


def _mirror_back(first: float, others: Array) -> Array:
    """The vector whose reflection has these coordinates."""
    whole = np.concatenate([[first], others])[:, None]
    _mirror_ones(whole)
    return whole[:, 0]


def _top(sample: _Sample) -> Array:
    """The first r rows of the bulk, which are lower triangular."""
    r = sample.labels.size
    top = np.zeros((r, min(r, sample.bands.shape[1])))
    for i in range(top.shape[1]):
        top[i:, i] = sample.scale * sample.bands[: r - i, i]
    return top


def _triangle(matrix: Array) -> Array:
    """The factor R of a QR factorisation."""
    triangle: Any = np.linalg.qr(matrix, mode="r")
    return np.asarray(triangle)


def _minimise(matrix: Array, target: Array) -> Array:
    """The least-squares solution of a small or tall system of full column rank, by QR."""
    k = matrix.shape[1]
    triangle = _triangle(np.column_stack([matrix, target]))
    solution: Array = np.linalg.solve(triangle[:k, :k], triangle[:k, k])
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


def _centroid(sample: _Sample) -> _Fit:
    """The weights Σ y_i z_i/|y|², where y lies along the first axis."""
    target, special = sample.labels, sample.special
    weights = special.T @ target / (target @ target)
    inside, outside, bulk = special @ weights, 0.0, 0.0
    if sample.columns:  # the first row of the bulk has one entry, the first column the rest
        column = sample.scale * sample.bands[:, 0]
        bulk = column[0] / target[0]
        inside = inside + column[:-1] * bulk
        outside = column[-1] * bulk
    return _Fit(weights, float(abs(bulk)), inside, float(abs(outside)))


def _split(sample: _Sample) -> tuple[Array, Array]:
    """The rows after the first r: an upper triangle, and columns beyond it if there are more.

    Returns
    -------
    bands : array, shape (r + 1, size)
        The triangle, not scaled.
    rest : array, shape (size, d)
        The columns beyond.
    """
    bands, r = sample.bands, sample.labels.size
    p, size = sample.columns, min(sample.columns, sample.rows - r)
    rest = np.zeros((size, p - size), order="F")
    for column in range(size, p):
        for row in range(max(column - r, 0), size):
            rest[row, column - size] = sample.scale * bands[r + row - column, column]
    return bands[:, :size], rest


def _least_squares(sample: _Sample) -> _Fit:
    """No penalty, and more rows than directions: the rows that follow the first r are triangular.

    With f the fitted labels in these rows, and u' the weights of columns beyond the triangle, if
    any, the fitted ones in the first r are Zv + Xf + Yu', and the least squares of f are a matter
    of r dimensions. Nothing is squared.
    """
    target, special, p = sample.labels, sample.special, sample.columns
    r, k = special.shape
    if not p:
        weights = _minimise(special, target)
        return _Fit(weights, 0.0, special @ weights, 0.0)
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
    return _Fit(
        weights[:k],
        float(np.hypot(np.linalg.norm(bulk), np.linalg.norm(weights[k:]))),
        columns @ weights + tall.T @ outside,
        float(np.linalg.norm(outside)),
    )


def _interpolate(sample: _Sample) -> _Fit:
    """No penalty, and as many bulk directions as rows: the bulk is square and triangular."""
    target, special = sample.labels, sample.special
    r, k = special.shape
    tall = np.zeros((sample.rows, k + 1), order="F")
    tall[:r, :k], tall[:r, k] = special, target
    tall = _solve_band(sample.bands, tall, "LN") / sample.scale
    weights = _minimise(
        np.concatenate([tall[:, :k], np.eye(k)]), np.concatenate([tall[:, k], np.zeros(k)])
    )
    bulk = tall[:, k] - tall[:, :k] @ weights
    return _Fit(weights, float(np.linalg.norm(bulk)), target, 0.0)


def _interpolate_with_frame(sample: _Sample) -> _Fit:
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
    return _Fit(found[:k], float(np.linalg.norm(found[k:])), target, 0.0)


def _ridge_weights(sample: _Sample, cost: float) -> _Fit:
    """A penalty, and more rows than directions: the primal system.

    All but the first r bulk weights meet the rows that follow the first r only; they are
    eliminated, the last one first, and a least-squares problem in r + K dimensions is left.
    """
    target, special, p = sample.labels, sample.special, sample.columns
    r, k = special.shape
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
    system[:r, :k], system[:r, k:] = special, top[:, ::-1]
    system[r : r + k, :k] = np.sqrt(cost) * np.eye(k)
    system[r + k :, k:] = corner.T
    found = _minimise(system, np.concatenate([target, np.zeros(k + size)]))
    weights, head = found[:k], found[k:]
    bulk, outside = np.zeros(0), np.zeros(0)
    if p:
        bulk = _substitute(factor, corner.T @ head)
        outside = np.zeros(p + r)
        for j in range(r + 1):
            outside[j : j + p] += below[j] * bulk
    return _Fit(
        weights,
        float(np.linalg.norm(bulk)),
        special @ weights + top @ head[::-1],
        float(np.linalg.norm(outside)),
    )


def _ridge_multipliers(sample: _Sample, cost: float) -> _Fit:
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
    weights = _minimise(
        np.concatenate([scaled[:, :k], np.eye(k)]), np.concatenate([scaled[:, k], np.zeros(k)])
    )
    dual = _substitute(factor, scaled[:, k] - scaled[:, :k] @ weights)
    bulk = _pull(sample, dual)
    top = _top(sample)
    return _Fit(
        weights,
        float(np.linalg.norm(bulk)),
        special @ weights + top @ bulk[: top.shape[1]],
        float(cost * np.linalg.norm(dual[r:])),
    )


def _dual_gram(sample: _Sample) -> list[Array]:
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


def _pull(sample: _Sample, dual: Array) -> Array:
    """Bᵀ a."""
    out = np.zeros(sample.bands.shape[1])
    for j, band in enumerate(sample.bands):
        part = dual[j : j + out.size]
        out[: part.size] += band[: part.size] * part
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
    target = np.zeros(factor.shape[1])
    target[target.size - head.size :] = head
    return _solve_band(factor, target, "LT")[::-1]
