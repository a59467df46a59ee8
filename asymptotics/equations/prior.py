"""The equations of the limit: a batch of problems, their order parameters, the prior's side.

The prior answers the channel (m̂, q̂, V̂) with R_j = 1/(λ + V̂ d_j):

    V = γ Σ w_j d_j R_j,   m = m̂ Σ e_j R_j,   q = m̂² Σ e_j d_j R_j² + γ q̂ Σ w_j d_j² R_j².
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..checks import Array
from ..populations.spectrum import Spectrum

__all__ = [
    "ACCEPTED_ERROR",
    "ACCEPTED_RESIDUAL",
    "Problem",
    "Resolvent",
    "State",
    "flat_problem",
    "prior_residual",
]

# The largest relative residual that counts as solved. Solvers aim far lower; rounding (a deviation
# of 1e-7 beside an intercept of 1), overflow and underflow may not let it fall further.
ACCEPTED_RESIDUAL = 1e-9
# The largest estimated error, in the logarithms of m, q and V, that counts as solved: near a
# threshold the inverse Jacobian grows like one over the distance, and so does rounding.
ACCEPTED_ERROR = 1e-6


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
    start: Array | None = None  # (B, 4), close to the solution; NaN where nothing is known

    def take(self, index: Any) -> Problem:
        return Problem._make(None if part is None else part[index] for part in self)

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


def flat_problem(
    spectrum: Spectrum, aspect_ratio: Array, penalty: Array, fit_intercept: bool, index: Any
) -> Problem:
    """The flat batch; `index` selects its elements in the broadcast shape."""
    shape = np.broadcast_shapes(spectrum.batch_shape, aspect_ratio.shape, penalty.shape)
    count = int(np.prod(shape))

    def flat(values: Array) -> Array:
        if values.shape == shape:
            return np.asarray(values.reshape(-1)[index])
        return np.asarray(np.broadcast_to(values, shape).reshape(-1)[index])

    def atoms(values: Array, columns: Array) -> Array:
        chosen = values[..., columns]
        lead = chosen.shape[:-1]
        if not lead:  # one spectrum for all
            if count == 1:
                return np.asarray(chosen[None][index])
            return np.repeat(chosen[None], np.arange(count)[index].size, axis=0)
        rows = np.arange(int(np.prod(lead))).reshape(lead)
        picked = np.broadcast_to(rows, shape).reshape(-1)[index]
        return np.asarray(chosen.reshape(-1, chosen.shape[-1])[picked])

    columns = spectrum.eigenvalues.shape[-1]
    signalling = np.flatnonzero(spectrum.energies.reshape(-1, columns).any(0))
    if not signalling.size:
        signalling = np.array([int(np.argmax(spectrum.weights.reshape(-1, columns)[:1].sum(0)))])
    weighing = np.flatnonzero(spectrum.weights.reshape(-1, columns).any(0))
    if not weighing.size:  # of an empty batch
        weighing = signalling

    eigenvalues, energies = (
        atoms(a, signalling) for a in (spectrum.eigenvalues, spectrum.energies)
    )
    signal = energies.sum(-1)
    silent = signal == 0
    energies = np.where(silent[:, None], 1.0 / energies.shape[1], energies)
    energies /= np.where(silent, 1.0, signal)[:, None]
    # Directions with neither variance nor energy take no part: any positive eigenvalue stands in.
    eigenvalues = np.where(
        (eigenvalues == 0) & ((energies == 0) | silent[:, None]), 1.0, eigenvalues
    )
    bulk, weights = (atoms(a, weighing) for a in (spectrum.eigenvalues, spectrum.weights))
    weights = np.where(bulk > 0, weights, 0.0)
    bulk = np.where(bulk > 0, bulk, 1.0)
    balance = flat(np.asarray(spectrum.balance))
    return Problem(
        eigenvalues,
        energies,
        signal,
        bulk,
        weights,
        balance,
        flat(aspect_ratio),
        flat(penalty),
        (balance != 0.5) & fit_intercept,
    )
