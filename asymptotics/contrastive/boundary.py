"""Between shrinkage and expansion: the curve on which contrastive training leaves gain 1."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..parameters import POSITIVE, Array, check_real
from ..regime import regime_of

if TYPE_CHECKING:
    from ..population import Population
    from .infonce import InfoNCE

__all__ = ["PhaseBoundary", "phase_boundary"]

_POINTS_PER_DECADE = 12
# Halvings of an interval of a twelfth of a decade, to below 1e-12.
_BISECTIONS = 38


@dataclass(frozen=True, eq=False)
class PhaseBoundary:
    """Where the gain along the signal passes through 1.

    Attributes
    ----------
    value : float or array
        The parameter there, to a relative 1e-12; NaN where there is no change between the bounds.
    status : str or array of str
        "crossing": shrinkage below it, expansion above; "reversed": expansion below, shrinkage
        above; "several": more changes than one, of which it is the last; "always shrinkage",
        "always expansion"; "neutral": gain 1 throughout.
    """

    value: Any
    status: Any


def _logarithms(bounds: Any) -> tuple[float, float]:
    try:
        low, high = bounds
    except (TypeError, ValueError):
        raise TypeError(f"bounds must be a pair (low, high), got {bounds!r}") from None
    low, high = check_real("bounds", low, POSITIVE), check_real("bounds", high, POSITIVE)
    if np.ndim(low) or np.ndim(high) or not low < high:
        raise ValueError(f"bounds must be two numbers with low < high, got {bounds!r}")
    return float(np.log(low)), float(np.log(high))


def phase_boundary(loss: InfoNCE, mix: Population, parameter: Any, bounds: Any) -> PhaseBoundary:
    """See :meth:`InfoNCE.boundary`."""
    names = tuple(loss.parameters)
    if not isinstance(parameter, str) or parameter not in names:
        raise ValueError(f"parameter must be one of {', '.join(names)}, got {parameter!r}")
    if parameter == "time" and loss.similarity == "cosine":
        raise ValueError("parameter must not be 'time' for similarity='cosine', got 'time'")
    left, right = _logarithms(bounds)

    def at(values: Any) -> InfoNCE:
        changes: dict[str, Any] = {parameter: values}
        return dataclasses.replace(loss, **changes)

    shape = at(1.0).broadcast(mix)

    def log_gain(logarithm: Array) -> Array:
        """At logarithms of the parameter of shape (m, *shape)."""
        return np.asarray(np.log(at(np.exp(logarithm)).gain(mix)))

    count = 1 + max(2, int(np.ceil((right - left) / np.log(10.0) * _POINTS_PER_DECADE)))
    grid = np.linspace(left, right, count)
    lattice = np.broadcast_to(grid.reshape(-1, *(1,) * len(shape)), (count, *shape))
    words = regime_of(np.exp(log_gain(lattice)))
    sign = (words == "expansion").astype(int) - (words == "shrinkage")
    # The last point up to each one at which the gain is not 1, then the changes between them.
    place = np.arange(count).reshape(-1, *(1,) * len(shape))
    known = np.maximum.accumulate(np.where(sign != 0, place, 0))
    carried = np.take_along_axis(sign, known, axis=0)
    changes = carried[1:] * carried[:-1] < 0
    number, top = changes.sum(axis=0), carried[-1]
    last = np.where(number > 0, count - 1 - np.argmax(changes[::-1], axis=0), 1)
    some = number > 0
    low = grid[np.take_along_axis(known, last[None] - 1, axis=0)[0]]
    high = grid[last]
    for _ in range(_BISECTIONS if some.any() else 0):
        middle = 0.5 * (low + high)
        like_top = log_gain(middle[None])[0] * top > 0
        low, high = np.where(like_top, low, middle), np.where(like_top, middle, high)
    value = np.where(some, np.exp(0.5 * (low + high)), np.nan)
    status = np.select(
        [number > 1, some & (top > 0), some, top > 0, top < 0],
        ["several", "crossing", "reversed", "always expansion", "always shrinkage"],
        "neutral",
    )
    if shape:
        return PhaseBoundary(value, status)
    return PhaseBoundary(float(value), str(status))
