"""Where a function of one parameter changes its sign: signs on a grid, and the last root between.

One algorithm for a batch of functions: their signs on a common grid, of which those that are
rounding count for nothing, and then the root between the last two that differ, by Chandrupatla's
bracketed method (scipy.optimize.elementwise.find_root).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import elementwise

from ..checks import Array
from ..outcomes import ConvergenceError

__all__ = ["SignChanges", "sign_changes"]


class SignChanges(NamedTuple):
    """The changes of sign of each function of a batch, along the grid."""

    number: Array  # how many
    top: Array  # the last sign: -1, 0 (no sign anywhere) or 1
    root: Array  # where the last change is; NaN without one


def sign_changes(
    function: Callable[[Array], Array],
    sign: Callable[[Array], Array],
    grid: Array,
    shape: tuple[int, ...],
    tolerance: float,
) -> SignChanges:
    """Count the changes of sign on a grid, and find the last one.

    Parameters
    ----------
    function : callable
        From arguments of shape (m, *shape) to values of that shape, finite.
    sign : callable
        From values on the grid, shape (M, *shape), to signs -1 and 1; 0 is no sign.
    grid : array, shape (M,)
        Increasing arguments. Changes closer than its spacing are not told apart.
    shape : tuple of int
        Of the batch.
    tolerance : float
        Absolute, of the root.

    Raises
    ------
    ConvergenceError
        If a root that is bracketed is not found.
    """
    count = len(grid)
    place = np.arange(count).reshape(-1, *(1,) * len(shape))
    values = function(np.broadcast_to(grid.reshape(place.shape), (count, *shape)))
    signs = np.broadcast_to(sign(values), (count, *shape))
    # The last point up to each one that has a sign, then the changes between them.
    known = np.maximum.accumulate(np.where(signs != 0, place, 0))
    carried = np.take_along_axis(signs, known, axis=0)
    changes = carried[1:] * carried[:-1] < 0
    number, top = changes.sum(axis=0), carried[-1]
    last = np.where(number > 0, count - 1 - np.argmax(changes[::-1], axis=0), 1)
    root = np.full(shape, np.nan)
    wanted = np.flatnonzero(number)
    if wanted.size:
        before = np.take_along_axis(known, last[None] - 1, axis=0)[0]
        low, high = grid[before].reshape(-1)[wanted], grid[last].reshape(-1)[wanted]
        argument = np.array(np.broadcast_to(grid[-1], shape)).reshape(-1)
        argument[wanted] = high

        def at(x: Array, index: Array) -> Array:
            """The functions of some elements; the others are evaluated where they were last."""
            argument[index] = x
            return np.asarray(function(argument.reshape(1, *shape)).reshape(-1)[index])

        found = elementwise.find_root(
            at, (low, high), args=(wanted,), tolerances={"xatol": tolerance, "xrtol": 0.0}
        )
        if not np.all(found.success):
            raise ConvergenceError("a root between two points of different sign was not found")
        root.reshape(-1)[wanted] = found.x
    return SignChanges(number, top, root)
