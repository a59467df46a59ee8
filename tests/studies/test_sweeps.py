"""Sweeps: labelled grids of limits and simulations, the same numbers as one by one."""

import base64
import json

import numpy as np
import pytest
import xarray

import asymptotics as asy
from asymptotics.projectors import Projector
from asymptotics.studies import sweeps
from asymptotics.studies.axes import parameter_names, replace_parameters

MIX = asy.SpikedMixture(1.5, spikes=[asy.Spike(2.0, 0.3)])
RIDGE = asy.Ridge(0.1)
CLASSIFIERS = {"ridge": RIDGE, "logistic": asy.Logistic(0.1), "max margin": asy.MaxMargin()}


@pytest.fixture(scope="module")
def found():
    return asy.sweep(
        MIX,
        CLASSIFIERS,
        grid={"n": [60, 90], "gain": [0.5, 3.0], "aspect_ratio": [0.04, 2.0]},
        projector=asy.Expansion(1.0),
        trials=6,
        rng=7,
    )


def test_dimensions_are_named_after_the_parameters(found):
    assert dict(found.sizes) == {"classifier": 3, "gain": 2, "aspect_ratio": 2, "n": 2}
    assert list(found.classifier.values) == list(CLASSIFIERS)
    assert found.n.dtype == np.int64
    assert found.accuracy.dims == ("classifier", "gain", "aspect_ratio")
    assert found.simulated.dims == ("classifier", "gain", "aspect_ratio", "n")


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("gain", [0.5, 3.0])
@pytest.mark.parametrize("ratio", [0.04, 2.0])
def test_each_point_is_what_limit_and_simulate_give(found, name, gain, ratio):
    point = found.sel(classifier=name, gain=gain, aspect_ratio=ratio)
    clf, projector = CLASSIFIERS[name], asy.Expansion(gain)
    limit = asy.limit(MIX, clf, ratio, projector, throw=False)
    for field in ("accuracy", "error", "train_accuracy"):
        np.testing.assert_allclose(float(point[field]), getattr(limit, field), rtol=1e-12)
    assert str(point.status.values) == limit.status
    for n in (60, 90):
        at = point.sel(n=n)
        if name == "max margin" and ratio == 0.04:
            assert str(at.simulation_status.values) == "not simulated: no limit"
            assert at.trials == 0
            assert np.isnan(at.simulated)
            continue
        sim = asy.simulate(MIX, clf, ratio, n=n, trials=6, projector=projector, rng=7)
        assert at.simulated == sim.mean
        assert at.stderr == sim.stderr
        assert at.trials == 6
        assert at.dimension == sim.dimension == round(ratio * n)
        assert at.simulated_train_accuracy == sim.train_accuracy.mean()
        expected = asy.limit(MIX, clf, sim.aspect_ratio, projector)
        np.testing.assert_allclose(float(at.expected), expected.accuracy, rtol=1e-12)
        np.testing.assert_allclose(float(at.z), sim.z_score(expected), rtol=1e-9)
        assert str(at.simulation_status.values) == "done"


def test_limits_alone():
    found = asy.sweep(MIX, RIDGE, 0.5, grid={"penalty": [0.1, 1.0], "signal": [1.0, 2.0]})
    assert set(found) == {"accuracy", "error", "train_accuracy", "residual", "status"}
    expected = asy.limit(
        asy.SpikedMixture([1.0, 2.0], spikes=MIX.spikes), asy.Ridge([[0.1], [1.0]]), 0.5
    )
    np.testing.assert_allclose(found.accuracy.values, expected.accuracy, rtol=1e-14)


def test_no_grid_is_one_point():
    found = asy.sweep(MIX, RIDGE, 0.5, trials=3, rng=0)
    assert dict(found.sizes) == {}
    assert float(found.accuracy) == asy.limit(MIX, RIDGE, 0.5).accuracy


def test_populations_and_projectors_by_name():
    found = asy.sweep(
        {"plain": asy.SpikedMixture(1.5), "spiked": MIX},
        RIDGE,
        0.5,
        projector={
            "raw": asy.Identity(),
            "white": asy.Power(-0.5),
            "stretched": asy.Expansion(2.0),
        },
        grid={"spike_0_strength": [1.0, 5.0], "exponent": [-0.5, 0.5]},
    )
    assert found.accuracy.dims == ("population", "projector", "spike_0_strength", "exponent")
    plain = found.accuracy.sel(population="plain")
    assert (plain.sel(spike_0_strength=1.0) == plain.sel(spike_0_strength=5.0)).all()
    raw = found.accuracy.sel(projector="raw")
    assert (raw.sel(exponent=-0.5) == raw.sel(exponent=0.5)).all()
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(5.0, 0.3)])
    expected = asy.limit(mix, RIDGE, 0.5, asy.Power(0.5)).accuracy
    here = found.accuracy.sel(
        population="spiked", projector="white", spike_0_strength=5.0, exponent=0.5
    )
    np.testing.assert_allclose(float(here), expected, rtol=1e-14)


