r"""Which of K Gaussian scores is largest: orthant probabilities, by the best rule for each K.

With x ~ N(μ, Q) and the differences y_j = x_l - x_j, j ≠ l, P(x_l is the largest) = P(y > 0) in
K - 1 dimensions:

    K = 2       Φ
    K = 3       the bivariate normal law by Owen's T, exact
    K = 4 … 6   all but two coordinates by Gauss and Legendre, those two by Owen's T
    K > 6       separation of variables on scrambled Sobol points (A. Genz, J. Comput. Graph. Stat.
                1, 141, 1992), with a standard error

Scores that span fewer than K - 1 dimensions, those of Bayes' rule on means in a plane, say, leave
an interval of the last direction of noise for each value of the others.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy

from ..checks import Array
from ..integrals.gaussian import legendre, normal_density

__all__ = [
    "SCRAMBLES",
    "alike",
    "by_class",
    "confusion",
    "orthant",
    "probability",
    "right_answers",
    "sobol_normal",
    "sobol_uniform",
    "symmetric_accuracy",
]

# A share of the variance below this is the rounding of a zero.
_SINGULAR = 1e-11
_ROUNDING = 32.0 * float(np.finfo(float).eps)
# Means of scores that differ by less than this share of the largest are the same.
_TIED = 1e-12
# Nodes an axis, and those of the coarser rule that the error is told by, for each K.
_LEGENDRE = {4: (48, 32), 5: (40, 28), 6: (24, 16)}
_legendre = lru_cache(legendre)
# Where the normal density has fallen below 1e-17 of its peak.
_REACH = 9.0
#: Independent scramblings, whose scatter is the standard error.
SCRAMBLES = 8
# Base-2 logarithms of the points a scrambling: of a class's own score, more of them until the
# standard error of the accuracy is small enough, and of the wrong ones.
_OWN_POINTS, _OTHER_POINTS = (11, 12), 8
_ENOUGH = 8e-6
# Above so many classes the wrong answers are counted, on so many points, and the right ones have
# fewer points.
_MANY, _COUNTED, _FEW_POINTS = 16, 14, 9
_SEED = 20260731
# Nearest to the ends of (0, 1) that the inverse of Φ is asked for.
_EDGE = 1e-300
_ALMOST_ONE = 1.0 - 1e-16
# Relative rounding of classes that are all alike.
_ALIKE = 1e-9
# Of the integral over the right score: beyond where the density, or what misses 1, is seen.
_FAR, _FAR_PANELS = 12.0, 24
# Panels between breakpoints of a piecewise analytic integrand.
_PANEL = legendre(24)


@lru_cache(maxsize=32)
def sobol_uniform(dimension: int, log_count: int, scramble: int) -> Array:
    """2^log_count scrambled Sobol points in (0, 1)^dimension; the same at every call."""
    from scipy.stats import qmc

    seed = np.random.SeedSequence(_SEED, spawn_key=(dimension, log_count, scramble))
    engine = qmc.Sobol(dimension, scramble=True, rng=np.random.default_rng(seed))
    points: Array = np.clip(engine.random_base2(log_count), _EDGE, _ALMOST_ONE)
    points.flags.writeable = False
    return points


def sobol_normal(dimension: int, log_count: int, scramble: int) -> Array:
    """The same points as standard normal ones."""
    points: Array = scipy.special.ndtri(sobol_uniform(dimension, log_count, scramble))
    return points


def _bivariate(h: Array, k: Array, rho: Array) -> Array:
    """P(X < h, Y < k) of standard normal X, Y of correlation ρ, by Owen's T."""
    rest = np.sqrt((1.0 - rho) * (1.0 + rho))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        by_h = scipy.special.owens_t(h, (k - rho * h) / (h * rest))
        by_k = scipy.special.owens_t(k, (h - rho * k) / (k * rest))
    opposite = (h * k < 0) | ((h * k == 0) & (h + k < 0))
    both = 0.5 * (scipy.special.ndtr(h) + scipy.special.ndtr(k)) - by_h - by_k - 0.5 * opposite
    origin = 0.25 + np.arcsin(rho) / (2.0 * np.pi)
    found = np.where((h == 0) & (k == 0), origin, both)
    # perfectly correlated, one of the two decides
    same = np.minimum(scipy.special.ndtr(h), scipy.special.ndtr(k))
    contrary = np.maximum(scipy.special.ndtr(h) - scipy.special.ndtr(-k), 0.0)
    found = np.where(rest > 0, found, np.where(rho > 0, same, contrary))
    return np.asarray(np.clip(found, 0.0, 1.0))  # of the rounding, 1e-17, alone


