"""Learning curves with the bands of their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..checks import Array
from ..questions.learning_curve import LearningCurve
from .style import COLOURS, FAINT, own_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["log_samples_axis", "plot_learning_curve"]

_DASHED = (0, (4, 2))
_BAND = 0.18
# Within a decade or so powers of ten say too little: ticks at 1, 2 and 5 of each.
_SPAN = 300.0


def log_samples_axis(ax: Axes, label: str) -> None:
    """A logarithmic axis of numbers of labels, in plain numbers."""
    from matplotlib.ticker import LogLocator, NullFormatter

    ax.set(xscale="log", xlabel=label)
    low, high = ax.get_xlim()
    if high < _SPAN * low:
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.spines[["top", "right"]].set_visible(False)


def plot_learning_curve(
    curves: LearningCurve | Mapping[str, LearningCurve], ax: Axes | None = None
) -> Axes:
    """Predicted accuracy against the number of labels, with the band of its 95 % interval.

    The line is dashed where the accuracy depends on what the data say nothing of; the band holds
    the other continuations there.

    Parameters
    ----------
    curves : LearningCurve, or mapping of labels to them
        Of at least two numbers of labels each.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new figure, ``ax.figure``.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        For an empty mapping, and a curve of a single number of labels.
    """
    named = {"": curves} if isinstance(curves, LearningCurve) else dict(curves)
    if not named:
        raise ValueError("curves must hold at least one LearningCurve, got an empty mapping")
    for label, curve in named.items():
        if np.size(curve.samples) < 2:
            where = f" for {label!r}" if label else ""
            raise ValueError(
                f"curves must have at least two numbers of labels each, got {curve!r}{where}"
            )
    ax = own_axes() if ax is None else ax
    dashed = False
    for k, (label, curve) in enumerate(named.items()):
        order = np.argsort(curve.samples)
        colour = COLOURS[k % len(COLOURS)]
        samples, accuracy = curve.samples[order], curve.accuracy[order]
        beyond = curve.extrapolated[order]
        dashed = dashed or bool(beyond.any())
        ax.fill_between(
            samples, curve.low[order], curve.high[order], color=colour, alpha=_BAND, lw=0
        )
        ax.plot(samples, _kept(accuracy, ~beyond), color=colour, lw=1.6, label=label or None)
        ax.plot(samples, _kept(accuracy, beyond), color=colour, lw=1.6, ls=_DASHED)
    log_samples_axis(ax, "training labels")
    ax.set_ylabel("accuracy on fresh data")
    handles, labels = ax.get_legend_handles_labels()
    if dashed:
        (line,) = ax.plot([], [], color=FAINT, lw=1.6, ls=_DASHED)
        handles, labels = [*handles, line], [*labels, "extrapolated"]
    if handles:
        ax.legend(handles, labels, loc="best", fontsize="small", frameon=False)
    return ax


def _kept(values: Array, chosen: Array) -> Array:
    """The chosen values, NaN for others but those right after: pieces of a line meet there."""
    reached = chosen.copy()
    reached[1:] |= chosen[:-1]
    return np.where(reached, values, np.nan)
