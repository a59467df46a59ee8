"""The page: widgets that change the state, figures that follow it."""

from __future__ import annotations

from base64 import b64encode
from functools import partial
from importlib.resources import files
from typing import Any

import numpy as np
from bokeh.core.properties import String
from bokeh.document import Document
from bokeh.events import Tap
from bokeh.layouts import column, row
from bokeh.model import DataModel
from bokeh.models import (
    Button,
    CheckboxButtonGroup,
    CustomJS,
    Div,
    RadioButtonGroup,
    Slider,
    TextInput,
    Toggle,
)
from jinja2 import Template

from .as_python import source
from .controls import CONTROLS, Control, read_number
from .curve_plot import CurvePlot
from .drawing import FORMATS, draw
from .learning import Learning, Measured, learning
from .lines import Curves
from .looks import (
    COPY,
    DOWNLOAD,
    INPUTS,
    REPLACE_ADDRESS,
    SELECTED,
    START,
    SWITCH_SCHEME,
    WIDE,
    WRITE,
)
from .phase_plot import AXES, PhasePlot
from .several import Filled, with_point
from .simulating import Job, Point, filling, simulation
from .state import CLASSIFIERS, OF_DATA, SIMILARITIES, VIEWS, State
from .views import Phase, at_point, curves, phase

__all__ = ["Page", "page"]

# Parts of an address that are looked at.
_LONGEST_QUERY = 60
# A slider is moved only to where it visibly is not.
_SLIDER_STEP = 0.01
_KINDS = {"png": "image/png", "svg": "image/svg+xml"}


def page(document: Document, measured: Measured | None = None) -> None:
    """Fill the document of a new session."""
    Page(document, measured)


class Message(DataModel):  # type: ignore[misc]  # bokeh is not checked
    """A text for the browser to take up, which makes no figure be laid out anew."""

    text = String()


