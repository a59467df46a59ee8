"""Every parameter of everything public is fed something invalid.

The parameters come from the signatures and the `parameters` tables of what the package exports: a new
class or function, or a new parameter, fails `test_nothing_escapes` until its invalid values are here.
Each of them has to raise a TypeError or a ValueError that names the parameter, what it must be, and
what it got.
"""

import inspect
import re

import numpy as np
import pytest

import asymptotics as asy
from asymptotics.checks import NONNEGATIVE, Interval

MIX = asy.SpikedMixture(1.5)
SPIKED = asy.SpikedMixture(1.5, spikes=[asy.Spike(2.0, 0.3)])
MATRIX = asy.GaussianMixture([1.0, 0.0], np.eye(2))
SPECTRUM = asy.Spectrum([1.0, 2.0], [0.5, 0.5], [1.0, 0.0])
FEATURES = np.random.default_rng(0).normal(size=(6, 2))
LABELS = [0, 1, 0, 1, 1, 0]
ESTIMATED = asy.Spectrum.from_data(*asy.SpikedMixture(1.5).sample(40, dimension=10, rng=0))

# Every public callable, or method, with valid arguments for each of its parameters.
VALID = {
    "Spike": {"strength": 1.0, "alignment": 0.5},
    "SpikedMixture": {"signal": 1.0, "noise": 1.0, "spikes": [], "balance": 0.5},
    "GaussianMixture": {"mean": [1.0, 0.0], "covariance": np.eye(2), "balance": 0.5},
    "Spectrum": {
        "eigenvalues": [1.0],
        "weights": [1.0],
        "energies": [1.0],
        "balance": 0.5,
        "priors": None,
        "labels": None,
        "class_eigenvalues": None,
    },
    "ClassMixture": {
        "means": [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]],
        "covariance": np.eye(2),
        "noise": 1.0,
        "priors": [0.5, 0.25, 0.25],
        "labels": [-1, 1, -1],
    },
    "ClassMixture.simplex": {"classes": 3, "distance": 2.0, "noise": 1.0},
    "GaussianClasses": {
        "means": [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]],
        "covariance": np.eye(2),
        "priors": [0.5, 0.25, 0.25],
        "labels": [-1, 1, -1],
    },
    "Identity": {},
    "Expansion": {
        "gain": 2.0,
        "alignment": 1.0,
        "spike": None,
        "contrast": None,
        "subspace": None,
    },
    "Power": {"exponent": 0.5},
    "LinearMap": {"matrix": np.eye(2)},
    "InfoNCE": {
        "augmentation": 1.0,
        "temperature": 1.0,
        "similarity": "cosine",
        "time": 1.0,
        "dimension": 9,
        "exact": False,
    },
    "Augmentation": {"frame": [1.0], "bulk": 1.0, "covariance": None},
    "PCAExpansion": {"gain": 2.0, "unlabelled_ratio": 0.5, "components": 1},
    "PCATruncation": {"k": 0.5, "unlabelled_ratio": 0.5},
    "SamplePower": {"exponent": 0.5, "unlabelled_ratio": 0.5},
    "Ridge": {"penalty": 1.0, "fit_intercept": True, "class_weight": None},
    "Softmax": {"penalty": 1.0, "fit_intercept": True, "class_weight": None},
    "Logistic": {"penalty": 1.0, "fit_intercept": True, "class_weight": None},
    "SVM": {"penalty": 1.0, "fit_intercept": True, "class_weight": None},
    "SquaredHinge": {"penalty": 1.0, "fit_intercept": True, "class_weight": None},
    "Flipped": {"clf": asy.Ridge(1.0), "rate": 0.2},
    "MaxMargin": {"fit_intercept": True},
    "MinNorm": {"fit_intercept": True},
    "Centroid": {"fit_intercept": True},
    "Bayes": {"fit_intercept": True},
    "limit": {
        "mix": MIX,
        "clf": asy.Ridge(1.0),
        "aspect_ratio": 0.5,
        "projector": None,
        "throw": True,
    },
    "separability_threshold": {"mix": MIX, "fit_intercept": True, "projector": None},
    "separability_gradient": {"mix": MIX, "fit_intercept": True, "projector": None},
    "gradient": {"mix": MIX, "clf": asy.Ridge(1.0), "aspect_ratio": 0.5, "projector": None},
    "optimal_penalty": {
        "mix": SPIKED,
        "clf": asy.Ridge(1.0),
        "aspect_ratio": 0.5,
        "projector": None,
        "bounds": (0.1, 10.0),
    },
    "optimal_gain": {
        "mix": MIX,
        "clf": asy.Ridge(1.0),
        "aspect_ratio": 0.5,
        "projector": asy.Expansion(1.0, 0.5),
        "bounds": (0.5, 2.0),
    },
    "critical_alignment": {"mix": MIX, "clf": asy.Ridge(1.0), "aspect_ratio": 0.5, "gain": 2.0},
    "before_and_after": {
        "mix": MIX,
        "clf": asy.Ridge(1.0),
        "aspect_ratio": 0.5,
        "projector": None,
        "best_penalty": False,
    },
    "expansion_measure": {"mix": MIX, "projector": asy.Expansion(2.0), "dimension": 5},
    "simulate": {
        "mix": MIX,
        "clf": asy.Ridge(1.0),
        "aspect_ratio": 0.5,
        "n": 20,
        "trials": 2,
        "projector": None,
        "rng": 0,
        "method": "auto",
        "fixed_counts": False,
        "n_jobs": None,
        "progress": False,
    },
    "sweep": {
        "mix": MIX,
        "clf": asy.Ridge(1.0),
        "aspect_ratio": 0.5,
        "grid": None,
        "projector": None,
        "n": 20,
        "trials": 2,
        "rng": 0,
        "method": "auto",
        "fixed_counts": False,
        "metrics": ["auc"],
        "n_jobs": None,
        "checkpoint": None,
        "shard": None,
        "progress": False,
    },
    "convergence": {
        "mix": MIX,
        "clf": asy.Centroid(),
        "aspect_ratio": 0.5,
        "n": [20, 40, 80],
        "trials": 10,
        "projector": None,
        "rng": 0,
        "method": "auto",
        "fixed_counts": False,
        "n_jobs": None,
        "checkpoint": None,
        "shard": None,
        "progress": False,
        "confidence": 0.95,
        "correction": False,
    },
    "learning_curve": {
        "source": ESTIMATED,
        "clf": asy.Ridge(1.0),
        "samples": [10.0, 20.0],
        "projector": None,
        "cross_validated": None,
        "per_class": False,
        "best_penalty": False,
    },
    "samples_needed": {
        "source": ESTIMATED,
        "clf": asy.Ridge(1.0),
        "accuracy": 0.8,
        "projector": None,
        "cross_validated": None,
        "per_class": False,
        "best_penalty": False,
    },
    "head_report": {
        "features": FEATURES,
        "labels": LABELS,
        "head": np.array([[1.0, 0.5], [0.0, 1.0]]),
        "clf": asy.Ridge(1.0),
        "samples": [10.0, 20.0],
        "best_penalty": False,
        "anchor": False,
        "model_error": 0.1,
        "rng": 0,
    },
    "GaussianMixture.from_data": {
        "features": FEATURES,
        "labels": LABELS,
        "shared_covariance": True,
        "clusters": 1,
    },
    "Spectrum.from_data": {"features": FEATURES, "labels": LABELS},
    "train_projector": {
        "source": MIX,
        "augmentation": 0.5,
        "temperature": 1.0,
        "similarity": "inner",
        "loss": "infonce",
        "batch_size": 4,
        "batches": None,
        "steps": 1,
        "optimiser": "adam",
        "learning_rate": 0.01,
        "dimension": 2,
        "output_dimension": None,
        "rng": 0,
        "progress": False,
        "callback": None,
    },
}
METHODS = {
    "Ridge.from_alpha": (asy.Ridge.from_alpha, {"alpha": 1.0, "n": 5, "fit_intercept": True}),
    "Ridge.to_alpha": (asy.Ridge(0.1).to_alpha, {"n": 5}),
    "Ridge.from_shrinkage": (asy.Ridge.from_shrinkage, {"shrinkage": 0.5, "variance": 2.0}),
    "Ridge.to_shrinkage": (asy.Ridge(0.1).to_shrinkage, {"variance": 2.0}),
    **{
        f"{cls.__name__}.{way}": (getattr(owner, way), {**first, "n": 5, **last})
        for cls in (asy.Logistic, asy.SVM, asy.SquaredHinge)
        for way, owner, first, last in (
            ("from_C", cls, {"C": 1.0}, {"fit_intercept": True}),
            ("to_C", cls(0.1), {}, {}),
        )
    },
    "SpikedMixture.sample": (
        SPIKED.sample,
        {"n": 5, "dimension": 4, "rng": 0, "fixed_counts": False},
    ),
    "GaussianMixture.sample": (
        MATRIX.sample,
        {"n": 5, "dimension": None, "rng": 0, "fixed_counts": False},
    ),
    "Spectrum.sample": (SPECTRUM.sample, {"n": 5, "dimension": 4, "rng": 0, "fixed_counts": False}),
    "SpikedMixture.realise": (SPIKED.realise, {"dimension": 4}),
    "SpikedMixture.spectrum": (SPIKED.spectrum, {"projector": None}),
    "GaussianMixture.spectrum": (MATRIX.spectrum, {"projector": None}),
    "Spectrum.spectrum": (SPECTRUM.spectrum, {"projector": None}),
    "InfoNCE.gain": (asy.InfoNCE(1.0).gain, {"mix": MIX}),
    "InfoNCE.spike_gains": (asy.InfoNCE(1.0).spike_gains, {"mix": SPIKED}),
    "InfoNCE.regime": (asy.InfoNCE(1.0).regime, {"mix": MIX}),
    "InfoNCE.expansion_measure": (
        asy.InfoNCE(1.0, 0.1, "cosine", dimension=9).expansion_measure,
        {"mix": MIX},
    ),
    "InfoNCE.collapse_temperature": (
        asy.InfoNCE(1.0, similarity="cosine", dimension=9).collapse_temperature,
        {"mix": MIX},
    ),
    "InfoNCE.projector": (asy.InfoNCE(1.0).projector, {"mix": MIX, "normalise": True}),
    "InfoNCE.certificate": (asy.InfoNCE(1.0).certificate, {"mix": MIX}),
    "InfoNCE.boundary": (
        asy.InfoNCE(1.0).boundary,
        {"mix": MIX, "parameter": "augmentation", "bounds": (0.1, 10.0)},
    ),
    "Expansion.transform": (
        asy.Expansion(2.0).transform,
        {"features": FEATURES, "population": MIX},
    ),
    "PCAExpansion.direction": (asy.PCAExpansion(2.0, 0.5).direction, {"mix": MIX}),
    "PCAExpansion.alignment": (asy.PCAExpansion(2.0, 0.5).alignment, {"mix": MIX}),
    "PCAExpansion.draw": (
        asy.PCAExpansion(2.0, 0.5).draw,
        {"population": SPIKED, "dimension": 4, "rng": 0},
    ),
    "PCATruncation.draw": (
        asy.PCATruncation(2, 0.5).draw,
        {"population": SPIKED, "dimension": 4, "rng": 0},
    ),
    "SamplePower.draw": (
        asy.SamplePower(0.5, 2.0).draw,
        {"population": SPIKED, "dimension": 4, "rng": 0},
    ),
}
# What is returned or raised rather than called, and modules with tests of their own.
RETURNED = set(asy.results.__all__)
RAISED = {
    "NoLimitError",
    "ConvergenceError",
    "CheckpointError",
    "CheckpointWarning",
    "ImbalanceWarning",
    "PlugInWarning",
}
MODULES = {"reference", "symbolic"}


