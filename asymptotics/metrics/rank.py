"""How many directions features use: two numbers that go by the name of a rank, and a slope."""

from __future__ import annotations

import numpy as np

from ..checks import Array

__all__ = ["participation_ratio", "rank_me", "spectral_slope"]

# The ranks over which the slope is fitted, as shares of all of them: beyond the first few special
# directions, and before the tail that few samples bend down.
_SLOPE = (0.05, 0.5)


def rank_me(singular_values: Array) -> float:
    """RankMe: exp of the entropy of σ/Σσ, of the features as they are, uncentred.

    Q. Garrido et al. (2023), arXiv:2210.02885, equation 2, without their ε.
    """
    share = singular_values[singular_values > 0] / singular_values.sum()
    return float(np.exp(-(share * np.log(share)).sum()))


def participation_ratio(eigenvalues: Array, freedom: int) -> float:
    """(tr Σ)²/tr Σ² of a covariance from the eigenvalues of a sample's, each trace debiased."""
    trace, square = eigenvalues.sum(), np.square(eigenvalues).sum()
    scale = freedom / ((freedom - 1) * (freedom + 2))
    squared_trace = scale * ((freedom + 1) * trace**2 - 2 * square)
    trace_of_square = scale * (freedom * square - trace**2)
    return float(squared_trace / trace_of_square) if trace_of_square > 0 else float("inf")


def spectral_slope(eigenvalues: Array) -> float:
    """α of eigenvalues like rank^-α, by least squares of logarithms over ranks of 5 to 50 %."""
    ordered = np.sort(eigenvalues[eigenvalues > 0])[::-1]
    first = max(1, int(_SLOPE[0] * ordered.size))
    last = max(first + 1, int(_SLOPE[1] * ordered.size))
    if last > ordered.size:
        return float("nan")
    ranks = np.arange(first, last + 1)
    return float(-np.polyfit(np.log(ranks), np.log(ordered[first - 1 : last]), 1)[0])
