"""Expansion or shrinkage of one direction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ..checks import (
    CORRELATION,
    LATER,
    NONNEGATIVE,
    Array,
    ArrayLike,
    Interval,
    Parametrised,
    check_integer,
    check_matrix,
)
from ..intake import shown
from ..populations.class_frame import ClassFrame
from ..populations.frame import Frame
from ..populations.frame_map import FrameMap
from ..populations.gaussian import GaussianMixture
from ..populations.image import Factor, Reflection
from .base import Projector

__all__ = ["Expansion", "along"]

# Relative rounding allowed in a sum of zero, and in the rank of the means.
_SUM_SLACK = 1e-12


def _basis(u: Array) -> tuple[Array, Array]:
    """An orthogonal matrix whose first column is ±u, by reflection, and whether u is not 0."""
    normal, sign = u.copy(), np.where(u[..., :1] < 0, -1.0, 1.0)
    normal[..., :1] += sign
    square = np.square(normal).sum(-1)[..., None, None]
    basis = np.eye(u.shape[-1]) - 2.0 / square * normal[..., :, None] * normal[..., None, :]
    # The same entries without the difference of 1 and 1, in which a small cosine would be lost.
    image = np.where(np.any(u, axis=-1, keepdims=True), -sign * u, basis[..., 0])
    basis[..., 0] = image
    basis[..., 0, :] = image
    return basis, np.any(u, axis=-1)[..., None]


def along(u: Array, gain: ArrayLike) -> FrameMap:
    """Stretch the direction u of a frame, of shape (..., K), by a gain; nothing where u is 0."""
    scales = np.ones((*np.shape(gain), u.shape[-1]))
    scales[..., :1] = np.asarray(gain)[..., None]
    basis, exists = _basis(u)
    return FrameMap.of(basis, np.where(exists, scales, 1.0), np.ones(1))


@dataclass(frozen=True, eq=False, repr=False)
class Expansion(Parametrised, Projector):
    r"""Stretch one direction by a gain: :math:`T = I + (g - 1) u u^\top`.

    Gain above 1 is the expansion regime, gain below 1 the shrinkage regime; gain 0 projects the
    direction out.

    Parameters
    ----------
    gain : float or array_like
        g ≥ 0.
    alignment : float or array_like, default 1
        Cosine ⟨u, μ/s⟩ in [-1, 1]; the rest of u lies in a bulk direction of its own. Only ±1 on
        populations without an isotropic bulk.
    spike : int, optional
        Stretch the direction of spike number k of a :class:`SpikedMixture` instead.
    contrast : array_like, shape (K,), optional
        On K classes, numbers :math:`c_k` of sum 0: the direction :math:`\sum_k c_k \mu_k`.
    subspace : "between", optional
        Stretch all directions in which class means differ, K - 1 at most.

    Raises
    ------
    TypeError, ValueError
        For parameters out of range, `spike` together with `alignment`, more than one of `spike`,
        `contrast` and `subspace`, or none of the last two on more than two classes.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix = asy.SpikedMixture(signal=1.5)
    >>> mix.spectrum(asy.Expansion(3.0)).eigenvalues
    array([9., 1.])
    """

    gain: Any
    alignment: Any = 1.0
    spike: int | None = None
    contrast: Any = field(default=None, metadata=LATER)
    subspace: str | None = field(default=None, metadata=LATER)

    parameters: ClassVar[dict[str, Interval]] = {"gain": NONNEGATIVE, "alignment": CORRELATION}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.spike is not None:
            object.__setattr__(self, "spike", check_integer("spike", self.spike, 0))
            if np.any(np.not_equal(self.alignment, 1.0)):
                raise ValueError(
                    "alignment must be left at 1 when spike is given (the spike has its own), "
                    f"got {shown(self.alignment)}"
                )

        if self.contrast is not None:
            contrast = tuple(float(c) for c in check_matrix("contrast", self.contrast, 1))
            size = max(map(abs, contrast))
            if size == 0 or abs(sum(contrast)) > _SUM_SLACK * size:
                raise ValueError(
                    f"contrast must have sum 0 and not be zero, got {shown(self.contrast)}"
                )
            object.__setattr__(self, "contrast", contrast)
        if self.subspace is not None and self.subspace != "between":
            raise ValueError(f"subspace must be 'between' or None, got {shown(self.subspace)}")
        chosen = (self.spike, self.contrast, self.subspace)
        if sum(choice is not None for choice in chosen) > 1:
            raise ValueError(
                "subspace, contrast and spike must not be given together, got "
                f"{shown(self.subspace)}, {shown(self.contrast)} and {shown(self.spike)}"
            )
        if self.subspace is not None and np.any(np.not_equal(self.alignment, 1.0)):
            raise ValueError(
                f"alignment must be left at 1 when subspace is given, got {shown(self.alignment)}"
            )

    def _check_two(self) -> None:
        """Of two classes there is one direction, whatever it is called."""
        if self.contrast is not None and len(self.contrast) != 2:
            raise ValueError(
                f"contrast must have 2 entries on two classes, got {len(self.contrast)}"
            )

    @property
    def fresh_axes(self) -> int:
        return int(np.any(np.abs(self.alignment) < 1.0))

    def on_frame(self, frame: Frame, axis: int | None = None) -> FrameMap:
        self._check_two()
        if self.spike is not None:
            if self.spike >= len(frame.spikes):
                raise ValueError(
                    f"spike must be below the number of spikes, {len(frame.spikes)}, "
                    f"got {self.spike}"
                )
            u = frame.spikes[self.spike]
        else:
            u = np.asarray(self.alignment)[..., None] * frame.signal
            if self.fresh_axes:
                own = frame.axes - 1 if axis is None else axis
                fresh = np.zeros(frame.axes)
                fresh[own] = 1.0
                rest = np.sqrt((1.0 - self.alignment) * (1.0 + self.alignment))
                u = u + np.asarray(rest)[..., None] * fresh
        return along(u, self.gain)

    def on_classes(self, frame: ClassFrame, axis: int | None = None) -> FrameMap:
        count = len(frame.means)
        if self.batch_shape:
            raise ValueError(
                f"gain must be a single number on several classes, got shape {self.batch_shape}"
            )
        if self.spike is not None:
            raise ValueError(f"spike must be None on several classes, got {self.spike}")
        if self.subspace is not None:
            basis, size, _ = np.linalg.svd(frame.centred.T)
            between = np.count_nonzero(size > _SUM_SLACK * size.max(initial=0.0))
            scales = np.where(np.arange(frame.axes) < between, self.gain, 1.0)
            return FrameMap.of(basis, scales, np.ones(1))
        contrast = self.contrast
        if contrast is None:
            if count > 2:
                raise ValueError(
                    "contrast must be given, or subspace='between', on more than two classes or "
                    f"clusters, got {shown(self)} on {count}"
                )
            contrast = (-1.0, 1.0)
        if len(contrast) != count:
            raise ValueError(
                f"contrast must have {count} entries, one for each class, got {len(contrast)}"
            )
        direction = np.asarray(contrast) @ frame.means
        length = np.linalg.norm(direction)
        if length == 0:
            raise ValueError("contrast must be of classes that differ, got a direction of length 0")
        u = self.alignment * direction / length
        if self.fresh_axes:
            own = frame.axes - 1 if axis is None else axis
            u[own] += np.sqrt((1.0 - self.alignment) * (1.0 + self.alignment))
        return along(u, self.gain)

    def on_coordinates(self, mixture: GaussianMixture) -> Array:
        u = self._direction(mixture)
        stretch = np.asarray(self.gain)[..., None, None] - 1.0
        return np.asarray(np.eye(mixture.dimension) + stretch * np.outer(u, u))

    def factors(self, mixture: GaussianMixture) -> tuple[Factor, ...]:
        turn = Reflection.onto_first(self._direction(mixture))
        scales = np.ones((*np.shape(self.gain), mixture.dimension))
        scales[..., 0] = self.gain
        return (Factor(turn, scales, turn),)

    def _direction(self, mixture: GaussianMixture) -> Array:
        """The unit vector that is stretched, in coordinates."""
        self._check_two()
        if self.spike is not None:
            raise ValueError(f"spike must be None on a GaussianMixture, got {self.spike}")
        if self.fresh_axes:
            raise ValueError(
                f"alignment must be 1 or -1 on a GaussianMixture, got {shown(self.alignment)}; "
                "use LinearMap for other directions"
            )
        length = np.linalg.norm(mixture.mean)
        if length == 0:
            raise ValueError("gain needs a direction to act on, got a mixture whose mean is 0")
        return np.asarray(mixture.mean / length)
