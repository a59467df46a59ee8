r"""The channel of softmax: Gaussian averages over the scores that training leaves.

For scores ω ~ N(M_k + b, Q) of class k, V = LLᵀ and the loss c_k(log Σ e^{u_l} - u_k) the trained
scores are u = ω + Lt where t minimises loss + ½|t|². With p = softmax(u), W = UL, U an orthonormal
basis of the contrasts (scores of sum zero; the loss does not see any other),

    t = c_k Wᵀ(e_k - p),   f = c_k Uᵀ(e_k - p),   -∂f/∂ω = L⁻ᵀ[I - (I + S)⁻¹]L⁻¹,
    S = c_k(Wᵀ diag(p) W - Wᵀp pᵀW).

All arrays have the nodes last, so that the small matrices of many nodes are inverted together.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..checks import Array

__all__ = ["SoftmaxAverages", "SoftmaxChannel", "contrasts"]

# Numbers of the matrices that are inverted together: few enough to stay in the cache.
_CHUNK = 2**16
_MAX_STEPS = 200
# A bound on S below which I - (I + S)⁻¹ would cancel.
_SMALL = 0.01


@lru_cache(maxsize=64)
def contrasts(count: int) -> Array:
    """An orthonormal basis of the vectors of sum zero, shape (K, K - 1)."""
    k = np.arange(1, count)
    basis = np.triu(np.ones((count, count - 1)))
    basis[k, k - 1] = -k
    basis /= np.sqrt(k * (k + 1.0))
    basis.flags.writeable = False
    return basis


def _invert(matrices: Array) -> None:
    """Invert positive definite matrices (r, r, n) in place, by Gauss and Jordan."""
    for k in range(len(matrices)):
        pivot = 1.0 / matrices[k, k]
        row, column = matrices[k] * pivot, matrices[:, k].copy()
        matrices -= column[:, None] * row[None]
        matrices[k] = row
        matrices[:, k] = -column * pivot
        matrices[k, k] = pivot


class SoftmaxAverages(NamedTuple):
    """What the channel answers, in contrasts."""

    f: Array  # (r, C): E_k f in column k
    square: Array  # (r, r): Σ ρ_k E_k f fᵀ
    responses: Array  # (C, r, r): -E_k ∂f/∂ω
    loss: float
    accuracy: float  # of training: the share of nodes that answer with their own class


class SoftmaxChannel:
    """The channel on fixed nodes, that remembers where the scores were.

    Parameters
    ----------
    nodes : array, shape (r, N)
        Standard normal.
    weights : array, shape (N,)
        Of sum 1.
    priors, costs : array, shape (C,)
    answers : array of int, shape (C,), optional
        The class of each of C clusters of the K = r + 1 classes; by default C = K, each its own.
    """

    def __init__(
        self,
        nodes: Array,
        weights: Array,
        priors: Array,
        costs: Array,
        answers: Array | None = None,
    ) -> None:
        self.nodes, self.weights, self.priors, self.costs = nodes, weights, priors, costs
        self.answers = np.arange(len(priors)) if answers is None else answers
        self._scores: list[Array | None] = [None] * len(priors)
        self._like: SoftmaxAverages | None = None

    def begin_like(self, averages: SoftmaxAverages) -> None:
        """Start from what other nodes have said: their mean scores and the slope of u in ω."""
        self._like = averages

    def averages(
        self, mean: Array, covariance: Array, susceptibility: Array, tolerance: float
    ) -> SoftmaxAverages:
        """At means (r, C), b included, Q and V, with scores found to `tolerance`."""
        r, rows = mean.shape
        count = r + 1
        basis = contrasts(count)
        spread = np.linalg.cholesky(covariance) @ self.nodes
        factor = np.linalg.cholesky(susceptibility)
        w = basis @ factor
        pairs = (w[:, :, None] * w[:, None, :]).reshape(count, r * r).T
        f, square, kept = np.empty((r, rows)), np.zeros((r, r)), np.zeros((rows, r, r))
        loss = accuracy = 0.0
        for k, own in enumerate(self.answers):
            omega = mean[:, k, None] + spread
            start = self._scores[k]
            if start is None and self._like is not None:
                # u = ω + Vf, and ∂f/∂ω is minus the response
                pulled = self._like.f[:, k, None] - self._like.responses[k] @ spread
                t = factor.T @ pulled
            elif start is None:
                t = self._cold(omega, factor, k)
            else:
                t = np.linalg.solve(factor, start - omega)
            size = max(_CHUNK // (r * r), 1)
            for first in range(0, t.shape[1], size):
                part = slice(first, first + size)
                kept[k] += self._solve(omega[:, part], t[:, part], w, pairs, k, part, tolerance)
            u = omega + factor @ t
            self._scores[k] = u
            scores = basis @ u
            scores -= scores.max(0)
            p = np.exp(scores)
            total = p.sum(0)
            p /= total
            p[own] -= 1.0
            slope = -self.costs[k] * (basis.T @ p)
            weighted = slope * self.weights
            f[:, k] = weighted.sum(1)
            square += self.priors[k] * (weighted @ slope.T)
            share = self.priors[k] * self.weights
            loss += float(share @ (np.log(total) - scores[own])) * self.costs[k]
            accuracy += float(share @ (scores[own] >= scores.max(0)))
        back = np.linalg.inv(factor)
        responses = back.T @ kept @ back
        responses = 0.5 * (responses + np.swapaxes(responses, -1, -2))
        return SoftmaxAverages(f, square, responses, loss, accuracy)

    def scores(
        self, mean: Array, covariance: Array, susceptibility: Array, tolerance: float
    ) -> list[Array]:
        """The trained scores of each class at every node, in contrasts, shapes (r, N)."""
        self.averages(mean, covariance, susceptibility, tolerance)
        return [u for u in self._scores if u is not None]

    def _loss(self, scores: Array, k: int) -> Array:
        top = scores.max(0)
        total = np.log(np.exp(scores - top).sum(0)) + top
        return np.asarray(self.costs[k] * (total - scores[self.answers[k]]))

    def _cold(self, omega: Array, factor: Array, k: int) -> Array:
        """A first t: of u = ω and u = 0 the better one, node by node."""
        basis = contrasts(len(omega) + 1)
        t = np.linalg.solve(factor, -omega)
        near = self._loss(basis @ omega, k)
        far = self._loss(np.zeros((len(basis), 1)), k) + 0.5 * np.square(t).sum(0)
        return np.where(near < far, 0.0, t)

    def _solve(
        self, omega: Array, t: Array, w: Array, pairs: Array, k: int, part: slice, tolerance: float
    ) -> Array:
        """Newton for t in place; returns the average of S(I + S)⁻¹ over these nodes."""
        count, r = w.shape
        basis = contrasts(count)
        cost, own = self.costs[k], w[self.answers[k]][:, None]
        identity = np.eye(r)[..., None]
        away = basis @ omega
        weights = self.weights[part]
        small = cost * float(np.square(w).sum()) < _SMALL
        curvature: Array | None = None
        for _ in range(_MAX_STEPS):
            scores = away + w @ t
            scores -= scores.max(0)
            p = np.exp(scores)
            p /= p.sum(0)
            pull = w.T @ p
            inverse = (pairs @ p).reshape(r, r, -1)
            inverse -= pull[:, None] * pull[None]
            inverse *= cost
            curvature = inverse.copy() if small else None
            inverse += identity
            _invert(inverse)
            gap = t - cost * (own - pull)
            step = (inverse * gap).sum(1)
            moved = w @ step
            # the range of the change of the scores bounds that of the Hessian: a damped step of
            # log(1 + range)/range always goes down, a short one converges quadratically
            reach = moved.max(0) - moved.min(0)
            if reach.max(initial=0.0) > 1.0:
                step *= np.where(reach > 1.0, np.log1p(reach) / np.maximum(reach, 1.0), 1.0)
            t -= step
            if reach.max(initial=0.0) <= tolerance:
                break
        if curvature is None:
            return np.asarray(np.eye(r) * weights.sum() - (inverse * weights).sum(-1))
        return np.asarray(np.einsum("abn,bcn,n->ac", curvature, inverse, weights))
