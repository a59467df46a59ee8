"""What a projector does to a limit: side by side, with the regime of its gain along the signal."""

import dataclasses
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import ndtr

import asymptotics as asy

MIX = asy.SpikedMixture(signal=1.5)
SPIKED = asy.SpikedMixture(1.5, spikes=[asy.Spike(4.0, 0.5)], balance=0.3)


def ridge_error(s, gamma, penalty, gain):
    """The closed form for an isotropic, balanced mixture."""
    linear = penalty + 1 - gamma
    v = (-linear + np.sqrt(linear**2 + 4 * penalty * gamma)) / (2 * penalty)
    v_hat, r = 1 / (1 + v), v / gamma
    k = (penalty / gain**2 + v_hat) / (penalty + v_hat)
    return ndtr(-s * np.sqrt((1 - gamma * r**2 * v_hat**2) / (1 + gamma * k**2 / s**2)))


@pytest.mark.parametrize("signal", [1.5, 9.0])
def test_the_difference_keeps_its_digits(signal):
    """At s = 9 both accuracies round to 1."""
    mix, gains = asy.SpikedMixture(signal), np.array([0.3, 1.0, 3.0])
    report = asy.before_and_after(mix, asy.Ridge(0.5), 0.2, asy.Expansion(gains))
    expected = ridge_error(signal, 0.2, 0.5, 1.0) - ridge_error(signal, 0.2, 0.5, gains)
    assert_allclose(report.difference, expected, rtol=1e-10, atol=1e-25)
    assert report.regime.tolist() == ["shrinkage", "neutral", "expansion"]
    if signal == 9.0:
        assert abs(report.difference[2]) < 1e-12
        assert not np.allclose(report.after.accuracy - report.before.accuracy, expected, atol=0)


def test_the_parts_are_limits():
    loss = asy.InfoNCE([[0.3], [2.0]], 2.0, time=[0.5, 2.0, np.inf])
    clf, ratio = asy.Ridge(0.1), 0.5
    report = asy.before_and_after(SPIKED, clf, ratio, loss)
    after, before = asy.limit(SPIKED, clf, ratio, loss), asy.limit(SPIKED, clf, ratio)
    for field in dataclasses.fields(asy.results.Limit):
        assert np.array_equal(getattr(report.after, field.name), getattr(after, field.name))
        whole = getattr(report.before, field.name)
        assert whole.shape == report.difference.shape == (2, 3)
        assert np.all(whole == getattr(before, field.name))
    assert_allclose(report.difference, before.error - after.error, rtol=1e-12)
    assert_allclose(report.gain, loss.gain(SPIKED), rtol=1e-12)
    assert np.array_equal(report.regime, loss.regime(SPIKED))
    again = pickle.loads(pickle.dumps(report))
    assert np.array_equal(again.difference, report.difference)
    assert "shrinkage" in repr(report)


@pytest.mark.parametrize("exponent", [-0.5, 0.0, 1.0])
def test_the_gain_of_a_sample_power(exponent):
    """Against the matrix that a sample of 1000 points leads to, in 400 dimensions."""
    power = asy.SamplePower(exponent, unlabelled_ratio=[0.4, 0.9])
    report = asy.before_and_after(SPIKED, asy.Ridge(0.1), 0.5, power)
    drawn = asy.SamplePower(exponent, 0.4).draw(SPIKED, 400, rng=0)
    matrix = drawn.transform(np.eye(400), SPIKED)
    gain = np.linalg.norm(matrix[0]) / np.sqrt(np.mean(matrix[2:] ** 2) * 400)
    assert_allclose(report.gain[0], gain, rtol=0.05)  # fluctuations of some p^-1/2
    word = {-0.5: "shrinkage", 0.0: "neutral", 1.0: "expansion"}[exponent]
    assert report.regime.tolist() == [word, word]
    composed = asy.before_and_after(SPIKED, asy.Ridge(0.1), 0.5, power @ asy.Identity())
    assert np.array_equal(composed.gain, report.gain)
    with pytest.raises(ValueError, match="mix must have a signal"):
        asy.before_and_after(asy.SpikedMixture(0.0), asy.Ridge(0.1), 0.5, power)


def test_one_setting_gives_plain_numbers():
    report = asy.before_and_after(MIX, asy.Logistic(0.1), 0.5, asy.InfoNCE(2.0))
    assert type(report.difference) is type(report.gain) is float
    assert type(report.regime) is str
    assert report.before.accuracy + report.difference == pytest.approx(report.after.accuracy)
    assert "regime='expansion'" in repr(report)


