"""The lines of Python that give the numbers of a view, to the last digit."""

from __future__ import annotations

from .controls import CONTROLS
from .learning import SIZES, Measured, sizes
from .several import CLASS_POINTS
from .state import OF_DATA, State
from .views import CURVE_POINTS, PHASE_POINTS, first_classifier

__all__ = ["source"]

_IMPORTS = ["import numpy as np", "import asymptotics as asy", ""]
# A logarithmic axis of a view, as its code writes it.
_AXES = {
    key: f"np.geomspace({CONTROLS[key].low!r}, {CONTROLS[key].high!r}, {{}})"
    for key in ("gain", "aspect_ratio", "augmentation", "temperature")
}


def source(state: State, measured: Measured | None = None) -> str:
    """Python that gives the numbers of the view, to the last digit."""
    if state.view == OF_DATA:
        return "" if measured is None else _of_data(state, measured)
    if state.view == "phase":
        return _of_phase(state)
    if state.several:
        return _of_classes(state)
    ratio, alignment = state["aspect_ratio"], state["alignment"]
    if state.view == "gain":
        axis = f"gain = {_AXES['gain'].format(CURVE_POINTS)}"
        call = f"mix, clf, {ratio!r}, asy.Expansion(gain, {alignment!r})"
    else:
        axis = f"aspect_ratio = {_AXES['aspect_ratio'].format(CURVE_POINTS)}"
        call = f"mix, clf, aspect_ratio, {_expression(state.projector(state['gain']))}"
    return _lines(
        f"mix = {_expression(state.mixture)}",
        axis,
        *_accuracies(state, f"asy.limit({call}, throw=False).accuracy"),
    )


def _of_classes(state: State) -> str:
    """A projector of several classes has one gain, hence a loop."""
    axis = "gain" if state.view == "gain" else "aspect_ratio"
    expansion = "asy.Expansion({}, subspace='between')"
    if state.view == "gain":
        call = f"mix, clf, {state['aspect_ratio']!r}, {expansion.format('x')}"
    else:
        call = f"mix, clf, x, {expansion.format(repr(state['gain']))}"
    numbers = f"{int(state['classes'])}, {state['distance']!r}, {state['noise']!r}"
    return _lines(
        f"mix = asy.ClassMixture.simplex({numbers})",
        f"{axis} = {_AXES[axis].format(CLASS_POINTS)}",
        *_accuracies(state, f"np.array([asy.limit({call}, throw=False).accuracy for x in {axis}])"),
    )


def _of_phase(state: State) -> str:
    if state.similarity == "cosine":
        more = f"'cosine', dimension={int(state['dimension'])}"
    else:
        more = f"time={state['time']!r}"
    return _lines(
        f"mix = {_expression(state.mixture)}",
        f"augmentation = {_AXES['augmentation'].format(PHASE_POINTS)}",
        f"temperature = {_AXES['temperature'].format(PHASE_POINTS)}[:, None]",
        f"loss = asy.InfoNCE(augmentation, temperature, {more})",
        f"classifier = {_expression(state.classifier(first_classifier(state)))}",
        f"report = asy.before_and_after(mix, classifier, {state['aspect_ratio']!r}, "
        "loss.projector(mix))",
        "gain, difference = report.gain, report.difference",
    )


def _of_data(state: State, measured: Measured) -> str:
    first, last = sizes(measured)
    return _lines(
        f"features, labels = np.load({measured.features!r}), np.load({measured.labels!r})",
        "spectrum = asy.Spectrum.from_data(features, labels)",
        f"samples = np.geomspace({first!r}, {last!r}, {SIZES})",
        *_accuracies(state, "asy.learning_curve(spectrum, clf, samples).accuracy"),
    )


def _lines(*lines: str) -> str:
    return "\n".join([*_IMPORTS, *lines, ""])


def _accuracies(state: State, call: str) -> list[str]:
    chosen = ", ".join(f"{name!r}: {_expression(state.classifier(name))}" for name in state.shown)
    return [
        f"classifiers = {{{chosen}}}",
        "accuracy = {",
        f"    name: {call}",
        "    for name, clf in classifiers.items()",
        "}",
    ]


def _expression(thing: object) -> str:
    """The repr of a population, projector or classifier, as it is written behind ``asy.``"""
    text = repr(thing)
    for name in ("Spike(", "SpikedMixture(", "Expansion("):
        text = text.replace(name, f"asy.{name}")
    return text if text.startswith("asy.") else f"asy.{text}"
