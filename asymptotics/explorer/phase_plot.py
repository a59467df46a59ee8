"""The figure of what contrastive training does downstream, over augmentation and temperature."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import BasicTicker, ColorBar, ColumnDataSource, FixedTicker, LinearColorMapper
from contourpy import contour_generator

from ..plots.style import INK
from .controls import CONTROLS
from .drawing import log_gain
from .looks import DIVERGING, empty_figure, recolour
from .state import State
from .views import PHASE_POINTS, Phase

__all__ = ["AXES", "PhasePlot"]

AXES = ("augmentation", "temperature")
_MARKS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
_UNKNOWN = "#999999"


class PhasePlot:
    """An image, the curve along which the gain is 1, and a mark.

    An image has equal cells: the axes are of logarithms, with the values themselves on the ticks.
    """

    def __init__(self) -> None:
        ends = [
            (control.to_slider(control.low), control.to_slider(control.high))
            for control in (CONTROLS[key] for key in AXES)
        ]
        half = [(high - low) / (2 * (PHASE_POINTS - 1)) for low, high in ends]
        ranges = [(low - h, high + h) for (low, high), h in zip(ends, half, strict=True)]
        self.plot = empty_figure(
            "temperature τ", name="phase", x_range=ranges[0], y_range=ranges[1]
        )
        self.plot.xaxis.axis_label = "augmentation σₐ"
        for axis in self.plot.axis:
            axis.ticker = FixedTicker(ticks=[float(np.log10(mark)) for mark in _MARKS])
            axis.major_label_overrides = {float(np.log10(mark)): f"{mark:g}" for mark in _MARKS}
        self._mapper = LinearColorMapper(palette=DIVERGING, low=-1.0, high=1.0, nan_color=_UNKNOWN)
        self._image = ColumnDataSource({"image": [np.zeros((PHASE_POINTS, PHASE_POINTS))]})
        (left, right), (bottom, top) = ranges
        self.plot.image(
            "image",
            source=self._image,
            x=left,
            y=bottom,
            dw=right - left,
            dh=top - bottom,
            color_mapper=self._mapper,
        )
        self._edge = ColumnDataSource({"xs": [], "ys": []})
        self.plot.multi_line("xs", "ys", source=self._edge, color=INK, line_width=2)
        self._mark = ColumnDataSource({"x": [0.0], "y": [0.0]})
        self.plot.scatter(
            "x", "y", source=self._mark, size=13, marker="circle_cross", color=None, line_color=INK
        )
        self._bar = ColorBar(
            color_mapper=self._mapper,
            ticker=BasicTicker(desired_num_ticks=5),
            width=12,
            title="after - before",
        )
        self.plot.add_layout(self._bar, "right")

    def show(self, found: Phase, state: State) -> None:
        """The view, with a mark where the sliders are."""
        largest = float(np.nanmax(np.abs(found.difference), initial=1e-12))
        self._mapper.low, self._mapper.high = -largest, largest
        self._image.data = {"image": [found.difference]}
        self._edge.data = _where_gain_is_one(found)
        x, y = (CONTROLS[key].to_slider(state[key]) for key in AXES)
        self._mark.data = {"x": [x], "y": [y]}

    def recolour(self, dark: bool) -> None:
        scheme = recolour(self.plot, dark)
        self._bar.background_fill_color = scheme["paper"]
        self._bar.major_label_text_color = self._bar.title_text_color = scheme["ink"]


def _where_gain_is_one(found: Phase) -> dict[str, list[Any]]:
    if np.isnan(found.gain).any():
        return {"xs": [], "ys": []}
    x, y = np.log10(found.augmentation), np.log10(found.temperature)
    lines: list[Any] = contour_generator(x, y, log_gain(found.gain)).lines(0.0)
    return {"xs": [line[:, 0] for line in lines], "ys": [line[:, 1] for line in lines]}
