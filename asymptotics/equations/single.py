"""One problem in plain floats: Newton's method of newton.py without the cost of arrays of length 1.

The equations, their coordinates and their judgement are those of system.py; arrays hold nothing but
the quadrature, a window of a lattice (integrals/lattice.py). Newton's method runs on coarse nodes,
whose error is about 1e-7, and ends on fine ones, whose error is its square; the residual that the
coarse solution has on the fine nodes shows whether that holds. What needs a line search, a graded
rule or more than a few atoms is left to the batch: None.
"""

from __future__ import annotations

from math import exp, inf, isfinite, log, sqrt

import numpy as np

from ..integrals.lattice import window
from .channel import Channel
from .prior import ACCEPTED_RESIDUAL, Problem, State

__all__ = ["solve_single"]

# More atoms than this are faster in arrays.
_MOST_ATOMS = 12
_TARGET = 1e-13
_MAX_STEPS = 25
# The residual at which the nodes become fine, and the largest that it may then have.
_SWITCH = 1e-5
_AGREEMENT = 1e-7
# The smallest pivot of a Jacobian whose entries are of order 1: below it rounding is magnified.
_ILL_CONDITIONED = 1e-3
# Of a Newton step in the logarithms and in the intercept, as in newton.py.
_TRUST = (3.0, 3.0, 3.0, 1.0)


class _Sums:
    """The prior's atoms and its sums over them, in floats."""

    def __init__(self, problem: Problem) -> None:
        self.atoms = list(
            zip(problem.eigenvalues[0].tolist(), problem.energies[0].tolist(), strict=True)
        )
        self.bulk = list(zip(problem.bulk[0].tolist(), problem.weights[0].tolist(), strict=True))
        self.signal = float(problem.signal[0])
        self.gamma, self.penalty = float(problem.aspect_ratio[0]), float(problem.penalty[0])
        self.balance, self.free = float(problem.balance[0]), bool(problem.free_intercept[0])

    def resolvent(self, v: float) -> tuple[float, float, float, float, float, float]:
        """As Resolvent.of: Σ e R, Σ e d R², Σ e d² R³, γ Σ w d R, γ Σ w d² R², γ Σ w d³ R³."""
        e0 = e1 = e2 = w1 = w2 = w3 = 0.0
        for d, e in self.atoms:
            r = 1.0 / (self.penalty + v * d)
            x = d * r
            e *= r
            e0, e1, e2 = e0 + e, e1 + e * x, e2 + e * x * x
        for d, w in self.bulk:
            x = d / (self.penalty + v * d)
            w *= self.gamma * x
            w1, w2, w3 = w1 + w, w2 + w * x, w3 + w * x * x
        return e0, e1, e2, w1, w2, w3


def _first_guess(prior: _Sums, curvature: float, target: float) -> list[float] | None:
    """The stand-in of first_guess.py for an isotropic bulk; good enough for any other."""
    size = sum(w * d for d, w in prior.bulk)
    penalty, gamma = prior.penalty / curvature, prior.gamma
    d = size / sum(w for _, w in prior.bulk)
    # dV̂² + (λ + (γ - 1)d)V̂ - λ = 0, see square_loss.py
    half = 0.5 * (penalty + (gamma - 1.0) * d)
    root = sqrt(half * half + d * penalty)
    v_hat = penalty / (half + root) if half > 0 else (root - half) / d
    e = e_d = 0.0
    for eigenvalue, energy in prior.atoms:
        r = v_hat / (penalty + v_hat * eigenvalue)
        e, e_d = e + energy * r, e_d + energy * eigenvalue * r * r
    x = v_hat * d / (penalty + v_hat * d)
    imbalance = 2.0 * prior.balance - 1.0 if prior.free else 0.0
    informative = 1.0 - imbalance * imbalance
    gap = 1.0 / (1.0 + prior.signal * e * informative)
    spread = gamma * x * x
    remainder = v_hat + gamma * x * penalty / (penalty + v_hat * d)
    q = gap * gap * informative * (informative * prior.signal * e_d + spread) / remainder
    v = gamma * x / v_hat
    unit = informative * gap * e
    if not (q > 0 and v > 0 and unit > 0):
        return None
    q *= target * target
    b = target * imbalance * gap / sqrt(1.0 + q)
    return [log(target * unit), log(q), log(v / curvature), b]


