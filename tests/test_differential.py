"""The whole way by three routes that share no code: equations, arbitrary precision, trained classifiers.

Populations, maps and classifiers are drawn from one seed: singular covariances, tall and wide
matrices, variances of 0, gains of 0, maps that learn, in compositions. `ASYMPTOTICS_SEED=7 pytest
-m slow tests/test_differential.py` draws others.
"""

import os

import numpy as np
import pytest

import asymptotics as asy

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("ASYMPTOTICS_SEED", "20261127"))
REFERENCES, SIMULATIONS = 40, 40
#: Relative, of the error: the equations are solved to 1e-10 or better, and a few digits are lost.
PRECISION = 1e-7
N, TRIALS = 240, 24
#: Bias of a training set of N points, beside four standard errors.
ALLOWANCE = 3.0 / N


def log_uniform(rng, low, high):
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def spiked(rng, balance):
    count = int(rng.integers(0, 3))
    spikes = [
        asy.Spike(float(rng.choice([-0.5, 0.5, 4.0, 30.0])), float(rng.uniform(-0.65, 0.65)))
        for _ in range(count)
    ]
    return asy.SpikedMixture(log_uniform(rng, 0.3, 3), log_uniform(rng, 0.5, 2), spikes, balance)


def matrix_mixture(rng, balance, p):
    """Of any rank down to two thirds of p, with the mean in the span of the noise."""
    rank = p if rng.random() < 0.4 else int(rng.integers(2 * p // 3, p + 1))
    if rng.random() < 0.3:
        factor = np.eye(p)[:, rng.permutation(p)[:rank]] * rng.integers(4, 16, rank) / 8.0
    else:  # of few digits, so that Σ is exact and as singular as it is meant to be
        factor = np.round(8.0 * rng.standard_normal((p, rank))) / 2.0 ** round(3 + np.log2(p) / 2)
    inside = rng.standard_normal(rank)
    mean = factor @ (inside / np.linalg.norm(inside)) * rng.uniform(0.5, 2.5)
    if rng.random() < 0.5:
        return asy.GaussianMixture.from_factor(mean, factor, balance)
    return asy.GaussianMixture(mean, factor @ factor.T, balance)


def spectrum(rng, balance, p):
    eigenvalues = rng.uniform(0.2, 3, 4) * (rng.random(4) < 0.8)
    eigenvalues[0] = 1.0
    weights = rng.multinomial(p - 4, np.ones(4) / 4) + 1.0
    energies = rng.uniform(0, 2, 4) * (eigenvalues > 0) + np.eye(4)[0]
    return asy.Spectrum(eigenvalues, weights / p, energies, balance)


def tall_or_wide(rng, p):
    if rng.random() < 0.3:
        return asy.LinearMap(np.vstack([np.eye(p), np.eye(p)]))
    k = int(rng.integers(max(2, p // 2), 2 * p))
    rank = int(rng.integers(max(2, p // 2), min(k, p) + 1))
    # of whole numbers: a rank that no rounding hides
    parts = rng.integers(-4, 5, (k, rank)), rng.integers(-4, 5, (rank, p))
    return asy.LinearMap(parts[0] @ parts[1] / 2.0 ** round(3 + np.log2(rank * p) / 2))


def gentle(rng, mix, exact):
    """A map that acts in any dimension; `exact`: one that has a form at any precision."""
    kind = rng.integers(5)
    if kind == 0:
        return asy.Expansion(float(rng.choice([0.0, 0.3, 1.0, 4.0])))
    if kind == 1 and isinstance(mix, asy.SpikedMixture):
        return asy.Expansion(float(rng.choice([0.0, 0.5, 3.0])), float(rng.uniform(0.2, 0.95)))
    if kind == 2:
        return asy.Power(float(rng.uniform(0.0, 1.0)))
    if kind == 3 and not exact and isinstance(mix, asy.SpikedMixture) and not mix.spikes:
        return asy.InfoNCE(float(rng.uniform(0.4, 2.0)))
    return asy.Identity()


def drawn(rng, exact):
    """A population of p dimensions or any, a map, a classifier and an aspect ratio.

    `exact`: of small p and any aspect ratio, without maps that learn.
    """
    balance = float(rng.choice([0.5, 0.3, 0.15]))
    ratio = log_uniform(rng, 0.1, 2.5)
    p = int(rng.integers(5, 12)) if exact else max(6, round(ratio * N))
    kind = rng.integers(3)
    if kind == 0:
        mix = spiked(rng, balance)
        head = gentle(rng, mix, exact)
        if rng.random() < 0.4:
            head = gentle(rng, mix, exact) @ head
        if not exact and rng.random() < 0.5:
            head = asy.PCAExpansion(float(rng.choice([0.3, 3.0])), float(rng.uniform(0.1, 0.5)))
    elif kind == 1:
        mix = matrix_mixture(rng, balance, p)
        head = tall_or_wide(rng, p) if rng.random() < 0.6 else gentle(rng, mix, exact)
        if rng.random() < 0.3 and isinstance(head, asy.LinearMap):
            head = head @ gentle(rng, mix, exact)
    else:
        mix = spectrum(rng, balance, p)
        head = gentle(rng, mix, exact)
    ratio = ratio if exact else p / N
    intercept = bool(rng.random() < 0.6)
    penalty = log_uniform(rng, 3e-3, 3)
    kinds = [
        asy.Ridge(penalty, intercept),
        asy.Logistic(penalty, intercept),
        asy.SVM(penalty, intercept),
        asy.SquaredHinge(penalty, intercept),
        asy.Centroid(intercept),
        asy.Bayes(intercept),
        asy.MinNorm(intercept),
        asy.MaxMargin(intercept),
    ]
    return mix, head, kinds[rng.integers(len(kinds))], ratio


def named(case):
    return f"ASYMPTOTICS_SEED={SEED}, {', '.join(map(repr, case))}"


@pytest.mark.parametrize("number", range(REFERENCES))
def test_limit_against_reference(number):
    rng = np.random.default_rng([SEED, 0, number])
    mix, head, clf, ratio = case = drawn(rng, exact=True)
    try:
        found = asy.limit(mix, clf, ratio, head)
    except asy.NoLimitError:
        with pytest.raises(asy.NoLimitError):
            asy.reference.limit(mix, clf, ratio, head, dps=15)
        return
    expected = asy.reference.limit(mix, clf, ratio, head, dps=15)
    error = float(expected.error)
    assert abs(found.error - error) <= PRECISION * error + 1e-300, named(case)
    spread = np.sqrt(float(expected.variance))
    scale = max(abs(float(expected.mean)), spread, 1e-300)
    assert abs(found.mean - float(expected.mean)) <= 1e-6 * scale, named(case)
    assert abs(found.intercept - float(expected.intercept)) <= 1e-6 * max(scale, 1.0), named(case)


def gap(case, limit_of, number):
    """The distance of simulation and a limit in units of what is allowed."""
    mix, head, clf, ratio = case
    sim = asy.simulate(
        mix,
        clf,
        ratio,
        n=N,
        trials=TRIALS,
        projector=head,
        rng=np.random.SeedSequence([SEED, 2, number]),
        fixed_counts=True,
    )
    expected = limit_of(mix, clf, sim.aspect_ratio, head)
    return abs(sim.mean - expected) / (4.0 * sim.stderr + ALLOWANCE)


def accuracy(mix, clf, ratio, head):
    return float(asy.limit(mix, clf, ratio, head).accuracy)


@pytest.mark.parametrize("number", range(SIMULATIONS))
@pytest.mark.filterwarnings("ignore::asymptotics.ImbalanceWarning")
def test_limit_against_simulation(number):
    rng = np.random.default_rng([SEED, 1, number])
    case = drawn(rng, exact=False)
    mix, head, clf, ratio = case
    try:
        accuracy(mix, clf, ratio, head)
    except asy.NoLimitError:
        return
    if isinstance(clf, asy.MaxMargin):
        threshold = asy.separability_threshold(mix, clf.fit_intercept, projector=head)
        if ratio < 2.0 * threshold:  # some training sets of this size are not separable
            return
    assert gap(case, accuracy, number) < 1.0, named(case)


def test_a_wrong_limit_is_noticed():
    """The negative control: each law without one thing that it has."""
    caught = tried = 0
    for number in range(40):
        rng = np.random.default_rng([SEED, 1, number])
        mix, head, clf, ratio = case = drawn(rng, exact=False)
        try:
            right, wrong = (accuracy(mix, clf, r, head) for r in (ratio, 3.0 * ratio))
        except asy.NoLimitError:
            continue
        if abs(right - wrong) < 0.05:
            continue
        tried += 1
        caught += gap(case, lambda *_, wrong=wrong: wrong, number) > 1.0
    assert tried >= 5
    assert caught >= 0.8 * tried