def resolve(name):
    if name in METHODS:
        return METHODS[name]
    target = asy
    for part in name.split("."):
        target = getattr(target, part)
    return target, VALID[name]


# Pairs of an invalid value and of what the message has to show of it.
NOT_NUMBERS = [
    ("0.5", "'0.5'"),
    (None, "None"),
    (1 + 1j, "1+1j"),
    (True, "True"),
    ({}, "{}"),
    (asy.Ridge, "Ridge"),
    (["a", "b"], "'a', 'b'"),
    (np.array([0.5], dtype=object), "0.5"),
    (np.array([True, False]), "False"),
    ([[0.5], [0.5, 0.5]], "[[0.5], [0.5, 0.5]]"),
]
NOT_FLAGS = [(1, "1"), (0.0, "0.0"), ("yes", "'yes'"), (None, "None"), ([True], "[True]")]
NOT_INTEGERS = [
    (1.5, "1.5"),
    (2.0, "2.0"),
    ("3", "'3'"),
    (True, "True"),
    (np.nan, "nan"),
    ([3], "[3]"),
]
NOT_OBJECTS = [(3, "3"), ("Ridge", "'Ridge'"), (asy.Ridge, "Ridge"), ([], "[]")]
NOT_SOURCES = [
    *NOT_OBJECTS,
    (None, "None"),
    (MIX, "SpikedMixture"),
    (SPECTRUM, "Spectrum"),
    (asy.GaussianMixture([1.0, 0.0], np.eye(2), [0.3, 0.5]), "(2,)"),
]
NOT_BOUNDS = [
    ((2.0, 1.0), "2.0"),
    ((1.0, 1.0), "1.0"),
    ((0.0, 1.0), "0.0"),
    ((-1.0, 1.0), "-1.0"),
    ((1.0, np.inf), "inf"),
    ((np.nan, 1.0), "nan"),
    ((1.0,), "1.0"),
    ((1.0, 2.0, 3.0), "3.0"),
    (("a", "b"), "'a'"),
    (3.0, "3.0"),
    (None, "None"),
]

