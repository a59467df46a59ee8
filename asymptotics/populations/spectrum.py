"""The signal-weighted spectrum: all that a ridge-penalised classifier sees of a population."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from ..checks import (
    NONNEGATIVE,
    PROBABILITY,
    Array,
    Interval,
    check_real,
)
from ..estimation.estimate import Estimate, estimate_from_data
from .base import FramedPopulation, Map, check_map
from .frame import Frame

__all__ = ["Spectrum", "check_image"]

# How far the weights may sum from one: the rounding of a few thousand user-supplied terms.
_WEIGHT_SLACK = 1e-9


@dataclass(frozen=True, eq=False)
class Spectrum(FramedPopulation):
    r"""Eigenvalues, bulk weights and signal energies of a two-class population.

    With eigenpairs :math:`(d_j, v_j)` of the within-class covariance of :math:`z` and class means
    :math:`\pm\mu`, atom j carries the share :math:`w_j` of the p eigenvalues and the energy
    :math:`e_j = |\langle v_j, \mu\rangle|^2` of the signal. Accepted
    wherever a mixture is.

    Parameters
    ----------
    eigenvalues : array_like, shape (..., J)
        :math:`d_j \ge 0`, in units of variance.
    weights : array_like, shape (..., J)
        :math:`w_j \ge 0` with :math:`\sum_j w_j = 1`; 0 for finitely many special directions.
    energies : array_like, shape (..., J)
        :math:`e_j \ge 0`; :math:`\sum_j e_j` is the squared length of the class mean μ.
    balance : float or array_like, default 0.5
        Probability π of the label +1, in (0, 1).

    Raises
    ------
    TypeError, ValueError
        For input that is not numeric, out of range, or of shapes that do not match.

    Examples
    --------
    A power law of 1000 eigenvalues, with the signal spread evenly over the first ten:

    >>> import numpy as np, asymptotics as asy
    >>> rank = np.arange(1, 1001)
    >>> power_law = asy.Spectrum(1 / rank, np.full(1000, 1e-3), 0.04 * (rank <= 10))
    >>> round(asy.limit(power_law, asy.Ridge(0.1), aspect_ratio=0.5).accuracy, 4)
    0.9273
    """

    eigenvalues: Any
    weights: Any
    energies: Any
    balance: Any = 0.5
    estimate: Estimate | None = field(default=None, init=False, repr=False)

    parameters: ClassVar[dict[str, Interval]] = {
        "eigenvalues": NONNEGATIVE,
        "weights": NONNEGATIVE,
        "energies": NONNEGATIVE,
        "balance": PROBABILITY,
    }

    def __post_init__(self) -> None:
        for name, interval in self.parameters.items():
            object.__setattr__(self, name, check_real(name, getattr(self, name), interval))
        shapes = [np.shape(getattr(self, name)) for name in ("eigenvalues", "weights", "energies")]
        if any(len(shape) == 0 or shape[-1] == 0 for shape in shapes) or (
            len({shape[-1] for shape in shapes}) != 1
        ):
            raise ValueError(
                "eigenvalues, weights and energies must have the same, non-zero number of atoms "
                f"along their last axis, got shapes {shapes}"
            )
        try:
            np.broadcast_shapes(*(shape[:-1] for shape in shapes), np.shape(self.balance))
        except ValueError:
            raise ValueError(
                "the leading axes of eigenvalues, weights, energies must broadcast with balance, "
                f"got shapes {shapes} and {np.shape(self.balance)}"
            ) from None
        total = self.weights.sum(-1)
        if np.any(np.abs(total - 1) > _WEIGHT_SLACK):
            worst = float(np.ravel(total)[np.argmax(np.abs(total - 1))])
            raise ValueError(f"weights must sum to 1 over the atoms, got a sum of {worst!r}")
        if np.any((self.weights * self.eigenvalues).sum(-1) == 0):
            raise ValueError(
                "eigenvalues must be positive on some atom with weight, got a bulk of zeros"
            )

    @classmethod
    def from_data(cls, features: Any, labels: Any) -> Self:
        r"""Estimate the spectrum from labelled features, consistently where n is of the order of p.

        Sample means and a pooled covariance do not converge there: on pure noise they promise a
        high accuracy. What every penalised loss reads of a spectrum,
        :math:`\sum_j w_j d_j/(\kappa + d_j)` and :math:`\sum_j e_j/(\kappa + d_j)` at one κ, does:
        both are read off the sample's resolvent, and atoms are fitted to them. The mean of the two
        class means becomes the origin.

        Parameters
        ----------
        features : array_like, shape (n, p)
            Of any real type; a memory map is read in slabs. A projector that is a known matrix T is
            applied before, ``features @ T.T``; one learned from the same labels must not be.
        labels : array_like, shape (n,)
            Two distinct values, each at least twice; the larger one becomes +1.

        Returns
        -------
        Spectrum
            With `samples`, `kappa_min`, and in `estimate` the covariance of its error.

        Raises
        ------
        TypeError, ValueError
            If `features` is not a finite matrix that varies within the classes, or `labels` does
            not hold exactly two values, each at least twice, for its n rows.

        Notes
        -----
        At level λ of a ridge, with S the pooled covariance of N = n - 2 degrees of freedom, Δ half
        the difference of the class means, :math:`c = (1/n_+ + 1/n_-)/4` and
        :math:`\mathrm{df} = \mathrm{tr}\,S(S + \lambda)^{-1}`:

        .. math::
            \kappa = \frac{\lambda}{1 - \mathrm{df}/N},\qquad
            \hat S(\kappa) = \frac{\mathrm{df}}{p},\qquad
            \hat E(\kappa) = \frac\lambda\kappa\, \Delta^\top (S + \lambda)^{-1} \Delta
            - c\,\mathrm{df}.

        Examples
        --------
        Noise without any signal, in more dimensions than samples:

        >>> import numpy as np, asymptotics as asy
        >>> features = np.random.default_rng(1).normal(size=(150, 512))
        >>> labels = np.arange(150) % 2
        >>> estimate = asy.Spectrum.from_data(features, labels)
        >>> round(asy.limit(estimate, asy.Ridge(0.1), 512 / 150).accuracy, 1)
        0.5
        >>> plug_in = asy.GaussianMixture.from_data(features, labels)
        >>> round(asy.limit(plug_in, asy.Ridge(0.1), 512 / 150).accuracy, 1)
        0.9
        """
        return cls.of_estimate(estimate_from_data(features, labels))

    @classmethod
    def of_estimate(cls, found: Estimate) -> Self:
        """The spectrum of an estimate, which it carries."""
        made = cls(found.eigenvalues, found.weights, found.energies, found.sample.balance)
        object.__setattr__(made, "estimate", found)
        return made

    @property
    def samples(self) -> int | None:
        """How many labelled samples it was estimated from; None if it was given."""
        return None if self.estimate is None else self.estimate.samples

    @property
    def kappa_min(self) -> float | None:
        """The lowest κ that a loss reads on as many samples as it was estimated from."""
        return None if self.estimate is None else self.estimate.kappa_min

    @classmethod
    def of_image(cls, eigenvalues: Array, weights: Array, energies: Array, balance: Any) -> Self:
        """What a map made of a checked population: overflow alone is left to refuse."""
        check_image(eigenvalues, energies)
        if not (weights * eigenvalues).any(-1).all():
            return cls(eigenvalues, weights, energies, balance)
        made = object.__new__(cls)
        for name, values in (
            ("eigenvalues", eigenvalues),
            ("weights", weights),
            ("energies", energies),
        ):
            values.flags.writeable = False
            object.__setattr__(made, name, values)
        object.__setattr__(made, "balance", balance)
        return made

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Broadcast shape of the parameters, without the axis of the atoms."""
        arrays = (self.eigenvalues, self.weights, self.energies)
        return np.broadcast_shapes(*(a.shape[:-1] for a in arrays), np.shape(self.balance))

    @property
    def noise(self) -> Array:
        """Root mean square standard deviation of the bulk."""
        return np.asarray(np.sqrt((self.weights * self.eigenvalues).sum(-1)))

    @property
    def mahalanobis(self) -> Array:
        """Squared separation Σ e_j/d_j; infinite where there is signal without noise."""
        energies, eigenvalues = np.broadcast_arrays(self.energies, self.eigenvalues)
        ratio = np.zeros(energies.shape)
        with np.errstate(over="ignore"):  # signal without noise, as far as a float can tell
            np.divide(energies, eigenvalues, out=ratio, where=(eigenvalues > 0))
        ratio[(eigenvalues == 0) & (energies > 0)] = np.inf
        return np.asarray(ratio.sum(-1))

    @property
    def rank(self) -> Array:
        """Share Σ w_j over d_j > 0 of the directions in which there is any noise."""
        return np.asarray((self.weights * (self.eigenvalues > 0)).sum(-1))

    def frame(self, fresh: int = 0) -> Frame:
        """The frame of the signal: one axis for each atom that carries energy."""
        if fresh:
            raise ValueError(
                "alignment must be 1 or -1 on a Spectrum, which has no isotropic bulk to hold the "
                "rest of the direction"
            )
        shape = self.batch_shape
        carries = np.flatnonzero(self.energies.reshape(-1, self.energies.shape[-1]).any(0))
        atoms = np.broadcast_to(self.eigenvalues, (*shape, self.eigenvalues.shape[-1]))
        deviations = np.sqrt(atoms)
        mean = np.broadcast_to(np.sqrt(self.energies[..., carries]), (*shape, carries.size))
        root = deviations[..., carries, None] * np.eye(carries.size)
        length = np.linalg.norm(mean, axis=-1, keepdims=True)
        signal = np.divide(mean, length, out=np.zeros(mean.shape), where=length > 0)
        return Frame(
            mean=mean,
            root=root,
            signal=signal,
            spikes=(),
            bulk=deviations,
            weights=np.broadcast_to(self.weights, atoms.shape),
            noise=self.noise,
            balance=self.balance,
        )

    def spectrum(self, projector: Map | None = None) -> Spectrum:
        """The spectrum after a projector; itself without one."""
        projector = check_map(projector)
        if projector is None:
            return self
        own = projector.spectrum_of(self)
        return Spectrum.of_image(*self._atoms(projector), self.balance) if own is None else own


def check_image(variances: Array, energies: Array) -> None:
    """Refuse what a map makes of a population where it is beyond the range of a float."""
    for words, values in (("variances", variances), ("squared signals", energies)):
        if not np.isfinite(values).all():
            raise ValueError(
                f"the {words} of mix, and of what projector makes of it, must be below "
                f"{np.finfo(float).max:.2g}, got an infinite one"
            )
