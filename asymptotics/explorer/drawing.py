"""A view as a figure to keep, with the colours and letters of the package's other figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ..checks import Array
from ..plots.style import BARS, COLOURS, FAINT, INK, draw_points, own_axes
from .learning import Learning
from .lines import Curves
from .state import CLASSIFIERS, State
from .views import Phase

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Simulated points of each classifier: x, accuracy, standard error.
Points: TypeAlias = Mapping[str, Sequence[tuple[float, float, float]]]

__all__ = ["EXPANSION", "FORMATS", "SHRINKAGE", "colour", "draw", "log_gain"]

FORMATS = ("png", "svg")
SHRINKAGE, EXPANSION = "#F6E9DF", "#E4EEF6"
_RESOLUTION = 300


def colour(name: str) -> str:
    """The colour of a classifier, the same in every view."""
    return COLOURS[tuple(CLASSIFIERS).index(name) % len(COLOURS)]


def draw(
    state: State,
    found: Curves | Phase | Learning,
    points: Points,
    form: str,
) -> bytes:
    """The view as a file.

    Parameters
    ----------
    state : State
    found : Curves, Phase or Learning
    points : mapping of str to sequence of (x, accuracy, stderr)
        Simulated points of each classifier.
    form : {"png", "svg"}
    """
    ax = own_axes()
    if isinstance(found, Phase):
        _draw_phase(ax, found)
    elif isinstance(found, Learning):
        _draw_learning(ax, found)
    else:
        _draw_curves(ax, state, found, points)
    stream = BytesIO()
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.savefig(stream, format=form, dpi=_RESOLUTION)
    return stream.getvalue()


def _draw_curves(ax: Axes, state: State, found: Curves, points: Points) -> None:
    if state.view == "gain":
        ax.axvspan(found.x[0], 1.0, color=SHRINKAGE, zorder=0)
        ax.axvspan(1.0, found.x[-1], color=EXPANSION, zorder=0)
        ax.set_xlabel("gain of the projector along its direction")
    else:
        ax.set_xlabel("aspect ratio p/n")
        if np.isfinite(found.threshold):
            ax.axvline(found.threshold, color=FAINT, linestyle=":", label="separable to the right")
    for name in found.lines:
        ax.plot(*found.line(name), color=colour(name), label=found.labels[name])
        if name in found.before and np.isfinite(found.before[name]):
            ax.plot(1.0, found.before[name], "o", color=colour(name), mec="white", zorder=5)
        if points.get(name):
            x, y, stderr = np.array(points[name]).T
            k = tuple(CLASSIFIERS).index(name)
            draw_points(ax, k, x, y, BARS * stderr)
    _finish(ax, found)


def _draw_learning(ax: Axes, found: Learning) -> None:
    for name, accuracy in found.lines.items():
        ax.plot(found.x, accuracy, color=colour(name), label=found.labels[name])
        ax.fill_between(found.x, *found.bands[name], color=colour(name), alpha=0.15, linewidth=0)
    ax.set_xlabel("training labels n")
    _finish(ax, found)


def _finish(ax: Axes, found: Curves | Learning) -> None:
    ax.set_xscale("log")
    ax.set_ylabel("accuracy")
    ax.tick_params(colors=INK)
    if found.lines:
        ax.legend(frameon=False, fontsize=9)


def _draw_phase(ax: Axes, found: Phase) -> None:
    largest = float(np.nanmax(np.abs(found.difference), initial=1e-12))
    mesh = ax.contourf(
        found.augmentation,
        found.temperature,
        found.difference,
        levels=np.linspace(-largest, largest, 22),
        cmap="RdBu",
    )
    size = log_gain(found.gain)
    if np.nanmin(size) < 0.0 < np.nanmax(size):
        ax.contour(found.augmentation, found.temperature, size, [0.0], colors=INK)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("augmentation σₐ")
    ax.set_ylabel("temperature τ")
    ax.figure.colorbar(mesh, ax=ax, label=f"accuracy after minus before: {found.label}")


def log_gain(gain: Array) -> Array:
    """Of a size that a contour can be drawn of: one of ±1 stands for all that is beyond."""
    return np.asarray(np.log(gain).clip(-1.0, 1.0))
