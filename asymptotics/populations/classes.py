"""Several Gaussian classes: on a few special axes of any dimension, or in coordinates."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ..checks import (
    ANY,
    POSITIVE,
    PROBABILITY,
    Array,
    Interval,
    check_flag,
    check_integer,
    check_matrix,
    check_real,
    check_single,
)
from ..intake import shown
from ..randomness import check_rng
from .base import Map, Population, check_map
from .class_frame import ClassFrame, class_features, class_margins
from .clusters import cluster_shares
from .covariance import Root, covariance_root, diagonal_root, rounding
from .labelled import within
from .labels import check_cluster_labels
from .spectrum import image_of

__all__ = ["ClassMixture", "GaussianClasses"]

_PRIOR_SLACK = 1e-9


def _roots(covariance: Array, epsilon: float) -> tuple[Root, ...]:
    """A covariance, or a stack of them, checked to be one and taken apart."""
    stack = covariance if covariance.ndim == 3 else covariance[None]
    if not np.all(stack.any(axis=(-2, -1))):
        raise ValueError("covariance must not be zero, got a matrix of zeros")
    return tuple(covariance_root(one, epsilon) for one in stack)


class _ClassPopulation(Population):
    """What both have in common: all is told by the frame of the classes."""

    means: Any
    covariance: Any
    priors: Any
    labels: Any

    def _check(self, shape: str) -> None:
        object.__setattr__(self, "_epsilon", max(map(rounding, (self.means, self.covariance))))
        means = check_matrix("means", self.means, 2)
        count, r = means.shape
        if count < 2:
            raise ValueError(f"means must hold at least two classes, got shape {means.shape}")
        object.__setattr__(self, "means", means)
        priors = np.full(count, 1.0 / count) if self.priors is None else self.priors
        priors = check_real("priors", priors, PROBABILITY)
        if np.shape(priors) != (count,):
            raise ValueError(
                f"priors must have one entry for each of the {count} classes, got shape "
                f"{np.shape(priors)}"
            )
        if abs(priors.sum() - 1.0) > _PRIOR_SLACK:
            raise ValueError(f"priors must sum to 1, got a sum of {float(priors.sum())!r}")
        object.__setattr__(self, "priors", priors)
        if self.labels is not None:
            object.__setattr__(self, "labels", check_cluster_labels(self.labels, count))
        if self.covariance is not None:
            covariance = np.asarray(check_real("covariance", self.covariance, ANY))
            if covariance.shape not in ((r, r), (count, r, r)):
                raise ValueError(
                    f"covariance must have shape {shape.format(r=r, count=count)}, got "
                    f"{covariance.shape}"
                )
            object.__setattr__(self, "covariance", covariance)

        _ = self._covariances

    _epsilon: float

    @cached_property
    def _covariances(self) -> tuple[Root, ...]:
        return _roots(self.covariance, self._epsilon)

    def __getstate__(self) -> dict[str, Any]:
        """What it was made of: what follows from that is not sent along."""
        return {**self._compared(), "_epsilon": self._epsilon}

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Single parameters alone: ()."""
        return ()

    @property
    def is_classic(self) -> bool:
        """Never: these are several classes."""
        return False

    @property
    def classes(self) -> int:
        """The number of classes, or of clusters where they have labels."""
        return len(self.means)

    def class_frame(self) -> ClassFrame:
        """The population on its axes."""
        return self._frame

    @cached_property
    @abstractmethod
    def _frame(self) -> ClassFrame: ...

    def _mapped(self, projector: Map | None) -> tuple[ClassFrame, Any]:
        frame = self.class_frame()
        if projector is None:
            return frame, None
        frame = frame.with_fresh(projector.fresh_axes)
        return frame, projector.on_classes(frame)

    def spectrum(self, projector: Map | None = None) -> Any:
        """The spectrum after a projector, with Gram matrices for energies."""
        projector = check_map(projector)
        own = None if projector is None else projector.spectrum_of(self)
        if own is not None:
            return own
        placed = self if projector is None else self.placed(projector)
        return (
            placed.spectrum(projector) if placed is not self else image_of(*self._mapped(projector))
        )

    def sample(
        self, n: int, dimension: int | None = None, rng: Any = None, *, fixed_counts: bool = False
    ) -> tuple[Array, Array]:
        """Draw n labelled points; the first coordinates are the axes of the means.

        With `fixed_counts` class k has nρ_k points, rounded so that the sums over the first classes
        are right, instead of each point its class by chance.

        Returns
        -------
        features : array, shape (n, dimension)
        labels : array, shape (n,)
            0 … K - 1, or those of `labels`.
        """
        n, fixed_counts = check_integer("n", n, 1), check_flag("fixed_counts", fixed_counts)
        frame = self.class_frame()
        if dimension is None and self.dimension is not None:
            dimension = self.dimension
        dimension = check_integer("dimension", dimension, frame.axes)
        return class_features(frame, n, dimension, check_rng(rng), fixed_counts)

    def transform(self, points: Array, projector: Map) -> Array:
        placed = self.placed(projector)
        if placed is not self:
            return placed.transform(points, projector)
        frame, image = self._mapped(projector)
        return frame.apply(image, points)

    def margins(self, weights: Array, projector: Map | None = None) -> tuple[Array, Array]:
        """Means and covariances of the scores of each class, see :func:`class_margins`."""
        placed = self if projector is None else self.placed(projector)
        if placed is not self:
            return placed.margins(weights, projector)
        return class_margins(*self._mapped(projector), weights)


