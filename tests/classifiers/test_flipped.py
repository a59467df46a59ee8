"""Label noise: trained on wrong labels, judged by right ones; limits against training."""

import numpy as np
import pytest

import asymptotics as asy

SPIKED = asy.SpikedMixture(1.5, spikes=[asy.Spike(2.0, 0.4)], balance=0.35)
MEANS = 1.6 * np.random.default_rng(2).normal(size=(3, 3))
PRIORS = [0.5, 0.3, 0.2]
SHARED = asy.ClassMixture(MEANS, np.diag([3.0, 1.0, 0.5]), priors=PRIORS)
COVARIANCES = [np.diag([3.0, 1.0, 1.0]), np.eye(3), np.diag([1.0, 0.3, 2.0])]
OWN = asy.ClassMixture(MEANS, COVARIANCES, priors=PRIORS)
CLUSTERS = asy.ClassMixture(MEANS, COVARIANCES, priors=PRIORS, labels=[1, -1, 1])
THREE = asy.ClassMixture(1.6 * np.random.default_rng(5).normal(size=(5, 3)), labels=[0, 1, 2, 1, 0])
TWO = asy.Spectrum(
    weights=[0.4, 0.6],
    energies=[1.5, 1.0],
    class_eigenvalues=[[1.0, 0.5], [0.5, 2.0]],
    balance=0.35,
)
FINITE = 2.0 / 400

CASES = {
    "ridge": (SPIKED, asy.Ridge(0.1)),
    "logistic": (SPIKED, asy.Logistic(0.1)),
    "logistic, no b": (SPIKED, asy.Logistic(0.1, fit_intercept=False)),
    "SVM": (SPIKED, asy.SVM(0.1)),
    "squared hinge": (SPIKED, asy.SquaredHinge(0.1)),
    "centroid": (SPIKED, asy.Centroid()),
    "softmax of two": (SPIKED, asy.Softmax(0.1)),
    "weights": (SPIKED, asy.Logistic(0.1, class_weight="balanced")),
    "max margin": (SPIKED, asy.MaxMargin()),
    "two covariances": (TWO, asy.Logistic(0.1)),
    "clusters": (CLUSTERS, asy.Logistic(0.1)),
    "clusters, ridge": (CLUSTERS, asy.Ridge(0.1)),
    "ridge of three": (SHARED, asy.Ridge(0.1)),
    "ridge of three, no b": (SHARED, asy.Ridge(0.1, fit_intercept=False)),
    "weighted ridge of three": (SHARED, asy.Ridge(0.1, class_weight="balanced")),
    "own covariances": (OWN, asy.Ridge(0.1)),
    "softmax of three": (SHARED, asy.Softmax(0.1)),
    "weighted softmax of three": (SHARED, asy.Softmax(0.1, class_weight="balanced")),
    "centroid of three": (SHARED, asy.Centroid()),
    "centroid, own covariances": (OWN, asy.Centroid()),
    "clusters of three": (THREE, asy.Ridge(0.1)),
    "clusters of three, softmax": (THREE, asy.Softmax(0.1)),
}


def away(sim, accuracy):
    return max(abs(sim.mean - accuracy) - FINITE, 0.0) / sim.stderr


@pytest.mark.parametrize("case", CASES)
def test_trained_on_wrong_labels(case):
    mix, clf = CASES[case]
    gamma = 1.5 if isinstance(clf, asy.MaxMargin) else 0.5
    noisy = asy.Flipped(clf, 0.2)
    lim = asy.limit(mix, noisy, gamma)
    sim = asy.simulate(mix, noisy, gamma, n=400, trials=20, rng=1)
    assert away(sim, lim.accuracy) < 4
    assert sim.train_accuracy.mean() == pytest.approx(lim.train_accuracy, abs=0.02)
    assert np.abs(sim.class_accuracy.mean(0) - lim.class_accuracy).max() < 0.05
    # the negative control: the labels as they are
    clean = asy.limit(mix, clf, gamma)
    assert away(sim, clean.accuracy) > 4
    # and so is the noise no other accuracy of the training set than of its labels
    if not isinstance(clf, (asy.MaxMargin, asy.Centroid)):
        assert sim.train_accuracy.mean() > lim.accuracy


@pytest.mark.parametrize("case", CASES)
def test_no_noise_is_the_classifier(case):
    mix, clf = CASES[case]
    gamma = 1.5 if isinstance(clf, asy.MaxMargin) else 0.5
    one, other = asy.limit(mix, clf, gamma), asy.limit(mix, asy.Flipped(clf, 0.0), gamma)
    for name in ("accuracy", "train_accuracy", "train_loss", "balanced_accuracy"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-10)
    # and a little noise changes little
    little = asy.limit(mix, asy.Flipped(clf, 1e-9), gamma)
    assert little.accuracy == pytest.approx(one.accuracy, abs=1e-5)


