"""Populations, projectors and classifiers are equal where their parameters are."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest

import asymptotics as asy
from asymptotics.checks import ByValue
from asymptotics.projectors.base import Composition, DrawnMap
from asymptotics.projectors.frame_stretch import FrameStretch

MATRIX = np.array([[2.0, 0.5], [0.5, 1.0]])
SPIKES = [asy.Spike(1.0, 0.5), asy.Spike(2.0)]

# One of each, by scalar parameters alone: these are hashed.
SCALAR = {
    asy.Spike: {"strength": 1.0, "alignment": 0.5},
    asy.SpikedMixture: {"signal": 1.5, "noise": 2.0, "spikes": SPIKES, "balance": 0.25},
    asy.Identity: {},
    asy.Expansion: {"gain": 3.0, "alignment": 0.5},
    asy.Power: {"exponent": -0.5},
    asy.PCAExpansion: {"gain": 3.0, "unlabelled_ratio": 2.0},
    asy.PCATruncation: {"k": 2.0, "unlabelled_ratio": 2.0},
    asy.SamplePower: {"exponent": 0.5, "unlabelled_ratio": 2.0},
    asy.InfoNCE: {"augmentation": 0.5, "temperature": 2.0, "similarity": "cosine", "dimension": 9},
    Composition: {"outer": asy.Expansion(2.0), "inner": asy.Power(0.5)},
    asy.Ridge: {"penalty": 0.25},
    asy.Logistic: {"penalty": 0.25, "fit_intercept": False},
    asy.Softmax: {"penalty": 0.25, "class_weight": "balanced"},
    asy.SVM: {"penalty": 0.25},
    asy.SquaredHinge: {"penalty": 0.25},
    asy.Flipped: {"clf": asy.Ridge(0.25), "rate": 0.25},
    asy.MaxMargin: {"fit_intercept": False},
    asy.MinNorm: {},
    asy.Centroid: {},
    asy.Bayes: {},
}
# Those that are made of arrays.
ARRAYS = {
    asy.GaussianMixture: {"mean": [1.0, 0.0], "covariance": MATRIX, "balance": 0.25},
    asy.Spectrum: {"eigenvalues": [1.0, 2.0], "weights": [0.5, 0.5], "energies": [1.0, 0.5]},
    asy.ClassMixture: {"means": np.eye(3), "noise": 2.0, "priors": [0.5, 0.25, 0.25]},
    asy.GaussianClasses: {"means": np.eye(2), "covariance": MATRIX},
    asy.LinearMap: {"matrix": MATRIX},
    asy.Augmentation: {"frame": [0.5, 1.0], "bulk": [0.25, 0.5]},
    FrameStretch: {"basis": np.eye(2), "scales": np.array([2.0, 1.0]), "bulk": np.ones(1)},
    DrawnMap: {"left": MATRIX, "right": MATRIX, "rest": 1.0},
}
ALL = SCALAR | ARRAYS


def _subclasses(kind):
    return {kind}.union(*map(_subclasses, kind.__subclasses__()))


def test_every_type_is_here():
    public = {x for x in vars(asy).values() if isinstance(x, type) and issubclass(x, ByValue)}
    assert public <= set(ALL)
    concrete = {k for k in _subclasses(ByValue) if not getattr(k, "__abstractmethods__", None)}
    inside = {k for k in concrete if k.__module__.startswith("asymptotics.")}
    assert {k for k in inside if dataclasses.is_dataclass(k)} <= set(ALL)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_equal_by_value(kind):
    one, other = kind(**ALL[kind]), kind(**copy.deepcopy(ALL[kind]))
    assert one is not other and one == other and (one != other) is False
    assert pickle.loads(pickle.dumps(one)) == one == copy.deepcopy(one)
    assert one.__eq__("anything else") is NotImplemented
    assert one != "anything else" and one is not None and one != 1.0


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_another_type_is_never_equal(kind):
    one = kind(**ALL[kind])
    for other_kind, values in ALL.items():
        if other_kind is not kind:
            other = other_kind(**values)
            assert one != other and one.__eq__(other) is NotImplemented


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_parameter_counts(kind):
    one = kind(**ALL[kind])
    rng = np.random.default_rng(0)
    changed = 0
    for name in getattr(kind, "parameters", {}):
        for value in (getattr(one, name) * factor for factor in rng.uniform(0.5, 0.9, 20)):
            try:
                other = dataclasses.replace(one, **{name: value})
            except ValueError:  # a weight alone cannot change
                continue
            if np.all(value == getattr(one, name)):  # infinity
                continue
            assert one != other and other != one
            assert other == dataclasses.replace(one, **{name: np.copy(value)})
            changed += 1
    # without numbers in its table there is nothing to change
    assert changed or not getattr(kind, "parameters", {})


@pytest.mark.parametrize("kind", SCALAR, ids=lambda kind: kind.__name__)
def test_hash(kind):
    one, other = kind(**SCALAR[kind]), kind(**copy.deepcopy(SCALAR[kind]))
    assert hash(one) == hash(other) and {one: 1}[other] == 1 and len({one, other}) == 1
    values = SCALAR[kind].items()
    numpy = {name: np.float64(x) if isinstance(x, float) else x for name, x in values}
    assert kind(**numpy) == one and hash(kind(**numpy)) == hash(one)


@pytest.mark.parametrize("kind", ARRAYS, ids=lambda kind: kind.__name__)
def test_no_hash_of_arrays(kind):
    with pytest.raises(TypeError, match=kind.__name__):
        hash(kind(**ARRAYS[kind]))


@pytest.mark.parametrize("kind", SCALAR, ids=lambda kind: kind.__name__)
def test_arrays_of_a_parameter(kind):
    one = kind(**SCALAR[kind])
    for name in getattr(kind, "parameters", {}):
        value = getattr(one, name)
        if value == np.inf:
            continue
        three = dataclasses.replace(one, **{name: [value] * 3})
        assert three == dataclasses.replace(one, **{name: np.full(3, value)})
        assert three != dataclasses.replace(one, **{name: [value, value, value / 2]})
        assert three != one  # whatever broadcasts
        assert three != dataclasses.replace(one, **{name: [[value] * 3]})
        with pytest.raises(TypeError, match=kind.__name__):
            hash(three)


def test_parts():
    pair = asy.Expansion(2.0) @ asy.Power(0.5)
    assert pair == asy.Expansion(2.0) @ asy.Power(0.5) != asy.Power(0.5) @ asy.Expansion(2.0)
    with pytest.raises(TypeError, match="LinearMap"):
        hash(asy.LinearMap(MATRIX) @ asy.LinearMap(MATRIX))
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(1.0)])
    assert mix == asy.SpikedMixture(1.5, spikes=(asy.Spike(1.0),))
    assert mix != asy.SpikedMixture(1.5, spikes=[asy.Spike(1.1)]) != asy.SpikedMixture(1.5)
    assert asy.Logistic(0.1) == asy.Logistic(0.1) != asy.Logistic(0.1, fit_intercept=False)
