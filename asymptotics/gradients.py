"""Exact derivatives of the limiting accuracy, by implicit differentiation of the fixed point.

At a solution x of F(x, θ) = 0 a parameter moves it by dx = -J⁻¹ ∂F/∂θ: one linear solve, with the
Jacobian the solver itself uses. What remains is ∂F/∂θ, the explicit dependence of the prior's sums

    μᵀT R Tμ,   μᵀT R C R Tμ,   Σ w d/(λ + V̂d),   Σ w d²/(λ + V̂d)²,   R = (λ + V̂C)⁻¹, C = TΣT,

on the parameters. They are differentiated as matrices, so that no eigenvector is. The directions of
spikes and of the projector are written as c e₀ + ẽ, with |ẽ|² = 1 - c² kept in the Gram matrix G:
then everything is polynomial in c, and the derivative at alignment ±1 is like any other.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy

from .classifiers import Bayes, Centroid, Classifier
from .fixed_point import Channel, linearise
from .gaussian import normal_density
from .limits import check_classifier, flat_problem, limit
from .parameters import POSITIVE, Array, check_real
from .population import Population, SpikedMixture
from .problem import Problem
from .projectors import Expansion, Projector, check_projector

__all__ = ["Gradient", "gradient"]


@dataclass(frozen=True, eq=False)
class Gradient:
    """Derivatives of the limiting accuracy; scalars, or arrays of one broadcast shape.

    Attributes
    ----------
    accuracy : float or array
        The accuracy itself.
    signal, noise, aspect_ratio, balance : float or array
        Its derivatives with respect to each parameter, the others held fixed.
    penalty : float, array or None
        None for a classifier without one.
    gain, alignment : float, array or None
        None without an :class:`Expansion`; `alignment` is None along a spike.
    strengths, spike_alignments : tuple of float or array
        One for each spike.
    """

    accuracy: Any
    signal: Any
    noise: Any
    aspect_ratio: Any
    balance: Any
    penalty: Any
    gain: Any
    alignment: Any
    strengths: tuple[Any, ...]
    spike_alignments: tuple[Any, ...]


@dataclass
class _Tangent:
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
class _Frame:
    """Mean, covariance and map in the skew basis (e₀, ẽ₁, …), flat over a batch of B."""

    gram: Array
    mean: Array
    covariance: Array
    map: Array
    tangents: dict[str, _Tangent] = field(default_factory=dict)


def _outer(left: Array, right: Array, gram: Array) -> Array:
    """The operator x ↦ left ⟨right, x⟩ in the skew basis."""
    return np.asarray(left[..., :, None] * (right * gram)[..., None, :])


def _frame(mix: SpikedMixture, projector: Projector, shape: tuple[int, ...]) -> _Frame:
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
    frame = _Frame(
        gram, signal[:, None] * axis[0], covariance, np.eye(k) + stretch * _outer(u, u, gram)
    )

    first = np.broadcast_to(axis[0], (count, k))

    def turned(v: Array, own: int, cosine: Array) -> tuple[Array, Array]:
        """d(v ⟨v, ·⟩) and dG when the direction on axis `own` turns towards the signal."""
        dgram = -2.0 * cosine[:, None] * axis[own]
        return _outer(first, v, gram) + _outer(v, first, gram) + _outer(v, v, dgram), dgram

    tangents = frame.tangents
    tangents["signal"] = _Tangent(mean=first)
    tangents["noise"] = _Tangent(
        covariance=2.0 * covariance / noise[:, None, None], bulk=2.0 * noise
    )
    tangents["aspect_ratio"] = _Tangent(aspect_ratio=1.0)
    tangents["penalty"] = _Tangent(penalty=1.0)
    tangents["balance"] = _Tangent(balance=1.0)
    for j, (theta, cosine, v) in enumerate(zip(strengths, cosines, spikes, strict=True)):
        tangents[f"strength {j}"] = _Tangent(covariance=variance * _outer(v, v, gram))
        dvv, dgram = turned(v, 1 + j, cosine)
        tangents[f"spike alignment {j}"] = _Tangent(
            covariance=variance * theta[:, None, None] * dvv,
            map=stretch * dvv if along == j else None,
            gram=dgram,
        )
    if expands:
        tangents["gain"] = _Tangent(map=_outer(u, u, gram))
        if along is None:
            duu, dgram = turned(u, k - 1, alignment)
            tangents["alignment"] = _Tangent(map=stretch * duu, gram=dgram)
    return frame


class _Explicit:
    """∂F/∂θ of the prior's equations at a solution, for a flat batch."""

    def __init__(
        self, problem: Problem, frame: _Frame, m_hat: Array, q_hat: Array, v_hat: Array
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

    def sums(self, tangent: _Tangent) -> tuple[Array, Array]:
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

    def residual(self, tangent: _Tangent) -> Array:
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


def gradient(
    mix: Population,
    clf: Classifier,
    aspect_ratio: Any,
    projector: Projector | None = None,
) -> Gradient:
    r"""The exact derivatives of the limiting accuracy with respect to every parameter.

    .. math::
        \frac{d\,\text{accuracy}}{d\theta} = \partial_\theta\,\text{accuracy}
            - \partial_x\,\text{accuracy} \cdot J^{-1}\, \partial_\theta F

    with :math:`F(x, \theta) = 0` the fixed point of :func:`limit` and :math:`J = \partial_x F`: no
    finite differences. Parameters broadcast as in :func:`limit`.

    Parameters
    ----------
    mix : SpikedMixture
        With a positive signal.
    clf : classifier
        Any of the package's.
    aspect_ratio : float or array_like
    projector : Identity or Expansion, optional

    Returns
    -------
    Gradient

    Raises
    ------
    TypeError, ValueError
        For invalid input, and where there is no derivative: no signal, a gain of 0, a minimum-norm
        classifier at γ = 1.
    NoLimitError, ConvergenceError
        As :func:`limit`.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix = asy.SpikedMixture(signal=1.5)
    >>> slope = asy.gradient(mix, asy.Ridge(0.1), 0.5, asy.Expansion(1.0))
    >>> round(slope.gain, 4), round(slope.aspect_ratio, 4)
    (0.013, -0.1534)
    """
    clf, projector = check_classifier(clf), check_projector(projector)
    if not isinstance(mix, SpikedMixture):
        raise TypeError(f"mix must be a SpikedMixture to have parameters, got {mix!r}")
    if not (projector.is_identity or isinstance(projector, Expansion)):
        raise TypeError(f"projector must be Identity or an Expansion, got {projector!r}")
    if np.any(np.equal(mix.signal, 0.0)):
        raise ValueError(f"signal must be in (0, inf) to have a gradient, got {mix.signal!r}")
    if isinstance(projector, Expansion) and np.any(np.equal(projector.gain, 0.0)):
        raise ValueError(f"gain must be in (0, inf) to have a gradient, got {projector.gain!r}")
    found = limit(mix, clf, aspect_ratio, projector)
    shape = np.shape(found.accuracy)
    spectrum = mix.spectrum(projector)
    problem = flat_problem(
        spectrum,
        np.asarray(check_real("aspect_ratio", aspect_ratio, POSITIVE)),
        np.asarray(clf.penalty_values, dtype=float),
        clf.fit_intercept,
        slice(None),
    )
    order = (found.mean, found.variance, found.susceptibility, found.intercept)
    state = tuple(np.asarray(value, dtype=float).reshape(-1) for value in order)
    if not np.all(np.isfinite(state[1])):
        raise ValueError(
            "aspect_ratio must differ from 1 for a minimum-norm classifier to have a gradient, "
            f"got {aspect_ratio!r}"
        )
    frame = _frame(mix, projector, shape)
    with np.errstate(all="ignore"):  # vanishing weights, whose derivatives are set below
        if isinstance(clf, (Bayes, Centroid)):
            rule = _by_knowledge if isinstance(clf, Bayes) else _by_centroids
            slopes = rule(problem, frame, state, clf.fit_intercept)
        else:
            slopes = _slopes(*clf.smooth(problem), frame, state)
    vanished = state[1] == 0
    for name, slope in slopes.items():
        # the constant classifier answers with the larger class
        constant = np.sign(problem.balance - 0.5) if name == "balance" else 0.0
        slopes[name] = np.where(vanished, constant, slope)

    def shaped(name: str) -> Any:
        if name not in slopes:
            return None
        values = slopes[name].reshape(shape)
        return values if shape else float(values)

    count = range(len(mix.spikes))
    return Gradient(
        accuracy=found.accuracy,
        penalty=shaped("penalty") if hasattr(clf, "penalty") else None,
        strengths=tuple(shaped(f"strength {k}") for k in count),
        spike_alignments=tuple(shaped(f"spike alignment {k}") for k in count),
        **{
            name: shaped(name)
            for name in ("signal", "noise", "aspect_ratio", "balance", "gain", "alignment")
        },
    )


def _chain(balance: Array, state: tuple[Array, ...]) -> tuple[Array, Array, Array, Array]:
    """∂ accuracy with respect to log m, log q, b and, all of them fixed, π."""
    m, q, _, b = state
    deviation = np.sqrt(q)
    plus, minus = (m + b) / deviation, (m - b) / deviation
    up, down = balance * normal_density(plus), (1.0 - balance) * normal_density(minus)
    # a difference of errors, which near certainty keep the digits that accuracies lose
    by_balance = scipy.special.ndtr(-minus) - scipy.special.ndtr(-plus)
    return (
        (up + down) * m / deviation,
        -0.5 * (up * plus + down * minus),
        (up - down) / deviation,
        np.asarray(by_balance),
    )


def _by_centroids(
    problem: Problem, frame: _Frame, state: tuple[Array, ...], fit_intercept: bool
) -> dict[str, Array]:
    """The slopes of the centroid: m = |Tμ|², q = |Σ^{1/2}TᵀTμ|² + κγσ⁴, b = νγσ²."""
    pi, gamma, bulk = problem.balance, problem.aspect_ratio, problem.bulk[:, 0]
    kappa, nu, dkappa, dnu = np.ones_like(pi), np.zeros_like(pi), 0.0 * pi, 0.0 * pi
    if fit_intercept:
        both = pi * (1.0 - pi)
        kappa, dkappa = 0.25 / both, 0.25 * (2.0 * pi - 1.0) / both**2
        nu, dnu = 0.25 * (2.0 * pi - 1.0) / both, 0.25 / pi**2 + 0.25 / (1.0 - pi) ** 2
    by_m, by_q, by_b, direct = _chain(pi, state)
    prior = _Explicit(problem._replace(penalty=np.ones_like(pi)), frame, pi, pi, np.zeros_like(pi))
    slopes = {}
    for name, tangent in frame.tangents.items():
        dm, de = prior.sums(replace(tangent, penalty=0.0))
        dbulk = np.asarray(tangent.bulk) + 0.0 * pi
        dgamma, dpi = tangent.aspect_ratio, tangent.balance
        dq = de + dpi * dkappa * gamma * bulk**2
        dq += kappa * (dgamma * bulk**2 + 2.0 * gamma * bulk * dbulk)
        db = nu * (dgamma * bulk + gamma * dbulk) + dpi * dnu * gamma * bulk
        slopes[name] = by_m * dm / state[0] + by_q * dq / state[1] + by_b * db + dpi * direct
    return slopes


def _by_knowledge(
    problem: Problem, frame: _Frame, state: tuple[Array, ...], fit_intercept: bool
) -> dict[str, Array]:
    """The slopes of Bayes: m = 2D², q = 4D², D² = μᵀΣ⁻¹μ, b = log(π/(1 - π))."""
    pi = problem.balance
    by_m, by_q, by_b, direct = _chain(pi, state)
    unmapped = replace(frame, map=np.broadcast_to(np.eye(frame.map.shape[-1]), frame.map.shape))
    prior = _Explicit(problem._replace(penalty=0.0 * pi), unmapped, pi, pi, np.ones_like(pi))
    slopes = {}
    for name, tangent in frame.tangents.items():
        growth, _ = prior.sums(replace(tangent, penalty=0.0, map=None))
        db = tangent.balance * fit_intercept / (pi * (1.0 - pi))
        slopes[name] = (by_m + by_q) * growth / prior.e0 + by_b * db + tangent.balance * direct
    # an invertible projector does nothing
    for name in {"gain", "alignment"} & slopes.keys():
        slopes[name] = np.zeros_like(pi)
    return slopes


def _slopes(
    problem: Problem, channel: Channel, frame: _Frame, state: tuple[Array, ...]
) -> dict[str, Array]:
    """d accuracy/dθ for every tangent of the frame, each of shape (B,)."""
    m, q, v, b = state
    jacobian, by_intercept, moments, contrast = linearise(problem, m, q, v, b, channel)
    explicit = _Explicit(problem, frame, moments.f, moments.f2, -moments.df)
    pi = problem.balance
    # in the solver's four coordinates
    by_m, by_q, by_b, by_balance = _chain(pi, state)
    along = np.stack([by_m, by_q, 0 * m, 0 * m]).T + by_b[:, None] * by_intercept
    adjoint = np.linalg.solve(np.swapaxes(jacobian, -1, -2), along[..., None])[..., 0]

    slopes = {}
    for name, tangent in frame.tangents.items():
        force = np.zeros((4, len(m)))
        force[:3] = explicit.residual(tangent)
        direct = np.zeros_like(m)
        if tangent.balance:
            by_v_hat = explicit.by_susceptibility()
            force[0] += contrast.f / moments.f
            force[1] += explicit.by_moments(contrast.f, contrast.f2)
            force[:3] -= by_v_hat * contrast.df
            force[3] = np.where(problem.free_intercept, 1.0 / (pi * (1.0 - pi)), 0.0)
            direct = by_balance
        slopes[name] = direct - (adjoint * force.T).sum(-1)
    return slopes
