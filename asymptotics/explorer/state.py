"""What the page shows: bounded numbers, some choices, and their way into the address.

An address is typed by anybody. Nothing in it is evaluated: a number is read as a number, within its
range, a choice as one of a list, and what is neither is refused by name while the default stands.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import asymptotics as asy

from ..classifiers import Classifier
from ..populations.base import Population
from ..projectors import Projector
from .controls import CONTROLS, OF_CLASSES, Control, read_number

__all__ = [
    "CLASSIFIERS",
    "OF_DATA",
    "SEVERAL",
    "SIMILARITIES",
    "VIEWS",
    "State",
]

VIEWS: Mapping[str, str] = MappingProxyType(
    {
        "gain": "Accuracy against gain",
        "ratio": "Accuracy against p/n",
        "phase": "Contrastive phase diagram",
        "learning": "Learning curve of your features",
    }
)
#: The view of a file of features, which a server may not have.
OF_DATA = "learning"

# Of the embeddings that are trained: what they are called.
SIMILARITIES: Mapping[str, str] = MappingProxyType(
    {"inner": "inner product, at a time", "cosine": "cosine, strong signal"}
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
# Those that have a limit on more than two classes: what logistic is there is called softmax.
SEVERAL: Mapping[str, type[Classifier]] = MappingProxyType(
    {
        "logistic": asy.Softmax,
        "ridge": asy.Ridge,
        "centroid": asy.Centroid,
        "bayes": asy.Bayes,
    }
)
_FIRST = ("logistic", "svm", "ridge", "max-margin")


@dataclass(frozen=True)
class State:
    """Everything that the page shows follows from this."""

    view: str = "gain"
    classifiers: tuple[str, ...] = _FIRST
    intercept: bool = True
    similarity: str = "inner"
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
    def from_query(
        cls, query: Mapping[str, str], has_data: bool = False
    ) -> tuple[State, list[str]]:
        """The state of an address, and what of it was refused."""
        state, refused = cls(), []
        for key, text in query.items():
            try:
                state = state.replace(**{key: _read(key, text)})
            except ValueError as error:
                refused.append(str(error))
        if state.view == OF_DATA and not has_data:
            state = state.replace(view=cls.view)
            refused.append("this view needs a server started with --features and --labels")
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
        if self.similarity != default.similarity:
            parts["similarity"] = self.similarity
        parts |= {key: repr(value) for key, value in self.numbers.items() if value != default[key]}
        return urlencode(parts)

    # ------------------------------------------------------------------------- what it stands for

    @property
    def several(self) -> bool:
        """Whether the view is of more than two classes."""
        return self["classes"] > 2 and self.view in OF_CLASSES

    @property
    def shown(self) -> tuple[str, ...]:
        """The chosen classifiers that the population has a limit of."""
        return tuple(name for name in self.classifiers if name in self._kinds)

    @property
    def _kinds(self) -> Mapping[str, type[Classifier]]:
        return SEVERAL if self.several else CLASSIFIERS

    @property
    def mixture(self) -> Population:
        if self.several:
            return asy.ClassMixture.simplex(int(self["classes"]), self["distance"], self["noise"])
        spikes: tuple[asy.Spike, ...] = ()
        if self["strength"]:
            spikes = (asy.Spike(self["strength"], self["spike_alignment"]),)
        return asy.SpikedMixture(self["signal"], self["noise"], spikes, self["balance"])

    def classifier(self, name: str) -> Classifier:
        kind = self._kinds[name]
        chosen: dict[str, Any] = {}
        if "penalty" in kind.parameters:
            chosen["penalty"] = self["penalty"]
        if "fit_intercept" in {part.name for part in dataclasses.fields(kind)}:  # type: ignore[arg-type]
            chosen["fit_intercept"] = self.intercept
        return kind(**chosen)

    def projector(self, gain: Any) -> Projector:
        if self.several:
            return asy.Expansion(gain, subspace="between")
        return asy.Expansion(gain, self["alignment"])

    def loss(self, augmentation: Any, temperature: Any) -> asy.InfoNCE:
        if self.similarity == "cosine":
            p = int(self["dimension"])
            return asy.InfoNCE(augmentation, temperature, "cosine", dimension=p)
        return asy.InfoNCE(augmentation, temperature, time=self["time"])

    def shows(self, control: Control) -> bool:
        """Whether a number has anything to do with what is shown."""
        return (
            self.view in control.views
            and control.similarity in ("", self.similarity)
            and control.several in (None, self.several)
        )


def _read(key: str, text: str) -> Any:
    """One part of an address.

    Raises
    ------
    ValueError
        If it is not known or not allowed.
    """
    if key in CONTROLS:
        return read_number(CONTROLS[key], text)
    choices = {"view": VIEWS, "similarity": SIMILARITIES}
    if key in choices:
        if text in choices[key]:
            return text
        raise ValueError(f"{key} must be one of {', '.join(choices[key])}, got {text[:40]!r}")
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