# By name, for parameters that are not in a table of intervals.
BY_NAME = {
    "spikes": [
        (asy.Spike(1.0), "Spike(strength=1.0"),
        ([(1.0, 0.5)], "(1.0, 0.5)"),
        ([asy.Spike(1.0), None], "None"),
        (3.0, "3.0"),
        (None, "None"),
        ("ab", "'a'"),
        ([asy.Spike(-0.6, 1.0), asy.Spike(-0.6, 1.0)], "-0.6"),
        ([asy.Spike([1.0, 2.0]), asy.Spike([1.0, 2.0, 3.0])], "(3,)"),
    ],
    "spike": [*NOT_INTEGERS, (-1, "-1")],
    "fit_intercept": NOT_FLAGS,
    "throw": NOT_FLAGS,
    "best_penalty": NOT_FLAGS,
    "normalise": NOT_FLAGS,
    "similarity": [("dot", "'dot'"), (None, "None"), (1, "1"), (["inner"], "['inner']")],
    "parameter": [("signal", "'signal'"), (None, "None"), (1, "1"), (["time"], "['time']")],
    "progress": NOT_FLAGS,
    "correction": NOT_FLAGS,
    "fixed_counts": NOT_FLAGS,
    "metrics": [("auc", "'auc'"), (3, "3"), (None, "None"), (["acuity"], "'acuity'"), ([1], "1")],
    "exact": NOT_FLAGS,
    "mix": [*NOT_OBJECTS, (None, "None"), (asy.SpikedMixture, "SpikedMixture")],
    "population": [*NOT_OBJECTS, (None, "None"), (asy.SpikedMixture, "SpikedMixture")],
    "clf": [*NOT_OBJECTS, (None, "None"), (MIX, "SpikedMixture")],
    "projector": [*NOT_OBJECTS, (np.eye(2), "array"), (asy.Identity, "Identity")],
    "n": [*NOT_INTEGERS, (0, "0"), (-3, "-3"), (None, "None")],
    "trials": [*NOT_INTEGERS, (0, "0"), (-3, "-3"), (None, "None")],
    "dimension": [*NOT_INTEGERS, (0, "0"), (-3, "-3")],
    "rng": [("a", "'a'"), (-1, "-1"), (1.5, "1.5"), (True, "True"), (np.random, "random")],
    "method": [("fast", "'fast'"), (None, "None"), (1, "1"), ("DIRECT", "'DIRECT'")],
    "n_jobs": [(0, "0"), (1.5, "1.5"), ("2", "'2'"), (True, "True")],
    "grid": [
        ([("n", [1, 2])], "[('n', [1, 2])]"),
        ({"slope": [1.0]}, "'slope'"),
        ({"gain": [1.0]}, "'gain'"),
        ({"penalty": 1.0}, "()"),
        ({"penalty": []}, "(0,)"),
        ({"penalty": [[1.0]]}, "(1, 1)"),
        ({"penalty": [1.0, 1.0]}, "[1.0, 1.0]"),
        ({"penalty": [1.0, np.nan]}, "nan"),
        ({"penalty": "ab"}, "'ab'"),
        ({"aspect_ratio": [0.5]}, "0.5"),
    ],
    "checkpoint": [(3, "3"), (__file__, "test_invalid.py")],
    "shard": [
        (3, "3"),
        ((1,), "(1,)"),
        ((0, 2), "0"),
        ((3, 2), "(3, 2)"),
        ((1.0, 2), "1.0"),
        ((1, 2), "None"),  # without a checkpoint
    ],
    "bounds": NOT_BOUNDS,
    "per_class": NOT_FLAGS,
    "anchor": NOT_FLAGS,
    "head": [
        *NOT_NUMBERS,
        (np.eye(3), "(3, 3)"),
        (np.zeros((2, 2)), "zeros"),
        (np.full((2, 2), np.nan), "nan"),
        (np.ones(2), "(2,)"),
    ],
    "cross_validated": [
        ("0.8", "'0.8'"),
        (0.0, "0.0"),
        (1.5, "1.5"),
        (np.nan, "nan"),
        (True, "True"),
        ((0.8,), "(0.8,)"),
        ((0.8, -1.0), "-1.0"),
        (0.4, "0.4"),
        (np.array([0.8, 0.9]), "(2,)"),
    ],
    "loss": [("hinge", "'hinge'"), (None, "None"), (["infonce"], "['infonce']")],
    "optimiser": [("sgd", "'sgd'"), (None, "None"), ("ADAM", "'ADAM'")],
    "batch_size": [*NOT_INTEGERS, (1, "1"), (-3, "-3"), (None, "None")],
    "batches": [*NOT_INTEGERS, (0, "0"), (-3, "-3")],
    "steps": [*NOT_INTEGERS, (0, "0"), (-3, "-3"), (None, "None")],
    "output_dimension": [*NOT_INTEGERS, (0, "0"), (-3, "-3")],
    "callback": [(3, "3"), ("print", "'print'"), ([print], "print")],
    "features": [
        *NOT_NUMBERS,
        (np.full((6, 2), np.nan), "nan"),
        (np.where(np.eye(6, 2), np.inf, 0.0), "inf"),
        (np.zeros(6), "(6,)"),
        (np.zeros((6, 2, 1)), "(6, 2, 1)"),
        (np.zeros((0, 2)), "(0, 2)"),
    ],
    "shared_covariance": NOT_FLAGS,
    "contrast": [
        (1.0, "()"),
        ([1.0, 1.0], "[1.0, 1.0]"),
        ([0.0, 0.0], "[0.0, 0.0]"),
        ([[1.0, -1.0]], "(1, 2)"),
        ([1.0, np.nan], "nan"),
        ("ab", "'ab'"),
    ],
    "subspace": [("within", "'within'"), (1, "1"), ("", "''")],
    "class_weight": [
        ("even", "'even'"),
        (3, "3"),
        ([1.0, 2.0], "[1.0, 2.0]"),
        ({}, "{}"),
        ({"a": 1.0}, "'a'"),
        ({0: -1.0}, "-1.0"),
        ({0: 0.0}, "0.0"),
        ({0: np.nan}, "nan"),
        ({0: [1.0, 2.0]}, "(2,)"),
    ],
    "classes": [*NOT_INTEGERS, (1, "1"), (-3, "-3"), (None, "None")],
    "clusters": [*NOT_INTEGERS, (0, "0"), (-3, "-3"), (None, "None")],
}
_PRIORS = [
    ([0.5, 0.5], "(2,)"),
    ([0.5, 0.5, 0.5], "1.5"),
    ([1.0, 0.0, 0.0], "1.0"),
    ([0.5, 0.75, -0.25], "-0.25"),
    ([0.5, 0.5, np.nan], "nan"),
    (0.5, "()"),
    ("abc", "'abc'"),
]
_CLUSTERS = [
    ([1, 1, 1], "[1, 1, 1]"),
    ([0, 0, 0], "[0, 0, 0]"),
    ([0, 2, 0], "[0, 2, 0]"),
    ([1, 2, 3], "[1, 2, 3]"),
    ([0, 0.5, 1], "0.5"),
    ([0, 1, -1], "[0, 1, -1]"),
    ([1, -1], "[1, -1]"),
    ([2, 1, -1], "2"),
    (1, "1"),
    ("abc", "'abc'"),
]
_MEANS = [
    ([1.0, 0.0], "(2,)"),
    ([[1.0, 0.0]], "(1, 2)"),
    (np.zeros((3, 0)), "(3, 0)"),
    ([[1.0, np.nan], [0.0, 1.0], [0.0, 0.0]], "nan"),
    ("ab", "'ab'"),
]
_COVARIANCES = [
    ([1.0, 1.0], "(2,)"),
    (np.eye(3), "(3, 3)"),
    (np.stack([np.eye(2)] * 2), "(2, 2, 2)"),
    ([[1.0, 0.5], [0.4, 1.0]], "0.1"),
    ([[1.0, 2.0], [2.0, 1.0]], "-1"),
    (np.zeros((2, 2)), "zeros"),
    (np.full((2, 2), np.nan), "nan"),
    ("ab", "'ab'"),
]
_LABELS = [
    ([1] * 6, "1"),
    (LABELS[:5], "(5,)"),
    ([LABELS], "(1, 6)"),
    ([0.0, 1.0, np.nan, 0.0, 1.0, 1.0], "NaN"),
    ([0.0, np.inf, np.inf, 0.0, 0.0, 0.0], "infinity"),
    ([None, "a", None, "a", "a", None], "None"),
    ([0, "a", 0, "a", [], 0], "[]"),
    ("abcdef", "()"),
    (None, "()"),
]
# By owner and name, for what the table cannot know: shapes, and matrices that have to be more.
ALSO = {
    ("GaussianMixture.from_data", "labels"): [([0, 1, 2, 3, 4, 5], "6 rows"), *_LABELS],
    ("Spectrum.from_data", "labels"): [([0, 1, 2, 0, 1, 1], "1 of 2"), *_LABELS],
    ("head_report", "labels"): [([0, 1, 2, 0, 1, 1], "1 of 2"), *_LABELS],
    **{(owner, "priors"): _PRIORS for owner in ("ClassMixture", "GaussianClasses")},
    **{(owner, "labels"): _CLUSTERS for owner in ("ClassMixture", "GaussianClasses")},
    **{(owner, "means"): _MEANS for owner in ("ClassMixture", "GaussianClasses")},
    **{(owner, "covariance"): _COVARIANCES for owner in ("ClassMixture", "GaussianClasses")},
    ("ClassMixture.simplex", "distance"): [
        (-1.0, "-1.0"),
        (np.nan, "nan"),
        ([1.0, 2.0], "(2,)"),
        ("a", "'a'"),
        (None, "None"),
    ],
    ("ClassMixture", "noise"): [([1.0, 2.0], "(2,)")],
    ("ClassMixture.simplex", "noise"): [(0.0, "0.0"), ("a", "'a'"), ([1.0, 2.0], "(2,)")],
    ("Spectrum", "priors"): [([0.5, 0.5], "(1,)"), (0.5, "()"), ([0.5, 0.6], "1.1"), ("a", "'a'")],
    ("Spectrum", "labels"): [([-1, 1], "[-1, 1]")],
    ("Spectrum", "class_eigenvalues"): [([[1.0], [1.0]], "both"), (-1.0, "-1.0"), ("a", "'a'")],
    ("GaussianMixture", "mean"): [
        (3.0, "()"),
        ([[1.0, 0.0]], "(1, 2)"),
        ([], "(0,)"),
    ],
    ("GaussianMixture", "covariance"): [
        ([1.0, 1.0], "(2,)"),
        (np.eye(3), "(3, 3)"),
        (np.ones((2, 3)), "(2, 3)"),
        ([[1.0, 0.5], [0.4, 1.0]], "0.1"),
        ([[1.0, 2.0], [2.0, 1.0]], "-1"),
        (-np.eye(2), "-1"),
        (np.zeros((2, 2)), "zeros"),
        (np.full((2, 2), np.nan), "nan"),
    ],
    ("Spectrum", "eigenvalues"): [
        (1.0, "()"),
        ([1.0, 2.0], "(2,)"),
        ([], "(0,)"),
        ([0.0], "zeros"),
    ],
    ("Spectrum", "weights"): [(1.0, "()"), ([0.5, 0.5], "(2,)"), ([0.9], "0.9"), ([0.0], "0.0")],
    ("Spectrum", "energies"): [(1.0, "()"), ([0.5, 0.5], "(2,)")],
    ("Spectrum", "balance"): [([[0.5], [0.5]], None)],  # broadcasts: valid, and checked to be
    ("Augmentation", "frame"): [(1.0, "()"), ([], "(0,)")],
    ("Augmentation", "covariance"): [
        (np.eye(2), "1."),
        ([[1.0, 2.0]], "(1, 2)"),
        ([[1.0, 2.0], [0.0, 1.0]], "2"),
        ([[1.0, 2.0], [2.0, 1.0]], "-1"),
        ([1.0], "(1,)"),
        ([[np.nan]], "nan"),
        ("a", "'a'"),
    ],
    ("InfoNCE", "dimension"): [(1, "1"), ([50, 1], "1"), ([50.0], "50.0")],
    ("LinearMap", "matrix"): [
        (1.0, "()"),
        ([1.0, 2.0], "(2,)"),
        (np.zeros((2, 2)), "zeros"),
        (np.zeros((0, 2)), "(0, 2)"),
    ],
    ("SpikedMixture", "noise"): [(np.ones((2, 3)) * 0, "0.0")],
    ("GaussianMixture.sample", "dimension"): [(3, "3")],
    ("SpikedMixture.sample", "dimension"): [(1, "1")],
    ("PCAExpansion.direction", "mix"): [(MATRIX, "GaussianMixture"), (SPECTRUM, "Spectrum")],
    ("PCAExpansion.draw", "dimension"): [(1, "1")],
    ("Flipped", "clf"): [
        (asy.Bayes(), "Bayes"),
        (None, "None"),
        (asy.Ridge, "Ridge"),
        (0.1, "0.1"),
    ],
    ("Flipped", "rate"): [
        (-0.1, "-0.1"),
        (1.0, "1.0"),
        (np.nan, "nan"),
        ([0.1, 0.2], "(2,)"),
        ("a", "'a'"),
    ],
    ("PCATruncation", "k"): [(1.5, "1.5"), ([2.0, 2.5], "2.5")],
    ("PCATruncation", "unlabelled_ratio"): [(4.0, "4.0")],
    ("PCAExpansion", "components"): [(0, "0"), (1.5, "1.5"), ([1, 2], "1, 2"), (True, "True")],
    ("PCATruncation.draw", "dimension"): [(1, "1")],
    ("SamplePower.draw", "dimension"): [(1, "1")],
    ("simulate", "aspect_ratio"): [(0.001, "0.001"), ([0.5, 0.6], "(2,)")],
    ("sweep", "aspect_ratio"): [(0.001, "0.001"), ([0.5, 0.6], "(2,)")],
    ("sweep", "mix"): [({}, "{}"), ({"a": 3}, "3"), (asy.SpikedMixture([1.0, 2.0]), "SpikedMix")],
    ("sweep", "clf"): [({}, "{}"), ({"a": 3}, "3"), (asy.Ridge([1.0, 2.0]), "Ridge")],
    ("sweep", "projector"): [({}, "{}"), ({"a": 3}, "3"), (asy.Power([1.0, 2.0]), "Power")],
    ("convergence", "aspect_ratio"): [(0.001, "0.001"), ([0.5, 0.6], "(2,)")],
    ("convergence", "confidence"): [([0.5, 0.6], "(2,)")],
    ("convergence", "mix"): [(asy.SpikedMixture([1.0, 2.0]), "SpikedMix"), (MATRIX, "2 dim")],
    ("convergence", "clf"): [(asy.Ridge([1.0, 2.0]), "Ridge")],
    ("convergence", "projector"): [
        (asy.Power([1.0, 2.0]), "Power"),
        (asy.LinearMap(np.eye(2)), "2 dim"),
    ],
    ("convergence", "n"): [
        ([20, 40], "[20, 40]"),
        ([20, 20, 30], "[20, 20, 30]"),
        ([1, 2, 3], "1"),
    ],
    ("convergence", "trials"): [(9, "9"), ([10, 10], "[10, 10]"), ([10, 10, 9], "9")],
    ("optimal_penalty", "aspect_ratio"): [([0.5, 0.6], "(2,)")],
    ("optimal_gain", "aspect_ratio"): [([0.5, 0.6], "(2,)")],
    ("train_projector", "temperature"): [([0.5, 0.6], "(2,)")],
    ("train_projector", "augmentation"): [
        (-0.1, "-0.1"),
        (np.nan, "nan"),
        (np.inf, "inf"),
        ("a", "'a'"),
        (None, "None"),
        (True, "True"),
        ([0.1, 0.2], "(2,)"),
        (lambda points, rng: points[:1], "(1, 2)"),
    ],
    ("train_projector", "source"): [
        (3.0, "()"),
        ("ab", "'ab'"),
        (None, "None"),
        (asy.SpikedMixture([1.0, 2.0]), "array"),
        (np.zeros((0, 2)), "(0, 2)"),
        (np.zeros(4), "(4,)"),
        (np.full((4, 2), np.nan), "nan"),
    ],
    ("learning_curve", "source"): NOT_SOURCES,
    ("samples_needed", "source"): NOT_SOURCES,
    ("learning_curve", "samples"): [([[10.0]], "(1, 1)"), ([], "(0,)")],
    ("head_report", "samples"): [([[10.0]], "(1, 1)"), ([], "(0,)")],
    ("head_report", "clf"): [(asy.Ridge([1.0, 2.0]), "array")],
    ("learning_curve", "clf"): [(asy.Ridge([1.0, 2.0]), "array")],
    ("learning_curve", "projector"): [(asy.Power([1.0, 2.0]), "array")],
    ("samples_needed", "accuracy"): [([0.6, 0.7], "(2,)")],
    ("train_projector", "learning_rate"): [([0.5, 0.6], "(2,)")],
}
# Parameters of functions that are numbers in a range.
RANGES = dict.fromkeys(
    ("aspect_ratio", "gain", "temperature", "learning_rate"), Interval(0, np.inf)
)
RANGES["samples"] = RANGES["variance"] = Interval(0, np.inf)
RANGES["C"] = Interval(0, np.inf, high_open=False)
RANGES["shrinkage"] = Interval(0, 1, low_open=False)
RANGES["alpha"] = NONNEGATIVE
RANGES["model_error"] = NONNEGATIVE
RANGES["confidence"] = RANGES["accuracy"] = Interval(0, 1)
# Arrays of integers are allowed there.
INTEGER_ARRAYS = {("InfoNCE", "dimension")}
# And matrices there.
MATRICES = {("expansion_measure", "projector")}
# None means "not given" there.
OPTIONAL = {
    ("InfoNCE", "dimension"),
    ("simulate", "aspect_ratio"),
    ("simulate", "n_jobs"),
    ("sweep", "aspect_ratio"),
    ("sweep", "n_jobs"),
    ("convergence", "n_jobs"),
    ("GaussianMixture.sample", "dimension"),
}


