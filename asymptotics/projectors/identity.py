"""The projector that changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checks import Array
from ..intake import shown
from ..populations.class_frame import ClassFrame
from ..populations.frame import Frame
from ..populations.frame_map import FrameMap
from ..populations.gaussian import GaussianMixture
from .base import Projector

__all__ = ["Identity", "check_projector"]


@dataclass(frozen=True, eq=False)
class Identity(Projector):
    """T = I: the representation as it is.

    Examples
    --------
    >>> import asymptotics as asy
    >>> asy.Identity() @ asy.Identity()
    Identity() @ Identity()
    """

    @property
    def is_identity(self) -> bool:
        return True

    def on_frame(self, frame: Frame, axis: int | None = None) -> FrameMap:
        return FrameMap.identity(frame)

    def on_classes(self, frame: ClassFrame, axis: int | None = None) -> FrameMap:
        return FrameMap(np.eye(frame.axes), np.ones(1), ())

    def on_coordinates(self, mixture: GaussianMixture) -> Array:
        return np.eye(mixture.dimension)


def check_projector(projector: Any) -> Projector:
    """Refuse anything but a projector; None is the identity."""
    if projector is None:
        return Identity()
    if not isinstance(projector, Projector):
        raise TypeError(
            f"projector must be a projector such as Expansion(3.0), got {shown(projector)}"
        )
    return projector
