"""The numbers of the page: a table of what they are called, their ranges and their sliders."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["CONTROLS", "OF_CLASSES", "Control", "read_number"]

# Views of a mixture that the sliders describe.
_OF_MIXTURES = ("gain", "ratio", "phase")
# Those of them that have a population of more than two classes too.
OF_CLASSES = ("gain", "ratio")
# Digits that a slider sets; what is typed is kept as it is.
_DIGITS = 4


@dataclass(frozen=True)
class Control:
    """One number of the page: its range, how a slider runs through it, what it is called."""

    key: str
    label: str
    default: float
    low: float
    high: float
    logarithmic: bool = True
    group: str = "population"
    views: tuple[str, ...] = _OF_MIXTURES  # where it acts
    similarity: str = ""  # for which it acts; for every one if empty
    whole: bool = False  # only integers
    several: bool | None = None  # whether it is of more than two classes; None: of any number

    def to_slider(self, value: float) -> float:
        return math.log10(value) if self.logarithmic else value

    def from_slider(self, place: float) -> float:
        value = 10.0**place if self.logarithmic else place
        rounded = float(f"{value:.{_DIGITS}g}")
        if self.whole:
            rounded = float(round(rounded))
        return min(max(rounded, self.low), self.high)

    def __str__(self) -> str:
        return f"[{self.low:g}, {self.high:g}]"


CONTROLS: Mapping[str, Control] = MappingProxyType(
    {
        control.key: control
        for control in (
            Control(
                "classes",
                "classes K",
                2.0,
                2.0,
                10.0,
                logarithmic=False,
                views=OF_CLASSES,
                whole=True,
            ),
            Control("signal", "signal s = |μ|", 1.5, 0.05, 10.0, several=False),
            Control("distance", "distance of any two means", 3.0, 0.1, 20.0, several=True),
            Control("noise", "noise σ", 1.0, 0.1, 10.0),
            Control(
                "balance",
                "balance π = P(y = +1)",
                0.5,
                0.02,
                0.98,
                logarithmic=False,
                several=False,
            ),
            Control(
                "strength",
                "strength of a spike θ",
                0.0,
                -0.95,
                20.0,
                logarithmic=False,
                several=False,
            ),
            Control(
                "spike_alignment",
                "its cosine to μ",
                0.5,
                -1.0,
                1.0,
                logarithmic=False,
                several=False,
            ),
            Control(
                "aspect_ratio",
                "aspect ratio γ = p/n",
                0.5,
                0.01,
                100.0,
                group="training",
                views=("gain", "phase"),
            ),
            Control(
                "penalty",
                "penalty λ",
                0.1,
                1e-6,
                1e3,
                group="training",
                views=(*_OF_MIXTURES, "learning"),
            ),
            Control(
                "gain",
                "gain of the projector",
                2.0,
                0.01,
                100.0,
                group="projector",
                views=("ratio",),
            ),
            Control(
                "alignment",
                "cosine of its direction to μ",
                1.0,
                -1.0,
                1.0,
                logarithmic=False,
                group="projector",
                views=OF_CLASSES,
                several=False,
            ),
            Control(
                "augmentation",
                "augmentation σₐ",
                1.0,
                0.05,
                3.0,
                group="contrastive",
                views=("phase",),
            ),
            Control(
                "temperature",
                "temperature τ",
                1.0,
                0.05,
                20.0,
                group="contrastive",
                views=("phase",),
            ),
            Control(
                "time",
                "time of training",
                1.0,
                0.01,
                100.0,
                group="contrastive",
                views=("phase",),
                similarity="inner",
            ),
            Control(
                "dimension",
                "dimension p",
                50.0,
                4.0,
                10000.0,
                group="contrastive",
                views=("phase",),
                similarity="cosine",
                whole=True,
            ),
        )
    }
)


def read_number(control: Control, text: str) -> float:
    """The number that somebody typed.

    Raises
    ------
    ValueError
        If it is none, or outside the control's range.
    """
    refused = f"{control.label} must be a number in {control}, got {text[:40]!r}"
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        raise ValueError(refused) from None
    if not control.low <= value <= control.high:  # NaN is not
        raise ValueError(refused)
    if control.whole and value != round(value):
        raise ValueError(refused.replace("a number", "an integer"))
    return value
