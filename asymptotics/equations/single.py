"""One problem in plain floats: Newton's method of newton.py without the cost of arrays of length 1.

The equations, their coordinates and their judgement are those of system.py; arrays hold nothing but
quadratures, in the moments of the loss (``Channel.law_moments``). Where these have coarse nodes
Newton's method runs on them, with an error of about 1e-7, and ends on fine ones, whose error is its
square; the residual that the coarse solution has on the fine nodes shows whether that holds. What
needs a graded rule, an estimate of the error or more than a few atoms is left to the batch: None.
"""

from __future__ import annotations

from math import copysign, exp, inf, isfinite, log, sqrt

import numpy as np
from scipy.special import ndtri

from ..integrals.gaussian import half_moments_of
from .channel import Channel
from .prior import ACCEPTED_RESIDUAL, Problem, State
from .system import SUFFICIENT, TARGET, TRUST

__all__ = ["solve_single"]

# More atoms than this are faster in arrays.
_MOST_ATOMS = 12
_MAX_STEPS = 25
_MAX_HALVINGS = 6
_SHORTER = 0.4
_PINNED_SWEEPS = 12
# The residual at which the nodes become fine, and the largest that it may then have.
_SWITCH = 1e-5
_AGREEMENT = 1e-7
# The smallest pivot of a Jacobian whose entries are of order 1: below it rounding is magnified.
_ILL_CONDITIONED = 1e-3


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
        # of the classes, where each has margins of its own
        self.shares = (self.balance, 1.0 - self.balance) if self.free else (1.0,)

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
    """The stand-in of first_guess.py for an isotropic bulk, with b; good enough for any other."""
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
    b = target * imbalance * gap
    return [log(target * unit), log(q), log(v / curvature), b]


def _pinned_guess(prior: _Sums) -> list[float]:
    """That of first_guess.py, where the intercept pins the larger class to the kink."""
    larger = max(prior.balance, 1.0 - prior.balance)
    hat = 2.0 * (1.0 - larger)
    kink = float(ndtri((1.0 - larger) / larger))
    v_hat, weight = 0.0, larger * half_moments_of(kink)[3]
    for _ in range(_PINNED_SWEEPS + 1):
        e0, e1, _, w1, w2, _ = prior.resolvent(v_hat)
        q = prior.signal * hat * hat * e1 + hat * w2
        v_hat = weight / sqrt(q)
    return [log(hat * e0), log(q), log(w1), kink]


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


def _places(
    prior: _Sums, x: list[float], m: float, deviation: float, kinked: bool
) -> tuple[tuple[float, ...], float, tuple[float, float, float]]:
    """As system.py: means or kinks of the laws, and b with its derivatives in x, which not by V."""
    if not prior.free:
        return ((1.0 - m) / deviation if kinked else m,), 0.0, (0.0, 0.0, 0.0)
    if not kinked:
        q = deviation * deviation
        length = sqrt(1.0 + q)
        b = x[3] * length
        return (m + b, m - b), b, (0.0, 0.5 * b * q / (1.0 + q), length)
    side = copysign(1.0, prior.balance - 0.5)
    step = x[3] * deviation
    other = 2.0 * (1.0 - m) / deviation - x[3]
    places = (x[3], other) if side > 0 else (other, x[3])
    return places, side * (1.0 - m - step), (-side * m, -0.5 * side * step, -side * deviation)


def _evaluate(channel: Channel, prior: _Sums, x: list[float], fine: bool) -> _Point | None:
    """Residuals and Jacobian at x; None where there are no moments in floats."""
    unit_mean, q, v = exp(x[0]), exp(x[1]), exp(x[2])
    m, deviation = prior.signal * unit_mean, sqrt(q)
    free = prior.free
    places, _, (b_by_m, b_by_q, b_by_last) = _places(prior, x, m, deviation, channel.kinked)
    laws = channel.law_moments(places, deviation, v, fine)
    if laws is None:
        return None
    if free:
        pairs = zip(prior.shares, laws, strict=True)
        moments = [[share * a for a in law] for share, law in pairs]
    else:
        moments = laws
    average = [a + c for a, c in zip(*moments, strict=True)] if free else moments[0]
    f, f2, df, f_df, f2_df, df_z, df_z2, f_df_z, loss = average
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
        for row, slope_b in zip(jacobian, by_b, strict=True):
            row[0] += slope_b * b_by_m
            row[1] += slope_b * b_by_q
            row.append(slope_b * b_by_last)
    found = _Point()
    found.answer, found.residual, found.jacobian, found.loss = answer, residual, jacobian, loss
    found.size = sqrt(sum(r * r for r in residual))
    return found


