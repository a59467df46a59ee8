"""Data of every type that users have, at every numeric argument: right numbers, or a refusal by name.

The arguments come from the tables of test_invalid.py, which the signatures of what is public fill.
"""

import importlib.util
import re
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas
import polars
import pytest
import scipy.sparse
import xarray

import asymptotics as asy
from asymptotics.intake import shown

# Of estimates from few points, which are not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore::asymptotics.PlugInWarning")

_SPEC = importlib.util.spec_from_file_location(
    "_invalid", Path(__file__).with_name("test_invalid.py")
)
invalid = importlib.util.module_from_spec(_SPEC)
sys.modules.setdefault("_invalid", invalid)
_SPEC.loader.exec_module(invalid)

BY_ARGUMENT = {"features", "source"}
# Sources that are no data, but were made of them.
ESTIMATES = {("learning_curve", "source"), ("samples_needed", "source")}


def numeric_arguments():
    """Owner, name, and a valid value as a float array."""
    for owner in [*invalid.VALID, *invalid.METHODS]:
        _, valid = invalid.resolve(owner)
        for name in valid:
            value = valid[name]
            if (owner, name) in ESTIMATES:
                continue
            if name in BY_ARGUMENT:
                value = invalid.FEATURES
            elif invalid.interval_of(owner, name) is None:
                continue
            yield owner, name, np.asarray(value, dtype=float)


ARGUMENTS = [pytest.param(*case, id=f"{case[0]}-{case[1]}") for case in numeric_arguments()]
# Functions that take long: a few types are enough for them.
SLOW = {"simulate", "sweep", "convergence", "optimal_penalty", "optimal_gain", "critical_alignment"}
FEW = ("read-only", "other byte order", "Fraction")


def call(owner, name, value):
    target, valid = invalid.resolve(owner)
    more = {}
    if (owner, name) == ("train_projector", "source"):
        more = {"dimension": None}
    return target(**(valid | more | {name: value}))


def nullable(array):
    if array.ndim == 1:
        return pandas.Series(array, dtype="Float64")
    return pandas.DataFrame(array).astype("Float64")


def polar(array):
    return polars.Series(array) if array.ndim == 1 else polars.DataFrame(array)


def panda(array):
    return pandas.Series(array) if array.ndim == 1 else pandas.DataFrame(array)


def memory_map(array, folder):
    path = folder / "array.npy"
    np.save(path, array)
    return np.load(path, mmap_mode="r")


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


SAME = {  # what holds the same numbers as an array of any dimension
    "itself": lambda a: a.copy(),
    "0-d or list": lambda a: a.tolist(),
    "read-only": read_only,
    "Fortran order": lambda a: np.array(a, order="F"),
    "strided": lambda a: np.repeat(a[..., None], 2, axis=-1)[..., 0],
    "other byte order": lambda a: a.astype(a.dtype.newbyteorder()),
    "long double": lambda a: a.astype(np.longdouble),
    "Fraction": lambda a: np.vectorize(Fraction, otypes=[object])(a).tolist(),
    "Decimal": lambda a: np.vectorize(Decimal, otypes=[object])(a).tolist(),
    "not masked": lambda a: np.ma.masked_array(a, mask=False),
    "xarray": xarray.DataArray,
}
COLUMNS = {"pandas": panda, "pandas, nullable": nullable, "polars": polar}


@pytest.mark.parametrize(("owner", "name", "valid"), ARGUMENTS)
def test_the_same_numbers_give_the_same_result(owner, name, valid, tmp_path):
    expected = repr(call(owner, name, valid))
    for words in FEW if owner in SLOW else SAME:
        assert repr(call(owner, name, SAME[words](valid))) == expected, words
    if owner not in SLOW:
        assert repr(call(owner, name, memory_map(valid, tmp_path))) == expected
    for words, make in COLUMNS.items() if valid.ndim in (1, 2) else ():
        assert repr(call(owner, name, make(valid))) == expected, words


