r"""The prior's side for several classes or clusters, shared or own covariances, matrices included.

With cluster means ν_k, R = (λ + Σ_s V̂_s S_s)⁻¹, N = [ν_1 … ν_C] and s over the S covariances that
differ (one, or one for each cluster), all that is ever read of the population is

    A = NᵀRN,   D_s = NᵀR S_s RN,   v_s = (γ/p) tr S_s R,   c_st = (γ/p) tr S_s R S_t R

and, for derivatives, ∂D_s/∂V̂_t and ∂c_st/∂V̂_u. Where the covariances have a common eigenbasis
these are sums over its atoms, with Gram matrices G_j and r_j = 1/(λ + Σ_s V̂_s d_sj):

    A = Σ r_j G_j,   D_s = Σ d_sj r_j² G_j,   v_s = γ Σ w_j d_sj r_j,
    c_st = γ Σ w_j d_sj d_tj r_j².
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..checks import Array
from ..populations.class_frame import MatrixSpectrum
from ..populations.labels import is_sided
from ..populations.spectrum import Spectrum

__all__ = ["ClassPrior", "ClassSums", "DiagonalPrior", "MatrixPrior", "class_prior"]


class ClassSums(NamedTuple):
    """What the equations read at one V̂, for a batch of B."""

    a: Array  # (B, C, C)
    d: Array  # (B, S, C, C)
    v: Array  # (B, S)
    c: Array  # (B, S, S)


class ClassSlopes(NamedTuple):
    """Derivatives in V̂_t beyond those that ClassSums holds: ∂a/∂V̂_t = -d_t, ∂v_s/∂V̂_t = -c_st."""

    d: Array  # (B, S, S, C, C): -∂d_s/∂V̂_t at [s, t]
    c: Array  # (B, S, S, S): -∂c_st/∂V̂_u at [s, t, u]


class DiagonalPrior(NamedTuple):
    """Covariances with an eigenbasis in common; a batch of B with S kinds of covariance."""

    eigenvalues: Array  # (B, S, J)
    weights: Array  # (B, J)
    grams: Array  # (B, J, C, C)
    priors: Array  # (B, C)
    labels: Array | None  # (C,), ±1: the sides of one score
    aspect_ratio: Array  # (B,)
    penalty: Array  # (B,)
    answers: Array | None = None  # (C,), 0 … M - 1: the classes of clusters, with a score each

    @property
    def kinds(self) -> int:
        return int(self.eigenvalues.shape[1])

    def _resolvent(self, v_hat: Array) -> Array:
        total = self.penalty[:, None] + (v_hat[:, None, :] @ self.eigenvalues)[:, 0]
        # without noise, signal and penalty a direction takes no part
        return np.asarray(np.divide(1.0, total, out=np.zeros_like(total), where=total > 0))

    def sums(self, v_hat: Array) -> ClassSums:
        r, d = self._resolvent(v_hat), self.eigenvalues
        batch, atoms, count, _ = self.grams.shape
        flat = self.grams.reshape(batch, atoms, count * count)
        dr = d * r[:, None]
        weighted = self.aspect_ratio[:, None, None] * self.weights[:, None] * dr
        shape = (batch, self.kinds, count, count)
        a = (r[:, None] @ flat).reshape(batch, count, count)
        by_d = ((dr * r[:, None]) @ flat).reshape(shape)
        return ClassSums(a, by_d, weighted.sum(-1), weighted @ np.swapaxes(dr, -1, -2))

    def slopes(self, v_hat: Array) -> ClassSlopes:
        r, d = self._resolvent(v_hat), self.eigenvalues
        batch, atoms, count, _ = self.grams.shape
        s = self.kinds
        dr = d * r[:, None]
        pairs = dr[:, :, None] * dr[:, None]  # (B, S, S, J)
        flat = self.grams.reshape(batch, atoms, count * count)
        by_d = ((2.0 * r[:, None, None] * pairs).reshape(batch, s * s, atoms) @ flat).reshape(
            batch, s, s, count, count
        )
        weighted = self.aspect_ratio[:, None, None] * self.weights[:, None] * dr
        by_c = 2.0 * pairs @ np.swapaxes(weighted, -1, -2)[:, None]
        return ClassSlopes(by_d, by_c)

    def penalised(self, penalty: Array) -> DiagonalPrior:
        return self._replace(penalty=penalty)

    def size(self) -> Array:
        return np.asarray((self.weights[:, None] * self.eigenvalues).sum(-1).mean(-1))

    def stand_in(self) -> DiagonalPrior:
        """A problem of as many classes, atoms and kinds of covariance, for a batch of none."""
        atoms, count = self.grams.shape[1:3]
        return DiagonalPrior(
            np.ones((1, self.kinds, atoms)),
            np.full((1, atoms), 1.0 / atoms),
            np.tile(np.eye(count), (1, atoms, 1, 1)),
            np.full((1, count), 1.0 / count),
            self.labels,
            np.ones(1),
            np.ones(1),
            self.answers,
        )

    def take(self, index: Any) -> DiagonalPrior:
        """Some of the batch."""
        return DiagonalPrior(
            self.eigenvalues[index],
            self.weights[index],
            self.grams[index],
            self.priors[index],
            self.labels,
            self.aspect_ratio[index],
            self.penalty[index],
            self.answers,
        )


class MatrixPrior(NamedTuple):
    """Covariances that do not commute: one population, a batch of B = 1."""

    spectrum: MatrixSpectrum
    priors: Array  # (1, C)
    labels: Array | None
    aspect_ratio: Array  # (1,)
    penalty: Array  # (1,)
    answers: Array | None = None

    @property
    def kinds(self) -> int:
        return len(self.spectrum.covariances)

    def _products(self, v_hat: Array) -> tuple[Array, Array, Array]:
        """RN, S_s R for every s, and r of the bulk."""
        law, v = self.spectrum, v_hat[0]
        total = np.tensordot(v, law.covariances, 1) + self.penalty[0] * np.eye(law.means.shape[1])
        # in units in which the diagonal is about 1: features may have any
        units = np.ldexp(1.0, -np.frexp(np.sqrt(np.diag(total)))[1])
        try:
            inverse = units[:, None] * np.linalg.inv(units[:, None] * total * units) * units
        except np.linalg.LinAlgError:  # a penalty that rounding hides: nothing is found
            inverse = np.full_like(total, np.nan)
        bulk = 1.0 / (self.penalty[0] + v @ law.bulk)
        return inverse @ law.means.T, law.covariances @ inverse, bulk

    def sums(self, v_hat: Array) -> ClassSums:
        law, gamma = self.spectrum, self.aspect_ratio[0]
        rn, sr, bulk = self._products(v_hat)
        by_d = np.swapaxes(rn, -1, -2) @ (law.covariances @ rn)
        dr = law.bulk * bulk
        v = law.share * np.trace(sr, axis1=-2, axis2=-1) + dr @ law.weights
        traces = np.tensordot(sr, sr, axes=([1, 2], [2, 1]))
        c = law.share * traces + (dr * law.weights) @ dr.T
        return ClassSums((law.means @ rn)[None], by_d[None], gamma * v[None], gamma * c[None])

    def slopes(self, v_hat: Array) -> ClassSlopes:
        law, gamma, s = self.spectrum, self.aspect_ratio[0], self.kinds
        rn, sr, bulk = self._products(v_hat)
        srn = law.covariances @ rn
        rsrn = np.swapaxes(sr, -1, -2) @ rn
        count = len(law.means)
        by_d, by_c = np.empty((s, s, count, count)), np.empty((s, s, s))
        dr = law.bulk * bulk
        for t in range(s):
            for k in range(s):
                one = srn[k].T @ rsrn[t]  # Nᵀ R S_k R S_t R N
                by_d[k, t] = one + one.T
            for u in range(t + 1):
                products = sr[t] @ sr[u], sr[u] @ sr[t]
                for k in range(s):
                    value = law.share * sum(float(np.sum(x.T * sr[k])) for x in products)
                    value += 2.0 * float((dr[t] * dr[u] * dr[k]) @ law.weights)
                    by_c[k, t, u] = by_c[k, u, t] = value
        return ClassSlopes(by_d[None], gamma * by_c[None])

    def penalised(self, penalty: Array) -> MatrixPrior:
        return self._replace(penalty=penalty)

    def size(self) -> Array:
        law = self.spectrum
        traces = law.share * np.trace(law.covariances, axis1=-2, axis2=-1) + law.bulk @ law.weights
        return np.atleast_1d(traces.mean())

    def stand_in(self) -> MatrixPrior:
        """A problem like it, for a batch of none."""
        return self._replace(aspect_ratio=np.ones(1), penalty=np.ones(1))

    def take(self, index: Any) -> MatrixPrior:
        """The one there is."""
        return self


#: A batch of populations behind the resolvent.
ClassPrior: TypeAlias = DiagonalPrior | MatrixPrior


def class_prior(
    spectrum: Spectrum | MatrixSpectrum,
    aspect_ratio: Array,
    penalty: Array,
    index: Any = slice(None),
) -> DiagonalPrior | MatrixPrior:
    """The flat batch; `index` selects its elements in the broadcast shape."""
    shape = np.broadcast_shapes(spectrum.batch_shape, aspect_ratio.shape, penalty.shape)
    size = int(np.prod(shape))

    def flat(values: Array, trailing: int = 0) -> Array:
        tail = values.shape[values.ndim - trailing :]
        return np.asarray(np.broadcast_to(values, shape + tail).reshape(size, *tail)[index])

    gamma, lam = flat(aspect_ratio), flat(penalty)
    own_labels = spectrum.labels
    labels, answers = (own_labels, None) if is_sided(own_labels) else (None, own_labels)
    if isinstance(spectrum, MatrixSpectrum):
        return MatrixPrior(spectrum, spectrum.class_priors[None], labels, gamma, lam, answers)
    own = spectrum.class_eigenvalues
    eigenvalues = np.asarray(spectrum.eigenvalues)[..., None, :] if own is None else own
    if spectrum.priors is None:
        labels = np.array([-1.0, 1.0])
    return DiagonalPrior(
        flat(eigenvalues, 2),
        flat(np.asarray(spectrum.weights), 1),
        flat(spectrum.grams, 3),
        flat(spectrum.class_priors, 1),
        labels,
        gamma,
        lam,
        answers,
    )
