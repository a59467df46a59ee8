r"""Softmax on three classes without its minimiser: integrals over the trained scores themselves.

In two orthonormal contrasts U, with g = -cUᵀ(e_k - p(u)) the slope of the loss and H its Hessian,
ω = u + V g(u) is one to one, and

    E_k f = -∫ g(u) N(u + V g(u); M_k + b, Q) |1 + V H(u)| du,

by the trapezoid rule on a lattice in u, which converges faster than any power of its step. Floats
are extended ones where the machine has them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..checks import Array
from ..outcomes import ConvergenceError

__all__ = ["Atoms", "Scores", "contrasts", "solve_three"]

# Deviations of ω that the lattice covers.
_REACH = 9.6
# Steps of the lattice in the least widths of the integrand, and at most: of the poles of p.
_STEP, _LONGEST = 0.5, 0.3
# Lattices of more points than this are not tried.
_MOST_POINTS = 4_000_000
_NEWTON, _HALVINGS = 60, 25
_DIFFERENCE = 1e-6
# Residuals below which the Jacobian is kept, and at which the lattice of its own is left.
_CLOSE, _NEAR = 1e-4, 1e-9


class Atoms(NamedTuple):
    """A problem in floats: eigenvalues, weights and Gram matrices of atoms."""

    eigenvalues: Array  # (J,)
    weights: Array  # (J,)
    grams: Array  # (J, 3, 3)
    priors: Array  # (3,)
    costs: Array  # (3,)
    gamma: Any
    penalty: Any
    free: bool

    def astype(self, kind: Any) -> Atoms:
        parts: list[Any] = [np.asarray(part, dtype=kind) for part in self[:-1]]
        parts.append(self.free)
        return Atoms(*parts)


class Scores(NamedTuple):
    """Order parameters in contrasts."""

    mean: Array  # (2, 3)
    intercept: Array  # (2,)
    variance: Array  # (2, 2)
    susceptibility: Array  # (2, 2)


def contrasts(kind: Any) -> Array:
    """Two orthonormal vectors of sum zero, as columns."""
    half, sixth = np.sqrt(kind(0.5)), np.sqrt(kind(1) / kind(6))
    return np.array([[half, sixth], [-half, sixth], [0 * half, -2 * sixth]])


def _inverse(m: Array) -> Array:
    """Of 2 × 2 matrices, in the last two axes."""
    a, b, c, d = m[..., 0, 0], m[..., 0, 1], m[..., 1, 0], m[..., 1, 1]
    adjugate = np.stack([np.stack([d, -b], -1), np.stack([-c, a], -1)], -2)
    return np.asarray(adjugate / (a * d - b * c)[..., None, None])


def _packed(s: Scores, free: bool) -> Array:
    """Coordinates: M, b, and logarithms and quotients of Cholesky factors."""
    parts = [s.mean.ravel()] + ([s.intercept] if free else [])
    for m in (s.variance, s.susceptibility):
        ratio = m[1, 0] / m[0, 0]
        parts.append(np.array([np.log(m[0, 0]), ratio, np.log(m[1, 1] - ratio * m[1, 0])]))
    return np.concatenate(parts)


def _unpacked(x: Array, free: bool) -> Scores:
    matrices = []
    for first, ratio, rest in (x[-6:-3], x[-3:]):
        a = np.exp(first)
        matrices.append(np.array([[a, ratio * a], [ratio * a, np.exp(rest) + ratio**2 * a]]))
    b = x[6:8] if free else np.zeros(2, dtype=x.dtype)
    return Scores(x[:6].reshape(2, 3), b, *matrices)


def _lattice(s: Scores, problem: Atoms, k: int, refine: float) -> tuple[Array, Any]:
    """Points u, shape (2, n), and the area of a cell.

    It covers u = ω - V g(u) for all ω that count, since g lies in a triangle.
    """
    kind = s.mean.dtype.type
    values, basis = np.linalg.eigh(s.variance.astype(float))
    basis, deviations = basis.astype(kind), np.sqrt(values.astype(kind))
    u = contrasts(kind)
    cost = problem.costs[k]
    corners = cost * (u[k][:, None] - u.T)
    pull = basis.T @ (s.susceptibility @ corners)
    centre = basis.T @ (s.mean[:, k] + s.intercept)
    low = centre - _REACH * deviations + pull.min(1)
    high = centre + _REACH * deviations + pull.max(1)
    # no Hessian is larger than c/2, and (1 + VH) shrinks lengths by no more than its norm
    largest = np.linalg.eigvalsh(s.susceptibility.astype(float))[-1]
    width = deviations / (1.0 + 0.5 * float(cost) * largest)
    steps = np.minimum(_STEP * width, _LONGEST) / refine
    counts = np.ceil(((high - low) / steps).astype(float)) + 1
    if not counts[0] * counts[1] <= _MOST_POINTS:
        raise ConvergenceError(
            f"a lattice of {counts[0]:.4g} x {counts[1]:.4g} points is too fine for softmax of "
            "three classes: take a larger penalty, or a smaller aspect_ratio"
        )
    sizes = counts.astype(int)
    axes = [a + h * np.arange(n, dtype=kind) for a, h, n in zip(low, steps, sizes, strict=True)]
    grid = np.stack([g.ravel() for g in np.meshgrid(*axes, indexing="ij")])
    # a shear that the rounding of the basis is, is counted
    area = abs(basis[0, 0] * basis[1, 1] - basis[0, 1] * basis[1, 0])
    return basis @ grid, steps[0] * steps[1] * area


def _channel(s: Scores, problem: Atoms, refine: float) -> tuple[Array, Array, Array, float]:
    """F (2, 3), Q̂, V̂ and by how much the weights of the lattice miss 1."""
    kind = s.mean.dtype.type
    u = contrasts(kind)
    f, square, response = np.zeros((2, 3), kind), np.zeros((2, 2), kind), np.zeros((2, 2), kind)
    precision = _inverse(s.variance)
    size = 1 / (
        2 * kind(np.pi) * np.sqrt(s.variance[0, 0] * s.variance[1, 1] - s.variance[0, 1] ** 2)
    )
    v = s.susceptibility
    missing = 0.0
    for k in range(3):
        points, cell = _lattice(s, problem, k, refine)
        cost, rho = problem.costs[k], problem.priors[k]
        away = u @ points
        away -= away.max(0)
        p = np.exp(away)
        p /= p.sum(0)
        slope = cost * (u.T @ p - u[k][:, None])
        h = cost * (np.einsum("li,ln,lj->ijn", u, p, u))
        pull = u.T @ p
        h -= cost * pull[:, None] * pull[None]
        system = np.einsum("ij,jkn->ikn", v, h)
        system[0, 0] += 1
        system[1, 1] += 1
        determinant = system[0, 0] * system[1, 1] - system[0, 1] * system[1, 0]
        gap = points + v @ slope - (s.mean[:, k] + s.intercept)[:, None]
        exponent = -0.5 * (gap * (precision @ gap)).sum(0)
        weight = size * cell * np.exp(exponent) * determinant
        missing = max(missing, abs(float(weight.sum() - 1)))
        f[:, k] = -rho * (slope * weight).sum(1)
        square += rho * ((slope * weight) @ slope.T)
        # H(1 + VH)⁻¹: of 2 × 2 matrices the inverse is the adjugate over the determinant
        adjugate = np.array([[system[1, 1], -system[0, 1]], [-system[1, 0], system[0, 0]]])
        response += rho * (np.einsum("ijn,jkn->ikn", h, adjugate) * (weight / determinant)).sum(-1)
    return f, square, 0.5 * (response + response.T), missing


def _residual(s: Scores, problem: Atoms, refine: float) -> tuple[Array, float]:
    """The prior's answer to the channel, less what there was, in coordinates."""
    kind = s.mean.dtype.type
    f, square, v_hat, missing = _channel(s, problem, refine)
    d, w, grams = problem.eigenvalues, problem.weights, problem.grams
    r = _inverse(problem.penalty * np.eye(2, dtype=kind) + d[:, None, None] * v_hat)
    mean = np.einsum("jab,bk,jkl->al", r, f, grams)
    pushed = r @ f
    variance = np.einsum("j,jak,jkl,jbl->ab", d, pushed, grams, pushed)
    variance += problem.gamma * np.einsum("j,jab,bc,jcd->ad", w * d**2, r, square, r)
    v = problem.gamma * np.einsum("j,jab->ab", w * d, r)
    answer = _packed(Scores(mean, s.intercept, variance, v), problem.free)
    gap = answer - _packed(s, problem.free)
    if problem.free:
        gap[6:8] = f.sum(1)
    return gap, missing