def test_everything_broadcasts():
    mix = asy.SpikedMixture(np.array([1.0, 2.0]).reshape(-1, 1, 1, 1))
    report = asy.before_and_after(
        mix,
        asy.Ridge(np.array([0.1, 1.0, 2.0]).reshape(-1, 1, 1)),
        np.array([0.5, 2.0]).reshape(-1, 1),
        asy.InfoNCE([0.2, 0.5, 1.0, 3.0]),
    )
    assert report.difference.shape == report.gain.shape == report.regime.shape == (2, 3, 2, 4)


@pytest.mark.parametrize("ratio", [0.2, 2.0])
def test_expansion_helps_and_shrinkage_hurts(ratio):
    """For ridge on an isotropic, balanced bulk, at every point of the phase diagram."""
    loss = asy.InfoNCE(np.geomspace(0.1, 5, 12), np.geomspace(0.3, 60, 12)[:, None], time=3.0)
    report = asy.before_and_after(MIX, asy.Ridge(0.3), ratio, loss)
    signs = np.where(report.regime == "expansion", 1, -1)
    assert {-1, 1} == set(signs.ravel())
    assert np.all(np.sign(report.difference) == signs)


def test_any_projector_has_a_regime():
    clf = asy.Ridge(0.1)

    def regime(mix, projector):
        return asy.before_and_after(mix, clf, 0.5, projector).regime

    real = SPIKED.realise(6)
    shrink = asy.Expansion(0.5)
    for mix in (MIX, SPIKED, real, asy.Spectrum([1.0, 2.0], [0.5, 0.5], [1.0, 0.0])):
        assert regime(mix, None) == regime(mix, asy.Identity()) == "neutral"
        assert regime(mix, shrink) == "shrinkage"
        assert regime(mix, asy.Expansion(2.0)) == "expansion"
        assert regime(mix, asy.Expansion(2.0) @ shrink) == "neutral"
        assert regime(mix, asy.Power(0.5)) == "expansion"
    assert regime(MIX, asy.Power(-0.5)) == "shrinkage"
    assert regime(real, asy.LinearMap(np.diag([3.0, 1, 1, 1, 1, 1]))) == "expansion"
    assert regime(real, asy.LinearMap(np.diag([0.3, 1, 1, 1, 1, 1]))) == "shrinkage"
    # nothing but the signal is left
    signal = asy.LinearMap(np.eye(6)[:1])
    assert asy.before_and_after(real, clf, 0.5, signal).gain == np.inf
    # a misaligned direction, whose component along the signal counts
    report = asy.before_and_after(MIX, clf, 0.5, asy.Expansion(3.0, 0.4))
    assert_allclose(report.gain, np.sqrt(1 + 0.4**2 * 8), rtol=1e-12)


def test_a_trained_projector():
    trained = asy.train_projector(
        MIX, 2.0, dimension=4, batch_size=500, optimiser="l-bfgs", batches=2, rng=0
    )
    report = asy.before_and_after(MIX, asy.Ridge(0.1), 0.5, asy.LinearMap(trained.matrix))
    assert_allclose(report.gain, trained.gain_along([1.0, 0, 0, 0]), rtol=1e-12)
    assert report.regime == "expansion"


def test_an_explicit_map_is_compared_on_its_own_population():
    """A SpikedMixture in the dimension of the map, before it as after it."""
    report = asy.before_and_after(SPIKED, asy.Ridge(0.1), 0.5, asy.LinearMap(np.eye(5)))
    assert abs(report.difference) < 1e-15
    assert report.regime == "neutral"


def test_without_a_signal_there_is_no_regime():
    for mix in (
        asy.GaussianMixture([0.0, 0.0], np.eye(2)),
        asy.GaussianMixture([1.0], [[1.0]]),
        asy.Spectrum([1.0], [1.0], [0.0]),
    ):
        with pytest.raises(ValueError, match="mix must have a"):
            asy.before_and_after(mix, asy.Ridge(0.1), 0.5, asy.Identity())


def parts(report):
    return report.rest_part, report.gain_part, report.scale_part


ANISOTROPIC = asy.GaussianMixture(np.linspace(1.0, 0.2, 8), np.diag(np.geomspace(9.0, 0.1, 8)), 0.4)


