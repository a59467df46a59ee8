"""The exact law: trained weights drawn without the data, in time and memory linear in n.

Of the square loss and the centroids on an isotropic bulk only a few directions of the sample space
matter: the labels, the all-ones vector of an intercept, and the K special columns. In an
orthonormal basis that begins with those, two-sided reflections leave of the n × (p - K) Gaussian
numbers of the bulk a banded matrix of independent entries, without a change in law. The proof is
in docs/exact_law.rst.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..checks import Array
from ..classifiers import Centroid, Classifier, MinNorm, Ridge
from ..intake import shown
from ..populations.base import Population
from ..populations.labels import draw_labels
from ..populations.spiked import SpikedMixture
from ..projectors import Projector
from ..training.samples import check_classes
from .banded import Sample, centroid, least_squares

__all__ = ["Draw", "ExactLaw", "Points", "Source", "banded_gaussian", "unavailable"]

_CLASSIFIERS = (Ridge, MinNorm, Centroid)
# Below this share of the largest eigenvalue a penalty is lost in a squared matrix.
_PENALTY_SHARE = 1e-10


@np.errstate(over="ignore")
def unavailable(
    mix: Population, clf: Classifier, projector: Projector, n: int, dimension: int
) -> str | None:
    """Why there is no exact law; None if there is one."""
    if type(clf) not in _CLASSIFIERS:
        return f"the classifier must be Ridge, MinNorm or Centroid, got {shown(clf)}"
    if clf.class_weight is not None:
        return f"the classifier must have no class_weight, got {shown(clf)}"
    if not isinstance(mix, SpikedMixture):
        return f"mix must be a SpikedMixture, got {type(mix).__name__}"
    if projector.is_learned:
        return f"projector must not be learned from data, got {shown(projector)}"
    if projector.input_dimension is not None:
        return f"projector must act on the frame alone, got {shown(projector)}"
    if isinstance(clf, Ridge) and clf.penalty > 0:
        frame = mix.frame(projector.fresh_axes)
        bulk = (projector.on_frame(frame).bulk * frame.bulk).item()
        least = _PENALTY_SHARE * (bulk * (1.0 + np.sqrt(dimension / n))) ** 2
        if clf.penalty < least:
            return f"penalty must be 0 or at least {least:.3g}, got {shown(clf.penalty)}"
    return None


class Draw(NamedTuple):
    """One training set's worth of trained weights: training accuracy, m, q and b."""

    train_accuracy: float
    overlap: float
    variance: float
    intercept: float


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
    fixed_counts : bool
        Whether there are always as many labels of each class.
    """

    n: int
    axes: int
    bulk_dimension: int
    balance: float
    fixed_counts: bool = False

    def draw(self, clf: Classifier, rng: np.random.Generator) -> Points:
        """Draw what a classifier of this kind and a common penalty or another one learns from.

        Raises
        ------
        ValueError
            If all labels are equal and an intercept is fitted.
        """
        n, k = self.n, self.axes
        labels = draw_labels(n, self.balance, rng, self.fixed_counts)
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
    def of(
        cls,
        mix: SpikedMixture,
        projector: Projector,
        n: int,
        dimension: int,
        fixed_counts: bool = False,
    ) -> ExactLaw:
        """The law of a population behind a projector, p = `dimension`."""
        frame = mix.frame(projector.fresh_axes)
        image = projector.on_frame(frame)
        # Not from the block, a sum in which a large gain leaves nothing of what it does not reach.
        deviations, means, turn = image.axes(frame)
        kept = deviations > 0  # what a gain of 0 projects out has no variance and no mean
        return cls(
            source=Source(n, frame.axes, dimension - frame.axes, float(mix.balance), fixed_counts),
            turn=turn[:, kept],
            deviations=deviations[kept],
            means=means[kept],
            bulk=float((image.bulk * frame.bulk).item()),
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

    @np.errstate(over="ignore", invalid="ignore")  # what overflows is seen in the Draw
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
        sample = Sample(target, special, bands, rows, columns, self.bulk)
        fit = centroid(sample) if isinstance(clf, Centroid) else least_squares(sample, cost)

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
