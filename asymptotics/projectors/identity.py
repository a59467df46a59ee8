"""The projector that changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..frame import Frame, FrameMap
from ..parameters import Array
from .base import Projector

if TYPE_CHECKING:
    from ..population import GaussianMixture

__all__ = ["Identity"]


@dataclass(frozen=True)
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
        return FrameMap(np.eye(frame.axes), np.ones(1))

    def on_population(self, mixture: GaussianMixture) -> Array:
        return np.eye(mixture.dimension)
