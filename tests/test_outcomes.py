"""Statuses: words that know their cause and remedy, and arrays of them at one byte an element."""

import copy
import dataclasses
import json
import pickle

import numpy as np
import pytest

import asymptotics as asy
from asymptotics.outcomes import Status, StatusArray, choose_status

TEXTS = [
    "converged",
    "no limit: not separable",
    "no limit: separable",
    "no limit: fewer samples than dimensions",
    "not converged",
    "interior",
    "at lower bound",
    "at upper bound",
    "flat",
    "crossing",
    "reversed",
    "several",
    "always helps",
    "never helps",
    "no effect",
    "always expansion",
    "always shrinkage",
    "neutral",
    "resolved",
    "not resolved",
    "no power law",
    "done",
    "incomplete",
    "not simulated: no limit",
]
FINE = {
    "converged", "interior", "crossing", "reversed", "always helps", "never helps", "neutral",
    "resolved", "done",
}  # fmt: skip


def test_texts():
    assert [str(status) for status in Status] == TEXTS
    assert len(Status) < 255  # a code is a byte, and 255 is that of none


@pytest.mark.parametrize("status", Status, ids=str)
def test_member(status):
    assert status == status.value and Status(status.value) is status
    assert hash(status) == hash(status.value)
    assert repr(status) == repr(status.value) == f"{status!r}"
    assert str(status) == f"{status}" == status.value
    assert status.cause.endswith(".") and bool(status.remedy) == (status not in FINE)
    assert not status.remedy or status.remedy.endswith(".")
    assert pickle.loads(pickle.dumps(status)) is status is copy.deepcopy(status)
    assert json.loads(json.dumps({"status": status})) == {"status": status.value}
    assert np.asarray(status).dtype.kind == "U"


def test_repr_inside_a_result():
    best = asy.optimal_penalty(asy.SpikedMixture(1.5), asy.Ridge(1.0), aspect_ratio=0.5)
    assert best.status is Status.AT_UPPER_BOUND
    assert repr(best).endswith("status='at upper bound')")


@pytest.fixture
def some():
    return StatusArray([["converged", "not converged", "flat"], ["flat", "flat", "converged"]])


def test_one_byte_an_element(some):
    assert (some.shape, some.ndim, some.size, len(some)) == ((2, 3), 2, 6, 2)
    assert (some.itemsize, some.nbytes, some.codes.dtype) == (1, 6, np.uint8)
    assert (np.shape(some), np.ndim(some), np.size(some)) == ((2, 3), 2, 6)


