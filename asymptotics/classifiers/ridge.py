"""Ridge regression on the labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import scipy

from ..checks import (
    LATER,
    NONNEGATIVE,
    POSITIVE,
    Array,
    Interval,
    check_integer,
    check_real,
)
from ..equations.channel import Channel
from ..equations.class_prior import ClassPrior, DiagonalPrior
from ..equations.class_square import ClassState, own_kind, solve_targets
from ..equations.equidistant import equidistant_energies, ridge_of_equals
from ..equations.prior import Problem, State
from ..equations.square_loss import SquareChannel, solve_square_loss
from ..outcomes import Status
from ..training.samples import check_classes, check_every_class, least_squares, strict
from .base import Classifier, LinearFit, lifted_accuracy, one_score_accuracy
from .weights import answer_costs, class_costs, sample_weights

# Above so many classes equidistant ones are solved by numbers in place of matrices.
_MATRICES = 20
# No shrinkage is no penalty; a shrinkage of 1 would be an infinite one.
_SHRINKAGE = Interval(0, 1, low_open=False)

__all__ = ["Ridge", "ridge_regression", "square_loss_training", "weighted_ridge"]


def square_loss_training(problem: Problem, state: State) -> tuple[Array, Array]:
    """Training accuracy and loss where prox(ω) = (ω + V)/(1 + V)."""
    deviation, v = np.sqrt(state.variance), state.susceptibility
    accuracy = loss = np.zeros_like(v)
    for sign, share in ((1.0, problem.balance), (-1.0, 1.0 - problem.balance)):
        mean = state.mean + sign * state.intercept
        accuracy = accuracy + share * scipy.special.ndtr((mean + v) / deviation)
        loss = loss + share * 0.5 * ((1.0 - mean) ** 2 + state.variance) / (1.0 + v) ** 2
    return accuracy, loss


def ridge_regression(features: Array, labels: Array, cost: float, fit_intercept: bool) -> LinearFit:
    """The minimum of Σ (y_i - ⟨w, z_i⟩ - b)² + cost |w|²; without a cost, the shortest one."""
    if cost == 0:
        return LinearFit(*least_squares(features, labels, fit_intercept))
    from sklearn.linear_model import Ridge as Estimator

    model = Estimator(alpha=cost, fit_intercept=fit_intercept, solver="cholesky")
    with strict("ridge regression"):
        model.fit(features, labels)
    return LinearFit(np.asarray(model.coef_), float(model.intercept_))


def weighted_ridge(
    features: Array, targets: Array, cost: float, fit_intercept: bool, counts: Array | None
) -> tuple[Array, Array]:
    """The minimum of Σ c_i |t_i - Wᵀz_i - b|² + cost |W|² for targets of shape (n, R)."""
    from sklearn.linear_model import Ridge as Estimator

    model = Estimator(alpha=cost, fit_intercept=fit_intercept, solver="cholesky")
    with strict("ridge regression"):
        model.fit(features, targets, sample_weight=counts)
    intercepts = np.broadcast_to(model.intercept_, targets.shape[1:])
    return np.atleast_2d(model.coef_).T, np.array(intercepts, dtype=float)


@dataclass(frozen=True, eq=False, repr=False)
class Ridge(Classifier):
    r"""Ridge regression on labels ±1: :math:`\ell(u) = \tfrac12 (1 - u)^2`.

    Its limit is in closed form up to one scalar equation, quadratic for an isotropic bulk.

    Parameters
    ----------
    penalty : float or array_like
        λ ≥ 0. At 0, least squares, its limit exists for fewer dimensions than samples.
    fit_intercept : bool, default True
        Whether an unpenalised intercept b is fitted.
    class_weight : None, "balanced" or mapping of labels to weights, default None
        Factors of the loss of each class; "balanced" is 1/(Kρ_k), of K classes of shares ρ_k.

    Raises
    ------
    TypeError, ValueError
        For parameters out of range.

    References
    ----------
    F. Mignacco et al. (2020), arXiv:2002.11544.

    Examples
    --------
    >>> import asymptotics as asy
    >>> lim = asy.limit(asy.SpikedMixture(signal=1.5), asy.Ridge(0.1), aspect_ratio=0.5)
    >>> round(lim.accuracy, 6)
    0.860635
    """

    penalty: Any
    fit_intercept: bool = True
    class_weight: Any = field(default=None, metadata=LATER)

    parameters: ClassVar[dict[str, Interval]] = {"penalty": NONNEGATIVE}

    scores_classes: ClassVar[bool] = True
    no_limit_status: ClassVar[Status] = Status.UNDETERMINED

    @classmethod
    def from_alpha(cls, alpha: Any, n: int, fit_intercept: bool = True) -> Self:
        """The classifier that scikit-learn's Ridge is at alpha = nλ on n samples, labels ±1."""
        alpha, n = check_real("alpha", alpha, NONNEGATIVE), check_integer("n", n, 1)
        return cls(alpha / n, fit_intercept)

    def to_alpha(self, n: int) -> Any:
        """scikit-learn's alpha = nλ on n samples."""
        return check_integer("n", n, 1) * self.penalty

    @classmethod
    def from_shrinkage(cls, shrinkage: Any, variance: Any) -> Self:
        r"""The ridge whose weights have the direction of linear discriminants with shrinkage.

        With S the within-class covariance (sums of squares over n), :math:`\nu = \operatorname{tr}
        S/p`, class shares π₊, π₋ and δ the difference of the class means, ridge with an intercept
        solves :math:`(S + \lambda + \pi_+\pi_-\delta\delta^\top) w = 2\pi_+\pi_-\delta`, and
        the discriminants :math:`((1 - s) S + s\nu) v = \delta`. So at λ = sν/(1 - s)

        .. math::
            w = \frac{2\pi_+\pi_-(1 - s)}{1 + \pi_+\pi_-(1 - s)\,\delta^\top v}\, v .

        For equal class counts the two decide alike; for others the intercepts differ.

        Parameters
        ----------
        shrinkage : float or array_like
            s in [0, 1), as of LinearDiscriminantAnalysis(solver="lsqr" or "eigen").
        variance : float or array_like
            ν > 0, the mean within-class variance: of the training set for one of them, in the limit
            ``mix.noise**2``.

        Raises
        ------
        TypeError, ValueError
            For parameters out of range.
        """
        s = check_real("shrinkage", shrinkage, _SHRINKAGE)
        return cls(s * check_real("variance", variance, POSITIVE) / (1.0 - s))

    def to_shrinkage(self, variance: Any) -> Any:
        """The shrinkage s = λ/(λ + ν), the inverse of :meth:`from_shrinkage`."""
        return self.penalty / (self.penalty + check_real("variance", variance, POSITIVE))

    def critical_aspect_ratio(self, problem: Problem) -> Array:
        return np.ones_like(problem.balance)

    def solve(self, problem: Problem) -> State:
        return solve_square_loss(problem)

    def smooth(self, problem: Problem) -> tuple[Problem, Channel]:
        return problem, SquareChannel(np.ones_like(problem.balance))

    def training(self, problem: Problem, state: State) -> tuple[Array, Array]:
        return square_loss_training(problem, state)

    def solve_classes(self, prior: ClassPrior) -> ClassState:
        targets = np.eye(prior.priors.shape[1]) if prior.labels is None else prior.labels[None]
        costs = class_costs(self.class_weight, prior)
        if prior.labels is None and self.fit_intercept and len(targets) > _MATRICES:
            energies = equidistant_energies(prior)
            if energies is not None and np.all(costs == costs[:, :1]):
                assert isinstance(prior, DiagonalPrior)
                return ridge_of_equals(prior, energies, costs[:, 0])
        return solve_targets(prior, targets, costs, self.fit_intercept)

    def train_classes(self, prior: ClassPrior, state: ClassState) -> Array:
        costs = class_costs(self.class_weight, prior)
        if prior.labels is not None:
            return one_score_accuracy(prior, state, costs)
        # prox(ω) is a positive multiple of ω + c_k V_k e_k
        lift = costs * own_kind(state.susceptibility, prior.priors.shape[1])
        return lifted_accuracy(prior, state, lift)

    def solve_answers(self, prior: ClassPrior, answers: Array, count: int) -> ClassState:
        costs = answer_costs(self.class_weight, prior, answers, count)
        return solve_targets(prior, np.eye(count)[:, answers], costs, self.fit_intercept)

    def own_lift(self, prior: ClassPrior, answers: Array, count: int, state: ClassState) -> Array:
        costs = answer_costs(self.class_weight, prior, answers, count)
        return costs * own_kind(state.susceptibility, len(answers))

    def fit_classes(self, features: Array, labels: Array, count: int) -> tuple[Array, Array]:
        check_every_class(labels, count)
        targets = np.equal.outer(labels, np.arange(count)).astype(float)
        weights = sample_weights(self.class_weight, labels)
        cost = labels.size * self.penalty
        return weighted_ridge(features, targets, cost, self.fit_intercept, weights)

    def fit(self, features: Array, labels: Array) -> LinearFit:
        if self.fit_intercept:
            check_classes(labels)
        cost = labels.size * self.penalty
        if self.class_weight is not None:
            counts = sample_weights(self.class_weight, labels)
            weights, b = weighted_ridge(features, labels[:, None], cost, self.fit_intercept, counts)
            return LinearFit(weights[:, 0], float(b[0]))
        return ridge_regression(features, labels, cost, self.fit_intercept)
