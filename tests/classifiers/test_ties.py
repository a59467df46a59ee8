"""Classes that nothing tells apart: their scores are the same, and each wins as often as the other."""

import numpy as np
import pytest

import asymptotics as asy


def drawn_accuracy(means, priors, flat, rng, count=200_000):
    """The share of right answers of the Bayes rule, ties broken by chance; no integrals in it."""
    k = rng.choice(len(means), count, p=priors)
    x = means[k] + rng.standard_normal((count, means.shape[1]))
    scores = x @ means.T - 0.5 * np.square(means).sum(1) + (0.0 if flat else np.log(priors))
    best = scores.max(1, keepdims=True)
    ties = scores >= best - 1e-9
    return float(np.mean(ties[np.arange(count), k] / ties.sum(1)))


@pytest.mark.parametrize("seed", range(8))
def test_bayes_on_classes_of_one_mean(seed):
    rng = np.random.default_rng(seed)
    distinct = rng.standard_normal((int(rng.integers(2, 4)), int(rng.integers(1, 4))))
    means = np.concatenate([distinct, distinct[: rng.integers(1, len(distinct) + 1)]])
    means = means[rng.permutation(len(means))]
    count = len(means)
    # equal priors, or others that the rule does not look at
    priors = np.full(count, 1 / count) if seed % 2 else rng.dirichlet(3 * np.ones(count))
    clf = asy.Bayes(fit_intercept=bool(seed % 2))
    mix = asy.ClassMixture(means, priors=priors)
    lim = asy.limit(mix, clf, 0.5)
    expected = drawn_accuracy(means, priors, not seed % 2, rng)
    assert abs(lim.accuracy - expected) < 4 * np.sqrt(0.25 / 200_000)
    assert lim.confusion.sum(-1) == pytest.approx(1.0, abs=1e-9)
    same = np.all(means[:, None] == means, axis=-1)
    for k in range(count):  # equal columns of equal classes
        assert np.ptp(lim.confusion[:, same[k]], axis=1).max() < 1e-9
    sim = asy.simulate(mix, clf, 0.5, n=40, trials=2, rng=0)
    assert sim.mean == pytest.approx(lim.accuracy, abs=2e-5)


@pytest.mark.parametrize("priors", [None, [0.5, 0.3, 0.2]])
@pytest.mark.parametrize("axes", [2, 3])
def test_nothing_is_left_of_the_signal(priors, axes):
    means = np.random.default_rng(axes).standard_normal((3, axes))
    mix, head = asy.ClassMixture(means, priors=priors), asy.Expansion(0.0, subspace="between")
    for clf, expected in ((asy.Bayes(False), 1 / 3), (asy.Bayes(), max(priors or [1 / 3]))):
        assert asy.limit(mix, clf, 0.5, head).accuracy == pytest.approx(expected, abs=1e-12)
        sim = asy.simulate(mix, clf, 0.5, n=40, trials=2, rng=0, projector=head)
        assert sim.mean == pytest.approx(expected, abs=1e-9)