class Page:
    """One open page.

    Parameters
    ----------
    document : bokeh Document
        Of the session; its request's address gives the first state.
    measured : Measured, optional
        Features of the user's own, for the view of a learning curve.
    """

    def __init__(self, document: Document, measured: Measured | None = None) -> None:
        self.document, self._measured = document, measured
        self.state, refused = State.from_query(_query(document), measured is not None)
        self.found: Curves | Phase | Learning | None = None
        self._points: dict[str, list[tuple[float, float, float]]] = {}
        self._job: Job[Point] | None = None
        self._filling: Job[Filled] | None = None
        self._quiet = False  # while the page itself moves a widget
        self._pending = False
        self._curves, self._phase = CurvePlot(), PhasePlot()
        self._phase.plot.on_event(Tap, self._tapped)
        self._sliders: dict[str, Slider] = {}
        self._texts: dict[str, TextInput] = {}
        self._rows: dict[str, Any] = {}
        self._headings: dict[str, Div] = {}
        self._progress = Div(name="progress", stylesheets=[INPUTS], **WIDE)
        self._address, self._code, self._file = (
            Message(name=name) for name in ("address", "code", "file")
        )
        self._message, self._report = Message(name="message"), Message(name="report")
        controls, view = self._make_controls(), self._make_view()
        document.title = "asymptotics: explore"
        document.template = Template((files(__package__) / "page.html").read_text("utf-8"))
        document.add_root(controls)
        document.add_root(view)
        document.on_session_destroyed(self.close)
        start = {"toggle": self._dark, "texts": [self._message, self._report]}
        document.js_on_event("document_ready", CustomJS(args=start, code=START))
        self._say(refused)
        self._redraw()

    def close(self, *_: Any) -> None:
        """The session has ended: nothing of it goes on."""
        for job in (self._job, self._filling):
            if job is not None:
                job.stop()

    # ----------------------------------------------------------------------------- widgets

    def _make_controls(self) -> Any:
        self._classifiers = CheckboxButtonGroup(
            labels=[name.replace("-", " ") for name in CLASSIFIERS],
            active=[k for k, name in enumerate(CLASSIFIERS) if name in self.state.classifiers],
            stylesheets=[INPUTS],
            name="classifiers",
            **WIDE,
        )
        self._classifiers.on_change("active", self._chosen)
        self._intercept = Toggle(
            label="fit an intercept",
            active=self.state.intercept,
            stylesheets=[INPUTS],
            name="intercept",
            **WIDE,
        )
        self._intercept.on_change("active", self._toggled)
        self._similarity = RadioButtonGroup(
            labels=list(SIMILARITIES.values()),
            active=list(SIMILARITIES).index(self.state.similarity),
            stylesheets=[INPUTS],
            name="similarity",
            **WIDE,
        )
        self._similarity.on_change("active", self._compared)
        parts: list[Any] = []
        for control in CONTROLS.values():
            if control.group not in self._headings:
                heading = f"<strong>{control.group.capitalize()}</strong>"
                self._headings[control.group] = Div(
                    text=heading, styles={"color": "var(--faint)"}, **WIDE
                )
                parts.append(self._headings[control.group])
                if control.group == "training":
                    parts += [self._classifiers, self._intercept]
                if control.group == "contrastive":
                    parts.append(self._similarity)
            parts.append(self._make_control(control))
        return column(*parts, name="controls", **WIDE)

    def _make_control(self, control: Control) -> Any:
        value = self.state[control.key]
        slider = Slider(
            title=control.label,
            start=control.to_slider(control.low),
            end=control.to_slider(control.high),
            value=control.to_slider(value),
            step=1 if control.whole and not control.logarithmic else _SLIDER_STEP,
            show_value=False,
            tooltips=False,
            bar_color=SELECTED,
            stylesheets=[INPUTS],
            name=f"slide-{control.key}",
            **WIDE,
        )
        text = TextInput(
            title=" ",
            width=86,
            name=f"type-{control.key}",
            stylesheets=[INPUTS],
            value=f"{value:g}",
        )
        slider.on_change("value", partial(self._slid, control))
        text.on_change("value", partial(self._typed, control))
        self._sliders[control.key], self._texts[control.key] = slider, text
        self._rows[control.key] = row(slider, text, **WIDE)
        return self._rows[control.key]

    def _make_view(self) -> Any:
        self._views = tuple(view for view in VIEWS if view != OF_DATA or self._measured is not None)
        views = RadioButtonGroup(
            labels=[VIEWS[view] for view in self._views],
            active=self._views.index(self.state.view),
            stylesheets=[INPUTS],
            name="views",
            **WIDE,
        )
        views.on_change("active", self._turned)
        self._simulate = _button("Simulate", "simulate")
        self._simulate.on_click(self._start)
        copy = _button("Copy Python", "copy")
        copy.js_on_click(CustomJS(args={"code": self._code}, code=COPY))
        self._address.js_on_change("text", CustomJS(code=REPLACE_ADDRESS))
        self._file.js_on_change("text", CustomJS(code=DOWNLOAD))
        for text in (self._message, self._report):
            text.js_on_change("text", CustomJS(code=WRITE))
        saves = []
        for form in FORMATS:
            saves.append(_button(f"Save {form.upper()}", f"save-{form}"))
            saves[-1].on_click(partial(self._save, form))
        self._dark = Toggle(label="Dark", width=80, stylesheets=[INPUTS], name="dark")
        self._dark.on_change("active", self._recoloured)
        self._dark.js_on_change("active", CustomJS(code=SWITCH_SCHEME))
        buttons = row(
            self._simulate, copy, *saves, self._dark, styles={"flex-wrap": "wrap"}, **WIDE
        )
        return column(
            views,
            self._curves.plot,
            self._phase.plot,
            buttons,
            self._progress,
            tags=[self._address, self._code, self._file, self._message, self._report],
            name="view",
            **WIDE,
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

    def _chosen(self, _attr: str, _old: Any, new: list[int]) -> None:
        names = tuple(CLASSIFIERS)
        self._set(classifiers=tuple(names[k] for k in sorted(new)))

    def _toggled(self, _attr: str, _old: bool, new: bool) -> None:
        self._set(intercept=new)

    def _turned(self, _attr: str, _old: int, new: int) -> None:
        self._set(view=self._views[new])

    def _compared(self, _attr: str, _old: int, new: int) -> None:
        self._set(similarity=tuple(SIMILARITIES)[new])

    def _tapped(self, event: Tap) -> None:
        if event.x is not None and event.y is not None:
            places = zip(AXES, (event.x, event.y), strict=True)
            self._set(**{key: CONTROLS[key].from_slider(place) for key, place in places})

    def _recoloured(self, _attr: str, _old: bool, new: bool) -> None:
        self._curves.recolour(new)
        self._phase.recolour(new)

    # ------------------------------------------------------------------------- from state to page

    def _set(self, **changes: Any) -> None:
        self._say([])
        state = self.state.replace(**changes)
        if state == self.state:  # a slider may say the same thing twice
            return
        self.state = state
        self._halt()
        if self._filling is not None:
            self._filling.stop()
            self._filling = None
        if not self._pending:
            self._pending = True
            self.document.add_next_tick_callback(self._redraw)

    def _say(self, lines: list[str]) -> None:
        self._message.text = "\n".join(lines)

    def _tell(self, lines: list[str]) -> None:
        self._report.text = "\n".join(lines)

    def _redraw(self) -> None:
        self._pending = False
        self.document.hold("combine")
        try:
            self._redraw_all()
        finally:
            self.document.unhold()

    def _redraw_all(self) -> None:
        state = self.state
        self._move_widgets()
        is_phase = state.view == "phase"
        self._curves.plot.visible, self._phase.plot.visible = not is_phase, is_phase
        self._simulate.visible = state.view in ("gain", "ratio")
        if is_phase:
            self.found = phase(state)
            self._phase.show(self.found, state)
            lines = list(self.found.refused) or [at_point(state)]
            if state["classes"] > 2:
                lines.append("This diagram is of two classes: K acts on the first two views.")
        elif state.view == OF_DATA and self._measured is not None:
            self.found = learning(state, self._measured)
            self._curves.show_learning(self.found)
            lines = [*self.found.refused, *self.found.remarks]
        else:
            self.found = curves(state)
            self._curves.show(self.found, state.view == "gain")
            lines = [*self.found.refused, *self.found.remarks]
            self._fill()
        self._curves.show_points(self._points)
        self._tell(lines)
        self._code.text = source(state, self._measured)
        self._address.text = state.query()

    def _move_widgets(self) -> None:
        state = self.state
        self._quiet = True
        for key, control in CONTROLS.items():
            self._texts[key].value = f"{state[key]:.10g}"
            place = control.to_slider(state[key])
            if abs(self._sliders[key].value - place) > 0.6 * _SLIDER_STEP:
                self._sliders[key].value = place
            self._rows[key].visible = state.shows(control)
        for group, heading in self._headings.items():
            heading.visible = any(
                self._rows[key].visible
                for key, control in CONTROLS.items()
                if control.group == group
            )
        self._similarity.visible = state.view == "phase"
        self._quiet = False

    # -------------------------------------------------------------------- what takes its time

    def _fill(self) -> None:
        """The rest of the lines, as it comes."""
        if not isinstance(self.found, Curves) or not self.found.pending:
            return
        job: Job[Filled] | None = None

        def report(point: Filled | None) -> None:
            self.document.add_next_tick_callback(lambda: self._filled(job, point))

        job = self._filling = filling(self.state, report)

    def _filled(self, job: Job[Filled] | None, point: Filled | None) -> None:
        if job is not self._filling or point is None or not isinstance(self.found, Curves):
            return
        self.found = with_point(self.found, point)
        self._curves.show(self.found, self.state.view == "gain")
        self._tell([*self.found.refused, *self.found.remarks])

    def _start(self) -> None:
        self._halt()
        if not self.state.shown:
            self._say(["choose a classifier to simulate"])
            return
        self._progress.text = "waiting for its turn …"
        job: Job[Point] | None = None

        def report(point: Point | None) -> None:
            self.document.add_next_tick_callback(lambda: self._arrived(job, point))

        job = self._job = simulation(self.state, report)

    def _halt(self) -> None:
        self._points.clear()
        self._curves.show_points(self._points)
        if self._job is not None:
            self._job.stop()
            self._job = None
            self._progress.text = "simulation cancelled"

    def _arrived(self, job: Job[Point] | None, point: Point | None) -> None:
        if job is not self._job or job is None:
            return  # of a simulation that was cancelled
        if point is None:
            self._job = None
            self._progress.text = "simulated: means of trained classifiers, two standard errors"
            return
        if np.isfinite(point.accuracy):
            mine = self._points.setdefault(point.classifier, [])
            mine.append((point.x, point.accuracy, point.stderr))
        self._progress.text = (
            f'<progress value="{point.done}" max="{point.total}"></progress> '
            f"{point.done} of {point.total} points"
        )
        self._curves.show_points(self._points)

    def _save(self, form: str) -> None:
        if self.found is None:
            return
        data = b64encode(draw(self.state, self.found, self._points, form)).decode()
        self._file.text = ""
        self._file.text = f"{self.state.view}.{form} data:{_KINDS[form]};base64,{data}"


def _query(document: Document) -> dict[str, str]:
    context = document.session_context
    given = context.request.arguments if context is not None and context.request else {}
    return {
        key: values[-1].decode("utf-8", "replace")
        for key, values in list(given.items())[:_LONGEST_QUERY]
        if not key.startswith("bokeh-")
    }


def _button(label: str, name: str) -> Button:
    return Button(label=label, name=name, stylesheets=[INPUTS], width=112)
