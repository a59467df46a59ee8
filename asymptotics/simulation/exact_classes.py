"""The exact law of one-hot ridge on K classes, in time and memory linear in n.

As in exact_law.py, with more columns that matter: an orthonormal basis of the sample space begins
with the all-ones vector of an intercept, the K - 1 other directions of the one-hot labels (K
without), and the special columns. In it the bulk is a banded matrix of independent entries, and
what is fitted beyond those directions points into uniform ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..checks import Array
from ..classifiers import Ridge
from ..intake import shown
from ..metrics.orthant import right_answers
from ..populations.classes import ClassMixture
from ..populations.labels import draw_classes
from ..projectors import Projector
from ..training.samples import check_every_class
from .banded import Sample, ridge_parts
from .exact_law import banded_gaussian

__all__ = ["ClassLaw", "ClassPoints", "class_unavailable"]

# Below this share of the largest eigenvalue a penalty is lost in a squared matrix.
_PENALTY_SHARE = 1e-10


@np.errstate(over="ignore")
def class_unavailable(mix: Any, clf: Any, projector: Projector, n: int, p: int) -> str | None:
    """Why there is no exact law on several classes; None if there is one."""
    if type(clf) is not Ridge:
        return f"the classifier must be Ridge on several classes, got {shown(clf)}"
    if clf.class_weight is not None:
        return f"the classifier must have no class_weight, got {shown(clf)}"
    if not isinstance(mix, ClassMixture) or mix.labels is not None:
        return f"mix must be a ClassMixture without labels, got {shown(mix)}"
    if projector.is_learned:
        return f"projector must not be learned from data, got {shown(projector)}"
    if projector.input_dimension is not None:
        return f"projector must act on the frame alone, got {shown(projector)}"
    law = ClassLaw.of(mix, projector, n, p)
    needed = law.directions(clf.fit_intercept) + law.classes + int(clf.fit_intercept)
    if n < needed:
        return f"n must be at least {needed}, got {n}"
    least = _PENALTY_SHARE * (law.bulk * (1.0 + np.sqrt(p / n))) ** 2
    if clf.penalty < least:
        return f"penalty must be at least {least:.3g}, got {shown(clf.penalty)}"
    return None


class ClassPoints(NamedTuple):
    """One rotated training set before it is stretched.

    Attributes
    ----------
    labels : array of int, shape (n,)
    shares : array, shape (K,)
        Class frequencies; 0 without an intercept.
    centre : array, shape (a,)
        Mean of the special columns; 0 without an intercept.
    basis : array, shape (n, r + K)
        The directions that matter, and K uniform ones.
    targets, special : array, shape (r, K) and (r, a)
        One-hot labels and special columns in them.
    bands : array
        The bulk, see :func:`banded_gaussian`.
    drift : array, shape (K,)
        Standard normal: of the bulk of the mean.
    """

    labels: Array
    shares: Array
    centre: Array
    basis: Array
    targets: Array
    special: Array
    bands: Array
    drift: Array


@dataclass(frozen=True)
class ClassLaw:
    """The law of what one-hot ridge learns from n points behind a projector.

    Attributes
    ----------
    n, bulk_dimension : int
    means, roots : array, shape (K, a) and (1 or K, a, a)
        Of the population on its axes.
    block : array, shape (b, a)
        The projector there.
    bulk : float
        Standard deviation of the bulk behind it.
    priors : array, shape (K,)
    fixed_counts : bool
    """

    n: int
    bulk_dimension: int
    means: Array
    roots: Array
    block: Array
    bulk: float
    priors: Array
    fixed_counts: bool = False

    @classmethod
    def of(
        cls, mix: ClassMixture, projector: Projector, n: int, p: int, fixed_counts: bool = False
    ) -> ClassLaw:
        """The law of a population behind a projector, in p dimensions."""
        frame = mix.class_frame().with_fresh(projector.fresh_axes)
        gain, block = 1.0, np.eye(frame.axes)
        if not projector.is_identity:
            image = projector.on_classes(frame)
            gain, block = float(image.bulk[0]), image.block
        return cls(
            n,
            p - frame.axes,
            frame.means,
            frame.roots,
            block,
            gain * float(frame.bulk[0, 0]),
            frame.priors,
            fixed_counts,
        )

    @property
    def classes(self) -> int:
        return len(self.means)

    def directions(self, free: bool) -> int:
        """How many directions of the sample space matter, the all-ones vector apart."""
        return self.classes - int(free) + int(self.means.shape[1])

    def draw(self, free: bool, rng: np.random.Generator) -> ClassPoints:
        """Draw what any penalty and any map of these axes learn from, with an intercept or without.

        Raises
        ------
        ValueError
            If a class has no point.
        """
        n, count, axes = self.n, self.classes, self.means.shape[1]
        labels = draw_classes(n, self.priors, rng, self.fixed_counts)
        check_every_class(labels, count)
        r, own = self.directions(free), count - int(free)
        columns = np.zeros((n, r + count))
        for k in range(own):
            columns[:, k] = labels == k
        columns[:, own:] = rng.standard_normal((n, axes + count))
        special = columns[:, own : own + axes]
        if len(self.roots) == 1:
            special[:] = special @ self.roots[0].T
        else:
            for k, root in enumerate(self.roots):
                rows = labels == k
                special[rows] = special[rows] @ root.T
        special += self.means[labels]
        shares, centre = np.zeros(count), np.zeros(axes)
        if free:
            shares, centre = np.bincount(labels, minlength=count) / n, special.mean(0)
            columns -= columns.mean(0)
        basis, triangle = np.linalg.qr(columns)
        targets = triangle[:r, :own]
        if free:  # of centred labels the last are what the others leave
            targets = np.column_stack([targets, -targets.sum(1)])
        bands = banded_gaussian(n - int(free), self.bulk_dimension, r, rng)
        drift = rng.standard_normal(count)
        special = triangle[:r, own : own + axes]
        return ClassPoints(labels, shares, centre, basis, targets, special, bands, drift)

    def learn(self, clf: Ridge, points: ClassPoints) -> Array:
        """The numbers of a trial: accuracy, training accuracy, M, Q (of each class) and b."""
        n, r = self.n, len(points.targets)
        sample = Sample(
            points.targets,
            points.special @ self.block.T,
            points.bands,
            n - int(clf.fit_intercept),
            self.bulk_dimension,
            self.bulk,
        )
        fit = ridge_parts(sample, n * clf.penalty)
        spread = _root(fit.bulk)
        intercepts = points.shares.copy()
        if clf.fit_intercept:
            # ⟨W, z̄⟩: the bulk of z̄ is Gaussian and independent of all the rest
            intercepts -= fit.special.T @ (self.block @ points.centre)
            intercepts -= self.bulk * (points.drift @ spread) / np.sqrt(n)
        fitted = points.basis[:, :r] @ fit.inside + points.basis[:, r:] @ _root(fit.outside)
        right = (fitted + points.shares).argmax(1) == points.labels
        means = self.means @ self.block.T @ fit.special
        pulled = np.swapaxes(self.block @ self.roots, -1, -2) @ fit.special
        bulk = self.bulk**2 * spread.T @ spread
        covariances = np.swapaxes(pulled, -1, -2) @ pulled + bulk
        shared = covariances[0] if len(covariances) == 1 else covariances
        accuracy = float(self.priors @ right_answers(means + intercepts, shared))
        return np.concatenate(
            [[accuracy, float(right.mean())], means.T.ravel(), covariances.ravel(), intercepts]
        )


def _root(columns: Array) -> Array:
    """A square R with RᵀR = CᵀC, for C with columns of any length."""
    count = columns.shape[1]
    if len(columns) < count:
        columns = np.concatenate([columns, np.zeros((count - len(columns), count))])
    found: Any = np.linalg.qr(columns, mode="r")
    return np.asarray(found)
