"""What a simulation returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checks import ANY, Array, check_real
from ..intake import shown
from ..metrics.log_loss import brier_score, calibration_error, class_log_loss, log_loss
from ..metrics.orthant import by_class, confusion, right_answers
from ..metrics.ranking import area_under_curve, best_shift, class_recalls, two_by_two
from ..metrics.score_law import ScoreLaw
from ..outcomes import Limit
from ..populations.labels import is_sided
from ..randomness import POOL_SIZE
from .scores import plain, standard_error, standard_score

__all__ = ["Difference", "Simulation"]


@dataclass(frozen=True, eq=False)
class Difference:
    """Differences of accuracies on common training sets.

    Attributes
    ----------
    mean, stderr : float, or array
        Mean over the trials, and its standard error, as in :class:`Simulation`.
    """

    mean: Any
    stderr: Any


@dataclass(frozen=True, eq=False)
class Simulation:
    """Training sets that were drawn, and how the classifiers trained on them do.

    The shape S is that to which the parameters broadcast, () for single ones.

    Attributes
    ----------
    accuracy : array, shape (trials,) + S
        Probability of a correct label on fresh data, exact given the trained weights.
    train_accuracy : array, shape (trials,) + S
        Share of the training set that is classified correctly.
    overlap, variance : array, shape (trials,) + S
        m = ⟨w, Tμ⟩ and q = wᵀTΣTᵀw: the ``mean`` and ``variance`` of a :class:`Limit`.
    intercept : array, shape (trials,) + S
        b; 0 if not fitted.
    n, dimension : int
        Size of a training set, and p.
    aspect_ratio : float
        p/n, which differs from the one asked for by the rounding of p.
    method : str
        How the training sets were drawn: "direct" or "exact-law".
    law : tuple of arrays
        Probability of each class or cluster, and its label ±1 where there is one score.
    entropy : int or sequence of int
    spawn_key : tuple of int
    pool_size : int
        The root of the randomness, see :attr:`seed`.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix, clf = asy.SpikedMixture(signal=1.5), asy.Ridge(0.1)
    >>> sim = asy.simulate(mix, clf, aspect_ratio=0.5, n=200, trials=20, rng=0)
    >>> sim.accuracy.shape
    (20,)
    >>> again = asy.simulate(mix, clf, aspect_ratio=0.5, n=200, trials=20, rng=sim.seed)
    >>> bool((again.accuracy == sim.accuracy).all())
    True

    Gains are compared on common training sets, where they differ far less by chance:

    >>> gains = asy.Expansion([1.0, 2.0])
    >>> sim = asy.simulate(mix, clf, 0.5, n=200, trials=20, projector=gains, rng=0)
    >>> bool(sim.against(0).stderr[1] < 0.5 * sim.stderr[1])
    True
    """

    accuracy: Array
    train_accuracy: Array
    overlap: Array
    variance: Array
    intercept: Array
    n: int
    dimension: int
    aspect_ratio: float
    method: str
    entropy: int | Sequence[int]
    spawn_key: tuple[int, ...]
    pool_size: int = POOL_SIZE
    law: Any = None

    @property
    def score_law(self) -> ScoreLaw:
        """The law of fresh scores given the trained weights, class by class."""
        priors, labels = self.law
        shape = self.accuracy.shape
        overlap, variance, b = self.overlap, self.variance, self.intercept
        if overlap.ndim == len(shape):  # of means ∓m
            overlap = np.stack([-overlap, overlap], axis=-1)
        if overlap.ndim == len(shape) + 1:
            means = (overlap + b[..., None])[..., None]
            own = variance.ndim > len(shape)
            covariances = (variance if own else variance[..., None])[..., None, None]
        else:
            means = np.swapaxes(overlap, -1, -2) + b[..., None, :]
            own = variance.ndim > len(shape) + 2
            covariances = variance if own else variance[..., None, :, :]
        shares = np.broadcast_to(priors, means.shape[:-1])
        if labels is None or is_sided(labels):
            return ScoreLaw(means, covariances, shares, labels)
        return ScoreLaw(means, covariances, shares, None, None, labels)

    @property
    def class_accuracy(self) -> Array:
        """Probability of a correct answer in each class, shape (trials,) + S + (K,)."""
        law = self.score_law
        if law.labels is not None:
            return class_recalls(law)
        rows, count = law.means.shape[-2:]
        means = law.means.reshape(-1, rows, count)
        spreads = law.covariances.reshape(len(means), -1, count, count)
        right = np.array(
            [
                right_answers(m, q[0] if len(q) == 1 else q, answers=law.answers)
                for m, q in zip(means, spreads, strict=True)
            ]
        )
        if law.answers is not None:
            shares = law.priors.reshape(-1, rows)
            right = by_class(right[..., None], shares, law.answers)[..., 0]
        return right.reshape(*self.accuracy.shape, count)

    @property
    def confusion(self) -> Array:
        """P(answer l | class k), shape (trials,) + S + (K, K); rows sum to 1."""
        law = self.score_law
        if law.labels is not None:
            return np.asarray(two_by_two(class_recalls(law)))
        rows, count = law.means.shape[-2:]
        means = law.means.reshape(-1, rows, count)
        spreads = law.covariances.reshape(len(means), -1, count, count)
        priors = law.priors.reshape(-1, rows)
        found = np.array(
            [
                confusion(m, q[0] if len(q) == 1 else q, share, law.answers)[0]
                for m, q, share in zip(means, spreads, priors, strict=True)
            ]
        )
        if law.answers is not None:
            found = by_class(found, priors, law.answers)
        return found.reshape(*self.accuracy.shape, count, count)

    @property
    def balanced_accuracy(self) -> Array:
        """Mean of :attr:`class_accuracy` over the classes."""
        return np.asarray(self.class_accuracy.mean(-1))

    @property
    def auc(self) -> Array:
        """P(the score of a point of +1 exceeds that of one of -1), of each trial."""
        return area_under_curve(self._two_classes("auc"))

    @property
    def log_loss(self) -> Array:
        """Expected -log of the probability, 1/(1 + e^{-x}) or softmax, of the right class."""
        law = self.score_law
        return class_log_loss(law) if law.labels is None else log_loss(law)

    @property
    def brier(self) -> Array:
        """Expected squared error of the probability 1/(1 + e^{-x}) of +1."""
        return brier_score(self._two_classes("brier"))

    @property
    def calibration_error(self) -> Array:
        """E (p - P(y = 1 | x))² of the probability p = 1/(1 + e^{-x})."""
        return calibration_error(self._two_classes("calibration_error"))

    @property
    def best_intercept(self) -> Array:
        """The intercept that maximises accuracy; infinite where a constant answer does."""
        return np.asarray(self.intercept + self._best(False)[0])

    @property
    def best_accuracy(self) -> Array:
        """The accuracy with :attr:`best_intercept`."""
        return self._best(False)[1]

    @property
    def best_balanced_intercept(self) -> Array:
        """The intercept that maximises balanced accuracy."""
        return np.asarray(self.intercept + self._best(True)[0])

    @property
    def best_balanced_accuracy(self) -> Array:
        """The balanced accuracy with :attr:`best_balanced_intercept`."""
        return self._best(True)[1]

    def _best(self, balanced: bool) -> tuple[Array, Array]:
        return best_shift(self._two_classes("best_intercept"), balanced)

    def _two_classes(self, what: str) -> ScoreLaw:
        law = self.score_law
        if law.labels is None:
            raise ValueError(
                f"{what} must be asked of two classes, got trials on {law.means.shape[-1]}"
            )
        return law

    @property
    def trials(self) -> int:
        """The number of training sets."""
        return len(self.accuracy)

    @property
    def shape(self) -> tuple[int, ...]:
        """Broadcast shape S of the parameters."""
        return self.accuracy.shape[1:]

    @property
    def mean(self) -> Any:
        """Mean accuracy over the trials: a float, or an array of shape S."""
        return plain(self.accuracy.mean(0))

    @property
    def stderr(self) -> Any:
        """Standard error of :attr:`mean`; NaN for one trial, 0 where all trials agree."""
        return standard_error(self.accuracy)

    def against(self, reference: int | tuple[int, ...]) -> Difference:
        """The accuracy of each element minus that of one of them, on common training sets.

        Parameters
        ----------
        reference : int or tuple of int
            Index of the element, into the shape S.

        Raises
        ------
        ValueError
            For an index that S does not have.
        """
        index: Any = reference if isinstance(reference, tuple) else (reference,)
        try:
            other = self.accuracy[:, *index].reshape(-1, *(1 for _ in self.shape))
        except (IndexError, ValueError):
            raise ValueError(
                f"reference must be an index into the shape {self.shape}, got {shown(reference)}"
            ) from None
        difference = self.accuracy - other
        return Difference(plain(difference.mean(0)), standard_error(difference))

    @property
    def seed(self) -> np.random.SeedSequence:
        """The root of the randomness: as ``rng`` it gives the same simulation again.

        Trial k draws from its child of spawn key ``(*spawn_key, k)``.
        """
        return np.random.SeedSequence(
            self.entropy, spawn_key=self.spawn_key, pool_size=self.pool_size
        )

    def z_score(self, limit: Limit | Any) -> Any:
        """(mean - limit)/stderr: how many standard errors the simulation is away from a number.

        Parameters
        ----------
        limit : Limit or float or array_like
            Accuracies, of a shape that broadcasts to S.

        Returns
        -------
        float, or array of shape S
            NaN for one trial. Where all trials agree, as for :class:`Bayes`, 0 if the limit does
            too, to rounding, and infinite otherwise.
        """
        value: Any = limit.accuracy if isinstance(limit, Limit) else limit
        expected = np.asarray(check_real("limit", value, ANY))
        try:
            fits = np.broadcast_shapes(expected.shape, self.shape) == self.shape
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(
                f"limit must broadcast to the shape {self.shape} of the simulation, "
                f"got shape {expected.shape}"
            )
        return standard_score(self.accuracy, expected)

    def __repr__(self) -> str:
        if self.shape:
            found = f"shape={self.shape}"
        else:
            found = f"mean={self.mean:.6g}, stderr={self.stderr:.2g}"
        return (
            f"Simulation({found}, trials={self.trials}, n={self.n}, dimension={self.dimension}, "
            f"method={self.method!r})"
        )
