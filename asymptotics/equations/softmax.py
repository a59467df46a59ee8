r"""Softmax on K classes of one covariance: the matrix fixed point, in K - 1 contrasts.

    channel: F_k = ρ_k E_k f,  Q̂ = Σ ρ_k E_k ffᵀ,  V̂ = -Σ ρ_k E_k ∂f/∂ω,  Σ F_k = 0 with intercepts
    prior:   R_j = (λ + d_j V̂)⁻¹,  V = γ Σ w_j d_j R_j,  M = Σ R_j F G_j,
             Q = Σ d_j R_j F G_j Fᵀ R_j + γ Σ w_j d_j² R_j Q̂ R_j

The unknowns are M, b and the Cholesky factors of Q and V, with logarithmic diagonals; Anderson's
acceleration starts from the square loss in closed form. The nodes are those of Gauss and Hermite
for K = 3 and 4, refined until the accuracy stays, and two sets of rotated spheres or of Sobol
points above; what the last change of nodes moves is reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..checks import Array
from ..integrals.gaussian import hermite_grid
from ..integrals.softmax import SoftmaxAverages, SoftmaxChannel, contrasts
from ..integrals.spherical import rotated_spheres, sphere_size
from ..metrics.orthant import right_answers, sobol_normal
from .anderson import Anderson
from .class_prior import ClassPrior, DiagonalPrior
from .class_square import ClassState, solve_targets
from .prior import ACCEPTED_RESIDUAL

__all__ = ["nodes_for", "solve_softmax"]

_MAX_STEPS = 150
# Residuals at which the work on the first nodes ends, and on the last ones, of few classes and of
# many.
_ROUGH, _TARGET, _MANY_TARGET = 1e-4, 1e-10, 5e-10
# and on the Sobol points whose accuracy is compared, to 1e-5 or so.
_FAIR = 2e-6
# Nodes an axis, for K up to 4 (of two for derivatives alone), and the change of the accuracy at
# which they suffice.
_HERMITE = {2: (20, 80, 320), 3: (8, 16, 28, 44, 66, 100, 150, 220), 4: (6, 10, 14, 20, 28)}
_ENOUGH = {3: 5e-10, 4: 2e-7}
# K ≥ 5: scores (points times K²) of each of two sets of nodes, and the spheres at least that make
# them up: a difference in the number of radii shows what either lacks. Above, Sobol points.
_SCORES = 5 * 2**15
_FIRST_RADII, _RADII = 2, (3, 4)
_FEWEST = 6
# Largest residual that Anderson starts from: beyond, a plain step.
_WILD = 3.0
# The smallest unit of the intercepts: they stay of order one where the weights vanish.
_LEAST = 1e-5
# Continuation in the penalty.
_FACTOR = 10.0**0.5
# Points an orthant whose change is looked at, and of the estimate of the training accuracy, where
# scores of some digits can be counted.
_LOG_ORTHANT_POINTS = 8
_LOG_TRAINING_POINTS = 11
_FEW, _SAMPLED, _COUNTED = 4, 16, 1e-3


class _Order(NamedTuple):
    """Order parameters in contrasts."""

    mean: Array  # (r, C), without b
    intercept: Array  # (r,)
    variance: Array  # (r, r)
    susceptibility: Array  # (r, r)


@lru_cache(maxsize=64)
def _sobol(dimension: int, log_count: int, scramble: int) -> tuple[Array, Array]:
    """Mirrored and whitened: odd and second moments are exact."""
    half = sobol_normal(dimension, log_count - 1, scramble).T
    nodes = np.concatenate([half, -half], axis=1)
    moment = nodes @ nodes.T / nodes.shape[1]
    nodes = np.linalg.solve(np.linalg.cholesky(moment), nodes)
    return nodes, np.full(nodes.shape[1], 1.0 / nodes.shape[1])


def nodes_for(count: int) -> Iterator[tuple[Array, Array]]:
    """The sets of nodes for K classes, finer and finer; they are made when asked for."""
    r = count - 1
    if count in _HERMITE:
        yield from (hermite_grid(r, size) for size in _HERMITE[count])
        return
    points = _SCORES / count**2
    spheres = int(points / sphere_size(r))
    if spheres >= _RADII[0]:
        yield rotated_spheres(r, 1, _FIRST_RADII)
        yield from (rotated_spheres(r, max(spheres // radii, 1), radii) for radii in _RADII)
        return
    fine = max(int(np.log2(points)), _FEWEST)
    yield from (_sobol(r, size, level) for level, size in enumerate((fine - 2, fine, fine)))


class _Problem:
    """One element of a batch: C clusters of K classes."""

    def __init__(
        self, prior: DiagonalPrior, index: int, costs: Array, free: bool, answers: Array
    ) -> None:
        self.d, self.w = prior.eigenvalues[index, 0], prior.weights[index]
        self.grams, self.shares = prior.grams[index], prior.priors[index]
        self.gamma = float(prior.aspect_ratio[index])
        self.penalty, self.costs, self.free = float(prior.penalty[index]), costs[index], free
        self.prior = prior.take(slice(index, index + 1))
        self.answers, self.rows, self.count = answers, len(answers), int(answers.max()) + 1
        carries = self.grams.reshape(len(self.d), -1).any(1)
        self.d_signal, self.grams = self.d[carries], self.grams[carries]
        self.flat = self.grams.reshape(len(self.grams), -1)
        self.basis = contrasts(self.count)
        guess = self.first_guess(self.penalty).variance
        self.scale = float(np.sqrt(np.trace(guess) / len(guess)))  # of the scores
        self.lower = np.tril_indices(self.count - 1)
        self.diagonal = self.lower[0] == self.lower[1]

    def first_guess(self, penalty: float) -> _Order:
        """The square loss of curvature 1/K."""
        k = self.count
        prior = self.prior.penalised(np.array([k * penalty]))
        targets = np.eye(k)[:, self.answers]
        state = solve_targets(prior, targets, self.costs[None], self.free)
        u = self.basis
        return _Order(
            k * (u.T @ state.mean[0]),
            k * (u.T @ state.intercept[0]),
            k**2 * (u.T @ state.variance[0, 0] @ u),
            k * state.susceptibility[0, 0] * np.eye(k - 1),
        )

    def answer(self, found: SoftmaxAverages, order: _Order, penalty: float) -> _Order:
        """The prior's side, with a Newton step of M and b at fixed Q and V.

        F answers a change of the means by -V̂_k: with it M = Σ R_j F G_j is linear, and stable where
        the map from M to M alone would overshoot by |G| V̂/λ.
        """
        rows, r = self.rows, self.count - 1
        responses = self.shares[:, None, None] * found.responses
        h, turn = np.linalg.eigh(responses.sum(0))
        resolvent = 1.0 / (penalty + h[:, None] * self.d_signal)  # (r, J)
        a = (resolvent @ self.flat).reshape(r, rows, rows)
        here = turn.T @ (order.mean + order.intercept[:, None])
        own = turn.T @ responses @ turn  # (C, r, r)
        pulled = turn.T @ (found.f * self.shares) + np.einsum("lia,al->il", own, here)
        slope = np.einsum("ilk,lia->ikal", a, own).reshape(r * rows, r * rows)
        system = np.eye(r * rows + r * self.free)
        right = np.zeros(len(system))
        system[: r * rows, : r * rows] += slope
        right[: r * rows] = np.einsum("ilk,il->ik", a, pulled).ravel()
        if self.free:
            by_b = slope.reshape(r * rows, r, rows).sum(-1)
            system[: r * rows, r * rows :] = by_b
            system[r * rows :, : r * rows] = np.moveaxis(own, 0, -1).reshape(r, r * rows)
            system[r * rows :, r * rows :] = np.diag(h)
            right[r * rows :] = pulled.sum(1)
        solved = np.linalg.solve(system, right)
        mean = solved[: r * rows].reshape(r, rows)
        b = solved[r * rows :] if self.free else np.zeros(r)
        f = pulled - np.einsum("lia,al->il", own, mean + b[:, None])
        explained = np.einsum(
            "j,aj,bj,jab->ab", self.d_signal, resolvent, resolvent, f @ self.grams @ f.T
        )
        x = self.d / (penalty + h[:, None] * self.d)
        wx = self.gamma * self.w * x
        spread = (wx @ x.T) * (turn.T @ found.square @ turn)
        return _Order(
            turn @ mean,
            turn @ b,
            turn @ (explained + spread) @ turn.T,
            (turn * wx.sum(1)) @ turn.T,
        )

    def pack(self, order: _Order, scale: float) -> Array:
        parts = [order.mean.ravel() / scale, order.intercept / max(scale, _LEAST)]
        for matrix in (order.variance, order.susceptibility):
            factor = np.linalg.cholesky(matrix)
            root = np.sqrt(np.diag(factor))
            # off-diagonals in units of the diagonals they stand between
            entries = (factor / np.outer(root, root))[self.lower]
            entries[self.diagonal] = np.log(np.diag(factor))
            parts.append(entries)
        return np.concatenate(parts)

    def unpack(self, x: Array, scale: float) -> _Order:
        r, k = self.count - 1, self.rows
        mean, b = x[: r * k].reshape(r, k) * scale, x[r * k : r * k + r]
        b = b * max(scale, _LEAST)
        matrices = []
        for entries in np.split(x[r * k + r :], 2):
            factor = np.zeros((r, r))
            factor[self.lower] = entries
            diagonal = np.exp(np.diag(factor))
            root = np.sqrt(diagonal)
            factor = factor * np.outer(root, root)
            np.fill_diagonal(factor, diagonal)
            matrices.append(factor @ factor.T)
        return _Order(mean, b, *matrices)

    def rights(self, order: _Order) -> Array:
        """The accuracy of each class, or cluster."""
        means = (order.mean + order.intercept[:, None]).T @ self.basis.T
        spread = self.basis @ order.variance @ self.basis.T
        answers = None if self.rows == self.count else self.answers
        return right_answers(means, spread, _LOG_ORTHANT_POINTS, answers)

    def channel(self, rule: tuple[Array, Array]) -> SoftmaxChannel:
        """The channel on a set of nodes."""
        return SoftmaxChannel(*rule, self.shares, self.costs, self.answers)


class _Solved(NamedTuple):
    order: _Order
    residual: float
    found: SoftmaxAverages


def _iterate(
    problem: _Problem,
    start: _Order,
    rule: tuple[Array, Array],
    penalty: float,
    target: float,
    mixing: Anderson | None = None,
    like: SoftmaxAverages | None = None,
) -> _Solved | None:
    """Anderson's iteration on one set of nodes; None where it comes to nothing."""
    channel = problem.channel(rule)
    if like is not None:
        channel.begin_like(like)
    mixing = Anderson() if mixing is None else mixing
    scale = problem.scale
    try:
        x = problem.pack(start, scale)
    except np.linalg.LinAlgError:
        return None
    best: _Solved | None = None
    since, tolerance = 0, 1e-3
    for _ in range(_MAX_STEPS):
        try:
            order = problem.unpack(x, scale)
            mean = order.mean + order.intercept[:, None]
            found = channel.averages(mean, order.variance, order.susceptibility, tolerance)
            answer = problem.answer(found, order, penalty)
            residual = problem.pack(answer, scale) - x
        except np.linalg.LinAlgError:
            if best is None:
                return None
            mixing.forget()
            x, channel = problem.pack(best.order, scale), problem.channel(rule)
            since += 10
            if since > 30:
                return best
            continue
        size = float(np.abs(residual).max())
        if not np.isfinite(size):
            return best
        since += 1
        if best is None or size < best.residual:
            best, since = _Solved(order, max(size, tolerance * 1e-3), found), 0
        if size <= target and tolerance <= 10 * target:
            return _Solved(answer, size, found)
        if since > 25:
            return best
        tolerance = max(min(0.03 * size, 1e-3), 0.1 * target)
        if size > _WILD:
            mixing.forget()
            x = x + residual * min(1.0, _WILD / size)
        else:
            x = mixing.step(x, residual)
    return best


