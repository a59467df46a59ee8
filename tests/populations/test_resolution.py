"""Covariances of columns in any units: nothing is lost to the largest, nor made up of rounding."""

import numpy as np
import pytest

import asymptotics as asy

SIX = np.diag([1e16, 1, 1, 1, 1, 1]), np.array([0, 0.5, 0.5, 0.5, 0.5, 0.5])
SEEDS = range(12)


def population(seed):
    """Mean, covariance and units of 2 to 9 columns, over 24 orders of magnitude."""
    rng = np.random.default_rng(seed)
    p = int(rng.integers(2, 10))
    factor = rng.standard_normal((p, 2 * p + 2))
    mean = rng.standard_normal(p) * rng.uniform(0.2, 1)
    return mean, factor @ factor.T / factor.shape[1], 10.0 ** rng.uniform(-12, 12, p)


def turned(ratio, seed=0):
    """SIX, of deviations 1 and `ratio`, in axes in which each entry is as large as the largest."""
    basis, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((6, 6)))
    variances = np.array([ratio**2, 1, 1, 1, 1, 1])
    return basis @ SIX[1], (basis * variances) @ basis.T


def as_classes(mean, covariance):
    return asy.GaussianClasses(np.stack([-mean, mean]), covariance, labels=[-1, 1])


def with_a_covariance_each(mean, covariance):
    return as_classes(mean, np.stack([covariance, covariance]))


# ------------------------------------------------------------------------------ what was wrong


def test_a_large_column_leaves_the_others_their_noise():
    mix = asy.GaussianMixture(SIX[1], SIX[0])
    assert asy.limit(mix, asy.Bayes(), 0.5).accuracy == pytest.approx(0.868224, abs=1e-6)
    law = asy.Spectrum(np.diag(SIX[0]), np.full(6, 1 / 6), SIX[1] ** 2)
    for clf in (asy.Bayes(), asy.Ridge(0.1), asy.Logistic(0.1), asy.SVM(1.0), asy.MinNorm()):
        expected = asy.limit(law, clf, 0.5).error
        for made in (asy.GaussianMixture, as_classes, with_a_covariance_each):
            if (made is with_a_covariance_each) and isinstance(clf, asy.Bayes):
                continue  # whose best rule is quadratic in general
            if made is not asy.GaussianMixture and isinstance(clf, (asy.SVM, asy.MinNorm)):
                continue
            found = asy.limit(made(SIX[1], SIX[0]), clf, 0.5).error
            assert found == pytest.approx(expected, rel=1e-9), (made, clf)


@pytest.mark.parametrize("ratio", [1e3, 1e6, 1e7, 3e7, 1e8, 1e12])
def test_no_digit_is_lost_on_the_way(ratio):
    """By the ratio to the others of one column, correlated with all of them."""
    rng = np.random.default_rng(3)
    factor = rng.standard_normal((8, 30))
    covariance, mean = factor @ factor.T / 30, rng.uniform(0.2, 0.6, 8)
    units = np.array([ratio, *np.ones(7)])
    expected = asy.limit(asy.GaussianMixture(mean, covariance), asy.Bayes(), 0.5).error
    large = asy.GaussianMixture(mean * units, covariance * np.outer(units, units))
    assert asy.limit(large, asy.Bayes(), 0.5).error == pytest.approx(expected, rel=1e-12)


