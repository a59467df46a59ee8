"""The page: widgets that change the state, figures that follow it."""

from __future__ import annotations

from base64 import b64encode
from functools import partial
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np
from bokeh.document import Document
from bokeh.events import Tap
from bokeh.layouts import column, row
from bokeh.models import (
    BasicTicker,
    BoxAnnotation,
    Button,
    CheckboxButtonGroup,
    ColorBar,
    ColumnDataSource,
    CustomJS,
    Div,
    FixedTicker,
    HoverTool,
    Legend,
    LegendItem,
    LinearColorMapper,
    RadioButtonGroup,
    Slider,
    Span,
    TextInput,
    Toggle,
    Whisker,
)
from bokeh.palettes import RdBu11, interp_palette
from bokeh.plotting import figure
from contourpy import contour_generator
from jinja2 import Template

import asymptotics as asy

from ..plots.style import BARS
from .drawing import EXPANSION, FORMATS, SHRINKAGE, colour, draw
from .simulating import Job, Point
from .state import CLASSIFIERS, CONTROLS, VIEWS, Control, State, read_number
from .views import PHASE_POINTS, Curves, Phase, curves, phase, source

__all__ = ["Page", "page"]

_WIDE = {"sizing_mode": "stretch_width"}
_INPUTS = """
    :host { color: var(--ink); }
    .bk-input { background: var(--paper); color: var(--ink); border-color: var(--line); min-height: 30px; }
    .bk-btn { background: var(--paper) !important; color: var(--ink) !important;
              border-color: var(--line) !important; }
    .bk-btn.bk-active { background: #0072B2 !important; color: #ffffff !important; }
    .bk-btn:focus-visible, .bk-input:focus-visible { outline: 2px solid #0072B2; outline-offset: 1px; }
    .noUi-target { background: var(--line); border-color: var(--line); box-shadow: none; }
    .noUi-connect { background: #0072B2; }
    .noUi-handle:focus-visible { outline: 2px solid #0072B2; outline-offset: 2px; }
    .bk-btn-group { flex-wrap: wrap; }
    .bk-clearfix, label { color: var(--ink); }
"""
_SCHEMES = {
    False: {"paper": "#ffffff", "ink": "#222222", "line": "#d8d8d8", "shade": 1.0},
    True: {"paper": "#16181b", "ink": "#e8e6e1", "line": "#3a3d42", "shade": 0.12},
}
# Parts of an address that are looked at.
_LONGEST_QUERY = 60
# From what is lost to what is gained.
_DIVERGING = tuple(interp_palette(RdBu11[::-1], 101))

# What a text in a page says, without its entities.
_PLAIN = """
const plain = (text) => new DOMParser().parseFromString(text, "text/html").documentElement.textContent
"""
_COPY = (
    _PLAIN
    + """
const text = plain(code.text)
navigator.clipboard.writeText(text).then(() => {
  const old = cb_obj.origin.label
  cb_obj.origin.label = "Copied"
  setTimeout(() => { cb_obj.origin.label = old }, 1200)
})
"""
)
_REPLACE_ADDRESS = (
    _PLAIN
    + """
const query = plain(cb_obj.text)
history.replaceState(null, "", query ? "?" + query : location.pathname)
"""
)
_DOWNLOAD = """
if (cb_obj.text) {
  const [name, data] = cb_obj.text.split(" ")
  const link = document.createElement("a")
  link.href = data
  link.download = "asymptotics-" + name
  link.click()
}
"""
_SCHEME = "document.documentElement.dataset.scheme = cb_obj.active ? 'dark' : 'light'"
_PREFERRED_SCHEME = "toggle.active = matchMedia('(prefers-color-scheme: dark)').matches"


def page(document: Document) -> None:
    """Fill the document of a new session."""
    Page(document)


