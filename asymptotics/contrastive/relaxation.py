"""One equation of first order that relaxes: its time is a quadrature, inverted step by step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..checks import Array
from ..integrals.gaussian import legendre
from ..outcomes import ConvergenceError

__all__ = ["ROUNDING", "march"]

# Legendre nodes on a step.
_NODES, _WEIGHTS = legendre(12)
_STEPS = 1000
ROUNDING = 4e-15


def march(
    rate: Callable[[Array, Array], Array],
    time: Array,
    stride: Callable[[Array, Array], Array],
    enough: Array,
) -> Array:
    """ξ(t) of dξ/dt = R(ξ) from ξ = 0: where the integral of 1/R reaches t.

    Newton's method on the quadrature, by steps short enough for it: the last ones are exact.

    Parameters
    ----------
    rate : callable
        R > 0 of some elements, ``rate(rows, xi)`` with xi of shape (B', J).
    time : array, shape (B,)
    stride : callable
        The longest step of some elements at ξ, ``stride(rows, xi)`` of shape (B',).
    enough : array, shape (B,)
        ξ beyond which nothing changes any more; 0 for elements that stay where they are.

    Raises
    ------
    ConvergenceError
        If the end was not reached.
    """
    xi, left = np.zeros(time.size), time.copy()
    active = np.flatnonzero(enough > 0)
    for _ in range(_STEPS):
        if not active.size:
            return xi
        here = xi[active]
        longest = stride(active, here)
        step = np.clip(left[active] * rate(active, here[:, None])[:, 0], -longest, longest)
        points = here[:, None] + step[:, None] * _NODES
        left[active] -= step * ((1.0 / rate(active, points)) @ _WEIGHTS)
        xi[active] = here + step
        arrived = (np.abs(step) <= ROUNDING * xi[active]) | (xi[active] >= enough[active])
        active = active[~arrived]
    raise ConvergenceError(
        f"the gradient flow was not followed to its end at {active.size} point(s)"
    )
