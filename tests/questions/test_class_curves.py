"""Learning curves of K > 2 classes, and the scale on which their accuracies are moved."""

import dataclasses
import json
import pickle

import numpy as np
import pytest
import scipy

import asymptotics as asy
from asymptotics.questions.best_penalty import best_penalties
from asymptotics.questions.class_errors import ClassErrors
from asymptotics.questions.estimation_error import kappa_read
from asymptotics.questions.score_scale import ScoreScale
from asymptotics.training.cross_validation import cross_validated_classes

P = 60
SIZES = np.array([30.0, 90.0, 300.0])
MIX = asy.ClassMixture.simplex(3, 2.5)
UNEQUAL = asy.ClassMixture(
    1.5 * np.random.default_rng(3).normal(size=(4, 3)), priors=[0.4, 0.3, 0.2, 0.1]
)


def estimated(mix=MIX, n=150, seed=0):
    return asy.Spectrum.from_data(*mix.sample(n, P, seed, fixed_counts=True))


@pytest.mark.parametrize("classes", [2, 3, 10, 100])
def test_scale(classes):
    """Against draws of the largest of K scores, and there and back."""
    scale = ScoreScale(classes)
    # the two-class score is the probit, in other units than the separation
    unit = np.sqrt(2.0) if classes == 2 else 1.0
    rng = np.random.default_rng(0)
    for score in (-1.0, 0.0, 0.7, 3.0):
        accuracy = float(scale.accuracy(np.array(score)))
        noise = rng.normal(size=(20_000, classes))
        noise[:, 0] += unit * score
        seen = np.mean(noise.argmax(1) == 0)
        assert abs(seen - accuracy) < 4.5 * np.sqrt(accuracy * (1 - accuracy) / 20_000)
        assert scale.score(np.array(accuracy)) == pytest.approx(score, abs=1e-9)
        step = 1e-3
        ends = scale.accuracy(np.array([score - step, score + step]))
        assert scale.slope(np.array(score)) == pytest.approx(np.diff(ends)[0] / 2e-3, rel=1e-5)
    assert scale.accuracy(np.array(0.0)) == pytest.approx(1 / classes, rel=1e-12)
    np.testing.assert_array_equal(scale.score(np.array([0.0, 1.0])), [-np.inf, np.inf])
    np.testing.assert_allclose(scale.accuracy(np.array([-np.inf, np.inf])), [0.0, 1.0])


@pytest.mark.parametrize("clf", [asy.Ridge(0.1), asy.Centroid(), asy.Bayes()], ids=repr)
@pytest.mark.parametrize("mix", [MIX, UNEQUAL], ids=["equal", "unequal"])
def test_the_curve_is_the_limit(clf, mix):
    source = estimated(mix)
    curve = asy.learning_curve(source, clf, SIZES)
    lim = asy.limit(source, clf, P / SIZES)
    np.testing.assert_allclose(curve.accuracy, lim.accuracy, rtol=1e-12)
    np.testing.assert_allclose(curve.limit.confusion, lim.confusion, rtol=1e-12)
    assert np.all(curve.stderr > 0) and np.all(curve.low < curve.accuracy)
    assert np.all(curve.accuracy < curve.high) and not curve.extrapolated.any()
    assert isinstance(curve.errors, ClassErrors)
    # the scale is curved: its slope against draws
    np.testing.assert_allclose(curve.errors.accuracy, curve.stderr, rtol=0.2)
    classes = mix.classes
    assert curve.errors.class_accuracy.shape == (3, classes)
    assert np.all(curve.errors.balanced_accuracy > 0)
    one = asy.learning_curve(source, clf, 90)
    assert one.accuracy == pytest.approx(curve.accuracy[1], abs=2e-5)
    assert one.high == pytest.approx(curve.high[1], rel=1e-2)
    assert type(one.accuracy) is float and one.errors.class_accuracy.shape == (classes,)
    assert one.limit.class_accuracy.shape == (classes,)
    assert pickle.loads(pickle.dumps(one)).low == one.low


