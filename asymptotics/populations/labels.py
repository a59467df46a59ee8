"""Labels of a sample: each drawn on its own, or with fixed counts of the classes."""

from __future__ import annotations

import numpy as np

from ..checks import Array
from ..intake import shown

__all__ = ["class_counts", "counts_of_classes", "draw_classes", "draw_labels"]


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
