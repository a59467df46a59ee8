"""How finite n approaches the limit: bias and deviation against n, in log-log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..checks import Array
from ..outcomes import Status
from ..studies.finite_size import Convergence
from ..studies.power_law import PowerLaw
from .style import BARS, COLOURS, FAINT, INK, draw_points, own_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["convergence_figure", "plot_bias", "plot_deviation"]

# Sizes of the lines: this factor beyond the smallest and the largest.
_MARGIN = 1.15


def _named(studies: Convergence | Mapping[str, Convergence]) -> dict[str, Convergence]:
    if isinstance(studies, Mapping) and not studies:
        raise ValueError("studies must hold at least one Convergence, got an empty mapping")
    return {"": studies} if isinstance(studies, Convergence) else dict(studies)


def _rate(label: str, law: PowerLaw) -> str:
    """A legend's entry: the name, the rate and its interval."""
    low, high = (f"{end:.2f}".replace("inf", "∞") for end in law.interval)
    found = f"rate {law.rate:.2f}  [{low}, {high}]"
    if np.isnan(law.rate) or law.status == Status.NO_POWER_LAW:
        found = "rate not resolved" if np.isnan(law.rate) else law.status
    return f"{label}: {found}" if label else found


def _guide(ax: Axes, n: Array, height: float, rate: float, colour: str) -> None:
    """The line of a given rate through a height at n = 1."""
    ends = np.array([n.min() / _MARGIN, n.max() * _MARGIN])
    ax.plot(ends, height * ends**-rate, color=colour, lw=1.1, ls=(0, (4, 2)), zorder=2)


def _log_axes(ax: Axes, sizes: set[int]) -> None:
    """Logarithmic axes, in plain numbers where powers of ten would say too little."""
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    ax.set(xscale="log", yscale="log")
    bottom, top = ax.get_ylim()
    if top < 100 * bottom:  # and more so on this axis, whose decades may lie outside
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ax.yaxis.set_minor_formatter(NullFormatter())
    low, high = ax.get_xlim()
    if high < 40 * low:  # within a decade or so powers of ten say too little
        ax.set_xticks(sorted(sizes))
        ax.xaxis.set_major_formatter(ScalarFormatter())
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.minorticks_off()


def _finish(ax: Axes, sizes: set[int], guide: str, ylabel: str) -> None:
    ax.set(xlabel="size n of the training set", ylabel=ylabel)
    if sizes:
        _log_axes(ax, sizes)
    ax.spines[["top", "right"]].set_visible(False)
    (line,) = ax.plot([], [], color=FAINT, lw=1.1, ls=(0, (4, 2)))
    handles, labels = ax.get_legend_handles_labels()
    ax.legend([*handles, line], [*labels, guide], loc="best", fontsize="small", frameon=False)


def plot_bias(studies: Convergence | Mapping[str, Convergence], ax: Axes | None = None) -> Axes:
    """The size of the bias against n, with the line of rate 1 through it.

    Where noise could hide a bias of 0, an arrow reaches down from the largest that is possible.

    Parameters
    ----------
    studies : Convergence, or mapping of labels to them
    ax : matplotlib Axes, optional
        Where to draw; by default on a new figure, ``ax.figure``.

    Returns
    -------
    matplotlib Axes
    """
    ax = own_axes() if ax is None else ax
    sizes: set[int] = set()
    for k, (label, study) in enumerate(_named(studies).items()):
        colour = COLOURS[k % len(COLOURS)]
        known = (study.stderr > 0) | (np.abs(study.z_score) > BARS)  # the rest is rounding, or NaN
        n, bias, error = study.n[known], study.bias[known], study.stderr[known]
        sizes.update(n.tolist())
        seen = np.abs(bias) > BARS * error
        text = _rate(label, study.bias_law)
        draw_points(ax, k, n[seen], np.abs(bias[seen]), BARS * error[seen], label=text)
        most = np.abs(bias[~seen]) + BARS * error[~seen]
        draw_points(ax, k, n[~seen], most, 0.5 * most, uplims=True, marker="_", capsize=2.5)
        if seen.any():
            weights = (n * error) ** -2.0
            _guide(ax, n, abs(weights @ (n * bias)) / weights.sum(), 1.0, colour)
    _finish(ax, sizes, "∝ 1/n", "|mean accuracy - limit|")
    return ax


def plot_deviation(
    studies: Convergence | Mapping[str, Convergence], ax: Axes | None = None
) -> Axes:
    """The standard deviation between training sets against n, with the line of rate ½ through it.

    Parameters
    ----------
    studies : Convergence, or mapping of labels to them
    ax : matplotlib Axes, optional
        Where to draw; by default on a new figure, ``ax.figure``.

    Returns
    -------
    matplotlib Axes
    """
    ax = own_axes() if ax is None else ax
    sizes: set[int] = set()
    for k, (label, study) in enumerate(_named(studies).items()):
        known = study.deviation > 0
        n, deviation, trials = study.n[known], study.deviation[known], study.trials[known]
        sizes.update(n.tolist())
        text = _rate(label, study.deviation_law)
        bars = BARS * deviation / np.sqrt(2.0 * (trials - 1.0))  # of a normal sample
        draw_points(ax, k, n, deviation, bars, label=text)
        if known.any():
            heights = np.log(deviation * np.sqrt(n))
            height = float(np.exp(np.average(heights, weights=trials)))  # 1/variance, but for ½
            _guide(ax, n, height, 0.5, COLOURS[k % len(COLOURS)])
    _finish(ax, sizes, "∝ n$^{-1/2}$", "deviation between training sets")
    return ax


def convergence_figure(studies: Convergence | Mapping[str, Convergence]) -> Figure:
    """Bias and deviation side by side, as a paper would print them.

    Parameters
    ----------
    studies : Convergence, or mapping of labels to them

    Returns
    -------
    matplotlib Figure
        Not attached to any window: ``savefig`` writes it.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"font.size": 9.5, "axes.linewidth": 0.8, "text.color": INK}):
        figure = Figure(figsize=(8.4, 3.6), dpi=200, layout="constrained")
        left, right = figure.subplots(1, 2)
        plot_bias(studies, left)
        plot_deviation(studies, right)
    return figure
