"""Populations: the law of a labelled representation (y, h), and sampling from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from .frame import Frame, frame_features, frame_margins
from .parameters import (
    ANY,
    CORRELATION,
    NONNEGATIVE,
    POSITIVE,
    PROBABILITY,
    Array,
    Interval,
    Parametrised,
    check_generator,
    check_integer,
    check_matrix,
    check_real,
)
from .spectrum import Spectrum

if TYPE_CHECKING:
    from .projectors import Projector

__all__ = ["GaussianMixture", "Population", "Spike", "SpikedMixture", "check_population"]

# Relative rounding allowed in the symmetry and the definiteness of a covariance.
_COVARIANCE_SLACK = 1e-10
_EPSILON = float(np.finfo(float).eps)


@dataclass(frozen=True, eq=False)
class Spike(Parametrised):
    """One direction with its own variance, σ²(1 + strength).

    Parameters
    ----------
    strength : float or array_like
        θ > -1: the excess of variance, in units of σ².
    alignment : float or array_like, default 0
        Cosine c between the spike and the signal, in [-1, 1]. The rest of the spike lies in a
        direction of its own.

    Examples
    --------
    >>> import asymptotics as asy
    >>> asy.Spike(strength=4.0, alignment=0.5)
    Spike(strength=4.0, alignment=0.5)
    """

    strength: Any
    alignment: Any = 0.0

    parameters: ClassVar[dict[str, Interval]] = {
        "strength": Interval(-1, np.inf),
        "alignment": CORRELATION,
    }


@dataclass(frozen=True, eq=False)
class SpikedMixture(Parametrised):
    r"""Two Gaussian classes of common covariance, a multiple of the identity but for some spikes.

    :math:`h = y\mu + \Sigma^{1/2} g` with :math:`P(y = 1) = \pi`, :math:`|\mu| = s` and
    :math:`\Sigma = \sigma^2 (I + \sum_k \theta_k v_k v_k^\top)`.

    Parameters
    ----------
    signal : float or array_like
        s ≥ 0: distance of a class mean from the centre.
    noise : float or array_like, default 1
        σ > 0: standard deviation of the bulk.
    spikes : sequence of Spike, optional
        Directions with a variance of their own.
    balance : float or array_like, default 0.5
        Probability π of the label +1, in (0, 1).

    Raises
    ------
    TypeError, ValueError
        For parameters out of range, or spikes that make the covariance indefinite.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix = asy.SpikedMixture(signal=1.5, spikes=[asy.Spike(strength=4.0, alignment=0.5)])
    >>> features, labels = mix.sample(5, dimension=3, rng=0)
    >>> features.shape
    (5, 3)
    """

    signal: Any
    noise: Any = 1.0
    spikes: Sequence[Spike] = ()
    balance: Any = 0.5

    parameters: ClassVar[dict[str, Interval]] = {
        "signal": NONNEGATIVE,
        "noise": POSITIVE,
        "balance": PROBABILITY,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.spikes, Spike) or not isinstance(self.spikes, Sequence):
            raise TypeError(f"spikes must be a sequence of Spike, got {self.spikes!r}")
        for spike in self.spikes:
            if not isinstance(spike, Spike):
                raise TypeError(f"spikes must be a sequence of Spike, got an element {spike!r}")
        object.__setattr__(self, "spikes", tuple(self.spikes))
        try:
            shapes: list[tuple[int, ...]] = [super().batch_shape]
            shapes += [spike.batch_shape for spike in self.spikes]
            np.broadcast_shapes(*shapes)
        except ValueError:
            raise ValueError(
                f"signal, noise, balance and spikes must broadcast together, got shapes {shapes}"
            ) from None
        self.frame()

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Broadcast shape of the parameters, spikes included."""
        return np.broadcast_shapes(super().batch_shape, *(s.batch_shape for s in self.spikes))

    def frame(self, fresh: int = 0) -> Frame:
        """The population on its special axes: the signal, one a spike, and `fresh` bulk axes."""
        k = 1 + len(self.spikes) + fresh
        parts = [self.signal, self.noise]
        parts += [x for s in self.spikes for x in (s.strength, s.alignment)]
        shape = np.broadcast_shapes(*(np.shape(x) for x in parts))
        noise = np.asarray(self.noise)
        directions = []
        # Σ/σ² is an arrow: each spike shares an axis with nothing but the signal. Eliminated from
        # the spikes' ends, it has a root in closed form, in which nothing cancels for θ > 0.
        root: Array = np.broadcast_to(np.eye(k), (*shape, k, k)).copy()
        for axis, spike in enumerate(self.spikes, start=1):
            c, theta = np.asarray(spike.alignment), np.asarray(spike.strength)
            rest = (1.0 - c) * (1.0 + c)
            v = np.zeros((*c.shape, k))
            v[..., 0] = c
            v[..., axis] = np.sqrt(rest)
            directions.append(v)
            own = 1.0 + theta * rest
            root[..., 0, 0] += theta * c**2 / own
            root[..., axis, axis] = np.sqrt(own)
            root[..., 0, axis] = theta * c * np.sqrt(rest / own)
        if np.any(root[..., 0, 0] <= 0):
            raise ValueError(
                "spikes must leave the covariance positive definite, got strengths "
                f"{[s.strength for s in self.spikes]} at alignments "
                f"{[s.alignment for s in self.spikes]}"
            )
        root[..., 0, 0] = np.sqrt(root[..., 0, 0])
        signal = np.zeros(k)
        signal[0] = 1.0
        mean = np.broadcast_to(np.asarray(self.signal)[..., None] * signal, (*shape, k))
        return Frame(
            mean=mean,
            root=noise[..., None, None] * root,
            signal=signal,
            spikes=tuple(directions),
            bulk=noise[..., None],
            weights=np.ones(1),
            noise=noise,
            balance=self.balance,
        )

    def spectrum(self, projector: Projector | None = None) -> Spectrum:
        """The signal-weighted spectrum after a projector: at most K + 1 atoms, exactly."""
        from .projectors import check_projector

        projector = check_projector(projector)
        own = projector.spectrum_of(self)
        if own is not None:
            return own
        if projector.dimension is not None:
            return self.realise(projector.dimension).spectrum(projector)
        frame = self.frame(projector.fresh_axes)
        return Spectrum(*projector.on_frame(frame).spectrum(frame), self.balance)

    def realise(self, dimension: int) -> GaussianMixture:
        """The same law with explicit coordinates in R^dimension: signal first, then the spikes."""
        frame = self.frame()
        dimension = check_integer("dimension", dimension, frame.axes)
        if frame.root.ndim != 2 or np.ndim(self.balance):
            raise ValueError(
                "mix must have single parameters to be written in coordinates, as a LinearMap "
                f"needs it, got arrays of shape {self.batch_shape}"
            )
        mean = np.zeros(dimension)
        mean[: frame.axes] = frame.mean
        covariance = np.eye(dimension) * self.noise**2
        covariance[: frame.axes, : frame.axes] = frame.root @ frame.root.T
        return GaussianMixture(mean, covariance, self.balance)

    def sample(
        self, n: int, dimension: int, rng: np.random.Generator | int | None = None
    ) -> tuple[Array, Array]:
        """Draw n labelled points in R^dimension.

        The first coordinate is the signal's, the next ones are the spikes' own; the rest is bulk.

        Returns
        -------
        features : array, shape (n, dimension)
        labels : array, shape (n,)
            ±1.
        """
        n = check_integer("n", n, 1)
        return frame_features(self.frame(), n, dimension, self.balance, check_generator("rng", rng))

    def margins(self, weights: Array, projector: Projector) -> tuple[Array, Array]:
        """Exact ⟨w, Tμ⟩ and wᵀTΣTᵀw for weights of shape (..., dimension)."""
        if projector.dimension is not None:
            return self.realise(projector.dimension).margins(weights, projector)
        frame = self.frame(projector.fresh_axes)
        return frame_margins(frame, projector.on_frame(frame), weights)


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    r"""Two Gaussian classes :math:`N(\pm\mu, \Sigma)` in :math:`R^p`, any mean and covariance.

    Parameters
    ----------
    mean : array_like, shape (p,)
        Mean μ of the class +1; the class -1 has mean -μ.
    covariance : array_like, shape (p, p)
        Σ, symmetric and positive semi-definite.
    balance : float or array_like, default 0.5
        Probability π of the label +1, in (0, 1).

    Raises
    ------
    TypeError, ValueError
        For shapes that do not match, or a covariance that is not symmetric or is indefinite.

    Examples
    --------
    >>> import numpy as np, asymptotics as asy
    >>> mix = asy.GaussianMixture([1.0, 0.0, 0.0], np.diag([1.0, 2.0, 3.0]))
    >>> mix.spectrum().energies
    array([0., 0., 1.])
    """

    mean: Any
    covariance: Any
    balance: Any = 0.5
    _root: Array = field(init=False, repr=False)

    parameters: ClassVar[dict[str, Interval]] = {
        "mean": ANY,
        "covariance": ANY,
        "balance": PROBABILITY,
    }

    def __post_init__(self) -> None:
        mean = check_matrix("mean", self.mean, 1)
        covariance = check_matrix("covariance", self.covariance, 2)
        balance = check_real("balance", self.balance, PROBABILITY)
        p = mean.size
        if covariance.shape != (p, p):
            raise ValueError(
                f"covariance must have shape ({p}, {p}) to match mean, got {covariance.shape}"
            )
        size = np.abs(covariance).max()
        if size == 0:
            raise ValueError("covariance must not be zero, got a matrix of zeros")
        skew = np.abs(covariance - covariance.T).max()
        if skew > _COVARIANCE_SLACK * size:
            raise ValueError(
                "covariance must be symmetric, got entries that differ from their mirror image by "
                f"{skew:.3g}"
            )
        eigenvalues, basis = np.linalg.eigh(0.5 * (covariance + covariance.T))
        if eigenvalues[0] < -_COVARIANCE_SLACK * eigenvalues[-1]:
            raise ValueError(
                "covariance must be positive semi-definite, got an eigenvalue of "
                f"{eigenvalues[0]:.6g}"
            )
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "covariance", covariance)
        object.__setattr__(self, "balance", balance)
        # What rounding has made of the zeros of a singular covariance is zero again.
        kept = eigenvalues > p * _EPSILON * eigenvalues[-1]
        object.__setattr__(self, "_root", basis * np.sqrt(np.where(kept, eigenvalues, 0.0)))

    @classmethod
    def from_data(cls, features: Any, labels: Any) -> GaussianMixture:
        """Estimate the population from labelled features.

        The class means and the pooled within-class covariance (with n - 2 degrees of freedom),
        after moving the midpoint of the two class means to the origin.

        Parameters
        ----------
        features : array_like, shape (n, p)
        labels : array_like, shape (n,)
            Two distinct values; the larger one becomes +1.

        Raises
        ------
        TypeError, ValueError
            If `features` is not a finite matrix, or `labels` does not hold exactly two values, each
            at least once, for the n rows, n ≥ 3.

        Examples
        --------
        >>> import asymptotics as asy
        >>> features, labels = asy.SpikedMixture(signal=2.0).sample(2000, dimension=4, rng=0)
        >>> estimate = asy.GaussianMixture.from_data(features, labels)
        >>> bool(abs(estimate.mean[0] - 2.0) < 0.1)
        True
        """
        x = check_matrix("features", features, 2)
        try:
            y = np.asarray(labels)
        except ValueError:
            raise TypeError(f"labels must be a flat sequence, got {labels!r}") from None
        if y.shape != x.shape[:1]:
            raise ValueError(
                f"labels must have one entry for each of the {x.shape[0]} rows of features, "
                f"got shape {y.shape}"
            )
        if y.dtype.kind == "f" and not np.all(np.isfinite(y)):
            raise ValueError("labels must be finite, got NaN or infinity")
        try:
            classes = np.unique(y)
        except TypeError:
            raise TypeError(
                f"labels must be of one kind that can be sorted, got {labels!r}"
            ) from None
        if classes.size != 2:
            raise ValueError(
                f"labels must hold exactly two classes, got {classes.size}: {classes[:5]}"
            )
        n = x.shape[0]
        if n < 3:
            raise ValueError(f"features must have at least 3 rows, got {n}")
        plus = y == classes[1]
        means = x[plus].mean(0), x[~plus].mean(0)
        residuals = np.where(plus[:, None], x - means[0], x - means[1])
        return cls(
            0.5 * (means[0] - means[1]),
            residuals.T @ residuals / (n - 2),
            float(plus.mean()),
        )

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the balance, the only parameter that may be an array of settings."""
        return np.shape(self.balance)

    @property
    def dimension(self) -> int:
        """The number p of features."""
        return int(self.mean.size)

    @property
    def noise(self) -> float:
        """Root mean square standard deviation √(tr Σ/p)."""
        return float(np.sqrt(np.square(self._root).sum() / self.dimension))

    def spectrum(self, projector: Projector | None = None) -> Spectrum:
        """The signal-weighted spectrum after a projector: p atoms of weight 1/p."""
        from .projectors import check_projector

        projector = check_projector(projector)
        own = projector.spectrum_of(self)
        if own is not None:
            return own
        mean, root = self.mean, self._root
        p = self.dimension
        size = 1.0
        if not projector.is_identity:
            matrix = projector.on_population(self)
            size = np.linalg.norm(matrix, axis=(-2, -1))[..., None]
            mean, root = matrix @ mean, matrix @ root
        basis, deviations, _ = np.linalg.svd(root, full_matrices=False)
        projections = (np.swapaxes(basis, -1, -2) @ mean[..., None])[..., 0]
        # Rounding of zeros: of the deviation along a direction that was projected out or never had
        # any, and there of the mean as well. A mean that is really there stays.
        noiseless = deviations <= p * _EPSILON * deviations.max(-1, keepdims=True)
        deviations = np.where(noiseless, 0.0, deviations)
        absent = np.abs(projections) <= p * _EPSILON * size * np.linalg.norm(self.mean)
        energies = np.where(noiseless & absent, 0.0, projections) ** 2
        # A map into fewer dimensions leaves p - k directions without noise or signal.
        lost = [(0, 0)] * (deviations.ndim - 1) + [(0, p - deviations.shape[-1])]
        return Spectrum(
            np.pad(deviations**2, lost), np.full(p, 1.0 / p), np.pad(energies, lost), self.balance
        )

    def sample(
        self, n: int, dimension: int | None = None, rng: np.random.Generator | int | None = None
    ) -> tuple[Array, Array]:
        """Draw n labelled points; `dimension`, if given, has to be p.

        Returns
        -------
        features : array, shape (n, p)
        labels : array, shape (n,)
            ±1.
        """
        n = check_integer("n", n, 1)
        p = self.dimension
        if dimension is not None and check_integer("dimension", dimension, 1) != p:
            raise ValueError(f"dimension must be {p}, that of the mixture, got {dimension}")
        if np.ndim(self.balance):
            raise ValueError("sample needs a single population, got one with array parameters")
        generator = check_generator("rng", rng)
        labels = np.where(generator.random(n) < self.balance, 1.0, -1.0)
        features = generator.standard_normal((n, p)) @ self._root.T + labels[:, None] * self.mean
        return features, labels

    def margins(self, weights: Array, projector: Projector) -> tuple[Array, Array]:
        """Exact ⟨w, Tμ⟩ and wᵀTΣTᵀw for weights of shape (..., k)."""
        pulled = weights if projector.is_identity else weights @ projector.on_population(self)
        return np.asarray(pulled @ self.mean), np.square(pulled @ self._root).sum(-1)


Population: TypeAlias = SpikedMixture | GaussianMixture | Spectrum


def check_population(mix: Any, name: str = "mix") -> Population:
    """Refuse anything but a population."""
    if not isinstance(mix, (SpikedMixture, GaussianMixture, Spectrum)):
        raise TypeError(f"{name} must be a SpikedMixture, GaussianMixture or Spectrum, got {mix!r}")
    return mix
