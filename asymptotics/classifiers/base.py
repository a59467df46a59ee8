"""What a classifier is: its limit in theory, its estimator in practice."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

import numpy as np
import scipy

from ..checks import Array, Parametrised, check_flag
from ..equations.channel import Channel
from ..equations.class_prior import ClassPrior
from ..equations.class_square import ClassState, own_kind
from ..equations.clusters import solve_clusters
from ..equations.fixed_point import solve_fixed_point
from ..equations.prior import Problem, State
from ..equations.separability import critical_aspect_ratio
from ..intake import shown
from ..metrics.orthant import right_answers
from ..outcomes import Status
from ..populations.base import Population
from ..projectors import Projector
from .weights import check_class_weight, class_costs

__all__ = ["Classifier", "FixedPointClassifier", "LinearFit"]


def no_such_limit(clf: Any, prior: ClassPrior) -> ValueError:
    """The refusal of a population on which the limit of a classifier is not known."""
    count = prior.priors.shape[1]
    kind = f"{count} classes" if prior.labels is None else f"two classes in {count} clusters"
    if prior.answers is not None:
        kind = f"{prior.answers.max() + 1} classes in {count} clusters"
    if prior.kinds > 1:
        kind += " with a covariance for each"
    return ValueError(f"clf must be a classifier with a known limit on {kind}, got {shown(clf)}")


def two_sided(clf: Any, prior: Any) -> Any:
    """The population with labels ±1: two classes that have none are -1 and +1."""
    if prior.labels is not None:
        return prior
    if prior.priors.shape[1] > 2:
        raise no_such_limit(clf, prior)
    return prior._replace(labels=np.array([-1.0, 1.0]))


def one_score_accuracy(prior: ClassPrior, state: ClassState, shift: Array) -> Array:
    """Σ ρ_k P(y_k ω + shift_k V_k > 0): the margins that training leaves on the right side."""
    assert prior.labels is not None
    count = prior.priors.shape[1]
    margin = prior.labels * (state.mean[:, 0] + state.intercept)
    deviation = np.sqrt(own_kind(state.variance, count)[..., 0, 0])
    moved = margin + shift * own_kind(state.susceptibility, count)
    return np.asarray((prior.priors * scipy.special.ndtr(moved / deviation)).sum(-1))


def lifted_accuracy(
    prior: ClassPrior, state: ClassState, lift: Array, answers: Array | None = None
) -> Array:
    """Σ ρ_k P(x_k is the largest) where class k has `lift` added to its own score, (B, K).

    Or cluster k, to the score of its class `answers[k]`.
    """
    means = np.swapaxes(state.mean, -1, -2) + state.intercept[:, None]
    count = means.shape[-1]
    own = np.equal.outer(np.arange(count) if answers is None else answers, np.arange(count))
    means = means + lift[..., None] * own
    spreads = state.variance[:, 0] if prior.kinds == 1 else state.variance
    return np.array(
        [
            float(share @ right_answers(mean, spread, answers=answers))
            for mean, spread, share in zip(means, spreads, prior.priors, strict=True)
        ]
    )


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
        if self.class_weight is not None:
            weight = check_class_weight(self.class_weight)
            object.__setattr__(self, "class_weight", weight)

    fit_intercept: bool
    #: How much the loss of each class counts: a field of the penalised classifiers.
    class_weight: Any = None

    @property
    def penalty_values(self) -> Any:
        """λ of the objective; 1 where any λ > 0 gives the same direction."""
        return getattr(self, "penalty", 1.0)

    def critical_aspect_ratio(self, problem: Problem) -> Array:
        """γ·rank at which the existence of the limit changes: where data become separable."""
        return critical_aspect_ratio(
            np.sqrt(problem.separation), problem.balance, problem.free_intercept
        )

    @property
    def wants_classes(self) -> bool:
        """Whether two classes of one covariance, too, are a matter for the equations of several."""
        return self.class_weight is not None

    def solve_classes(self, prior: ClassPrior) -> ClassState:
        """The order parameters of a batch on several classes, clusters or covariances."""
        raise no_such_limit(self, prior)

    def train_classes(self, prior: ClassPrior, state: ClassState) -> Array:
        """Accuracy on the training set there."""
        raise no_such_limit(self, prior)

    def solve_answers(self, prior: ClassPrior, answers: Array, count: int) -> ClassState:
        """On clusters of `count` classes with a score each; `answers` is the class of a cluster."""
        raise no_such_limit(self, prior._replace(answers=answers))

    def own_lift(self, prior: ClassPrior, answers: Array, count: int, state: ClassState) -> Array:
        """What training adds to the score of a training point's own label there, (B, C)."""
        raise no_such_limit(self, prior)

    def train_answers(
        self, prior: ClassPrior, answers: Array, count: int, state: ClassState
    ) -> Array:
        """Accuracy on the training set there."""
        if state.train_accuracy is not None:
            return state.train_accuracy
        return lifted_accuracy(prior, state, self.own_lift(prior, answers, count, state), answers)

    @abstractmethod
    def solve(self, problem: Problem) -> State:
        """The order parameters m, q, V, b of a flat batch of problems."""

    @abstractmethod
    def training(self, problem: Problem, state: State) -> tuple[Array, Array]:
        """Accuracy on the training set, and the mean training loss without its penalty."""

    def smooth(self, problem: Problem) -> tuple[Problem, Channel]:
        """The problem and the channel whose fixed point the limit is, to be differentiated."""
        raise TypeError(f"clf must be a penalised or margin classifier, got {shown(self)}")

    #: Whether K classes have a score each.
    scores_classes: ClassVar[bool] = False

    def fit_classes(self, features: Array, labels: Array, count: int) -> tuple[Array, Array]:
        """Train on labels 0 … K - 1; returns weights of shape (p, K) and intercepts (K,)."""
        raise ValueError(
            f"clf must have a score for each of {count} classes, as Softmax has, got {shown(self)}"
        )

    def train_classes_on(
        self, features: Array, labels: Array, population: Any, projector: Projector
    ) -> tuple[Array, Array]:
        """Train on projected samples of K classes, which only :class:`Bayes` may look at."""
        return self.fit_classes(features, labels, population.class_frame().count)

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

    def solve_classes(self, prior: ClassPrior) -> ClassState:
        return solve_clusters(
            two_sided(self, prior), self, class_costs(self.class_weight, prior), self.fit_intercept
        )

    def train_classes(self, prior: ClassPrior, state: ClassState) -> Array:
        shift = -self.side * class_costs(self.class_weight, prior)
        return one_score_accuracy(two_sided(self, prior), state, shift)

    def training(self, problem: Problem, state: State) -> tuple[Array, Array]:
        deviation = np.sqrt(state.variance)
        v = state.susceptibility
        accuracy = np.zeros_like(v)
        for sign, share in ((1.0, problem.balance), (-1.0, 1.0 - problem.balance)):
            mean = state.mean + sign * state.intercept
            accuracy = accuracy + share * scipy.special.ndtr((mean - self.side * v) / deviation)
        return accuracy, state.loss
