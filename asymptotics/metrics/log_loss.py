r"""Losses of the probabilities that a model reads off its scores, on fresh data.

Of two classes the probability of +1 is 1/(1 + e^{-x}) of the score x, of K classes the softmax of
the scores: the models' own for logistic regression and softmax, the posterior for Bayes' rule, and
for any other classifier the usual, uncalibrated reading of its score.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import scipy

from ..checks import Array
from ..integrals.gaussian import legendre
from .orthant import SCRAMBLES, sobol_normal
from .score_law import ScoreLaw

__all__ = ["brier_score", "calibration_error", "class_log_loss", "log_loss"]

_ROOT_2PI = float(np.sqrt(2.0 * np.pi))
_NODES, _WEIGHTS = legendre(24)
# Panels: of the Gaussian in units of its deviation, and of the loss in units of its score.
_GAUSSIAN_EDGES = np.linspace(-9.0, 9.0, 19)
_LOSS_EDGES = np.linspace(-40.0, 40.0, 21)
# Base-2 logarithm of the Sobol points of each scrambling.
_LOG_POINTS = 11
# and of the fewest, where many classes make a point dear: so many scores in all.
_FEWEST, _MOST = 4, 4e6


def _expectation(function: Callable[[Array], Array], mean: float, deviation: float) -> float:
    """E g(x), x ~ N(mean, deviation²), for g that bends around 0 on a scale of 1."""
    if not np.isfinite(mean) or deviation == 0:
        return float(function(np.array([mean]))[0])
    inner = _LOSS_EDGES[np.abs(_LOSS_EDGES - mean) < 9.0 * deviation]
    edges = np.unique(np.concatenate([mean + deviation * _GAUSSIAN_EDGES, inner]))
    lengths = np.diff(edges)
    x = (edges[:-1, None] + lengths[:, None] * _NODES).ravel()
    z = (x - mean) / deviation
    weight = (lengths[:, None] * _WEIGHTS).ravel() * np.exp(-0.5 * z * z)
    return float(weight @ function(x)) / (deviation * _ROOT_2PI)


def _over_clusters(law: ScoreLaw, function: Callable[[int, int, Array], Array]) -> Array:
    """Σ ρ_k E g(k, element, x), of the score x in cluster k, for each element of the batch."""
    count = law.priors.shape[-1]
    flat = [
        np.broadcast_to(x, (*law.shape, count)).reshape(-1, count)
        for x in (law.locations, law.deviations, law.priors)
    ]
    found = np.zeros(len(flat[0]))
    for i, (means, deviations, shares) in enumerate(zip(*flat, strict=True)):
        for k in range(count):
            if np.isnan(means[k]) or np.isnan(deviations[k]):
                found[i] = np.nan
                break
            found[i] += shares[k] * _expectation(partial(function, k, i), means[k], deviations[k])
    return found.reshape(law.shape)


def log_loss(law: ScoreLaw) -> Array:
    """E log(1 + e^{-yx}) of two classes."""
    labels = law.labels
    assert labels is not None
    return _over_clusters(law, lambda k, i, x: np.logaddexp(0.0, -labels[k] * x))


def brier_score(law: ScoreLaw) -> Array:
    """E (P(+1) - 1{y = 1})² of two classes."""
    labels = law.labels
    assert labels is not None
    return _over_clusters(law, lambda k, i, x: scipy.special.expit(-labels[k] * x) ** 2)


def calibration_error(law: ScoreLaw) -> Array:
    """E (P(+1) - P(y = 1 | x))²: how far the model's probability is from that given its score."""
    labels = law.labels
    assert labels is not None
    count = len(labels)
    m, s, p = (
        np.broadcast_to(x, (*law.shape, count)).reshape(-1, count)
        for x in (law.locations, law.deviations, law.priors)
    )

    def gap(k: int, i: int, x: Array) -> Array:
        if not np.all(s[i] > 0):  # the score is a number, or tells the class for certain
            same = np.abs(m[i][:, None] - x) == 0
            share = np.where(same, p[i][:, None], 0.0)
        else:
            z = (x - m[i][:, None]) / s[i][:, None]
            logs = np.log(p[i] / s[i])[:, None] - 0.5 * z * z
            share = np.exp(logs - logs.max(0))
        posterior = share[labels > 0].sum(0) / share.sum(0)
        return np.asarray((scipy.special.expit(x) - posterior) ** 2)

    return _over_clusters(law, gap)


def class_log_loss(law: ScoreLaw) -> Array:
    """E -log softmax_k(x) of K classes, on Sobol points, good to about 1e-5."""
    means, covariances = law.means, law.covariances
    rows, count = means.shape[-2:]
    truth = law.truth
    if count == 2:  # the difference of the two is the score of two classes
        way = np.array([-1.0, 1.0])
        spread = (covariances @ way @ way)[..., None, None]
        return log_loss(ScoreLaw((means @ way)[..., None], spread, law.priors, way[truth]))
    batch = law.shape
    flat_means = means.reshape(-1, rows, count)
    spreads = np.broadcast_to(covariances, (*batch, rows, count, count))
    flat_spreads = spreads.reshape(-1, rows, count, count)
    priors = np.broadcast_to(law.priors, (*batch, rows)).reshape(-1, rows)
    log_points = int(np.log2(_MOST / (SCRAMBLES * count**2)))
    log_points = min(max(log_points, _FEWEST), _LOG_POINTS)
    z = np.concatenate([sobol_normal(count, log_points, s) for s in range(SCRAMBLES)])
    found = np.empty(len(flat_means))
    for i, (mean, spread, share) in enumerate(zip(flat_means, flat_spreads, priors, strict=True)):
        if not (np.isfinite(mean).all() and np.isfinite(spread).all()):
            found[i] = np.nan
            continue
        total = 0.0
        for k in range(rows):
            values, basis = np.linalg.eigh(spread[k])
            points = mean[k] + z @ (basis * np.sqrt(np.maximum(values, 0.0))).T
            loss = scipy.special.logsumexp(points, axis=1) - points[:, truth[k]]
            total += share[k] * float(loss.mean())
        found[i] = total
    return found.reshape(batch)
