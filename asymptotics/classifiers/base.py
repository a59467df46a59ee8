"""What a classifier is: its limit in theory, its estimator in practice."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

import numpy as np
import scipy

from ..checks import Array, Parametrised, check_flag
from ..equations.channel import Channel
from ..equations.fixed_point import solve_fixed_point
from ..equations.prior import Problem, State
from ..equations.separability import critical_aspect_ratio
from ..intake import shown
from ..outcomes import Status
from ..populations.base import Population
from ..projectors import Projector

__all__ = ["Classifier", "FixedPointClassifier", "LinearFit"]


class LinearFit(NamedTuple):
    """A trained linear classifier, sign(⟨weights, z⟩ + intercept)."""

    weights: Array
    intercept: float


class Classifier(Parametrised, ABC):
    """A linear classifier: a new one is one subclass in one file, a frozen dataclass.

    It needs :meth:`solve` (the limit), :meth:`training` (how it does on its own training set) and
    :meth:`fit` (a real one).
    """

    #: Whether the limit exists only on separable data.
    needs_separable: ClassVar[bool] = False
    #: What is wrong where a penalty of 0 has no limit.
    no_limit_status: ClassVar[Status] = Status.SEPARABLE

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "fit_intercept", check_flag("fit_intercept", self.fit_intercept))

    fit_intercept: bool

    @property
    def penalty_values(self) -> Any:
        """λ of the objective; 1 where any λ > 0 gives the same direction."""
        return getattr(self, "penalty", 1.0)

    def critical_aspect_ratio(self, problem: Problem) -> Array:
        """γ·rank at which the existence of the limit changes: where data become separable."""
        return critical_aspect_ratio(
            np.sqrt(problem.separation), problem.balance, problem.free_intercept
        )

    @abstractmethod
    def solve(self, problem: Problem) -> State:
        """The order parameters m, q, V, b of a flat batch of problems."""

    @abstractmethod
    def training(self, problem: Problem, state: State) -> tuple[Array, Array]:
        """Accuracy on the training set, and the mean training loss without its penalty."""

    def smooth(self, problem: Problem) -> tuple[Problem, Channel]:
        """The problem and the channel whose fixed point the limit is, to be differentiated."""
        raise TypeError(f"clf must be a penalised or margin classifier, got {shown(self)}")

    @abstractmethod
    def fit(self, features: Array, labels: Array) -> LinearFit:
        """Train on features of shape (n, p) and labels ±1 of shape (n,), to solver precision."""

    def train(
        self, features: Array, labels: Array, population: Population, projector: Projector
    ) -> LinearFit:
        """Train on projected samples of a population, which only :class:`Bayes` may look at."""
        return self.fit(features, labels)


class FixedPointClassifier(Classifier, Channel):
    """A classifier whose channel is nonlinear: its limit is a fixed point."""

    #: The margin ω(0) = V ℓ'(0) at which a training point changes side, as a multiple of V.
    side: ClassVar[float] = -1.0

    def solve(self, problem: Problem) -> State:
        return solve_fixed_point(problem, self)

    def smooth(self, problem: Problem) -> tuple[Problem, Channel]:
        return problem, self

    def training(self, problem: Problem, state: State) -> tuple[Array, Array]:
        deviation = np.sqrt(state.variance)
        v = state.susceptibility
        accuracy = np.zeros_like(v)
        for sign, share in ((1.0, problem.balance), (-1.0, 1.0 - problem.balance)):
            mean = state.mean + sign * state.intercept
            accuracy = accuracy + share * scipy.special.ndtr((mean - self.side * v) / deviation)
        return accuracy, state.loss