def solve_single(problem: Problem, channel: Channel) -> State | None:
    """The state of a batch of one; None where it has to go the way of the batch."""
    if problem.eigenvalues.shape[1] + problem.bulk.shape[1] > _MOST_ATOMS:
        return None
    if not problem.penalty[0] > 0:
        return None
    try:
        return _solve(channel, _Sums(problem))
    except (OverflowError, ValueError, ZeroDivisionError):  # of exp, log and /
        return None


def _start(channel: Channel, prior: _Sums, fine: bool) -> tuple[list[float], _Point] | None:
    """Of the first guesses, the one with the smallest residual."""
    candidates = []
    for stand_in in channel.stand_ins:
        x = _first_guess(prior, *stand_in)
        if x is None:
            return None
        q = exp(x[1])
        if channel.kinked and prior.free:
            side = copysign(1.0, prior.balance - 0.5)
            x[3] = (1.0 - prior.signal * exp(x[0]) - side * x[3]) / sqrt(q)
        else:
            x[3] /= sqrt(1.0 + q)
        candidates.append(x)
    if channel.kinked and prior.free:
        candidates.append(_pinned_guess(prior))
    best = None
    for x in candidates:
        point = _evaluate(channel, prior, x, fine)
        if point is not None and (best is None or point.size < best[1].size):
            best = x, point
    return best


def _solve(channel: Channel, prior: _Sums) -> State | None:
    fine = not channel.has_coarse_nodes
    start = _start(channel, prior, fine)
    if start is None:
        return None
    x, point = start
    stuck = False
    for _ in range(_MAX_STEPS):
        solved = _eliminate(point.jacobian, [-r for r in point.residual])
        if solved is None or (fine and solved[1] < _ILL_CONDITIONED):
            return None  # an estimate of the error is wanted
        step = solved[0]
        if fine and (stuck or point.size <= TARGET):
            break
        longest = max(abs(s) / t for s, t in zip(step, TRUST, strict=False))
        if longest > 1.0:
            step = [s / longest for s in step]
        # Newton leaves the square of it; what is left beyond is the error of coarse nodes
        finer = not fine and point.size < _SWITCH
        trial = _line_search(channel, prior, x, point, step, fine or finer, finer)
        if trial is None:
            return None
        if finer:
            fine = True
            if trial[1].size > _AGREEMENT:
                return None  # more nodes are wanted
        else:  # at the level of rounding a step gains little, or nothing
            stuck = trial[1].size >= 0.5 * point.size and point.size <= ACCEPTED_RESIDUAL
            if stuck and trial[1].size >= point.size:
                continue
        x, point = trial
    else:
        return None
    largest = max(abs(r) for r in point.residual)
    if not largest <= ACCEPTED_RESIDUAL:
        return None
    # the last step, as in newton.py: log m = log m' - log(m'/m), and the same for q and V
    unit, q, v = (
        a * exp(s - r) for a, s, r in zip(point.answer, step, point.residual, strict=False)
    )
    m = prior.signal * unit
    last = [*x[:3], *(a + s for a, s in zip(x[3:], step[3:], strict=False))]
    places, b, _ = _places(prior, last, m, sqrt(q), channel.kinked)
    loss = point.loss
    if not channel.has_coarse_nodes:
        # beyond its kink a loss is 0: its mean may lie far in a tail, which feels the last step
        laws = channel.law_moments(places, sqrt(q), v, fine)
        if laws is None:
            return None
        loss = sum(share * law[-1] for share, law in zip(prior.shares, laws, strict=True))
    numbers = (m, q, v, b, largest)
    mean, variance, susceptibility, intercept, worst = (np.array([a]) for a in numbers)
    return State(
        mean, variance, susceptibility, intercept, worst, np.ones(1, bool), np.array([loss])
    )


def _line_search(
    channel: Channel,
    prior: _Sums,
    x: list[float],
    point: _Point,
    step: list[float],
    fine: bool,
    whole: bool,
) -> tuple[list[float], _Point] | None:
    """A step that makes the residual fall, as in newton.py, or the `whole` one; else None."""
    shrink = 1.0
    for _ in range(_MAX_HALVINGS + 1):
        trial = [a + shrink * s for a, s in zip(x, step, strict=False)] + x[len(step) :]
        found = _evaluate(channel, prior, trial, fine)
        if found is not None and isfinite(found.size):
            near = point.size <= ACCEPTED_RESIDUAL
            if whole or near or found.size < (1.0 - SUFFICIENT * shrink) * point.size:
                return trial, found
        elif channel.has_coarse_nodes:
            return None  # it would not be served near by either
        shrink *= _SHORTER
    return None
