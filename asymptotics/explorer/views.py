"""The numbers behind each view of the page, and the lines of Python that give the same numbers."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

import asymptotics as asy

from ..checks import Array
from ..classifiers.names import classifier_label
from ..populations.base import Population
from ..projectors import Projector
from .state import CONTROLS, State

__all__ = [
    "CURVE_POINTS",
    "PHASE_POINTS",
    "Curves",
    "Phase",
    "at_point",
    "curves",
    "phase",
    "source",
]

CURVE_POINTS = 200
PHASE_POINTS = 25
# A logarithmic axis of a view, as its code writes it.
_AXES = {
    key: f"np.geomspace({CONTROLS[key].low!r}, {CONTROLS[key].high!r}, {{}})"
    for key in ("gain", "aspect_ratio", "augmentation", "temperature")
}


def _axis(key: str, count: int) -> Array:
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

    @property
    def remarks(self) -> list[str]:
        """What the figure shows, in words."""
        said = []
        if np.isfinite(self.threshold):
            said.append(f"The classes are separable right of p/n = {self.threshold:.6g}.")
        if self.before:
            parts = (f"{self.labels[name]}: {value:.4f}" for name, value in self.before.items())
            said.append(f"Before the projector (dots at gain 1): {'; '.join(parts)}.")
        return said


@dataclass(frozen=True, eq=False)
class Phase:
    """What contrastive training does downstream, over augmentation (columns) and temperature."""

    augmentation: Array
    temperature: Array
    gain: Array
    difference: Array
    label: str
    refused: tuple[str, ...]


def curves(state: State) -> Curves:
    """The lines of the views "gain" and "ratio"."""
    mix, against_gain = state.mixture, state.view == "gain"
    x = _axis("gain" if against_gain else "aspect_ratio", CURVE_POINTS)
    lines, labels, before, refused = {}, {}, {}, []
    for name in state.classifiers:
        clf = state.classifier(name)
        labels[name] = classifier_label(clf)
        try:
            if against_gain:
                found = asy.limit(mix, clf, state["aspect_ratio"], state.projector(x), throw=False)
                alone = asy.limit(mix, clf, state["aspect_ratio"], throw=False)
                before[name] = float(alone.accuracy)
            else:
                found = asy.limit(mix, clf, x, state.projector(state["gain"]), throw=False)
        except ValueError as error:
            refused.append(f"{labels[name]}: {error}")
            continue
        lines[name] = found.accuracy
    threshold = np.nan
    if not against_gain:
        with suppress(ValueError):  # said above, by the lines
            threshold = asy.separability_threshold(
                mix, state.intercept, projector=state.projector(state["gain"])
            )
    return Curves(x, lines, labels, tuple(refused), before, float(threshold))


def _first(state: State) -> str:
    """The one classifier of a view that has room for one."""
    return state.classifiers[0] if state.classifiers else "ridge"


@lru_cache(maxsize=8)
def _trained(mix: Population, time: float) -> Projector:
    """Trained projectors over the axes of the view "phase", which no classifier changes."""
    augmentation = _axis("augmentation", PHASE_POINTS)
    temperature = _axis("temperature", PHASE_POINTS)
    return asy.InfoNCE(augmentation, temperature[:, None], time=time).projector(mix)


def phase(state: State) -> Phase:
    """The view "phase"."""
    augmentation = _axis("augmentation", PHASE_POINTS)
    temperature = _axis("temperature", PHASE_POINTS)
    shape = (PHASE_POINTS, PHASE_POINTS)
    clf = state.classifier(_first(state))
    try:
        projector = _trained(state.mixture, state["time"])
        report = asy.before_and_after(state.mixture, clf, state["aspect_ratio"], projector)
    except ValueError as error:
        nothing = np.full(shape, np.nan)
        return Phase(
            augmentation, temperature, nothing, nothing, classifier_label(clf), (str(error),)
        )
    return Phase(
        augmentation, temperature, report.gain, report.difference, classifier_label(clf), ()
    )


def at_point(state: State) -> str:
    """What training at one augmentation and temperature does, in words."""
    loss = asy.InfoNCE(state["augmentation"], state["temperature"], time=state["time"])
    clf = state.classifier(_first(state))
    found = asy.before_and_after(
        state.mixture, clf, state["aspect_ratio"], loss.projector(state.mixture)
    )
    return (
        f"At σₐ = {state['augmentation']:g}, τ = {state['temperature']:g} (click to choose): "
        f"gain {found.gain:.4f}, {found.regime}; {classifier_label(clf)}: before "
        f"{found.before.accuracy:.4f}, after {found.after.accuracy:.4f}, "
        f"difference {found.difference:+.4f}."
    )


# ---------------------------------------------------------------------------------- as Python


def _expression(thing: object) -> str:
    """The repr of a population, projector or classifier, as it is written behind ``asy.``"""
    text = repr(thing)
    for name in ("Spike(", "SpikedMixture(", "Expansion("):
        text = text.replace(name, f"asy.{name}")
    return text if text.startswith("asy.") else f"asy.{text}"


def source(state: State) -> str:
    """Python that gives the numbers of the view, to the last digit."""
    head = ["import numpy as np", "import asymptotics as asy", ""]
    head.append(f"mix = {_expression(state.mixture)}")
    ratio, alignment = state["aspect_ratio"], state["alignment"]
    chosen = ", ".join(
        f"{name!r}: {_expression(state.classifier(name))}" for name in state.classifiers
    )
    if state.view == "phase":
        return "\n".join(
            [
                *head,
                f"augmentation = {_AXES['augmentation'].format(PHASE_POINTS)}",
                f"temperature = {_AXES['temperature'].format(PHASE_POINTS)}[:, None]",
                f"loss = asy.InfoNCE(augmentation, temperature, time={state['time']!r})",
                f"classifier = {_expression(state.classifier(_first(state)))}",
                f"report = asy.before_and_after(mix, classifier, {ratio!r}, loss.projector(mix))",
                "gain, difference = report.gain, report.difference",
                "",
            ]
        )
    if state.view == "gain":
        axis = f"gain = {_AXES['gain'].format(CURVE_POINTS)}"
        call = f"mix, clf, {ratio!r}, asy.Expansion(gain, {alignment!r})"
    else:
        axis = f"aspect_ratio = {_AXES['aspect_ratio'].format(CURVE_POINTS)}"
        call = f"mix, clf, aspect_ratio, {_expression(state.projector(state['gain']))}"
    return "\n".join(
        [
            *head,
            axis,
            f"classifiers = {{{chosen}}}",
            "accuracy = {",
            f"    name: asy.limit({call}, throw=False).accuracy",
            "    for name, clf in classifiers.items()",
            "}",
            "",
        ]
    )
