r"""How the channel of softmax moves with the law of its scores: derivatives at fixed nodes.

With u the trained scores in contrasts, H = c Uᵀ(diag p - ppᵀ)U, B = (1 + HV)⁻¹, G = BH and
f = cUᵀ(e_k - p), a change of ω, V and c moves

    df = -G(dω + dV f) + B f dc/c,   du = dω + dV f + V df,   dp = (diag p - ppᵀ) U du,
    dG = B dH Bᵀ - G dV G,   dH = c Uᵀ(diag dp - dp pᵀ - p dpᵀ)U + H dc/c

with ω = M_k + Lz, Q = LLᵀ, dL = L low(L⁻¹ dQ L⁻ᵀ), low keeping what is below the diagonal and half
of it.
"""

from __future__ import annotations

import numpy as np

from ..checks import Array
from .softmax import SoftmaxChannel, contrasts

__all__ = ["SoftmaxSlopes"]

# To which the scores are found.
_TOLERANCE = 1e-13


class SoftmaxSlopes:
    """Averages over the scores of each class, and their tangents.

    Parameters
    ----------
    nodes : array, shape (r, N)
    weights : array, shape (N,)
    costs : array, shape (K,)
    mean : array, shape (r, K), b included
    covariance, susceptibility : array, shape (r, r)

    Attributes
    ----------
    f : array, shape (r, K)
        E_k f in column k.
    square, response : array, shape (K, r, r)
        E_k ffᵀ and -E_k ∂f/∂ω.
    """

    def __init__(
        self,
        nodes: Array,
        weights: Array,
        costs: Array,
        mean: Array,
        covariance: Array,
        susceptibility: Array,
    ) -> None:
        r, count = mean.shape
        basis = contrasts(count)
        self.nodes, self.weights, self.costs = nodes, weights, costs
        self.v = susceptibility
        self.lower = np.linalg.cholesky(covariance)
        self.inverse = np.linalg.inv(self.lower)
        channel = SoftmaxChannel(nodes, weights, np.full(count, 1.0 / count), costs)
        scores = channel.scores(mean, covariance, susceptibility, _TOLERANCE)
        self.f, self.square = np.empty((r, count)), np.empty((count, r, r))
        self.response = np.empty((count, r, r))
        self._at: list[tuple[Array, ...]] = []
        eye = np.eye(r)
        for k, u in enumerate(scores):
            away = basis @ u
            p = np.exp(away - away.max(0))
            p = (p / p.sum(0)).T  # (N, K)
            own = np.zeros(count)
            own[k] = 1.0
            f = costs[k] * ((own - p) @ basis)
            pull = p @ basis
            h = np.einsum("li,nl,lj->nij", basis, p, basis)
            h = costs[k] * (h - pull[:, :, None] * pull[:, None, :])
            b = np.linalg.inv(eye + h @ susceptibility)
            g = b @ h
            g = 0.5 * (g + np.swapaxes(g, -1, -2))
            self.f[:, k] = weights @ f
            self.square[k] = (weights[:, None] * f).T @ f
            self.response[k] = np.tensordot(weights, g, 1)
            self._at.append((p, f, h, b, g))

    def move(
        self, mean: Array, covariance: Array, susceptibility: Array, costs: Array
    ) -> tuple[Array, Array, Array]:
        """Tangents of f (D, r, K), square and response (D, K, r, r).

        For tangents of the means (D, r, K), Q and V (D, r, r) and the costs (D, K).
        """
        batch, r, count = mean.shape
        basis = contrasts(count)
        middle = self.inverse @ covariance @ self.inverse.T
        low = np.tril(middle)
        low[:, np.arange(r), np.arange(r)] *= 0.5
        spread = (self.lower @ low) @ self.nodes  # (D, r, N)
        d_f = np.empty((batch, r, count))
        d_square, d_response = np.empty((2, batch, count, r, r))
        w = self.weights
        for k, (p, f, h, b, g) in enumerate(self._at):
            relative = (costs[:, k] / self.costs[k])[:, None, None]
            pushed = np.swapaxes(spread, 1, 2) + mean[:, None, :, k]
            pushed = pushed + f @ np.swapaxes(susceptibility, -1, -2)  # (D, N, r)
            by_f = np.einsum("nij,dnj->dni", -g, pushed)
            if costs.any():
                by_f = by_f + relative * np.einsum("nij,nj->ni", b, f)
            du = (pushed + by_f @ self.v.T) @ basis.T
            dp = p * (du - (p * du).sum(-1, keepdims=True))  # (D, N, K)
            d_f[:, :, k] = w @ by_f
            half = np.swapaxes(by_f, -1, -2) @ (w[:, None] * f)
            d_square[:, k] = half + np.swapaxes(half, -1, -2)
            y = b @ basis.T  # (N, r, K)
            z = np.einsum("nil,nl->ni", y, p)
            cross = y[:, :, None] * z[:, None, :, None]
            third = y[:, :, None] * y[:, None] - cross - np.swapaxes(cross, 1, 2)
            third *= (self.costs[k] * w)[:, None, None, None]
            flat = np.ascontiguousarray(np.moveaxis(third, -1, 1)).reshape(-1, r * r)
            own = (dp.reshape(batch, -1) @ flat).reshape(batch, r, r)
            if costs.any():
                own = own + relative * np.tensordot(w, b @ h @ np.swapaxes(b, -1, -2), 1)
            pairs = np.einsum("n,nai,njb->aibj", w, g, g, optimize=True)
            d_response[:, k] = own - np.einsum("aibj,dij->dab", pairs, susceptibility)
        return d_f, d_square, d_response