@pytest.mark.parametrize("kind", [asy.Ridge, asy.Logistic, asy.SVM, asy.SquaredHinge])
def test_half_of_the_labels(kind):
    """Of equal classes: at 1/2 nothing is learned, beyond it the opposite."""
    mix = asy.SpikedMixture(1.5)
    rates = [0.5, 0.3, 0.7]
    half, less, more = (asy.limit(mix, asy.Flipped(kind(0.1), r), 0.5).accuracy for r in rates)
    assert half == pytest.approx(0.5, abs=1e-9)
    assert less + more == pytest.approx(1.0, abs=1e-9)


def test_closed_form_of_ridge():
    """Balanced, isotropic: noise takes the factor 1 - 2ε from m alone, and the rest is variance."""
    s, gamma, penalty, rate = 1.5, 0.5, 0.1, 0.15
    clean = asy.limit(asy.SpikedMixture(s), asy.Ridge(penalty), gamma)
    noisy = asy.limit(asy.SpikedMixture(s), asy.Flipped(asy.Ridge(penalty), rate), gamma)
    assert noisy.mean == pytest.approx((1 - 2 * rate) * clean.mean, abs=1e-12)
    assert noisy.susceptibility == pytest.approx(clean.susceptibility, abs=1e-12)
    # E (y - x)² of a training label about the mean (1 - 2ε)yt, t = 1: 1 of each, as before
    v = clean.susceptibility
    c = v**2 / gamma
    explained = clean.mean**2 / s**2
    left = 1 - 2 * (1 - 2 * rate) * noisy.mean + noisy.mean**2
    share = c / (1 + v) ** 2
    q = (explained * (1 - 2 * rate) ** 2 + share * left) / (1 - share)
    assert noisy.variance == pytest.approx(q, rel=1e-10)


def test_two_of_k_classes():
    law = asy.Spectrum([1.0, 2.0], [0.4, 0.6], [1.5, 0.5], 0.3)
    two = asy.Spectrum(law.eigenvalues, law.weights, law.grams, priors=[0.7, 0.3])
    clf = asy.Flipped(asy.Ridge(0.1), 0.2)
    one, other = asy.limit(law, clf, 0.6), asy.limit(two, clf, 0.6)
    for name in ("accuracy", "train_accuracy"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-12)


def test_arrays_are_elements():
    mix, clf = SHARED, asy.Flipped(asy.Ridge([0.05, 0.5]), 0.1)
    lim = asy.limit(mix, clf, 0.5)
    sim = asy.simulate(mix, clf, 0.5, n=60, trials=3, rng=0)
    for k, penalty in enumerate((0.05, 0.5)):
        alone = asy.Flipped(asy.Ridge(penalty), 0.1)
        assert asy.limit(mix, alone, 0.5).accuracy == pytest.approx(lim.accuracy[k], abs=1e-13)
        found = asy.simulate(mix, alone, 0.5, n=60, trials=3, rng=0)
        np.testing.assert_array_equal(found.accuracy, sim.accuracy[:, k])
    spiked = asy.Flipped(asy.Logistic([0.05, 0.5]), 0.1)
    assert asy.simulate(SPIKED, spiked, 0.5, n=60, trials=2, rng=0).accuracy.shape == (2, 2)
    # the training points are those of the clean labels
    plain = asy.simulate(SPIKED, asy.Logistic(0.5), 0.5, n=60, trials=2, rng=0).accuracy
    same = asy.simulate(SPIKED, asy.Flipped(asy.Logistic(0.5), 0.0), 0.5, n=60, trials=2, rng=0)
    np.testing.assert_array_equal(plain, same.accuracy)


def test_what_is_refused():
    for wrong in (asy.Bayes(), asy.Flipped(asy.Ridge(0.1), 0.1), None, asy.Ridge):
        with pytest.raises(TypeError, match="clf must be a classifier that is trained"):
            asy.Flipped(wrong, 0.1)
    noisy = asy.Flipped(asy.Softmax(0.1), 0.1)
    with pytest.raises(ValueError, match="known limit on 3 classes in 9 clusters with a cov"):
        asy.limit(OWN, noisy, 0.5)
    asy.simulate(OWN, noisy, 0.5, n=60, trials=1, rng=0)
    with pytest.raises(ValueError, match="label noise"):
        asy.gradient(SPIKED, asy.Flipped(asy.Ridge(0.1), 0.1), 0.5)