# Of each type: what to make of a valid array, and words that the refusal has to hold.
REFUSED = {
    "masked": (lambda a: np.ma.masked_array(a, mask=np.ones(a.shape, bool)), "masked"),
    "masked in a list": (lambda a: [np.ma.masked_array(a, mask=True)], "masked"),
    "complex": (lambda a: a + 0j, "complex128|0j"),
    "bool": (lambda a: a > 0, "bool|True|False"),
    "bool in a list": (lambda a: [a.tolist(), True], "bool"),
    "text": (lambda a: a.astype(str), "<U|'"),
    "bytes": (lambda a: a.astype("S"), r"\|S|b'"),
    "dates": (lambda a: a.astype("M8[s]"), "datetime64"),
    "durations": (lambda a: a.astype("m8[s]"), "timedelta64"),
    "structures": (lambda a: np.zeros(a.shape, "f8,f8"), "f0"),
    "objects": (lambda a: a.astype(object) if a.ndim else np.array(a, dtype=object), "object"),
    "None": (lambda a: [None], "None"),
    "ragged": (lambda a: [[1.0], [1.0, 2.0]], r"\[\[1.0\], \[1.0, 2.0\]\]"),
    "sparse": (lambda a: scipy.sparse.csr_array(np.atleast_2d(a)), "sparse.*toarray"),
    "dataset": (lambda a: xarray.Dataset({"a": ("x", a.ravel())}), "Dataset"),
    "nullable, missing": (
        lambda a: pandas.Series([*a.ravel(), None], dtype="Float64"),
        "missing.*Float64",
    ),
    "integers, missing": (lambda a: pandas.Series([1, None], dtype="Int64"), "missing.*Int64"),
    "nulls of polars": (lambda a: polars.Series([*a.ravel().tolist(), None]), "missing.*Float64"),
    "nullable bool": (lambda a: pandas.Series(a.ravel() > 0, dtype="boolean"), "boolean"),
    "object column": (
        lambda a: pandas.DataFrame({"a": a.ravel(), "bad one": a.ravel().astype(object)}),
        "'bad one' of dtype object",
    ),
    "bool column": (
        lambda a: pandas.DataFrame({"a": a.ravel(), "bad one": a.ravel() > 0}),
        "'bad one' of dtype bool",
    ),
    "bool column of polars": (
        lambda a: polars.DataFrame({"a": a.ravel(), "bad one": a.ravel() > 0}),
        "'bad one' of dtype Boolean",
    ),
    "text column of polars": (lambda a: polars.DataFrame({"bad one": ["x"]}), "'bad one'.*String"),
    "beyond the largest double": (lambda a: 10**400, "largest double"),
    "as a long double": (lambda a: np.longdouble("1e4000"), "largest double"),
    "below the smallest double": (lambda a: Decimal("1e-400"), "smallest"),
}


@pytest.mark.parametrize(("owner", "name", "valid"), ARGUMENTS)
def test_what_is_no_number_is_refused_by_name(owner, name, valid):
    for words, (make, message) in REFUSED.items():
        with pytest.raises(
            (TypeError, ValueError), match=f"(?s)^{name} must.*({message})"
        ) as caught:
            call(owner, name, make(valid))
        assert len(str(caught.value)) < 400, words


def test_a_single_masked_element_does_not_count():
    """The element behind a mask was read as a number."""
    rng = np.random.default_rng(5)
    features = rng.normal(size=(40, 3))
    labels = rng.permutation([0, 1] * 20)
    for _ in range(5):
        place = tuple(rng.integers(s) for s in features.shape)
        bad = np.ma.masked_array(features.copy(), mask=np.zeros(features.shape, bool))
        bad[place] = 1e6
        bad[place] = np.ma.masked
        for given in (bad, list(bad), [list(row) for row in bad]):
            with pytest.raises(ValueError, match="features must have no masked elements"):
                asy.GaussianMixture.from_data(given, labels)


