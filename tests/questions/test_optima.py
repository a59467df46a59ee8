"""Optima near certainty, of every population, and next to a gain of 1."""

import numpy as np
import pytest

import asymptotics as asy

RNG = np.random.default_rng(13)
GAUSSIAN = asy.GaussianMixture(np.array([1.0, 2.0, 0.0, 1.0]), np.diag([1.0, 4.0, 0.5, 2.0]))


@pytest.mark.parametrize("signal", [3.0, 7.0, 10.0, 20.0, 38.0, 60.0])
def test_best_ridge_penalty_near_certainty(signal):
    """On an isotropic mixture the best penalty diverges, at every signal."""
    signal *= RNG.uniform(0.95, 1.05)
    mix = asy.SpikedMixture(signal)
    best = asy.optimal_penalty(mix, asy.Ridge(1.0), 0.5)
    assert (best.value, best.status) == (1e6, "at upper bound")
    assert best.log_error == asy.limit(mix, asy.Ridge(1e6), 0.5).log_error


@pytest.mark.parametrize("signal", [9.0, 16.0, 30.0, 50.0])
@pytest.mark.parametrize("clf", [asy.Ridge(1.0), asy.Logistic(1.0)], ids=["ridge", "logistic"])
def test_optima_near_certainty_are_lowest(clf, signal):
    signal *= RNG.uniform(0.95, 1.05)
    mix = asy.SpikedMixture(signal, spikes=[asy.Spike(8.0, 0.7)])
    penalties = np.geomspace(1e-6, 1e6, 301)
    best = asy.optimal_penalty(mix, clf, 0.3)
    found = asy.limit(mix, type(clf)(penalties), 0.3).log_error
    assert best.status != "flat"
    assert np.all(found >= best.log_error - 1e-11 * abs(best.log_error))
    assert abs(np.log(best.value / penalties[found.argmin()])) < 0.1
    gains = np.geomspace(1e-3, 1e3, 201)
    best = asy.optimal_gain(mix, clf, 2.0, asy.Expansion(1.0, 0.3))
    found = asy.limit(mix, clf, 2.0, asy.Expansion(gains, 0.3)).log_error
    assert np.all(found >= best.log_error - 1e-11 * abs(best.log_error))
    assert best.status != "flat"


@pytest.mark.parametrize("mix", [GAUSSIAN, GAUSSIAN.spectrum()], ids=["gaussian", "spectrum"])
def test_every_population_has_optima(mix):
    best = asy.optimal_penalty(mix, asy.Logistic(1.0), 0.5)
    near = best.value * np.array([0.9, 1.1])
    assert best.status == "interior"
    assert np.all(asy.limit(mix, asy.Logistic(near), 0.5).error > best.error)
    best = asy.optimal_gain(mix, asy.Ridge(1.0), 0.5, asy.Expansion(1.0))
    gains = np.geomspace(1e-3, 1e3, 61)
    assert np.all(asy.limit(mix, asy.Ridge(1.0), 0.5, asy.Expansion(gains)).error >= best.error)


def test_differences_agree_with_exact_gradients():
    """The same mixture with exact derivatives, and as a spectrum without."""
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(8.0, 0.7)])
    exact = asy.optimal_penalty(mix, asy.Logistic(1.0), 0.3)
    other = asy.optimal_penalty(mix.spectrum(), asy.Logistic(1.0), 0.3)
    assert exact.status == other.status == "interior"
    assert other.value == pytest.approx(exact.value, rel=1e-7)


def test_without_a_signal_optima_are_flat():
    mix = asy.SpikedMixture(0.0)
    assert asy.optimal_penalty(mix, asy.Ridge(1.0), 0.5).status == "flat"
    assert asy.optimal_gain(mix, asy.Ridge(1.0), 0.5, asy.Expansion(2.0)).status == "flat"


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: asy.optimal_penalty(asy.SpikedMixture([1.0, 2.0]), asy.Ridge(1.0), 0.5), "signal"),
        (
            lambda: asy.optimal_penalty(
                asy.SpikedMixture(1.0), asy.Ridge(1.0), 0.5, asy.Expansion([1.0, 2.0])
            ),
            "gain",
        ),
        (
            lambda: asy.optimal_gain(
                asy.SpikedMixture(1.0), asy.Ridge([1.0, 2.0]), 0.5, asy.Expansion(1.0)
            ),
            "penalty",
        ),
        (
            lambda: asy.optimal_gain(
                asy.SpikedMixture(1.0), asy.Ridge(1.0), 0.5, asy.Expansion(1.0, [0.1, 0.2])
            ),
            "alignment",
        ),
        (
            lambda: asy.optimal_penalty(asy.SpikedMixture(1.0), asy.Ridge(1.0), [0.5]),
            "aspect_ratio",
        ),
    ],
)
def test_arrays_are_refused_by_name(call, name):
    with pytest.raises(ValueError, match=f"{name} must be a single number"):
        call()


def test_next_to_a_gain_of_1():
    """The effect is continuous in the gain, down to its slope."""
    mix = asy.SpikedMixture(1.5)
    steps = np.array([0.0, 1e-14, 1e-12, 1e-9, 1e-7, 1e-5])
    for gains in (1.0 + steps, 1.0 - steps):
        found = asy.critical_alignment(mix, asy.Ridge(1.0), 2.0, gains)
        assert np.all(found.status == "always helps")


def test_without_a_signal_no_gain_has_an_effect():
    found = asy.critical_alignment(
        asy.SpikedMixture(0.0), asy.Ridge(1.0), 2.0, [1.0, 1.0 + 1e-9, 2.0]
    )
    assert np.all(found.status == "no effect") and np.all(np.isnan(found.alignment))
    mixed = asy.critical_alignment(asy.SpikedMixture([0.0, 1.5]), asy.Ridge(1.0), 2.0, 1.0)
    assert list(mixed.status) == ["no effect", "always helps"]


def test_crossings_where_accuracies_are_1():
    signal = RNG.uniform(10.0, 14.0)
    found = asy.critical_alignment(asy.SpikedMixture(signal), asy.Ridge(1.0), 2.0, 5.0)
    assert found.status == "crossing"
    mix, c = asy.SpikedMixture(signal), found.alignment
    before = asy.limit(mix, asy.Ridge(1.0), 2.0).log_error
    after = asy.limit(mix, asy.Ridge(1.0), 2.0, asy.Expansion(5.0, c + np.array([-0.01, 0, 0.01])))
    assert after.log_error[0] > before > after.log_error[2]
    assert after.log_error[1] == pytest.approx(before, rel=1e-10)


@pytest.mark.parametrize("gain", [np.array([]), np.empty((0, 3)), np.empty((2, 0))])
def test_empty_arrays(gain):
    found = asy.critical_alignment(asy.SpikedMixture(1.5), asy.Ridge(1.0), 2.0, gain)
    assert np.shape(found.alignment) == np.shape(found.status) == gain.shape
