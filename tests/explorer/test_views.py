"""The numbers behind the views, and the code that is to give the same numbers."""

import threading
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import asymptotics as asy
from asymptotics.explorer.as_python import source
from asymptotics.explorer.drawing import draw
from asymptotics.explorer.learning import Measured, learning
from asymptotics.explorer.several import slow_points, with_point
from asymptotics.explorer.simulating import filling, places, simulation
from asymptotics.explorer.state import CLASSIFIERS, SEVERAL, State
from asymptotics.explorer.views import at_point, curves, phase

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


@pytest.mark.parametrize("view", ["gain", "ratio"])
@pytest.mark.parametrize(("count", "names"), [(3, tuple(SEVERAL)), (7, ("ridge", "centroid"))])
def test_several_classes_and_their_code(count, names, view):
    state = State(view=view, classifiers=names).replace(classes=float(count), distance=2.5)
    found = curves(state)
    assert set(found.pending) == set(names) & {"logistic", "bayes"}
    for point in slow_points(state):
        found = with_point(found, point)
    assert found.pending == ()
    code = run(state)
    mix = asy.ClassMixture.simplex(count, 2.5)
    for name in names:
        np.testing.assert_array_equal(code["accuracy"][name], found.lines[name])
        # from two, no class is told from the others by chance
        assert np.all((found.lines[name] > 1 / count - 1e-9) & (found.lines[name] < 1))
        if view == "gain":
            alone = asy.limit(mix, state.classifier(name), state["aspect_ratio"]).accuracy
            assert found.before[name] == alone
            assert np.interp(1.0, found.x, found.lines[name]) == pytest.approx(alone, abs=1e-8)


def test_lines_of_several_classes_grow_with_points_that_are_known():
    state = State(classifiers=("logistic", "ridge", "svm")).replace(classes=3.0)
    found = curves(state)
    assert found.refused == ("of two classes only: svm",)
    assert found.line("logistic")[0].size == 0
    assert found.line("ridge")[0].size == found.x.size
    points = slow_points(state)
    for size in range(8):  # the first is that before the projector
        found = with_point(found, next(points))
        x, y = found.line("logistic")
        assert x.size == size and np.isfinite(y).all() and np.all(np.diff(x) > 0)
    assert draw(state, found, {}, "png").startswith(b"\x89PNG")


def test_the_phase_diagram_has_two_classes_whatever_k():
    state = State(view="phase").replace(classes=5.0)
    assert isinstance(state.mixture, asy.SpikedMixture)
    assert state.shown == state.classifiers


def test_a_stopped_filling_is_silent_and_lets_the_next_one_in():
    state = State(classifiers=("bayes",)).replace(classes=3.0)
    seen, first = [], threading.Event()
    job = filling(state, lambda point: (seen.append(point), first.set()))
    assert first.wait(60)
    job.stop()
    job.wait(60)
    count = len(seen)
    done = threading.Event()
    filling(state, lambda point: done.set() if point is None else None)
    assert done.wait(60)
    assert len(seen) == count < 27


def test_simulated_points_of_several_classes_agree():
    state = State(classifiers=("ridge", "logistic", "svm")).replace(classes=3.0, aspect_ratio=0.3)
    seen, done = [], threading.Event()
    simulation(state, lambda point: done.set() if point is None else seen.append(point))
    assert done.wait(120)
    assert len(seen) == seen[0].total == 2 * len(places(state))
    z = []
    for point in seen[::3]:
        lim = asy.limit(
            state.mixture, state.classifier(point.classifier), 0.3, state.projector(point.x)
        )
        z.append((point.accuracy - lim.accuracy) / (4 * point.stderr + 0.01))
    assert np.abs(z).max() < 1


def test_phase_and_its_code():
    state = State(view="phase").replace(time=2.0, signal=1.2)
    found, names = phase(state), run(state)
    np.testing.assert_array_equal(names["difference"], found.difference)
    np.testing.assert_array_equal(names["gain"], found.gain)
    place = state.replace(
        augmentation=float(found.augmentation[3]), temperature=float(found.temperature[7])
    )
    assert f"gain {found.gain[7, 3]:.4f}" in at_point(place)


def test_the_phase_of_the_cosine_and_its_code():
    state = State(view="phase", similarity="cosine").replace(signal=5.0, dimension=50.0)
    found, names = phase(state), run(state)
    np.testing.assert_array_equal(names["difference"], found.difference)
    loss = asy.InfoNCE(0.7, [0.1, 1.0, 4.0], "cosine", dimension=50)
    gains = loss.gain(state.mixture)
    for temperature, gain in zip((0.1, 1.0), gains, strict=False):
        assert f"gain {gain:.4f}" in at_point(
            state.replace(augmentation=0.7, temperature=temperature)
        )
    assert np.isinf(gains[2])
    assert "collapse" in at_point(state.replace(augmentation=0.7, temperature=4.0))
    collapse = loss.collapse_temperature(state.mixture)
    column = np.abs(found.augmentation - 0.7).argmin()
    above = found.temperature > 1.3 * collapse
    assert np.isinf(found.gain[above, column]).all() and above.any()


def test_a_learning_curve_and_its_code(tmp_path):
    features, labels = asy.SpikedMixture(1.5).sample(150, 100, rng=0)
    paths = [str(tmp_path / name) for name in ("features.npy", "labels.npy")]
    np.save(paths[0], features)
    np.save(paths[1], labels)
    measured = Measured(*paths, asy.Spectrum.from_data(features, labels), 150, 100)
    state = State(view="learning", classifiers=("ridge", "logistic")).replace(penalty=0.3)
    found, names = learning(state, measured), {}
    exec(source(state, measured), names)
    for name in state.classifiers:
        np.testing.assert_array_equal(names["accuracy"][name], found.lines[name])
        low, high = found.bands[name]
        assert np.all((low < found.lines[name]) & (found.lines[name] < high))
    assert "150 samples of 100 features" in found.remarks[0]
    for form, start in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        assert draw(state, found, {}, form).startswith(start)


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

    simulation(state, report)
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

    job = simulation(State(classifiers=("ridge",)), report)
    assert first.wait(60)
    job.stop()
    job.wait(60)
    count = len(seen)
    assert seen[-1] is not None
    done = threading.Event()
    simulation(State(classifiers=("ridge",)), lambda point: done.set() if point is None else None)
    assert done.wait(60)
    assert len(seen) == count
