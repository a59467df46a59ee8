"""Projectors: linear maps that expand or shrink directions of a representation."""

from .base import Composition, Projector
from .expansion import Expansion
from .frame_stretch import FrameStretch
from .identity import Identity, check_projector
from .learned import LearnedProjector
from .linear_map import LinearMap
from .pca_expansion import PCAExpansion
from .pca_truncation import PCATruncation
from .power import Power
from .sample_power import SamplePower

__all__ = [
    "Composition",
    "Expansion",
    "FrameStretch",
    "Identity",
    "LearnedProjector",
    "LinearMap",
    "PCAExpansion",
    "PCATruncation",
    "Power",
    "Projector",
    "SamplePower",
    "check_projector",
]