@dataclass(frozen=True, eq=False)
class ClassMixture(_ClassPopulation):
    r"""K Gaussian classes in a space of any dimension: means on a few special axes, isotropic bulk.

    :math:`h = \mu_k + \Sigma_k^{1/2} g` with probability :math:`\rho_k`. The means lie on r axes,
    on which the covariance is free, and beyond which it is :math:`\sigma^2`.

    Parameters
    ----------
    means : array_like, shape (K, r)
        :math:`\mu_k`, K ≥ 2. Classes are numbered 0 … K - 1.
    covariance : array_like, shape (r, r) or (K, r, r), optional
        On the special axes, common or of each class; σ² times the identity by default.
    noise : float, default 1
        σ > 0: standard deviation of the bulk.
    priors : array_like, shape (K,), optional
        :math:`\rho_k`, of sum 1; equal by default.
    labels : array_like, shape (K,), optional
        Makes the components clusters of the classes that it names: -1 and +1, for one score, or
        0 … M - 1, for a score each.

    Raises
    ------
    TypeError, ValueError
        For shapes that do not match, or a covariance that is not symmetric or is indefinite.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix = asy.ClassMixture([[2.0, 0.0], [-1.0, 1.5], [-1.0, -1.5]], priors=[0.5, 0.3, 0.2])
    >>> lim = asy.limit(mix, asy.Softmax(0.1), aspect_ratio=0.5)
    >>> lim.class_accuracy.round(4)
    array([0.9385, 0.8227, 0.6824])
    """

    means: Any
    covariance: Any = None
    noise: Any = 1.0
    priors: Any = None
    labels: Any = None

    parameters: ClassVar[dict[str, Interval]] = {"noise": POSITIVE}

    def __post_init__(self) -> None:
        object.__setattr__(self, "noise", check_single("noise", self.noise, POSITIVE))
        self._check("({r}, {r}) or ({count}, {r}, {r}) to match means")

    @cached_property
    def _covariances(self) -> tuple[Root, ...]:
        if self.covariance is None:
            return (diagonal_root(np.full(self.means.shape[1], self.noise)),)
        return _roots(self.covariance, self._epsilon)

    @classmethod
    def simplex(cls, classes: int, distance: float, noise: float = 1.0) -> ClassMixture:
        """Equidistant means and equal priors, for any number of classes.

        Parameters
        ----------
        classes : int
            K ≥ 2.
        distance : float
            Of any two means, ≥ 0.
        noise : float, default 1

        Examples
        --------
        >>> import asymptotics as asy
        >>> mix = asy.ClassMixture.simplex(5, distance=4.0)
        >>> round(asy.limit(mix, asy.Ridge(0.1), aspect_ratio=0.5).accuracy, 4)
        0.781
        """
        classes = check_integer("classes", classes, 2)
        distance = check_single("distance", distance, Interval(0, np.inf, low_open=False))
        # an orthonormal basis of the vectors of sum zero: its rows are equidistant
        k = np.arange(1, classes)
        basis = np.triu(np.ones((classes, classes - 1)))
        basis[k, k - 1] = -k
        return cls(distance / np.sqrt(2.0) * basis / np.sqrt(k * (k + 1.0)), noise=noise)

    @cached_property
    def _frame(self) -> ClassFrame:
        return ClassFrame(
            self.means,
            self._covariances,
            np.full((1, 1), self.noise),
            np.ones(1),
            self.priors,
            self.labels,
            self.noise,
        )

    def placed(self, projector: Map) -> Population:
        p = projector.input_dimension
        return self if p is None else self.realise(p)

    def realise(self, dimension: int) -> GaussianClasses:
        """The same law with explicit coordinates in R^dimension: the axes of the means first."""
        r = self.means.shape[1]
        dimension = check_integer("dimension", dimension, r)
        means = np.zeros((self.classes, dimension))
        means[:, :r] = self.means
        kinds = len(self._covariances)
        covariance = np.tile(np.eye(dimension) * self.noise**2, (kinds, 1, 1))
        if self.covariance is not None:
            covariance[:, :r, :r] = self.covariance
        return GaussianClasses(
            means, covariance if len(covariance) > 1 else covariance[0], self.priors, self.labels
        )