@pytest.mark.parametrize(
    "mix", [MIX, SPIKED, ANISOTROPIC, asy.Spectrum([1.0, 2], [0.5, 0.5], [1, 0.2])]
)
@pytest.mark.parametrize("clf", [asy.Ridge(0.2), asy.Logistic(0.1), asy.Centroid()])
def test_parts_add_up(mix, clf):
    for projector in (
        asy.Power(0.5),
        asy.Expansion([0.3, 3.0]),
        asy.Power(-0.5) @ asy.Expansion(2.0),
    ):
        report = asy.before_and_after(mix, clf, 0.5, projector)
        assert_allclose(sum(parts(report)), report.difference, rtol=0, atol=1e-12)
    report = asy.before_and_after(mix, clf, 0.5, asy.Expansion([0.3, 3.0]))
    assert_allclose(report.gain_part, report.difference, rtol=0, atol=1e-9)
    assert_allclose(report.scale, 1.0, rtol=1e-12)


def test_a_change_of_scale_is_a_change_of_penalty():
    for clf in (asy.Ridge(0.2), asy.Logistic(0.1)):
        tripled = asy.LinearMap(3.0 * np.eye(8))
        report = asy.before_and_after(ANISOTROPIC, clf, 0.5, tripled)
        assert_allclose(parts(report)[:2], 0.0, atol=1e-9)
        assert abs(report.scale_part) > 1e-4
        assert report.scale == pytest.approx(3.0)
        rescaled = dataclasses.replace(clf, penalty=9.0 * clf.penalty)
        again = asy.limit(ANISOTROPIC, rescaled, 0.5, tripled)
        assert_allclose(again.error, report.before.error, rtol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_word_says_nothing_of_a_map_that_loses_signal(seed):
    """Of rank 3 in 8, with a gain above 1: called an expansion, and worse."""
    rng = np.random.default_rng(seed)
    mean = np.repeat([0.65, 0.5], [3, 5]) * rng.uniform(0.95, 1.05, 8)
    mix = asy.GaussianMixture(mean, np.diag(rng.uniform(0.9, 1.1, 8)))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    report = asy.before_and_after(mix, asy.Ridge(0.1), 0.2, asy.LinearMap(turn @ np.eye(8)[:3]))
    assert report.regime == "expansion"
    assert report.difference < -0.01 and report.rest_part < -0.01
    assert_allclose(sum(parts(report)), report.difference, rtol=0, atol=1e-12)
    assert repr(report).startswith("BeforeAndAfter(difference=")


def test_without_a_gain_there_are_no_parts():
    report = asy.before_and_after(ANISOTROPIC, asy.Ridge(0.2), 0.5, asy.Expansion([0.0, 2.0]))
    assert np.isnan(parts(report)).tolist() == [[True, False]] * 3


@pytest.mark.parametrize("seed", range(3))
def test_the_word_says_nothing_of_a_signal_that_dominates(seed):
    """An expansion of a direction of most of the noise, at the variance of before: worse."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(40, 40)))[0]
    variances = np.where(np.arange(40) == 0, 40.0, rng.uniform(0.5, 1.5, 40))
    tilt = 3.0 * basis[:, 0] + basis[:, 1:5].sum(1)
    mix = asy.GaussianMixture(tilt, (basis * variances) @ basis.T)
    unit = tilt / np.linalg.norm(tilt)
    gained = np.eye(40) + np.outer(unit, unit)
    size = np.sqrt(np.trace(gained @ mix.covariance @ gained.T) / np.trace(mix.covariance))
    report = asy.before_and_after(mix, asy.Logistic(0.1), 0.3, asy.LinearMap(gained / size))
    assert report.regime == "expansion"
    assert report.difference < 0 and report.scale_part < 0
    assert report.rest_part == pytest.approx(0.0, abs=1e-9)


def test_the_best_penalties_on_both_sides():
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(4.0, 0.5)])
    report = asy.before_and_after(mix, asy.Ridge(0.1), 0.5, asy.Expansion(2.0), best_penalty=True)
    after = asy.optimal_penalty(mix, asy.Ridge(0.1), 0.5, asy.Expansion(2.0))
    assert report.best_after.accuracy == after.accuracy >= report.after.accuracy
    assert report.best_before.accuracy >= report.before.accuracy
    assert report.best_difference == after.accuracy - report.best_before.accuracy
    plain = asy.before_and_after(mix, asy.Ridge(0.1), 0.5, asy.Expansion(2.0))
    assert plain.best_difference is None
    with pytest.raises(ValueError, match="best_penalty must be False for arrays"):
        asy.before_and_after(mix, asy.Ridge([0.1, 1.0]), 0.5, asy.Expansion(2.0), best_penalty=True)
