"""Expansion of a direction that unlabelled data find."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ..checks import LATER, NONNEGATIVE, POSITIVE, Array, Interval, check_integer
from ..populations.base import Population
from ..populations.class_frame import ClassFrame
from ..populations.classes import ClassMixture
from ..populations.frame import Frame
from ..populations.frame_map import FrameMap
from ..populations.gaussian import GaussianMixture
from ..populations.spectrum import Spectrum
from ..populations.spiked import SpikedMixture
from ..random_matrices.principal_component import (
    PrincipalComponent,
    leading_directions,
    top_direction,
)
from .base import DrawnMap, Projector
from .expansion import along
from .learned import LearnedProjector, no_known_limit, principal_axes
from .unlabelled import Unlabelled

__all__ = ["PCAExpansion"]

# A length below this is the rounding of a zero.
_ABSENT = 1e-12
# Each has an axis of its own in the frame.
_MOST_COMPONENTS = 1000


@dataclass(frozen=True, eq=False)
class PCAExpansion(LearnedProjector):
    r"""Stretch the top principal component of unlabelled data: :math:`T = I + (g-1)uu^\top`.

    Or, with `components`, the span of several: :math:`T = I + (g-1)\sum_i u_i u_i^\top`.

    u is the top eigenvector of the centred covariance of N unlabelled points that are independent
    of the labelled ones, :math:`p/N \to \gamma_u`. With ℓ the largest excess of variance of h over
    its bulk, in units of σ² (4π(1 - π)s²/σ² without spikes), u has with the population's principal
    component the squared cosine

    .. math::
        \frac{1 - \gamma_u/\ell^2}{1 + \gamma_u/\ell} \quad\text{if } \ell > \sqrt{\gamma_u},
        \text{ else } 0,

    and is random otherwise. The limit is that of expanding such a direction: where a spike outranks
    the signal, it is the spike that is expanded, and :meth:`direction` says so.
    :func:`simulate` draws the unlabelled points and takes their real eigenvectors.

    On the K classes of a :class:`ClassMixture` the between-class space has K - 1 dimensions, and
    the next components are found by the same formula, each with the ℓ of its own principal axis of
    the covariance of h without its label.

    Parameters
    ----------
    gain : float or array_like
        g ≥ 0.
    unlabelled_ratio : float or array_like
        γ_u > 0, dimensions per unlabelled point.
    components : int, default 1
        How many of the leading components are stretched.

    Raises
    ------
    TypeError, ValueError
        For parameters out of range. A limit on anything but a :class:`SpikedMixture` or
        :class:`ClassMixture` is refused, and so is one on a mixture in which directions of equal
        variance are told apart by `components` and one of them has signal.

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
    components: int = field(default=1, metadata=LATER)

    parameters: ClassVar[dict[str, Interval]] = {
        "gain": NONNEGATIVE,
        "unlabelled_ratio": POSITIVE,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        count = check_integer("components", self.components, 1, _MOST_COMPONENTS)
        object.__setattr__(self, "components", count)

    @property
    def fresh_axes(self) -> int:
        return self.components

    def alignment(self, mix: Population) -> Any:
        """Cosine between the direction that is expanded and the signal, up to sign.

        See :meth:`direction`, which raises the same.
        """
        return self.direction(mix).alignment

    def direction(self, mix: Population) -> PrincipalComponent:
        """Which direction is expanded: how strong it is, how well it is found, where it points.

        On K classes, or of several `components`, all fields have a last axis of the components;
        those are signal whose `alignment` is not 0.

        Parameters
        ----------
        mix : SpikedMixture or ClassMixture

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
        if isinstance(mix, ClassMixture):
            return self._class_directions(mix.class_frame())
        frame = self._check(mix).frame()
        if self.components > 1:
            raise ValueError(
                "components must be 1 to ask for the direction in two classes, got "
                f"{self.components}; ask a ClassMixture"
            )
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

    def _class_directions(self, frame: ClassFrame) -> PrincipalComponent:
        if np.ndim(self.unlabelled_ratio):
            raise ValueError(
                "unlabelled_ratio must be a single number on several classes, got shape "
                f"{np.shape(self.unlabelled_ratio)}"
            )
        found = self._leading(frame)
        means = frame.centred
        lengths = np.linalg.norm(means, axis=1)
        towards = means @ found.directions
        target = np.divide(
            np.abs(towards).T, lengths, out=np.zeros(towards.T.shape), where=lengths > 0
        )
        left, size, _ = np.linalg.svd(means.T, full_matrices=False)
        between = left[:, size > _ABSENT * size.max(initial=0.0)]
        inside = np.linalg.norm(between.T @ found.directions, axis=0)
        inside = np.where(inside > _ABSENT, inside, 0.0)
        threshold = np.full(len(inside), np.sqrt(float(self.unlabelled_ratio)))
        return PrincipalComponent(
            found.strength, threshold, found.cosine, target, found.cosine * inside
        )

    def _leading(self, frame: ClassFrame) -> Any:
        ratio = float(self.unlabelled_ratio)
        return leading_directions(frame.covariance_root / frame.noise, ratio, self.components)

    def _learn(self, population: Population, dimension: int, data: Unlabelled) -> Projector:
        ratio, count = self.unlabelled_ratio, self.components

        def find(rng: np.random.Generator) -> tuple[Array, Array]:
            return principal_axes(population, dimension, ratio, rng, centred=True, top=count)

        key = "top" if count == 1 else f"top {count}"
        _, vectors = data.axes((key, ratio), find)
        return DrawnMap((self.gain - 1.0) * vectors, vectors, 1.0)

    def spectrum_of(self, population: Population) -> Spectrum | None:
        if not isinstance(population, ClassMixture):
            self._check(population)
        return None  # it has a frame

    def on_frame(self, frame: Frame, axis: int | None = None) -> FrameMap:
        own = frame.axes - self.components if axis is None else axis
        if self.components > 1:
            return self._several(frame, own)
        fresh = np.zeros(frame.axes)
        fresh[own] = 1.0
        found = top_direction(frame, self.unlabelled_ratio)
        u = found.cosine[..., None] * found.direction + found.sine[..., None] * fresh
        return along(u, self.gain)

    def _several(self, frame: Frame, own: int) -> FrameMap:
        if frame.mean.ndim > 1 or self.batch_shape:
            raise ValueError(
                "components must be 1 where mix or projector has array parameters, got "
                f"{self.components}"
            )
        balance = float(frame.balance)
        between = 2.0 * np.sqrt(balance * (1.0 - balance)) * frame.mean
        factor = np.concatenate([frame.root, between[:, None]], axis=1) / float(frame.noise)
        return self._stretch(
            leading_directions(factor, float(self.unlabelled_ratio), self.components), own
        )

    def _stretch(self, found: Any, own: int) -> FrameMap:
        """T on a frame, from the leading directions and the fresh axis of each."""
        axes, count = found.directions.shape
        learned = found.cosine * found.directions
        learned[own + np.arange(count), np.arange(count)] += found.sine
        block = np.eye(axes) + (self.gain - 1.0) * learned @ learned.T
        return FrameMap(block, np.ones(1))

    def on_classes(self, frame: ClassFrame, axis: int | None = None) -> FrameMap:
        if self.batch_shape:
            raise ValueError(
                "gain and unlabelled_ratio must be single numbers on several classes, got shape "
                f"{self.batch_shape}"
            )
        return self._stretch(
            self._leading(frame), frame.axes - self.components if axis is None else axis
        )

    def on_coordinates(self, mixture: GaussianMixture) -> Array:
        raise no_known_limit("the direction of a PCAExpansion", mixture)

    def _check(self, mix: Population) -> Any:
        if not isinstance(mix, SpikedMixture):
            where = "SpikedMixture or ClassMixture"
            raise no_known_limit("the direction of a PCAExpansion", mix, where)
        return mix
