"""Contrastive learning of a linear projector."""

from .boundary import PhaseBoundary
from .infonce import InfoNCE
from .training.trained import TrainedProjector, train_projector

__all__ = ["InfoNCE", "PhaseBoundary", "TrainedProjector", "train_projector"]