def test_softmax():
    source = estimated()
    curve = asy.learning_curve(source, asy.Softmax(0.1), [60.0, 300.0])
    ridge = asy.learning_curve(source, asy.Ridge(0.1), [60.0, 300.0])
    assert np.all(curve.accuracy[0] < curve.accuracy[1])
    # the same spectrum is as uncertain for the one as for the other
    np.testing.assert_allclose(curve.stderr, ridge.stderr, rtol=0.5)


def test_kappa_of_softmax_is_that_of_its_weakest_contrast():
    """Ridge reads one κ; a matrix V as many as it has eigenvalues, of which the lowest counts."""
    mix = UNEQUAL.spectrum()
    ratio = np.array([0.5])
    ridge = asy.limit(mix, asy.Ridge(0.3), ratio)
    v = ridge.susceptibility[0, 0, 0]
    assert kappa_read(mix, asy.Ridge(0.3), ridge, ratio)[0] == pytest.approx(0.3 * (1 + v))
    softmax = asy.limit(mix, asy.Softmax(0.1), ratio)
    values = np.linalg.eigvalsh(softmax.susceptibility[0])
    contrasts = np.sort(values)[np.argsort(np.abs(values))[1:]]  # the direction of all is 0
    found = kappa_read(mix, asy.Softmax(0.1), softmax, ratio)[0]
    each = [
        scipy.optimize.brentq(lambda k, v=v: k * 1.0 / (k + 1.0) - 0.1 * v / 0.5, 1e-9, 1e9)
        for v in contrasts
    ]
    assert found == pytest.approx(min(each), rel=1e-6)


def test_shots_have_equal_shares():
    source = estimated(UNEQUAL)
    shots = asy.learning_curve(source, asy.Ridge(0.1), [5.0, 50.0], per_class=True)
    even = dataclasses.replace(source, priors=np.full(4, 0.25))
    exact = asy.limit(even, asy.Ridge(0.1), P / np.array([20.0, 200.0])).accuracy
    np.testing.assert_allclose(shots.accuracy, exact, rtol=1e-9)
    np.testing.assert_allclose(shots.limit.balanced_accuracy, shots.accuracy, atol=1e-6)


def test_anchor():
    source = estimated()
    plain = asy.learning_curve(source, asy.Ridge(0.1), SIZES)
    curve = asy.learning_curve(source, asy.Ridge(0.1), [120.0, *SIZES], None, 0.7)
    assert curve.anchored and curve.accuracy[0] == pytest.approx(0.7, abs=1e-9)
    assert curve.stderr[0] == pytest.approx(np.sqrt(0.7 * 0.3 / 150), rel=1e-3)
    scale = ScoreScale(3)
    ratio = scale.score(curve.accuracy[1:]) / scale.score(plain.accuracy)
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-7)
    with pytest.raises(ValueError, match=r"cross_validated must be above 0\.3333"):
        asy.learning_curve(source, asy.Ridge(0.1), SIZES, None, 0.3)


def test_where_the_data_say_nothing():
    source = estimated(n=40)
    curve = asy.learning_curve(source, asy.Ridge(1e-3), [10.0, 20.0, 200.0, 2000.0])
    assert curve.extrapolated.tolist() == [False, False, True, True]
    beyond = curve.extrapolated
    assert np.all(curve.bracket_low[beyond] < curve.bracket_high[beyond])
    assert np.all(curve.low <= curve.bracket_low) and np.all(curve.high >= curve.bracket_high)


def test_projectors():
    source = estimated()
    plain = asy.learning_curve(source, asy.Ridge(0.1), [60.0])
    neutral = asy.learning_curve(
        source, asy.Ridge(0.1), [60.0], asy.Expansion(1.0, subspace="between")
    )
    assert neutral.accuracy == pytest.approx(plain.accuracy, abs=1e-9)
    assert neutral.stderr == pytest.approx(plain.stderr, rel=1e-6)
    power = asy.learning_curve(source, asy.Ridge(0.1), [60.0], asy.Power(-0.5))
    assert power.extrapolated.all() and power.stderr[0] > 0