def solve_three(problem: Atoms, start: Scores, refine: float) -> tuple[Scores, float, float]:
    """The solution, its residual and what the weights of the lattice miss 1 by.

    Newton's method with differences for a Jacobian in double precision, at a penalty that falls to
    that of the problem where it does not get there at once.

    Raises
    ------
    ConvergenceError
        If it was not found.
    """
    plain = problem.astype(float)
    x = _packed(Scores(*(part.astype(float) for part in start)), problem.free)
    x, jacobian = _newton(plain, x)
    exact = np.longdouble
    fine, y = problem.astype(exact), x.astype(exact)
    best, kept, kept_missing = np.inf, y, np.inf
    for _ in range(_NEWTON):
        gap, missing = _residual(_unpacked(y, problem.free), fine, refine)
        size = float(np.abs(gap).max())
        if not size < 0.5 * best:
            break
        best, kept, kept_missing = size, y, missing
        y = y - np.linalg.solve(jacobian, gap.astype(float)).astype(exact)
    return _unpacked(kept, problem.free), best, kept_missing


def _newton(problem: Atoms, x: Array) -> tuple[Array, Array]:
    """A solution to some digits in double precision, and the Jacobian there."""

    def at(y: Array) -> Array:
        return _residual(_unpacked(y, problem.free), problem, 1.0)[0]

    jacobian: Array | None = None
    gap = at(x)
    for _ in range(_NEWTON):
        size = np.abs(gap).max()
        if jacobian is None or size > _CLOSE:
            jacobian = _differences(at, x, gap)
        if size < _NEAR:
            return x, jacobian
        step = np.linalg.solve(jacobian, gap)
        step /= max(1.0, float(np.abs(step).max()))
        shrink = 1.0
        for _ in range(_HALVINGS):
            trial = x - shrink * step
            moved = at(trial)
            if np.abs(moved).max() < size:
                break
            shrink *= 0.5
        else:
            break
        x, gap = trial, moved
    raise ConvergenceError(f"softmax of three classes was left at a residual of {size:.3g}")


def _differences(function: Callable[[Array], Array], x: Array, value: Array) -> Array:
    columns = []
    for i in range(len(x)):
        moved = x.copy()
        moved[i] += _DIFFERENCE
        columns.append((function(moved) - value) / _DIFFERENCE)
    return np.array(columns).T
