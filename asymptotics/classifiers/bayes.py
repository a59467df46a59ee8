"""The Bayes classifier: the parameters are known, nothing is learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..checks import Array
from ..equations.class_prior import ClassPrior, DiagonalPrior
from ..equations.class_square import ClassState
from ..equations.prior import Problem, State
from ..intake import shown
from ..integrals.logistic import logistic_rule
from ..metrics.accuracy import mixture_accuracy
from ..metrics.log_loss import class_log_loss, log_loss
from ..metrics.score_law import ScoreLaw
from ..populations.base import Population
from ..populations.gaussian import GaussianMixture
from ..populations.image import image_svd
from ..projectors import Projector
from .base import Classifier, LinearFit, lifted_accuracy, no_such_limit, one_score_accuracy

__all__ = ["Bayes"]

# A susceptibility so small that prox(ω) = ω to the last bit.
_NO_PROX = 1e-100
# A deviation 2D of the log-odds at which the error, Φ(-D), is below the smallest double.
_CERTAIN = 100.0
# A part of the mean below this share of it is the rounding of a zero.
_SINGULAR = 1e-13
# A squared separation that changes an accuracy by less than 1e-12.
_NO_SIGNAL = 1e-25
_EPSILON = float(np.finfo(float).eps)


def _image(population: Population, projector: Projector) -> tuple[Array, Array]:
    """Tμ and a factor of TΣTᵀ, on the leading coordinates: all the rest is noise."""
    population = population.placed(projector)
    if isinstance(population, GaussianMixture):
        matrix = projector.on_coordinates(population)
        return _without_rounding(matrix, population.mean), matrix @ population.root
    if projector.input_dimension is not None:  # drawn, in the coordinates of a Spectrum's samples
        frame, matrix = population.frame(), np.asarray(projector.matrix_alone)
        k = frame.axes
        deviations = frame.bulk_deviations(projector.input_dimension)
        root = np.concatenate([matrix[:, :k] @ frame.root, matrix[:, k:] * deviations], axis=1)
        return _without_rounding(matrix[:, :k], frame.mean), root
    frame = population.frame(projector.fresh_axes)
    block = projector.on_frame(frame).block
    return _without_rounding(block, frame.mean), np.asarray(block @ frame.root)


def _without_rounding(matrix: Array, mean: Array) -> Array:
    """Tμ, with a 0 for what rounding leaves of a sum that cancels: it would be taken for signal."""
    image, terms = matrix @ mean, np.abs(matrix) @ np.abs(mean)
    return np.asarray(np.where(np.abs(image) <= mean.size * _EPSILON * terms, 0.0, image))


def _discriminant(mean: Array, root: Array) -> Array:
    """2(RRᵀ)⁺μ; where μ has a part that is free of noise, that part, which alone decides."""
    basis, deviations, _ = image_svd(root)
    rank = int(np.count_nonzero(deviations))
    noisy = basis[:, :rank]
    rest: Array = mean - noisy @ (noisy.T @ mean)
    if np.linalg.norm(rest) > _SINGULAR * np.linalg.norm(mean):
        return rest
    direction: Array = 2.0 * noisy @ (noisy.T @ mean / deviations[:rank] ** 2)
    return direction


@dataclass(frozen=True, eq=False)
class Bayes(Classifier):
    """The Bayes classifier: the parameters are known, nothing is learned.

    w = 2Σ⁻¹μ and b = log(π/(1 - π)), the posterior log-odds: m = 2D² and q = 4D² with
    D² = Σ e_j/d_j. Where the mean has a part without noise D is infinite, and q is given as 0. The
    training loss is the expected log-loss.

    Parameters
    ----------
    fit_intercept : bool, default True
        Whether the class probabilities are used, or taken to be equal.

    Raises
    ------
    TypeError
        If `fit_intercept` is not a bool.

    Examples
    --------
    >>> import asymptotics as asy
    >>> lim = asy.limit(asy.SpikedMixture(signal=1.5), asy.Bayes(), aspect_ratio=0.5)
    >>> round(lim.accuracy, 6)
    0.933193
    """

    fit_intercept: bool = True

    scores_classes: ClassVar[bool] = True

    def solve(self, problem: Problem) -> State:
        separation = problem.separation
        intercept = (
            np.log(problem.balance / (1.0 - problem.balance))
            if self.fit_intercept
            else np.zeros_like(separation)
        )
        zero = np.zeros_like(separation)
        return State(
            2.0 * separation,
            np.where(np.isinf(separation), 0.0, 4.0 * separation),
            zero,
            intercept,
            zero,
            np.ones(zero.shape, bool),
            zero,
        )

    def training(self, problem: Problem, state: State) -> tuple[Array, Array]:
        deviation = np.sqrt(state.variance)
        accuracy = mixture_accuracy(state.mean, deviation, state.intercept, problem.balance)
        loss = np.zeros_like(accuracy)
        for sign, share in ((1.0, problem.balance), (-1.0, 1.0 - problem.balance)):
            mean = state.mean + sign * state.intercept
            spread = (deviation < _CERTAIN) & (deviation > 0)
            known = np.where(np.isfinite(mean), np.logaddexp(0.0, -mean), 0.0)
            law = (
                np.where(spread, mean, 0.0),
                np.where(spread, deviation, 1.0),
                np.full_like(mean, _NO_PROX),
            )
            rule = logistic_rule(*law)
            _, weight, stretch = rule.weigh(*law)
            average = np.vecdot(weight * stretch, np.logaddexp(0.0, -rule.x))
            loss += share * np.where(spread, average, known)
        return accuracy, loss

    def solve_classes(self, prior: ClassPrior) -> ClassState:
        if prior.kinds > 1:
            raise ValueError(
                "clf must not be Bayes with a covariance for each class, where the best rule is "
                f"quadratic, got {shown(self)}"
            )
        count = prior.priors.shape[1]
        if prior.labels is not None and count > 2:
            raise no_such_limit(self, prior)
        if isinstance(prior, DiagonalPrior):
            present = np.diagonal(prior.grams, axis1=-2, axis2=-1).any(-1)
            if np.any(present & (prior.eigenvalues[:, 0] == 0)):
                raise ValueError(
                    "mix must have noise wherever the classes differ for Bayes on several classes, "
                    "got an eigenvalue of 0 with energy"
                )
        a = prior.penalised(np.zeros_like(prior.penalty)).sums(np.ones((len(prior.penalty), 1))).a
        # Of a signal that is projected out rounding leaves something of no consequence, and no law.
        a = np.where(np.abs(a).max(axis=(-2, -1), keepdims=True) < _NO_SIGNAL, 0.0, a)
        intercept = -0.5 * np.diagonal(a, axis1=-2, axis2=-1)
        if self.fit_intercept:
            intercept = intercept + np.log(prior.priors)
        mean, variance = a, a[:, None]
        if prior.labels is not None:  # the posterior log-odds of +1
            way = np.where(prior.labels > 0, 1.0, -1.0)
            mean = (way @ a)[:, None]
            variance = (mean @ way)[..., None, None]
            intercept = (intercept @ way)[:, None]
        zero = np.zeros(len(a))
        means = np.swapaxes(mean, -1, -2) + intercept[:, None]
        spread = np.broadcast_to(variance, (len(a), count, *variance.shape[-2:]))
        law = ScoreLaw(means, spread, prior.priors, prior.labels)
        loss = class_log_loss(law) if prior.labels is None else log_loss(law)
        return ClassState(mean, variance, np.zeros((len(a), 1)), intercept, zero, loss)

    def train_classes(self, prior: ClassPrior, state: ClassState) -> Array:
        """That of fresh data: nothing is learned."""
        if prior.labels is not None:
            return one_score_accuracy(prior, state, np.zeros_like(prior.priors))
        return lifted_accuracy(prior, state, np.zeros_like(prior.priors))

    def train_classes_on(
        self, features: Array, labels: Array, population: Any, projector: Projector
    ) -> tuple[Array, Array]:
        frame = population.placed(projector).class_frame().with_fresh(projector.fresh_axes)
        if frame.labels is not None and frame.count < len(frame.means):
            raise ValueError(
                f"clf must not be Bayes on {frame.count} classes in {len(frame.means)} clusters, "
                f"where the best rule is not linear, got {shown(self)}"
            )
        if len(frame.roots) > 1 or len(frame.bulk) > 1:
            raise ValueError(
                "clf must not be Bayes with a covariance for each class, where the best rule is "
                f"quadratic, got {shown(self)}"
            )
        block = projector.on_classes(frame).block
        means = np.stack([_without_rounding(block, mean) for mean in frame.means])
        basis, deviations, _ = image_svd(block @ frame.roots[0])
        basis, deviations = basis[:, deviations > 0], deviations[deviations > 0]
        weights = np.zeros((features.shape[1], len(means)))
        weights[: len(block)] = basis @ ((basis.T @ means.T) / deviations[:, None] ** 2)
        intercepts = -0.5 * (weights[: len(block)] * means.T).sum(0)
        return weights, intercepts + (np.log(frame.priors) if self.fit_intercept else 0.0)

    def fit(self, features: Array, labels: Array) -> LinearFit:
        raise TypeError("Bayes knows the population and has nothing to fit")

    def train(
        self, features: Array, labels: Array, population: Population, projector: Projector
    ) -> LinearFit:
        if not population.is_classic:
            weights, odds = self.train_classes_on(features, labels, population, projector)
            if len(odds) > 2:
                raise ValueError(f"clf must not be Bayes on clusters, got {shown(self)}")
            return LinearFit(weights[:, 1] - weights[:, 0], float(odds[1] - odds[0]))
        mean, root = _image(population, projector)
        weights = np.zeros(features.shape[1])
        weights[: mean.size] = _discriminant(mean, root)
        odds = population.balance / (1.0 - population.balance)
        return LinearFit(weights, float(np.log(odds)) if self.fit_intercept else 0.0)
