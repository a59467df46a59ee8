"""How the page looks, and what it does in the browser itself."""

from __future__ import annotations

from typing import Any

from bokeh.palettes import RdBu11, interp_palette
from bokeh.plotting import figure

__all__ = [
    "COPY",
    "DIVERGING",
    "DOWNLOAD",
    "INPUTS",
    "REPLACE_ADDRESS",
    "SELECTED",
    "START",
    "SWITCH_SCHEME",
    "WIDE",
    "WRITE",
    "empty_figure",
    "recolour",
]

WIDE = {"sizing_mode": "stretch_width"}
# From what is lost to what is gained.
DIVERGING = tuple(interp_palette(RdBu11[::-1], 101))
_SCHEMES = {
    False: {"paper": "#ffffff", "ink": "#222222", "line": "#d8d8d8"},
    True: {"paper": "#16181b", "ink": "#e8e6e1", "line": "#3a3d42"},
}
# What is chosen, and how far a slider has come.
SELECTED = "#0072B2"
# For the inside of widgets, which the style of the page does not reach; its variables do.
INPUTS = """
:host { color: var(--ink); }
.bk-input { background: var(--paper); color: var(--ink); border-color: var(--line);
            min-height: 30px; }
.bk-btn { background: var(--paper) !important; color: var(--ink) !important;
          border-color: var(--line) !important; }
.bk-btn.bk-active { background: #0072B2 !important; color: #ffffff !important; }
.bk-btn:focus-visible, .bk-input:focus-visible { outline: 2px solid #0072B2;
                                                 outline-offset: 1px; }
.noUi-target { background: var(--line); border-color: var(--line); box-shadow: none; }
.noUi-handle:focus-visible { outline: 2px solid #0072B2; outline-offset: 2px; }
.bk-btn-group { flex-wrap: wrap; }
label { color: var(--ink); }
"""

COPY = """
const button = cb_obj.origin
navigator.clipboard.writeText(code.text).then(() => {
  button.label = "Copied"
  setTimeout(() => { button.label = "Copy Python" }, 1200)
})
"""
REPLACE_ADDRESS = """
history.replaceState(null, "", cb_obj.text ? "?" + cb_obj.text : location.pathname)
"""
DOWNLOAD = """
if (cb_obj.text) {
  const [name, data] = cb_obj.text.split(" ")
  const link = document.createElement("a")
  link.href = data
  link.download = "asymptotics-" + name
  link.click()
}
"""
SWITCH_SCHEME = "document.documentElement.dataset.scheme = cb_obj.active ? 'dark' : 'light'"
# A text's place in the page bears its name.
WRITE = "document.getElementById(cb_obj.name).textContent = cb_obj.text"
START = """
toggle.active = matchMedia("(prefers-color-scheme: dark)").matches
for (const {name, text} of texts) { document.getElementById(name).textContent = text }
"""


def empty_figure(y_label: str, **options: Any) -> Any:
    """A figure that fills the width."""
    plot = figure(
        height=440,
        tools="pan,wheel_zoom,box_zoom,reset",
        active_scroll=None,
        toolbar_location="above",
        min_border=4,
        **WIDE,
        **options,
    )
    plot.toolbar.logo = plot.border_line_color = None
    plot.yaxis.axis_label = y_label
    for axis in plot.axis:
        axis.axis_label_text_font_style = "normal"
    return plot


def recolour(plot: Any, dark: bool) -> dict[str, str]:
    """Paper, ink and lines of a figure; what of it has others asks for them itself."""
    scheme = _SCHEMES[dark]
    plot.background_fill_color = plot.border_fill_color = scheme["paper"]
    plot.outline_line_color = plot.grid.grid_line_color = scheme["line"]
    for axis in plot.axis:
        axis.axis_label_text_color = axis.major_label_text_color = scheme["ink"]
        axis.axis_line_color = axis.major_tick_line_color = scheme["line"]
        axis.minor_tick_line_color = scheme["line"]
    return scheme