@pytest.mark.parametrize(
    "number", [10**30, -(10**25), 2**64, 2**200, Fraction(1, 3), Decimal("0.1")]
)
def test_python_numbers_of_any_size(number):
    mix = asy.GaussianMixture([number, 1.0], np.eye(2))
    assert mix.mean[0] == float(number)
    assert asy.Spectrum([1.0], [1.0], [abs(number)]).energies[0] == float(abs(number))


@pytest.mark.parametrize("dtype", ["i1", "u1", "i8", "u8", "f2", "f4", ">i4", "<f8"])
def test_numbers_of_any_width(dtype):
    array = np.array([1, 2, 3], dtype=dtype)
    assert np.array_equal(asy.SpikedMixture(array).signal, [1.0, 2.0, 3.0])
    assert np.array_equal(
        asy.SpikedMixture(polars.Series(array.astype(array.dtype.newbyteorder("=")))).signal,
        [1, 2, 3],
    )


# ---------------------------------------------------------------------------------- labels


def labelled(labels):
    features = np.random.default_rng(1).normal(size=(len(labels), 2))
    return asy.GaussianMixture.from_data(features, labels)


GOOD_LABELS = {
    "ints": [0, 1] * 4,
    "bools": [False, True] * 4,
    "words": ["a", "b"] * 4,
    "bytes": [b"a", b"b"] * 4,
    "floats": [0.5, 2.0] * 4,
    "dates": np.array(["2020", "2021"] * 4, "M8[Y]"),
    "series": pandas.Series([0, 1] * 4, index=range(8, 0, -1)),
    "categories": pandas.Series(["a", "b"] * 4, dtype="category"),
    "nullable": pandas.Series([0, 1] * 4, dtype="Int64"),
    "words of pandas": pandas.Series(["a", "b"] * 4),
    "polars": polars.Series([0, 1] * 4),
    "words of polars": polars.Series(["a", "b"] * 4),
    "xarray": xarray.DataArray([0, 1] * 4),
    "not masked": np.ma.masked_array([0, 1] * 4, mask=False),
    "tuple": (0, 1) * 4,
}
ABSENT = {
    "None": [0, 1, None, 1] * 2,
    "None of words": ["a", "b", None, "b"] * 2,
    "None as object": np.array([0, 1, None, 1] * 2, dtype=object),
    "NaN": [0.0, 1.0, np.nan, 1.0] * 2,
    "NaN of objects": np.array([0, 1, np.nan, 1] * 2, dtype=object),
    "NaT": np.array(["2020", "2021", "NaT", "2021"] * 2, "M8[Y]"),
    "NaT of durations": np.array([1, 2, "NaT", 2] * 2, "m8[s]"),
    "NaT of pandas": pandas.Series([pandas.NaT, *pandas.to_datetime(["2020", "2021"])]),
    "NA": pandas.Series([0, 1, pandas.NA, 1] * 2, dtype="Int64"),
    "NA of objects": [0, 1, pandas.NA, 1] * 2,
    "NA of words": pandas.Series(["a", "b", None, "b"] * 2, dtype="string"),
    "NA of bools": pandas.Series([True, False, None, True] * 2, dtype="boolean"),
    "null": polars.Series([0, 1, None, 1] * 2),
    "null of words": polars.Series(["a", "b", None, "b"] * 2),
    "NaN beside words": ["a", "b", np.nan, "b"] * 2,
    "infinite": [0.0, np.inf] * 4,
}


@pytest.mark.parametrize("kind", GOOD_LABELS)
def test_labels_of_any_type(kind):
    expected = labelled([0, 1] * 4)
    assert labelled(GOOD_LABELS[kind]) == expected


@pytest.mark.parametrize("kind", ABSENT)
def test_absent_labels_are_named(kind):
    with pytest.raises(
        ValueError, match=r"^labels must have no missing or infinite values, got .* at index \d"
    ):
        labelled(ABSENT[kind])


