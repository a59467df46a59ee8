"""Trained probes on several classes against their limits, with negative controls."""

import dataclasses

import numpy as np
import pytest

import asymptotics as asy

RNG = np.random.default_rng(2)
MEANS = RNG.normal(size=(3, 3)) * 1.6
PRIORS = np.array([0.5, 0.3, 0.2])
SHARED = asy.ClassMixture(MEANS, np.diag([3.0, 1.0, 0.5]), 1.0, PRIORS)
OWN = asy.ClassMixture(
    MEANS[:, :2],
    [[[3.0, 0.8], [0.8, 1.0]], [[0.5, -0.2], [-0.2, 2.0]], [[1.0, 0.0], [0.0, 0.3]]],
    1.0,
    PRIORS,
)
FOUR = asy.ClassMixture(RNG.normal(size=(4, 3)) * 1.6, priors=[0.4, 0.3, 0.2, 0.1])
CLUSTERS = dataclasses.replace(SHARED, labels=[1, -1, 1])
OWN_CLUSTERS = dataclasses.replace(OWN, labels=[1, -1, 1])
# Five clusters of three classes, and of two that are called 0 and 1.
FIVE = asy.ClassMixture(
    RNG.normal(size=(5, 3)) * 1.6,
    np.diag([2.0, 1.0, 0.5]),
    priors=[0.3, 0.2, 0.2, 0.2, 0.1],
    labels=[0, 1, 2, 1, 0],
)
OWN_FIVE = dataclasses.replace(
    FIVE, covariance=[np.diag(RNG.exponential(size=3) + 0.2) for _ in range(5)]
)
HALVES = dataclasses.replace(OWN_FIVE, labels=[0, 1, 1, 1, 0])
TWO = asy.Spectrum(
    weights=[0.4, 0.4, 0.2],
    energies=[0.5, 1.0, 1.0],
    class_eigenvalues=[[1.0, 0.5, 2.0], [0.5, 2.0, 0.2]],
    balance=0.35,
)
SPIKED = asy.SpikedMixture(1.2, balance=0.2)
# What a trial of n = 400 may lie beside its limit, in accuracy: of order 1/n.
FINITE = 2.0 / 400


def run(mix, clf, gamma, projector=None, trials=20):
    lim = asy.limit(mix, clf, gamma, projector)
    sim = asy.simulate(mix, clf, gamma, n=400, trials=trials, projector=projector, rng=1)
    return lim, sim


def far(sim, accuracy):
    """Standard errors between a simulation and a number, beyond what finite n allows."""
    return max(abs(sim.mean - accuracy) - FINITE, 0.0) / sim.stderr


