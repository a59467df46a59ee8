"""The numbers behind the views, and the code that is to give the same numbers."""

import threading
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import asymptotics as asy
from asymptotics.explorer.drawing import draw
from asymptotics.explorer.simulating import Job, places
from asymptotics.explorer.state import CLASSIFIERS, State
from asymptotics.explorer.views import at_point, curves, phase, source

STATES = {
    "default": State(),
    "spiked": State().replace(strength=4.0, spike_alignment=-0.3, balance=0.3, penalty=0.01),
    "oblique": State().replace(alignment=0.4, noise=0.5),
    "all": State(classifiers=tuple(CLASSIFIERS), intercept=False).replace(gain=0.2),
}


def run(state):
    names = {}
    exec(source(state), names)
    return names


@pytest.mark.parametrize("view", ["gain", "ratio"])
@pytest.mark.parametrize("name", STATES)
def test_curves_and_their_code(name, view):
    state = STATES[name].replace(view=view)
    found, names = curves(state), run(state)
    assert set(found.lines) == set(state.classifiers)
    for clf, line in found.lines.items():
        np.testing.assert_array_equal(names["accuracy"][clf], line)
        k = 137
        gain, ratio = state["gain"], state["aspect_ratio"]
        gain, ratio = (found.x[k], ratio) if view == "gain" else (gain, found.x[k])
        alone = asy.limit(
            state.mixture, state.classifier(clf), ratio, state.projector(gain), throw=False
        )
        assert line[k] == pytest.approx(alone.accuracy, abs=1e-12, nan_ok=True)


def test_phase_and_its_code():
    state = State(view="phase").replace(time=2.0, signal=1.2)
    found, names = phase(state), run(state)
    np.testing.assert_array_equal(names["difference"], found.difference)
    np.testing.assert_array_equal(names["gain"], found.gain)
    place = state.replace(
        augmentation=float(found.augmentation[3]), temperature=float(found.temperature[7])
    )
    assert f"gain {found.gain[7, 3]:.4f}" in at_point(place)


def test_what_has_no_line_says_why(monkeypatch):
    limit = asy.limit

    def refusing(mix, clf, *rest, **options):
        if isinstance(clf, asy.SVM):
            raise ValueError("mix must be something else")
        return limit(mix, clf, *rest, **options)

    monkeypatch.setattr(asy, "limit", refusing)
    found = curves(State())
    assert set(found.lines) == {"logistic", "ridge", "max-margin"}
    assert found.refused == ("SVM, λ = 0.1: mix must be something else",)


def test_threshold_and_double_descent():
    found = curves(State(view="ratio", classifiers=("max-margin", "min-norm")).replace(gain=1.0))
    assert found.threshold == pytest.approx(0.129912, abs=1e-6)
    below = found.x < found.threshold
    assert np.isnan(found.lines["max-margin"][below]).all()
    assert np.isfinite(found.lines["max-margin"][~below]).all()
    dip = found.lines["min-norm"]
    assert dip.argmin() not in (0, dip.size - 1)


@pytest.mark.parametrize("view", ["gain", "ratio", "phase"])
def test_figures_to_keep(view):
    state = State(view=view)
    found = phase(state) if view == "phase" else curves(state)
    points = {"ridge": [(1.0, 0.86, 0.01)]}
    assert draw(state, found, points, "png").startswith(b"\x89PNG")
    text = draw(state, found, points, "svg").decode()
    assert ElementTree.fromstring(text).tag.endswith("svg")


def test_a_simulation_reports_every_point_and_agrees():
    state = State(classifiers=("ridge", "max-margin")).replace(aspect_ratio=0.5)
    seen, done = [], threading.Event()

    def report(point):
        seen.append(point)
        if point is None:
            done.set()

    Job(state, report)
    assert done.wait(60)
    points = seen[:-1]
    assert [point.done for point in points] == list(range(1, 2 * len(places(state)) + 1))
    for point in points:
        lim = asy.limit(
            state.mixture, state.classifier(point.classifier), 0.5, state.projector(point.x)
        )
        # at n = 300 the mean is off by O(1/n) too
        assert abs(point.accuracy - lim.accuracy) < 4 * point.stderr + 0.01


def test_a_stopped_simulation_is_silent_and_lets_the_next_one_in():
    seen, first = [], threading.Event()

    def report(point):
        seen.append(point)
        first.set()

    job = Job(State(classifiers=("ridge",)), report)
    assert first.wait(60)
    job.stop()
    job.wait(60)
    count = len(seen)
    assert seen[-1] is not None
    done = threading.Event()
    Job(State(classifiers=("ridge",)), lambda point: done.set() if point is None else None)
    assert done.wait(60)
    assert len(seen) == count
