"""Expansion of a direction that unlabelled data find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..checks import NONNEGATIVE, POSITIVE, Array, Interval
from ..populations.base import Population
from ..populations.frame import Frame
from ..populations.frame_map import FrameMap
from ..populations.gaussian import GaussianMixture
from ..populations.spectrum import Spectrum
from ..populations.spiked import SpikedMixture
from ..random_matrices.principal_component import PrincipalComponent, top_direction
from .base import DrawnMap, Projector
from .expansion import along
from .learned import LearnedProjector, no_known_limit, principal_axes
from .unlabelled import Unlabelled

__all__ = ["PCAExpansion"]


@dataclass(frozen=True, eq=False)
class PCAExpansion(LearnedProjector):
    r"""Stretch the top principal component of unlabelled data: :math:`T = I + (g-1)uu^\top`.

    u is the top eigenvector of the centred covariance of N unlabelled points that are independent
    of the labelled ones, :math:`p/N \to \gamma_u`. With ℓ the largest excess of variance of h over
    its bulk, in units of σ² (4π(1 - π)s²/σ² without spikes), u has with the population's principal
    component the squared cosine

    .. math::
        \frac{1 - \gamma_u/\ell^2}{1 + \gamma_u/\ell} \quad\text{if } \ell > \sqrt{\gamma_u},
        \text{ else } 0,

    and is random otherwise. The limit is that of expanding such a direction: where a spike outranks
    the signal, it is the spike that is expanded, and :meth:`direction` says so.
    :func:`simulate` draws the unlabelled points and takes their real eigenvector.

    Parameters
    ----------
    gain : float or array_like
        g ≥ 0.
    unlabelled_ratio : float or array_like
        γ_u > 0, dimensions per unlabelled point.

    Raises
    ------
    TypeError, ValueError
        For parameters out of range. A limit on anything but a :class:`SpikedMixture` is refused,
        and so is one on a mixture in which several directions share the largest variance and the
        signal is not orthogonal to all of them.

    References
    ----------
    J. Baik, G. Ben Arous, S. Péché (2005), *Ann. Probab.* 33, 1643; D. Paul (2007), *Statistica
    Sinica* 17, 1617.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix, clf = asy.SpikedMixture(signal=1.5), asy.Ridge(0.1)
    >>> learned = asy.PCAExpansion(3.0, unlabelled_ratio=[0.2, 1.0, 10.0])
    >>> learned.alignment(mix).round(4)
    array([0.9393, 0.7454, 0.    ])
    >>> asy.limit(mix, clf, 0.5, learned).accuracy.round(4)
    array([0.8654, 0.8635, 0.8606])
    """

    gain: Any
    unlabelled_ratio: Any

    parameters: ClassVar[dict[str, Interval]] = {
        "gain": NONNEGATIVE,
        "unlabelled_ratio": POSITIVE,
    }

    @property
    def fresh_axes(self) -> int:
        return 1

    def alignment(self, mix: Population) -> Any:
        """Cosine between the direction that is expanded and the signal, up to sign.

        See :meth:`direction`, which raises the same.
        """
        return self.direction(mix).alignment

    def direction(self, mix: Population) -> PrincipalComponent:
        """Which direction is expanded: how strong it is, how well it is found, where it points.

        Parameters
        ----------
        mix : SpikedMixture

        Raises
        ------
        TypeError
            If `mix` is none.
        ValueError
            If two directions share the largest variance.

        Examples
        --------
        A spike that outranks the signal, and takes the expansion away from it:

        >>> import asymptotics as asy
        >>> mix = asy.SpikedMixture(signal=1.5, spikes=[asy.Spike(strength=4.0)])
        >>> found = asy.PCAExpansion(3.0, unlabelled_ratio=0.5).direction(mix)
        >>> found.target.round(6) + 0.0
        array([0., 1.])
        >>> round(found.strength, 6), round(found.overlap, 4), found.alignment
        (4.0, 0.928, 0.0)
        """
        frame = self._check(mix).frame()
        ratio = np.asarray(self.unlabelled_ratio)
        found = top_direction(frame, ratio, any_tie=True)
        axes = [frame.signal, *frame.spikes]
        target = np.stack([np.abs((found.direction * axis).sum(-1)) for axis in axes], axis=-1)
        alignment = found.cosine * target[..., 0]
        fields = np.broadcast_arrays(found.strength, np.sqrt(ratio), found.cosine, alignment)
        target = np.broadcast_to(target, (*fields[0].shape, len(axes))).copy()
        target.flags.writeable = False
        strength, threshold, overlap, alignment = (
            float(x) if x.ndim == 0 else x.copy() for x in fields
        )
        return PrincipalComponent(strength, threshold, overlap, target, alignment)

    def _learn(self, population: Population, dimension: int, data: Unlabelled) -> Projector:
        ratio = self.unlabelled_ratio

        def find(rng: np.random.Generator) -> tuple[Array, Array]:
            return principal_axes(population, dimension, ratio, rng, centred=True, top=True)

        _, vectors = data.axes(("top", ratio), find)
        return DrawnMap((self.gain - 1.0) * vectors, vectors, 1.0)

    def spectrum_of(self, population: Population) -> Spectrum | None:
        self._check(population)
        return None  # it has a frame

    def on_frame(self, frame: Frame, axis: int | None = None) -> FrameMap:
        own = frame.axes - 1 if axis is None else axis
        fresh = np.zeros(frame.axes)
        fresh[own] = 1.0
        found = top_direction(frame, self.unlabelled_ratio)
        u = found.cosine[..., None] * found.direction + found.sine[..., None] * fresh
        return along(u, self.gain)

    def on_coordinates(self, mixture: GaussianMixture) -> Array:
        raise no_known_limit("the direction of a PCAExpansion", mixture)

    def _check(self, mix: Population) -> Any:
        if not isinstance(mix, SpikedMixture):
            raise no_known_limit("the direction of a PCAExpansion", mix)
        return mix