@pytest.mark.parametrize(
    "labels",
    [
        np.ma.masked_equal([0, 1, 9, 1] * 2, 9),
        np.array([1j, 0] * 4),
        np.zeros(8, "i4,i4"),
        scipy.sparse.csr_array(np.eye(8)),
        [[0], [1, 2]] * 4,
        ["a", 1] * 4,
        pandas.DataFrame({"y": [0, 1] * 4}),
    ],
    ids=str,
)
def test_labels_that_are_refused(labels):
    with pytest.raises((TypeError, ValueError), match=r"^labels must"):
        asy.GaussianMixture.from_data(np.random.default_rng(1).normal(size=(8, 2)), labels)


# -------------------------------------------------------------------------------- messages


@pytest.mark.parametrize("size", [3, 40, 900, 5000])
def test_a_message_never_prints_a_whole_frame(size):
    rng = np.random.default_rng(2)
    features = rng.normal(size=(size, 12))
    wordy = pandas.DataFrame(features).astype(str)
    labels = [f"word {k}" for k in range(size)]
    calls = [
        lambda: asy.GaussianMixture.from_data(wordy, [0, 1] * (size // 2)),
        lambda: asy.GaussianMixture.from_data(wordy.to_numpy(), [0, 1]),
        lambda: asy.GaussianMixture.from_data(wordy.to_numpy().tolist(), [0, 1]),
        lambda: asy.GaussianMixture.from_data(features, labels),
        lambda: asy.GaussianMixture.from_data(features, ["a", 1, *labels[2:]]),
        lambda: asy.GaussianMixture.from_data(features, [0, 1]),
        lambda: asy.limit(features, asy.Ridge(1.0), 0.5),
        lambda: asy.limit(asy.SpikedMixture(1.0), features, 0.5),
        lambda: asy.limit(asy.SpikedMixture(1.0), asy.Ridge(1.0), 0.5, features),
        lambda: asy.limit(asy.SpikedMixture(1.0), asy.Ridge(1.0), labels),
        lambda: asy.SpikedMixture(1.0, spikes=labels),
        lambda: asy.simulate(asy.SpikedMixture(1.0), asy.Ridge(1.0), 0.5, n=labels),
        lambda: asy.simulate(asy.SpikedMixture(1.0), asy.Ridge(1.0), 0.5, rng=labels),
        lambda: asy.simulate(asy.SpikedMixture(1.0), asy.Ridge(1.0), 0.5, n_jobs=labels),
        lambda: asy.simulate(asy.SpikedMixture(1.0), asy.Ridge(1.0), 0.5, method=labels),
        lambda: asy.sweep(asy.SpikedMixture(1.0), asy.Ridge(1.0), 0.5, grid=labels),
        lambda: asy.sweep(asy.SpikedMixture(1.0), asy.Ridge(1.0), 0.5, grid={"penalty": labels}),
        lambda: asy.convergence(asy.SpikedMixture(1.0), asy.Ridge(1.0), 0.5, n=labels),
        lambda: asy.train_projector(labels, 0.5),
        lambda: asy.Ridge(1.0, fit_intercept=labels),
        lambda: asy.limit(asy.GaussianMixture(np.ones(12), np.eye(12)), asy.Ridge, 0.5),
        lambda: asy.gradient(asy.GaussianMixture(np.ones(30), np.eye(30)), asy.Ridge(1.0), 0.5),
        lambda: asy.limit(asy.SpikedMixture(1.0), asy.MaxMargin(), np.full(size, 1e-3)),
        lambda: asy.InfoNCE(1.0).spike_gains(asy.GaussianMixture(np.ones(30), np.eye(30))),
    ]
    for k, one in enumerate(calls):
        with pytest.raises((TypeError, ValueError)) as caught:
            one()
        assert len(str(caught.value)) <= 420, k


def test_what_cannot_be_shown_is_named_by_its_type():
    class Silent:
        def __repr__(self):
            raise RuntimeError("no")

    assert shown(Silent()) == "<Silent>"
    assert shown(10**5000) == "<int>"
    assert shown([1.0, "a"]) == "[1.0, 'a']"
    assert len(shown(list(range(10**5)))) < 200
    assert re.fullmatch(r"'x+ \.\.\. x+'", shown("x" * 1000))