class Page:
    """One open page.

    Parameters
    ----------
    document : bokeh Document
        Of the session; its request's address gives the first state.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.state, refused = State.from_query(_query(document))
        self.found: Curves | Phase | None = None
        self._points: dict[str, list[tuple[float, float, float]]] = {}
        self._job: Job | None = None
        self._quiet = False  # while the page itself moves a widget
        self._pending = False
        self._sliders: dict[str, Slider] = {}
        self._texts: dict[str, TextInput] = {}
        self._lines: dict[str, tuple[Any, ...]] = {}
        self._message = Div(text="", styles={"color": "var(--alarm)"}, name="message", **_WIDE)
        self._report = Div(text="", name="report", stylesheets=[_INPUTS], **_WIDE)
        self._progress = Div(text="", name="progress", stylesheets=[_INPUTS], **_WIDE)
        self._address = Div(text="", visible=False, name="address")
        self._code = Div(text="", visible=False, name="code")
        self._file = Div(text="", visible=False, name="file")
        self._curves = self._make_curves()
        self._phase = self._make_phase()
        self._rows: dict[str, Any] = {}
        self._headings: dict[str, Div] = {}
        controls, view = self._make_controls(), self._make_view()
        document.title = "asymptotics: explore"
        document.template = Template((files(__package__) / "page.html").read_text("utf-8"))
        document.add_root(controls)
        document.add_root(view)
        document.on_session_destroyed(self.close)
        self._connect()
        self._say(refused)
        self._redraw()

    def close(self, *_: Any) -> None:
        """The session has ended: nothing of it may go on."""
        if self._job is not None:
            self._job.stop()

    # ----------------------------------------------------------------------------- widgets

    def _make_controls(self) -> Any:
        parts: list[Any] = []
        self._classifiers = CheckboxButtonGroup(
            labels=[name.replace("-", " ") for name in CLASSIFIERS],
            active=[k for k, name in enumerate(CLASSIFIERS) if name in self.state.classifiers],
            stylesheets=[_INPUTS],
            name="classifiers",
            **_WIDE,
        )
        self._classifiers.on_change("active", self._classifiers_changed)
        self._intercept = Toggle(
            label="fit an intercept",
            active=self.state.intercept,
            stylesheets=[_INPUTS],
            name="intercept",
            **_WIDE,
        )
        self._intercept.on_change("active", self._intercept_changed)
        group = None
        for control in CONTROLS.values():
            if control.group != group:
                group = control.group
                self._headings[group] = _heading(group)
                parts.append(self._headings[group])
                if group == "training":
                    parts += [self._classifiers, self._intercept]
            parts.append(self._make_control(control))
        return column(*parts, name="controls", **_WIDE)

    def _make_control(self, control: Control) -> Any:
        value = self.state[control.key]
        slider = Slider(
            title=control.label,
            start=control.to_slider(control.low),
            end=control.to_slider(control.high),
            value=control.to_slider(value),
            step=0.01,
            show_value=False,
            tooltips=False,
            stylesheets=[_INPUTS],
            name=f"slide-{control.key}",
            **_WIDE,
        )
        text = TextInput(
            value=f"{value:g}",
            width=86,
            name=f"type-{control.key}",
            title=" ",
            stylesheets=[_INPUTS],
        )
        slider.on_change("value", partial(self._slid, control))
        text.on_change("value", partial(self._typed, control))
        self._sliders[control.key], self._texts[control.key] = slider, text
        self._rows[control.key] = row(slider, text, **_WIDE)
        return self._rows[control.key]

    def _make_view(self) -> Any:
        self._views = RadioButtonGroup(
            labels=list(VIEWS.values()),
            active=list(VIEWS).index(self.state.view),
            stylesheets=[_INPUTS],
            name="views",
            **_WIDE,
        )
        self._views.on_change("active", self._view_changed)
        self._simulate = _button("Simulate", "simulate")
        self._simulate.on_click(self._start)
        copy = _button("Copy Python", "copy")
        copy.js_on_click(CustomJS(args={"code": self._code}, code=_COPY))
        self._dark = Toggle(label="Dark", width=80, stylesheets=[_INPUTS], name="dark")
        self._dark.on_change("active", self._scheme_changed)
        saves = [_button(f"Save {form.upper()}", f"save-{form}") for form in FORMATS]
        for button, form in zip(saves, FORMATS, strict=True):
            button.on_click(partial(self._save, form))
        buttons = row(
            self._simulate, copy, *saves, self._dark, styles={"flex-wrap": "wrap"}, **_WIDE
        )
        return column(
            self._views,
            self._message,
            self._curves,
            self._phase,
            buttons,
            self._progress,
            self._report,
            self._address,
            self._code,
            self._file,
            name="view",
            **_WIDE,
        )

    def _make_curves(self) -> Any:
        plot = _figure("accuracy", x_axis_type="log", name="curves")
        self._shrinkage = BoxAnnotation(right=1.0, fill_color=SHRINKAGE, fill_alpha=1.0, level="image")
        self._expansion = BoxAnnotation(left=1.0, fill_color=EXPANSION, fill_alpha=1.0, level="image")
        self._threshold = Span(
            location=1.0, dimension="height", line_dash="dotted", line_color="#6B6B6B"
        )
        for part in (self._shrinkage, self._expansion, self._threshold):
            plot.add_layout(part)
        nothing: dict[str, list[float]] = {"x": [], "y": []}
        for name in CLASSIFIERS:
            line, before = ColumnDataSource(dict(nothing)), ColumnDataSource(dict(nothing))
            dots = ColumnDataSource(dict(nothing, low=[], high=[]))
            drawn = plot.line(
                "x", "y", source=line, color=colour(name), line_width=2, name=name
            )
            plot.scatter(
                "x", "y", source=before, color=colour(name), size=9, line_color="white"
            )
            plot.scatter("x", "y", source=dots, color=colour(name), size=6, marker="square")
            plot.add_layout(
                Whisker(
                    source=dots, base="x", lower="low", upper="high", line_color=colour(name)
                )
            )
            self._lines[name] = (line, before, dots, drawn)
        plot.add_tools(HoverTool(tooltips=[("", "$name"), ("x", "@x{0.0000}"), ("accuracy", "@y{0.000000}")]))
        self._legend = Legend(
            items=[],
            location="bottom_right",
            background_fill_alpha=0.0,
            border_line_alpha=0.0,
            label_text_font_size="12px",
        )
        plot.add_layout(self._legend)
        return plot

    def _make_phase(self) -> Any:
        augmentation, temperature = CONTROLS["augmentation"], CONTROLS["temperature"]
        ends = [[c.to_slider(c.low), c.to_slider(c.high)] for c in (augmentation, temperature)]
        # an image has equal cells, so that the axes are of logarithms, with the values on the ticks
        half = [(high - low) / (2 * (PHASE_POINTS - 1)) for low, high in ends]
        plot = _figure(
            "temperature τ",
            name="phase",
            x_range=(ends[0][0] - half[0], ends[0][1] + half[0]),
            y_range=(ends[1][0] - half[1], ends[1][1] + half[1]),
        )
        plot.xaxis.axis_label = "augmentation σₐ"
        for axis, marks in (
            (plot.xaxis[0], (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0)),
            (plot.yaxis[0], (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)),
        ):
            axis.ticker = FixedTicker(ticks=[float(np.log10(mark)) for mark in marks])
            axis.major_label_overrides = {float(np.log10(mark)): f"{mark:g}" for mark in marks}
        self._mapper = LinearColorMapper(
            palette=_DIVERGING,
            low=-1.0,
            high=1.0,
            nan_color="#999999",
        )
        self._image = ColumnDataSource({"image": [np.zeros((PHASE_POINTS, PHASE_POINTS))]})
        plot.image(
            "image",
            source=self._image,
            x=ends[0][0] - half[0],
            y=ends[1][0] - half[1],
            dw=ends[0][1] - ends[0][0] + 2 * half[0],
            dh=ends[1][1] - ends[1][0] + 2 * half[1],
            color_mapper=self._mapper,
        )
        self._edge = ColumnDataSource({"xs": [], "ys": []})
        plot.multi_line("xs", "ys", source=self._edge, color="#111111", line_width=2)
        self._marked = ColumnDataSource({"x": [0.0], "y": [0.0]})
        plot.scatter(
            "x", "y", source=self._marked, size=13, marker="circle_cross", color=None, line_color="#111111"
        )
        self._bar = ColorBar(color_mapper=self._mapper, ticker=BasicTicker(desired_num_ticks=5), width=12)
        plot.add_layout(self._bar, "right")
        plot.on_event(Tap, self._tapped)
        return plot

    def _connect(self) -> None:
        self._address.js_on_change("text", CustomJS(code=_REPLACE_ADDRESS))
        self._file.js_on_change("text", CustomJS(code=_DOWNLOAD))
        self._dark.js_on_change("active", CustomJS(code=_SCHEME))
        self.document.js_on_event(
            "document_ready", CustomJS(args={"toggle": self._dark}, code=_PREFERRED_SCHEME)
        )

    # ------------------------------------------------------------------------ what a user does

    def _slid(self, control: Control, _attr: str, _old: float, new: float) -> None:
        if not self._quiet:
            self._set(**{control.key: control.from_slider(new)})

    def _typed(self, control: Control, _attr: str, _old: str, new: str) -> None:
        if self._quiet:
            return
        try:
            value = read_number(control, new)
        except ValueError as error:
            self._say([str(error)])
            return
        self._set(**{control.key: value})

    def _classifiers_changed(self, _attr: str, _old: Any, new: list[int]) -> None:
        if not self._quiet:
            self._set(classifiers=tuple(tuple(CLASSIFIERS)[k] for k in sorted(new)))

    def _intercept_changed(self, _attr: str, _old: bool, new: bool) -> None:
        if not self._quiet:
            self._set(intercept=new)

    def _view_changed(self, _attr: str, _old: int, new: int) -> None:
        if not self._quiet:
            self._set(view=tuple(VIEWS)[new])

    def _tapped(self, event: Tap) -> None:
        if event.x is None or event.y is None:
            return
        changes = {}
        for key, place in (("augmentation", event.x), ("temperature", event.y)):
            changes[key] = CONTROLS[key].from_slider(place)
        self._set(**changes)

    def _scheme_changed(self, _attr: str, _old: bool, new: bool) -> None:
        scheme = _SCHEMES[new]
        for plot in (self._curves, self._phase):
            plot.background_fill_color = plot.border_fill_color = scheme["paper"]
            plot.outline_line_color = plot.grid.grid_line_color = scheme["line"]
            for axis in plot.axis:
                axis.axis_label_text_color = axis.major_label_text_color = scheme["ink"]
                axis.axis_line_color = axis.major_tick_line_color = scheme["line"]
                axis.minor_tick_line_color = scheme["line"]
        self._legend.label_text_color = scheme["ink"]
        self._bar.background_fill_color = scheme["paper"]
        self._bar.major_label_text_color = scheme["ink"]
        self._shrinkage.fill_alpha = self._expansion.fill_alpha = scheme["shade"]

    # ------------------------------------------------------------------------- from state to page

    def _set(self, **changes: Any) -> None:
        self.state = self.state.replace(**changes)
        self._say([])
        self._halt()
        self._points.clear()
        if not self._pending:
            self._pending = True
            self.document.add_next_tick_callback(self._redraw)

    def _say(self, lines: list[str]) -> None:
        self._message.text = "<br>".join(escape(line) for line in lines)

    def _redraw(self) -> None:
        self._pending = False
        state = self.state
        self._quiet = True
        for key, control in CONTROLS.items():
            shown = f"{state[key]:.10g}"
            place = control.to_slider(state[key])
            if self._texts[key].value != shown:
                self._texts[key].value = shown
            if abs(self._sliders[key].value - place) > 0.006:
                self._sliders[key].value = place
            visible = not control.views or state.view in control.views
            if self._rows[key].visible != visible:
                self._rows[key].visible = visible
        for group, heading in self._headings.items():
            heading.visible = any(
                self._rows[key].visible for key, control in CONTROLS.items() if control.group == group
            )
        self._quiet = False
        is_phase = state.view == "phase"
        self._curves.visible, self._phase.visible = not is_phase, is_phase
        self._simulate.visible = not is_phase
        if is_phase:
            self._draw_phase(phase(state))
        else:
            self._draw_curves(curves(state))
        self._code.text = escape(source(state))
        self._address.text = escape(state.query())

    def _draw_curves(self, found: Curves) -> None:
        self.found, state = found, self.state
        against_gain = state.view == "gain"
        self._curves.xaxis.axis_label = (
            "gain of the projector" if against_gain else "aspect ratio p/n"
        )
        self._shrinkage.visible = self._expansion.visible = against_gain
        self._threshold.visible = bool(np.isfinite(found.threshold))
        if self._threshold.visible:
            self._threshold.location = found.threshold
        for name, (line, before, _, drawn) in self._lines.items():
            shown = name in found.lines
            drawn.visible = shown
            line.data = {"x": found.x, "y": found.lines[name]} if shown else {"x": [], "y": []}
            known = shown and name in found.before and np.isfinite(found.before[name])
            before.data = {"x": [1.0], "y": [found.before[name]]} if known else {"x": [], "y": []}
        self._legend.items = [
            LegendItem(label=found.labels[name], renderers=[self._lines[name][3]])
            for name in found.lines
        ]
        self._draw_points()
        lines = [escape(line) for line in found.refused]
        if self._threshold.visible:
            lines.append(f"The classes are separable right of p/n = {found.threshold:.6g}.")
        if against_gain and found.before:
            parts = ", ".join(
                f"{escape(found.labels[name])} {value:.4f}" for name, value in found.before.items()
            )
            lines.append(f"Before the projector (dots at gain 1): {parts}.")
        self._report.text = "<br>".join(lines)

    def _draw_points(self) -> None:
        for name, (_, _, dots, _) in self._lines.items():
            x, y, stderr = np.array(self._points.get(name, [])).reshape(-1, 3).T
            if len(dots.data["x"]) != len(x):
                dots.data = {"x": x, "y": y, "low": y - BARS * stderr, "high": y + BARS * stderr}

    def _draw_phase(self, found: Phase) -> None:
        self.found, state = found, self.state
        largest = float(np.nanmax(np.abs(found.difference), initial=1e-12))
        self._mapper.low, self._mapper.high = -largest, largest
        self._bar.title = "after − before"
        self._image.data = {"image": [found.difference]}
        self._edge.data = _gain_one(found)
        place = [CONTROLS[key].to_slider(state[key]) for key in ("augmentation", "temperature")]
        self._marked.data = {"x": place[:1], "y": place[1:]}
        self._report.text = "<br>".join(map(escape, found.refused)) or _at_point(state)

    # --------------------------------------------------------------------------- simulation

    def _start(self) -> None:
        self._halt()
        self._points.clear()
        self._draw_points()
        if not self.state.classifiers:
            self._say(["choose a classifier to simulate"])
            return
        self._progress.text = "waiting for the turn of this page …"
        job: Job | None = None

        def report(point: Point | None) -> None:
            self.document.add_next_tick_callback(lambda: self._arrived(job, point))

        job = self._job = Job(self.state, report)

    def _halt(self) -> None:
        if self._job is not None:
            self._job.stop()
            self._job = None
            self._progress.text = "simulation cancelled"
            self._points.clear()

    def _arrived(self, job: Job | None, point: Point | None) -> None:
        if job is None or job is not self._job:
            return  # of a simulation that was cancelled
        if point is None:
            self._job = None
            self._progress.text = "simulated: means of trained classifiers with two standard errors"
            return
        if np.isfinite(point.accuracy):
            self._points.setdefault(point.classifier, []).append(
                (point.x, point.accuracy, point.stderr)
            )
        self._progress.text = (
            f'<progress value="{point.done}" max="{point.total}"></progress> '
            f"{point.done} of {point.total} points"
        )
        self._draw_points()

    def _save(self, form: str) -> None:
        if self.found is None:
            return
        kind = {"png": "image/png", "svg": "image/svg+xml"}[form]
        data = b64encode(draw(self.state, self.found, self._points, form)).decode()
        self._file.text = ""
        self._file.text = f"{self.state.view}.{form} data:{kind};base64,{data}"


# ------------------------------------------------------------------------------------ small parts


def _query(document: Document) -> dict[str, str]:
    context = document.session_context
    given = context.request.arguments if context is not None and context.request else {}
    known = {
        key: values[-1].decode("utf-8", "replace")
        for key, values in list(given.items())[:_LONGEST_QUERY]
        if not key.startswith("bokeh-")
    }
    return known


def _heading(text: str) -> Div:
    return Div(
        text=f"<strong>{text.capitalize()}</strong>", styles={"color": "var(--faint)"}, **_WIDE
    )


def _button(label: str, name: str) -> Button:
    return Button(label=label, name=name, stylesheets=[_INPUTS], width=112)


def _figure(y_label: str, **options: Any) -> Any:
    plot = figure(
        height=440,
        tools="pan,wheel_zoom,box_zoom,reset",
        active_scroll=None,
        toolbar_location="above",
        min_border=4,
        **_WIDE,
        **options,
    )
    plot.toolbar.logo = None
    plot.yaxis.axis_label = y_label
    for axis in plot.axis:
        axis.axis_label_text_font_style = "normal"
    return plot


def _gain_one(found: Phase) -> dict[str, list[Any]]:
    """The curve along which the gain is 1, in the logarithms of the axes."""
    if not np.isfinite(found.gain).all():
        return {"xs": [], "ys": []}
    lines = contour_generator(
        np.log10(found.augmentation), np.log10(found.temperature), found.gain
    ).lines(1.0)
    return {"xs": [line[:, 0] for line in lines], "ys": [line[:, 1] for line in lines]}


def _at_point(state: State) -> str:
    loss = asy.InfoNCE(state["augmentation"], state["temperature"], time=state["time"])
    name = state.classifiers[0] if state.classifiers else "ridge"
    found = asy.before_and_after(
        state.mixture, state.classifier(name), state["aspect_ratio"], loss.projector(state.mixture)
    )
    return (
        f"At σₐ = {state['augmentation']:g}, τ = {state['temperature']:g} (click to choose): "
        f"gain {found.gain:.4f}, {found.regime}; {escape(name)} before {found.before.accuracy:.4f}, "
        f"after {found.after.accuracy:.4f}, difference {found.difference:+.4f}."
    )