def test_immutable(some):
    with pytest.raises(AttributeError, match="immutable"):
        some.codes = None
    with pytest.raises(AttributeError, match="immutable"):
        del some.codes
    with pytest.raises(ValueError, match="read-only"):
        some.codes[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        some[0] = "flat"
    with pytest.raises(TypeError, match="unhashable"):
        hash(some)


def test_comparison(some):
    texts = np.array(some.tolist())
    for other in ("flat", Status.FLAT, np.str_("flat"), "of no member", texts, texts[0], some, 3):
        equal = texts == (np.asarray(other) if isinstance(other, StatusArray) else other)
        for found in (some == other, ~(some != other)):
            assert found.dtype == bool
            np.testing.assert_array_equal(found, equal)
    np.testing.assert_array_equal("flat" == some, texts == "flat")  # noqa: SIM300
    np.testing.assert_array_equal(Status.FLAT == some, texts == "flat")  # noqa: SIM300
    assert np.sum(some == Status.FLAT) == 3 and not np.all(some == "flat")
    assert "flat" in some and "neutral" not in some and None not in some


def test_indexing(some):
    assert some[0, 1] is Status.NOT_CONVERGED and some[1][-1] is Status.CONVERGED
    assert some[..., 0].tolist() == ["converged", "flat"]
    assert some[some != "flat"].tolist() == ["converged", "not converged", "converged"]
    assert some[:, None].shape == (2, 1, 3)
    assert all(isinstance(part, StatusArray) for part in (some[0], some[:, 1], some[some == "x"]))
    assert [row.tolist() for row in some] == some.tolist()
    assert list(some[0]) == [Status.CONVERGED, Status.NOT_CONVERGED, Status.FLAT]
    single = StatusArray("flat")
    assert single.shape == () and single[()] is Status.FLAT and single.tolist() == "flat"
    with pytest.raises(TypeError, match="unsized"):
        len(single)


def test_shapes(some):
    assert some.ravel().shape == some.reshape(6).shape == some.reshape((-1,)).shape == (6,)
    assert some.reshape(3, 2).tolist()[1] == ["flat", "flat"]
    assert some.broadcast_to((5, 2, 3)).codes.strides[0] == 0
    again = some.copy()
    assert np.all(again == some) and not np.shares_memory(again.codes, some.codes)
    assert all(type(text) is str for row in some.tolist() for text in row)


def test_as_an_array_of_str(some):
    texts = np.asarray(some)
    assert texts.dtype.kind == "U" and texts.tolist() == some.tolist()
    assert np.array(some, dtype=object).tolist() == some.tolist()
    assert np.asarray(StatusArray("flat")).shape == ()
    assert np.asarray(StatusArray([])).shape == (0,)
    assert np.unique(some).tolist() == ["converged", "flat", "not converged"]
    assert np.broadcast_to(np.asarray(some), (4, 2, 3)).shape == (4, 2, 3)
    assert np.array_equal(some, texts) and np.array_equal(some == "flat", texts == "flat")
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(some, copy=False)


def test_repr_and_counts(some):
    assert repr(some[0]) == "array(['converged', 'not converged', 'flat'])"
    assert "..." in repr(StatusArray("flat").broadcast_to((10**6,)))
    assert repr(some.counts()) == "{'converged': 2, 'not converged': 1, 'flat': 3}"


def test_pickling(some):
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(some, protocol))
        assert type(again) is StatusArray and np.array_equal(again.codes, some.codes)
    for other in (StatusArray("flat"), StatusArray([]), some.broadcast_to((2, 2, 3))):
        again = copy.deepcopy(other)
        assert type(again) is StatusArray and again.tolist() == other.tolist()
        assert again.shape == other.shape
    assert b"not converged" in pickle.dumps(some)  # whatever the order of the members was


def test_unknown_text():
    with pytest.raises(ValueError, match="got 'no word'"):
        StatusArray(["flat", "no word"])


def test_choice():
    x = np.array([1.0, -1.0, 0.0])
    found = choose_status([x > 0, x < 0], [Status.ALWAYS_HELPS, Status.NEVER_HELPS], Status.FLAT)
    assert found.tolist() == ["always helps", "never helps", "flat"]
    assert choose_status([False, np.bool_(True)], [Status.FLAT, Status.DONE], Status.FLAT) == "done"


def test_results_hold_them():
    mix = asy.SpikedMixture(1.5)
    lim = asy.limit(mix, asy.Logistic([[0.0], [0.1]]), [0.2, 0.5, 3.0], throw=False)
    assert isinstance(lim.status, StatusArray) and lim.status.nbytes == lim.accuracy.size == 6
    np.testing.assert_array_equal(lim.status == "converged", np.isfinite(lim.accuracy))
    assert repr(lim).startswith("Limit(shape=(2, 3), status={'converged': ")
    again = pickle.loads(pickle.dumps(lim))
    assert again.status.tolist() == lim.status.tolist()
    report = asy.before_and_after(mix, asy.Ridge(0.1), 0.5, asy.Expansion([0.5, 2.0]))
    for part in (report.before, report.after):
        assert part.status.tolist() == ["converged", "converged"]
    found = asy.critical_alignment(mix, asy.Ridge(1.0), 2.0, [0.5, 5.0])
    assert isinstance(found.status, StatusArray) and found.status[1] is Status.CROSSING
    loss = asy.InfoNCE([1.0, 2.0])
    assert isinstance(loss.boundary(mix, "temperature").status, StatusArray)
    scalar = dataclasses.replace(loss, augmentation=1.0).boundary(mix, "temperature")
    assert isinstance(scalar.status, Status)


@pytest.mark.parametrize("name", sorted({*asy.results.__all__} - {"Status"}))
def test_types_of_results_have_a_room_of_their_own(name):
    assert isinstance(getattr(asy.results, name), type)
    assert name not in asy.__all__
    with pytest.raises(AttributeError, match=rf"is in asymptotics\.results: results\.{name}$"):
        getattr(asy, name)
    assert asy.Status is asy.results.Status