def _upper_rule(low: Array, count: int) -> tuple[Array, Array]:
    """Nodes above `low` and weights that hold the normal density, shape (..., count)."""
    nodes, weights = _legendre(count)
    start = np.maximum(low, -_REACH)
    # a far tail is as wide as its slope says
    length = np.sqrt(np.maximum(start, 0.0) ** 2 + _REACH**2) - start
    z = start[..., None] + length[..., None] * nodes
    return z, length[..., None] * weights * normal_density(z)


def _order(mean: Array, covariance: Array) -> tuple[Array, Array]:
    """Mean and Cholesky factor, the coordinate of smallest probability first at each step."""
    size = len(mean)
    mean, s = mean.copy(), covariance.copy()
    factor = np.zeros_like(s)
    shift = mean.copy()
    for i in range(size):
        left = np.sqrt(np.maximum(np.diag(s)[i:] - np.square(factor[i:, :i]).sum(1), 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            chosen = i + int(np.argmin(np.where(left > 0, shift[i:] / left, np.inf)))
        for array in (mean, shift):
            array[[i, chosen]] = array[[chosen, i]]
        s[[i, chosen]] = s[[chosen, i]]
        s[:, [i, chosen]] = s[:, [chosen, i]]
        factor[[i, chosen]] = factor[[chosen, i]]
        deviation = np.sqrt(max(s[i, i] - np.square(factor[i, :i]).sum(), 0.0))
        factor[i, i] = deviation
        factor[i + 1 :, i] = (s[i + 1 :, i] - factor[i + 1 :, :i] @ factor[i, :i]) / deviation
        low = -shift[i] / deviation
        tail = float(scipy.special.ndtr(-low))
        typical = float(normal_density(np.asarray(low))) / tail if tail > 0 else max(low, 0.0)
        shift[i + 1 :] += factor[i + 1 :, i] * typical
    return mean, factor


def _by_legendre(mean: Array, factor: Array, count: int) -> float:
    """P(mean + L z > 0) with all but the last two z by Gauss and Legendre."""
    shift, weight = mean[None], np.ones(1)
    for i in range(len(mean) - 2):
        z, w = _upper_rule(-shift[:, i] / factor[i, i], count)
        shift = (shift[:, None] + z[..., None] * factor[:, i]).reshape(-1, len(mean))
        weight = (weight[:, None] * w).ravel()
    last = factor[-2:, -2:]
    a, b, c = last[0, 0], last[1, 0], last[1, 1]
    spread = np.hypot(b, c)
    inside = _bivariate(shift[:, -2] / a, shift[:, -1] / spread, np.asarray(b / spread))
    return float(weight @ inside)


@lru_cache(maxsize=16)
def _all_scrambles(dimension: int, log_count: int) -> Array:
    """The points of all scramblings, a row a coordinate: (dimension, SCRAMBLES 2^log_count)."""
    each = [sobol_uniform(dimension, log_count, scramble).T for scramble in range(SCRAMBLES)]
    points: Array = np.concatenate(each, axis=1)
    points.flags.writeable = False
    return points


def _by_separation(mean: Array, factor: Array, log_count: int) -> Array:
    """P(mean + L z > 0), one z after the other, by each scrambling of Sobol points."""
    size = len(mean)
    points = _all_scrambles(size - 1, log_count)
    # of -z_0 < shift/deviation, the same for all
    weight = np.full(points.shape[1], scipy.special.ndtr(mean[0] / factor[0, 0]))
    inside, shift = weight[0], mean[1:, None]
    for i in range(1, size):
        z = -scipy.special.ndtri(np.maximum(inside * points[i - 1], _EDGE))
        shift = shift + factor[i:, i - 1, None] * z
        inside = scipy.special.ndtr(shift[0] / factor[i, i])
        weight *= inside
        shift = shift[1:]
    return np.asarray(weight.reshape(SCRAMBLES, -1).mean(1))


def _interval(shift: Array, slope: Array) -> tuple[Array, Array]:
    """The z with shift_j + slope_j z > 0 for all j (last axis): from where to where."""
    with np.errstate(divide="ignore", invalid="ignore"):
        root = -shift / slope
    low = np.where(slope > 0, root, -np.inf).max(-1)
    high = np.where(slope < 0, root, np.inf).min(-1)
    impossible = ((slope == 0) & (shift < 0)).any(-1)
    return low, np.where(impossible, -np.inf, high)


def _mass(shift: Array, slope: Array) -> Array:
    """The normal probability of that interval."""
    low, high = _interval(shift, slope)
    with np.errstate(invalid="ignore"):
        flip = low > 0  # in the upper tail, where 1 - Φ would cancel
        a, b = np.where(flip, -high, low), np.where(flip, -low, high)
        inside: Array = np.maximum(scipy.special.ndtr(b) - scipy.special.ndtr(a), 0.0)
    return inside


def _degenerate(mean: Array, directions: Array, log_count: int) -> Array:
    """P(mean + D z > 0) for D of fewer columns than rows, shape (r, rank)."""
    rank = directions.shape[1]
    if rank == 0:  # a tie is won by one of its members: it is broken by nothing
        ties = mean == 0
        return np.array([np.all(mean >= 0) / (1 + ties.sum())])
    rest, last = directions[:, :-1], directions[:, -1]
    last = np.where(np.abs(last) > _SINGULAR * np.abs(directions).max(), last, 0.0)
    if rank == 1:
        return np.array([_mass(mean, last)])
    if rank == 2:
        return np.array([_in_a_plane(mean, rest[:, 0], last)])
    found = np.empty(SCRAMBLES)
    for scramble in range(SCRAMBLES):
        z = sobol_normal(rank - 1, log_count, scramble)
        found[scramble] = _mass(
            mean + z @ rest.T, np.broadcast_to(last, (len(z), len(mean)))
        ).mean()
    return found


def _in_a_plane(mean: Array, first: Array, last: Array) -> float:
    """Two directions of noise: the bounds of one are piecewise linear in the other."""
    # Breakpoints: where two of the lines mean + first z + last t = 0 cross, or one is vertical.
    i, j = np.triu_indices(len(mean), 1)
    across = first[i] * last[j] - first[j] * last[i]
    with np.errstate(divide="ignore", invalid="ignore"):
        crossings = (mean[j] * last[i] - mean[i] * last[j]) / across
        vertical = np.where(last == 0, -mean / first, np.nan)
    breaks = np.concatenate([crossings, vertical])
    breaks = breaks[np.isfinite(breaks) & (np.abs(breaks) < _REACH)]
    edges = np.unique(np.concatenate([np.linspace(-_REACH, _REACH, 19), breaks]))
    nodes, weights = _PANEL
    z = (edges[:-1, None] + np.diff(edges)[:, None] * nodes).ravel()
    w = (np.diff(edges)[:, None] * weights).ravel() * normal_density(z)
    return float(w @ _mass(mean + z[:, None] * first, np.broadcast_to(last, (len(z), len(mean)))))


def _estimates(mean: Array, covariance: Array, log_count: int, coarse: bool = False) -> Array:
    """P(y > 0): one value where it is exact, two by Legendre, one a scrambling elsewhere."""
    if len(mean) == 0:
        return np.ones(1)
    scale = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    # Scores that are always the same, of two classes of one mean: a tie is broken by nothing, and
    # won by each of its members alike.
    size = scale.max() + np.abs(mean).max()
    tied = (scale**2 <= _SINGULAR * scale.max() ** 2) & (np.abs(mean) <= _TIED * size)
    if tied.any() and not tied.all():
        rest = np.flatnonzero(~tied)
        won = _estimates(mean[rest], covariance[np.ix_(rest, rest)], log_count, coarse)
        return np.asarray(won / (1 + tied.sum()))
    size = len(mean)
    scale = np.where(scale > 0, scale, 1.0)
    mean, covariance = mean / scale, covariance / np.outer(scale, scale)
    eigenvalues, basis = np.linalg.eigh(covariance)
    kept = eigenvalues > _SINGULAR * max(eigenvalues[-1], 0.0)
    if not kept.all():
        return _degenerate(mean, basis[:, kept] * np.sqrt(eigenvalues[kept]), log_count)
    if size == 1:
        return np.asarray([scipy.special.ndtr(mean[0])])
    if size == 2:
        return np.asarray([_bivariate(mean[0], mean[1], covariance[0, 1])])
    mean, factor = _order(mean, covariance)
    if size + 1 in _LEGENDRE:
        rules = _LEGENDRE[size + 1][int(coarse) :]
        return np.array([_by_legendre(mean, factor, count) for count in rules])
    return _by_separation(mean, factor, log_count)


def _value(estimates: Array) -> float:
    """Of two rules the finer; of scramblings the mean."""
    return float(estimates[0] if len(estimates) <= 2 else estimates.mean())


def _error(estimates: Array) -> float:
    """The difference of two rules; the standard error of scramblings."""
    if len(estimates) == 1:
        return 0.0
    if len(estimates) == 2:
        return float(abs(estimates[0] - estimates[1]))
    return float(estimates.std(ddof=1) / np.sqrt(len(estimates)))


def orthant(mean: Array, covariance: Array) -> tuple[float, float]:
    """P(y > 0) for y ~ N(mean, covariance), and its numerical error.

    Parameters
    ----------
    mean : array, shape (r,)
    covariance : array, shape (r, r)
        Positive semi-definite.

    Returns
    -------
    probability, error : float
        The error is 0 where the rule is exact, the change from a coarser rule, or a standard error.
    """
    estimates = _estimates(mean, covariance, _OWN_POINTS[-1])
    return _value(estimates), _error(estimates)


def probability(mean: Array, covariance: Array) -> float:
    """P(y > 0), on fewer points where it takes Sobol points."""
    return _value(_estimates(mean, covariance, _FEW_POINTS))


def _gap(mean: Array, covariance: Array, label: int) -> tuple[Array, Array]:
    """The law of x_l - x_j over j ≠ l."""
    other = np.flatnonzero(np.arange(len(mean)) != label)
    q, variances = covariance, np.diag(covariance)
    spread = q[label, label] - q[label, other][:, None] - q[other, label] + q[other][:, other]
    gap = mean[label] - mean[other]
    # what rounding leaves of the difference of two scores that are the same
    same = np.diag(spread) <= _ROUNDING * (variances[label] + variances[other])
    spread[same], spread[:, same] = 0.0, 0.0
    nothing = np.abs(gap) <= _ROUNDING * (np.abs(mean[label]) + np.abs(mean[other]))
    return np.where(nothing, 0.0, gap), spread


def right_answers(
    mean: Array,
    covariance: Array,
    log_count: int = _OWN_POINTS[0],
    answers: Array | None = None,
) -> Array:
    """P(the own score is the largest) of each of C rows, shape (C,), as in :func:`confusion`."""
    rows, count = mean.shape
    spreads = np.broadcast_to(covariance, (rows, count, count))
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        return np.full(rows, np.nan)
    own = np.arange(count) if answers is None else answers
    if answers is None and count > 3 and covariance.ndim == 2 and alike(mean) and alike(covariance):
        gap = mean[0, 0] - mean[0, 1]
        ratio = gap / np.sqrt(covariance[0, 0] - covariance[0, 1])
        return np.full(count, float(symmetric_accuracy(ratio, count)))
    if count > _MANY:
        log_count = min(log_count, _FEW_POINTS)
    return np.array(
        [_value(_estimates(*_gap(mean[k], spreads[k], own[k]), log_count)) for k in range(rows)]
    )


def alike(matrices: Array) -> bool:
    """Whether matrices (..., K, K) are multiples of the identity and of 11ᵀ, added."""
    count = matrices.shape[-1]
    other = matrices[..., 0, 1, None, None]
    rest = matrices - other
    # in place: of a thousand classes these are large
    flat = rest.reshape(*rest.shape[:-2], -1)
    flat[..., :: count + 1] -= (matrices[..., 0, 0] - matrices[..., 0, 1])[..., None]
    size = np.abs(matrices).max(axis=(-2, -1), initial=0.0)
    return bool(np.all(np.abs(flat).max(-1) <= _ALIKE * size))


def symmetric_accuracy(ratio: Array, count: int) -> Array:
    """∫ φ(t) Φ(t + m/√q)^{K-1} dt at m/√q."""
    ratio = np.asarray(ratio, dtype=float)
    nodes, weights = _PANEL
    edges = np.linspace(-_FAR, _FAR, _FAR_PANELS + 1)
    t = (edges[:-1, None] + np.diff(edges)[:, None] * nodes).ravel()
    w = (np.diff(edges)[:, None] * weights).ravel() * np.exp(-0.5 * t * t) / np.sqrt(2.0 * np.pi)
    inside = np.exp((count - 1) * scipy.special.log_ndtr(t + ratio[..., None]))
    return np.asarray(inside @ w)


def _counted(mean: Array, covariance: Array) -> Array:
    """The share of each answer among Sobol points."""
    values, basis = np.linalg.eigh(covariance)
    z = sobol_normal(len(mean), _COUNTED, 0)
    points = mean + z @ (basis * np.sqrt(np.maximum(values, 0.0))).T
    answers = np.bincount(points.argmax(1), minlength=len(mean))
    return np.asarray(answers / len(points))


def confusion(
    mean: Array, covariance: Array, priors: Array, answers: Array | None = None
) -> tuple[Array, float]:
    """P(answer l | row k) of the largest of K scores, and the error of the accuracy.

    Parameters
    ----------
    mean : array, shape (C, K)
        Row k: the mean scores of a point of class k, or of cluster k.
    covariance : array, shape (K, K) or (C, K, K)
        Of the scores, of all rows or of each.
    priors : array, shape (C,)
    answers : array of int, shape (C,), optional
        The right answer of each row; k by default.

    Returns
    -------
    probabilities : array, shape (C, K)
        Rows sum to 1: wrong answers share what the right one leaves, in the proportion of their
        own estimates.
    error : float
        Numerical error of Σ ρ_k P(right answer | row k).
    """
    rows, count = mean.shape
    truth = np.arange(count) if answers is None else answers
    spreads = np.broadcast_to(covariance, (rows, count, count))
    for log_count in _OWN_POINTS if count <= _MANY else (_FEW_POINTS,):
        own = [_estimates(*_gap(mean[k], spreads[k], truth[k]), log_count) for k in range(rows)]
        longest = max(map(len, own))
        if longest <= 2:
            error = float(sum(p * _error(e) for p, e in zip(priors, own, strict=True)))
            break
        # exact rows do not scatter; the scramblings of the others are common to them
        error = _error(sum(p * np.resize(e, longest) for p, e in zip(priors, own, strict=True)))
        if error <= _ENOUGH:
            break
    found = np.empty((rows, count))
    for k in range(rows):
        right = _value(own[k])
        if count > _MANY:
            found[k] = _counted(mean[k], spreads[k])
        else:
            for label in (j for j in range(count) if j != truth[k]):
                gap = _gap(mean[k], spreads[k], label)
                found[k, label] = _value(_estimates(*gap, _OTHER_POINTS, True))
        found[k, truth[k]] = 0.0
        wrong = found[k].sum()
        if wrong > 0:
            found[k] *= (1.0 - right) / wrong
        found[k, truth[k]] = right
    return found, error


def by_class(table: Array, priors: Array, answers: Array) -> Array:
    """Of rows for C clusters the rows of their K classes, shape (..., K, ·)."""
    own = np.equal.outer(np.arange(answers.max() + 1), answers) * priors[..., None, :]
    return np.asarray(own / own.sum(-1, keepdims=True) @ table)
