"""What the page shows: a table of bounded numbers, some choices, and their way into the address.

An address is typed by anybody. Nothing in it is evaluated: a number is read as a number, within its
range, a choice as one of a list, and what is neither is refused by name while the default stands.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import asymptotics as asy

from ..classifiers import Classifier
from ..populations.base import Population
from ..projectors import Projector

__all__ = ["CLASSIFIERS", "CONTROLS", "VIEWS", "Control", "State", "read_number"]

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
    views: tuple[str, ...] = ()  # where it acts; everywhere if empty

    def to_slider(self, value: float) -> float:
        return math.log10(value) if self.logarithmic else value

    def from_slider(self, place: float) -> float:
        value = 10.0**place if self.logarithmic else place
        rounded = float(f"{value:.{_DIGITS}g}")
        return min(max(rounded, self.low), self.high)

    def __str__(self) -> str:
        return f"[{self.low:g}, {self.high:g}]"


CONTROLS: Mapping[str, Control] = MappingProxyType(
    {
        control.key: control
        for control in (
            Control("signal", "signal s = |μ|", 1.5, 0.05, 10.0),
            Control("noise", "noise σ", 1.0, 0.1, 10.0),
            Control("balance", "balance π = P(y = +1)", 0.5, 0.02, 0.98, logarithmic=False),
            Control("strength", "strength of a spike θ", 0.0, -0.95, 20.0, logarithmic=False),
            Control("spike_alignment", "its cosine to μ", 0.5, -1.0, 1.0, logarithmic=False),
            Control(
                "aspect_ratio",
                "aspect ratio γ = p/n",
                0.5,
                0.01,
                100.0,
                group="training",
                views=("gain", "phase"),
            ),
            Control("penalty", "penalty λ", 0.1, 1e-6, 1e3, group="training"),
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
                views=("gain", "ratio"),
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
                "time", "time of training", 1.0, 0.01, 100.0, group="contrastive", views=("phase",)
            ),
        )
    }
)

VIEWS: Mapping[str, str] = MappingProxyType(
    {
        "gain": "Accuracy against gain",
        "ratio": "Accuracy against p/n",
        "phase": "Contrastive phase diagram",
    }
)

# The classifiers on offer by their names in an address.
CLASSIFIERS: Mapping[str, type[Classifier]] = MappingProxyType(
    {
        "logistic": asy.Logistic,
        "svm": asy.SVM,
        "squared-hinge": asy.SquaredHinge,
        "ridge": asy.Ridge,
        "max-margin": asy.MaxMargin,
        "min-norm": asy.MinNorm,
        "centroid": asy.Centroid,
        "bayes": asy.Bayes,
    }
)
_FIRST = ("logistic", "svm", "ridge", "max-margin")


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
    return value


@dataclass(frozen=True)
class State:
    """Everything that the page shows follows from this."""

    view: str = "gain"
    classifiers: tuple[str, ...] = _FIRST
    intercept: bool = True
    numbers: Mapping[str, float] = field(
        default_factory=lambda: {key: control.default for key, control in CONTROLS.items()}
    )

    def __getitem__(self, key: str) -> float:
        return self.numbers[key]

    def replace(self, **changes: Any) -> State:
        """The state with a number, or anything else, changed."""
        numbers = {key: changes.pop(key) for key in tuple(changes) if key in CONTROLS}
        return dataclasses.replace(self, numbers={**self.numbers, **numbers}, **changes)

    # ------------------------------------------------------------------ to and from an address

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> tuple[State, list[str]]:
        """The state of an address, and what of it was refused."""
        state, refused = cls(), []
        for key, text in query.items():
            try:
                state = state.replace(**{key: _read(key, text)})
            except ValueError as error:
                refused.append(str(error))
        return state, refused

    def query(self) -> str:
        """The address of the state: what differs from the default."""
        default, parts = State(), {}
        if self.view != default.view:
            parts["view"] = self.view
        if self.classifiers != default.classifiers:
            parts["classifiers"] = ",".join(self.classifiers)
        if self.intercept != default.intercept:
            parts["intercept"] = "0"
        parts |= {key: repr(value) for key, value in self.numbers.items() if value != default[key]}
        return urlencode(parts)

    # ------------------------------------------------------------------------- what it stands for

    @property
    def mixture(self) -> Population:
        spikes: tuple[asy.Spike, ...] = ()
        if self["strength"]:
            spikes = (asy.Spike(self["strength"], self["spike_alignment"]),)
        return asy.SpikedMixture(self["signal"], self["noise"], spikes, self["balance"])

    def classifier(self, name: str) -> Classifier:
        kind = CLASSIFIERS[name]
        chosen: dict[str, Any] = {}
        if "penalty" in kind.parameters:
            chosen["penalty"] = self["penalty"]
        if "fit_intercept" in {part.name for part in dataclasses.fields(kind)}:  # type: ignore[arg-type]
            chosen["fit_intercept"] = self.intercept
        return kind(**chosen)

    def projector(self, gain: Any) -> Projector:
        return asy.Expansion(gain, self["alignment"])


def _read(key: str, text: str) -> Any:
    """One part of an address.

    Raises
    ------
    ValueError
        If it is not known or not allowed.
    """
    if key in CONTROLS:
        return read_number(CONTROLS[key], text)
    if key == "view":
        if text in VIEWS:
            return text
        raise ValueError(f"view must be one of {', '.join(VIEWS)}, got {text[:40]!r}")
    if key == "intercept":
        if text in ("0", "1"):
            return text == "1"
        raise ValueError(f"intercept must be 0 or 1, got {text[:40]!r}")
    if key == "classifiers":
        names = tuple(dict.fromkeys(text.split(","))) if text else ()
        for name in names:
            if name not in CLASSIFIERS:
                raise ValueError(
                    f"classifiers must be among {', '.join(CLASSIFIERS)}, got {name[:40]!r}"
                )
        return tuple(name for name in CLASSIFIERS if name in names)
    raise ValueError(f"the address holds {key[:40]!r}, which is not known")