def _eliminate(matrix: list[list[float]], right: list[float]) -> tuple[list[float], float] | None:
    """The solution of a small linear system, by elimination with row pivots; the smallest pivot."""
    n = len(right)
    smallest = inf
    for k in range(n):
        pivot = max(range(k, n), key=lambda i: abs(matrix[i][k]))
        if not matrix[pivot][k]:
            return None
        if pivot != k:
            matrix[k], matrix[pivot] = matrix[pivot], matrix[k]
            right[k], right[pivot] = right[pivot], right[k]
        row = matrix[k]
        smallest = min(smallest, abs(row[k]))
        for i in range(k + 1, n):
            factor = matrix[i][k] / row[k]
            if factor:
                other = matrix[i]
                for j in range(k + 1, n):
                    other[j] -= factor * row[j]
                right[i] -= factor * right[k]
    for k in range(n - 1, -1, -1):
        row = matrix[k]
        for j in range(k + 1, n):
            right[k] -= row[j] * right[j]
        right[k] /= row[k]
    return right, smallest


class _Point:
    """The equations at a point: system.py's Equations, for one problem."""

    __slots__ = ("answer", "jacobian", "loss", "residual", "size")

    answer: tuple[float, float, float]
    residual: list[float]
    jacobian: list[list[float]]
    size: float
    loss: float


def _evaluate(prior: _Sums, x: list[float], fine: bool) -> _Point | None:
    """Residuals and Jacobian at x; None where the lattice does not serve."""
    unit_mean, q, v = exp(x[0]), exp(x[1]), exp(x[2])
    m, deviation = prior.signal * unit_mean, sqrt(q)
    free = prior.free
    length = sqrt(1.0 + q)
    b = x[3] * length if free else 0.0
    means = (m + b, m - b) if free else (m,)
    nodes = window(means, deviation, v, fine)
    if nodes is None:
        return None
    shares = (prior.balance, 1.0 - prior.balance) if free else (1.0,)
    moments = []
    loss = 0.0
    for mean, share in zip(means, shares, strict=True):
        zeroth, first, second = nodes.sums(mean, deviation, v)
        f, f2, bend, bend_f, bend_f2, value, bend_value = zeroth
        loss += share * (value + v * bend_value)
        # f, f², f', ff', f²f', f'z, f'(z² - 1), ff'z, where f' dω/dx = -ℓ''
        moments.append(
            [
                share * term
                for term in (
                    f + v * bend_f,
                    f2 + v * bend_f2,
                    -bend,
                    -bend_f,
                    -bend_f2,
                    -first[2],
                    bend - second[2],
                    -first[3],
                )
            ]
        )
    average = [a + c for a, c in zip(*moments, strict=True)] if free else moments[0]
    f, f2, df, f_df, f2_df, df_z, df_z2, f_df_z = average
    if not (f > 0 and f2 > 0 and df < 0):
        return None
    # derivatives of log m̂, log q̂, V̂ with respect to log m, log q, log V
    by_m = (df * m / f, 0.5 * df_z * deviation / f, f_df * v / f)
    by_q = (2.0 * f_df * m / f2, f_df_z * deviation / f2, 2.0 * f2_df * v / f2)
    by_v = (-df_z * m / deviation, -0.5 * df_z2, -f_df_z * v / deviation)

    e0, e1, e2, w1, w2, w3 = prior.resolvent(-df)
    explained, unexplained = prior.signal * f * f * e1, f2 * w2
    new_q = explained + unexplained
    answer = (f * e0, new_q, w1)
    slope = 2.0 * (prior.signal * f * f * e2 + f2 * w3)

    def chained(dm: float, dq: float, dv: float) -> list[float]:
        """How log m', log q', log V' move with log m̂, log q̂, V̂."""
        return [
            dm - e1 / e0 * dv,
            (2.0 * explained * dm + unexplained * dq - slope * dv) / new_q,
            -w2 / w1 * dv,
        ]

    columns = [chained(*entries) for entries in zip(by_m, by_q, by_v, strict=True)]
    jacobian = [[column[row] for column in columns] for row in range(3)]
    residual = [log(new) - old for new, old in zip(answer, x, strict=False)]
    for k in range(3):
        jacobian[k][k] -= 1.0
    if free:
        plus, minus = moments
        ratio = (plus[0], minus[0])
        if not (ratio[0] > 0 and ratio[1] > 0):
            return None
        residual.append(log(ratio[0] / ratio[1]))

        def opposed(k: int) -> float:
            return plus[k] / ratio[0] - minus[k] / ratio[1]

        last = [opposed(2) * m, 0.5 * opposed(5) * deviation, opposed(3) * v]
        last_by_b = plus[2] / ratio[0] + minus[2] / ratio[1]
        contrast = (
            (plus[2] - minus[2]) / f,
            2.0 * (plus[3] - minus[3]) / f2,
            -(plus[5] - minus[5]) / deviation,
        )
        by_b = [*chained(*contrast), last_by_b]
        jacobian.append(last)
        # b = x₃ √(1 + q)
        by_log_q = 0.5 * b * q / (1.0 + q)
        for row, slope_b in zip(jacobian, by_b, strict=True):
            row[1] += slope_b * by_log_q
            row.append(slope_b * length)
    found = _Point()
    found.answer, found.residual, found.jacobian, found.loss = answer, residual, jacobian, loss
    found.size = sqrt(sum(r * r for r in residual))
    return found


