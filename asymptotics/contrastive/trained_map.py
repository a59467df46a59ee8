"""What training leads to, for a batch of populations: TᵀT on a frame and its bulk, and T itself."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..checks import Array
from ..questions.regime import INFINITE_GAIN, relative_gain
from .moment import Moment, symmetric_root

__all__ = ["TrainedMap"]


class TrainedMap(NamedTuple):
    """A flat batch of trained projectors on a frame, or on all of R^p."""

    moment: Moment
    bulk: Array  # (B, J), squared gains; J = 0 where the axes are all there is
    level: Array  # (B,), mean squared gain off the signal, the bulk's on a frame
    along: Array  # (B,), that of the signal

    @classmethod
    def on_sphere(
        cls, moment: Moment, bulk: Array, level: Array, along: Array, signal: Array
    ) -> TrainedMap:
        """TᵀT without the signal, of gain `along`: where that is infinite by what stands for it."""
        held = np.where(np.isinf(along), level * INFINITE_GAIN**2, along)
        outer = signal[:, :, None] * signal[:, None, :]
        matrix = moment.matrix + held[:, None, None] * outer
        return cls(moment._replace(matrix=matrix), bulk, level, along)

    def gain(self) -> Array:
        """That of the signal, relative to the level."""
        return relative_gain(self.along, self.level)

    def gain_along(self, direction: Array) -> Array:
        """That of unit vectors of shape (B, K)."""
        return relative_gain(self.moment.along(direction), self.level)

    def expansion_measure(self, dimension: Array, weights: Array) -> Array:
        """p |Tμ̂|²/|T|_F² in p dimensions, with shares of the bulk of shape (B, J)."""
        moment = self.moment
        rest = (dimension - moment.matrix.shape[-1]) * (weights * self.bulk).sum(-1)
        # of a gain that is held finite nothing but the signal is left
        total = np.einsum("bii->b", moment.matrix) + rest
        held = np.where(np.isinf(self.along), total, self.along)
        measure: Array = dimension * held / total
        return measure

    def stretch(self, normalise: bool) -> tuple[Array, Array, Array]:
        """Basis, scales and bulk of the symmetric projector, of shapes (B, K, K), (B, K), (B, J).

        Raises
        ------
        ValueError, ConvergenceError
            If there is no bulk to normalise by, or directions cannot be told apart.
        """
        if normalise and not np.all(self.level > 0):
            raise ValueError(
                "mix must have a variance that is not 0 off its signal for a bulk gain of 1, got "
                "zeros"
            )
        basis, scales = symmetric_root(self.moment)
        level = np.sqrt(self.level)[:, None] if normalise else 1.0
        return basis, scales / level, np.sqrt(self.bulk) / level
