"""The numbers behind each view of a mixture."""

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
from .lines import Curves, axis
from .several import class_curves
from .state import State

__all__ = [
    "CURVE_POINTS",
    "PHASE_POINTS",
    "Phase",
    "at_point",
    "curves",
    "first_classifier",
    "phase",
]

CURVE_POINTS = 200
PHASE_POINTS = 25
# The one number of a loss that is not an axis of the view "phase".
_NUMBER = {"inner": "time", "cosine": "dimension"}
# A gain that stands for an infinite one.
_COLLAPSED = 1e20


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
    if state.several:
        return class_curves(state)
    mix, against_gain = state.mixture, state.view == "gain"
    x = axis("gain" if against_gain else "aspect_ratio", CURVE_POINTS)
    lines, labels, before, refused = {}, {}, {}, []
    for name in state.classifiers:
        clf = state.classifier(name)
        labels[name] = classifier_label(clf)
        try:
            if against_gain:
                projector = state.projector(np.append(x, 1.0))  # the last one changes nothing
                found = asy.limit(mix, clf, state["aspect_ratio"], projector, throw=False)
                lines[name], before[name] = found.accuracy[:-1], float(found.accuracy[-1])
            else:
                found = asy.limit(mix, clf, x, state.projector(state["gain"]), throw=False)
                lines[name] = found.accuracy
        except ValueError as error:
            refused.append(f"{labels[name]}: {error}")
    threshold = np.nan
    if not against_gain:
        with suppress(ValueError):  # said above, by the lines
            threshold = asy.separability_threshold(
                mix, state.intercept, projector=state.projector(state["gain"])
            )
    return Curves(x, lines, labels, tuple(refused), before, float(threshold))


def first_classifier(state: State) -> str:
    """The one classifier of a view that has room for one."""
    return state.classifiers[0] if state.classifiers else "ridge"


@lru_cache(maxsize=8)
def _trained(mix: Population, similarity: str, number: float) -> Projector:
    """Trained projectors over the axes of the view "phase", which no classifier changes."""
    state = State(similarity=similarity).replace(**{_NUMBER[similarity]: number})
    augmentation = axis("augmentation", PHASE_POINTS)
    temperature = axis("temperature", PHASE_POINTS)
    return state.loss(augmentation, temperature[:, None]).projector(mix)


def phase(state: State) -> Phase:
    """The view "phase"."""
    augmentation = axis("augmentation", PHASE_POINTS)
    temperature = axis("temperature", PHASE_POINTS)
    clf = state.classifier(first_classifier(state))
    axes, label = (augmentation, temperature), classifier_label(clf)
    try:
        number = state[_NUMBER[state.similarity]]
        projector = _trained(state.mixture, state.similarity, number)
        report = asy.before_and_after(state.mixture, clf, state["aspect_ratio"], projector)
    except (ValueError, asy.ConvergenceError) as error:
        nothing = np.full((PHASE_POINTS, PHASE_POINTS), np.nan)
        return Phase(*axes, nothing, nothing, label, (str(error),))
    gain = np.where(report.gain > _COLLAPSED, np.inf, report.gain)
    return Phase(*axes, gain, report.difference, label, ())


def at_point(state: State) -> str:
    """What training at one augmentation and temperature does, in words."""
    loss = state.loss(state["augmentation"], state["temperature"])
    clf = state.classifier(first_classifier(state))
    found = asy.before_and_after(
        state.mixture, clf, state["aspect_ratio"], loss.projector(state.mixture)
    )
    collapsed = found.gain > _COLLAPSED
    gain = "infinite gain, collapse" if collapsed else f"gain {found.gain:.4f}, {found.regime}"
    return (
        f"At σₐ = {state['augmentation']:g}, τ = {state['temperature']:g} (click to choose): "
        f"{gain}; {classifier_label(clf)}: before {found.before.accuracy:.4f}, after "
        f"{found.after.accuracy:.4f}, difference {found.difference:+.4f}."
    )
