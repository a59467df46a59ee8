r"""How the order parameters of K classes move with the parameters: tangents of both sides.

On the axes of a frame, with image means N (K × a), covariances S_s (a × a) and a bulk of variance
β_s, everything is a linear system in a few dimensions:

    w = (λ + Σ_s V̂_s ⊗ S_s)⁻¹ F N,   M = w Nᵀ,   R = (λ + Σ_s V̂_s β_s)⁻¹,   V_s = γ β_s R,
    Q_s = w S_s wᵀ + γ β_s R (Σ_t β_t Q̂_t) R

Nothing is taken apart into eigenvectors, so that nothing of this has a derivative that does not
exist. Tangents come in batches: D directions in the first axis of every array.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ..checks import Array
from ..integrals.softmax_slopes import SoftmaxSlopes

__all__ = ["ClassMove", "ClassOrder", "ClassWorld", "Direction", "implicit_slopes"]


class ClassOrder(NamedTuple):
    """Order parameters, or a batch of their tangents in the leading axis."""

    mean: Array  # (R, K), without b
    intercept: Array  # (R,)
    variance: Array  # (S, R, R)
    susceptibility: Array  # (S, R, R)


class _Forces(NamedTuple):
    """What the channel answers."""

    f: Array  # (R, K): ρ_k E_k f in column k
    square: Array  # (S, R, R): Q̂
    response: Array  # (S, R, R): V̂


@dataclass(frozen=True)
class ClassWorld:
    """One problem: the image of a population on a frame, and the parameters of training."""

    means: Array  # (K, a)
    covariances: Array  # (S, a, a)
    bulk: Array  # (S,), variances
    priors: Array  # (K,)
    costs: Array  # (K,)
    aspect_ratio: float
    penalty: float
    free: bool


@dataclass(frozen=True)
class Direction:
    """How one parameter moves the world; zeros where it does not."""

    means: Array | float = 0.0
    covariances: Array | float = 0.0
    bulk: Array | float = 0.0
    priors: Array | float = 0.0
    costs: Array | float = 0.0
    aspect_ratio: float = 0.0
    penalty: float = 0.0


@dataclass(frozen=True)
class ClassMove:
    """Tangents of the order parameters, the D directions first, and of the priors."""

    order: ClassOrder
    priors: Array  # (D, K)
    residual: float = field(default=0.0)


def _symmetric(size: int) -> Array:
    """A basis of the symmetric matrices, shape (size(size + 1)/2, size, size)."""
    rows, columns = np.tril_indices(size)
    basis = np.zeros((len(rows), size, size))
    at = np.arange(len(rows))
    basis[at, rows, columns] = basis[at, columns, rows] = 1.0
    return basis


def _upper(matrices: Array) -> Array:
    """The independent entries of symmetric matrices, as coordinates in that basis."""
    rows, columns = np.tril_indices(matrices.shape[-1])
    return np.asarray(matrices[..., rows, columns])


class _Prior:
    """The prior's side at one point, and its tangents."""

    def __init__(self, world: ClassWorld, forces: _Forces) -> None:
        self.world, self.forces = world, forces
        r, axes = len(forces.f), world.means.shape[1]
        system = world.penalty * np.eye(r * axes)
        for v_hat, covariance in zip(forces.response, world.covariances, strict=True):
            system += np.kron(v_hat, covariance)
        self.solver = np.linalg.inv(system)
        self.weights = self._solve(forces.f @ world.means)
        bulk, gamma = world.bulk, world.aspect_ratio
        self.resolvent = np.linalg.inv(
            world.penalty * np.eye(r) + np.tensordot(bulk, forces.response, 1)
        )
        self.square = np.tensordot(bulk, forces.square, 1)
        self.spread = self.resolvent @ self.square @ self.resolvent
        self.mean = self.weights @ world.means.T
        explained = self.weights @ world.covariances @ self.weights.T
        scale = gamma * bulk[:, None, None]
        self.variance = explained + scale * self.spread
        self.susceptibility = scale * self.resolvent

    def _solve(self, right: Array) -> Array:
        flat = right.reshape(*right.shape[:-2], -1) @ self.solver.T
        return np.asarray(flat.reshape(right.shape))

    def move(self, forces: _Forces, way: Direction) -> ClassOrder:
        """Tangents (intercepts apart) for a batch of tangents of the forces and one direction."""
        world, now, w = self.world, self.forces, self.weights
        gamma, bulk = world.aspect_ratio, world.bulk
        d_means = np.zeros_like(world.means) + way.means
        d_cov = np.zeros_like(world.covariances) + way.covariances
        d_bulk = np.zeros_like(bulk) + way.bulk
        right = forces.f @ world.means + now.f @ d_means - way.penalty * w
        right = right - (forces.response @ (w @ world.covariances)).sum(-3)
        right = right - (now.response @ (w @ d_cov)).sum(0)
        d_w = self._solve(right)
        mean = d_w @ world.means.T + w @ d_means.T
        half = d_w[..., None, :, :] @ (world.covariances @ w.T)
        explained = half + np.swapaxes(half, -1, -2) + w @ d_cov @ w.T
        grown = np.einsum("s,...sij->...ij", bulk, forces.response)
        grown = grown + np.tensordot(d_bulk, now.response, 1)
        d_r = -self.resolvent @ (way.penalty * np.eye(len(w)) + grown) @ self.resolvent
        square = np.einsum("s,...sij->...ij", bulk, forces.square)
        square = square + np.tensordot(d_bulk, now.square, 1)
        half = d_r @ self.square @ self.resolvent
        d_spread = half + np.swapaxes(half, -1, -2) + self.resolvent @ square @ self.resolvent
        scale = (gamma * bulk)[:, None, None]
        d_scale = (way.aspect_ratio * bulk + gamma * d_bulk)[:, None, None]
        return ClassOrder(
            mean,
            np.zeros(mean.shape[:-1]),
            explained + scale * d_spread[..., None, :, :] + d_scale * self.spread,
            scale * d_r[..., None, :, :] + d_scale * self.resolvent,
        )


