"""What a plug-in estimate flatters a classifier by: the estimate of it, and its warning."""

import re
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

import asymptotics as asy
from asymptotics.populations.plug_in_bias import plug_in_bias

NOISE = asy.SpikedMixture(0.0)
MIXTURES = {
    "isotropic": asy.SpikedMixture(1.5),
    "spiked": asy.SpikedMixture(1.5, 0.7, [asy.Spike(9.0, 0.4)], balance=0.3),
    "power law": asy.Spectrum(
        50 * np.arange(1, 101) ** -1.2, np.full(100, 0.01), 2 * np.arange(1, 101) ** -1.5
    ),
}
SIZES = [(60, 150), (100, 100), (200, 100), (700, 100)]


def parts(features, labels):
    plus = np.asarray(labels) > 0
    means = features[plus].mean(0), features[~plus].mean(0)
    residuals = np.where(plus[:, None], features - means[0], features - means[1])
    return 0.5 * (means[0] - means[1]), residuals, (plus.sum(), (~plus).sum())


def balanced(mix):
    own = mix.spectrum()
    return asy.Spectrum(own.eigenvalues, own.weights, own.energies)


def ridge_limit(mix, residuals):
    """The reference classifier: penalty tr S/p, n points, equal classes, no intercept."""
    n, p = residuals.shape
    penalty = np.square(residuals).sum() / (n - 2) / p
    return asy.limit(balanced(mix), asy.Ridge(penalty, fit_intercept=False), p / n).accuracy


def estimate(features, labels):
    """``from_data``, warned or not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", asy.PlugInWarning)
        return asy.GaussianMixture.from_data(features, labels)


@pytest.mark.parametrize(("n", "p"), [(3, 1), (3, 5), (5, 3), (12, 12), (40, 90), (90, 40)])
def test_the_prediction_is_the_limit_of_the_estimate(n, p):
    """By a root of one equation, and by the package's own way from the estimated population."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        features = (
            rng.standard_normal((n, p)) * rng.uniform(0.1, 3, p) * 10.0 ** rng.integers(-8, 8)
        )
        labels = np.where(np.arange(n) < max(1, n // 3), 1, -1)
        difference, residuals, counts = parts(features, labels)
        found = plug_in_bias(difference, residuals, counts)
        expected = ridge_limit(estimate(features, labels), residuals)
        assert_allclose(found.predicted, expected, rtol=1e-7)
        assert 0.5 <= found.corrected <= 1.0


@pytest.mark.parametrize(("n", "p"), SIZES)
@pytest.mark.parametrize("name", MIXTURES)
def test_the_correction_is_unbiased(name, n, p):
    """On average the truth, within 1/n; the plug-in is far off."""
    mix, rng = MIXTURES[name], np.random.default_rng(0)
    off, flattered = [], []
    for _ in range(40):
        difference, residuals, counts = parts(*mix.sample(n, p, rng=rng))
        found, truth = plug_in_bias(difference, residuals, counts), ridge_limit(mix, residuals)
        off.append(found.corrected - truth)
        flattered.append(found.predicted - truth)
    off, flattered = np.array(off), np.array(flattered)
    allowance = 1.0 / n
    assert abs(off.mean()) < 4 * off.std(ddof=1) / np.sqrt(40) + allowance
    assert flattered.mean() > 4 * flattered.std(ddof=1) / np.sqrt(40) + allowance  # the control


def test_noise_is_seen_to_be_noise():
    rng = np.random.default_rng(1)
    found = [plug_in_bias(*parts(*NOISE.sample(150, 512, rng=rng))) for _ in range(10)]
    predicted, corrected = np.mean(found, axis=0)
    assert predicted > 0.9 and corrected < 0.58  # a floor at 1/2 leaves half of the chance


def test_inflation_of_the_separation():
    """The formula of the docstring, and how far it goes: mean of 200 draws."""
    n, p, mix = 60, 20, asy.SpikedMixture(1.5)
    rng = np.random.default_rng(2)
    squares, expected = [], []
    for _ in range(200):
        difference, residuals, counts = parts(*mix.sample(n, p, rng=rng))
        covariance = residuals.T @ residuals / (n - 2)
        squares.append(difference @ np.linalg.solve(covariance, difference))
        c = (1 / counts[0] + 1 / counts[1]) / 4
        expected.append((n - 2) / (n - 2 - p - 1) * (1.5**2 + c * p))
    error = np.std(squares, ddof=1) / np.sqrt(200)
    assert abs(np.mean(squares) - np.mean(expected)) < 4 * error
    assert np.mean(squares) - 1.5**2 > 4 * error


@pytest.mark.parametrize("seed", range(8))
def test_the_warning_says_it(seed):
    rng = np.random.default_rng(seed)
    p = int(rng.integers(1, 60))
    n = int(rng.integers(3 if p > 1 else 4, 10 * p))
    mix = asy.SpikedMixture(rng.uniform(0, 2))
    features, labels = mix.sample(n, p, rng=rng, fixed_counts=True)
    found = plug_in_bias(*parts(features, labels))
    with pytest.warns(asy.PlugInWarning) as said:
        asy.GaussianMixture.from_data(features, labels)
    (one,) = said
    assert one.filename == __file__
    text = str(one.message)
    assert f"n = {n} points" in text and f"p = {p} dimensions" in text
    numbers = [float(x) for x in re.findall(r"[+-]?\d\.\d{3}", text)]
    bias = found.predicted - found.corrected
    assert_allclose(numbers, [found.predicted, found.corrected, bias], atol=6e-4)


def test_enough_points_are_not_warned_of():
    """Warnings are errors here."""
    asy.GaussianMixture.from_data(*NOISE.sample(120, 12, rng=0))
    with pytest.warns(asy.PlugInWarning):
        asy.GaussianMixture.from_data(*NOISE.sample(119, 12, rng=0))
    assert issubclass(asy.PlugInWarning, UserWarning)
