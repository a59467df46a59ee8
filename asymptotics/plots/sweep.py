"""A sweep as a figure: limits as lines, simulations as points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import Array
from .style import BARS, COLOURS, FAINT, MARKERS, draw_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from xarray import Dataset

__all__ = ["sweep_figure"]

# A positive axis is logarithmic from this ratio of its ends on.
_WIDE = 8.0
# As many values on a logarithmic axis are its ticks.
_TICKS = 6
# Panels in a figure: more would be too small to read.
_ROWS, _COLUMNS = 4, 4
# Lines in a panel, for as many colours.
_LINES = len(COLOURS)
_DASHES: tuple[Any, ...] = ("-", (0, (4, 2)), (0, (1, 1.5)), (0, (4, 1.5, 1, 1.5)))


def _text(name: str, value: Any) -> str:
    name = name.replace("_", " ")
    return f"{name} = {value:g}" if isinstance(value, (int, float)) else str(value)


def _has_scale(values: Array) -> bool:
    """Whether values are places on an axis: names are not, and neither is infinity."""
    return values.dtype.kind in "iuf" and bool(np.isfinite(values).all())


def _roles(dataset: Dataset) -> tuple[str | None, dict[str, list[Any]], list[str]]:
    """Which dimension is the axis, which are lines, panels' columns and rows, and what is left out.

    The axis is the longest dimension of numbers. Names make the best lines.
    """
    values = {str(d): dataset[d].values.tolist() for d in dataset.dims if dataset.sizes[d] > 1}
    numeric = [d for d in values if dataset[d].dtype.kind in "iuf"]
    axis = max(numeric or list(values), key=lambda d: len(values[d]), default=None)
    rest = [d for d in values if d != axis]
    rest.sort(key=lambda d: (d in numeric, len(values[d])))
    room = {"colour": _LINES, "column": _COLUMNS, "row": _ROWS, "dash": len(_DASHES)}
    roles: dict[str, list[Any]] = {}
    for role, places in room.items():
        fitting = [d for d in rest if len(values[d]) <= places]
        if fitting:
            roles[role] = [fitting[0], values[fitting[0]]]
            rest.remove(fitting[0])
    return axis, roles, rest


def sweep_figure(dataset: Dataset) -> Figure:
    """The accuracy of a sweep: limits as lines, simulated means with two standard errors as points.

    The longest dimension of numbers is the horizontal axis; others become colours, columns and rows
    of panels, and dashes. A dimension for which there is no room stays at its first value, and the
    title says so.

    Parameters
    ----------
    dataset : xarray.Dataset
        As :func:`asymptotics.sweep` returns it.

    Returns
    -------
    matplotlib Figure
        Not attached to any window: ``savefig`` writes it.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    axis, roles, left_out = _roles(dataset)
    dataset = dataset.squeeze().isel(dict.fromkeys(left_out, 0))
    columns, rows = (roles.get(role, ["", [None]]) for role in ("column", "row"))
    with mpl.rc_context({"font.size": 9.5, "axes.linewidth": 0.8}):
        many = len(columns[1]) * len(rows[1]) > 1
        width = 2.8 + 2.8 * len(columns[1]) if many else 6.4  # with the legend beside the panels
        height = 4.2 if len(rows[1]) == 1 else 0.8 + 2.4 * len(rows[1])
        figure = Figure(figsize=(width, height), dpi=200, layout="constrained")
        grid = figure.subplots(
            len(rows[1]), len(columns[1]), sharex=True, sharey=True, squeeze=False
        )
        for i, row in enumerate(rows[1]):
            for j, column in enumerate(columns[1]):
                chosen = {d: v for d, v in ((rows[0], row), (columns[0], column)) if d}
                _panel(grid[i, j], _select(dataset, chosen), axis, roles)
                title = ", ".join(_text(name, value) for name, value in chosen.items())
                grid[i, j].set_title(title, fontsize="medium")
                grid[i, j].label_outer()
        if any(role in roles for role in ("colour", "dash")) or "simulated" in dataset:
            handles = _samples(roles, dataset)
            if many:
                figure.legend(handles=handles, loc="outside right upper", frameon=False)
            else:
                grid[0, 0].legend(handles=handles, loc="best", fontsize="small", frameon=False)
        if left_out:
            first = (_text(name, dataset[name].item()) for name in left_out)
            figure.suptitle("only " + ", ".join(first), fontsize="medium")
    return figure


