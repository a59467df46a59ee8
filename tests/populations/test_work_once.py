"""What a population owns is worked out once, and in as few dimensions as there are points."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest

import asymptotics as asy

pytestmark = pytest.mark.filterwarnings("ignore::asymptotics.PlugInWarning")


@pytest.fixture
def large(monkeypatch):
    """The sizes of the matrices that are taken apart."""
    found = []
    for name in ("eigh", "svd", "qr", "eigvalsh", "cholesky", "inv"):
        whole = getattr(np.linalg, name)

        def counted(a, *args, whole=whole, **kwargs):
            found.append(np.shape(a)[-2:])
            return whole(a, *args, **kwargs)

        monkeypatch.setattr(np.linalg, name, counted)
    return found


def covariance(p, units=1.0):
    rng = np.random.default_rng(0)
    factor = rng.standard_normal((p, 2 * p)) * np.resize([1.0, units], p)[:, None]
    return rng.standard_normal(p) / 10, factor @ factor.T / p


@pytest.mark.parametrize("units", [1.0, 1e6])
def test_a_second_limit_takes_nothing_apart(large, units):
    mean, sigma = covariance(60, units)
    means = np.stack([mean, -mean, 2 * mean])
    for made in (
        lambda: asy.GaussianClasses(means, sigma),
        lambda: asy.GaussianMixture(mean, sigma),
    ):
        source = made()
        asy.limit(source, asy.Ridge(0.1), 0.5)
        assert (60, 60) in large
        large.clear()
        for clf in (asy.Ridge(0.2), asy.Ridge(0.3)):
            asy.limit(source, clf, 0.7)
        assert (60, 60) not in large
    asy.separability_threshold(source)
    asy.limit(source, asy.Logistic(0.1), 0.5)
    asy.optimal_penalty(source, asy.Ridge(0.1), 0.5)
    source.sample(3, rng=0)
    asy.limit(source.spectrum(), asy.Ridge(0.1), 0.5)
    assert (60, 60) not in large


def test_what_is_kept_is_not_sent_along():
    """Nor does it enter the name of an experiment."""
    mean, sigma = covariance(60)
    for mix in (
        asy.GaussianMixture(mean, sigma),
        asy.GaussianClasses(np.stack([mean, -mean, 2 * mean]), sigma),
    ):
        fresh = len(pickle.dumps(copy.copy(mix)))
        asy.limit(mix, asy.Ridge(0.1), 0.5)
        assert len(pickle.dumps(mix)) == fresh < 1.2 * (sigma.nbytes + 4 * mean.nbytes)


def test_few_points_in_many_dimensions_need_no_matrix_of_these(large):
    """p = 6000, n = 40: p × p numbers would be 288 MB."""
    rng = np.random.default_rng(0)
    n, p = 40, 6000
    labels = np.arange(n) % 2
    features = rng.standard_normal((n, p)) + 0.05 * labels[:, None]
    tracemalloc.start()
    mix = asy.GaussianMixture.from_data(features, labels)
    asy.limit(mix, asy.Ridge(0.1), p / n)
    asy.limit(mix, asy.Logistic(0.1), p / n, asy.Expansion(2.0))
    asy.separability_threshold(mix)
    mix.sample(10, rng=0)
    asy.optimal_penalty(mix, asy.Ridge(0.1), p / n)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30 * features.nbytes  # 58 MB
    assert all(min(shape) <= n for shape in large)


@pytest.mark.parametrize("seed", range(5))
def test_few_points_give_what_the_matrix_gives(seed):
    """Against the covariance as a matrix, where rounding does not hide what the answer needs."""
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(5, 20)), int(rng.integers(20, 40))
    labels = np.arange(n) % 2
    features = rng.standard_normal((n, p)) * rng.uniform(0.5, 2, p) + 0.3 * labels[:, None]
    mix = asy.GaussianMixture.from_data(features, labels)
    assert mix.factor.shape == (p, n)
    matrix = asy.GaussianMixture(mix.mean, mix.covariance, mix.balance)
    for head in (asy.Identity(), asy.Expansion(3.0), asy.LinearMap(rng.standard_normal((9, p)))):
        for clf in (asy.Ridge(0.1), asy.Logistic(1.0)):
            few, many = (asy.limit(m, clf, p / n, head) for m in (mix, matrix))
            assert few.log_error == pytest.approx(many.log_error, rel=1e-6)
            assert few.variance == pytest.approx(many.variance, rel=1e-6)
    assert np.allclose(mix.covariance, mix.root @ mix.root.T)
    centred = np.vstack([features[labels == k] - features[labels == k].mean(0) for k in (0, 1)])
    assert np.allclose(mix.covariance, centred.T @ centred / (n - 2), rtol=1e-10)
