"""Accuracy and error of a linear classifier on fresh data, from its order parameters."""

from __future__ import annotations

import numpy as np
import scipy

from ..checks import Array

__all__ = ["mixture_accuracy", "mixture_error", "mixture_log_error"]

_LOG_HALF = np.log(0.5)


def _depths(mean: Array, deviation: Array, intercept: Array) -> tuple[Array, Array]:
    """(m + b)/√q and (m - b)/√q: the margin of either class in deviations."""
    plus, minus = (
        # a score that is always 0 is a coin toss
        np.where((margin == 0) & (deviation == 0), 0.0, margin / deviation)
        for margin in (mean + intercept, mean - intercept)
    )
    return plus, minus


def mixture_accuracy(mean: Array, deviation: Array, intercept: Array, balance: Array) -> Array:
    """π Φ((m + b)/√q) + (1 - π) Φ((m - b)/√q), elementwise."""
    return mixture_error(-mean, deviation, -intercept, balance)


def mixture_error(mean: Array, deviation: Array, intercept: Array, balance: Array) -> Array:
    """π Φ(-(m + b)/√q) + (1 - π) Φ(-(m - b)/√q), to full relative precision."""
    plus, minus = _depths(mean, deviation, intercept)
    error: Array = balance * scipy.special.ndtr(-plus) + (1.0 - balance) * scipy.special.ndtr(
        -minus
    )
    return error


def mixture_log_error(mean: Array, deviation: Array, intercept: Array, balance: Array) -> Array:
    """log(π Φ(-(m + b)/√q) + (1 - π) Φ(-(m - b)/√q)), where the sum itself may underflow."""
    plus, minus = _depths(mean, deviation, intercept)
    found = np.logaddexp(
        np.log(balance) + scipy.special.log_ndtr(-plus),
        np.log1p(-balance) + scipy.special.log_ndtr(-minus),
    )
    # of an error close to 1, by the accuracy
    large = found > _LOG_HALF
    accuracy = mixture_accuracy(mean, deviation, intercept, balance)
    return np.asarray(np.where(large, np.log1p(-np.where(large, accuracy, 0.0)), found))
