"""Labelled features taken apart into class means and what is left within a class."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import Array
from ..intake import label_array, shown

__all__ = ["pooled", "sorted_classes", "within"]

# A column that varies within a class by less than this share of its size does so by rounding.
_CONSTANT = 8.0 * float(np.finfo(float).eps)


def sorted_classes(labels: Any, count: int) -> tuple[Array, Array]:
    """The distinct labels in sorted order, at least two of them, and the number of each row's.

    Raises
    ------
    TypeError, ValueError
        If `labels` is not a sequence of `count` values that can be sorted, none of them missing,
        or does not hold two.
    """
    y = label_array("labels", labels, count)
    try:
        classes, index = np.unique(y, return_inverse=True)
    except TypeError:
        raise TypeError(
            f"labels must be of one kind that can be sorted, got {shown(labels)}"
        ) from None
    if classes.size < 2:
        raise ValueError(
            f"labels must hold at least two classes, got {classes.size}: {shown(classes.tolist())}"
        )
    return classes, index


def within(features: Array, index: Array, count: int) -> tuple[Array, Array]:
    """Class means about the first point, and what is left of each point, a new array.

    From the first point on: of a column that never changes nothing is left, whatever its size.

    Raises
    ------
    ValueError
        If the variances are beyond the range of a float, or all of them 0.
    """
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        residuals = features - features[0]
        size = np.abs(residuals).max(0)
        means = np.empty((count, features.shape[1]))
        for k in range(count):
            rows = index == k
            means[k] = residuals[rows].mean(0)
            residuals[rows] -= means[k]
        residuals[:, np.abs(residuals).max(0) <= _CONSTANT * size] = 0.0
        total = np.einsum("ij,ij->", residuals, residuals)
    if not (0 < total < np.inf and np.isfinite(means).all()):
        raise ValueError(
            "features must have variances within the range of a float, not all of them 0, "
            f"got values of size {np.abs(features).max():.3g} with a total variance of "
            f"{total / len(features):.3g}"
        )
    return means, residuals


def pooled(features: Array, plus: Array) -> tuple[Array, Array]:
    """Half the difference of two class means, and the residuals within a class, shape (n, p)."""
    means, residuals = within(features, plus.astype(np.intp), 2)
    return 0.5 * (means[1] - means[0]), residuals
