r"""Clusters within labelled classes, told apart where the classes are: mixture discriminants.

A real class is of several kinds, and its margins are skewed. In the at most K - 1 directions in
which the class means differ, whitened by the pooled covariance, each class is taken for a mixture
of Gaussians and fitted by expectation and maximisation (T. Hastie & R. Tibshirani, J. R. Stat. Soc.
B 58, 155, 1996). What it says of each point, its share in each cluster, then makes means and
covariances in all directions.
"""

from __future__ import annotations

import numpy as np

from ..checks import Array

__all__ = ["cluster_shares"]

# Of the variance within a class: so much a cluster has in every discriminant direction.
_LEAST_VARIANCE = 1e-3
# Starts from which the likeliest mixture is taken.
_STARTS = 3
# A direction of less than this share of the largest variance has none.
_SINGULAR = 1e-10


def _discriminants(means: Array, residuals: Array) -> Array:
    """Directions in which whitened class means differ, shape (p, at most K - 1)."""
    # each feature in units of its own deviation: one of small units is not a singular direction
    units = np.sqrt(np.square(residuals).mean(0))
    units = np.where(units > 0, units, 1.0)
    scaled = residuals / units
    values, vectors = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    kept = values > _SINGULAR * values[-1]
    whiten = vectors[:, kept] / np.sqrt(values[kept]) / units[:, None]
    gaps = (means - means.mean(0)) @ whiten
    _, sizes, rows = np.linalg.svd(gaps, full_matrices=False)
    rows = rows[: len(means) - 1][sizes[: len(means) - 1] > 0]
    # the same way round whatever the decomposition: the farthest class is ahead
    seen = gaps @ rows.T
    ahead = np.take_along_axis(seen, np.abs(seen).argmax(0, keepdims=True), 0)[0]
    return np.asarray(whiten @ (rows * np.sign(ahead)[:, None]).T)


def cluster_shares(means: Array, residuals: Array, index: Array, clusters: int) -> Array:
    """The share of each point in each cluster of its class, shape (n, clusters), rows of sum 1.

    Parameters
    ----------
    means : array, shape (K, p)
    residuals : array, shape (n, p)
        Points less the mean of their class.
    index : array of int, shape (n,)
    clusters : int

    Raises
    ------
    ValueError
        Where the class means are all equal: nothing is known of where to look for clusters.
    """
    from sklearn.mixture import GaussianMixture as Mixture

    axes = _discriminants(means, residuals)
    if not axes.shape[1]:
        raise ValueError("clusters must be 1 for classes whose means are equal, which has no axes")
    seen = residuals @ axes
    shares = np.empty((len(index), clusters))
    for k in range(len(means)):
        rows = index == k
        model = Mixture(clusters, reg_covar=_LEAST_VARIANCE, n_init=_STARTS, random_state=0)
        shares[rows] = model.fit(seen[rows]).predict_proba(seen[rows])
    return shares