class _SquareChannel:
    """f = c (1 + cV)⁻¹ (e_k - ω), and its tangents."""

    def __init__(self, world: ClassWorld, order: ClassOrder) -> None:
        self.world, self.order = world, order
        r, count = order.mean.shape
        self.own = np.arange(count) if len(order.variance) > 1 else np.zeros(count, np.intp)
        c = world.costs[:, None, None]
        self.pull = c * np.linalg.inv(np.eye(r) + c * order.susceptibility[self.own])
        self.gap = np.eye(r) - order.mean - order.intercept[:, None]  # column k of class k
        self.moment = np.einsum("ik,jk->kij", self.gap, self.gap) + order.variance[self.own]
        self.f = np.einsum("kij,jk->ik", self.pull, self.gap)
        self.square = self.pull @ self.moment @ self.pull
        self.forces = self._gathered(
            world.priors * self.f,
            world.priors[:, None, None] * self.square,
            world.priors[:, None, None] * self.pull,
        )

    def _gathered(self, f: Array, square: Array, response: Array) -> _Forces:
        if len(self.order.variance) == 1:
            square = square.sum(-3, keepdims=True)
            response = response.sum(-3, keepdims=True)
        return _Forces(f, square, response)

    def move(self, order: ClassOrder, priors: Array, costs: Array) -> _Forces:
        """Tangents for a batch of tangents of the order parameters, priors and costs (D, K)."""
        rho = self.world.priors[:, None, None]
        d_pull = -self.pull @ order.susceptibility[..., self.own, :, :] @ self.pull
        # ∂/∂c of c(1 + cV)⁻¹ is (1 + cV)⁻²
        free = self.pull / self.world.costs[:, None, None]
        d_pull = d_pull + costs[..., None, None] * (free @ free)
        d_gap = -order.mean - order.intercept[..., None]
        d_f = np.einsum("...kij,jk->...ik", d_pull, self.gap)
        d_f = d_f + np.einsum("kij,...jk->...ik", self.pull, d_gap)
        outer = np.einsum("...ik,jk->...kij", d_gap, self.gap)
        d_moment = outer + np.swapaxes(outer, -1, -2) + order.variance[..., self.own, :, :]
        half = d_pull @ self.moment @ self.pull
        d_square = half + np.swapaxes(half, -1, -2) + self.pull @ d_moment @ self.pull
        d_rho = priors[..., None, None]
        return self._gathered(
            self.world.priors * d_f + priors[..., None, :] * self.f,
            rho * d_square + d_rho * self.square,
            rho * d_pull + d_rho * self.pull,
        )