def test_fixed_dimension():
    mix = MIX.realise(20)
    found = asy.sweep(mix, RIDGE, grid={"n": [30, 40]}, trials=3, rng=1)
    assert found.accuracy.dims == ("n",)
    for n in (30, 40):
        assert float(found.accuracy.sel(n=n)) == asy.limit(mix, RIDGE, 20 / n).accuracy
        sim = asy.simulate(mix, RIDGE, n=n, trials=3, rng=1)
        assert float(found.simulated.sel(n=n)) == sim.mean
    assert (found.dimension == 20).all()


def test_netcdf_keeps_everything(found, tmp_path):
    found.to_netcdf(tmp_path / "sweep.nc", engine="h5netcdf")
    with xarray.open_dataset(tmp_path / "sweep.nc", engine="h5netcdf") as again:
        xarray.testing.assert_identical(again.load(), found)
        assert again.n.dtype == np.int64
        assert again.trials.dtype == np.int64


def test_metadata_is_enough_to_repeat_it(found):
    metadata = json.loads(found.attrs["metadata"])
    assert metadata["parameters"]["clf"]["ridge"] == {
        "Ridge": {"penalty": 0.1, "fit_intercept": True}
    }
    assert metadata["parameters"]["mix"][""]["SpikedMixture"]["signal"] == 1.5
    assert metadata["complete"]
    assert {"python", "numpy", "scipy", "asymptotics"} <= set(metadata["versions"])
    root = np.random.SeedSequence(metadata["entropy"], spawn_key=metadata["spawn_key"])
    sim = asy.simulate(MIX, RIDGE, 2.0, n=90, trials=6, projector=asy.Expansion(3.0), rng=root)
    assert sim.mean == found.simulated.sel(classifier="ridge", gain=3.0, aspect_ratio=2.0, n=90)


def restore(thing):
    """A population, classifier or projector from its description in the metadata."""
    if not isinstance(thing, dict):
        return [restore(each) for each in thing] if isinstance(thing, list) else thing
    if "base64" in thing:
        numbers = np.frombuffer(base64.b64decode(thing["base64"]), "<f8")
        return numbers.reshape(thing["shape"])
    if "outer" in thing:
        return restore(thing["outer"]) @ restore(thing["inner"])
    ((name, fields),) = thing.items()
    return getattr(asy, name)(**{field: restore(value) for field, value in fields.items()})


def test_a_saved_sweep_is_enough_to_repeat_it(tmp_path):
    """From the file alone, matrices and all, to the last bit."""
    matrix = np.random.default_rng(0).standard_normal((8, 12))
    root = np.random.SeedSequence(5, spawn_key=(2,))
    first = asy.sweep(
        {"estimated": asy.GaussianMixture.from_data(*MIX.sample(120, 12, rng=0)), "spiked": MIX},
        {"ridge": RIDGE, "svm": asy.SVM(0.5, fit_intercept=False)},
        projector={"a": asy.LinearMap(matrix), "b": asy.LinearMap(matrix[:5]) @ asy.Identity()},
        grid={"penalty": [0.1, 1 / 3], "n": [20, 30]},
        trials=2,
        rng=root,
    )
    first.to_netcdf(tmp_path / "sweep.nc", engine="h5netcdf")
    with xarray.open_dataset(tmp_path / "sweep.nc", engine="h5netcdf") as saved:
        metadata = json.loads(saved.attrs["metadata"])
        grid = {name: saved[name].values for name in metadata["grid"]}
    arguments = metadata["parameters"]
    for name in ("mix", "clf", "projector"):
        things = {key: restore(thing) for key, thing in arguments[name].items()}
        arguments[name] = things.get("", things)
    rng = np.random.SeedSequence(metadata["entropy"], spawn_key=metadata["spawn_key"])
    xarray.testing.assert_identical(asy.sweep(**arguments, grid=grid, rng=rng), first)


class Plain(Projector):
    """A projector of one's own that is no dataclass."""

    def on_frame(self, frame, axis=None):
        return asy.Identity().on_frame(frame, axis)

    def on_coordinates(self, mixture):
        return np.eye(mixture.dimension)

    def __repr__(self):
        return "plain"


class Own(asy.Centroid):
    pass


def test_things_of_ones_own(tmp_path):
    """Described by repr for want of better, but not in a checkpoint, where it would not be safe."""
    found = asy.sweep(MIX, Own(), 0.5, projector=Plain(), trials=2, n=20, rng=0)
    parameters = json.loads(found.attrs["metadata"])["parameters"]
    assert parameters["projector"] == {"": "plain"}
    assert list(parameters["clf"][""]) == [f"{__name__}.Own"]
    with pytest.raises(TypeError, match="must be made of dataclasses and numbers, got plain"):
        asy.sweep(MIX, RIDGE, 0.5, projector=Plain(), trials=2, rng=0, checkpoint=tmp_path)


def test_failing_points_do_not_stop_the_others():
    """A minority of 2 % is missing from some training sets of 40."""
    with pytest.warns(UserWarning, match="1 of 2 points failed.*trial"):
        found = asy.sweep(
            asy.SpikedMixture(1.0),
            RIDGE,
            0.5,
            grid={"balance": [0.02, 0.5]},
            n=40,
            trials=30,
            rng=0,
        )
    status = found.simulation_status.values
    assert status[0].startswith("failed: trial")
    assert status[1] == "done"
    # The training sets that do not fail are no fair sample of all.
    assert np.isnan(found.simulated.values[0])
    assert list(found.trials.values) == [0, 30]
    assert not json.loads(found.attrs["metadata"])["complete"]


