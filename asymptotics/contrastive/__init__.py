"""Contrastive learning of a linear projector."""

from .training import TrainedProjector, train_projector

__all__ = ["TrainedProjector", "train_projector"]
