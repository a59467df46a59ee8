"""The unlabelled data of one draw: maps that learn the same from them share the work."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cached_property, partial
from typing import TypeAlias

import numpy as np

from ..checks import Array

__all__ = ["Unlabelled"]

_Axes: TypeAlias = tuple[Array, Array]


class Unlabelled:
    """What one draw of unlabelled data comes from, with the principal axes found in it so far.

    Parameters
    ----------
    start : callable
        Makes the generator of the data, in its first state each time it is called.
    """

    def __init__(self, start: Callable[[], np.random.Generator]) -> None:
        self._start = start
        self._axes: dict[Hashable, _Axes] = {}

    @cached_property
    def parts(self) -> tuple[Unlabelled, ...]:
        """The data of either map of a composition, the inner one first: independent draws."""
        return tuple(Unlabelled(partial(_again, child)) for child in self._start().spawn(2))

    def axes(self, which: Hashable, find: Callable[[np.random.Generator], _Axes]) -> _Axes:
        """Draw the data and decompose them, unless that was done: a gain needs no sample anew."""
        if which not in self._axes:
            self._axes[which] = find(self._start())
        return self._axes[which]


def _again(generator: np.random.Generator) -> np.random.Generator:
    """A generator as it was when it was spawned."""
    bits = generator.bit_generator
    return type(generator)(type(bits)(bits.seed_seq))  # type: ignore[arg-type]
