"""Two Gaussian classes in coordinates: any mean, any covariance, or both from features."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ..checks import (
    ANY,
    PROBABILITY,
    Array,
    Interval,
    check_flag,
    check_integer,
    check_matrix,
    check_real,
)
from ..randomness import check_rng
from .base import Map, Population, check_map
from .classes import GaussianClasses
from .covariance import Parts, Root, covariance_root, factor_root, rounding
from .image import spectrum_of_image
from .labelled import pooled, sorted_classes
from .labels import draw_labels
from .plug_in_bias import warn_of_bias
from .spectrum import Spectrum

__all__ = ["GaussianMixture"]

_EPSILON = float(np.finfo(float).eps)


@dataclass(frozen=True, eq=False)
class GaussianMixture(Population):
    r"""Two Gaussian classes :math:`N(\pm\mu, \Sigma)` in :math:`R^p`, any mean and covariance.

    Parameters
    ----------
    mean : array_like, shape (p,)
        Mean μ of the class +1; the class -1 has mean -μ.
    covariance : array_like, shape (p, p)
        Σ, symmetric and positive semi-definite to rounding: of each entry, as a covariance of
        columns in different units has it, and of float32 if it is an array of that.
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
    factor: Array | None = field(init=False, repr=False, default=None)

    parameters: ClassVar[dict[str, Interval]] = {
        "mean": ANY,
        "covariance": ANY,
        "balance": PROBABILITY,
    }

    def __post_init__(self) -> None:
        epsilon = max(map(rounding, (self.mean, self.covariance)))
        mean = check_matrix("mean", self.mean, 1)
        covariance = check_matrix("covariance", self.covariance, 2)
        balance = check_real("balance", self.balance, PROBABILITY)
        p = mean.size
        if covariance.shape != (p, p):
            raise ValueError(
                f"covariance must have shape ({p}, {p}) to match mean, got {covariance.shape}"
            )
        _check_length(mean)
        if not np.any(covariance):
            raise ValueError("covariance must not be zero, got a matrix of zeros")
        root = covariance_root(covariance, epsilon)
        if epsilon > _EPSILON:  # what its rounding hides is taken out: the rest is a covariance
            covariance = root.matrix @ root.matrix.T
            covariance.flags.writeable = False
        self._hold(mean=mean, covariance=covariance, balance=balance, _epsilon=epsilon, _root=root)

    def _hold(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_factor(cls, mean: Any, factor: Any, balance: Any = 0.5) -> Self:
        r"""The population of covariance :math:`\Sigma = F F^\top`, without forming Σ.

        For r below p everything but :attr:`covariance`, which is made when it is asked for, and
        maps that are p × p matrices, takes time and memory of p r² and p r.

        Parameters
        ----------
        mean : array_like, shape (p,)
        factor : array_like, shape (p, r)
            F.
        balance : float or array_like, default 0.5

        Raises
        ------
        TypeError, ValueError
            For shapes that do not match, and a factor of zeros.

        Examples
        --------
        >>> import numpy as np, asymptotics as asy
        >>> mix = asy.GaussianMixture.from_factor([1.0, 0.0, 0.0], np.eye(3)[:, :2])
        >>> mix.spectrum().eigenvalues
        array([1., 1., 0.])
        """
        mean = check_matrix("mean", mean, 1)
        factor = check_matrix("factor", factor, 2)
        if len(factor) != mean.size:
            raise ValueError(
                f"factor must have {mean.size} rows to match mean, got shape {factor.shape}"
            )
        _check_length(mean)
        if not np.any(factor):
            raise ValueError("factor must not be zero, got a matrix of zeros")
        made = object.__new__(cls)
        balance = check_real("balance", balance, PROBABILITY)
        made._hold(mean=mean, factor=factor, balance=balance, _epsilon=_EPSILON)
        return made

    @classmethod
    def from_data(
        cls, features: Any, labels: Any, shared_covariance: bool = True, clusters: int = 1
    ) -> GaussianMixture | GaussianClasses:
        """Estimate the population from labelled features.

        The class means and the pooled within-class covariance (with n - K degrees of freedom),
        after moving the average of the K class means to the origin. This is the population that
        the points would have if they had no chance in them: good for n far above p. Otherwise the
        estimated classes are further apart than the true ones, and what is predicted from them is
        too high: pure noise in 512 dimensions, 150 points of it, comes out as an accuracy of 0.95.

        With fewer points than dimensions a common covariance of two classes is kept as a factor,
        see :meth:`from_factor`.

        Parameters
        ----------
        features : array_like, shape (n, p)
            An array, a frame of pandas or polars, an xarray or a memory map of real numbers; masked
            or missing elements, booleans and objects are refused.
        labels : array_like, shape (n,)
            Two or more distinct values, none missing. Of two the larger one becomes +1; more are
            the classes 0 … K - 1 in sorted order.
        shared_covariance : bool, default True
            Whether the classes are taken to have one covariance, or each its own.
        clusters : int, default 1
            Into how many Gaussian clusters each class is taken apart, in the directions in which
            the class means differ, by expectation and maximisation (deterministic). Each has its
            own mean, and with ``shared_covariance=False`` its own covariance: real classes are of
            several kinds, and their margins are skewed. A cluster should hold many more points than
            there are features.

        Returns
        -------
        GaussianMixture, or GaussianClasses
            The latter for more than two classes, for a covariance for each, and for clusters.

        Raises
        ------
        TypeError, ValueError
            If `features` is not a finite matrix, or `labels` does not hold two or more values, in
            fewer classes than rows, and each at least twice for covariances of their own; or each
            class fewer points than two (four with covariances of their own) for each cluster.

        Warns
        -----
        PlugInWarning
            For n < 10 p. It says what ridge classification of n new points, its penalty the mean
            variance, is predicted to attain by this estimate, and what without its bias.

        Examples
        --------
        >>> import asymptotics as asy
        >>> features, labels = asy.SpikedMixture(signal=2.0).sample(2000, dimension=4, rng=0)
        >>> estimate = asy.GaussianMixture.from_data(features, labels)
        >>> bool(abs(estimate.mean[0] - 2.0) < 0.1)
        True
        """
        x = check_matrix("features", features, 2)
        shared_covariance = check_flag("shared_covariance", shared_covariance)
        classes, index = sorted_classes(labels, len(x))
        clusters = check_integer("clusters", clusters, 1)
        if classes.size > 2 or not shared_covariance or clusters > 1:
            return GaussianClasses.estimate(x, classes, index, shared_covariance, clusters)
        n, p = x.shape
        if n < 3:
            raise ValueError(f"features must have at least 3 rows, got {n}")
        plus = index == 1
        mean, residuals = pooled(x, plus)
        balance = float(plus.mean())
        if n < p:
            estimate = cls.from_factor(mean, residuals.T / np.sqrt(n - 2), balance)
        else:
            estimate = cls(mean, residuals.T @ residuals / (n - 2), balance)
        warn_of_bias(mean, residuals, (int(plus.sum()), int(n - plus.sum())))
        return estimate

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name != "covariance" or self.__dict__.get("factor") is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            covariance = self.factor @ self.factor.T
            covariance.flags.writeable = False
            self._hold(covariance=covariance)
            return covariance

    def __repr__(self) -> str:
        if self.factor is None:
            return (
                f"GaussianMixture(mean={self.mean!r}, covariance={self.covariance!r}, "
                f"balance={self.balance!r})"
            )
        return (
            f"GaussianMixture.from_factor(mean={self.mean!r}, factor={self.factor!r}, "
            f"balance={self.balance!r})"
        )

    def __getstate__(self) -> dict[str, Any]:
        """What it was made of: what follows from that is not sent along."""
        return {**self._compared(), "_epsilon": self._epsilon}

    def _compared(self) -> dict[str, Any]:
        own = "covariance" if self.factor is None else "factor"
        return {name: getattr(self, name) for name in ("mean", own, "balance")}

    def __eq__(self, other: object) -> bool:
        if isinstance(other, GaussianMixture) and (self.factor is None) != (other.factor is None):
            return all(
                np.array_equal(getattr(self, name), getattr(other, name))
                for name in ("mean", "balance", "covariance")
            )
        return super().__eq__(other)

    __hash__ = Population.__hash__

    def take(self, index: tuple[int, ...]) -> Self:
        """One element of an array of balances; all of them share what is known of Σ."""
        made = self.anew()
        made.__dict__.update(self.__dict__)
        made._hold(balance=float(np.asarray(self.balance)[index]))
        return made

    def anew(self) -> Self:
        """An equal object, which has yet to take its covariance apart."""
        made = object.__new__(type(self))
        made.__dict__.update(self.__getstate__())
        return made

    _epsilon: ClassVar[float] = _EPSILON

    @cached_property
    def _root(self) -> Root:
        if self.factor is None:
            return covariance_root(self.covariance, self._epsilon)
        return factor_root(self.factor)

    @cached_property
    def root(self) -> Array:
        """R with RRᵀ = Σ: of shape (p, p), or (p, r) of a factor."""
        root = self._root.matrix
        root.flags.writeable = False
        return root

    @cached_property
    def _parts(self) -> Parts:
        return self._root.parts(self.mean[:, None])

    @cached_property
    def _ends(self) -> tuple[Parts, Parts] | None:
        """What the parts may be, at one end and the other, where rounding leaves them open."""
        mean = self.mean[:, None]
        ends = self._root.ends(mean)
        return None if ends is None else (ends[0].parts(mean), ends[1].parts(mean))

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
        factor = self.root if self.factor is None else self.factor
        return float(np.sqrt(np.square(factor).sum() / self.dimension))

    @np.errstate(over="ignore", invalid="ignore")
    def spectrum(self, projector: Map | None = None) -> Spectrum:
        """The signal-weighted spectrum after a projector: p atoms of weight 1/p.

        Where the rounding of Σ leaves open what variance a direction of the signal has, the
        spectrum is that without it, and its `ends` are the spectra that bound what it may be.
        """
        projector = check_map(projector)
        own = None if projector is None else projector.spectrum_of(self)
        if own is not None:
            return own
        factors = () if projector is None else projector.factors(self)
        weights = np.full(self.dimension, 1.0 / self.dimension)

        def of(parts: Parts) -> Spectrum:
            eigenvalues, energies = spectrum_of_image(parts, factors)
            return Spectrum(eigenvalues, weights, energies, self.balance)

        found = of(self._parts)
        if self._ends is not None:
            low, high = map(of, self._ends)
            object.__setattr__(found, "ends", (low, high))
        return found

    def sample(
        self, n: int, dimension: int | None = None, rng: Any = None, *, fixed_counts: bool = False
    ) -> tuple[Array, Array]:
        """Draw n labelled points; `dimension`, if given, has to be p.

        Parameters
        ----------
        n : int
        dimension : int, optional
        rng : int, SeedSequence, Generator or None
        fixed_counts : bool, default False
            Draw round(nπ) labels +1 and the others -1, ties to even, instead of each by chance.

        Returns
        -------
        features : array, shape (n, p)
        labels : array, shape (n,)
            ±1.
        """
        n, fixed_counts = check_integer("n", n, 1), check_flag("fixed_counts", fixed_counts)
        p = self.dimension
        if dimension is not None and check_integer("dimension", dimension, 1) != p:
            raise ValueError(f"dimension must be {p}, that of the mixture, got {dimension}")
        if np.ndim(self.balance):
            raise ValueError("sample needs a single population, got one with array parameters")
        generator = check_rng(rng)
        labels = draw_labels(n, self.balance, generator, fixed_counts)
        root = self.root
        noise = generator.standard_normal((n, root.shape[1])) @ root.T
        features = noise + labels[:, None] * self.mean
        return features, labels

    def transform(self, points: Array, projector: Map) -> Array:
        matrix = projector.on_coordinates(self)
        if matrix.ndim != 2:
            raise ValueError("transform needs a single projector, got one with array parameters")
        if matrix.shape[1] != points.shape[1]:
            raise ValueError(
                f"features must have {matrix.shape[1]} columns, got shape {points.shape}"
            )
        return np.asarray(points @ matrix.T)

    def margins(self, weights: Array, projector: Map | None = None) -> tuple[Array, Array]:
        projector = check_map(projector)
        pulled = weights if projector is None else weights @ projector.on_coordinates(self)
        return np.asarray(pulled @ self.mean), np.square(pulled @ self.root).sum(-1)


def _check_length(mean: Array) -> None:
    with np.errstate(over="ignore"):
        length = mean @ mean
    if np.isinf(length):
        raise ValueError(
            "mean must have a squared length within the range of a float, got an entry of size "
            f"{np.abs(mean).max():.6g}"
        )
