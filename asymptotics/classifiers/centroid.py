"""The nearest-centroid classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy

from ..checks import Array
from ..equations.class_prior import ClassPrior, ClassSums
from ..equations.class_square import ClassState, own_kind
from ..equations.prior import Problem, State
from ..training.samples import check_classes, check_every_class
from .base import Classifier, LinearFit, one_score_accuracy

__all__ = ["Centroid"]


def _plain_sums(prior: ClassPrior) -> ClassSums:
    """Without a penalty's inverse: at λ = 1 and V̂ = 0 the resolvent is the identity."""
    plain = prior.penalised(np.ones_like(prior.penalty))
    return plain.sums(np.zeros((len(prior.penalty), prior.kinds)))


def _residual(variance: Array) -> Array:
    return np.where(np.isfinite(variance).all((-1, -2, -3)), 0.0, np.inf)


@dataclass(frozen=True, eq=False)
class Centroid(Classifier):
    """The nearest-centroid classifier.

    w = (z̄₊ - z̄₋)/2 with the threshold midway between the centroids. Without intercept,
    w = Σ y_i z_i/n, the limit of every loss of this package for λ → ∞; for equal class
    probabilities the two agree. In the limit m = Σ e_j, q = Σ e_j d_j + γ Σ w_j d_j²/(4π(1 - π))
    (without the last denominator if there is no intercept), and
    b = γ Σ w_j d_j (1/(1 - π) - 1/π)/4, since the smaller class has the longer centroid. The
    training loss is that of 1 - u, which it minimises with λ = 1.

    Parameters
    ----------
    fit_intercept : bool, default True
        Whether the threshold is midway between the centroids, or at 0.

    Raises
    ------
    TypeError
        If `fit_intercept` is not a bool.

    Examples
    --------
    >>> import asymptotics as asy
    >>> lim = asy.limit(asy.SpikedMixture(signal=1.5), asy.Centroid(), aspect_ratio=0.5)
    >>> round(lim.accuracy, 6)
    0.912578
    """

    fit_intercept: bool = True

    scores_classes: ClassVar[bool] = True

    def _dual_weights(self, problem: Problem) -> tuple[Array, Array]:
        """n times the weight of a training point of either class in w = Σ y_i (weight) z_i."""
        if self.fit_intercept:
            return 0.5 / problem.balance, 0.5 / (1.0 - problem.balance)
        return np.ones_like(problem.balance), np.ones_like(problem.balance)

    def solve(self, problem: Problem) -> State:
        plus, minus = self._dual_weights(problem)
        total = problem.aspect_ratio * (problem.weights * problem.bulk).sum(-1)
        squared = problem.aspect_ratio * (problem.weights * problem.bulk**2).sum(-1)
        spread = problem.balance * plus**2 + (1.0 - problem.balance) * minus**2
        variance = (
            problem.signal * (problem.energies * problem.eigenvalues).sum(-1) + spread * squared
        )
        # |z̄₊|² - |z̄₋|² = γ Σ w d (1/π - 1/(1-π)): the smaller class has the longer centroid
        intercept = 0.5 * total * (minus - plus) if self.fit_intercept else 0.0 * total
        zero = np.zeros_like(total)
        return State(problem.signal, variance, total, intercept, zero, np.isfinite(variance), zero)

    def training(self, problem: Problem, state: State) -> tuple[Array, Array]:
        plus, minus = self._dual_weights(problem)
        deviation, v = np.sqrt(state.variance), state.susceptibility
        up = state.mean + state.intercept + v * plus
        down = state.mean - state.intercept + v * minus
        pi = problem.balance
        accuracy = pi * scipy.special.ndtr(up / deviation) + (1.0 - pi) * scipy.special.ndtr(
            down / deviation
        )
        return accuracy, 1.0 - pi * up - (1.0 - pi) * down

    def solve_classes(self, prior: ClassPrior) -> ClassState:
        count = prior.priors.shape[1]
        if prior.labels is None:
            return self.solve_answers(prior, np.arange(count), count)
        sums = _plain_sums(prior)
        shares, pull = prior.priors, self._cluster_weights(prior)
        own_v = own_kind(sums.v, count)
        own_c = own_kind(np.swapaxes(sums.c, -1, -2), count)  # (B, C, S), the kind of k first
        f = shares * pull * prior.labels
        mean = (sums.a @ f[..., None])[..., 0][:, None]
        explained = (f[:, None, None] @ sums.d @ f[:, None, :, None])[..., 0, 0]
        noise = (shares * pull**2)[:, None] @ own_c
        variance = (explained + noise[:, 0])[:, :, None, None]
        b = np.zeros(len(f))
        if self.fit_intercept:
            for sign in (1.0, -1.0):
                part = 2.0 * np.where(prior.labels == sign, np.abs(f), 0.0)
                length = (part[:, None] @ sums.a @ part[..., None])[:, 0, 0]
                length += (4.0 * pull**2 * shares * own_v * (prior.labels == sign)).sum(-1)
                b -= 0.25 * sign * length
        intercept = b[:, None]
        margin = prior.labels * (mean[:, 0] + intercept) + pull * own_v
        loss = 1.0 - (shares * margin).sum(-1)
        return ClassState(mean, variance, sums.v, intercept, _residual(variance), loss)

    def _within(self, prior: ClassPrior, answers: Array, count: int) -> tuple[Array, Array]:
        """The share of each cluster in its class (with an intercept; else in all), and in all."""
        own = np.equal.outer(np.arange(count), answers) * prior.priors[:, None]  # (B, K, C)
        return (own / own.sum(-1, keepdims=True) if self.fit_intercept else own), own

    def solve_answers(self, prior: ClassPrior, answers: Array, count: int) -> ClassState:
        sums, clusters = _plain_sums(prior), len(answers)
        own_v = own_kind(sums.v, clusters)
        own_c = own_kind(np.swapaxes(sums.c, -1, -2), clusters)  # (B, C, S)
        share, own = self._within(prior, answers, count)
        mean = share @ sums.a
        # n points of it, each with the weight share/ρ: per unit of n the noise is share²/ρ
        noise = np.divide(share**2, own, out=np.zeros_like(own), where=own > 0)
        spread = np.swapaxes(noise @ own_c, -1, -2)[..., None] * np.eye(count)  # (B, S, K, K)
        explained = share[:, None] @ sums.d @ np.swapaxes(share, -1, -2)[:, None]
        variance = explained + spread
        lengths = np.einsum("bkc,bkc->bk", mean, share) + (noise * own_v[:, None]).sum(-1)
        intercept = -0.5 * lengths if self.fit_intercept else np.zeros_like(lengths)
        lift = self._lift(prior, answers, count, own_v)
        right = mean[:, answers, np.arange(clusters)] + intercept[:, answers] + lift
        loss = 1.0 - (prior.priors * right).sum(-1)
        return ClassState(mean, variance, sums.v, intercept, _residual(variance), loss)

    def _lift(self, prior: ClassPrior, answers: Array, count: int, own_v: Array) -> Array:
        share, own = self._within(prior, answers, count)
        weight = np.divide(share, own, out=np.zeros_like(own), where=own > 0)
        return np.asarray(weight.sum(1) * own_v)

    def own_lift(self, prior: ClassPrior, answers: Array, count: int, state: ClassState) -> Array:
        return self._lift(prior, answers, count, own_kind(state.susceptibility, len(answers)))

    def _cluster_weights(self, prior: ClassPrior) -> Array:
        """n times the dual weight of a point of each cluster: half of one over its class."""
        if not self.fit_intercept:
            return np.ones_like(prior.priors)
        assert prior.labels is not None
        same = prior.labels[:, None] == prior.labels
        return np.asarray(0.5 / (prior.priors @ same))

    def train_classes(self, prior: ClassPrior, state: ClassState) -> Array:
        if prior.labels is not None:
            return one_score_accuracy(prior, state, self._cluster_weights(prior))
        count = prior.priors.shape[1]
        return self.train_answers(prior, np.arange(count), count, state)

    def fit_classes(self, features: Array, labels: Array, count: int) -> tuple[Array, Array]:
        check_every_class(labels, count)
        own = np.equal.outer(labels, np.arange(count)).astype(float)
        if not self.fit_intercept:
            return features.T @ own / labels.size, np.zeros(count)
        means = features.T @ (own / own.sum(0))
        return means, -0.5 * np.square(means).sum(0)

    def fit(self, features: Array, labels: Array) -> LinearFit:
        if self.fit_intercept:
            check_classes(labels)
        if not self.fit_intercept:
            return LinearFit(labels @ features / labels.size, 0.0)
        below, above = features[labels < 0].mean(0), features[labels > 0].mean(0)
        return LinearFit(0.5 * (above - below), float(0.25 * (below @ below - above @ above)))
