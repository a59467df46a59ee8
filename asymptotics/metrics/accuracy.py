"""Accuracy and error of a linear classifier on fresh data, from its order parameters."""

from __future__ import annotations

import numpy as np
import scipy

from ..checks import Array

__all__ = ["mixture_accuracy", "mixture_error"]


def mixture_accuracy(mean: Array, deviation: Array, intercept: Array, balance: Array) -> Array:
    """π Φ((m + b)/√q) + (1 - π) Φ((m - b)/√q), elementwise."""
    return mixture_error(-mean, deviation, -intercept, balance)


def mixture_error(mean: Array, deviation: Array, intercept: Array, balance: Array) -> Array:
    """π Φ(-(m + b)/√q) + (1 - π) Φ(-(m - b)/√q), to full relative precision."""
    plus, minus = (
        # a score that is always 0 is a coin toss
        np.where((margin == 0) & (deviation == 0), 0.5, scipy.special.ndtr(-margin / deviation))
        for margin in (mean + intercept, mean - intercept)
    )
    error: Array = balance * plus + (1.0 - balance) * minus
    return error
