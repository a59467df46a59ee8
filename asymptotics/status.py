"""What became of one element of a batch of limits."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Status"]


class Status(StrEnum):
    """What became of one element of a batch of limits."""

    CONVERGED = "converged"
    NOT_SEPARABLE = "no limit: not separable"
    SEPARABLE = "no limit: separable"
    UNDETERMINED = "no limit: fewer samples than dimensions"
    NOT_CONVERGED = "not converged"
