"""The lines of more than two classes: fewer points, and those that take long one after another."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

import asymptotics as asy

from ..classifiers.names import classifier_label
from .lines import Curves, axis
from .state import SEVERAL, State

__all__ = ["CLASS_POINTS", "Filled", "class_curves", "slow_points", "with_point"]

CLASS_POINTS = 25
# Their points take from ten milliseconds to a second each.
_SLOW = ("logistic", "bayes")
# The order of points: every fourth one first, so that a line soon has its shape.
_ORDER = sorted(range(CLASS_POINTS), key=lambda k: (k % 4 > 0, k % 2 > 0, k))
_NOTE = (
    f"{{}} classes: equidistant means, equally frequent; the gain acts on all directions between "
    f"them. Curves have {CLASS_POINTS} points. What logistic is for several classes is softmax."
)


@dataclass(frozen=True)
class Filled:
    """A point of a line that takes long: its place, or None for that before the projector."""

    classifier: str
    place: int | None
    accuracy: float
    is_last: bool


def class_curves(state: State) -> Curves:
    """All that is quick, and NaN where :func:`slow_points` has values to come."""
    x = axis("gain" if state.view == "gain" else "aspect_ratio", CLASS_POINTS)
    lines, before, refused = {}, {}, []
    for name in state.shown:
        if name in _SLOW:
            lines[name] = np.full(CLASS_POINTS, np.nan)
            continue
        lines[name] = np.array([_accuracy(state, name, float(place)) for place in x])
        if state.view == "gain":
            before[name] = _accuracy(state, name)
    labels = {name: classifier_label(state.classifier(name)) for name in state.shown}
    others = [name.replace("-", " ") for name in state.classifiers if name not in SEVERAL]
    if others:
        refused.append(f"of two classes only: {', '.join(others)}")
    pending = tuple(name for name in lines if name in _SLOW)
    note = _NOTE.format(int(state["classes"]))
    return Curves(x, lines, labels, tuple(refused), before, np.nan, pending, note)


def slow_points(state: State) -> Iterator[Filled]:
    """The points of the lines that take long."""
    x = axis("gain" if state.view == "gain" else "aspect_ratio", CLASS_POINTS)
    for name in state.shown:
        if name in _SLOW:
            if state.view == "gain":
                yield Filled(name, None, _accuracy(state, name), False)
            for k in _ORDER:
                yield Filled(name, k, _accuracy(state, name, float(x[k])), k == _ORDER[-1])


def with_point(found: Curves, point: Filled) -> Curves:
    """The curves with one more point."""
    name = point.classifier
    if point.place is None:
        return dataclasses.replace(found, before={**found.before, name: point.accuracy})
    line = found.lines[name].copy()
    line[point.place] = point.accuracy
    pending = tuple(other for other in found.pending if other != name or not point.is_last)
    return dataclasses.replace(found, lines={**found.lines, name: line}, pending=pending)


def _accuracy(state: State, name: str, place: float | None = None) -> float:
    """At a place of the view's axis; without a projector if there is none."""
    ratio, projector = state["aspect_ratio"], None
    if place is not None and state.view == "gain":
        projector = state.projector(place)
    elif place is not None:
        ratio, projector = place, state.projector(state["gain"])
    found = asy.limit(state.mixture, state.classifier(name), ratio, projector, throw=False)
    return float(found.accuracy)
