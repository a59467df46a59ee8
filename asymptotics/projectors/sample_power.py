"""A power of the second moment of unlabelled data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..checks import ANY, POSITIVE, Array, Interval
from ..intake import shown
from ..populations.base import Population
from ..populations.frame import Frame
from ..populations.frame_map import FrameMap
from ..populations.gaussian import GaussianMixture
from ..populations.spectrum import Spectrum
from ..populations.spiked import SpikedMixture
from ..random_matrices.sample_spectrum import sample_power_spectrum
from .base import DrawnMap, Projector
from .learned import LearnedProjector, no_known_limit, principal_axes
from .unlabelled import Unlabelled

__all__ = ["SamplePower"]

# Below this share of the largest eigenvalue a negative power is noise.
_SINGULAR = 1e-13


@dataclass(frozen=True, eq=False)
class SamplePower(LearnedProjector):
    r"""A power of the second moment of unlabelled data: :math:`T = (S/\sigma^2)^a`.

    :math:`S = \frac1N \sum h h^\top` over N points that are independent of the labelled ones,
    :math:`p/N \to \gamma_u`; its expectation is the second moment of :class:`Power`, the limit of
    :math:`\gamma_u \to 0`. The image of the bulk is not isotropic: its variances are
    :math:`\sigma^2 x^{2a}` with x of the Marchenko–Pastur law. On a :class:`SpikedMixture` the
    limit is exact, for every classifier; elsewhere there is :func:`simulate` alone.

    Parameters
    ----------
    exponent : float or array_like
        a, any real number; negative only where S is invertible, for γ_u < 1. 0 is the identity.
    unlabelled_ratio : float or array_like
        γ_u > 0, dimensions per unlabelled point.

    Raises
    ------
    TypeError, ValueError
        For parameters out of range. A limit on anything but a :class:`SpikedMixture` is refused,
        and so is one of a composition with other projectors.

    Examples
    --------
    Whitening by a sample costs more accuracy than whitening by the population:

    >>> import asymptotics as asy
    >>> mix, clf = asy.SpikedMixture(signal=1.5, spikes=[asy.Spike(9.0)]), asy.Ridge(1.0)
    >>> sample = asy.SamplePower(-0.5, unlabelled_ratio=[0.01, 0.1, 0.5])
    >>> asy.limit(mix, clf, 0.5, sample).accuracy.round(4)
    array([0.8345, 0.8281, 0.8049])
    >>> round(asy.limit(mix, clf, 0.5, asy.Power(-0.5)).accuracy, 4)
    0.8353
    """

    exponent: Any
    unlabelled_ratio: Any

    parameters: ClassVar[dict[str, Interval]] = {
        "exponent": ANY,
        "unlabelled_ratio": POSITIVE,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        exponent, ratio = np.broadcast_arrays(self.exponent, self.unlabelled_ratio)
        singular = (exponent < 0) & (ratio >= 1)
        if np.any(singular):
            raise ValueError(
                "unlabelled_ratio must be in (0, 1) for a negative exponent, or the second moment "
                f"is singular, got {float(ratio[singular][0])!r} with exponent "
                f"{float(exponent[singular][0])!r}"
            )

    def _learn(self, population: Population, dimension: int, data: Unlabelled) -> Projector:
        noise, ratio = population.noise, self.unlabelled_ratio

        def find(rng: np.random.Generator) -> tuple[Array, Array]:
            return principal_axes(population, dimension, ratio, rng, centred=False)

        eigenvalues, vectors = data.axes(("all", ratio), find)
        negative = self.exponent < 0
        if negative and eigenvalues[0] <= _SINGULAR * eigenvalues[-1]:
            raise ValueError(
                "exponent must be non-negative where the second moment of the unlabelled points is "
                f"singular, got {shown(self.exponent)}"
            )
        powers = (np.maximum(eigenvalues, 0.0) / float(noise) ** 2) ** self.exponent
        rest = float(self.exponent == 0)
        return DrawnMap(vectors * (powers - rest), vectors, rest)

    def spectrum_of(self, population: Population) -> Spectrum | None:
        if not isinstance(population, SpikedMixture):
            raise no_known_limit("a SamplePower", population)
        atoms = sample_power_spectrum(
            population.frame(), np.asarray(self.exponent), np.asarray(self.unlabelled_ratio)
        )
        return Spectrum(*atoms, population.balance)

    def on_frame(self, frame: Frame, axis: int | None = None) -> FrameMap:
        raise TypeError(
            f"projector must not compose a SamplePower with others for a limit, got {shown(self)}; "
            "simulate takes the composition"
        )

    def on_coordinates(self, mixture: GaussianMixture) -> Array:
        raise no_known_limit("a SamplePower", mixture)