CASES = {
    "ridge": (SHARED, asy.Ridge(0.1), 0.5, None),
    "ridge, no b": (SHARED, asy.Ridge(0.1, fit_intercept=False), 0.5, None),
    "ridge, more dimensions": (FOUR, asy.Ridge(0.1), 1.5, None),
    "softmax": (SHARED, asy.Softmax(0.05), 0.5, None),
    "softmax, no b": (SHARED, asy.Softmax(0.05, fit_intercept=False), 0.5, None),
    "softmax of four": (FOUR, asy.Softmax(0.05), 0.5, None),
    "centroid": (SHARED, asy.Centroid(), 0.5, None),
    "centroid, no b": (SHARED, asy.Centroid(False), 0.5, None),
    "balanced softmax": (FOUR, asy.Softmax(0.05, class_weight="balanced"), 0.5, None),
    "weighted ridge": (SHARED, asy.Ridge(0.1, class_weight={0: 0.5, 1: 1, 2: 3}), 0.5, None),
    "between": (SHARED, asy.Softmax(0.05), 0.5, asy.Expansion(3.0, subspace="between")),
    "contrast": (SHARED, asy.Ridge(0.05), 0.5, asy.Expansion(3.0, contrast=[1, -1, 0])),
    "tilted": (SHARED, asy.Ridge(0.05), 0.5, asy.Expansion(3.0, 0.6, contrast=[1, -1, 0])),
    "whitened": (SHARED, asy.Ridge(0.05), 0.5, asy.Power(-0.5)),
    "own covariances": (OWN, asy.Ridge(0.1), 0.5, None),
    "own, no b": (OWN, asy.Ridge(0.1, fit_intercept=False), 0.5, None),
    "own, contrast": (OWN, asy.Ridge(0.1), 0.5, asy.Expansion(2.0, contrast=[0, 1, -1])),
    "clusters, logistic": (CLUSTERS, asy.Logistic(0.05), 0.6, None),
    "clusters, SVM": (CLUSTERS, asy.SVM(0.1), 0.6, None),
    "clusters, ridge": (CLUSTERS, asy.Ridge(0.1), 0.6, None),
    "clusters, centroid": (CLUSTERS, asy.Centroid(), 0.6, None),
    "clusters, max margin": (CLUSTERS, asy.MaxMargin(), 1.5, None),
    "own clusters, logistic": (OWN_CLUSTERS, asy.Logistic(0.05), 0.6, None),
    "own clusters, squared hinge": (OWN_CLUSTERS, asy.SquaredHinge(0.1), 0.6, None),
    "clusters of three, ridge": (FIVE, asy.Ridge(0.1), 0.5, None),
    "clusters of three, softmax": (FIVE, asy.Softmax(0.05), 0.5, None),
    "clusters of three, softmax, no b": (FIVE, asy.Softmax(0.05, fit_intercept=False), 0.5, None),
    "clusters of three, weights": (FIVE, asy.Softmax(0.1, class_weight="balanced"), 0.5, None),
    "clusters of three, centroid": (FIVE, asy.Centroid(), 0.5, None),
    "clusters of three, expanded": (
        FIVE,
        asy.Ridge(0.1),
        0.5,
        asy.Expansion(subspace="between", gain=2.0),
    ),
    "own clusters of three, ridge": (OWN_FIVE, asy.Ridge(0.1, False), 0.5, None),
    "own clusters of three, weights": (
        OWN_FIVE,
        asy.Ridge(0.1, class_weight={0: 1, 1: 3, 2: 0.5}),
        0.5,
        None,
    ),
    "own clusters of three, centroid": (OWN_FIVE, asy.Centroid(False), 0.5, None),
    "clusters 0 and 1, logistic": (HALVES, asy.Logistic(0.1), 0.5, None),
    "clusters 0 and 1, softmax": (HALVES, asy.Softmax(0.1), 0.5, None),
    "two, ridge": (TWO, asy.Ridge(0.1), 0.6, None),
    "two, logistic": (TWO, asy.Logistic(0.05), 0.6, None),
    "two, logistic, no b": (TWO, asy.Logistic(0.05, fit_intercept=False), 0.6, None),
    "two, SVM": (TWO, asy.SVM(0.1), 0.6, None),
    "two, squared hinge": (TWO, asy.SquaredHinge(0.1), 0.6, None),
    "two, expanded": (TWO, asy.Logistic(0.05), 0.6, asy.Expansion(3.0)),
    "weights, ridge": (SPIKED, asy.Ridge(0.1, class_weight="balanced"), 0.6, None),
    "weights, logistic": (SPIKED, asy.Logistic(0.1, class_weight={-1: 0.5, 1: 2}), 0.6, None),
    "weights, SVM": (SPIKED, asy.SVM(0.1, class_weight="balanced"), 0.6, None),
    "weights, hinge": (SPIKED, asy.SquaredHinge(0.1, class_weight="balanced"), 0.6, None),
}


@pytest.mark.parametrize("case", CASES)
def test_trained_probes(case):
    mix, clf, gamma, projector = CASES[case]
    lim, sim = run(mix, clf, gamma, projector)
    assert far(sim, lim.accuracy) < 4
    # the order parameters, each number of them (twenty trials: the largest of many scores)
    overlap, expected = sim.overlap, np.asarray(lim.mean)
    if overlap.ndim == 2 and expected.ndim == 0:  # of means ∓m
        expected = expected * np.array([-1.0, 1.0])
    scale = np.sqrt(np.abs(sim.variance).max())
    error = overlap.std(0, ddof=1) / np.sqrt(len(overlap)) + 0.02 * scale
    assert np.all(np.abs(overlap.mean(0) - expected) < 5 * error)
    assert sim.train_accuracy.mean() == pytest.approx(lim.train_accuracy, abs=0.02)
    gap = np.abs(sim.class_accuracy.mean(0) - lim.class_accuracy)
    assert gap.max() < 0.04


