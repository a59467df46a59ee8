"""Projectors: linear maps that expand or shrink directions of a representation."""

from .base import Composition, Projector
from .expansion import Expansion
from .frame_stretch import FrameStretch
from .identity import Identity, check_projector
from .linear_map import LinearMap
from .power import Power

__all__ = [
    "Composition",
    "Expansion",
    "FrameStretch",
    "Identity",
    "LinearMap",
    "Power",
    "Projector",
    "check_projector",
]