def _select(dataset: Dataset, chosen: dict[str, Any]) -> Dataset:
    return dataset.sel({name: value for name, value in chosen.items() if name in dataset.dims})


def _panel(ax: Axes, dataset: Dataset, axis: str | None, roles: dict[str, list[Any]]) -> None:
    colours, dashes = (roles.get(role, ["", [None]]) for role in ("colour", "dash"))
    for k, colour in enumerate(colours[1]):
        for m, dash in enumerate(dashes[1]):
            chosen = {d: v for d, v in ((colours[0], colour), (dashes[0], dash)) if d}
            _curve(ax, _select(dataset, chosen), axis, k, m)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_ylabel("accuracy on fresh data")
    if axis is None:
        ax.set_xticks([])
        return
    ax.set_xlabel(axis.replace("_", " "))
    values = dataset[axis].values
    if not _has_scale(values):
        numeric = values.dtype.kind in "iuf"
        labels = [f"{value:g}" if numeric else str(value) for value in values]
        ax.set_xticks(range(len(values)), labels)
    elif values.min() > 0 and values.max() >= _WIDE * values.min():
        ax.set_xscale("log")
        if len(values) <= _TICKS:
            ax.set_xticks(values)
            ax.minorticks_off()
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ax.xaxis.set_minor_formatter(lambda *_: "")


def _curve(ax: Axes, dataset: Dataset, axis: str | None, k: int, m: int) -> None:
    """One line of limits with its points."""
    scaled = axis is not None and _has_scale(dataset[axis].values)
    if axis is None or not scaled:
        x: Array = np.arange(1 if axis is None else dataset.sizes[axis])
    else:
        x = dataset[axis].values
    order = np.argsort(x)
    x = x[order]

    def along(name: str) -> Array:
        values: Array = np.broadcast_to(dataset[name].values, x.shape)[order]
        return values

    colour = COLOURS[k % len(COLOURS)]
    lone = len(x) == 1 or not scaled  # no line
    style = (
        {"ls": "", "marker": "_", "ms": 14}
        if lone
        else {"ls": _DASHES[m % len(_DASHES)], "lw": 1.5}
    )
    ax.plot(x, along("accuracy"), color=colour, zorder=3, **style)
    if "simulated" in dataset:
        draw_points(ax, k, x, along("simulated"), BARS * np.nan_to_num(along("stderr")))


def _samples(roles: dict[str, list[Any]], dataset: Dataset) -> list[Line2D]:
    """What the legend shows."""
    from matplotlib.lines import Line2D

    handles = []
    style: dict[str, Any] = {"ms": 5.2, "mec": "white", "mew": 0.5}
    marks = "simulated" in dataset
    if "colour" in roles:
        name, values = roles["colour"]
        for k, value in enumerate(values):
            mark = MARKERS[k % len(MARKERS)] if marks else ""
            label = _text(name, value)
            handles.append(Line2D([], [], color=COLOURS[k], marker=mark, label=label, **style))
    if "dash" in roles:
        name, values = roles["dash"]
        for m, value in enumerate(values):
            label = _text(name, value)
            handles.append(Line2D([], [], color=FAINT, ls=_DASHES[m], label=label))
    handles.append(Line2D([], [], color=FAINT, label="limit"))
    if marks:
        label = f"simulation, ±{BARS:g} s.e."
        handles.append(Line2D([], [], color=FAINT, ls="", marker="o", label=label, **style))
    return handles
