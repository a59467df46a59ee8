"""Accuracy and error of a linear classifier on fresh data, from its order parameters."""

from __future__ import annotations

import numpy as np
import scipy

from ..checks import Array

__all__ = ["mixture_accuracy", "mixture_error", "mixture_law"]

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


def mixture_law(
    mean: Array, deviation: Array, intercept: Array, balance: Array
) -> tuple[Array, Array, Array]:
    """The accuracy, the error, and its logarithm where the error itself may underflow."""
    plus, minus = _depths(mean, deviation, intercept)
    other = 1.0 - balance
    accuracy = balance * scipy.special.ndtr(plus) + other * scipy.special.ndtr(minus)
    error = balance * scipy.special.ndtr(-plus) + other * scipy.special.ndtr(-minus)
    log_error = np.logaddexp(
        np.log(balance) + scipy.special.log_ndtr(-plus),
        np.log1p(-balance) + scipy.special.log_ndtr(-minus),
    )
    # of an error close to 1, by the accuracy
    large = log_error > _LOG_HALF
    if large.any():
        log_error = np.where(large, np.log1p(-np.where(large, accuracy, 0.0)), log_error)
    return accuracy, error, log_error
