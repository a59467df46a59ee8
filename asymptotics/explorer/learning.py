"""The view of a file of features: how accurate a probe will be with more labels, or with fewer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import asymptotics as asy

from ..checks import Array
from ..classifiers.names import classifier_label
from ..populations.spectrum import Spectrum
from .state import State

__all__ = ["SIZES", "Learning", "Measured", "learning", "sizes"]

# Points of a curve, and how far it goes from the number of samples that there are.
SIZES = 25
_REACH = 10.0
_FEWEST = 4.0


@dataclass(frozen=True, eq=False)
class Measured:
    """What a server was started with: files, and the spectrum that they have."""

    features: str
    labels: str
    spectrum: Spectrum
    samples: int
    dimension: int


@dataclass(frozen=True, eq=False)
class Learning:
    """Predicted accuracies against the number of labels, with 95 % intervals."""

    x: Array
    lines: dict[str, Array]
    bands: dict[str, tuple[Array, Array]]
    labels: dict[str, str]
    refused: tuple[str, ...]
    remarks: tuple[str, ...]

    def line(self, name: str) -> tuple[Array, Array]:
        return self.x, self.lines[name]


def sizes(measured: Measured) -> tuple[float, float]:
    """The ends of the axis."""
    return max(measured.samples / _REACH, _FEWEST), measured.samples * _REACH


def learning(state: State, measured: Measured) -> Learning:
    """The view "learning"."""
    x = np.geomspace(*sizes(measured), SIZES)
    lines, bands, labels, refused = {}, {}, {}, []
    extrapolated = np.zeros(SIZES, dtype=bool)
    for name in state.classifiers:
        clf = state.classifier(name)
        labels[name] = classifier_label(clf)
        try:
            found = asy.learning_curve(measured.spectrum, clf, x)
        except (ValueError, asy.ConvergenceError) as error:
            refused.append(f"{labels[name]}: {error}")
            continue
        lines[name], bands[name] = found.accuracy, (found.low, found.high)
        extrapolated |= found.extrapolated
    remarks = [
        f"{measured.samples} samples of {measured.dimension} features; bands are 95 % intervals of "
        "the estimate."
    ]
    if extrapolated.any():
        where = x[extrapolated]
        remarks.append(
            f"From n = {where.min():.0f} to {where.max():.0f} a curve says more than the samples "
            "do: it is extrapolated there, within its band."
        )
    return Learning(x, lines, bands, labels, tuple(refused), tuple(remarks))
