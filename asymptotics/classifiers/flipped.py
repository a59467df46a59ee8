r"""Label noise: a classifier trained on labels some of which are wrong.

To the training, a class of share ρ_k of which the share ε carries another label is two clusters of
one mean: (1 - ε)ρ_k with the right label, ερ_k with the wrong one. So the limit is that of as many
clusters, and what it is asked for are the classes as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checks import Array, Interval, check_single
from ..equations.class_prior import ClassPrior, DiagonalPrior
from ..equations.class_square import ClassState
from ..equations.prior import Problem, State
from ..intake import shown
from ..populations.base import Population
from ..projectors import Projector
from .base import Classifier, LinearFit, two_sided
from .bayes import Bayes

__all__ = ["Flipped"]


_RATES = Interval(0, 1, low_open=False)


@dataclass(frozen=True, eq=False)
class Flipped(Classifier):
    r"""A classifier whose training labels are wrong with a probability: label noise.

    Each label is replaced, independently of all else, with probability ε by another one: of two
    classes the other, of K classes each of the K - 1 others alike. Fresh data are judged by their
    true labels; the training accuracy and loss are those on the labels that were trained on.

    Parameters
    ----------
    clf : classifier
        Any but :class:`Bayes`, which is not trained. On more than two classes one with a score for
        each: :class:`Ridge`, :class:`Softmax` or :class:`Centroid`.
    rate : float
        ε in [0, 1).

    Raises
    ------
    TypeError, ValueError
        For parameters out of range.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix = asy.SpikedMixture(signal=1.5)
    >>> for rate in (0.0, 0.1, 0.3):
    ...     lim = asy.limit(mix, asy.Flipped(asy.Logistic(0.1), rate), aspect_ratio=0.5)
    ...     print(round(lim.accuracy, 4), round(lim.train_accuracy, 4))
    0.9002 0.9892
    0.8416 0.9264
    0.6909 0.8469
    """

    clf: Any
    rate: Any

    def __post_init__(self) -> None:
        if not isinstance(self.clf, Classifier) or isinstance(self.clf, (Bayes, Flipped)):
            raise TypeError(
                "clf must be a classifier that is trained, such as Logistic(0.1), got "
                f"{shown(self.clf)}"
            )
        rate = check_single("rate", self.rate, _RATES)
        object.__setattr__(self, "rate", rate)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        found: tuple[int, ...] = self.clf.batch_shape
        return found

    @property
    def fit_intercept(self) -> bool:  # type: ignore[override]
        return bool(self.clf.fit_intercept)

    @property
    def class_weight(self) -> Any:
        return self.clf.class_weight

    @property
    def scores_classes(self) -> bool:  # type: ignore[override]
        return bool(self.clf.scores_classes)

    @property
    def needs_separable(self) -> bool:  # type: ignore[override]
        return bool(self.clf.needs_separable)

    @property
    def penalty_values(self) -> Any:
        return self.clf.penalty_values

    @property
    def wants_classes(self) -> bool:
        return True

    def training_labels(
        self, labels: Array, count: int | None, generator: np.random.Generator
    ) -> Array:
        """The labels that are trained on: ±1, or 0 … K - 1 of a `count` K of classes."""
        wrong = generator.random(len(labels)) < self.rate
        if count is None:
            return np.where(wrong, -labels, labels)
        steps = generator.integers(1, count, len(labels))
        return np.where(wrong, (labels + steps) % count, labels)

    def solve_classes(self, prior: ClassPrior) -> ClassState:
        if self.rate == 0:
            state: ClassState = self.clf.solve_classes(prior)
            return state._replace(train_accuracy=self.clf.train_classes(prior, state))
        count = prior.priors.shape[1]
        if prior.labels is None and self.clf.scores_classes:
            return self.solve_answers(prior, np.arange(count), count)
        sided = two_sided(self.clf, prior)
        noisy = _copies(sided, [1.0 - self.rate, self.rate])
        noisy = noisy._replace(labels=np.concatenate([sided.labels, -sided.labels]))
        state = self.clf.solve_classes(noisy)
        training = self.clf.train_classes(noisy, state)
        return _original(state, count)._replace(train_accuracy=training)

    def solve_answers(self, prior: ClassPrior, answers: Array, count: int) -> ClassState:
        """Copy s of a cluster of class k has the label k + s."""
        clusters = prior.priors.shape[1]
        shares = [1.0 - self.rate] + [self.rate / (count - 1.0)] * (count - 1)
        noisy = _copies(prior, shares)
        given = ((answers + np.arange(count)[:, None]) % count).ravel()
        state: ClassState = self.clf.solve_answers(noisy, given, count)
        training = self.clf.train_answers(noisy, given, count, state)
        return _original(state, clusters)._replace(train_accuracy=training)

    def train_classes(self, prior: ClassPrior, state: ClassState) -> Array:
        assert state.train_accuracy is not None
        return state.train_accuracy

    def solve(self, problem: Problem) -> State:
        raise TypeError("Flipped is solved by the equations of several classes")

    def training(self, problem: Problem, state: State) -> tuple[Array, Array]:
        raise TypeError("Flipped is solved by the equations of several classes")

    def fit(self, features: Array, labels: Array) -> LinearFit:
        found: LinearFit = self.clf.fit(features, labels)
        return found

    def train(
        self, features: Array, labels: Array, population: Population, projector: Projector
    ) -> LinearFit:
        return self.fit(features, labels)

    def fit_classes(self, features: Array, labels: Array, count: int) -> tuple[Array, Array]:
        found: tuple[Array, Array] = self.clf.fit_classes(features, labels, count)
        return found


def _copies(prior: ClassPrior, shares: list[float]) -> Any:
    """Each class as several clusters, of these shares of it; copies of one share follow another."""
    if not isinstance(prior, DiagonalPrior):
        law, times = prior.spectrum, len(shares)
        law = law._replace(
            means=np.tile(law.means, (times, 1)),
            covariances=np.tile(law.covariances, (times, 1, 1)),
            bulk=np.tile(law.bulk, (times, 1)),
        )
        priors = np.concatenate([share * prior.priors for share in shares], axis=1)
        return prior._replace(spectrum=law, priors=priors)
    times = len(shares)
    kinds = times if prior.kinds > 1 else 1
    return prior._replace(
        eigenvalues=np.tile(prior.eigenvalues, (1, kinds, 1)),
        grams=np.tile(prior.grams, (1, 1, times, times)),
        priors=np.concatenate([share * prior.priors for share in shares], axis=1),
    )


def _original(state: ClassState, count: int) -> ClassState:
    """The first copy of each class: all copies have the same law."""
    return state._replace(
        mean=state.mean[:, :, :count],
        variance=state.variance[:, :count],
        susceptibility=state.susceptibility[:, :count],
    )
