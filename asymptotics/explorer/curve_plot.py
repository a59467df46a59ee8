"""The figure of accuracy against gain, or against p/n."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from bokeh.models import (
    BoxAnnotation,
    ColumnDataSource,
    HoverTool,
    Legend,
    LegendItem,
    Span,
    TeeHead,
    Whisker,
)

from ..plots.style import BARS, FAINT
from .drawing import EXPANSION, SHRINKAGE, colour
from .learning import Learning
from .lines import Curves
from .looks import empty_figure, recolour
from .state import CLASSIFIERS

__all__ = ["CurvePlot"]

_DARK_SHADE = 0.12
_BAND = 0.15
_TIPS = [("", "$name"), ("x", "@x{0.0000}"), ("accuracy", "@y{0.000000}")]


class CurvePlot:
    """A line for each classifier, a dot before the projector, simulated points."""

    def __init__(self) -> None:
        self.plot = empty_figure("accuracy", x_axis_type="log", name="curves")
        shade = {"fill_alpha": 1.0, "level": "image"}
        self._shades = (
            BoxAnnotation(right=1.0, fill_color=SHRINKAGE, **shade),
            BoxAnnotation(left=1.0, fill_color=EXPANSION, **shade),
        )
        self._threshold = Span(
            location=1.0, dimension="height", line_dash="dotted", line_color=FAINT
        )
        for part in (*self._shades, self._threshold):
            self.plot.add_layout(part)
        self._lines: dict[str, Any] = {}
        self._named: dict[str, str] = {}
        self._before: dict[str, ColumnDataSource] = {}
        self._dots: dict[str, ColumnDataSource] = {}
        self._bands: dict[str, Any] = {}
        for name in CLASSIFIERS:
            self._add(name)
        self.plot.add_tools(HoverTool(tooltips=_TIPS))
        self._legend = Legend(
            items=[],
            orientation="horizontal",
            ncols=4,
            margin=0,
            padding=4,
            background_fill_alpha=0.0,
            border_line_alpha=0.0,
            label_text_font_size="12px",
        )
        self.plot.add_layout(self._legend, "above")

    def _add(self, name: str) -> None:
        ink = colour(name)
        nothing: dict[str, list[float]] = {"x": [], "y": []}
        before = self._before[name] = ColumnDataSource(dict(nothing))
        dots = self._dots[name] = ColumnDataSource({**nothing, "low": [], "high": []})
        self._lines[name] = self.plot.line(
            "x", "y", source=ColumnDataSource(dict(nothing)), color=ink, line_width=2, name=name
        )
        band = ColumnDataSource({"x": [], "low": [], "high": []})
        self._bands[name] = self.plot.varea(
            "x", "low", "high", source=band, fill_color=ink, fill_alpha=_BAND, visible=False
        )
        self.plot.scatter("x", "y", source=before, color=ink, size=9, line_color="white")
        self.plot.scatter("x", "y", source=dots, color=ink, size=6, marker="square")
        heads = {end: TeeHead(size=8, line_color=ink) for end in ("lower_head", "upper_head")}
        self.plot.add_layout(
            Whisker(source=dots, base="x", lower="low", upper="high", line_color=ink, **heads)
        )

    def show(self, found: Curves, against_gain: bool) -> None:
        """The lines of a view."""
        self.plot.xaxis.axis_label = "gain of the projector" if against_gain else "aspect ratio p/n"
        for shade in self._shades:
            shade.visible = against_gain
        self._threshold.visible = bool(np.isfinite(found.threshold))
        if self._threshold.visible:
            self._threshold.location = found.threshold
        for band in self._bands.values():
            band.visible = False
        self._show_lines(found)
        for name in self._lines:
            value = found.before.get(name, np.nan)
            before = {"x": [1.0], "y": [value]} if np.isfinite(value) else {"x": [], "y": []}
            if self._before[name].data != before:
                self._before[name].data = before

    def show_learning(self, found: Learning) -> None:
        """Curves with their intervals."""
        self.plot.xaxis.axis_label = "training labels n"
        for part in (*self._shades, self._threshold):
            part.visible = False
        self._show_lines(found)
        for name, band in self._bands.items():
            self._before[name].data = {"x": [], "y": []}
            band.visible = name in found.bands
            if band.visible:
                low, high = found.bands[name]
                band.data_source.data = {"x": found.x, "low": low, "high": high}

    def _show_lines(self, found: Curves | Learning) -> None:
        for name, line in self._lines.items():
            line.visible = name in found.lines
            if line.visible:
                x, y = found.line(name)
                line.data_source.data = {"x": x, "y": y}
        named = {name: found.labels[name].partition(",")[0] for name in found.lines}
        if named != self._named:  # a legend is laid out anew, which takes its time
            self._named = named
            self._legend.items = [
                LegendItem(label=label, renderers=[self._lines[name]])
                for name, label in named.items()
            ]

    def show_points(self, points: Mapping[str, Sequence[tuple[float, float, float]]]) -> None:
        """Simulated points (x, accuracy, standard error) of each classifier."""
        for name, dots in self._dots.items():
            x, y, stderr = np.array(points.get(name, ())).reshape(-1, 3).T
            if len(dots.data["x"]) != len(x):
                dots.data = {"x": x, "y": y, "low": y - BARS * stderr, "high": y + BARS * stderr}

    def recolour(self, dark: bool) -> None:
        self._legend.label_text_color = recolour(self.plot, dark)["ink"]
        for shade in self._shades:
            shade.fill_alpha = _DARK_SHADE if dark else 1.0
