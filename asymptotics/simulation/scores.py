"""What trials say about a mean: its standard error, and how far it is from a number."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import Array

__all__ = ["plain", "standard_error", "standard_score"]


def plain(values: Array) -> Any:
    """A float for a single number, a read-only array for more."""
    if values.ndim == 0:
        return float(values)
    values.flags.writeable = False
    return values


def standard_error(values: Array) -> Any:
    """Standard error of a mean over the first axis; NaN for one value, 0 where all agree."""
    if len(values) < 2:
        return plain(np.full(values.shape[1:], np.nan))
    error = values.std(0, ddof=1) / np.sqrt(len(values))
    return plain(np.where(np.all(values == values[0], axis=0), 0.0, error))


def standard_score(values: Array, expected: Any) -> Any:
    """(mean - expected)/(standard error) over the first axis; NaN for one value.

    Where all agree, 0 if `expected` does too, to rounding, and infinite otherwise.
    """
    error, mean = np.asarray(standard_error(values)), values.mean(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = (mean - expected) / error
    same = (error == 0.0) & np.isclose(mean, expected, rtol=1e-12, atol=0.0)
    return plain(np.where(same, 0.0, score))
