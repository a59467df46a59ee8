"""Multinomial logistic regression."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ..checks import LATER, NONNEGATIVE, Array, Interval
from ..equations.class_prior import ClassPrior, DiagonalPrior
from ..equations.class_square import ClassState
from ..equations.clusters import solve_clusters
from ..equations.equidistant import equidistant_energies, softmax_of_equals
from ..equations.prior import Problem, State
from ..equations.softmax import solve_softmax
from ..training.samples import check_every_class, row_space, strict
from .base import Classifier, LinearFit, no_such_limit, one_score_accuracy
from .logistic import Logistic
from .weights import answer_costs, class_costs, sample_weights

__all__ = ["Softmax"]

# Up to so many classes matrices are more precise than the three numbers of equidistant ones, whose
# nodes are not those of Gauss and Hermite.
_MATRICES = 4
# Largest entry of the gradient of training, for penalties above 1; in proportion below.
_GRADIENT_TOLERANCE = 1e-7
_MAX_STEPS = 20000


@dataclass(frozen=True, eq=False, repr=False)
class Softmax(Classifier):
    r"""Multinomial logistic regression: the loss of class k is :math:`\log\sum_l e^{x_l} - x_k`.

    The answer is the largest of K scores. On two classes it is :class:`Logistic` with half the
    penalty. Its limit is known on K classes of one covariance; the expectations in its equations
    are over K - 1 dimensions, by two sets of nodes whose difference is the
    ``accuracy_error`` of the limit. The training accuracy is that of a sample of nodes, good to
    about 1e-3.

    Parameters
    ----------
    penalty : float or array_like
        λ > 0 of :math:`\frac1n \sum_i \ell + \frac\lambda2 |W|^2`.
    fit_intercept : bool, default True
        Whether unpenalised intercepts are fitted.
    class_weight : None, "balanced" or mapping of labels to weights, default None
        Factors of the loss of each class; "balanced" is 1/(Kρ_k).

    Raises
    ------
    TypeError, ValueError
        For parameters out of range.

    References
    ----------
    B. Loureiro et al. (2021), arXiv:2106.03791.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix = asy.ClassMixture.simplex(3, distance=3.0)
    >>> lim = asy.limit(mix, asy.Softmax(0.1), aspect_ratio=0.5)
    >>> round(lim.accuracy, 6), lim.accuracy_error < 1e-9
    (0.811342, True)
    """

    penalty: Any
    fit_intercept: bool = True
    class_weight: Any = field(default=None, metadata=LATER)

    parameters: ClassVar[dict[str, Interval]] = {"penalty": NONNEGATIVE}

    scores_classes: ClassVar[bool] = True

    @property
    def wants_classes(self) -> bool:
        return True

    def _binary(self) -> Logistic:
        """On two classes: the difference of the scores is that of logistic regression."""
        return Logistic(0.5 * np.asarray(self.penalty), self.fit_intercept, self.class_weight)

    def solve_classes(self, prior: ClassPrior) -> ClassState:
        count = prior.priors.shape[1]
        costs = class_costs(self.class_weight, prior)
        if prior.labels is not None or count == 2:
            labelled = prior.penalised(0.5 * prior.penalty)
            if prior.labels is None:
                labelled = labelled._replace(labels=np.array([-1.0, 1.0]))
            state = solve_clusters(labelled, self._binary(), costs, self.fit_intercept)
            if prior.labels is not None:
                return state
            training = self._binary().train_classes(labelled, state)
            return _spread(state, training)
        if prior.kinds > 1:
            raise no_such_limit(self, prior)
        assert isinstance(prior, DiagonalPrior)
        energies = equidistant_energies(prior) if count > _MATRICES else None
        if energies is None or not np.all(costs == costs[:, :1]) or not np.all(energies.any(-1)):
            return solve_softmax(prior, costs, self.fit_intercept)
        return softmax_of_equals(prior, energies, costs[:, 0])

    def solve_answers(self, prior: ClassPrior, answers: Array, count: int) -> ClassState:
        costs = answer_costs(self.class_weight, prior, answers, count)
        if count == 2:
            labelled = prior.penalised(0.5 * prior.penalty)
            labelled = labelled._replace(labels=2.0 * answers - 1.0, answers=None)
            state = solve_clusters(labelled, self._binary(), costs, self.fit_intercept)
            return _spread(state, one_score_accuracy(labelled, state, 0.5 * costs))
        if prior.kinds > 1:
            raise no_such_limit(self, prior._replace(answers=answers))
        return solve_softmax(prior, costs, self.fit_intercept, answers)

    def train_classes(self, prior: ClassPrior, state: ClassState) -> Array:
        if state.train_accuracy is not None:
            return state.train_accuracy
        costs = class_costs(self.class_weight, prior)
        return one_score_accuracy(prior, state, 0.5 * costs)

    def solve(self, problem: Problem) -> State:
        raise TypeError("Softmax is solved by the equations of several classes")

    def training(self, problem: Problem, state: State) -> tuple[Array, Array]:
        raise TypeError("Softmax is solved by the equations of several classes")

    def fit(self, features: Array, labels: Array) -> LinearFit:
        return self._binary().fit(features, labels)

    def fit_classes(self, features: Array, labels: Array, count: int) -> tuple[Array, Array]:
        check_every_class(labels, count)
        if self.penalty == 0:
            raise ValueError(f"penalty must be positive to train on {count} classes, got 0")
        if count == 2:
            weight = self.class_weight
            if isinstance(weight, tuple):  # of the labels 0 and 1
                weight = tuple((2.0 * label - 1.0, w) for label, w in weight)
            binary = Logistic(0.5 * self.penalty, self.fit_intercept, weight)
            weights, intercept = binary.fit(features, 2.0 * labels - 1.0)
            way = np.array([-0.5, 0.5])
            return np.outer(weights, way), intercept * way
        from sklearn.linear_model import LogisticRegression

        reduced, basis = row_space(features)
        model = LogisticRegression(
            C=1.0 / (labels.size * self.penalty),
            fit_intercept=self.fit_intercept,
            solver="lbfgs",
            tol=_GRADIENT_TOLERANCE * min(1.0, self.penalty),
            max_iter=_MAX_STEPS,
        )
        with strict("softmax regression"):
            model.fit(reduced, labels, sample_weight=sample_weights(self.class_weight, labels))
        weights = model.coef_.T
        intercepts = np.broadcast_to(np.asarray(model.intercept_, dtype=float), (count,))
        return weights if basis is None else basis @ weights, intercepts.copy()


def _spread(state: ClassState, training: Array) -> ClassState:
    """Two scores of sum zero from their difference."""
    way = np.array([-0.5, 0.5])
    outer = np.outer(way, way)
    return ClassState(
        way[:, None] * state.mean,
        state.variance * outer,
        state.susceptibility[:, :, None, None] * outer,
        state.intercept * way,
        state.residual,
        state.loss,
        training,
    )