def solve_single(problem: Problem, channel: Channel) -> State | None:
    """The state of a batch of one; None where it has to go the way of the batch.

    Only for a channel whose loss is tabulated (``channel.on_lattice``).
    """
    if problem.eigenvalues.shape[1] + problem.bulk.shape[1] > _MOST_ATOMS:
        return None
    try:
        return _solve(_Sums(problem), *channel.stand_ins[0])
    except (OverflowError, ValueError, ZeroDivisionError):  # of exp, log and /
        return None


def _solve(prior: _Sums, curvature: float, target: float) -> State | None:
    x = _first_guess(prior, curvature, target) if prior.penalty > 0 else None
    if x is None:
        return None
    fine, first, before = False, False, inf
    for _ in range(_MAX_STEPS):
        point = _evaluate(prior, x, fine)
        if point is None or not isfinite(point.size):
            return None
        if point.size > before and before > ACCEPTED_RESIDUAL:
            return None  # a shorter step is wanted
        if first and point.size > _AGREEMENT:
            return None  # more nodes are wanted
        residual = point.residual
        solved = _eliminate(point.jacobian, [-r for r in residual])
        if solved is None or (fine and solved[1] < _ILL_CONDITIONED):
            return None  # an estimate of the error is wanted
        step = solved[0]
        if fine and (point.size <= _TARGET or point.size >= 0.5 * before):
            break
        longest = max(abs(s) / t for s, t in zip(step, _TRUST, strict=False))
        if longest > 1.0:
            step = [s / longest for s in step]
        x = [a + s for a, s in zip(x, step, strict=False)] + x[len(step) :]
        # Newton leaves the square of it; what is left beyond is the error of coarse nodes
        first = not fine and point.size < _SWITCH
        fine, before = fine or first, inf if first else point.size
    else:
        return None
    largest = max(abs(r) for r in residual)
    if not largest <= ACCEPTED_RESIDUAL:
        return None
    # the last step, as in newton.py: log m = log m' - log(m'/m), and the same for q and V
    unit, q, v = (a * exp(s - r) for a, s, r in zip(point.answer, step, residual, strict=False))
    b = 0.0
    if prior.free:
        b = (x[3] + step[3]) * sqrt(1.0 + exp(x[1] + step[1]))
    numbers = (prior.signal * unit, q, v, b, largest)
    mean, variance, susceptibility, intercept, worst = (np.array([a]) for a in numbers)
    return State(
        mean, variance, susceptibility, intercept, worst, np.ones(1, bool), np.array([point.loss])
    )