def outside(interval):
    """Numbers that are not in an interval, alone and in an array."""
    values = [value for value in (np.nan, np.inf, -np.inf) if not interval.contains(value)]
    if np.isfinite(interval.low):
        values.append(interval.low - 1.0)
        values += [float(interval.low)] if interval.low_open else []
    if np.isfinite(interval.high):
        values.append(interval.high + 1.0)
        values += [float(interval.high)] if interval.high_open else []
    for value in values:
        yield value, repr(value)
        yield [0.5, value], repr(value)


def interval_of(owner, name):
    target, _ = resolve(owner)
    table = getattr(target, "parameters", {})
    if name in table:
        return table[name]
    return RANGES.get(name) if not inspect.isclass(target) else None


def cases():
    for owner in [*VALID, *METHODS]:
        _, valid = resolve(owner)
        for name in valid:
            interval = interval_of(owner, name)
            values = list(BY_NAME.get(name, []))
            if interval is not None:
                values += [(value, shown, interval) for value, shown in outside(interval)]
                values += [(value, shown, interval) for value, shown in NOT_NUMBERS]
            values += ALSO.get((owner, name), [])
            for value, shown, *interval in values:
                allowed = value is None and (owner, name) in OPTIONAL
                allowed |= (owner, name) in INTEGER_ARRAYS and repr(value) == "[3]"
                allowed |= (owner, name) in MATRICES and isinstance(value, np.ndarray)
                if shown is None or allowed or (owner, name, value) == ("sweep", "trials", 0):
                    continue
                text = re.sub(r" at 0x\w+", "", repr(value)).replace("\n", "")[:40]
                yield pytest.param(
                    owner, name, value, shown, *(interval or [None]), id=f"{owner}-{name}-{text}"
                )