def test_a_limit_that_the_rounding_of_p_takes_away():
    """Least squares needs p < n: at n = 20 the aspect ratio 0.98 becomes 1."""
    found = asy.sweep(MIX, asy.Ridge(0.0), 0.98, grid={"n": [20, 100]}, trials=3, rng=0)
    assert str(found.status.values) == "converged"
    status = found.simulation_status.values
    assert status[0] == "done; the limit at p/n: no limit: fewer samples than dimensions"
    assert status[1] == "done"
    assert np.isnan(found.z.values[0])
    assert np.isfinite(found.z.values[1])


def test_limits_are_one_batch_for_each_classifier(monkeypatch):
    calls = []

    def counted(*arguments, **options):
        calls.append(arguments)
        return asy.limit(*arguments, **options)

    monkeypatch.setattr(sweeps, "limit", counted)
    grid = {"gain": np.linspace(0.5, 3, 20), "aspect_ratio": np.linspace(0.2, 2, 20)}
    found = asy.sweep(MIX, CLASSIFIERS, projector=asy.Expansion(1.0), grid=grid)
    assert len(calls) == len(CLASSIFIERS)
    assert found.accuracy.size == 1200


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"penalty": [1.0, -1.0]}, "penalty must be in .*got -1.0"),
        ({"balance": [0.5, 1.0]}, "balance must be in .*got 1.0"),
        ({"penalty": [1.0, np.inf]}, r"penalty must be in \[0, inf\), got inf"),
        ({"penalty": [1.0, np.nan]}, r"grid\['penalty'\] must be in .*got nan"),
        ({"n": [10, 20.5]}, r"grid\['n'\] must be an integer .*got 20.5"),
        ({"n": [1]}, r"grid\['n'\] must be an integer of at least 2, got 1"),
    ],
)
def test_values_out_of_range_are_named(grid, message):
    with pytest.raises((TypeError, ValueError), match=message):
        asy.sweep(MIX, RIDGE, 0.5, grid=grid)


def test_infinity_is_a_value_like_others(tmp_path):
    """A time of training may be infinite: in the grid, in a checkpoint, in JSON and in netCDF."""
    arguments = {"n": 40, "trials": 3, "rng": 0, "projector": asy.InfoNCE(1.0)}
    arguments |= {"grid": {"time": [1.0, np.inf]}, "checkpoint": tmp_path / "blocks"}
    found = asy.sweep(MIX, RIDGE, 0.5, **arguments)
    alone = asy.simulate(MIX, RIDGE, 0.5, n=40, trials=3, rng=0, projector=asy.InfoNCE(1.0))
    assert found.simulated.sel(time=np.inf) == alone.mean
    assert found.simulated.sel(time=1.0) != alone.mean
    xarray.testing.assert_identical(asy.sweep(MIX, RIDGE, 0.5, **arguments), found)
    metadata = json.loads(found.metadata, parse_constant=pytest.fail)  # on what is no strict JSON
    assert metadata["parameters"]["projector"][""]["InfoNCE"]["time"] == "inf"
    found.to_netcdf(tmp_path / "sweep.nc", engine="h5netcdf")
    with xarray.open_dataset(tmp_path / "sweep.nc", engine="h5netcdf") as again:
        xarray.testing.assert_identical(again.load(), found)


@pytest.mark.parametrize(
    ("thing", "names"),
    [
        (MIX, ("signal", "noise", "balance", "spike_0_strength", "spike_0_alignment")),
        (MIX.realise(5), ("balance",)),
        (MIX.spectrum(), ("balance",)),
        (RIDGE, ("penalty",)),
        (asy.MaxMargin(), ()),
        (asy.Identity(), ()),
        (asy.Power(0.5) @ asy.Expansion(2.0), ("exponent", "gain", "alignment")),
        (
            asy.Expansion(3.0) @ asy.Expansion(2.0),
            ("outer_gain", "outer_alignment", "inner_gain", "inner_alignment"),
        ),
    ],
)
def test_names(thing, names):
    assert parameter_names(thing) == names


def test_replacing_by_name():
    mix = replace_parameters(MIX, {"spike_0_strength": 7.0, "noise": 2.0, "gain": 1.0})
    assert mix.spikes[0].strength == 7.0
    assert mix.spikes[0].alignment == 0.3
    assert mix.noise == 2.0
    both = asy.Expansion(3.0) @ asy.Expansion(2.0)
    changed = replace_parameters(both, {"outer_gain": 5.0})
    assert changed.outer.gain == 5.0
    assert changed.inner.gain == 2.0


def test_an_infinite_aspect_ratio_is_named():
    with pytest.raises(ValueError, match=r"aspect_ratio must be in \(0, inf\), got inf"):
        asy.sweep(MIX, RIDGE, grid={"aspect_ratio": [0.1, np.inf]})
