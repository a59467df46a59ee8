"""Anderson's acceleration of a fixed-point map: the step that the last few steps would cancel."""

from __future__ import annotations

import numpy as np

from ..checks import Array

__all__ = ["Anderson"]

_MEMORY = 8
# Singular values of the past below this share of the largest are noise.
_CUT = 1e-10


class Anderson:
    """Proposes x for the root of a residual, from the steps and changes of the residual so far."""

    def __init__(self) -> None:
        self._moves: list[Array] = []
        self._changes: list[Array] = []
        self._last: tuple[Array, Array] | None = None

    def forget(self) -> None:
        """Start again without a past."""
        self._moves.clear()
        self._changes.clear()
        self._last = None

    def lift(self) -> None:
        """Go on with a map that differs a little: what the steps have told of it still holds."""
        self._last = None

    def step(self, x: Array, residual: Array) -> Array:
        """The next point."""
        if self._last is not None:
            self._moves.append(x - self._last[0])
            self._changes.append(residual - self._last[1])
            if len(self._moves) > _MEMORY:
                self._moves.pop(0)
                self._changes.pop(0)
        self._last = x, residual
        if not self._moves:
            return np.asarray(x + residual)
        moves, changes = np.array(self._moves), np.array(self._changes)
        past = np.linalg.lstsq(changes.T, residual, rcond=_CUT)[0]
        return np.asarray(x + residual - past @ (moves + changes))