def test_best_penalty():
    source = estimated()
    best = best_penalties(source, asy.Ridge(1.0), P / SIZES)
    curve = asy.learning_curve(source, asy.Ridge(1.0), SIZES, best_penalty=True)
    np.testing.assert_allclose(curve.penalty, best)
    for factor in (0.3, 3.0):
        other = asy.limit(source, asy.Ridge(factor * best), P / SIZES).accuracy
        assert np.all(other <= curve.accuracy + 1e-4)


def test_samples_needed():
    source = estimated(n=300)
    found = asy.samples_needed(source, asy.Ridge(0.1), accuracy=0.7)
    assert found.low < found.samples < found.high < 10_000
    at = asy.learning_curve(source, asy.Ridge(0.1), found.samples).accuracy
    assert at == pytest.approx(0.7, abs=2e-3)
    assert asy.samples_needed(source, asy.Ridge(0.1), accuracy=0.999).samples == np.inf


@pytest.mark.slow
@pytest.mark.parametrize("mix", [MIX, UNEQUAL], ids=["equal", "unequal"])
@pytest.mark.parametrize("n", [75, 180])
def test_intervals_cover_the_truth(mix, n):
    trials, hits, scores = 40, [], []
    true = asy.limit(mix, asy.Ridge(0.1), P / SIZES).accuracy
    for seed in range(trials):
        curve = asy.learning_curve(estimated(mix, n, 200 + seed), asy.Ridge(0.1), SIZES)
        hits.append((curve.low <= true) & (true <= curve.high))
        scores.append((curve.accuracy - true) / curve.stderr)
    assert np.mean(hits) > 0.95 - 4 * np.sqrt(0.05 * 0.95 / trials)
    assert 0.5 < np.std(scores) < 1.6
    naive = np.abs(scores) < 0.3 * 1.96  # errors a third of these would be caught
    assert np.mean(naive) < 0.8


def test_from_the_shell(tmp_path, capsys):
    """Three classes in files: anchored at a cross-validation of a ridge with a score for each."""
    from asymptotics.__main__ import main

    features, labels = MIX.sample(150, P, 0)
    np.save(tmp_path / "features.npy", features)
    np.save(tmp_path / "labels.npy", np.array(["a", "b", "c"])[labels.astype(int)])
    command = ["learning-curve", str(tmp_path / "features.npy"), str(tmp_path / "labels.npy")]
    picture = ["--figure", str(tmp_path / "curve.png"), "--json", "--samples", "60,300"]
    options = ["--classifier", "ridge", "--penalty", "0.1", "--cross-validate"]
    assert main([*command, *options, *picture]) == 0
    found = json.loads(capsys.readouterr().out)
    assert 0.45 < found["cross_validated"] < 0.75
    source = asy.Spectrum.from_data(features, labels)
    anchor = found["cross_validated"]
    curve = asy.learning_curve(source, asy.Ridge(0.1), [60.0, 300.0], None, anchor)
    rows = found["results"]
    assert [row["accuracy"] for row in rows] == pytest.approx(curve.accuracy.tolist(), abs=1e-9)
    assert (tmp_path / "curve.png").stat().st_size > 10_000


def test_cross_validation_of_several_classes():
    """Against scikit-learn's, of the same classifier on folds of its own."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    selection = pytest.importorskip("sklearn.model_selection")
    features, labels = UNEQUAL.sample(600, P, 1)
    labels = labels.astype(int)
    ours = cross_validated_classes(asy.Ridge(0.1), features, labels, np.random.default_rng(0))
    probe = linear_model.RidgeClassifier(alpha=0.1 * 480)
    theirs = selection.cross_val_score(probe, features, labels, cv=5).mean()
    assert ours == pytest.approx(theirs, abs=0.04)
    shuffled = np.random.default_rng(0).permutation(labels)
    chance = cross_validated_classes(asy.Ridge(0.1), features, shuffled, np.random.default_rng(0))
    assert chance < ours - 0.2
