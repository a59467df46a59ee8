"""The chance of the class counts: what it costs, where it is said, and training sets without it."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import ndtr

import asymptotics as asy
from asymptotics.populations.labels import class_counts, draw_labels
from asymptotics.questions.imbalance import accuracy_at_counts
from asymptotics.simulation.experiment import Experiment
from asymptotics.simulation.running.fingerprint import describe_experiment, fingerprint

IDENTITY = asy.Identity()
MIX = asy.SpikedMixture(1.5)
TILTED = asy.SpikedMixture(1.3, 0.8, [asy.Spike(2.0, 0.4)], balance=0.45)
# Features of about unit length in p = 1600 dimensions, at an everyday penalty.
UNIT = asy.SpikedMixture(1.5 / 40, 1 / 40)
# Where margins are so small that the chance of the counts outweighs them: mixture, classifier, γ, n.
AFFECTED = {
    "unit length": (UNIT, asy.Ridge(1.0), 0.08, 20_000),
    "ridge": (MIX, asy.Ridge(30.0), 1.5, 600),
    "ridge, a spike and unequal classes": (TILTED, asy.Ridge(8.0), 0.5, 100),
    "logistic": (MIX, asy.Logistic(8.0), 0.5, 100),
    "svm": (MIX, asy.SVM(5.0), 0.5, 100),
    "squared hinge": (MIX, asy.SquaredHinge(20.0), 0.5, 100),
    "centroid": (asy.SpikedMixture(3.0), asy.Centroid(), 300.0, 100),
}


def quiet(*arguments, **options):
    """A simulation that warns as it should."""
    with pytest.warns(asy.ImbalanceWarning):
        return asy.simulate(*arguments, **options)


def score(simulation, expected):
    """Standard errors beyond the order 1/n by which any finite training set is off."""
    off = abs(simulation.mean - expected)
    return max(off - 1.0 / simulation.n, 0.0) / simulation.stderr


# ------------------------------------------------------------------------------ what it costs


@pytest.mark.parametrize("name", AFFECTED)
def test_trained_classifiers_pay_it(name):
    mix, clf, ratio, n = AFFECTED[name]
    trials = 40 if n > 1000 else 150
    limit, expected = accuracy_at_counts(mix, clf, ratio, IDENTITY, n)
    assert_allclose(limit, asy.limit(mix, clf, ratio).accuracy, rtol=1e-12)
    sim = quiet(mix, clf, ratio, n=n, trials=trials, rng=1)
    assert score(sim, float(expected)) < 4
    assert score(sim, float(limit)) > 4  # the control: the limit alone is refuted
    fixed = asy.simulate(mix, clf, ratio, n=n, trials=trials, rng=1, fixed_counts=True)
    assert score(fixed, float(limit)) < 4
    assert score(fixed, float(expected)) > 4


@pytest.mark.parametrize("seed", range(4))
def test_without_an_intercept_counts_change_nothing(seed):
    """The limit is reached within 2 standard errors by either."""
    rng = np.random.default_rng(seed)
    mix = asy.SpikedMixture(rng.uniform(1, 2), balance=rng.uniform(0.3, 0.5))
    clf = asy.Ridge(10.0 ** rng.uniform(-1, 2), fit_intercept=False)
    assert accuracy_at_counts(mix, clf, 0.5, IDENTITY, 2000) is None
    for fixed in (False, True):
        sim = asy.simulate(mix, clf, 0.5, n=20_000, trials=25, rng=seed, fixed_counts=fixed)
        assert abs(sim.z_score(asy.limit(mix, clf, 0.5))) < 2.6  # 2 of 8 at a risk of 0.05


def test_closed_form_of_equal_classes():
    """Ridge: b is a normal number, and m and q stay; far from the order 1 of the imbalance."""
    rng = np.random.default_rng(2)
    for _ in range(20):
        s, sigma, gamma = rng.uniform(0.5, 2), rng.uniform(0.5, 2), rng.uniform(0.2, 3)
        n = int(10 ** rng.uniform(3, 6))
        penalty = sigma**2 * np.sqrt(n) * 10 ** rng.uniform(-1.5, 0.5)
        mix, clf = asy.SpikedMixture(s * sigma, sigma), asy.Ridge(penalty)
        lim = asy.limit(mix, clf, gamma)
        shift = (1 - lim.mean) / np.sqrt(n)
        expected = ndtr(lim.mean / np.hypot(np.sqrt(lim.variance), shift))
        found = accuracy_at_counts(mix, clf, gamma, IDENTITY, n)[1]
        assert_allclose(found, expected, atol=0.005 + 0.1 * (lim.accuracy - expected))
        # and the scaling of the derivation, where λ is far above d
        if penalty > 30 * sigma**2:
            d, e = sigma**2, (s * sigma) ** 2
            assert_allclose(
                shift / np.sqrt(lim.variance),
                penalty / np.sqrt(n * (e * d + gamma * d**2)),
                rtol=6 * (1 + gamma + s**2) * d / penalty,
            )


def test_arrays_are_elements():
    ratio, n = np.array([[0.5], [2.0]]), np.array([50, 5000, 7])
    mix, clf = asy.SpikedMixture(1.5, balance=[[0.5], [0.3]]), asy.Ridge([0.1, 10.0, 100.0])
    limits, expected = accuracy_at_counts(mix, clf, ratio, asy.Expansion(2.0), n)
    assert limits.shape == expected.shape == (2, 3)
    for i, j in np.ndindex(2, 3):
        one = accuracy_at_counts(
            asy.SpikedMixture(1.5, balance=[0.5, 0.3][i]),
            asy.Ridge([0.1, 10.0, 100.0][j]),
            float(ratio[i, 0]),
            asy.Expansion(2.0),
            int(n[j]),
        )
        assert_allclose((limits[i, j], expected[i, j]), one, rtol=1e-9)


# ------------------------------------------------------------------------------ where it is said


def test_every_verb_says_it():
    mix, clf, ratio, n = AFFECTED["ridge"]
    said = rf"n = {n} is too small for the limit.*Ridge of penalty 30 .*0\.83\d.*not 0\.87"
    with pytest.warns(asy.ImbalanceWarning, match=said):
        asy.simulate(mix, clf, ratio, n=n, trials=2, rng=0)
    with pytest.warns(asy.ImbalanceWarning, match="1 of 3 elements"):
        asy.convergence(mix, clf, ratio, n=[n, 10**4, 10**5], trials=10, rng=0)
    grid = {"penalty": [0.1, 30.0], "n": [n, 200]}
    with pytest.warns(asy.ImbalanceWarning, match="2 of 4 elements"):
        asy.sweep(mix, {"r": clf}, ratio, grid=grid, trials=2, rng=0)
    with pytest.warns(asy.ImbalanceWarning, match="elements"):
        asy.simulate(mix, asy.Ridge([0.1, 30.0]), ratio, n=n, trials=2, rng=0)


def test_nothing_is_said_without_cause():
    """Warnings are errors here: everyday settings, no simulation, no intercept, fixed counts."""
    mix, clf, ratio, n = AFFECTED["ridge"]
    asy.sweep(mix, clf, ratio, grid={"penalty": [0.1, 30.0]}, n=n)
    asy.simulate(mix, asy.Ridge(30.0, fit_intercept=False), ratio, n=n, trials=2, rng=0)
    asy.simulate(mix, clf, ratio, n=n, trials=2, rng=0, fixed_counts=True)
    asy.convergence(mix, clf, ratio, n=[n, 1000, 2000], trials=10, rng=0, fixed_counts=True)
    asy.sweep(mix, clf, ratio, n=n, trials=2, rng=0, fixed_counts=True)
    asy.simulate(mix, asy.Bayes(), ratio, n=20, trials=2, rng=0)
    rng = np.random.default_rng(0)
    for _ in range(60):
        mix = asy.SpikedMixture(rng.uniform(0.5, 2.5), balance=rng.uniform(0.2, 0.8))
        kinds = (asy.Ridge, asy.Logistic, asy.SVM, asy.SquaredHinge)
        everyday = kinds[rng.integers(4)](10 ** rng.uniform(-3, -0.5))
        n = int(rng.integers(20, 1000))
        limit, expected = accuracy_at_counts(mix, everyday, rng.uniform(0.2, 3), IDENTITY, n)
        assert abs(expected - limit) < max(0.01, 1 / n)


def test_of_an_unknown_limit_nothing_is_said():
    mix = asy.GaussianMixture(np.eye(10)[0], np.eye(10))
    asy.simulate(mix, asy.Ridge(1e3), n=20, trials=2, rng=0, projector=asy.PCAExpansion(2.0, 0.5))


def test_rounding_is_said_where_it_matters():
    """An odd n of equal classes cannot be split: off by half a point."""
    with pytest.warns(asy.ImbalanceWarning, match="class counts rounded to integers") as said:
        odd = asy.simulate(MIX, asy.Ridge(300.0), 1.0, n=101, trials=150, rng=0, fixed_counts=True)
    limit, expected = accuracy_at_counts(MIX, asy.Ridge(300.0), 101 / 101, IDENTITY, 101, True)
    assert score(odd, float(expected)) < 4 < score(odd, float(limit))
    assert f"{float(expected):.3f}" in str(said[0].message)
    asy.simulate(MIX, asy.Ridge(300.0), 1.0, n=100, trials=2, rng=0, fixed_counts=True)


# ------------------------------------------------------------------------------ fixed counts


@pytest.mark.parametrize("balance", [0.5, 0.3, 0.07, 0.93])
@pytest.mark.parametrize("n", [15, 16, 101])
def test_samples_of_fixed_counts(n, balance):
    matrix = asy.GaussianMixture([1.0, 0.0, 0.0], np.eye(3), balance)
    spiked = asy.SpikedMixture(1.0, balance=balance)
    for mix in (matrix, spiked, matrix.spectrum(), spiked.spectrum()):
        features, labels = mix.sample(n, 3, rng=1, fixed_counts=True)
        free, chance = mix.sample(n, 3, rng=1)
        assert (labels == 1).sum() == round(n * balance) == class_counts(n, balance)[0]
        # only as many points change sides as it takes
        changed = labels != chance
        assert changed.sum() == abs(int((labels - chance).sum())) // 2
        assert_array_equal(features[~changed], free[~changed])


def test_labels_are_in_random_order():
    """Every place has the class +1 as often as any other."""
    rng = np.random.default_rng(0)
    draws = np.array([draw_labels(10, 0.3, rng, True) for _ in range(4000)])
    share = (draws == 1).mean(0)
    assert np.all(np.abs(share - 0.3) < 4 * np.sqrt(0.21 / 4000))
    assert np.all((draws == 1).sum(1) == 3)


def test_an_empty_class_is_refused():
    rare = asy.SpikedMixture(1.0, balance=0.01)
    said = r"n must be large enough for fixed_counts .* got 20 with balance 0\.01"
    with pytest.raises(ValueError, match=said):
        rare.sample(20, 3, rng=0, fixed_counts=True)
    for method in ("direct", "exact-law"):
        with pytest.raises(ValueError, match=said):
            asy.simulate(rare, asy.Ridge(0.1), 0.5, n=20, method=method, fixed_counts=True)


def test_the_exact_law_is_that_of_real_training_sets():
    for clf in (asy.Ridge(5.0), asy.Centroid(), asy.MinNorm()):
        exact, direct = (
            asy.simulate(
                TILTED, clf, 0.5, n=40, trials=400, method=method, rng=seed, fixed_counts=True
            )
            for seed, method in enumerate(("exact-law", "direct"))
        )
        for name in ("accuracy", "train_accuracy", "overlap", "variance", "intercept"):
            one, other = getattr(exact, name), getattr(direct, name)
            error = np.hypot(one.std(ddof=1), other.std(ddof=1)) / 20
            assert abs(one.mean() - other.mean()) < 4 * error


def test_checkpoints_of_earlier_versions_are_found():
    """The name of an experiment is what it was, and fixed counts are another experiment."""
    root = np.random.SeedSequence(3)
    before, now = (
        describe_experiment(Experiment.of(MIX, asy.Ridge(0.1), 0.5, n=40, fixed_counts=fixed), root)
        for fixed in (False, True)
    )
    assert "fixed_counts" not in before
    assert now == before | {"fixed_counts": True}
    assert fingerprint(now) != fingerprint(before)


def test_a_checkpoint_keeps_them_apart(tmp_path):
    arguments = {"n": [20, 40, 80], "trials": 10, "rng": 1, "checkpoint": tmp_path}
    chance = asy.convergence(TILTED, asy.Centroid(), 0.5, **arguments)
    fixed = asy.convergence(TILTED, asy.Centroid(), 0.5, **arguments, fixed_counts=True)
    assert np.all(chance.accuracy != fixed.accuracy)
    with warnings.catch_warnings(record=True) as said:
        again = asy.convergence(TILTED, asy.Centroid(), 0.5, **arguments, fixed_counts=True)
    assert not said
    assert_array_equal(fixed.accuracy, again.accuracy)
    found = asy.sweep(TILTED, asy.Centroid(), 0.5, n=40, trials=4, rng=1, fixed_counts=True)
    sim = asy.simulate(TILTED, asy.Centroid(), 0.5, n=40, trials=4, rng=1, fixed_counts=True)
    assert float(found.simulated) == sim.mean


def test_a_limit_is_verified_with_fixed_counts():
    found = asy.testing.assert_converges(
        MIX, asy.Ridge(10.0), 0.5, n=[400, 800], rng=0, fixed_counts=True
    )
    assert found.passed