@pytest.mark.parametrize(("owner", "name", "value", "shown", "interval"), list(cases()))
def test_invalid(owner, name, value, shown, interval):
    target, valid = resolve(owner)
    with pytest.raises((TypeError, ValueError)) as failure:
        target(**(valid | {name: value}))
    assert type(failure.value) in (TypeError, ValueError)
    message = str(failure.value)
    assert name in message
    assert "must" in message
    assert "got" in message
    assert shown in message
    # of a ragged or an object array only the kind is wrong, of a number the range as well
    if (
        interval is not None
        and isinstance(failure.value, ValueError)
        and np.shape(value) in ((), (2,))
    ):
        assert str(interval) in message


@pytest.mark.filterwarnings("ignore::asymptotics.PlugInWarning")  # of 6 points
@pytest.mark.parametrize("owner", [*VALID, *METHODS])
def test_valid(owner):
    """The negative control: without the invalid value nothing is raised."""
    target, valid = resolve(owner)
    target(**valid)


def test_nothing_escapes():
    exported = {
        name
        for name in asy.__all__
        if name not in RETURNED | RAISED | MODULES and callable(getattr(asy, name))
    }
    assert exported == {name for name in VALID if "." not in name}
    for owner in [*VALID, *METHODS]:
        target, valid = resolve(owner)
        assert set(inspect.signature(target).parameters) == set(valid), owner
        for name in valid:
            known = name in BY_NAME or (owner, name) in ALSO
            assert interval_of(owner, name) is not None or known, (owner, name)
    for owner in (name for name in VALID if inspect.isclass(getattr(asy, name, None))):
        table = getattr(asy, owner).parameters if VALID[owner] and owner != "Identity" else {}
        assert set(table) <= set(VALID[owner])


