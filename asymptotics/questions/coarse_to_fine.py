"""Grids: solve every seventh point of each long axis, and start the others from a spline.

The solver's coordinates (equations/system.py) are logarithms, in which power laws are straight
lines, so that a cubic spline through coarse points lands near every fine one, in few Newton steps.
Where a spline has no limit to lean on, there is no start, and the solver takes its own first guess:
what is found is judged as ever, and does not depend on where it was started.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.interpolate import CubicSpline

from ..checks import Array

__all__ = ["spline_starts"]

# Points of an axis from one that is solved first to the next.
_STRIDE = 7
# An axis that is worth it has at least so many points, and a grid so many in all.
_LONG_AXIS = 15
_LARGE_GRID = 400


def _knots(length: int) -> Array:
    if length < _LONG_AXIS:
        return np.arange(length)
    return np.unique(np.append(np.arange(0, length, _STRIDE), length - 1))


def spline_starts(solve: Callable[[Array], Array], shape: tuple[int, ...]) -> Array | None:
    """Coordinates close to the solutions of a grid.

    Parameters
    ----------
    solve : callable
        From flat indices of grid points, shape (M,), to the coordinates of their solutions,
        shape (M, 4), NaN where there is none.
    shape : tuple of int
        Of the grid.

    Returns
    -------
    array, shape (N, 4), or None
        Flat; NaN where nothing is known. None for a grid that is too small.
    """
    if np.prod(shape) < _LARGE_GRID or max(shape, default=0) < _LONG_AXIS:
        return None
    knots = [_knots(length) for length in shape]
    coarse = np.ravel_multi_index(np.ix_(*knots), shape)
    x = solve(coarse.reshape(-1)).reshape(*coarse.shape, 4)
    for axis, (chosen, length) in enumerate(zip(knots, shape, strict=True)):
        if len(chosen) == length:
            continue
        weights = CubicSpline(chosen, np.eye(len(chosen)))(np.arange(length))
        with np.errstate(invalid="ignore"):  # what is not finite spreads as NaN: no start
            x = np.moveaxis(np.tensordot(weights, x, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(x.reshape(-1, 4))
