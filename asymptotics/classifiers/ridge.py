"""Ridge regression on the labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy

from ..parameters import NONNEGATIVE, Array, Interval
from ..problem import Problem, State
from ..square_loss import solve_square_loss
from .base import Classifier, LinearFit

__all__ = ["Ridge", "square_loss_training"]


def square_loss_training(problem: Problem, state: State) -> tuple[Array, Array]:
    """Training accuracy and loss where prox(ω) = (ω + V)/(1 + V)."""
    deviation, v = np.sqrt(state.variance), state.susceptibility
    accuracy = loss = np.zeros_like(v)
    for sign, share in ((1.0, problem.balance), (-1.0, 1.0 - problem.balance)):
        mean = state.mean + sign * state.intercept
        accuracy = accuracy + share * scipy.special.ndtr((mean + v) / deviation)
        loss = loss + share * 0.5 * ((1.0 - mean) ** 2 + state.variance) / (1.0 + v) ** 2
    return accuracy, loss


@dataclass(frozen=True, eq=False)
class Ridge(Classifier):
    penalty: Any
    fit_intercept: bool = True

    parameters: ClassVar[dict[str, Interval]] = {"penalty": NONNEGATIVE}

    no_limit_status: ClassVar[str] = "no limit: fewer samples than dimensions"

    def critical_aspect_ratio(self, problem: Problem) -> Array:
        return np.ones_like(problem.balance)

    def solve(self, problem: Problem) -> State:
        return solve_square_loss(problem)

    def training(self, problem: Problem, state: State) -> tuple[Array, Array]:
        return square_loss_training(problem, state)

    def fit(self, features: Array, labels: Array) -> LinearFit:
        raise NotImplementedError