def test_every_returned_thing_is_returned():
    """What is exempt from the above is made by the package, not by its users."""
    assert {type(asy.limit(MIX, asy.Ridge(1.0), 0.5)).__name__} <= RETURNED
    for name in RETURNED:
        assert "parameters" not in vars(getattr(asy.results, name))
    for name in RAISED:
        assert issubclass(getattr(asy, name), Exception)


def test_a_projector_has_to_fit_its_population():
    for mix, projector, word in (
        (MIX, asy.Expansion(2.0, spike=0), "spike"),
        (MATRIX, asy.Expansion(2.0, 0.5), "alignment"),
        (SPECTRUM, asy.Expansion(2.0, 0.5), "alignment"),
        (MATRIX, asy.LinearMap(np.eye(3)), "matrix"),
    ):
        with pytest.raises(ValueError, match=word):
            asy.limit(mix, asy.Ridge(1.0), 0.5, projector)
    with pytest.raises(ValueError, match="alignment must be left at 1 when spike is given"):
        asy.Expansion(2.0, alignment=0.5, spike=0)


@pytest.mark.parametrize(
    "build",
    [
        lambda: asy.Spike([1.0, 2.0], [0.1, 0.2, 0.3]),
        lambda: asy.SpikedMixture([1.0, 2.0], [1.0, 2.0, 3.0]),
        lambda: asy.SpikedMixture([1.0, 2.0], spikes=[asy.Spike([1.0, 2.0, 3.0])]),
        lambda: asy.Expansion([1.0, 2.0], [0.1, 0.2, 0.3]),
        lambda: asy.PCAExpansion([1.0, 2.0], [0.1, 0.2, 0.3]),
        lambda: asy.PCATruncation([1.0, 2.0], [0.1, 0.2, 0.3]),
        lambda: asy.SamplePower([1.0, 2.0], [0.1, 0.2, 0.3]),
        lambda: asy.Spectrum([[1.0], [2.0]], [1.0], [[1.0], [1.0], [1.0]]),
        lambda: asy.Spectrum([[1.0], [2.0]], [1.0], [1.0], [0.1, 0.2, 0.3]),
    ],
)
def test_parameters_have_to_broadcast(build):
    with pytest.raises(ValueError, match="broadcast"):
        build()
