"""What the estimators share: checks of a training set, exact changes of coordinates."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ..checks import Array
from ..outcomes import ConvergenceError

__all__ = [
    "NEEDS_PENALTY",
    "check_classes",
    "check_every_class",
    "least_squares",
    "row_space",
    "strict",
]

NEEDS_PENALTY = (
    "penalty must be positive on a separable training set, whose loss has no minimum without one, "
    "got 0: take a penalty, a smaller aspect_ratio, or MaxMargin"
)


def check_classes(labels: Array) -> None:
    """Refuse a training set of one class, whose intercept is infinite or arbitrary."""
    if np.all(labels == labels[0]):
        raise ValueError(
            f"labels must hold both classes, got {labels.size} labels all equal to {labels[0]:+g}: "
            "take a larger n, a balance nearer to 0.5, or fit_intercept=False"
        )


def check_every_class(labels: Array, count: int) -> None:
    """Refuse a training set that lacks one of the classes 0 … K - 1."""
    found = np.bincount(labels, minlength=count)
    if np.any(found == 0):
        raise ValueError(
            f"labels must hold all {count} classes, got none of class {int(found.argmin())} among "
            f"{labels.size}: take a larger n, or priors that are nearer to each other"
        )


@contextmanager
def strict(what: str) -> Iterator[None]:
    """Turn every warning of a solver into a :class:`ConvergenceError`."""
    from scipy.linalg import LinAlgError, LinAlgWarning
    from sklearn.exceptions import ConvergenceWarning

    # The last is scikit-learn's "Singular matrix in solving dual problem".
    kinds = (ConvergenceWarning, LinAlgWarning, RuntimeWarning, UserWarning)
    with warnings.catch_warnings():
        for category in kinds:
            warnings.simplefilter("error", category)
        try:
            yield
        except (*kinds, LinAlgError) as warning:
            raise ConvergenceError(
                f"{what} was not trained to tolerance ({warning}); a larger penalty or a gain "
                "nearer to 1 makes the problem better conditioned"
            ) from warning


def row_space(features: Array) -> tuple[Array, Array | None]:
    """Rotate points into their own span when that is smaller than the space.

    A quadratic penalty keeps the weights in the span of the points, and does not see rotations.

    Parameters
    ----------
    features : array, shape (n, p)

    Returns
    -------
    reduced : array, shape (n, min(n, p))
    basis : array, shape (p, n), or None
        Weights v in the reduced coordinates are ``basis @ v`` in the original ones; None where
        nothing was done, p ≤ n.
    """
    n, p = features.shape
    if p <= n:
        return features, None
    basis, triangle = np.linalg.qr(features.T)
    return np.ascontiguousarray(triangle.T), basis


def least_squares(features: Array, labels: Array, fit_intercept: bool) -> tuple[Array, float]:
    """Least squares; of all solutions the one with the shortest weights.

    The intercept is free. It is removed by a Householder reflection that turns the all-ones vector
    into the first axis: the other rows are centred and, unlike the centred data itself, have full
    rank, so that no singular value has to be told from rounding.
    """
    from sklearn.linear_model import LinearRegression

    x, y = features, labels
    if fit_intercept:
        n = labels.size
        mirror = np.ones(n)
        mirror[0] += np.sqrt(n)
        factor = 2.0 / (mirror @ mirror)
        x = (features - factor * np.outer(mirror, mirror @ features))[1:]
        y = (labels - factor * (mirror @ labels) * mirror)[1:]
    model = LinearRegression(fit_intercept=False)
    if "tol" in model.get_params():  # scikit-learn ≥ 1.7 cuts singular values at a coarse 1e-6
        model.set_params(tol=np.finfo(float).eps * max(x.shape))
    weights = np.asarray(model.fit(x, y).coef_)
    intercept = labels.mean() - features.mean(0) @ weights if fit_intercept else 0.0
    return weights, float(intercept)