def _path(problem: _Problem, rule: tuple[Array, Array], target: float) -> _Solved | None:
    """Continuation from a strong penalty."""
    goal = problem.penalty
    penalty = max(10.0 * goal, float(problem.w @ problem.d))
    found = _iterate(problem, problem.first_guess(penalty), rule, penalty, _ROUGH)
    while found is not None and penalty > goal:
        penalty = max(goal, penalty / _FACTOR)
        found = _iterate(problem, found.order, rule, penalty, target if penalty == goal else _ROUGH)
    return found


def _on_nodes(
    problem: _Problem,
    start: _Order | None,
    like: SoftmaxAverages | None,
    rule: tuple[Array, Array],
    target: float,
    mixing: Anderson,
) -> _Solved | None:
    """From a start that is given, the first guess, or a path, in turn."""
    goal = max(target, ACCEPTED_RESIDUAL)
    found = None
    for guess in (start, problem.first_guess(problem.penalty)):
        if guess is not None:
            found = _iterate(problem, guess, rule, problem.penalty, target, mixing, like)
            like = None
            if found is not None and found.residual <= goal:
                return found
            mixing.forget()
    path = _path(problem, rule, target)
    if path is not None and (found is None or path.residual < found.residual):
        return path
    return found


def _refined(problem: _Problem, start: _Order | None) -> tuple[_Solved | None, float]:
    """The solution on finer and finer nodes, and what the last refinement moved."""
    count = problem.count
    tensor = count in _HERMITE
    found: _Solved | None = None
    before, change = np.full(problem.rows, np.nan), np.nan
    mixing = Anderson()
    for level, rule in enumerate(nodes_for(count)):
        target = _TARGET if tensor else _MANY_TARGET
        if level == 0:
            target = _ROUGH
        elif not tensor and level == 1:
            target = _FAIR
        mixing.lift()
        like = None if found is None else found.found
        guess = start if found is None else found.order
        found = _on_nodes(problem, guess, like, rule, target, mixing)
        if found is None:
            return None, np.inf
        if level == 0:
            continue
        rights = problem.rights(found.order)
        change, before = _change(problem.shares, rights - before), rights
        if tensor and change <= _ENOUGH[count]:
            break
    return found, change


