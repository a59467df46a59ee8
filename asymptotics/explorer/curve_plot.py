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
    Whisker,
)

from ..plots.style import BARS, FAINT
from .drawing import EXPANSION, SHRINKAGE, colour
from .looks import empty_figure, recolour
from .state import CLASSIFIERS
from .views import Curves

__all__ = ["CurvePlot"]

_DARK_SHADE = 0.12
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
        self._before: dict[str, ColumnDataSource] = {}
        self._dots: dict[str, ColumnDataSource] = {}
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
        self.plot.scatter("x", "y", source=before, color=ink, size=9, line_color="white")
        self.plot.scatter("x", "y", source=dots, color=ink, size=6, marker="square")
        self.plot.add_layout(
            Whisker(source=dots, base="x", lower="low", upper="high", line_color=ink)
        )

    def show(self, found: Curves, against_gain: bool) -> None:
        """The lines of a view."""
        self.plot.xaxis.axis_label = "gain of the projector" if against_gain else "aspect ratio p/n"
        for shade in self._shades:
            shade.visible = against_gain
        self._threshold.visible = bool(np.isfinite(found.threshold))
        if self._threshold.visible:
            self._threshold.location = found.threshold
        for name, line in self._lines.items():
            line.visible = name in found.lines
            y = found.lines.get(name, ())
            line.data_source.data = {"x": found.x if line.visible else (), "y": y}
            known = np.isfinite(found.before.get(name, np.nan))
            self._before[name].data = {
                "x": [1.0] if known else [],
                "y": [found.before[name]] if known else [],
            }
        self._legend.items = [
            LegendItem(label=found.labels[name], renderers=[self._lines[name]])
            for name in found.lines
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
