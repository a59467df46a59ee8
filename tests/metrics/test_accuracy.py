"""The logarithm of the error: against mpmath, far below the smallest double and near certainty."""

import mpmath
import numpy as np
import pytest
from mpmath import mp

import asymptotics as asy
from asymptotics.metrics.accuracy import mixture_law

RNG = np.random.default_rng(20)
KINDS = [
    asy.Ridge(0.3),
    asy.Logistic(0.3),
    asy.SVM(0.3),
    asy.SquaredHinge(0.3),
    asy.MaxMargin(),
    asy.MinNorm(),
    asy.Centroid(),
    asy.Bayes(),
]


def by_mpmath(mean, deviation, intercept, balance):
    with mp.workdps(40):
        m, d, b, pi = map(mp.mpf, (mean, deviation, intercept, balance))
        below = [mp.erfc(depth / mp.sqrt(2)) / 2 for depth in ((m + b) / d, (m - b) / d)]
        return float(mp.log(pi * below[0] + (1 - pi) * below[1]))


@pytest.mark.parametrize("reach", [1.0, 30.0, 3000.0])
def test_formula(reach):
    """Depths of either sign up to `reach` deviations, any balance."""
    for _ in range(100):
        mean, intercept = RNG.uniform(-reach, reach, size=2)
        deviation, balance = np.exp(RNG.uniform(-1, 1)), 10 ** RNG.uniform(-6, -0.01)
        found = mixture_law(*map(np.asarray, (mean, deviation, intercept, balance)))[2]
        expected = by_mpmath(mean, deviation, intercept, balance)
        assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("clf", KINDS, ids=lambda clf: type(clf).__name__)
@pytest.mark.parametrize("signal", [1.0, 9.0, 25.0, 70.0])
def test_limit_against_the_reference(clf, signal):
    signal *= RNG.uniform(0.9, 1.1)
    mix = asy.SpikedMixture(signal, balance=float(RNG.choice([0.5, 0.3])))
    lim = asy.limit(mix, clf, 0.7)
    expected = asy.reference.limit(mix, clf, 0.7, dps=20).log_error
    assert lim.log_error == pytest.approx(float(expected), rel=1e-10)
    if lim.error > 1e-300:
        assert lim.log_error == pytest.approx(np.log(lim.error), rel=1e-12)


def test_error_below_the_smallest_double():
    lim = asy.limit(asy.SpikedMixture(np.array([60.0, 90.0])), asy.Ridge(0.1), 0.5)
    assert np.all(lim.accuracy == 1.0) and np.all(lim.error == 0.0)
    assert lim.log_error[1] < lim.log_error[0] < -745.0


def test_no_limit_has_no_error():
    lim = asy.limit(asy.SpikedMixture(1.0), asy.MaxMargin(), [0.1, 0.9], throw=False)
    assert np.isnan(lim.log_error[0]) and lim.log_error[1] < 0.0


def test_edges():
    coin = asy.limit(asy.SpikedMixture(0.0), asy.Ridge(0.1), 0.5)
    assert coin.log_error == pytest.approx(np.log(0.5), rel=1e-15)
    # signal without noise: known for certain
    certain = asy.limit(asy.Spectrum([1.0, 0.0], [1.0, 0.0], [0.0, 1.0]), asy.Bayes(), 0.5)
    assert certain.log_error == -np.inf
    assert mpmath.isinf(
        asy.reference.limit(
            asy.Spectrum([1.0, 0.0], [1.0, 0.0], [0.0, 1.0]), asy.Bayes(), 0.5
        ).log_error
    )
