"""The exact law of one-hot ridge against real training sets, and against the limit where n is large."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

import asymptotics as asy

TRIALS = 500
# Of 34 numbers a case, most of them correlated, the least p-value of honest laws.
LEAST = 1e-4


def population(count, own, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(count, count, count))
    spread = a @ a.transpose(0, 2, 1) / count + 0.5 * np.eye(count)
    means = 1.2 * rng.normal(size=(count, count))
    return asy.ClassMixture(
        means, spread if own else spread[0], 1.1, rng.dirichlet(8 * np.ones(count))
    )


def trials(mix, clf, gamma, method, rng, head=None):
    return asy.simulate(
        mix,
        clf,
        gamma,
        n=60,
        trials=TRIALS,
        rng=rng,
        method=method,
        projector=head,
        fixed_counts=True,
    )


def pvalues(one, other):
    found = {}
    for name in ("accuracy", "train_accuracy", "overlap", "variance", "intercept"):
        a, b = (getattr(sim, name).reshape(TRIALS, -1) for sim in (one, other))
        found[name] = min(
            ks_2samp(x, y, method="asymp").pvalue for x, y in zip(a.T, b.T, strict=True)
        )
    return found


@pytest.mark.parametrize(
    ("count", "own", "gamma", "free", "head"),
    [
        (3, False, 0.3, True, None),
        (3, True, 2.0, False, asy.Expansion(2.0, subspace="between")),
        pytest.param(
            *(4, True, 0.8, True, asy.Expansion(0.5, alignment=0.6, contrast=[1, -1, 0, 0])),
            marks=pytest.mark.slow,
        ),
        (2, False, 1.0, True, None),
    ],
)
def test_same_law_as_direct(count, own, gamma, free, head):
    mix, clf = population(count, own), asy.Ridge(0.1, fit_intercept=free)
    direct = trials(mix, clf, gamma, "direct", 1, head)
    exact = trials(mix, clf, gamma, "exact-law", 2, head)
    for name, p in pvalues(direct, exact).items():
        assert p > LEAST, name
    # the negative control: another penalty
    wrong = trials(mix, asy.Ridge(0.15, fit_intercept=free), gamma, "exact-law", 2, head)
    assert min(pvalues(direct, wrong).values()) < 1e-6


def test_a_million_points():
    mix, clf = asy.ClassMixture.simplex(3, 3.0), asy.Ridge(0.1)
    sim = asy.simulate(mix, clf, 0.5, n=10**6, trials=1, rng=0)
    assert sim.method == "exact-law"
    lim = asy.limit(mix, clf, 0.5)
    # one trial: its standard deviation is 6e-4 at n = 1e5 (24 trials) and falls with the root of n
    assert sim.accuracy[0] == pytest.approx(lim.accuracy, abs=4 * 6e-4 / np.sqrt(10))
    np.testing.assert_allclose(sim.overlap[0], lim.mean, atol=2e-3)
    np.testing.assert_allclose(sim.variance[0], lim.variance, atol=2e-3)
    assert abs(sim.accuracy[0] - asy.limit(mix, asy.Ridge(0.2), 0.5).accuracy) > 5e-3


def test_one_draw_serves_all():
    mix = population(3, True)
    heads = asy.Expansion(2.0, subspace="between")
    many = asy.simulate(mix, asy.Ridge([0.1, 1.0]), 0.5, n=80, trials=3, rng=0, projector=heads)
    assert many.method == "exact-law"
    for k, penalty in enumerate((0.1, 1.0)):
        one = asy.simulate(mix, asy.Ridge(penalty), 0.5, n=80, trials=3, rng=0, projector=heads)
        np.testing.assert_array_equal(many.accuracy[:, k], one.accuracy)
        np.testing.assert_array_equal(many.variance[:, k], one.variance)


@pytest.mark.parametrize(
    ("mix", "clf", "head", "n", "message"),
    [
        (population(3, True), asy.Softmax(0.1), None, 60, "must be Ridge"),
        (population(3, True), asy.Ridge(0.1, class_weight="balanced"), None, 60, "class_weight"),
        (population(3, True), asy.Flipped(asy.Ridge(0.1), 0.1), None, 60, "must be Ridge"),
        (asy.GaussianClasses(np.eye(30)[:3], np.eye(30)), asy.Ridge(0.1), None, 60, "ClassMixture"),
        (asy.ClassMixture(np.eye(2), labels=[-1, 1]), asy.Ridge(0.1), None, 60, "without labels"),
        (population(3, True), asy.Ridge(0.1), asy.PCATruncation(3, 0.5), 60, "learned"),
        (population(3, True), asy.Ridge(0.1), None, 8, "n must be at least 9"),
        (population(3, True), asy.Ridge(1e-14), None, 60, "penalty must be at least"),
    ],
)
def test_refusals(mix, clf, head, n, message):
    with pytest.raises(ValueError, match=message):
        asy.simulate(mix, clf, 0.5, n=n, trials=2, rng=0, method="exact-law", projector=head)


def test_a_class_without_a_point():
    mix = asy.ClassMixture(np.eye(3), priors=[0.02, 0.49, 0.49])
    with pytest.raises(ValueError, match="class"):
        asy.simulate(mix, asy.Ridge(0.1), 0.5, n=20, trials=20, rng=0, method="exact-law")
