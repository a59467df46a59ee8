"""The square loss in closed form: ridge, least squares, the minimum-norm interpolator.

With prox(ω) = (ω + V)/(1 + V) the channel is linear, V̂ = 1/(1 + V), and the fixed point reduces to
one scalar equation for V̂ (quadratic for an isotropic bulk); m, q and b follow. For the hard
constraint prox = 1 of the interpolator, V̂ = 1/V and the penalty only sets the scale of V.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import Array
from .channel import Channel, Moments
from .prior import ACCEPTED_RESIDUAL, Problem, State, prior_residual

__all__ = ["SquareChannel", "solve_square_loss"]

_MAX_STEPS = 200
_STEP_TOLERANCE = 4e-16


class SquareChannel(Channel):
    """The channel f = (1 - ω)/κ, κ = soft + V, to be differentiated."""

    def __init__(self, soft: Array) -> None:
        self.soft = soft

    def moments(
        self, mean: Array, deviation: Array, susceptibility: Array, rule: Any = None
    ) -> Moments:
        kappa = self.soft[:, None] + susceptibility
        f = (1.0 - mean) / kappa
        f2 = f * f + (deviation / kappa) ** 2
        zero = np.zeros_like(f)
        return Moments(
            f, f2, -1.0 / kappa, -f / kappa, -f2 / kappa, zero, zero, deviation / kappa**2
        )

    def training_loss(
        self, mean: Array, deviation: Array, susceptibility: Array, rule: Any = None
    ) -> Array:
        return np.asarray(0.5 * self.moments(mean, deviation, susceptibility).f2)


def _channel_susceptibility(problem: Problem, soft: float) -> Array:
    """The root V̂ of 1 - soft·V̂ - γ Σ w V̂d/(λ + V̂d) = 0, which falls and is convex in V̂."""
    gamma, penalty = problem.aspect_ratio, problem.penalty
    if problem.bulk.shape[-1] == 1:
        d = problem.bulk[:, 0]
        if soft == 0.0:
            return penalty / ((gamma - 1.0) * d)
        # dV̂² + (λ + (γ - 1)d)V̂ - λ = 0: of the two forms of its positive root, the one that adds
        half = 0.5 * (penalty + (gamma - 1.0) * d)
        root = np.hypot(half, np.sqrt(d * penalty))
        return np.asarray(np.where(half > 0, penalty / (half + root), (root - half) / d))
    w = gamma[:, None] * problem.weights
    d, lam = problem.bulk, penalty[:, None]
    # λ = 0 leaves 1 - soft·V̂ - γ·rank, which is linear; elsewhere Newton climbs from the left,
    # where the function is positive, and cannot pass the root of a convex function.
    slope = soft + (w * d).sum(-1) / np.where(penalty > 0, penalty, np.inf)
    v = np.where(penalty > 0, 1.0 / slope, 1.0 - w.sum(-1))
    for _ in range(_MAX_STEPS):
        share = w * d / (lam + v[:, None] * d)
        value = 1.0 - soft * v - v * share.sum(-1)
        slope = soft + (share * lam / (lam + v[:, None] * d)).sum(-1)
        step = value / slope
        v = v + np.where(penalty > 0, step, 0.0)
        if np.all((np.abs(step) <= _STEP_TOLERANCE * v) | (penalty == 0)):
            break
    return np.asarray(v)


def solve_square_loss(problem: Problem, *, interpolate: bool = False) -> State:
    """Order parameters for the loss ½(1 - u)², or for the constraint u = 1 if `interpolate`."""
    soft = 0.0 if interpolate else 1.0
    v_hat = _channel_susceptibility(problem, soft)
    penalised = problem.penalty[:, None] > 0
    lam = problem.penalty[:, None]
    v = np.where(penalised, v_hat[:, None], 1.0)  # at λ = 0 it drops out of every ratio below
    denominator = lam + v * problem.bulk
    x = v * problem.bulk / denominator
    wx = problem.aspect_ratio[:, None] * problem.weights * x
    r = v / (lam + v * problem.eigenvalues)
    signal = problem.signal * (problem.energies * r).sum(-1)
    noise = problem.signal * (problem.energies * problem.eigenvalues * r * r).sum(-1)
    spread = (wx * x).sum(-1)
    # 1 - γ Σ w x², rewritten with the equation for V̂ as a sum of positive terms
    remainder = soft * v_hat + (wx * (lam / denominator)).sum(-1)

    delta = problem.imbalance
    informative = 1.0 - delta**2
    gap = 1.0 / (1.0 + signal * informative)  # 1 - m
    mean = signal * informative * gap
    variance = gap**2 * informative * (informative * noise + spread) / remainder
    intercept = delta * gap
    bulk_share = (wx * np.where(penalised, 1.0, 1.0 / v_hat[:, None])).sum(-1)
    susceptibility = np.where(problem.penalty > 0, bulk_share / v_hat, bulk_share)

    unknown = np.full_like(mean, np.nan)
    state = State(mean, variance, susceptibility, intercept, unknown, np.isfinite(mean), unknown)
    residual = prior_residual(
        problem,
        state,
        gap * informative * v_hat,
        (gap**2 * informative + variance) * v_hat**2,
        1.0 / (soft + susceptibility),
    )
    # Without a penalty, signal without noise is found exactly: the labels are fitted by it alone.
    exact = (problem.penalty == 0) & np.isinf(problem.separation)
    # At γ·rank = 1 without a penalty q and V are infinite and leave nothing to verify.
    divergent = np.isinf(susceptibility)
    converged = (residual <= ACCEPTED_RESIDUAL) | divergent
    if not exact.any():
        return state._replace(residual=residual, converged=converged)
    return state._replace(
        mean=np.where(exact, 1.0, mean),
        variance=np.where(exact, 0.0, variance),
        intercept=np.where(exact, 0.0, intercept),
        residual=np.where(exact, 0.0, residual),
        converged=exact | converged,
    )
