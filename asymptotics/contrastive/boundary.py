"""Between shrinkage and expansion: the curve on which contrastive training leaves gain 1."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..parameters import Array, check_bounds
from ..regime import regime_of

if TYPE_CHECKING:
    from ..population import Population
    from .infonce import InfoNCE

__all__ = ["PhaseBoundary", "phase_boundary"]

_POINTS_PER_DECADE = 12
# Of the logarithm of the parameter; bisection alone would take 38 steps.
_TOLERANCE, _STEPS = 4e-13, 100


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


def _root(
    function: Callable[[Array], Array],
    first: tuple[Array, Array],
    second: tuple[Array, Array],
    wanted: Array,
) -> Array:
    """Chandrupatla's bracketed root, elementwise, from two points and their values.

    Adv. Eng. Softw. 28 (1997) 145: inverse quadratic steps where they can be trusted, else halves.
    """
    (a, fa), (b, fb) = first, second
    t = np.full(np.shape(a), 0.5)
    for _ in range(_STEPS):
        x = a + t * (b - a)
        fx = function(x)
        same = np.sign(fx) == np.sign(fa)
        c, fc = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = x, fx
        width = np.abs(b - a)
        if not np.any(wanted & (width > _TOLERANCE) & (fa != 0)):
            break
        with np.errstate(all="ignore"):  # where the step is not taken, or no root is wanted
            xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
            step = fa / (fb - fa) * fc / (fb - fc)
            step += (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
            trusted = (phi**2 < xi) & ((1.0 - phi) ** 2 < 1.0 - xi) & np.isfinite(step)
            margin = np.minimum(0.5 * _TOLERANCE / width, 0.5)
        t = np.where(trusted, np.clip(step, margin, 1.0 - margin), 0.5)
    return np.where(np.abs(fa) < np.abs(fb), a, b)


def phase_boundary(loss: InfoNCE, mix: Population, parameter: Any, bounds: Any) -> PhaseBoundary:
    """See :meth:`InfoNCE.boundary`."""
    names = tuple(loss.parameters)
    if not isinstance(parameter, str) or parameter not in names:
        raise ValueError(f"parameter must be one of {', '.join(names)}, got {parameter!r}")
    if parameter == "time" and loss.similarity == "cosine":
        raise ValueError("parameter must not be 'time' for similarity='cosine', got 'time'")
    left, right = np.log(check_bounds(bounds))

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
    values = log_gain(lattice)
    words = regime_of(np.exp(values))
    sign = (words == "expansion").astype(int) - (words == "shrinkage")
    # The last point up to each one at which the gain is not 1, then the changes between them.
    place = np.arange(count).reshape(-1, *(1,) * len(shape))
    known = np.maximum.accumulate(np.where(sign != 0, place, 0))
    carried = np.take_along_axis(sign, known, axis=0)
    changes = carried[1:] * carried[:-1] < 0
    number, top = changes.sum(axis=0), carried[-1]
    last = np.where(number > 0, count - 1 - np.argmax(changes[::-1], axis=0), 1)
    some = number > 0
    value = np.full(shape, np.nan)
    if some.any():
        before = np.take_along_axis(known, last[None] - 1, axis=0)[0]
        low, high = (
            (grid[end], np.take_along_axis(values, end[None], axis=0)[0]) for end in (before, last)
        )
        root = _root(lambda x: log_gain(x[None])[0], low, high, some)
        value = np.where(some, np.exp(root), np.nan)
    status = np.select(
        [number > 1, some & (top > 0), some, top > 0, top < 0],
        ["several", "crossing", "reversed", "always expansion", "always shrinkage"],
        "neutral",
    )
    if shape:
        return PhaseBoundary(value, status)
    return PhaseBoundary(float(value), str(status))
