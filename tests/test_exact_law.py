"""The exact law: equal in distribution to real training sets, at every n and p."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import ks_2samp

import asymptotics as asy
from asymptotics.simulation import exact_law
from asymptotics.simulation.exact_law import ExactLaw, Source, banded_gaussian
from asymptotics.simulation.experiment import FIELDS

PLAIN = asy.SpikedMixture(signal=1.5, noise=0.8)
SPIKED = asy.SpikedMixture(
    signal=1.2, noise=1.3, spikes=[asy.Spike(2.0, 0.4), asy.Spike(-0.5, -0.3)], balance=0.42
)
TILTED = asy.Expansion(0.3, alignment=0.6) @ asy.Power(0.4)
# A p-value below this rejects; 20 of them are taken in the default run.
REJECTED = 1e-4

# mixture, projector, classifier, n, p. With K = 4 axes and n = 30, n - 1 rows are left behind an
# intercept: p = 29 interpolates with the help of the frame only, p = 28 does not interpolate.
CASES = {
    "ridge": (SPIKED, asy.Expansion(3.0), asy.Ridge(0.1), 40, 20),
    "at the threshold": (SPIKED, TILTED, asy.MinNorm(), 30, 29),
    "interpolation": (PLAIN, asy.Expansion(3.0), asy.MinNorm(fit_intercept=False), 30, 45),
    "centroid": (SPIKED, TILTED, asy.Centroid(), 40, 60),
}
MORE = {
    "ridge, p > n": (SPIKED, TILTED, asy.Ridge(0.3), 30, 60),
    "ridge, bare, p = n": (PLAIN, asy.Identity(), asy.Ridge(0.05, fit_intercept=False), 30, 30),
    "least squares": (SPIKED, TILTED, asy.MinNorm(), 30, 15),
    "centroid, bare": (SPIKED, asy.Identity(), asy.Centroid(fit_intercept=False), 30, 8),
    "below the threshold": (SPIKED, TILTED, asy.MinNorm(), 30, 28),
    "bare, p = n": (SPIKED, asy.Power(-0.3), asy.MinNorm(fit_intercept=False), 30, 30),
    "frame alone": (SPIKED, asy.Identity(), asy.Ridge(0.5), 30, 3),
    "projected out": (PLAIN, asy.Expansion(0.0), asy.Ridge(0.2), 30, 25),
    "penalty 0": (SPIKED, asy.Expansion(5.0), asy.Ridge(0.0, fit_intercept=False), 60, 50),
}


def smallest_p(case, trials, seed):
    """The two-sample Kolmogorov-Smirnov test of each field."""
    mix, projector, clf, n, p = case
    direct, exact = (
        asy.simulate(
            mix, clf, p / n, n=n, trials=trials, projector=projector, method=method, rng=rng
        )
        for method, rng in (("direct", seed), ("exact-law", seed + 1))
    )
    assert (direct.method, exact.method) == ("direct", "exact-law")
    # Digits that are rounding errors would tell two equal constants apart.
    return min(
        ks_2samp(*(getattr(s, name).round(9) for s in (direct, exact)), method="asymp").pvalue
        for name in FIELDS
    )


# --------------------------------------------------------------------------- equality in law


@pytest.mark.parametrize("name", CASES)
def test_the_law_is_that_of_real_training_sets(name):
    assert smallest_p(CASES[name], 1500, seed=11) > REJECTED


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES | MORE)
def test_the_law_is_that_of_many_real_training_sets(name):
    assert smallest_p((CASES | MORE)[name], 20_000, seed=29) > REJECTED


def one_more_row(rows, columns, r, rng, count=None):
    return banded_gaussian(rows + 1, columns, r, rng, count)


def one_more_column(rows, columns, r, rng, count=None):
    return banded_gaussian(rows, columns + 1, r, rng, count)


@pytest.mark.parametrize(
    ("case", "wrong"),
    [
        ((PLAIN, asy.Identity(), asy.MinNorm(), 30, 24), one_more_row),
        ((PLAIN, asy.Identity(), asy.MinNorm(), 30, 30), one_more_column),
    ],
)
def test_a_wrong_degree_of_freedom_is_rejected(case, wrong, monkeypatch):
    assert smallest_p(case, 600, seed=5) > REJECTED
    monkeypatch.setattr(exact_law, "banded_gaussian", wrong)
    assert smallest_p(case, 600, seed=5) < REJECTED / 10


def test_training_and_test_accuracy_are_dependent_as_they_are():
    """Not the marginals alone: the joint law, through the differences of the fields."""
    arguments = {"n": 30, "trials": 700, "projector": TILTED}
    direct = asy.simulate(SPIKED, asy.Ridge(0.1), 0.5, rng=1, method="direct", **arguments)
    exact = asy.simulate(SPIKED, asy.Ridge(0.1), 0.5, rng=2, **arguments)
    for mix in ((1.0, -1.0, 0.0), (0.0, 1.0, -0.5), (1.0, 0.0, 0.3)):
        left, right = (
            mix[0] * s.accuracy + mix[1] * s.train_accuracy + mix[2] * s.intercept
            for s in (direct, exact)
        )
        assert ks_2samp(left, right, method="asymp").pvalue > REJECTED


# ------------------------------------------------------------- the solvers, against a dense one


@pytest.mark.parametrize("cost", [0.0, 1e-3, 3.0, 1e4])
@pytest.mark.parametrize("k", [0, 1, 3])
@pytest.mark.parametrize("rows", [1, 2, 4, 5, 12])
def test_every_shape_is_solved(rows, k, cost, monkeypatch):
    """All solvers, on all sides of p = n, against dense least squares on the same numbers."""
    rng = np.random.default_rng(3)
    for p in (0, 1, 2, *range(max(rows - 5, 3), rows + 3), 3 * rows):
        r, scale = min(rows, k + 1), 0.7
        bands = banded_gaussian(rows, p, r, rng)
        dense = np.zeros((rows, p))
        for j, i in np.ndindex(bands.shape):
            if i + j < rows:
                dense[i + j, i] = scale * bands[j, i]
            else:
                assert bands[j, i] == 0
        special = rng.standard_normal((r, k)) * np.geomspace(1.0, 30.0, k)
        target = rng.standard_normal(r)
        sample = exact_law._Sample(target, special, bands, rows, p, scale)
        if p + k < rows:
            fit = exact_law._ridge_weights(sample, cost) if cost else None
            fit = fit or exact_law._least_squares(sample)
        elif cost:
            fit = exact_law._ridge_multipliers(sample, cost)
        elif p >= rows:
            fit = exact_law._interpolate(sample)
        else:
            fit = exact_law._interpolate_with_frame(sample)
        system = np.concatenate([np.pad(special, ((0, rows - r), (0, 0))), dense], axis=1)
        labels = np.pad(target, (0, rows - r))
        if cost:
            padded = np.concatenate([system, np.sqrt(cost) * np.eye(k + p)])
            weights = np.linalg.lstsq(padded, np.pad(labels, (0, k + p)))[0]
        else:
            weights = np.linalg.lstsq(system, labels)[0]
        fitted = system @ weights
        size = np.linalg.norm(weights) + 1e-300
        assert_allclose(fit.special, weights[:k], atol=1e-7 * size)
        assert_allclose(fit.bulk, np.linalg.norm(weights[k:]), atol=1e-7 * size)
        assert_allclose(fit.inside, fitted[:r], atol=1e-7)
        assert_allclose(fit.outside, np.linalg.norm(fitted[r:]), atol=1e-7)


def test_the_bands_are_those_of_a_gaussian_matrix():
    """Moments of every entry; the sum of squares is that of the whole matrix."""
    rows, columns, r = 7, 5, 2
    rng = np.random.default_rng(0)
    draws = np.array([banded_gaussian(rows, columns, r, rng) for _ in range(20_000)])
    squares = (draws**2).mean(0)
    assert_allclose(squares[0], columns - np.arange(5), rtol=0.06)
    assert_allclose(squares[1], 1.0, rtol=0.06)
    assert_allclose(squares[2], rows - r - np.arange(5), rtol=0.06)
    assert abs((draws**2).sum((1, 2)).mean() - rows * columns) < 4 * np.sqrt(70 / 20_000)


# ------------------------------------------------------------------------------- large sizes


@pytest.mark.parametrize("projector", [asy.Expansion(3.0), TILTED], ids=["along", "tilted"])
@pytest.mark.parametrize(
    ("clf", "aspect_ratio"),
    [
        (asy.Ridge(0.1), 0.5),
        (asy.Ridge(0.1), 2.0),
        (asy.MinNorm(), 0.5),
        (asy.MinNorm(), 1.5),
        (asy.Centroid(), 1.0),
    ],
)
def test_it_agrees_with_the_limit(clf, aspect_ratio, projector):
    sim = asy.simulate(SPIKED, clf, aspect_ratio, n=20_000, trials=50, projector=projector, rng=4)
    assert sim.method == "exact-law"
    lim = asy.limit(SPIKED, clf, aspect_ratio, projector)
    assert abs(sim.z_score(lim)) < 4
    stderr = sim.train_accuracy.std(ddof=1) / np.sqrt(sim.trials)
    assert abs(sim.train_accuracy.mean() - lim.train_accuracy) < 4 * stderr + 1e-12
    assert abs(sim.z_score(asy.limit(SPIKED, clf, 2.0 * aspect_ratio, projector))) > 4


def test_the_threshold_of_interpolation_is_solved():
    """p = n and its neighbours, where the smallest singular value is about 1/n of the largest."""
    for shift in (-2, -1, 0, 1, 2):
        sim = asy.simulate(SPIKED, asy.MinNorm(), 1.0 + shift / 3000, n=3000, trials=4, rng=0)
        assert np.all(np.isfinite(sim.variance))
        assert shift < -1 or np.all(sim.train_accuracy == 1.0)


def test_without_a_penalty_no_gain_matters():
    first, second = (
        asy.simulate(PLAIN, asy.MinNorm(), 0.5, n=3000, trials=3, projector=projector, rng=1)
        for projector in (asy.Identity(), asy.Expansion(1e4))
    )
    assert_allclose(first.accuracy, second.accuracy, rtol=1e-9)


# --------------------------------------------------------------------------- reproducibility


def test_the_same_for_every_number_of_jobs():
    arguments = {"aspect_ratio": 0.5, "n": 500, "trials": 9, "projector": TILTED, "rng": 3}
    first = asy.simulate(SPIKED, asy.Ridge(0.1), **arguments)
    for change in ({"n_jobs": 2}, {"method": "exact-law"}, {"rng": first.seed}):
        again = asy.simulate(SPIKED, asy.Ridge(0.1), **(arguments | change))
        for name in FIELDS:
            assert_array_equal(getattr(first, name), getattr(again, name))
    short = asy.simulate(SPIKED, asy.Ridge(0.1), **(arguments | {"trials": 4}))
    assert_array_equal(first.accuracy[:4], short.accuracy)
    assert np.unique(first.accuracy).size == 9


def test_fields():
    sim = asy.simulate(PLAIN, asy.Ridge(0.1, fit_intercept=False), 0.49, n=45, trials=7, rng=0)
    assert (sim.n, sim.dimension, sim.trials, sim.method) == (45, 22, 7, "exact-law")
    assert not sim.intercept.any()
    for name in FIELDS:
        assert getattr(sim, name).shape == (7,)
        assert not getattr(sim, name).flags.writeable


# ----------------------------------------------------------------------------- where it applies

SMALL = {"n": 20, "trials": 2, "rng": 0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clf": asy.Logistic(0.1)}, r"the classifier must be Ridge, .*got Logistic"),
        ({"clf": asy.Bayes()}, "the classifier must be Ridge"),
        ({"mix": PLAIN.realise(10)}, "mix must be a SpikedMixture, got GaussianMixture"),
        ({"mix": PLAIN.spectrum()}, "mix must be a SpikedMixture, got Spectrum"),
        ({"projector": asy.LinearMap(np.eye(10))}, "projector must act on the frame alone"),
        (
            {"projector": asy.Expansion(2.0) @ asy.LinearMap(np.eye(10))},
            "projector must act on the frame alone",
        ),
        ({"clf": asy.Ridge(1e-14)}, "penalty must be 0 or at least 1.87e-10, got 1e-14"),
    ],
)
def test_elsewhere_it_is_refused_and_auto_is_direct(change, message):
    arguments = {"mix": PLAIN, "clf": asy.Ridge(0.1), "aspect_ratio": 0.5, **SMALL, **change}
    with pytest.raises(ValueError, match="method must be 'direct' or 'auto', got 'exact-law': "):
        asy.simulate(method="exact-law", **arguments)
    with pytest.raises(ValueError, match=message):
        asy.simulate(method="exact-law", **arguments)
    if arguments["clf"] != asy.Ridge(1e-14):
        assert asy.simulate(**arguments).method == "direct"


def test_a_class_of_ones_own_is_not_taken_for_its_parent():
    class Rounded(asy.Ridge):
        pass

    assert asy.simulate(PLAIN, Rounded(0.1), 0.5, **SMALL).method == "direct"


def test_one_class_only():
    mix = asy.SpikedMixture(signal=1.0, balance=0.01)
    with pytest.raises(ValueError, match=r"trial \d of n = 20, p = 10: labels must hold both"):
        asy.simulate(mix, asy.Ridge(0.1), 0.5, method="exact-law", **SMALL)
    assert asy.simulate(mix, asy.Ridge(0.1, fit_intercept=False), 0.5, **SMALL).trials == 2


def test_nothing_is_left_to_learn_from():
    """One dimension, projected out: an accuracy of one half, and no division by zero."""
    for clf in (asy.Ridge(0.1, fit_intercept=False), asy.Centroid(fit_intercept=False)):
        sim = asy.simulate(PLAIN, clf, 0.05, projector=asy.Expansion(0.0), **SMALL)
        assert_array_equal(sim.accuracy, 0.5)
        assert_array_equal(sim.variance, 0.0)


def test_the_law_of_a_population():
    law = ExactLaw.of(SPIKED, asy.Expansion(0.0) @ TILTED, 30, 20)
    assert law.source == Source(n=30, axes=4, bulk_dimension=16, balance=0.42)
    assert law.deviations.shape == law.means.shape == (3,)
    assert_allclose(law.bulk, 1.3)
    # The turn is from the frame to the principal axes, and the means are seen from there.
    frame = SPIKED.frame(1)
    image = (asy.Expansion(0.0) @ asy.Power(0.0)).on_frame(frame).block @ frame.root
    law = ExactLaw.of(SPIKED, asy.Expansion(0.0, alignment=0.6), 30, 20)
    assert_allclose(law.turn.T @ law.turn, np.eye(3), atol=1e-14)
    assert_allclose(np.linalg.norm(law.means), 1.2 * 0.8, rtol=1e-12)
    assert image.shape == (4, 4)
