r"""Several Gaussian classes on the few axes in which their means and covariances differ.

The frame of K classes: means of shape (K, r), covariances (r, r), or (K, r, r), and a bulk around
them. Behind a map of the frame it is again of that kind; what the equations see of it is either
jointly diagonal (eigenvalues, weights, Gram matrices), or, where the covariances of the classes do
not commute, the matrices themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..checks import Array, check_integer
from .covariance import Parts, Root
from .frame_map import FrameMap
from .image import components_of_image, factors_of
from .labels import draw_classes, is_sided

__all__ = ["ClassFrame", "MatrixSpectrum", "class_features", "class_margins"]

# An entry below this share of the largest is the rounding of a zero.
_ROUNDING = 1e-13


class MatrixSpectrum(NamedTuple):
    """Classes whose covariances have no eigenbasis in common.

    C classes or clusters on r axes, each of which is the share `share` of all directions (0 for
    special ones, 1/p in coordinates), and a bulk of J isotropic parts.
    """

    means: Array  # (C, r)
    covariances: Array  # (C, r, r)
    share: float
    bulk: Array  # (C, J), variances
    weights: Array  # (J,)
    class_priors: Array  # (C,)
    labels: Array | None  # (C,), the classes of clusters, or None for classes of their own
    ends: tuple[Any, Any] | None = None  # as those of a Spectrum

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return ()

    @property
    def is_classic(self) -> bool:
        return False

    @property
    def classes(self) -> int:
        return len(self.means)


@dataclass(frozen=True)
class ClassFrame:
    """Several classes, or clusters of them, on their special axes and in their bulk.

    Attributes
    ----------
    means : array, shape (K, r)
    covariances : tuple of Root
        The covariance block, one in common or one of each class.
    bulk : array, shape (1, J) or (K, J)
        Standard deviations.
    weights : array, shape (J,)
        Share of the bulk that has each of them; empty where the axes are all there is.
    priors : array, shape (K,)
    labels : array, shape (K,), or None
        The class of each cluster, ±1 or 0 … M - 1; None for K classes.
    noise : float
        The unit of length σ.
    """

    means: Array
    covariances: tuple[Root, ...]
    bulk: Array
    weights: Array
    priors: Array
    labels: Array | None
    noise: float

    @cached_property
    def roots(self) -> Array:
        """A factor of the covariance block, common or of each class, shape (1 or K, r, r)."""
        made = np.zeros((len(self.covariances), self.axes, self.axes))
        for root, covariance in zip(made, self.covariances, strict=True):
            root[:, : covariance.sizes.size] = covariance.matrix
        return made

    @property
    def axes(self) -> int:
        return int(self.means.shape[1])

    @property
    def is_finite(self) -> bool:
        """Whether the axes are all there is: coordinates, and not a frame in a bulk."""
        return self.weights.size == 0

    @property
    def answers(self) -> Array:
        """The label of each class or cluster: ±1, or 0 … K - 1."""
        return np.arange(len(self.means)) if self.labels is None else self.labels

    @property
    def is_sided(self) -> bool:
        """Whether the labels are ±1, the sides of one score."""
        return is_sided(self.labels)

    @property
    def count(self) -> int:
        """The number of classes, whatever the number of their clusters."""
        return int(np.unique(self.answers).size)

    @property
    def centred(self) -> Array:
        """Means about their average, shape (K, r): what separates the classes."""
        return np.asarray(self.means - self.priors @ self.means)

    @property
    def moment_root(self) -> Array:
        """A factor of E hhᵀ on the axes, shape (r, K + …)."""
        return self._moment_root(self.means)

    @property
    def covariance_root(self) -> Array:
        """A factor of the covariance of h without its label on the axes, shape (r, K + …)."""
        return self._moment_root(self.centred)

    def _moment_root(self, means: Array) -> Array:
        share = np.sqrt(self.priors)
        parts = [means.T * share]
        if len(self.roots) == 1:
            parts.append(self.roots[0])
        else:
            parts += [s * root for s, root in zip(share, self.roots, strict=True)]
        return np.concatenate(parts, axis=1)

    def with_fresh(self, count: int) -> ClassFrame:
        """The frame with `count` directions of an isotropic bulk as axes of its own."""
        if not count:
            return self
        if self.weights.size != 1:
            raise ValueError(
                "alignment must be 1 or -1 on a population without an isotropic bulk to hold the "
                "rest of the direction"
            )
        kinds = max(len(self.covariances), len(self.bulk))
        covariances = self.covariances * (kinds if len(self.covariances) == 1 else 1)
        spreads = np.broadcast_to(self.bulk, (kinds, 1))
        means = np.concatenate([self.means, np.zeros((len(self.means), count))], axis=1)
        wider = (
            root.with_axes(np.repeat(spread, count))
            for root, spread in zip(covariances, spreads, strict=True)
        )
        return replace(self, means=means, covariances=tuple(wider))

    @cached_property
    def ends(self) -> tuple[ClassFrame, ClassFrame] | None:
        """The least and the largest covariances that rounding leaves open, if a mean feels it."""
        found = [root.ends(self.means.T) for root in self.covariances]
        if all(ends is None for ends in found):
            return None
        low, high = (
            tuple(
                own if ends is None else ends[k]
                for own, ends in zip(self.covariances, found, strict=True)
            )
            for k in range(2)
        )
        return replace(self, covariances=low), replace(self, covariances=high)

    def image(self, image: FrameMap | None) -> MatrixSpectrum | tuple[Array, Array, Array]:
        """What a map leaves: (eigenvalues (S, J), weights (J,), Gram matrices), or matrices."""
        gain = np.ones(1) if image is None else image.bulk
        bulk = (gain * self.bulk) ** 2
        if len(self.covariances) > 1:
            return self._image_of_each(image, bulk)
        parts = self._parts
        factors = () if image is None else factors_of(image)
        deviations, components, outside = components_of_image(parts, factors)
        eigenvalues = np.broadcast_to(deviations**2, (len(bulk), deviations.size))
        return self._joined(eigenvalues, components, bulk, outside.T @ outside)

    @cached_property
    def _parts(self) -> Parts:
        return self.covariances[0].parts(self.means.T)

    def _image_of_each(
        self, image: FrameMap | None, bulk: Array
    ) -> MatrixSpectrum | tuple[Array, Array, Array]:
        """The same where each class has a covariance of its own."""
        block = np.eye(self.axes) if image is None else image.block
        means = self.means @ block.T
        roots = block @ self.roots
        count = len(means)
        bulk = np.broadcast_to(bulk, (count, bulk.shape[1]))
        if _diagonal(roots):
            eigenvalues = np.square(np.diagonal(roots, axis1=-2, axis2=-1))
            return self._joined(eigenvalues, means.T, bulk, np.zeros((count, count)))
        return MatrixSpectrum(
            means,
            roots @ np.swapaxes(roots, -1, -2),
            1.0 / self.axes if self.is_finite else 0.0,
            bulk,
            self.weights,
            self.priors,
            self.labels,
        )

    def _joined(
        self, eigenvalues: Array, components: Array, bulk: Array, noiseless: Array
    ) -> tuple[Array, Array, Array]:
        """Atoms of axes, (S, J) and (J, K), of the bulk, and of the directions without noise."""
        share = 1.0 / self.axes if self.is_finite else 0.0
        parts = _merged(eigenvalues)
        # a map into fewer dimensions leaves directions without noise or signal
        lost = self.axes - eigenvalues.shape[1]
        more = int(lost > 0)
        empty = np.zeros((self.weights.size, *noiseless.shape))
        return (
            np.concatenate(
                [eigenvalues[:, [g[0] for g in parts]], bulk, np.zeros((len(bulk), more))], axis=1
            ),
            np.concatenate([[share * len(g) for g in parts], self.weights, [share * lost] * more]),
            np.concatenate(
                [*(_gram(components[g].T)[None] for g in parts), empty, noiseless[None][:more]]
            ),
        )

    def bulk_atoms(self, dimension: int) -> Array:
        """The atom of each bulk coordinate in R^dimension, dealt by largest remainder."""
        dimension = check_integer("dimension", dimension, self.axes)
        count = dimension - self.axes
        if self.is_finite:
            if count:
                raise ValueError(f"dimension must be {self.axes}, got {dimension}")
            return np.zeros(0, dtype=np.intp)
        ideal = self.weights / self.weights.sum() * count
        counts = np.floor(ideal).astype(np.intp)
        left = count - int(counts.sum())
        counts[np.argsort(counts - ideal, kind="stable")[:left]] += 1
        return np.asarray(np.repeat(np.arange(counts.size), counts))

    def apply(self, image: FrameMap, points: Array) -> Array:
        """A map on samples of :func:`class_features`."""
        atoms = self.bulk_atoms(points.shape[1])
        gain = np.broadcast_to(image.bulk, self.bulk.shape[1:])[atoms]
        inside = points[:, : self.axes] @ image.block.T
        return np.concatenate([inside, points[:, self.axes :] * gain], axis=1)


def _merged(eigenvalues: Array) -> list[Array]:
    """Which of the axes share their eigenvalues, (S, r), and make one atom."""
    order = np.lexsort(eigenvalues)
    ranked = eigenvalues[:, order]
    steps = np.abs(np.diff(ranked, axis=1)) > _ROUNDING * np.abs(ranked[:, 1:])
    return list(np.split(order, np.flatnonzero(steps.any(0)) + 1)) if order.size else []


def _gram(components: Array) -> Array:
    return np.asarray(components @ components.T)


def _diagonal(roots: Array) -> bool:
    if roots.shape[-1] != roots.shape[-2]:
        return False
    off = roots * (1.0 - np.eye(roots.shape[-1]))
    return bool(np.abs(off).max(initial=0.0) <= _ROUNDING * np.abs(roots).max(initial=0.0))


def class_features(
    frame: ClassFrame,
    n: int,
    dimension: int,
    rng: np.random.Generator,
    fixed_counts: bool = False,
) -> tuple[Array, Array]:
    """Draw n labelled points: the axes of the frame come first, then the bulk."""
    atoms = frame.bulk_atoms(dimension)
    chosen = draw_classes(n, frame.priors, rng, fixed_counts)
    features = rng.standard_normal((n, dimension))
    r = frame.axes
    if len(frame.roots) == 1:
        features[:, :r] = features[:, :r] @ frame.roots[0].T
    else:
        for k, root in enumerate(frame.roots):
            rows = chosen == k
            features[rows, :r] = features[rows, :r] @ root.T
    features[:, :r] += frame.means[chosen]
    spread = frame.bulk[0][atoms] if len(frame.bulk) == 1 else frame.bulk[chosen][:, atoms]
    features[:, r:] *= spread
    return features, frame.answers[chosen]


def class_margins(frame: ClassFrame, image: FrameMap | None, weights: Array) -> tuple[Array, Array]:
    """Means Wᵀ T μ_k and covariances WᵀTS_kTᵀW of the scores, for W of shape (dimension, s).

    Returns
    -------
    means : array, shape (K, s)
    covariances : array, shape (1, s, s) or (K, s, s)
    """
    r = frame.axes
    atoms = frame.bulk_atoms(len(weights))
    inside, outside = weights[:r], weights[r:]
    spread = frame.bulk[:, atoms]
    if image is not None:
        inside = image.block.T @ inside
        spread = spread * np.broadcast_to(image.bulk, frame.bulk.shape[1:])[atoms]
    pulled = np.swapaxes(frame.roots, -1, -2) @ inside
    far = spread[..., None] * outside
    covariances = np.swapaxes(pulled, -1, -2) @ pulled + np.swapaxes(far, -1, -2) @ far
    return frame.means @ inside, covariances