@dataclass(frozen=True, eq=False)
class GaussianClasses(_ClassPopulation):
    r"""K Gaussian classes :math:`N(\mu_k, \Sigma_k)` in :math:`R^p`, any means and covariances.

    What :meth:`GaussianMixture.from_data` estimates of more than two classes, and of two with a
    covariance each.

    Parameters
    ----------
    means : array_like, shape (K, p)
        K ≥ 2. Classes are numbered 0 … K - 1.
    covariance : array_like, shape (p, p) or (K, p, p)
        Common, or of each class; these need not commute.
    priors : array_like, shape (K,), optional
        Of sum 1; equal by default.
    labels : array_like, shape (K,), optional
        Makes the components clusters of the classes that it names: -1 and +1, for one score, or
        0 … M - 1, for a score each.

    Raises
    ------
    TypeError, ValueError
        For shapes that do not match, or a covariance that is not symmetric or is indefinite.

    Examples
    --------
    >>> import numpy as np, asymptotics as asy
    >>> mix = asy.GaussianClasses(2 * np.eye(3), np.diag([1.0, 2.0, 3.0]))
    >>> round(asy.limit(mix, asy.Ridge(0.1), aspect_ratio=0.5).accuracy, 4)
    0.6091
    """

    means: Any
    covariance: Any
    priors: Any = None
    labels: Any = None

    parameters: ClassVar[dict[str, Interval]] = {}

    def __post_init__(self) -> None:
        if self.covariance is None:
            raise TypeError("covariance must be a matrix, got None")
        self._check("({r}, {r}) or ({count}, {r}, {r}) to match means")

    @classmethod
    def estimate(
        cls,
        features: Array,
        classes: Array,
        index: Array,
        shared_covariance: bool,
        clusters: int = 1,
    ) -> GaussianClasses:
        """Class means, frequencies and covariances of checked data; `index` is each row's class.

        The average of the class means is moved to the origin. With several `clusters` these are
        means, frequencies and covariances of each of them.
        """
        n, count = len(features), classes.size
        sizes = np.bincount(index, minlength=count)
        least = (1 if shared_covariance else 2) * (1 if clusters == 1 else 2 * clusters)
        if sizes.min() < least or n <= count:
            rarest = shown(classes.tolist()[sizes.argmin()])
            raise ValueError(
                f"labels must hold each class at least {least} time(s), and more rows than "
                f"classes, got {int(sizes.min())} of {rarest} in {n} rows"
            )
        means, residuals = within(features, index, count)
        if clusters > 1:
            return cls._of_clusters(means, residuals, index, shared_covariance, clusters)
        if shared_covariance:
            covariance = residuals.T @ residuals / (n - count)
        else:
            parts = [residuals[index == k] for k in range(count)]
            covariance = np.stack([r.T @ r / (len(r) - 1) for r in parts])
        labels = np.array([-1.0, 1.0]) if count == 2 else None
        return cls(means - means.mean(0), covariance, sizes / n, labels)

    @classmethod
    def _of_clusters(
        cls, means: Array, residuals: Array, index: Array, shared_covariance: bool, clusters: int
    ) -> GaussianClasses:
        """From residuals about the class means, and the share of each point in each cluster."""
        count = len(means)
        shares = cluster_shares(means, residuals, index, clusters)
        origin, sizes, centres, spreads = means.mean(0), [], [], []
        for k in range(count):
            own, points = shares[index == k], residuals[index == k]
            for share in own.T:
                size = share.sum()
                centre = share @ points / size
                rest = points - centre
                spreads.append((rest * share[:, None]).T @ rest)
                sizes.append(size)
                centres.append(means[k] + centre - origin)
        total = np.array(sizes)
        if shared_covariance:
            covariance = np.sum(spreads, axis=0) / (total.sum() - total.size)
        else:
            if total.min() <= 1.0:
                raise ValueError(
                    "clusters must leave each of them more than one point for a covariance of its "
                    f"own, got {clusters} with {total.min():.3g} points in the smallest"
                )
            covariance = np.stack(spreads) / (total - 1.0)[:, None, None]
        labels = np.repeat(np.array([-1.0, 1.0]) if count == 2 else np.arange(count), clusters)
        return cls(np.stack(centres), covariance, total / total.sum(), labels)

    @property
    def dimension(self) -> int:
        """The number p of features."""
        return int(self.means.shape[1])

    @property
    def noise(self) -> float:
        """Root mean square standard deviation within the classes."""
        spreads = [np.square(root.matrix).sum() for root in self._covariances]
        shares = self.priors if len(spreads) > 1 else np.ones(1)
        return float(np.sqrt(shares @ spreads / self.dimension))

    @cached_property
    def _frame(self) -> ClassFrame:
        return ClassFrame(
            self.means,
            self._covariances,
            np.zeros((1, 0)),
            np.zeros(0),
            self.priors,
            self.labels,
            self.noise,
        )