class _SoftmaxSide:
    """The channel of softmax in contrasts, and its tangents."""

    def __init__(self, world: ClassWorld, order: ClassOrder, nodes: Array, weights: Array) -> None:
        self.world = world
        self.channel = SoftmaxSlopes(
            nodes,
            weights,
            world.costs,
            order.mean + order.intercept[:, None],
            order.variance[0],
            order.susceptibility[0],
        )
        rho, now = world.priors, self.channel
        self.forces = _Forces(
            rho * now.f,
            np.tensordot(rho, now.square, 1)[None],
            np.tensordot(rho, now.response, 1)[None],
        )

    def move(self, order: ClassOrder, priors: Array, costs: Array) -> _Forces:
        rho, now = self.world.priors, self.channel
        mean = order.mean + order.intercept[..., None]
        variance, v = order.variance[:, 0], order.susceptibility[:, 0]
        f, square, response = now.move(mean, variance, v, costs)
        return _Forces(
            rho * f + priors[:, None, :] * now.f,
            (np.einsum("k,dkij->dij", rho, square) + np.tensordot(priors, now.square, 1))[:, None],
            (np.einsum("k,dkij->dij", rho, response) + np.tensordot(priors, now.response, 1))[
                :, None
            ],
        )


def implicit_slopes(
    world: ClassWorld,
    order: ClassOrder,
    directions: list[Direction],
    rule: tuple[Array, Array] | None,
) -> ClassMove:
    """d(order)/dθ for every direction θ, by the linear system of the fixed point.

    Parameters
    ----------
    world : ClassWorld
    order : ClassOrder
        The solution; of softmax in contrasts.
    directions : list of Direction
    rule : (nodes, weights) or None
        Of softmax; None for the square loss.

    Returns
    -------
    ClassMove
        With the largest violation of the equations at `order`, by these nodes, relative to the size
        of each kind of order parameter.
    """
    r, count = order.mean.shape
    kinds = len(order.variance)
    side: _SquareChannel | _SoftmaxSide
    if rule is None:
        side = _SquareChannel(world, order)
    else:
        side = _SoftmaxSide(world, order, *rule)
    prior = _Prior(world, side.forces)
    basis = _symmetric(r)
    pairs = len(basis)
    sizes = [r * count, r if world.free else 0, kinds * pairs, kinds * pairs]
    ends = np.cumsum([0, *sizes])
    total = int(ends[-1])
    unit = ClassOrder(
        np.zeros((total, r, count)),
        np.zeros((total, r)),
        np.zeros((total, kinds, r, r)),
        np.zeros((total, kinds, r, r)),
    )
    unit.mean.reshape(total, -1)[: ends[1]] = np.eye(r * count)
    if world.free:
        unit.intercept[ends[1] : ends[2]] = np.eye(r)
    for matrices, start in ((unit.variance, ends[2]), (unit.susceptibility, ends[3])):
        for kind in range(kinds):
            first = start + kind * pairs
            matrices[first : first + pairs, kind] = basis

    def packed(move: ClassOrder, forces: _Forces) -> Array:
        """One row for each tangent: of M, of Σ F_k, of Q and of V."""
        lead = move.mean.shape[:-2]
        parts = [move.mean.reshape(*lead, -1)]
        if world.free:
            parts.append(forces.f.sum(-1))
        parts += [_upper(m).reshape(*lead, -1) for m in (move.variance, move.susceptibility)]
        return np.concatenate(parts, axis=-1)

    none = np.zeros((total, count))
    forces = side.move(unit, none, none)
    jacobian = packed(prior.move(forces, Direction()), forces)
    keep = np.ones(total)
    keep[ends[1] : ends[2]] = 0.0  # Σ F_k = 0 has no order parameter on its other side
    jacobian[np.arange(total), np.arange(total)] -= keep
    still = ClassOrder(*(np.zeros((1, *part.shape)) for part in order))
    right = np.empty((len(directions), total))
    priors = np.zeros((len(directions), count))
    for i, way in enumerate(directions):
        priors[i] = way.priors
        costs = np.zeros((1, count)) + way.costs
        forces = side.move(still, priors[i : i + 1], costs)
        right[i] = packed(prior.move(forces, way), forces)[0]
    # J is by rows: tangent i of x moves the equations by row i
    solved = -np.linalg.solve(jacobian.T, right.T).T
    shape = (len(directions), kinds)
    moved_matrices = [
        np.tensordot(solved[:, ends[k] : ends[k + 1]].reshape(*shape, pairs), basis, 1)
        for k in (2, 3)
    ]
    b = solved[:, ends[1] : ends[2]] if world.free else np.zeros((len(directions), r))
    moved = ClassOrder(solved[:, : ends[1]].reshape(-1, r, count), b, *moved_matrices)
    now = (prior.mean, prior.variance, prior.susceptibility)
    before = (order.mean, order.variance, order.susceptibility)
    gaps = [np.abs(a - x).max() / np.abs(x).max() for a, x in zip(now, before, strict=True)]
    if world.free:
        gaps.append(np.abs(side.forces.f.sum(1)).max())
    return ClassMove(moved, priors, float(max(gaps)))
