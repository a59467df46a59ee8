"""How the bias and the spread at finite n are measured, kept and fitted."""

import math
import pickle

import numpy as np
import pytest
import scipy

import asymptotics as asy
from asymptotics.simulation.experiment import Experiment
from asymptotics.studies import finite_size as rates

MIX = asy.SpikedMixture(1.5)
CENTROID = asy.Centroid()
SIZES = [20, 31, 43]


def study(**options):
    return asy.convergence(
        **{"mix": MIX, "clf": CENTROID, "aspect_ratio": 0.7, "n": SIZES, "trials": 12, "rng": 3}
        | options
    )


def assert_same(found, expected):
    for name in ("n", "dimension", "trials", "limit", "accuracy", "deviation", "bias", "stderr"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name
    for law in ("bias_law", "deviation_law"):  # with NaN in it, so not by ==
        assert repr(getattr(found, law)) == repr(getattr(expected, law))


@pytest.fixture
def count_trials(monkeypatch):
    """How many trials have been computed."""
    whole, counts = Experiment.run, []

    def run(self, root, trials):
        counts.append(len(trials))
        return whole(self, root, trials)

    monkeypatch.setattr(Experiment, "run", run)
    return lambda: sum(counts)


# ------------------------------------------------------------------------------- the numbers


@pytest.mark.parametrize(
    ("clf", "projector", "method"),
    [
        (asy.Ridge(0.1), asy.Expansion(2.0, 0.4), "exact-law"),
        (asy.Logistic(0.1), None, "direct"),
    ],
)
def test_each_size_is_what_simulate_and_limit_give(clf, projector, method):
    trials = [14, 12, 10]
    found = study(clf=clf, projector=projector, trials=trials)
    assert found.method == (method,) * 3
    assert found.complete and not found.interrupted
    for k, (n, count) in enumerate(zip(SIZES, trials, strict=True)):
        child = np.random.SeedSequence(3, spawn_key=(n,))
        sim = asy.simulate(MIX, clf, 0.7, n=n, trials=count, projector=projector, rng=child)
        expected = asy.limit(MIX, clf, sim.dimension / n, projector).accuracy
        assert (found.n[k], found.dimension[k], found.trials[k]) == (n, round(0.7 * n), count)
        assert found.aspect_ratio[k] == sim.aspect_ratio
        assert (found.accuracy[k], found.stderr[k]) == (sim.mean, sim.stderr)
        assert found.deviation[k] == pytest.approx(sim.accuracy.std(ddof=1), rel=1e-12)
        assert found.limit[k] == pytest.approx(expected, rel=1e-12)
        assert found.bias[k] == found.accuracy[k] - found.limit[k]
        assert found.z_score[k] == pytest.approx(found.bias[k] / found.stderr[k])


def test_closed_form_of_the_limit_at_the_dimension_that_there_is():
    """Φ(s/√(1 + γ/s²)) at γ = p/n, and not at the one asked for."""
    found = study()
    ratio = found.dimension / found.n
    assert len(set(ratio)) == 3
    expected = scipy.special.ndtr(1.5 / np.sqrt(1 + ratio / 1.5**2))
    assert found.limit == pytest.approx(expected, rel=1e-12)


def test_same_root_same_numbers_for_every_number_of_jobs():
    found = study()
    assert_same(study(n_jobs=2), found)
    assert_same(study(rng=found.seed), found)
    assert study(rng=4).accuracy[0] != found.accuracy[0]
    more = study(n=[20, 25, 31, 43])  # a size does not depend on the others
    assert np.array_equal(more.accuracy[[0, 2, 3]], found.accuracy)


def test_result_is_plain():
    found = study()
    assert_same(pickle.loads(pickle.dumps(found)), found)
    with pytest.raises(ValueError, match="read-only"):
        found.bias[0] = 0.0
    assert "status=" in repr(found)


# --------------------------------------------------------------------------------- the rates


@pytest.fixture(scope="module")
def centroid():
    return asy.convergence(MIX, CENTROID, 1.0, n=[60, 120, 240], trials=2000, rng=0)


def test_bias_falls_like_one_over_n(centroid):
    assert centroid.status == "resolved"
    low, high = centroid.rate_interval
    assert low < 1.0 < high < 2.0
    assert centroid.rate_interval == centroid.bias_law.interval and low < centroid.rate < high
    assert np.all(centroid.z_score < -3)


def test_deviation_falls_like_the_root_of_n(centroid):
    low, high = centroid.deviation_rate_interval
    assert 0.45 < low < centroid.deviation_rate < high < 0.65


@pytest.mark.parametrize("off", [0.004, -0.004])
def test_negative_control_a_wrong_limit(monkeypatch, centroid, off):
    """Then the bias does not vanish: its rate is not 1, or there is none."""

    class Wrong:
        accuracy = centroid.limit + off

    monkeypatch.setattr(rates, "limit", lambda *_: Wrong)
    found = asy.convergence(MIX, CENTROID, 1.0, n=[60, 120, 240], trials=2000, rng=0)
    assert np.array_equal(found.accuracy, centroid.accuracy)
    low, high = found.rate_interval
    assert found.status == "no power law" or not low < 1.0 < high


def test_no_deviation_is_no_rate():
    """Bayes knows the population: all training sets agree, and the bias is rounding."""
    found = study(clf=asy.Bayes())
    assert np.all(np.abs(found.bias) < 1e-12) and np.all(np.abs(found.z_score) < 1)
    assert found.status == "not resolved" and math.isnan(found.rate)
    assert math.isnan(found.deviation_rate)
    assert found.deviation_rate_interval == (-np.inf, np.inf)


def test_next_order_takes_four_sizes():
    found = study(n=[20, 31, 43, 60], correction=True)
    assert found.deviation_law.correction != 0
    with pytest.raises(ValueError, match="n must be at least 4 increasing integers"):
        study(correction=True)


@pytest.mark.slow
def test_a_million_points():
    sizes = [10**3, 10**4, 10**5, 10**6]
    found = asy.convergence(
        MIX,
        asy.Ridge(0.1),
        0.5,
        n=sizes,
        trials=[200, 100, 40, 10],
        rng=0,
        projector=asy.Expansion(2.0),
    )
    assert set(found.method) == {"exact-law"}
    assert np.all(np.abs(found.z_score[1:]) < 4) and abs(found.bias[-1]) < 1e-4
    low, high = found.deviation_rate_interval
    assert 0.4 < low < 0.5 < high < 0.6


# ------------------------------------------------------------------------------ the checkpoint


def test_checkpoint_goes_on_and_tops_up(tmp_path, count_trials):
    assert_same(study(checkpoint=tmp_path, trials=10), study(trials=10))
    before = count_trials()
    assert_same(study(checkpoint=tmp_path, trials=10), study(checkpoint=tmp_path, trials=10))
    assert count_trials() == before
    expected = study(trials=15)
    before = count_trials()
    assert_same(study(checkpoint=tmp_path, trials=15), expected)
    assert count_trials() == before + 3 * 5
    assert_same(study(checkpoint=tmp_path, trials=10), study(trials=10))  # fewer is fewer
    before = count_trials()
    study(checkpoint=tmp_path, trials=10, rng=4)  # other numbers, nothing to find
    assert count_trials() == before + 3 * 10


def test_shards_add_up(tmp_path, count_trials):
    whole = study(trials=30)
    before = count_trials()
    first = study(trials=30, checkpoint=tmp_path, shard=(1, 2))
    assert not first.complete and first.trials.tolist() == [15, 15, 15]
    assert math.isfinite(first.deviation_rate)
    second = study(trials=30, checkpoint=tmp_path, shard=(2, 2))
    assert second.complete
    assert_same(second, whole)
    assert count_trials() == before + 90
    poor = study(trials=30, checkpoint=tmp_path, shard=(1, 4), rng=9)
    assert poor.trials.max() < 10
    assert poor.status == "not resolved" and math.isnan(poor.deviation_rate)


def test_interrupted_returns_what_is_done(tmp_path, monkeypatch):
    whole = Experiment.run

    def run(self, root, trials):
        if self.n == SIZES[-1]:
            raise KeyboardInterrupt
        return whole(self, root, trials)

    with monkeypatch.context() as patch:
        patch.setattr(Experiment, "run", run)
        with pytest.warns(UserWarning, match=r"interrupted after \d+ of 36 trials"):
            found = study(checkpoint=tmp_path)
    assert found.interrupted and not found.complete
    assert found.trials[0] == 12 and found.trials[2] == 0
    assert np.isfinite(found.bias[0]) and np.isnan(found.bias[2])
    assert found.status == "not resolved"
    assert_same(study(checkpoint=tmp_path), study())


# ------------------------------------------------------------------------------------ bad input


def test_a_training_set_that_cannot_be_learned_from_is_said():
    with pytest.raises(ValueError, match=r"trial \d+ of n = 20"):
        study(mix=asy.SpikedMixture(1.5, balance=0.02), clf=asy.Ridge(0.1), trials=30)


def test_limits_that_do_not_exist_are_said():
    with pytest.raises(asy.NoLimitError):
        study(clf=asy.MaxMargin(), aspect_ratio=0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mix": MIX.realise(14)}, "mix must be a population of any dimension.*GaussianMixture in 14"),
        ({"projector": asy.LinearMap(np.eye(14))}, "projector must act in any dimension.*14 dim"),
        ({"projector": asy.Power(0.5) @ asy.LinearMap(np.eye(14))}, "projector must act in any"),
        ({"mix": asy.SpikedMixture([1.0, 2.0])}, "mix must have single numbers"),
        ({"clf": asy.Ridge([0.1, 1.0])}, "clf must have single numbers"),
        ({"projector": asy.Expansion([1.0, 2.0])}, "projector must have single numbers"),
        ({"clf": MIX.realise(14)}, "clf must be"),
        ({"projector": MIX.realise(14)}, "projector must be"),
        ({"n": [20, 30]}, r"n must be at least 3 increasing integers, got \[20, 30\]"),
        ({"n": [20, 30, 30]}, "n must be at least 3 increasing"),
        ({"trials": 9}, "trials must be an integer of at least 10, got 9"),
        ({"trials": [20, 20]}, "trials must be one integer, or one for each n"),
        ({"checkpoint": "somewhere", "rng": None}, "rng must be given with a checkpoint"),
        ({"shard": (1, 2)}, "checkpoint must be given with a shard"),
        ({"confidence": 1.0}, r"confidence must be in \(0, 1\), got 1.0"),
    ],
)  # fmt: skip
def test_bad_input_is_named(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        study(**options)
