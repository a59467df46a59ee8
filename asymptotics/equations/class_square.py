r"""The square loss on several classes or clusters, in closed form but for the susceptibilities.

Scores x = Wᵀz + b ∈ R^R are fitted to a target t_k for each class or cluster k, with weight c_k:
ℓ = ½ c_k |t_k - x|². One-hot targets make RidgeClassifier's argmax, t_k = ±1 ridge regression on
clusters. With V_s the susceptibilities (one for each covariance), V̂_k = ρ_k c_k/(1 + c_k V_k),

    C = diag V̂ - V̂V̂ᵀ/ΣV̂   (diag V̂ without intercept),   F = T C (I + AC)⁻¹,   M = FA,
    b = (T - M) V̂/ΣV̂,   E = T - M - b1ᵀ,   Q_s = F D_s Fᵀ + Σ_k c_sk ω_k (E_kE_kᵀ + Q_k)

with ω_k = ρ_k c_k²/(1 + c_k V_k)², A, D, c from class_prior.py. The last is linear in the Q.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..checks import Array
from .class_prior import ClassPrior

__all__ = ["ClassState", "own_kind", "solve_targets", "susceptibilities"]

_MAX_STEPS = 200
_MAX_HALVINGS = 30
_TARGET = 1e-14
# The largest Newton step in the logarithm of a susceptibility.
_TRUST = 3.0


class ClassState(NamedTuple):
    """The order parameters of a batch of B with C classes, R scores and S covariances."""

    mean: Array  # (B, R, C): M, without b
    variance: Array  # (B, S, R, R): Q
    susceptibility: Array  # (B, S) of the square loss, or (B, S, R, R)
    intercept: Array  # (B, R)
    residual: Array  # (B,)
    loss: Array  # (B,), of training
    train_accuracy: Array | None = None  # (B,), where the solver tells it
    accuracy_error: Array | float = 0.0  # of the accuracy, by the nodes of the solver


def own_kind(values: Array, count: int) -> Array:
    """One value for each of `count` clusters: its own, or the one there is; axis 1."""
    return values if values.shape[1] == count else np.repeat(values, count, axis=1)


def _by_kind(values: Array, kinds: int) -> Array:
    """Sums over the clusters that share a covariance, shape (B, S)."""
    return values if kinds == values.shape[1] else values.sum(1, keepdims=True)


def susceptibilities(prior: ClassPrior, costs: Array) -> tuple[Array, Array]:
    """The V_s, shape (B, S), and the largest relative violation of their equations."""
    shares, count, kinds = prior.priors, prior.priors.shape[1], prior.kinds

    def answer(x: Array) -> tuple[Array, Array, Array]:
        """V̂_s, log V'_s - log V_s and its Jacobian at x = log V."""
        v = np.exp(x)
        own = own_kind(v, count)
        v_hat = _by_kind(shares * costs / (1.0 + costs * own), kinds)
        slope = _by_kind(shares * costs**2 / (1.0 + costs * own) ** 2, kinds)
        sums = prior.sums(v_hat)
        jacobian = sums.c * (slope * v)[:, None, :] / sums.v[..., None] - np.eye(kinds)
        return v_hat, np.log(sums.v) - x, jacobian

    # between the values at V̂ = 0 and those of an isotropic bulk without a penalty
    size, gamma = prior.size(), prior.aspect_ratio
    start = np.log(gamma * size / (prior.penalty + 0.5 * size / (1.0 + gamma)))
    x = np.repeat(start[:, None], kinds, axis=1)
    _, gap, jacobian = answer(x)
    for _ in range(_MAX_STEPS):
        worst = np.abs(gap).max(-1)
        if np.all((worst <= _TARGET) | ~np.isfinite(worst)):
            break
        step = -np.linalg.solve(jacobian, gap[..., None])[..., 0]
        step /= np.maximum(np.abs(step).max(-1, keepdims=True) / _TRUST, 1.0)
        shrink, better = np.ones(len(x)), np.zeros(len(x), bool)
        for _ in range(_MAX_HALVINGS):
            trial = x + shrink[:, None] * step
            _, new_gap, _ = answer(trial)
            better = np.abs(new_gap).max(-1) < worst
            if better.all():
                break
            shrink = np.where(better, shrink, 0.5 * shrink)
        # x ← log V' is a contraction: where no step helps it does, down to rounding
        moved = np.where(better[:, None], trial, x + gap)
        if np.all(moved == x) or np.all(~better & (worst <= 1e3 * _TARGET)):
            break
        x = moved
        _, gap, jacobian = answer(x)
    return np.exp(x), np.abs(gap).max(-1)


def solve_targets(prior: ClassPrior, targets: Array, costs: Array, free: bool) -> ClassState:
    """Order parameters for targets of shape (R, C) and costs c_k of shape (B, C)."""
    shares, count, kinds = prior.priors, prior.priors.shape[1], prior.kinds
    v, residual = susceptibilities(prior, costs)
    own = own_kind(v, count)
    v_hat = shares * costs / (1.0 + costs * own)
    sums = prior.sums(_by_kind(v_hat, kinds))
    inner = v_hat[:, :, None] * np.eye(count)
    total = v_hat.sum(1)[:, None]
    if free:
        inner = inner - v_hat[:, :, None] * (v_hat / total)[:, None, :]
    # F = T C (I + AC)⁻¹, from its transpose: (I + CA)ᵀ... both A and C are symmetric
    system = np.eye(count) + inner @ sums.a
    f = np.swapaxes(np.linalg.solve(system, inner @ targets.T), -1, -2)
    mean = f @ sums.a
    gap = targets - mean
    b = (gap @ v_hat[..., None])[..., 0] / total if free else np.zeros(gap.shape[:2])
    gap = gap - b[..., None]
    pull = shares * costs**2 / (1.0 + costs * own) ** 2
    spread = own_kind(np.swapaxes(sums.c, -1, -2), count)  # (B, C, S), the kind of k first
    explained = f[:, None] @ sums.d @ np.swapaxes(f, -1, -2)[:, None]
    share = pull[:, None] * np.swapaxes(spread, -1, -2)  # (B, S, C)
    right = explained + (gap[:, None] * share[:, :, None]) @ np.swapaxes(gap, -1, -2)[:, None]
    system = np.eye(kinds) - sums.c * _by_kind(pull, kinds)[:, None, :]
    flat = right.reshape(len(right), kinds, -1)
    variance = np.linalg.solve(system, flat).reshape(right.shape)
    noise = own_kind(np.trace(variance, axis1=-2, axis2=-1), count)
    square = np.square(gap).sum(1) + noise
    loss = 0.5 * (shares * costs * square / (1.0 + costs * own) ** 2).sum(1)
    return ClassState(mean, variance, v, b, residual, loss)
