"""Labels of a sample: each drawn on its own, or with fixed counts of the classes."""

from __future__ import annotations

import numpy as np

from ..checks import Array

__all__ = ["class_counts", "draw_labels"]


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
