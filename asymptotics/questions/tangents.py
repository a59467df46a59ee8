"""How each parameter moves the ingredients of the equations: the explicit part of a gradient.

The directions of spikes and of the projector are written as c e₀ + ẽ, with |ẽ|² = 1 - c² kept in
the Gram matrix G: then everything is polynomial in c, and the derivative at alignment ±1 is like
any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from ..checks import Array
from ..equations.prior import Problem
from ..populations.spiked import SpikedMixture
from ..projectors import Expansion, Projector

__all__ = ["ByParameter", "Explicit", "SkewFrame", "Tangent", "skew_frame"]

_T = TypeVar("_T")
_S = TypeVar("_S")


@dataclass(frozen=True)
class ByParameter(Generic[_T]):
    """One thing for each parameter of a limit; None for those that it does not have."""

    signal: _T
    noise: _T
    aspect_ratio: _T
    penalty: _T
    balance: _T
    gain: _T | None
    alignment: _T | None
    strengths: tuple[_T, ...]
    spike_alignments: tuple[_T, ...]

    def map(self, function: Callable[[_T], _S]) -> ByParameter[_S]:
        """Another thing for each of them."""
        return ByParameter(
            function(self.signal),
            function(self.noise),
            function(self.aspect_ratio),
            function(self.penalty),
            function(self.balance),
            None if self.gain is None else function(self.gain),
            None if self.alignment is None else function(self.alignment),
            tuple(map(function, self.strengths)),
            tuple(map(function, self.spike_alignments)),
        )


@dataclass
class Tangent:
    """A direction in parameter space: how it moves each ingredient of the equations."""

    mean: Array | None = None  # (B, K), dμ
    covariance: Array | None = None  # (B, K, K), dΣ as an operator
    map: Array | None = None  # (B, K, K), dT as an operator
    gram: Array | None = None  # (B, K), dG
    bulk: Array | float = 0.0
    aspect_ratio: float = 0.0
    penalty: float = 0.0
    balance: float = 0.0


@dataclass
class SkewFrame:
    """Mean, covariance and map in the skew basis (e₀, ẽ₁, …), flat over a batch of B."""

    gram: Array
    mean: Array
    covariance: Array
    map: Array
    tangents: ByParameter[Tangent]


def _outer(left: Array, right: Array, gram: Array) -> Array:
    """The operator x ↦ left ⟨right, x⟩ in the skew basis."""
    return np.asarray(left[..., :, None] * (right * gram)[..., None, :])


def skew_frame(mix: SpikedMixture, projector: Projector, shape: tuple[int, ...]) -> SkewFrame:
    """The frame of a spiked mixture behind an expansion, and its tangents."""

    def flat(value: Any) -> Array:
        return np.array(np.broadcast_to(value, shape), dtype=float).reshape(-1)

    count = int(np.prod(shape))
    expands = isinstance(projector, Expansion)
    along = projector.spike if isinstance(projector, Expansion) else None
    k = 1 + len(mix.spikes) + int(expands and along is None)
    axis = np.eye(k)
    signal, noise = flat(mix.signal), flat(mix.noise)
    gram = np.ones((count, k))

    def direction(own: int, cosine: Array) -> Array:
        gram[:, own] = (1.0 - cosine) * (1.0 + cosine)
        return np.asarray(cosine[:, None] * axis[0] + axis[own])

    strengths = [flat(spike.strength) for spike in mix.spikes]
    cosines = [flat(spike.alignment) for spike in mix.spikes]
    spikes = [direction(j, cosine) for j, cosine in enumerate(cosines, start=1)]
    gain = np.ones(count)
    if isinstance(projector, Expansion):
        gain = flat(projector.gain)
        if along is None:
            alignment = flat(projector.alignment)
            u = direction(k - 1, alignment)
        else:
            u = spikes[along]
    else:
        u = np.broadcast_to(axis[0], (count, k))

    stretch, variance = (gain - 1.0)[:, None, None], (noise**2)[:, None, None]
    covariance = np.broadcast_to(np.eye(k), (count, k, k)).copy()
    for theta, v in zip(strengths, spikes, strict=True):
        covariance += theta[:, None, None] * _outer(v, v, gram)
    covariance *= variance
    first = np.broadcast_to(axis[0], (count, k))

    def turned(v: Array, own: int, cosine: Array) -> tuple[Array, Array]:
        """d(v ⟨v, ·⟩) and dG when the direction on axis `own` turns towards the signal."""
        dgram = -2.0 * cosine[:, None] * axis[own]
        return _outer(first, v, gram) + _outer(v, first, gram) + _outer(v, v, dgram), dgram

    def spike_tangent(j: int) -> Tangent:
        dvv, dgram = turned(spikes[j], 1 + j, cosines[j])
        return Tangent(
            covariance=variance * strengths[j][:, None, None] * dvv,
            map=stretch * dvv if along == j else None,
            gram=dgram,
        )

    by_gain = Tangent(map=_outer(u, u, gram)) if expands else None
    by_alignment = None
    if expands and along is None:
        duu, dgram = turned(u, k - 1, alignment)
        by_alignment = Tangent(map=stretch * duu, gram=dgram)
    tangents = ByParameter(
        signal=Tangent(mean=first),
        noise=Tangent(covariance=2.0 * covariance / noise[:, None, None], bulk=2.0 * noise),
        aspect_ratio=Tangent(aspect_ratio=1.0),
        penalty=Tangent(penalty=1.0),
        balance=Tangent(balance=1.0),
        gain=by_gain,
        alignment=by_alignment,
        strengths=tuple(Tangent(covariance=variance * _outer(v, v, gram)) for v in spikes),
        spike_alignments=tuple(map(spike_tangent, range(len(spikes)))),
    )
    block = np.eye(k) + stretch * _outer(u, u, gram)
    return SkewFrame(gram, signal[:, None] * axis[0], covariance, block, tangents)


class Explicit:
    """∂F/∂θ of the prior's equations at a solution, for a flat batch."""

    def __init__(
        self, problem: Problem, frame: SkewFrame, m_hat: Array, q_hat: Array, v_hat: Array
    ) -> None:
        self.problem, self.frame = problem, frame
        self.m_hat, self.q_hat, self.v_hat = m_hat, q_hat, v_hat
        operator = frame.map @ frame.covariance @ frame.map
        eye = np.eye(frame.mean.shape[-1])
        self.operator = operator
        self.resolvent = np.linalg.inv(
            problem.penalty[:, None, None] * eye + v_hat[:, None, None] * operator
        )
        self.image = self._apply(frame.map, frame.mean)
        self.solved = self._apply(self.resolvent, self.image)  # R Tμ
        self.e0 = self._inner(self.image, self.solved)
        self.e1 = self._inner(self.solved, self._apply(operator, self.solved))
        d = problem.bulk
        self.r = 1.0 / (problem.penalty[:, None] + v_hat[:, None] * d)
        gw = problem.aspect_ratio[:, None] * problem.weights
        self.w1, self.w2 = (gw * d * self.r).sum(-1), (gw * (d * self.r) ** 2).sum(-1)

    @staticmethod
    def _apply(matrix: Array, vector: Array) -> Array:
        return np.asarray((matrix @ vector[..., None])[..., 0])

    def _inner(self, left: Array, right: Array, gram: Array | None = None) -> Array:
        return np.asarray((left * (self.frame.gram if gram is None else gram) * right).sum(-1))

    def sums(self, tangent: Tangent) -> tuple[Array, Array]:
        """Derivatives of Σ e/(λ + V̂d) and Σ ed/(λ + V̂d)² at fixed V̂, each of shape (B,)."""
        frame = self.frame
        t, cov = frame.map, frame.covariance
        dmean = np.zeros_like(frame.mean) if tangent.mean is None else tangent.mean
        dmap = np.zeros_like(t) if tangent.map is None else tangent.map
        dcov = np.zeros_like(t) if tangent.covariance is None else tangent.covariance
        dgram = np.zeros_like(frame.gram) if tangent.gram is None else tangent.gram
        doperator = dmap @ cov @ t + t @ dcov @ t + t @ cov @ dmap
        dimage = self._apply(t, dmean) + self._apply(dmap, frame.mean)
        shift = self.v_hat[:, None, None] * doperator + tangent.penalty * np.eye(t.shape[-1])
        dsolved = self._apply(self.resolvent, dimage - self._apply(shift, self.solved))
        onward = self._apply(self.operator, self.solved)
        donward = self._apply(doperator, self.solved) + self._apply(self.operator, dsolved)
        de0 = (
            self._inner(dimage, self.solved)
            + self._inner(self.image, dsolved)
            + self._inner(self.image, self.solved, dgram)
        )
        de1 = (
            self._inner(dsolved, onward)
            + self._inner(self.solved, donward)
            + self._inner(self.solved, onward, dgram)
        )
        return de0, de1

    def residual(self, tangent: Tangent) -> Array:
        """∂(log m', log q', log V')/∂θ at fixed m̂, q̂, V̂, shape (3, B)."""
        problem = self.problem
        de0, de1 = self.sums(tangent)
        gw = problem.aspect_ratio[:, None] * problem.weights
        d, r, lam = problem.bulk, self.r, problem.penalty[:, None]
        dd = np.asarray(tangent.bulk).reshape(-1, 1)
        move = lam * dd - d * tangent.penalty
        growth = tangent.aspect_ratio / problem.aspect_ratio
        dw1 = (gw * r * r * move).sum(-1) + growth * self.w1
        dw2 = (gw * 2.0 * d * r**3 * move).sum(-1) + growth * self.w2
        q = self.m_hat**2 * self.e1 + self.q_hat * self.w2
        return np.stack(
            [
                de0 / self.e0,
                (self.m_hat**2 * de1 + self.q_hat * dw2) / q,
                dw1 / self.w1,
            ]
        )

    def by_moments(self, m_hat: Array, q_hat: Array) -> Array:
        """d log q' for changes of m̂ and q̂."""
        q = self.m_hat**2 * self.e1 + self.q_hat * self.w2
        return np.asarray((2.0 * self.m_hat * m_hat * self.e1 + q_hat * self.w2) / q)

    def by_susceptibility(self) -> Array:
        """d(log m', log q', log V')/dV̂, shape (3, B)."""
        e2 = self._inner(
            self._apply(self.operator, self.solved),
            self._apply(self.resolvent, self._apply(self.operator, self.solved)),
        )
        gw = self.problem.aspect_ratio[:, None] * self.problem.weights
        w3 = (gw * (self.problem.bulk * self.r) ** 3).sum(-1)
        q = self.m_hat**2 * self.e1 + self.q_hat * self.w2
        return np.stack(
            [
                -self.e1 / self.e0,
                -2.0 * (self.m_hat**2 * e2 + self.q_hat * w3) / q,
                -self.w2 / self.w1,
            ]
        )
