"""Orthant probabilities: each rule against another, and against draws."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from asymptotics.metrics.orthant import confusion, orthant, right_answers, symmetric_accuracy


def law(size, seed):
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(size, size + 1))
    return rng.normal(size=size) + 0.5, factor @ factor.T


@pytest.mark.parametrize("seed", range(4))
def test_two_dimensions_are_exact(seed):
    """Owen's T against an integral over one of them."""
    mean, covariance = law(2, seed)
    for factor in (1.0, -1.0):
        q = covariance * np.array([[1.0, factor], [factor, 1.0]])
        slope, rest = q[0, 1] / q[0, 0], np.sqrt(q[1, 1] - q[0, 1] ** 2 / q[0, 0])
        s = np.sqrt(q[0, 0])

        def inside(z, slope=slope, rest=rest, s=s):
            return norm.pdf(z) * norm.cdf((mean[1] + slope * s * z) / rest)

        expected = quad(inside, -mean[0] / s, 40.0, epsabs=1e-14, epsrel=1e-13, limit=400)[0]
        value, error = orthant(mean, q)
        assert error == 0.0
        assert value == pytest.approx(expected, abs=3e-14)


@pytest.mark.parametrize("edge", ["h", "k", "both"])
def test_owens_t_on_the_axes(edge):
    mean = np.array([0.0 if edge != "k" else 0.3, 0.0 if edge != "h" else -0.4])
    q = np.array([[1.0, 0.6], [0.6, 1.0]])
    near = orthant(mean + 1e-9, q)[0]
    assert orthant(mean, q)[0] == pytest.approx(near, abs=2e-9)
    assert orthant(np.zeros(2), q)[0] == pytest.approx(0.25 + np.arcsin(0.6) / (2 * np.pi))


@pytest.mark.parametrize("size", [3, 4, 5, 8])
def test_against_scipy(size):
    for seed in range(2):
        mean, covariance = law(size, seed)
        value, error = orthant(mean, covariance)
        law_ = multivariate_normal(np.zeros(size), covariance, maxpts=10**6 * size, abseps=1e-7)
        assert value == pytest.approx(law_.cdf(mean), abs=1e-5 + 8 * error)
        assert error < {3: 1e-10, 4: 1e-8, 5: 1e-6, 8: 5e-5}[size]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7])
def test_independent_ones_multiply(size):
    mean = np.linspace(-1.0, 1.5, size)
    value, error = orthant(mean, np.diag(np.arange(1.0, size + 1) ** 2))
    expected = norm.cdf(mean / np.arange(1.0, size + 1)).prod()
    assert value == pytest.approx(expected, abs=1e-13 if size < 3 else 1e-12 + 6 * error)


@pytest.mark.parametrize(("count", "rank"), [(3, 1), (4, 1), (4, 2), (5, 3), (7, 2)])
def test_scores_of_few_dimensions(count, rank):
    """Bayes' scores on means in a line, a plane, a space: counted draws."""
    rng = np.random.default_rng(count + rank)
    means = rng.normal(size=(count, rank)) * 1.2
    gram = means @ means.T
    centre = gram - 0.5 * np.diag(gram)
    table, error = confusion(centre, gram, np.full(count, 1.0 / count))
    assert error < 1e-4
    draws = 200_000
    z = rng.normal(size=(draws, rank))
    for k in range(count):
        answers = np.bincount((z @ means.T + centre[k]).argmax(1), minlength=count) / draws
        spread = np.sqrt(np.maximum(answers * (1 - answers), 1e-6) / draws)
        assert np.all(np.abs(answers - table[k]) < 5 * spread)
    np.testing.assert_allclose(table.sum(1), 1.0, atol=1e-12)


def test_a_tie_of_two_constants():
    value, _ = orthant(np.zeros(1), np.zeros((1, 1)))
    assert value == 0.5
    assert orthant(np.array([-1.0]), np.zeros((1, 1)))[0] == 0.0


@pytest.mark.parametrize("count", [2, 3, 5, 6, 9, 20])
def test_equal_classes_have_one_integral(count):
    ratio = 1.3
    single = float(symmetric_accuracy(np.asarray(ratio), count))
    expected = quad(lambda t: norm.pdf(t) * norm.cdf(t + ratio) ** (count - 1), -12, 12)[0]
    assert single == pytest.approx(expected, abs=1e-10)
    # by the general rules: one score less each of the others
    found, error = orthant(np.full(count - 1, ratio), np.eye(count - 1) + 1.0)
    assert error < 1e-4
    assert found == pytest.approx(single, abs=4 * error + 1e-9)


@pytest.mark.parametrize("count", [2, 3, 5, 6, 9])
def test_classes_that_are_not_quite_alike(count):
    mean, covariance = 1.3 * np.eye(count), np.eye(count) - 1.0 / count
    single = float(symmetric_accuracy(np.asarray(1.3), count))
    mean[0] += 1e-7 * np.arange(count)  # so that the general rules answer
    np.testing.assert_allclose(right_answers(mean, covariance), single, atol=1e-4)
