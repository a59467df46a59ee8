"""Learning curves, and the labels an accuracy needs, on an estimated spectrum."""

import dataclasses
import pickle

import numpy as np
import pytest

import asymptotics as asy
from asymptotics.questions.best_penalty import best_penalties
from asymptotics.questions.estimation_error import kappa_read, sensitivity
from asymptotics.questions.score_scale import probit

RNG = np.random.default_rng
CLASSIFIERS = [
    asy.Ridge(0.1),
    asy.Logistic(0.1),
    asy.SVM(0.3),
    asy.SquaredHinge(0.1),
    asy.MinNorm(),
    asy.Centroid(),
    asy.Bayes(),
]
SIZES = np.array([30.0, 100.0, 400.0])


def estimated(n=150, p=60, share=0.5, seed=0):
    rng = RNG(seed)
    y = np.arange(n) < round(n * share)
    d, mean = np.geomspace(4, 0.25, p), np.zeros(p)
    mean[[0, p // 2, p - 1]] = 1.2, 0.8, 0.3
    x = rng.normal(size=(n, p)) * np.sqrt(d) + np.where(y, 1, -1)[:, None] * mean
    return asy.Spectrum.from_data(x, y), asy.Spectrum(d, np.full(p, 1 / p), mean**2, share)


@pytest.mark.parametrize("clf", CLASSIFIERS, ids=repr)
@pytest.mark.parametrize("share", [0.5, 0.3])
def test_the_curve_is_the_limit(clf, share):
    source, _ = estimated(share=share)
    curve = asy.learning_curve(source, clf, SIZES)
    lim = asy.limit(source, clf, 60 / SIZES)
    np.testing.assert_allclose(curve.accuracy, lim.accuracy, rtol=1e-12)
    np.testing.assert_allclose(curve.limit.mean, lim.mean, rtol=1e-12)
    assert np.all(curve.stderr > 0) and np.all(curve.low < curve.accuracy)
    assert np.all(curve.accuracy < curve.high)
    assert not curve.extrapolated.any() and not curve.anchored
    np.testing.assert_allclose(curve.bracket_low, curve.accuracy, rtol=1e-12)
    one = asy.learning_curve(source, clf, 100)
    assert one.accuracy == pytest.approx(curve.accuracy[1], abs=1e-9)
    assert one.high == pytest.approx(curve.high[1], rel=1e-4)
    assert type(one.accuracy) is float and "accuracy=" in repr(one) and "30 to 400" in repr(curve)
    assert pickle.loads(pickle.dumps(one)).low == one.low


@pytest.mark.parametrize("clf", [*CLASSIFIERS, asy.Ridge(0.0)], ids=repr)
@pytest.mark.parametrize("share", [0.5, 0.3])
def test_derivatives_in_every_energy(clf, share):
    """a/(κ + d) + b/(κ + d)², with κ from V alone, against a difference in each single energy."""
    _, mix = estimated(p=9, share=share)
    ratio = np.array([0.5])
    lim = asy.limit(mix, clf, ratio)
    found = sensitivity(mix, clf, lim, ratio)
    # the centroid's κ is infinite, for which 100 d stands
    tolerance = 0.02 if clf == asy.Centroid() else 0.01
    for name in ("accuracy", "mean", "variance", "train_loss"):
        if clf in (asy.Bayes(), asy.Centroid()) and name == "train_loss":
            continue
        for j in (0, 4, 8):
            h = 1e-5 * mix.eigenvalues[j]
            energies = mix.energies + h * (np.arange(9) == j)
            moved = asy.limit(dataclasses.replace(mix, energies=energies), clf, ratio)
            exact = (getattr(moved, name) - getattr(lim, name))[0] / h
            inverse = 1 / (found.kappa[0] + mix.eigenvalues[j])
            ours = (found.first[name] * inverse + found.second[name] * inverse**2)[0]
            assert ours == pytest.approx(exact, rel=tolerance, abs=1e-5), (name, j)


def test_kappa_of_ridge_by_hand():
    mix = asy.Spectrum([2.0], [1.0], [1.0])
    lim = asy.limit(mix, asy.Ridge(0.3), 0.7)
    v_hat = 1 / (1 + lim.susceptibility)
    assert kappa_read(mix, asy.Ridge(0.3), lim, 0.7) == pytest.approx(0.3 / v_hat, rel=1e-9)
    assert kappa_read(mix, asy.Centroid(), lim, 0.7) == np.inf
    assert kappa_read(mix, asy.Bayes(), lim, 0.7) == 0
    lim = asy.limit(mix, asy.MinNorm(), 3.0)
    # interpolation: γ S(κ) = 1
    assert kappa_read(mix, asy.MinNorm(), lim, 3.0) == pytest.approx(4.0, rel=1e-9)


@pytest.mark.parametrize("n", [40, 75])
@pytest.mark.parametrize("clf", [asy.Ridge(0.3), asy.Logistic(0.3)], ids=repr)
def test_intervals_cover_the_truth(n, clf):
    """30 samples at each of two sizes: coverage, and z-scores with the right spread."""
    trials, scores, hits = 30, [], []
    # beyond κ_low the standard error is that of one continuation, and the interval holds others
    for seed in range(trials):
        source, mix = estimated(n=n, seed=seed)
        curve = asy.learning_curve(source, clf, SIZES)
        exact = asy.limit(mix, clf, 60 / SIZES).accuracy
        hits.append((curve.low <= exact) & (exact <= curve.high))
        scores.extend(((curve.accuracy - exact) / curve.stderr)[~curve.extrapolated])
    assert np.mean(hits) > 0.95 - 4 * np.sqrt(0.05 * 0.95 / trials)
    assert 0.5 < np.std(scores) < 1.6
    naive = np.abs(scores) < 0.3 * 1.96  # errors a third of these would be caught
    assert np.mean(naive) < 0.8


def test_where_the_data_say_nothing():
    rng = RNG(3)
    y = np.arange(60) % 2 == 0
    x = rng.normal(size=(60, 120)) + np.where(y, 1, -1)[:, None] * np.r_[1.5, np.zeros(119)]
    source = asy.Spectrum.from_data(x, y)
    curve = asy.learning_curve(source, asy.Ridge(1e-3), [15.0, 30.0, 60.0, 120.0, 480.0])
    assert curve.extrapolated.tolist() == [False, False, False, True, True]
    beyond = curve.extrapolated
    assert np.all(curve.bracket_low[beyond] < curve.bracket_high[beyond])
    assert np.all(curve.low <= curve.bracket_low) and np.all(curve.high >= curve.bracket_high)
    assert np.all(curve.stderr > 0)
    # behind a map that reads the spectrum elsewhere
    power = asy.learning_curve(source, asy.Ridge(0.1), [60.0], asy.Power(-0.5))
    assert power.extrapolated.all() and power.stderr[0] > 0
    gain = asy.learning_curve(source, asy.Ridge(1.0), [60.0], asy.Expansion(2.0))
    assert not gain.extrapolated.any() and gain.stderr[0] > 0
    neutral = asy.learning_curve(source, asy.Ridge(1.0), [60.0], asy.Expansion(1.0))
    plain = asy.learning_curve(source, asy.Ridge(1.0), [60.0])
    assert neutral.accuracy == pytest.approx(plain.accuracy, abs=1e-9)
    # the two routes to an error: redrawn energies, and derivatives
    assert neutral.stderr == pytest.approx(plain.stderr, rel=0.5)


def test_a_matrix_is_applied_before():
    source, _ = estimated()
    with pytest.raises(TypeError, match="LinearMap"):
        asy.learning_curve(source, asy.Ridge(0.1), SIZES, asy.LinearMap(np.eye(60)))


def test_shots():
    source, _ = estimated(share=0.3)
    shots = asy.learning_curve(source, asy.Logistic(0.1), [5.0, 50.0], per_class=True)
    even = dataclasses.replace(source, balance=0.5)
    exact = asy.limit(even, asy.Logistic(0.1), 60 / np.array([10.0, 100.0])).accuracy
    np.testing.assert_allclose(shots.accuracy, exact, rtol=1e-9)
    np.testing.assert_array_equal(shots.samples, [5.0, 50.0])


def test_a_mixture_that_is_given_has_no_error():
    mix = asy.GaussianMixture([1.0, 0.0, 0.0], np.diag([1.0, 2.0, 3.0]))
    curve = asy.learning_curve(mix, asy.Ridge(0.1), [10.0, 100.0])
    assert np.all(curve.stderr == 0) and not curve.extrapolated.any()
    np.testing.assert_allclose(curve.low, curve.accuracy, rtol=1e-12)
    with pytest.raises(ValueError, match="cross_validated must be None"):
        asy.learning_curve(mix, asy.Ridge(0.1), 10.0, cross_validated=0.8)


def test_the_best_penalty():
    source, _ = estimated()
    curve = asy.learning_curve(source, asy.Ridge(1.0), SIZES, best_penalty=True)
    for penalty in np.geomspace(1e-3, 10, 15):
        other = asy.learning_curve(source, asy.Ridge(penalty), SIZES)
        assert np.all(other.accuracy <= curve.accuracy + 1e-7)
    isotropic = asy.SpikedMixture(1.5).spectrum()  # there it is as large as can be
    assert best_penalties(isotropic, asy.Ridge(1.0), np.array([0.5]))[0] > 100
    with pytest.raises(TypeError, match="clf must have a penalty for best_penalty"):
        asy.learning_curve(source, asy.MinNorm(), SIZES, best_penalty=True)


def test_anchoring():
    source, _ = estimated()
    plain = asy.learning_curve(source, asy.Logistic(0.1), [40.0, 120.0, 500.0])
    n = source.samples
    same = asy.learning_curve(
        source, asy.Logistic(0.1), [40.0, 120.0, 500.0], cross_validated=(plain.accuracy[1], 120)
    )
    np.testing.assert_allclose(same.accuracy, plain.accuracy, rtol=1e-9)
    assert same.anchored and np.all(same.stderr > 0)
    moved = asy.learning_curve(source, asy.Logistic(0.1), [0.8 * n], cross_validated=0.8)
    assert moved.accuracy[0] == pytest.approx(0.8, abs=1e-9)
    # at the anchor the error is the cross-validation's own
    assert moved.stderr[0] == pytest.approx(np.sqrt(0.8 * 0.2 / n), rel=1e-6)
    with pytest.raises(ValueError, match="cross_validated must be above"):
        asy.learning_curve(source, asy.Logistic(0.1), SIZES, cross_validated=0.3)


def far_apart(distance, n=100, p=30, seed=0):
    rng = RNG(seed)
    y = np.arange(n) % 2 == 0
    x = rng.normal(size=(n, p)) + np.where(y, distance, -distance)[:, None] * (np.arange(p) == 0)
    return x, y


@pytest.mark.parametrize("distance", [6.0, 9.0, 30.0])
def test_accuracies_that_round_to_one(distance):
    """On the probit scale, from the logarithm of the error: its errors have no rounding in them."""
    source = asy.Spectrum.from_data(*far_apart(distance))
    clf = asy.Ridge(0.1)
    curve = asy.learning_curve(source, clf, [20.0, 100.0, 2000.0])
    assert np.isfinite(curve.stderr).all() and np.all(curve.low <= curve.accuracy)
    found = sensitivity(source, clf, asy.limit(source, clf, 0.3 * np.ones(1)), np.array([0.3]))
    for k in range(2):  # against a difference that is larger by far
        j = int(np.argmax(source.energies)) if k else 0
        moved = source.energies * (1.0 + 0.01 * (np.arange(source.energies.size) == j))
        change = moved[j] - source.energies[j]
        if change == 0:
            continue
        other = asy.Spectrum(source.eigenvalues, source.weights, moved, source.balance)
        exact = probit(asy.limit(other, clf, 0.3)) - probit(asy.limit(source, clf, 0.3))
        inverse = 1 / (found.kappa[0] + source.eigenvalues[j])
        ours = found.first["probit"][0] * inverse + found.second["probit"][0] * inverse**2
        assert ours * change == pytest.approx(float(exact), rel=0.02)


def test_no_noise_where_there_is_signal():
    x, y = far_apart(1.0, n=60, p=10)
    x[:, 3] = y  # constant within the classes
    source = asy.Spectrum.from_data(np.column_stack([x, x[:, 4]]), y)  # and singular
    curve = asy.learning_curve(source, asy.Ridge(0.0), [30.0, 100.0])
    assert np.isfinite(curve.stderr).all() and not np.isnan(curve.low).any()


def test_errors_of_every_field():
    source, _ = estimated()
    curve = asy.learning_curve(source, asy.Logistic(0.1), SIZES)
    # two derivatives, of the accuracy and of its probit, by differences of a relative 1e-4
    np.testing.assert_allclose(curve.errors.accuracy, curve.stderr, rtol=1e-4)
    np.testing.assert_allclose(curve.errors.error, curve.stderr, rtol=1e-4)
    assert np.all(curve.errors.mean > 0) and np.all(curve.errors.variance > 0)
    assert (curve.errors.status == "converged").all()


# ------------------------------------------------------------------------------- samples_needed


def test_samples_needed():
    source, _ = estimated()
    for wanted in (0.65, 0.75):
        found = asy.samples_needed(source, asy.Logistic(0.1), wanted)
        curve = asy.learning_curve(source, asy.Logistic(0.1), [found.samples - 1, found.samples])
        assert curve.accuracy[0] < wanted + 1e-5 and curve.accuracy[1] >= wanted - 1e-5
        assert found.low < found.samples < found.high and not found.extrapolated
    assert found.ceiling > wanted
    never = asy.samples_needed(source, asy.Logistic(0.1), 0.9999)
    assert never.samples == np.inf and never.ceiling < 0.9999 and not never.extrapolated
    assert asy.samples_needed(source, asy.Logistic(0.1), 0.4).samples == 2
    given = asy.GaussianMixture(np.r_[1.5, np.zeros(39)], np.eye(40))
    exact = asy.samples_needed(given, asy.Centroid(), 0.9)
    assert exact.low == exact.samples == exact.high
    # Φ(s/√(1 + γ/s²)) = 0.9
    from scipy.special import ndtri

    gamma = 2.25 * (2.25 / ndtri(0.9) ** 2 - 1)
    assert exact.samples == np.ceil(40 / gamma)
