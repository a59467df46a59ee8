"""What a simulation returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..limits import Limit
from ..parameters import ANY, Array, check_real

__all__ = ["Simulation"]


@dataclass(frozen=True, eq=False)
class Simulation:
    """Training sets that were drawn, and how the classifiers trained on them do.

    Attributes
    ----------
    accuracy : array, shape (trials,)
        Probability of a correct label on fresh data, exact given the trained weights.
    train_accuracy : array, shape (trials,)
        Share of the training set that is classified correctly.
    overlap, variance : array, shape (trials,)
        m = ⟨w, Tμ⟩ and q = wᵀTΣTᵀw: the ``mean`` and ``variance`` of a :class:`Limit`.
    intercept : array, shape (trials,)
        b; 0 if not fitted.
    n, dimension : int
        Size of a training set, and p.
    aspect_ratio : float
        p/n, which differs from the one asked for by the rounding of p.
    method : str
        How the training sets were drawn: "direct".
    entropy : int or sequence of int
    spawn_key : tuple of int
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

    @property
    def trials(self) -> int:
        """The number of training sets."""
        return int(self.accuracy.size)

    @property
    def mean(self) -> float:
        """Mean accuracy over the trials."""
        return float(self.accuracy.mean())

    @property
    def stderr(self) -> float:
        """Standard error of :attr:`mean`; NaN for one trial, 0 where all trials agree."""
        if self.trials == 1:
            return float("nan")
        if np.all(self.accuracy == self.accuracy[0]):
            return 0.0
        return float(self.accuracy.std(ddof=1) / np.sqrt(self.trials))

    @property
    def seed(self) -> np.random.SeedSequence:
        """The root of the randomness: as ``rng`` it gives the same simulation again.

        Trial k draws from its child of spawn key ``(*spawn_key, k)``.
        """
        return np.random.SeedSequence(self.entropy, spawn_key=self.spawn_key)

    def z_score(self, limit: Limit | float) -> float:
        """(mean - limit)/stderr: how many standard errors the simulation is away from a number.

        Parameters
        ----------
        limit : Limit or float
            A single accuracy.

        Returns
        -------
        float
            NaN for one trial. Where all trials agree, as for :class:`Bayes`, 0 if the limit does
            too, to rounding, and infinite otherwise.
        """
        value: Any = limit.accuracy if isinstance(limit, Limit) else limit
        expected = check_real("limit", value, ANY)
        if np.ndim(expected):
            raise ValueError(f"limit must be a single number, got shape {np.shape(expected)}")
        difference = self.mean - expected
        if self.stderr == 0.0:
            same = np.isclose(self.mean, expected, rtol=1e-12, atol=0.0)
            return 0.0 if same else float(np.copysign(np.inf, difference))
        return float(difference / self.stderr)

    def __repr__(self) -> str:
        return (
            f"Simulation(mean={self.mean:.6g}, stderr={self.stderr:.2g}, trials={self.trials}, "
            f"n={self.n}, dimension={self.dimension}, method={self.method!r})"
        )
