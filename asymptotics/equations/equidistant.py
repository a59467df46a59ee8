r"""Equidistant means and equal priors: every matrix is a multiple of P = I - 11ᵀ/K, for any K.

With Gram matrices G_j = g_j P (up to what is common to all classes), M = mP, Q = qP, V = vP and
b = 0, so that three numbers are left, and with class k's own score first, P(right) is

    ∫ φ(t) Φ(t + m/√q)^{K-1} dt.

The channel of softmax: x = u + v p with u = ω + v e_k, p = softmax(u), so that v p_l = W(x_l), a
Wright ω function of x_l + log v - log Z, and Z alone is left to be found: Σ p_l = 1.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy

from ..checks import Array
from ..metrics.orthant import alike, sobol_normal, symmetric_accuracy
from .anderson import Anderson
from .class_prior import ClassPrior, DiagonalPrior
from .class_square import ClassState, susceptibilities
from .prior import ACCEPTED_RESIDUAL

__all__ = ["equidistant_energies", "ridge_of_equals", "softmax_of_equals"]

_SLACK = 1e-12
# Scores (points times K) of the finer set of Sobol points; the coarser has half.
_SCORES = 2**18
_FEWEST, _MOST = 6, 13
# Classes, few enough for the points to span their space many times.
_WHITENED = 60
_MAX_STEPS = 120
_TARGET = 1e-11
_ROOT_STEPS = 60
_ROOT_TOLERANCE = 1e-12
_LONGEST = 4.0


def equidistant_energies(prior: ClassPrior) -> Array | None:
    """The g_j of a batch, shape (B, J), where all classes are alike; else None."""
    if not isinstance(prior, DiagonalPrior) or prior.kinds > 1 or prior.labels is not None:
        return None
    shares, count = prior.priors, prior.priors.shape[1]
    if np.any(np.abs(shares * count - 1.0) > _SLACK * count):
        return None
    grams = prior.grams
    return np.asarray(grams[..., 0, 0] - grams[..., 0, 1]) if alike(grams) else None


@lru_cache(maxsize=4)
def _nodes(count: int, level: int) -> Array:
    """Mirrored points, in which class 0 is the right one, shape (N, K)."""
    log_count = int(np.log2(_SCORES / count)) - 2 + level
    half = sobol_normal(count, min(max(log_count, _FEWEST), _MOST), level)
    nodes = np.concatenate([half, -half])
    if count <= _WHITENED:  # second moments that are exact
        moment = nodes.T @ nodes / len(nodes)
        nodes = np.linalg.solve(np.linalg.cholesky(moment), nodes.T).T
    return nodes


class _Channel:
    """Averages of f over the nodes, which remember log Z."""

    def __init__(self, nodes: Array) -> None:
        self.nodes, self.log_z = nodes, np.zeros(len(nodes))
        self.cold = True

    def averages(self, m: float, q: float, v: float) -> tuple[float, float, float, float, float]:
        """m̂, q̂, v̂ of F = m̂P and so on, the training loss and accuracy."""
        count = self.nodes.shape[1]
        x = np.sqrt(q) * self.nodes
        x[:, 0] += m + v
        if self.cold:
            self.log_z = scipy.special.logsumexp(np.where(np.arange(count) == 0, x - v, x), axis=1)
            self.cold = False
        for _ in range(_ROOT_STEPS):
            weight = scipy.special.wrightomega(x + (np.log(v) - self.log_z)[:, None])
            # Σ W - v falls in log Z with slope -Σ W/(1 + W), and is convex
            step = (weight.sum(1) - v) / (weight / (1.0 + weight)).sum(1)
            step = np.maximum(step, -_LONGEST)
            self.log_z = self.log_z + step
            if np.abs(step).max() < _ROOT_TOLERANCE:
                break
        weight = scipy.special.wrightomega(x + (np.log(v) - self.log_z)[:, None])
        p = weight / v
        p /= p.sum(1, keepdims=True)
        f = -p
        f[:, 0] += 1.0
        # F_k = (1/K) E f = m̂ (e_k - 1/K)
        m_hat = float(f[:, 0].mean()) / (count - 1.0)
        square = float(np.square(f).sum(1).mean()) / (count - 1.0)
        # -∂f/∂ω = H(1 + vH)⁻¹, H = diag p - ppᵀ: with a = p/(1 + vp), diag a - aaᵀ/Σa
        a = p / (1.0 + v * p)
        trace = a.sum(1) - np.square(a).sum(1) / a.sum(1)
        u = x - v * p
        loss = float((scipy.special.logsumexp(u, axis=1) - u[:, 0]).mean())
        accuracy = float((u[:, 0] >= u.max(1)).mean())
        return m_hat, square, float(trace.mean()) / (count - 1.0), loss, accuracy


def _solve_one(
    prior: DiagonalPrior, energies: Array, index: int, start: Array | None
) -> tuple[Array, float, float, float, float]:
    """(m, q, v), residual, change from the coarser nodes, training loss and accuracy."""
    d, w = prior.eigenvalues[index, 0], prior.weights[index]
    gamma, penalty = float(prior.aspect_ratio[index]), float(prior.penalty[index])
    e, count = energies[index], prior.priors.shape[1]

    def answer(x: Array, channel: _Channel) -> tuple[Array, tuple[float, float]]:
        m, q, v = np.exp(x)
        m_hat, q_hat, v_hat, loss, accuracy = channel.averages(m, q, v)
        r = 1.0 / (penalty + v_hat * d)
        wx = gamma * w * d * r
        # m answers itself by -v̂/K m: solved for, as in softmax.py
        gain = float(e @ r)
        share = v_hat / count
        new_m = gain * (m_hat + share * m) / (1.0 + gain * share)
        pulled = m_hat + share * (m - new_m)
        new_q = pulled**2 * float((d * e) @ (r * r)) + q_hat * float(wx @ (d * r))
        return np.log(np.array([new_m, new_q, wx.sum()])) - x, (loss, accuracy)

    if start is None:
        # the square loss of curvature 1/K
        v_hat = 1.0 / count
        for _ in range(_MAX_STEPS):
            v_hat = 1.0 / (count + float((gamma * w * d) @ (1.0 / (penalty + v_hat * d))))
        r = 1.0 / (penalty + v_hat * d)
        v = float((gamma * w * d) @ r)
        gain = float(e @ r) * v_hat / count
        m = count * gain / (1.0 + gain)
        pull = (count - m) * v_hat
        c = float((gamma * w * d * r) @ (d * r))
        q = (pull / count) ** 2 * float((d * e) @ (r * r)) + c * pull**2 / count
        start = np.log(np.array([m, q / (1.0 - c * v_hat**2), v]))
    x, ratios, residual = start, [], np.inf
    told = (np.nan, np.nan)
    mixing = Anderson()
    for level in range(2):
        channel = _Channel(_nodes(count, level))
        mixing.lift()
        for _ in range(_MAX_STEPS):
            change, told = answer(x, channel)
            residual = float(np.abs(change).max())
            if not np.isfinite(residual):
                return x, np.inf, np.inf, *told
            if residual <= _TARGET:
                break
            x = mixing.step(x, change)
        if residual > ACCEPTED_RESIDUAL:
            break
        ratios.append(np.exp(x[0] - 0.5 * x[1]))
    if len(ratios) < 2:
        return x, np.inf, np.inf, *told
    accuracies = symmetric_accuracy(np.array(ratios), count)
    return x, residual, float(abs(accuracies[1] - accuracies[0])), *told


def ridge_of_equals(prior: DiagonalPrior, energies: Array, costs: Array) -> ClassState:
    """One-hot ridge with intercepts on a batch of equidistant classes: class_square.py, in numbers.

    With V̂ = c/(1 + cv): m = g/(1 + g), g = V̂ Σ e_j r_j/K, and
    q = (V̂²(1 - m)²/K)(Σ d_j e_j r_j²/K + c₂)/(1 - c₂ V̂²), c₂ = γ Σ w_j d_j² r_j².
    """
    batch, count = prior.priors.shape
    one = prior._replace(grams=np.zeros((*prior.grams.shape[:2], 1, 1)), priors=np.ones((batch, 1)))
    v, residual = susceptibilities(one, costs[:, None])
    v_hat = costs / (1.0 + costs * v[:, 0])
    d = prior.eigenvalues[:, 0]
    r = 1.0 / (prior.penalty[:, None] + v_hat[:, None] * d)
    gain = v_hat * (energies * r).sum(-1) / count
    m = gain / (1.0 + gain)
    c = prior.aspect_ratio * (prior.weights * d**2 * r**2).sum(-1)
    pull = v_hat * (1.0 - m)
    q = pull**2 / count * ((energies * d * r**2).sum(-1) / count + c) / (1.0 - c * v_hat**2)
    projector = np.eye(count) - 1.0 / count
    square = (count - 1.0) * ((1.0 - m) ** 2 / count + q)
    return ClassState(
        m[:, None, None] * projector,
        (q[:, None, None] * projector)[:, None],
        v,
        np.full((batch, count), 1.0 / count),
        residual,
        0.5 * costs * square / (1.0 + costs * v[:, 0]) ** 2,
    )


def softmax_of_equals(prior: DiagonalPrior, energies: Array, costs: Array) -> ClassState:
    """The limits of softmax on a batch of equidistant classes; a weight c common to all is λ/c."""
    batch, count = prior.priors.shape
    # c(ℓ + (λ/c)|W|²/2): the same scores, and V in units of 1/c
    scaled = prior.penalised(prior.penalty / costs)
    found = [_solve_one(scaled, energies, i, None) for i in range(batch)]
    m, q, v = np.exp(np.array([x for x, *_ in found])).T
    projector = np.eye(count) - 1.0 / count
    residual, change, loss, accuracy = np.array([rest for _, *rest in found]).T
    return ClassState(
        m[:, None, None] * projector,
        (q[:, None, None] * projector)[:, None],
        ((v / costs)[:, None, None] * projector)[:, None],
        np.zeros((batch, count)),
        residual,
        loss * costs,
        accuracy,
        change,
    )