def test_wrong_laws_fail():
    """The negative controls: what is left out shows."""
    pairs = [
        # one covariance in place of each class's own
        (OWN, asy.ClassMixture(MEANS[:, :2], np.eye(2), 1.0, PRIORS), asy.Ridge(0.1)),
        # equal priors in place of others
        (FOUR, dataclasses.replace(FOUR, priors=None), asy.Softmax(0.05)),
        # half the distances
        (SHARED, dataclasses.replace(SHARED, means=0.7 * MEANS), asy.Ridge(0.1)),
        # clusters in place of classes
        (CLUSTERS, SHARED, asy.Ridge(0.1)),
        (FIVE, dataclasses.replace(FIVE, labels=None), asy.Ridge(0.1)),
        # clusters of other classes
        (FIVE, dataclasses.replace(FIVE, labels=[0, 1, 2, 0, 1]), asy.Softmax(0.05)),
    ]
    for true, wrong, clf in pairs:
        sim = asy.simulate(true, clf, 0.5, n=400, trials=20, rng=1)
        assert far(sim, asy.limit(wrong, clf, 0.5).accuracy) > 4, true
    # weights that are left out
    sim = asy.simulate(
        SPIKED, asy.Ridge(0.1, class_weight="balanced"), 0.6, n=400, trials=20, rng=1
    )
    assert sim.method == "direct"
    assert far(sim, asy.limit(SPIKED, asy.Ridge(0.1), 0.6).accuracy) > 4


def test_metrics_of_trials():
    lim, sim = run(SPIKED, asy.Logistic(0.1), 0.6)
    for name in ("auc", "log_loss", "brier", "balanced_accuracy", "calibration_error"):
        values = getattr(sim, name)
        assert values.shape == (20,)
        error = values.std(ddof=1) / np.sqrt(20) + 0.01
        assert abs(values.mean() - getattr(lim, name)) < 4 * error, name
    lim, sim = run(SHARED, asy.Softmax(0.1), 0.6)
    assert sim.log_loss.mean() == pytest.approx(lim.log_loss, abs=0.02)
    for thing in (lim, sim):
        with pytest.raises(ValueError, match="auc must be asked of two classes"):
            _ = thing.auc


TWO_SIDED = (
    "auc",
    "log_loss",
    "brier",
    "calibration_error",
    "balanced_accuracy",
    "best_accuracy",
    "best_balanced_accuracy",
    "best_balanced_intercept",
)
# What a metric of a trial of n = 400 may lie beside its limit: of order 1/n, in units of its own.
ALLOWED = {"log_loss": 0.01, "best_balanced_intercept": 0.05}
LAWS = {
    "one covariance": (SPIKED, asy.Logistic(0.1)),
    "weights": (SPIKED, asy.Logistic(0.1, class_weight={-1: 0.5, 1: 2})),
    "noise": (SPIKED, asy.Flipped(asy.Logistic(0.1), 0.1)),
    "own covariances": (TWO, asy.Logistic(0.05)),
    "clusters": (CLUSTERS, asy.Logistic(0.05)),
    "projected": (SPIKED, asy.SquaredHinge(0.1)),
}


@pytest.mark.parametrize("case", LAWS)
def test_metrics_of_two_classes(case):
    """Each metric of the limit is the mean of those of trials; a law near by has others."""
    mix, clf = LAWS[case]
    sim = asy.simulate(mix, clf, 0.5, n=400, trials=40, rng=3)
    lim = asy.limit(mix, clf, 0.5)
    wrong = asy.limit(mix, clf, 1.2)
    refuted = 0
    for name in TWO_SIDED:
        values = getattr(sim, name)
        assert values.shape == (40,)
        stderr = values.std(ddof=1) / np.sqrt(40)
        allowed = ALLOWED.get(name, 0.005)
        far_off = [
            max(abs(values.mean() - getattr(law, name)) - allowed, 0.0) / stderr
            for law in (lim, wrong)
        ]
        assert far_off[0] < 4, name
        refuted += far_off[1] > 4
    assert refuted >= 5
    gap = sim.confusion.mean(0) - lim.confusion
    assert np.abs(gap).max() < 0.04
    np.testing.assert_allclose(sim.confusion.sum(-1), 1.0, rtol=1e-12)
    # no intercept does better than the best one
    assert np.all(sim.best_accuracy >= sim.accuracy - 1e-12)
    assert np.all(sim.best_balanced_accuracy >= sim.balanced_accuracy - 1e-12)