def _change(shares: Array, gaps: Array) -> float:
    """Of the accuracy, or of independent class accuracies: they may cancel by chance."""
    return max(abs(float(shares @ gaps)), float(np.linalg.norm(shares * gaps)))


def solve_softmax(
    prior: ClassPrior, costs: Array, free: bool, answers: Array | None = None
) -> ClassState:
    """Order parameters of a batch, one element after the other, each a start for the next.

    `answers` is the class of each cluster; without it each is a class.
    """
    assert isinstance(prior, DiagonalPrior)
    batch, rows = prior.priors.shape
    answers = np.arange(rows) if answers is None else answers
    count = int(answers.max()) + 1
    basis = contrasts(count)
    shape = (batch, count, count)
    mean, variance = np.full((batch, count, rows), np.nan), np.full(shape, np.nan)
    susceptibility, intercept = np.full(shape, np.nan), np.full((batch, count), np.nan)
    residual, loss, training = (
        np.full(batch, np.inf),
        np.full(batch, np.nan),
        np.full(batch, np.nan),
    )
    error = np.full(batch, np.nan)
    start: _Order | None = None
    for i in range(batch):
        problem = _Problem(prior, i, costs, free, answers)
        found, error[i] = _refined(problem, start)
        if found is None:
            start = None
            continue
        residual[i], loss[i] = found.residual, found.found.loss
        order = found.order
        start = order if found.residual <= ACCEPTED_RESIDUAL else None
        mean[i], intercept[i] = basis @ order.mean, basis @ order.intercept
        variance[i] = basis @ order.variance @ basis.T
        susceptibility[i] = basis @ order.susceptibility @ basis.T
        training[i] = found.found.accuracy
        if count <= _SAMPLED:  # nodes for smooth functions are not for counting
            nodes = _sobol(count - 1, _LOG_TRAINING_POINTS - int(count > _FEW), 0)
            sampling = problem.channel(nodes)
            sampling.begin_like(found.found)
            centre = order.mean + order.intercept[:, None]
            law = order.variance, order.susceptibility
            training[i] = sampling.averages(centre, *law, _COUNTED).accuracy
    return ClassState(
        mean,
        variance[:, None],
        susceptibility[:, None],
        intercept,
        residual,
        loss,
        training,
        error,
    )
