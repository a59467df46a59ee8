"""The equations of the limit: a batch of problems, their order parameters, the prior's side.

The prior answers the channel (m̂, q̂, V̂) with R_j = 1/(λ + V̂ d_j):

    V = γ Σ w_j d_j R_j,   m = m̂ Σ e_j R_j,   q = m̂² Σ e_j d_j R_j² + γ q̂ Σ w_j d_j² R_j².
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .parameters import Array

__all__ = ["ACCEPTED_RESIDUAL", "Moments", "Problem", "Resolvent", "State", "prior_residual"]

# The largest relative residual that counts as solved. Solvers aim far lower; rounding (a deviation
# of 1e-7 beside an intercept of 1), overflow and underflow may not let it fall further.
ACCEPTED_RESIDUAL = 1e-9


class Problem(NamedTuple):
    """A flat batch of B problems with K atoms that carry signal and J that carry weight.

    Where the signal is absent (no atom, or all energies 0) the energies are a stand-in of total
    `signal` = 0, so that directions are defined without a division by zero.
    """

    eigenvalues: Array  # (B, K), of the atoms with energy
    energies: Array  # (B, K), divided by their sum
    signal: Array  # (B,), that sum, the squared length of the mean
    bulk: Array  # (B, J), eigenvalues of the atoms with weight
    weights: Array  # (B, J)
    balance: Array  # (B,)
    aspect_ratio: Array  # (B,)
    penalty: Array  # (B,)
    free_intercept: Array  # (B,) bool: fitted, and not zero by symmetry

    def take(self, index: Any) -> Problem:
        return Problem(*(array[index] for array in self))

    @property
    def imbalance(self) -> Array:
        """E y = 2π - 1 where an intercept is free to answer it, else 0."""
        return np.where(self.free_intercept, 2.0 * self.balance - 1.0, 0.0)

    @property
    def separation(self) -> Array:
        """Squared Mahalanobis length Σ e/d of the mean; infinite for signal without noise."""
        ratio = np.divide(
            self.energies,
            self.eigenvalues,
            out=np.full(self.energies.shape, np.inf),
            where=self.eigenvalues > 0,
        )
        known = np.where(self.energies > 0, ratio, 0.0).sum(-1)
        return np.where(self.signal > 0, self.signal, 0.0) * np.where(self.signal > 0, known, 0.0)


class State(NamedTuple):
    """The order parameters of a batch, each of shape (B,)."""

    mean: Array
    variance: Array
    susceptibility: Array
    intercept: Array
    residual: Array
    converged: Array  # bool
    loss: (
        Array  # of training, without its penalty; NaN where the classifier derives it from the rest
    )


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


class Resolvent(NamedTuple):
    """The sums over the spectrum at one V̂, each of shape (B,); e_j are the normalised energies."""

    e: Array  # Σ e R
    e_d: Array  # Σ e d R²
    e_d2: Array  # Σ e d² R³
    w_d: Array  # γ Σ w d R
    w_d2: Array  # γ Σ w d² R²
    w_d3: Array  # γ Σ w d³ R³

    @classmethod
    def of(cls, problem: Problem, v_hat: Array) -> Resolvent:
        penalty, v = problem.penalty[:, None], v_hat[:, None]
        r = 1.0 / (penalty + v * problem.eigenvalues)
        e0 = problem.energies * r
        e1 = e0 * problem.eigenvalues * r
        e2 = e1 * problem.eigenvalues * r
        x = problem.bulk / (penalty + v * problem.bulk)
        w1 = problem.aspect_ratio[:, None] * problem.weights * x
        w2 = w1 * x
        w3 = w2 * x
        return cls(e0.sum(-1), e1.sum(-1), e2.sum(-1), w1.sum(-1), w2.sum(-1), w3.sum(-1))


def prior_residual(
    problem: Problem, state: State, m_hat: Array, q_hat: Array, v_hat: Array
) -> Array:
    """Largest relative violation of the three equations of the prior, shape (B,)."""
    sums = Resolvent.of(problem, v_hat)
    m = problem.signal * m_hat * sums.e
    q = problem.signal * m_hat**2 * sums.e_d + q_hat * sums.w_d2
    gaps = np.stack(
        [
            np.abs(m - state.mean) / np.maximum(np.abs(state.mean), np.sqrt(state.variance)),
            np.abs(q - state.variance) / state.variance,
            np.abs(sums.w_d - state.susceptibility) / state.susceptibility,
        ]
    )
    worst: Array = gaps.max(0)
    return worst
