"""Minimum-norm least squares: the interpolator above the threshold, least squares below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..checks import Array
from ..equations.channel import Channel
from ..equations.prior import Problem, State
from ..equations.square_loss import SquareChannel, solve_square_loss
from ..training.samples import check_classes, least_squares
from .base import Classifier, LinearFit
from .ridge import square_loss_training

__all__ = ["MinNorm"]


@dataclass(frozen=True, eq=False)
class MinNorm(Classifier):
    """Minimum-norm least squares on labels ±1, the limit of ridge for λ → 0.

    For γ < 1 ordinary least squares, for γ > 1 the interpolator of smallest norm; at γ = 1 the
    variance is infinite and the accuracy 1/2. Above 1 the scale of V is that of λ = 1.

    Parameters
    ----------
    fit_intercept : bool, default True
        Whether an unpenalised intercept b is fitted.

    Raises
    ------
    TypeError
        If `fit_intercept` is not a bool.

    Examples
    --------
    >>> import asymptotics as asy
    >>> lim = asy.limit(asy.SpikedMixture(signal=1.5), asy.MinNorm(), aspect_ratio=1.5)
    >>> round(lim.accuracy, 6)
    0.748833
    """

    fit_intercept: bool = True

    @staticmethod
    def _interpolates(problem: Problem) -> Array:
        rank = (problem.weights * (problem.bulk > 0)).sum(-1)
        return np.asarray(problem.aspect_ratio * rank > 1.0)

    def solve(self, problem: Problem) -> State:
        above = self._interpolates(problem)
        m, q, v, b, residual, loss = np.empty((6, len(above)))
        state = State(m, q, v, b, residual, np.ones(len(above), dtype=bool), loss)
        for side, interpolate in ((above, True), (~above, False)):
            if side.any():
                part = problem.take(side)
                if not interpolate:
                    part = part._replace(penalty=np.zeros(len(part.penalty)))
                for whole, found in zip(
                    state, solve_square_loss(part, interpolate=interpolate), strict=True
                ):
                    whole[side] = found
        # Exactly at the threshold q and V are infinite and the equations have nothing left to say.
        return state._replace(residual=np.where(np.isinf(state.variance), 0.0, state.residual))

    def smooth(self, problem: Problem) -> tuple[Problem, Channel]:
        above = self._interpolates(problem)
        return problem._replace(penalty=np.where(above, 1.0, 0.0)), SquareChannel(1.0 - above)

    def training(self, problem: Problem, state: State) -> tuple[Array, Array]:
        accuracy, loss = square_loss_training(problem, state)
        interpolates = self._interpolates(problem) | np.isinf(state.variance)
        return np.where(interpolates, 1.0, accuracy), np.where(interpolates, 0.0, loss)

    def fit(self, features: Array, labels: Array) -> LinearFit:
        if self.fit_intercept:
            check_classes(labels)
        return LinearFit(*least_squares(features, labels, self.fit_intercept))
