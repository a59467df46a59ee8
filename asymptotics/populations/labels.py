"""Labels of a sample: each drawn on its own, or with fixed counts of the classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import ANY, Array, check_real
from ..intake import shown

__all__ = [
    "check_cluster_labels",
    "class_counts",
    "counts_of_classes",
    "draw_classes",
    "draw_labels",
    "is_sided",
]


def check_cluster_labels(labels: Any, count: int) -> Array:
    """The class of each of `count` clusters: floats ±1, or integers 0 … M - 1, none left out.

    Raises
    ------
    TypeError, ValueError
        For anything else.
    """
    found = np.asarray(check_real("labels", labels, ANY))
    kinds = "-1 or 1, or the classes 0 … M - 1,"
    if found.shape != (count,) or not np.all(found == np.rint(found)):
        raise ValueError(
            f"labels must be {kinds} for each of the {count} clusters, got {shown(labels)}"
        )
    classes = np.unique(found)
    if np.all(np.abs(found) == 1):
        if classes.size < 2:
            raise ValueError(f"labels must hold both -1 and 1, got {shown(labels)}")
        return found
    if classes.size < 2 or not np.array_equal(classes, np.arange(classes.size)):
        raise ValueError(
            f"labels must be {kinds} each of them at least once and M at least 2, got "
            f"{shown(labels)}"
        )
    return found.astype(np.intp)


def is_sided(labels: Array | None) -> bool:
    """Whether checked labels are ±1, the sides of one score, and not classes of a score each."""
    return labels is not None and labels.dtype.kind == "f"


def class_counts(n: int, balance: float) -> tuple[int, int]:
    """How many of n labels are +1 and -1 where the counts are fixed: nπ to the nearest integer.

    Raises
    ------
    ValueError
        If that leaves a class empty.
    """
    plus = round(n * float(balance))
    if not 0 < plus < n:
        raise ValueError(
            "n must be large enough for fixed_counts to leave both classes a point, "
            f"round(n * balance) in [1, n - 1], got {n} with balance {float(balance)!r}"
        )
    return plus, n - plus


def draw_labels(n: int, balance: float, rng: np.random.Generator, fixed_counts: bool) -> Array:
    """n labels ±1, shape (n,), from n uniform numbers either way.

    With fixed counts the smallest of these numbers are the points of class +1: of n independent
    labels from the same numbers only those differ that make up the counts.
    """
    uniform = rng.random(n)
    if not fixed_counts:
        return np.where(uniform < balance, 1.0, -1.0)
    plus, _ = class_counts(n, balance)
    labels = np.full(n, -1.0)
    labels[np.argpartition(uniform, plus - 1)[:plus]] = 1.0
    return labels


def counts_of_classes(n: int, priors: Array) -> Array:
    """How many of n points each class has where the counts are fixed, shape (K,).

    nρ_k, rounded so that the sums over the first classes are right to the nearest integer.

    Raises
    ------
    ValueError
        If that leaves a class empty.
    """
    edges = np.rint(n * np.cumsum(priors)).astype(np.intp)
    edges[-1] = n
    counts = np.diff(edges, prepend=0)
    if counts.min() < 1:
        raise ValueError(
            f"n must be large enough for fixed_counts to leave each class a point, got {n} with "
            f"priors {shown(priors.tolist())}"
        )
    return np.asarray(counts)


def draw_classes(n: int, priors: Array, rng: np.random.Generator, fixed_counts: bool) -> Array:
    """The classes 0 … K - 1 of n points, shape (n,), from n uniform numbers either way."""
    uniform = rng.random(n)
    if not fixed_counts:
        return np.searchsorted(np.cumsum(priors)[:-1], uniform, side="right")
    chosen = np.empty(n, dtype=np.intp)
    chosen[np.argsort(uniform, kind="stable")] = np.repeat(
        np.arange(len(priors)), counts_of_classes(n, priors)
    )
    return chosen
