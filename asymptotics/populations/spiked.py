"""Two Gaussian classes of common covariance, isotropic but for some spikes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..checks import (
    CORRELATION,
    NONNEGATIVE,
    POSITIVE,
    PROBABILITY,
    Array,
    Interval,
    Parametrised,
    check_integer,
)
from ..intake import shown
from .base import FramedPopulation, Map, Population, check_map
from .frame import Frame
from .gaussian import GaussianMixture
from .spectrum import Spectrum

__all__ = ["Spike", "SpikedMixture"]


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
class SpikedMixture(Parametrised, FramedPopulation):
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
            raise TypeError(f"spikes must be a sequence of Spike, got {shown(self.spikes)}")
        for spike in self.spikes:
            if not isinstance(spike, Spike):
                raise TypeError(
                    f"spikes must be a sequence of Spike, got an element {shown(spike)}"
                )
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

    def spectrum(self, projector: Map | None = None) -> Spectrum:
        """The signal-weighted spectrum after a projector: at most K + 1 atoms, exactly."""
        projector = check_map(projector)
        if projector is not None:
            own = projector.spectrum_of(self)
            if own is not None:
                return own
            placed = self.placed(projector)
            if placed is not self:
                return placed.spectrum(projector)
        return Spectrum.of_image(*self._atoms(projector), self.balance)

    def placed(self, projector: Map) -> Population:
        return (
            self if projector.input_dimension is None else self.realise(projector.input_dimension)
        )

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
