"""Expansion or shrinkage of one direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..checks import (
    CORRELATION,
    NONNEGATIVE,
    Array,
    ArrayLike,
    Interval,
    Parametrised,
    check_integer,
)
from ..intake import shown
from ..populations.frame import Frame
from ..populations.frame_map import FrameMap
from ..populations.gaussian import GaussianMixture
from .base import Projector

__all__ = ["Expansion", "along"]


def _basis(u: Array) -> tuple[Array, Array]:
    """An orthogonal matrix whose first column is ±u, by reflection, and whether u is not 0."""
    normal = u.copy()
    normal[..., :1] += np.where(u[..., :1] < 0, -1.0, 1.0)
    square = np.square(normal).sum(-1)[..., None, None]
    basis = np.eye(u.shape[-1]) - 2.0 / square * normal[..., :, None] * normal[..., None, :]
    return basis, np.any(u, axis=-1)[..., None]


def along(u: Array, gain: ArrayLike) -> FrameMap:
    """Stretch the direction u of a frame, of shape (..., K), by a gain; nothing where u is 0."""
    scales = np.ones((*np.shape(gain), u.shape[-1]))
    scales[..., :1] = np.asarray(gain)[..., None]
    basis, exists = _basis(u)
    return FrameMap.of(basis, np.where(exists, scales, 1.0), np.ones(1))


@dataclass(frozen=True, eq=False)
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

    Raises
    ------
    TypeError, ValueError
        For parameters out of range, or `spike` together with `alignment`.

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

    @property
    def fresh_axes(self) -> int:
        return int(np.any(np.abs(self.alignment) < 1.0))

    def on_frame(self, frame: Frame, axis: int | None = None) -> FrameMap:
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

    def on_coordinates(self, mixture: GaussianMixture) -> Array:
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
        u = mixture.mean / length
        stretch = np.asarray(self.gain)[..., None, None] - 1.0
        return np.asarray(np.eye(mixture.dimension) + stretch * np.outer(u, u))