def test_a_column_of_timestamps():
    """In nanoseconds: Bayes' accuracy is that of the columns beside it, and of chance."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 4000)
    signal = 0.3 * (2 * labels - 1)[:, None]
    plain = rng.standard_normal((4000, 5)) + signal
    stamps = 1.7e18 + rng.uniform(0, 2.6e15, 4000)
    mix = asy.GaussianMixture.from_data(np.column_stack([stamps, plain]), labels)
    expected = asy.limit(asy.GaussianMixture.from_data(plain, labels), asy.Bayes(), 0.5).accuracy
    assert asy.limit(mix, asy.Bayes(), 0.5).accuracy == pytest.approx(expected, abs=1e-3)
    assert expected == pytest.approx(0.749, abs=0.02)  # Φ(0.3 √5), but for chance


def test_many_columns_need_no_large_ratio():
    """p = 300: the cut at p ε of the largest variance was a ratio of deviations of 4e6."""
    rng = np.random.default_rng(8)
    factor = rng.standard_normal((300, 600)) / np.sqrt(600)
    covariance, mean = factor @ factor.T, np.full(300, 0.08)
    mean[0], units = 0.0, np.ones(300)
    units[0] = 6e6
    expected = asy.limit(asy.GaussianMixture(mean, covariance), asy.Bayes(), 0.5).error
    large = asy.GaussianMixture(mean * units, covariance * np.outer(units, units))
    assert asy.limit(large, asy.Bayes(), 0.5).error == pytest.approx(expected, rel=1e-9)


# ------------------------------------------------------------------------- the kind: any units


@pytest.mark.parametrize("seed", SEEDS)
def test_units_do_not_matter_to_what_no_unit_matters_to(seed):
    mean, covariance, units = population(seed)
    plain = asy.GaussianMixture(mean, covariance)
    scaled = mean * units, covariance * np.outer(units, units)
    wide = asy.GaussianMixture(*scaled)
    expected = asy.limit(plain, asy.Bayes(), 0.5).error
    assert asy.limit(wide, asy.Bayes(), 0.5).error == pytest.approx(expected, rel=1e-9)
    assert asy.limit(as_classes(*scaled), asy.Bayes(), 0.5).error == pytest.approx(
        expected, rel=1e-9
    )
    threshold = asy.separability_threshold(plain)
    assert asy.separability_threshold(wide) == pytest.approx(threshold, rel=1e-9)
    back = asy.LinearMap(np.diag(1 / units))
    for made in (asy.GaussianMixture, as_classes, with_a_covariance_each):
        found = asy.limit(made(*scaled), asy.Ridge(0.3), 0.7, back).error
        assert found == pytest.approx(asy.limit(plain, asy.Ridge(0.3), 0.7).error, rel=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_penalty_sees_the_units_as_the_reference_does(seed):
    mean, covariance, units = population(seed)
    mix = asy.GaussianMixture(mean * units, covariance * np.outer(units, units))
    found = asy.limit(mix, asy.Ridge(0.3), 0.7)
    exact = asy.reference.limit(mix, asy.Ridge(0.3), 0.7)
    assert found.error == pytest.approx(float(exact.error), rel=1e-8)
    several = asy.limit(as_classes(mix.mean, mix.covariance), asy.Ridge(0.3), 0.7)
    assert several.error == pytest.approx(found.error, rel=1e-8)


@pytest.mark.parametrize("seed", SEEDS)
def test_samples_have_the_covariance_in_each_unit(seed):
    mean, covariance, units = population(seed)
    mix = asy.GaussianMixture(mean * units, covariance * np.outer(units, units))
    bound = np.sqrt(np.outer(np.diag(mix.covariance), np.diag(mix.covariance)))
    assert np.all(np.abs(mix.root @ mix.root.T - mix.covariance) < 1e-13 * bound)
    several = as_classes(mix.mean, mix.covariance).class_frame().roots[0]
    assert np.all(np.abs(several @ several.T - mix.covariance) < 1e-13 * bound)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.filterwarnings("ignore::asymptotics.PlugInWarning")
def test_data_in_any_units(seed):
    """Shifted as well, of more and of fewer points than dimensions."""
    rng = np.random.default_rng(seed)
    n, p = (60, 5) if seed % 2 else (12, 30)
    labels = np.arange(n) % 2
    plain = rng.standard_normal((n, p)) + 0.5 * labels[:, None]
    units = 10.0 ** rng.uniform(-9, 9, p)
    one = asy.GaussianMixture.from_data(plain, labels)
    other = asy.GaussianMixture.from_data(plain * units, labels)
    back = asy.LinearMap(np.diag(1 / units))
    for clf in (asy.Ridge(0.2), asy.Logistic(1.0)):
        expected = asy.limit(one, clf, 0.5).error
        assert asy.limit(other, clf, 0.5, back).error == pytest.approx(expected, rel=1e-7)


@pytest.mark.filterwarnings("ignore::asymptotics.PlugInWarning")
def test_a_constant_column_is_no_signal():
    rng = np.random.default_rng(2)
    labels = np.arange(40) % 2
    plain = rng.standard_normal((40, 3)) + 0.4 * labels[:, None]
    expected = asy.limit(asy.GaussianMixture.from_data(plain, labels), asy.Bayes(), 0.5).error
    for value in (0.1, 1e-300, -3.3e17, 1 / 3):
        data = np.column_stack([np.full(40, value), plain])
        mix = asy.GaussianMixture.from_data(data, labels)
        assert asy.limit(mix, asy.Bayes(), 0.5).error == pytest.approx(expected, rel=1e-12)


# --------------------------------------------------------------- what rounding hides is not told


@pytest.mark.parametrize("made", [asy.GaussianMixture, as_classes, with_a_covariance_each])
@pytest.mark.parametrize("ratio", [1e6, 1e8, 1e11])
def test_a_variance_below_the_resolution_is_refused(made, ratio):
    """The entries of this matrix do not hold the variances of 1: 1.0 was the answer."""
    mix = made(*turned(ratio))
    with pytest.raises(asy.ConvergenceError, match=r"known better|was not found"):
        asy.limit(mix, asy.Ridge(1e-3), 0.5)
    lim = asy.limit(mix, asy.Ridge(np.array([1e-3, 1e-4])), 0.5, throw=False)
    assert np.all(lim.status == asy.Status.NOT_CONVERGED)
    assert np.isnan(lim.accuracy).all()
    assert np.isnan(lim.error).all()


def test_a_threshold_below_the_resolution_is_refused():
    with pytest.raises(asy.ConvergenceError, match="covariance of mix must be known better"):
        asy.separability_threshold(asy.GaussianMixture(*turned(1e8)))


@pytest.mark.parametrize("made", [asy.GaussianMixture, as_classes])
def test_an_answer_that_does_not_depend_on_it_is_given(made):
    mix = made(*turned(1e7))
    law = asy.Spectrum([1e14, 1, 1, 1, 1, 1], np.full(6, 1 / 6), SIX[1] ** 2)
    expected = asy.limit(law, asy.Ridge(1e3), 0.5).error
    assert asy.limit(mix, asy.Ridge(1e3), 0.5).error == pytest.approx(expected, abs=1e-6)


def test_a_spectrum_hands_on_what_it_does_not_know():
    spectrum = asy.GaussianMixture(*turned(1e8), balance=[0.5, 0.3]).spectrum()
    for source in (spectrum, spectrum.spectrum(asy.Expansion(2.0))):
        with pytest.raises(asy.ConvergenceError, match="known better"):
            asy.limit(source, asy.Ridge(1e-3), 0.5)


@pytest.mark.parametrize("seed", range(6))
def test_a_mean_in_the_span_of_a_singular_covariance_is_not_without_noise(seed):
    """Zeros of a dense matrix are rounding, and so is what is left of the mean there."""
    rng = np.random.default_rng(seed)
    p, rank = 12, int(rng.integers(2, 11))
    factor = rng.standard_normal((p, rank))
    mean = factor @ rng.uniform(0.2, 0.5, rank)
    dense = asy.GaussianMixture(mean, factor @ factor.T)
    kept = asy.GaussianMixture.from_factor(mean, factor)
    for clf in (asy.Bayes(), asy.Ridge(0.1), asy.Logistic(1.0)):
        expected = asy.limit(kept, clf, 0.5).error
        assert asy.limit(dense, clf, 0.5).error == pytest.approx(expected, rel=1e-8)
    separation = float(np.sum(np.square(np.linalg.lstsq(factor, mean)[0])))
    assert kept.spectrum().mahalanobis == pytest.approx(separation, rel=1e-9)


# ------------------------------------------------------------------------------------- float32


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("made", [asy.GaussianMixture, as_classes])
def test_single_precision_has_its_own_resolution(made, seed):
    """A covariance of fewer points than dimensions: its zeros are negative by 1e-7."""
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((40, 90)).astype(np.float32)
    covariance, mean = points.T @ points / np.float32(40), points[:9].mean(0)
    assert np.linalg.eigvalsh(covariance.astype(float))[0] < 0
    mix = made(mean, covariance)
    exact = asy.GaussianMixture.from_factor(mean.astype(float), points.T.astype(float) / 40**0.5)
    for clf in (asy.Ridge(0.1), asy.Logistic(1.0)):
        expected = asy.limit(exact, clf, 0.5).error
        assert asy.limit(mix, clf, 0.5).error == pytest.approx(expected, abs=1e-6)


def test_an_indefinite_covariance_is_refused_in_any_precision():
    for dtype in (np.float32, np.float64):
        covariance = np.array([[1.0, 1.01], [1.01, 1.0]], dtype=dtype)
        for made in (asy.GaussianMixture, as_classes):
            with pytest.raises(ValueError, match="positive semi-definite"):
                made(np.ones(2, dtype), covariance)
