"""The channel: what a loss answers to the law of a margin, as Gaussian averages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple, TypeAlias

from ..checks import Array
from ..integrals.logistic import LogisticRule
from ..integrals.shared_logistic import SharedLogisticRule

__all__ = ["Channel", "Moments", "Rule"]

#: Quadrature nodes made for a batch of laws, good for their neighbours too.
Rule: TypeAlias = LogisticRule | SharedLogisticRule


class Moments(NamedTuple):
    """Expectations over ω = mean + √q z of f(ω) = -ℓ'(prox), its derivative f', and products.

    The first three make the fixed point, all of them its Jacobian: ∂f/∂V = f f', and Stein's lemma
    turns derivatives with respect to q into factors of z.
    """

    f: Array
    f2: Array
    df: Array
    f_df: Array
    f2_df: Array
    df_z: Array
    df_z2: Array  # E[f' (z² - 1)]
    f_df_z: Array


class Channel(ABC):
    """What the solver needs to know of a loss."""

    #: Quadratic losses ½ a (u - t)² that stand in for the loss in the first guess: pairs (a, t).
    stand_ins: ClassVar[tuple[tuple[float, float], ...]] = ((1.0, 1.0),)
    #: Whether the loss is a constraint, so that the penalty only sets a scale.
    hard: ClassVar[bool] = False
    #: Whether the loss bends at a point only, which ties the intercept to it. Such a channel takes
    #: (1 - mean)/deviation, the place of the kink among the margins, in the stead of every mean:
    #: where margins lie close to 1, the mean of a law does not carry it.
    kinked: ClassVar[bool] = False
    #: Whether the loss is that of integrals/lattice.py, which serves single problems.
    on_lattice: ClassVar[bool] = False

    def rule(self, mean: Array, deviation: Array, susceptibility: Array) -> Rule | None:
        """Quadrature nodes for :meth:`moments`; None where these have a closed form."""
        return None

    @abstractmethod
    def moments(
        self, mean: Array, deviation: Array, susceptibility: Array, rule: Rule | None = None
    ) -> Moments:
        """The channel's moments for ω ~ N(mean, deviation²), elementwise; see also `kinked`."""

    @abstractmethod
    def training_loss(
        self, mean: Array, deviation: Array, susceptibility: Array, rule: Rule | None = None
    ) -> Array:
        """E ℓ(prox(ω)), elementwise."""
