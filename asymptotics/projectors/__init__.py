"""Projectors: linear maps that expand or shrink directions of a representation."""

from .base import Composition, Projector
from .expansion import Expansion
from .identity import Identity, check_projector
from .linear_map import LinearMap
from .power import Power

__all__ = [
    "Composition",
    "Expansion",
    "Identity",
    "LinearMap",
    "Power",
    "Projector",
    "check_projector",
]
