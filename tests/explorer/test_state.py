"""The page's state: what an address may hold, and what of it is refused."""

import math
from urllib.parse import parse_qsl

import numpy as np
import pytest

import asymptotics as asy
from asymptotics.explorer.controls import CONTROLS, read_number
from asymptotics.explorer.state import CLASSIFIERS, SIMILARITIES, VIEWS, State


def random_state(rng):
    numbers = {
        key: control.from_slider(
            rng.uniform(control.to_slider(control.low), control.to_slider(control.high))
        )
        for key, control in CONTROLS.items()
    }
    chosen = tuple(name for name in CLASSIFIERS if rng.random() < 0.5)
    view = list(VIEWS)[rng.integers(len(VIEWS))]
    similarity = list(SIMILARITIES)[rng.integers(2)]
    return State(view, chosen, bool(rng.random() < 0.5), similarity, numbers)


@pytest.mark.parametrize("seed", range(40))
def test_an_address_holds_the_whole_state(seed):
    state = random_state(np.random.default_rng(seed))
    query = dict(parse_qsl(state.query(), keep_blank_values=True))
    assert State.from_query(query, has_data=True) == (state, [])


def test_the_default_needs_no_address():
    assert State().query() == ""


@pytest.mark.parametrize("key", CONTROLS)
@pytest.mark.parametrize(
    "text", ["1e9", "-1e9", "nan", "inf", "", "x", "__import__('os')", "1j", "0x1"]
)
def test_a_number_out_of_range_is_refused_by_its_range(key, text):
    state, refused = State.from_query({key: text})
    assert state == State()
    control = CONTROLS[key]
    (message,) = refused
    assert message == f"{control.label} must be a number in {control}, got {text!r}"


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("view", "all", "view must be one of"),
        ("classifiers", "ridge,forest", "classifiers must be among"),
        ("similarity", "dot", "similarity must be one of"),
        ("dimension", "50.5", "must be an integer in [4, 10000]"),
        ("classes", "2.5", "must be an integer in [2, 10]"),
        ("view", "learning", "a server started with --features and --labels"),
        ("intercept", "yes", "intercept must be 0 or 1"),
        ("spell" * 50, "1", "which is not known"),
        ("signal", "9" * 400, "must be a number in"),
    ],
)
def test_other_nonsense_is_refused_in_short(key, text, message):
    state, refused = State.from_query({key: text, "penalty": "0.3"})
    assert state == State().replace(penalty=0.3)
    (found,) = refused
    assert message in found
    assert len(found) < 200


@pytest.mark.parametrize("key", CONTROLS)
def test_sliders_reach_both_ends_and_stay_inside(key):
    control = CONTROLS[key]
    for value in (control.low, control.high, control.default):
        place = control.to_slider(value)
        assert control.from_slider(place) == pytest.approx(value, rel=1e-3, abs=1e-12)
    for place in np.linspace(control.to_slider(control.low), control.to_slider(control.high), 57):
        value = control.from_slider(float(place))
        assert control.low <= value <= control.high
        assert value == round(value) or not control.whole
        assert read_number(control, repr(control.from_slider(float(place)))) is not None


def test_numbers_as_people_type_them():
    assert read_number(CONTROLS["signal"], " 1,5 ") == 1.5
    assert read_number(CONTROLS["penalty"], "1e-3") == 1e-3


@pytest.mark.parametrize("seed", range(20))
def test_every_state_stands_for_valid_objects(seed):
    state = random_state(np.random.default_rng(seed))
    for name in state.shown[:2] if state.several else state.shown:
        clf = state.classifier(name)
        lim = asy.limit(state.mixture, clf, state["aspect_ratio"], throw=False)
        assert 0 <= lim.accuracy <= 1 or math.isnan(lim.accuracy)
