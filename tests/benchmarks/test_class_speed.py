"""How long limits on K classes take: pytest tests/benchmarks/test_class_speed.py --benchmark-only

In the group "softmax, K = 3" stands what a published solver does: 50,000 draws, unseeded, inside the
map, at every step anew, damped, until nothing moves by more than 1e-5, here for at most 40 steps,
since the scatter of the draws never lets it stop. `extra_info` holds the errors, and of grids the
microseconds a point.
"""

import numpy as np
import pytest

import asymptotics as asy
from asymptotics.equations.class_prior import class_prior
from asymptotics.equations.class_square import solve_targets

DRAWS, STOP, STEPS, DAMPING = 50_000, 1e-5, 40, 0.5


def population(count, seed=0):
    rng = np.random.default_rng(seed)
    means = 1.5 / np.sqrt(2.0) * rng.normal(size=(count, count))
    return asy.ClassMixture(means, priors=rng.dirichlet(5 * np.ones(count)))


@pytest.mark.parametrize(
    ("penalty", "gamma"), [(0.05, 0.5), (0.5, 2.0), (1e-3, 0.05), (1e-3, 50.0)]
)
@pytest.mark.parametrize(("count", "error"), [(3, 1e-9), (4, 1e-6), (10, 2e-5)])
def test_softmax(benchmark, count, error, penalty, gamma):
    benchmark.group = f"softmax, K = {count}"
    mix = population(count)
    lim = benchmark(asy.limit, mix, asy.Softmax(penalty), gamma)
    benchmark.extra_info["accuracy_error"] = lim.accuracy_error
    if penalty >= 0.05:
        assert lim.accuracy_error < error


@pytest.mark.parametrize("count", [10, 100, 1000])
def test_equidistant(benchmark, count):
    benchmark.group = "softmax, equidistant"
    mix = asy.ClassMixture.simplex(count, 4.0)
    lim = benchmark(asy.limit, mix, asy.Softmax(0.1), 0.5)
    benchmark.extra_info["accuracy_error"] = lim.accuracy_error


@pytest.mark.parametrize("whole", [False, True], ids=["order parameters", "with orthants"])
def test_ridge_of_ten(benchmark, whole):
    benchmark.group = "one-hot ridge, K = 10"
    mix = population(10)
    if whole:
        benchmark(asy.limit, mix, asy.Ridge(0.1), 0.5)
        return

    def order():
        prior = class_prior(mix.spectrum(), np.asarray(0.5), np.asarray(0.1))
        return solve_targets(prior, np.eye(10), np.ones((1, 10)), True)

    assert benchmark(order).residual < 1e-12


@pytest.mark.parametrize("clf", [asy.Ridge, asy.Softmax], ids=lambda clf: clf.__name__)
@pytest.mark.parametrize("batched", [False, True], ids=["loop", "grid"])
def test_grid(benchmark, clf, batched):
    """A hundred points of three classes."""
    benchmark.group = f"100 limits, {clf.__name__}, K = 3"
    mix, gammas = population(3), np.geomspace(0.2, 5.0, 100)
    if batched:
        benchmark.pedantic(asy.limit, (mix, clf(0.1), gammas), rounds=3)
    else:
        benchmark.pedantic(lambda: [asy.limit(mix, clf(0.1), g) for g in gammas], rounds=3)
    benchmark.extra_info["µs/point"] = 1e4 * benchmark.stats.stats.min


def published(mix, penalty, gamma):
    """Damped iteration of the equations in raw scores, with fresh draws at every step."""
    rng = np.random.default_rng()
    count, rho = mix.classes, mix.priors
    gram = mix.means @ mix.means.T  # of the special axes; the bulk is isotropic
    mean, b = np.zeros((count, count)), np.zeros(count)
    q, v = np.eye(count), np.eye(count)
    targets = np.eye(count)
    for _ in range(STEPS):
        f_hat, q_hat = np.zeros((count, count)), np.zeros((count, count))
        v_hat, pull = np.zeros((count, count)), np.zeros(count)
        factor, stiff = np.linalg.cholesky(q + 1e-10 * np.eye(count)), np.linalg.inv(v)
        for k in range(count):
            omega = (mean[:, k] + b)[:, None] + factor @ rng.standard_normal((count, DRAWS))
            u = omega.copy()
            for _ in range(12):
                p = np.exp(u - u.max(0))
                p /= p.sum(0)
                slope = p - targets[k][:, None] + stiff @ (u - omega)
                h = np.einsum("in,ij->nij", p, np.eye(count)) - np.einsum("in,jn->nij", p, p)
                u -= np.linalg.solve(h + stiff, slope.T[..., None])[..., 0].T
            f = stiff @ (u - omega)
            f_hat[:, k] = rho[k] * f.mean(1)
            q_hat += rho[k] * (f @ f.T) / DRAWS
            inner = np.linalg.inv(np.eye(count) + v @ h)
            v_hat += rho[k] * (h @ inner).mean(0)
            pull += rho[k] * f.mean(1)
        r = np.linalg.inv(penalty * np.eye(count) + 0.5 * (v_hat + v_hat.T))
        new = (
            r @ f_hat @ gram,
            r @ f_hat @ gram @ f_hat.T @ r + gamma * r @ q_hat @ r,
            gamma * r,
        )
        moved = max(np.abs(a - x).max() for a, x in zip(new, (mean, q, v), strict=True))
        mean, q, v = (
            DAMPING * x + (1 - DAMPING) * a for a, x in zip(new, (mean, q, v), strict=True)
        )
        b = b + DAMPING * pull * 2 * count
        b -= b.mean()
        if moved < STOP:
            break
    return mean, q, b


def test_published_solver(benchmark):
    benchmark.group = "softmax, K = 3"
    mix = population(3)
    mean, q, b = benchmark.pedantic(published, (mix, 0.05, 0.5), rounds=1)
    lim = asy.limit(mix, asy.Softmax(0.05), 0.5)
    way = np.eye(3) - 1.0 / 3.0
    benchmark.extra_info["mean, worst gap"] = float(np.abs(way @ mean - lim.mean).max())
    np.testing.assert_allclose(way @ mean, lim.mean, atol=0.1)
    np.testing.assert_allclose(way @ q @ way, lim.variance, atol=0.3)
    np.testing.assert_allclose(b, lim.intercept, atol=0.1)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_a_million_points(benchmark, gamma):
    benchmark.group = "exact law of one-hot ridge, n = 1,000,000, K = 3"
    mix = asy.ClassMixture.simplex(3, 3.0)
    benchmark.pedantic(
        asy.simulate,
        (mix, asy.Ridge(0.1), gamma),
        {"n": 10**6, "trials": 1, "rng": 0, "method": "exact-law"},
        rounds=2,
    )
