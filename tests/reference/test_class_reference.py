"""The reference on K classes: another route to the same numbers."""

import pickle

import numpy as np
import pytest

import asymptotics as asy

FIELDS = ("mean", "variance", "susceptibility", "intercept")


def population(count, covariance, seed=1):
    rng = np.random.default_rng(seed)
    means = 1.2 * rng.normal(size=(count, count))
    a = rng.normal(size=(count, count, count))
    own = a @ a.transpose(0, 2, 1) / count + 0.5 * np.eye(count)
    spread = {"none": None, "shared": own[0], "own": own}[covariance]
    return asy.ClassMixture(means, spread, 1.1, rng.dirichlet(5 * np.ones(count)))


def compare(reference, lim, tolerance):
    for name in FIELDS:
        exact = np.asarray(getattr(reference, name), dtype=float)
        np.testing.assert_allclose(
            getattr(lim, name), exact, rtol=tolerance, atol=tolerance * max(1, np.abs(exact).max())
        )


CASES = [
    (2, "own", asy.Ridge(0.1), None),
    (3, "none", asy.Ridge(0.1, fit_intercept=False), asy.Expansion(2.0, subspace="between")),
    (3, "own", asy.Ridge(0.01, class_weight="balanced"), asy.Expansion(0.5, contrast=[1, -1, 0])),
    (
        3,
        "shared",
        asy.Ridge(1.0, class_weight={0: 1, 1: 3, 2: 0.5}),
        asy.Expansion(3.0, 0.4, contrast=[1, -2, 1]),
    ),
    (4, "shared", asy.Ridge(0.1), None),
    (7, "own", asy.Ridge(0.3), None),
]


@pytest.mark.parametrize(("count", "covariance", "clf", "head"), CASES)
def test_one_hot_ridge(count, covariance, clf, head):
    mix = population(count, covariance)
    found = asy.reference.limit(mix, clf, 0.6, head, dps=20)
    lim = asy.limit(mix, clf, 0.6, head)
    compare(found, lim, 1e-11)
    assert found.residual < 1e-30
    if count > 5:
        assert found.accuracy is None
        assert found.class_accuracy is None
        return
    assert float(found.accuracy) == pytest.approx(lim.accuracy, abs=1e-12)
    assert float(found.error) == pytest.approx(lim.error, abs=1e-12)
    np.testing.assert_allclose(found.class_accuracy.astype(float), lim.class_accuracy, atol=1e-11)
    # the negative control: another penalty
    other = asy.limit(mix, asy.Ridge(1.1 * clf.penalty, clf.fit_intercept), 0.6, head)
    assert abs(float(found.accuracy) - other.accuracy) > 1e-6


def test_spectra_and_coordinates():
    rng = np.random.default_rng(3)
    means = rng.normal(size=(3, 4))
    grams = means.T[:, :, None] * means.T[:, None, :]
    mixes = [
        asy.Spectrum(
            np.exp(rng.normal(size=4)), rng.dirichlet(np.ones(4)), grams, priors=[0.2, 0.3, 0.5]
        ),
        asy.Spectrum(
            weights=rng.dirichlet(np.ones(4)),
            energies=grams,
            priors=[0.2, 0.3, 0.5],
            class_eigenvalues=np.exp(rng.normal(size=(3, 4))),
        ),
        asy.GaussianClasses(means, np.diag([1.0, 2.0, 0.5, 1.0])),
        asy.GaussianClasses(
            means, np.stack([np.eye(4), np.diag([1.0, 2, 3, 4]), np.ones((4, 4)) + np.eye(4)])
        ),
    ]
    for mix in mixes:
        found, lim = (
            asy.reference.limit(mix, asy.Ridge(0.2), 0.7, dps=20),
            asy.limit(mix, asy.Ridge(0.2), 0.7),
        )
        compare(found, lim, 1e-11)
        assert float(found.accuracy) == pytest.approx(lim.accuracy, abs=1e-12)


SOFTMAX = [
    ("none", asy.Softmax(0.3), 0.6),
    ("shared", asy.Softmax(0.3, fit_intercept=False), 1.5),
    ("shared", asy.Softmax(1.0, class_weight="balanced"), 0.1),
    pytest.param("none", asy.Softmax(0.05), 0.2, marks=pytest.mark.slow),
    pytest.param("shared", asy.Softmax(0.1, class_weight="balanced"), 0.6, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("covariance", "clf", "gamma"), SOFTMAX)
def test_softmax_of_three(covariance, clf, gamma):
    """Integrals over the trained scores against Gauss and Hermite's over the Gaussian ones."""
    mix = population(3, covariance)
    found, lim = asy.reference.limit(mix, clf, gamma), asy.limit(mix, clf, gamma)
    assert found.dps >= 10
    compare(found, lim, 1e-8)  # what moves the accuracy by less than 1e-9
    assert float(found.accuracy) == pytest.approx(lim.accuracy, abs=1e-9)
    np.testing.assert_allclose(found.class_accuracy.astype(float), lim.class_accuracy, atol=2e-9)


def test_pickles():
    found = asy.reference.limit(population(3, "none"), asy.Ridge(0.1), 0.6, dps=30)
    again = pickle.loads(pickle.dumps(found))
    assert again.accuracy == found.accuracy
    assert np.all(again.mean == found.mean)


def test_more_digits_begin_with_the_fewer():
    mix = population(3, "shared")
    few, many = (asy.reference.limit(mix, asy.Ridge(0.1), 0.6, dps=dps) for dps in (15, 40))
    assert abs(few.accuracy - many.accuracy) < 1e-15
    assert abs(many.accuracy + many.error - 1) < 1e-39


@pytest.mark.parametrize(
    ("mix", "clf", "keywords", "message"),
    [
        (population(3, "none"), asy.Bayes(), {}, "clf must be Ridge or Softmax"),
        (population(4, "none"), asy.Softmax(0.1), {}, "on three classes"),
        (population(3, "none"), asy.Softmax(0.1), {"dps": 30}, "dps must be at most"),
        (population(3, "own"), asy.Softmax(0.1), {}, "clf must be Ridge with a covariance"),
        (population(3, "none"), asy.Ridge([0.1, 0.2]), {}, "single"),
        (population(3, "none"), asy.Ridge(0.0), {}, "penalty must be positive"),
        (population(3, "none"), asy.Ridge(0.1), {"projector": asy.Power(0.5)}, "projector must be"),
        (asy.ClassMixture(np.eye(2), labels=[-1, 1]), asy.Ridge(0.1), {}, "without labels"),
        (population(3, "none"), asy.Softmax(1e-3), {"dps": 10}, "too fine"),
    ],
)
def test_refusals(mix, clf, keywords, message):
    with pytest.raises((TypeError, ValueError, asy.ConvergenceError), match=message):
        asy.reference.limit(mix, clf, 5.0, **keywords)
