"""Contrastive learning of a linear projector."""

from .augmentation import Augmentation
from .boundary import PhaseBoundary
from .infonce import InfoNCE
from .training.trained import TrainedProjector, train_projector

__all__ = ["Augmentation", "InfoNCE", "PhaseBoundary", "TrainedProjector", "train_projector"]