@pytest.mark.parametrize("mix", [SHARED, OWN, FOUR], ids=["shared", "own", "four"])
def test_metrics_of_several_classes(mix):
    clf = asy.Ridge(0.1)
    sim = asy.simulate(mix, clf, 0.5, n=400, trials=40, rng=3)
    lim, wrong = asy.limit(mix, clf, 0.5), asy.limit(mix, clf, 1.2)
    stderr = sim.log_loss.std(ddof=1) / np.sqrt(40)
    assert abs(sim.log_loss.mean() - lim.log_loss) < 4 * stderr + 0.005
    assert abs(sim.log_loss.mean() - wrong.log_loss) > 4 * stderr + 0.005
    stderr = sim.class_accuracy.std(0, ddof=1) / np.sqrt(40)
    assert np.all(np.abs(sim.class_accuracy.mean(0) - lim.class_accuracy) < 4 * stderr + 0.01)
    assert np.any(np.abs(sim.class_accuracy.mean(0) - wrong.class_accuracy) > 4 * stderr + 0.01)
    stderr = sim.confusion.std(0, ddof=1) / np.sqrt(40)
    assert np.all(np.abs(sim.confusion.mean(0) - lim.confusion) < 4 * stderr + 0.01)
    right = np.diagonal(sim.confusion, axis1=-2, axis2=-1)
    np.testing.assert_allclose(right, sim.class_accuracy, atol=1e-5)


def test_batches_of_penalties():
    clf = asy.Ridge([0.01, 0.1, 1.0])
    sim = asy.simulate(SHARED, clf, 0.5, n=60, trials=3, rng=0)
    assert sim.accuracy.shape == (3, 3)
    assert sim.overlap.shape == (3, 3, 3, 3) and sim.intercept.shape == (3, 3, 3)
    alone = asy.simulate(SHARED, asy.Ridge(0.1), 0.5, n=60, trials=3, rng=0)
    np.testing.assert_array_equal(sim.overlap[:, 1], alone.overlap)
    np.testing.assert_array_equal(sim.accuracy[:, 1], alone.accuracy)
    lim = asy.limit(SHARED, clf, [[0.5], [1.0]])
    assert lim.accuracy.shape == (2, 3) and lim.mean.shape == (2, 3, 3, 3)
    assert lim.class_accuracy.shape == (2, 3, 3)
    one = asy.limit(SHARED, asy.Ridge(0.1), 1.0)
    np.testing.assert_allclose(lim.mean[1, 1], one.mean, rtol=1e-12)
    assert lim.accuracy[1, 1] == pytest.approx(one.accuracy, rel=1e-12)


def test_features_in_coordinates():
    """Estimated populations of digits-like features: shared and own covariances, p × p."""
    rng = np.random.default_rng(3)
    p = 30
    mixing = rng.normal(size=(3, p, p)) / np.sqrt(p)
    covariances = mixing @ np.swapaxes(mixing, -1, -2) + 0.3 * np.eye(p)
    means = rng.normal(size=(3, p)) * 0.4
    true = asy.GaussianClasses(means, covariances, PRIORS)
    lim = asy.limit(true, asy.Ridge(0.1), p / 120)
    sim = asy.simulate(true, asy.Ridge(0.1), n=120, trials=60, rng=0)
    assert sim.dimension == p
    # of order 1/n, and p is small
    assert abs(sim.mean - lim.accuracy) < 4 * sim.stderr + 0.015
    pooled = asy.GaussianClasses(means, np.tensordot(PRIORS, covariances, 1), PRIORS)
    assert abs(asy.limit(pooled, asy.Ridge(0.1), p / 120).accuracy - lim.accuracy) > 1e-3
    points, labels = true.sample(20000, rng=0)
    names = np.array(["b", "a", "c"])[labels]  # sorted: a is class 1 here
    for shared in (True, False):
        found = asy.GaussianMixture.from_data(points, names, shared_covariance=shared)
        order = [1, 0, 2]
        np.testing.assert_allclose(found.priors, PRIORS[order], atol=0.02)
        centred = means - means.mean(0)
        np.testing.assert_allclose(found.means, centred[order], atol=0.1)
        want = np.tensordot(PRIORS, covariances, 1) if shared else covariances[order]
        np.testing.assert_allclose(found.covariance, want, atol=0.15)
    two = asy.GaussianMixture.from_data(points, labels == 0, shared_covariance=False)
    np.testing.assert_array_equal(two.labels, [-1, 1])
    assert asy.limit(two, asy.Logistic(0.1), 0.5).class_accuracy.shape == (2,)
