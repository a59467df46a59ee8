"""The lines of the views "gain" and "ratio", whatever the population."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..checks import Array
from .controls import CONTROLS

__all__ = ["Curves", "axis"]


def axis(key: str, count: int) -> Array:
    """A logarithmic axis over the range of a number."""
    return np.geomspace(CONTROLS[key].low, CONTROLS[key].high, count)


@dataclass(frozen=True, eq=False)
class Curves:
    """Accuracies against one parameter, NaN where there is no limit."""

    x: Array
    lines: dict[str, Array]  # by the classifier's name in the state
    labels: dict[str, str]
    refused: tuple[str, ...]  # why a classifier has no line
    before: dict[str, float]  # of "gain": the accuracy without a projector
    threshold: float  # of "ratio": the p/n above which the classes are separable
    pending: tuple[str, ...] = ()  # lines that are not finished, whose NaNs may be points to come
    note: str = ""

    def line(self, name: str) -> tuple[Array, Array]:
        """A line as far as it is known."""
        y = self.lines[name]
        known = np.isfinite(y) | (name not in self.pending)
        return self.x[known], y[known]

    @property
    def remarks(self) -> list[str]:
        """What the figure shows, in words."""
        said = []
        if np.isfinite(self.threshold):
            said.append(f"The classes are separable right of p/n = {self.threshold:.6g}.")
        if self.before:
            parts = (f"{self.labels[name]}: {value:.4f}" for name, value in self.before.items())
            said.append(f"Before the projector (dots at gain 1): {'; '.join(parts)}.")
        if self.note:
            said.append(self.note)
        return said
