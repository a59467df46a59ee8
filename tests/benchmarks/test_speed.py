"""How long things take, on demand: pytest tests/benchmarks --benchmark-only

Groups are rows to compare: within "one logistic limit" stand the package and two baselines, what a
notebook cell does with SciPy alone: damped iteration of the equations, or fsolve, with a quad for
every expectation and a brentq for every prox. `extra_info` gives grids as microseconds a point:
pytest tests/benchmarks --benchmark-only --benchmark-json=out.json
"""

import subprocess
import sys

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq, fsolve
from scipy.special import expit
from scipy.stats import norm

import asymptotics as asy

CLASSIFIERS = [
    asy.Ridge(0.1),
    asy.MinNorm(),
    asy.Centroid(),
    asy.Bayes(),
    asy.Logistic(0.1),
    asy.SVM(0.1),
    asy.SquaredHinge(0.1),
    asy.MaxMargin(),
]
by_name = pytest.mark.parametrize("clf", CLASSIFIERS, ids=lambda clf: type(clf).__name__)

SPIKES = [asy.Spike(4.0, 0.5)]
BALANCES = [0.5, 0.3]


# imports


@pytest.mark.parametrize(
    "statement", ["pass", "import numpy", "import numpy, scipy.special", "import asymptotics"]
)
def test_import(benchmark, statement):
    benchmark.group = "import, in a new interpreter"
    command = [sys.executable, "-c", statement]
    benchmark.pedantic(subprocess.run, (command,), {"check": True}, rounds=10, warmup_rounds=1)


# one limit


@by_name
@pytest.mark.parametrize("balance", BALANCES)
def test_one_limit(benchmark, clf, balance):
    benchmark.group = f"one limit, balance {balance}"
    mix = asy.SpikedMixture(1.5, spikes=SPIKES, balance=balance)
    lim = benchmark(asy.limit, mix, clf, 0.8, asy.Expansion(2.0, 0.7))
    assert lim.residual < 1e-9


@by_name
def test_one_plain_limit(benchmark, clf):
    """Equal classes, no spike, a gain along the signal: the least that a limit has to do."""
    benchmark.group = "one limit, balanced, without a spike"
    lim = benchmark(asy.limit, asy.SpikedMixture(1.5), clf, 0.8, asy.Expansion(2.0))
    assert lim.residual < 1e-9


# a grid of them


@by_name
@pytest.mark.parametrize("balance", BALANCES)
def test_grid(benchmark, clf, balance):
    """100 × 100 points: gains from deep shrinkage to strong expansion, aspect ratios from 0.6 to 10."""
    benchmark.group = f"100 × 100 limits, balance {balance}"
    mix = asy.SpikedMixture(1.5, spikes=SPIKES, balance=balance)
    gains, gammas = np.geomspace(0.05, 20.0, 100), np.geomspace(0.6, 10.0, 100)[:, None]
    projector = asy.Expansion(gains, 0.7)
    lim = benchmark.pedantic(asy.limit, (mix, clf, gammas, projector), rounds=5, warmup_rounds=1)
    assert lim.residual.max() < 1e-9
    benchmark.extra_info["microseconds a point"] = (
        benchmark.stats.stats.min * 1e6 / lim.accuracy.size
    )


@pytest.mark.parametrize("penalties", [100, 1000])
def test_ridge_penalties(benchmark, penalties):
    benchmark.group = "ridge, 100 aspect ratios and many penalties"
    mix = asy.SpikedMixture(1.5, spikes=SPIKES)
    gammas = np.geomspace(0.05, 20.0, 100)[:, None]
    clf = asy.Ridge(np.geomspace(1e-4, 1e2, penalties))
    lim = benchmark.pedantic(asy.limit, (mix, clf, gammas), rounds=5, warmup_rounds=1)
    assert lim.residual.max() < 1e-9
    benchmark.extra_info["microseconds a point"] = (
        benchmark.stats.stats.min * 1e6 / lim.accuracy.size
    )


@pytest.mark.parametrize("dimension", [64, 1000])
def test_real_covariance(benchmark, dimension):
    """p atoms, and the singular values of a p × p matrix."""
    benchmark.group = "logistic, a full covariance"
    rng = np.random.default_rng(0)
    root = rng.normal(size=(dimension, 2 * dimension)) / np.sqrt(2 * dimension)
    mix = asy.GaussianMixture(rng.normal(size=dimension) / np.sqrt(dimension), root @ root.T)
    lim = benchmark.pedantic(
        asy.limit, (mix, asy.Logistic(0.1), 0.5, asy.Expansion(2.0)), rounds=3, warmup_rounds=1
    )
    assert lim.residual < 1e-9


def test_separability_threshold(benchmark):
    benchmark.group = "separability_threshold"
    mix = asy.SpikedMixture(np.linspace(0.1, 3.0, 1000), balance=0.3)
    benchmark.pedantic(asy.separability_threshold, (mix,), rounds=5, warmup_rounds=1)
    benchmark.extra_info["microseconds a point"] = benchmark.stats.stats.min * 1e3


# the same number without the package: signal s, σ = 1, balanced, gain along the signal


POINT = {"s": 1.5, "gamma": 0.5, "penalty": 0.1, "gain": 3.0}


def prox(omega, v):
    return brentq(lambda x: x - omega - v * expit(-x), omega, omega + v, xtol=1e-12)


def channel(m, q, v):
    def expectation(g):
        return quad(lambda z: g(m + np.sqrt(q) * z) * norm.pdf(z), -9, 9, epsabs=1e-9)[0]

    def f(omega):
        return expit(-prox(omega, v))

    def slope(omega):
        s = f(omega)
        return s * (1 - s) / (1 + v * s * (1 - s))

    return expectation(f), expectation(lambda omega: f(omega) ** 2), expectation(slope)


def update(m, q, v, *, s, gamma, penalty, gain):
    """The right-hand sides of the equations of the limit."""
    m_hat, q_hat, v_hat = channel(m, q, v)
    bulk, signal = 1 / (penalty + v_hat), 1 / (penalty + v_hat * gain**2)
    energy = (s * gain) ** 2
    return np.array(
        [
            m_hat * energy * signal,
            m_hat**2 * energy * gain**2 * signal**2 + gamma * q_hat * bulk**2,
            gamma * bulk,
        ]
    )


def by_iteration():
    x = np.array([1.0, 1.0, 1.0])
    for _ in range(1000):
        new = update(*x, **POINT)
        if np.abs(new - x).max() < 1e-6:
            break
        x = 0.5 * (x + new)
    return norm.cdf(x[0] / np.sqrt(x[1]))


def by_fsolve():
    def residual(logs):
        return np.log(update(*np.exp(logs), **POINT)) - logs

    m, q, _ = np.exp(fsolve(residual, np.zeros(3), xtol=1e-8))
    return norm.cdf(m / np.sqrt(q))


def by_the_package():
    projector = asy.Expansion(POINT["gain"])
    mix, clf = asy.SpikedMixture(POINT["s"]), asy.Logistic(POINT["penalty"], fit_intercept=False)
    return asy.limit(mix, clf, POINT["gamma"], projector).accuracy


@pytest.mark.parametrize("route", [by_the_package, by_fsolve, by_iteration])
def test_one_logistic_limit(benchmark, route):
    benchmark.group = "one logistic limit"
    rounds = 100 if route is by_the_package else 1
    accuracy = benchmark.pedantic(route, rounds=rounds, warmup_rounds=int(rounds > 1))
    assert accuracy == pytest.approx(by_the_package(), abs=1e-6)
