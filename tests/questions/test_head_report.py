"""head_report: a probe before or after a linear head, from features, labels and the head."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import scipy
from scipy.special import ndtri
from sklearn.decomposition import PCA

import asymptotics as asy
from asymptotics.estimation.estimate import difference_points
from asymptotics.estimation.paired import paired_correlations
from asymptotics.estimation.resolvent import read
from asymptotics.estimation.sample import labelled_sample
from asymptotics.metrics.rank import participation_ratio, rank_me, spectral_slope
from asymptotics.questions.head_errors import score_level
from asymptotics.questions.head_report import _spans
from asymptotics.questions.score_scale import probit

RNG = np.random.default_rng


def draw(mean, n, rng):
    y = np.arange(n) % 2 == 1
    return np.where(y, 1.0, -1.0)[:, None] * mean + rng.normal(size=(n, mean.size)), y


MEAN = np.r_[1.2, 0.6, np.zeros(78)]
HEAD = np.diag(np.linspace(2.0, 0.2, 80))
SIZES = np.array([40.0, 100.0, 300.0])


@pytest.mark.parametrize("shape", [(60, 80), (150, 80)])
def test_a_rotation_changes_nothing_and_a_scale_is_a_penalty(shape):
    n, p = shape
    x, y = draw(MEAN, n, RNG(n))
    turn = scipy.stats.ortho_group.rvs(p, random_state=0)
    report = asy.head_report(x, y, turn, asy.Logistic(0.1), SIZES)
    np.testing.assert_allclose(report.difference, 0, atol=1e-6)
    np.testing.assert_allclose(report.stderr, 0, atol=2e-4)
    assert report.gain == pytest.approx(1, abs=1e-9) and report.fisher_gain == pytest.approx(1)
    assert report.expansion_measure == pytest.approx(1)
    assert report.separation_kept == pytest.approx(1, rel=1e-3)
    scaled = asy.head_report(x, y, 3 * turn, asy.Logistic(0.9), SIZES)
    np.testing.assert_allclose(
        scaled.after.accuracy,
        asy.head_report(x, y, turn, asy.Logistic(0.1), SIZES).after.accuracy,
        atol=1e-6,
    )
    assert scaled.regime == "neutral" or scaled.gain == pytest.approx(1, abs=1e-9)


def test_what_it_says_of_a_head():
    x, y = draw(np.r_[2.0, np.zeros(79)], 400, RNG(3))
    out = np.diag(np.r_[3.0, np.ones(79)])
    report = asy.head_report(x, y, out, asy.Logistic(1.0), SIZES)
    assert report.gain == pytest.approx(3, rel=0.1) and report.regime == "expansion"
    v = 80 * report.gain**2 / (report.gain**2 + 79)
    assert report.expansion_measure == pytest.approx(v, rel=0.05)
    assert np.all(report.difference > 0) and np.all(report.low > 0)
    assert report.recommendation == "Probe after the head: better at 40 to 300 labels."
    assert report.confidence > 0.99 and report.flips == ()
    back = asy.head_report(x, y, np.linalg.inv(out), asy.Logistic(1.0), SIZES)
    assert back.regime == "shrinkage" and np.all(back.high < 0)
    assert "before" in back.recommendation
    # fewer dimensions
    kept = asy.head_report(x, y, np.eye(80)[:10], asy.Ridge(0.1), SIZES)
    assert kept.after.accuracy.shape == (3,) and [s.dimension for s in kept.sides] == [80, 10]
    assert kept.separation_kept == pytest.approx(1, abs=0.2) and np.all(kept.difference > 0)
    lost = asy.head_report(x, y, np.eye(80)[40:], asy.Ridge(0.1), SIZES)
    assert lost.separation_kept < 0.1 and np.all(lost.high < 0)
    assert pickle.loads(pickle.dumps(report)).recommendation == report.recommendation
    assert "Probe after" in repr(report)


def test_the_order_flips_where_it_says():
    """Two of three signal directions dropped: better with few labels, worse with many."""
    mean = np.r_[1.0, 0.7, np.zeros(78)]
    x, y = draw(mean, 600, RNG(5))
    head = np.eye(80)[[0, *range(2, 6)]]
    report = asy.head_report(x, y, head, asy.Ridge(0.5), [20.0, 2000.0])
    assert len(report.flips) == 1 and report.difference[0] > 0 > report.difference[1]
    at = asy.head_report(x, y, head, asy.Ridge(0.5), report.flips[0])
    assert abs(at.difference[0]) < 2e-3
    assert report.recommendation.startswith("Probe after the head at 20 labels, before the head")


def test_kinds_of_heads():
    x, y = draw(MEAN, 100, RNG(0))
    matrix = RNG(1).normal(size=(30, 80))
    tensor = SimpleNamespace(numpy=lambda: matrix)
    layer = SimpleNamespace(
        weight=SimpleNamespace(detach=lambda: SimpleNamespace(cpu=lambda: tensor))
    )
    one = asy.head_report(x, y, matrix, asy.Ridge(0.1), 50.0)
    for head in (matrix.tolist(), layer, SimpleNamespace(coef_=matrix)):
        assert asy.head_report(x, y, head, asy.Ridge(0.1), 50.0).difference == one.difference
    fitted = PCA(5).fit(RNG(2).normal(size=(200, 80)))
    assert asy.head_report(x, y, fitted, asy.Ridge(0.1), 50.0).sides[1].dimension == 5


def test_a_head_made_of_the_labels_is_refused():
    x, y = draw(MEAN, 100, RNG(0))
    delta = x[y].mean(0) - x[~y].mean(0)
    unit = delta / np.linalg.norm(delta)
    for head in (
        np.eye(80) + 2 * np.outer(unit, unit),
        unit[None],
        np.eye(80) - np.outer(unit, unit),
    ):
        with pytest.raises(ValueError, match="head must not be made with the labels"):
            asy.head_report(x, y, head, asy.Ridge(0.1), SIZES)
    half = slice(0, 50)
    delta = x[half][y[half]].mean(0) - x[half][~y[half]].mean(0)
    asy.head_report(x[50:], y[50:], np.eye(80) + np.outer(delta, delta), asy.Ridge(0.1), SIZES)
    constant = np.hstack([x, np.ones((100, 1))])
    with pytest.raises(ValueError, match="head must leave features that vary"):
        asy.head_report(constant, y, np.eye(81)[80:], asy.Ridge(0.1), SIZES)


@pytest.mark.parametrize(("n", "k"), [(60, 80), (120, 80), (120, 30), (60, 30)])
def test_the_errors_of_both_sides_go_together(n, k):
    """Correlation of Ê before and after over 150 samples, against what single samples say."""
    rng, head, trials = RNG(n + k), HEAD[:k], 150
    points = (np.array([[1.0, 1.1]]), np.array([[0.8, 0.9]]))
    weights = (np.array([[1.0, 0.0]]),) * 2
    found, said = [], []
    for t in range(trials):
        x, y = draw(MEAN, n, rng)
        pair = tuple(labelled_sample(z, y, keep_left=True) for z in (x, x @ head.T))
        found.append([read(s, at[0])[-1][0] for s, at in zip(pair, points, strict=True)])
        if t < 10:
            said.append(paired_correlations(pair, points, weights)[0])
        if t == 0:
            same = paired_correlations((pair[0], pair[0]), (points[0],) * 2, weights)
            assert same == pytest.approx(1)
    z = (np.arctanh(np.corrcoef(np.transpose(found))[0, 1]) - np.arctanh(np.mean(said))) * np.sqrt(
        trials - 3
    )
    assert abs(z) < 4
    assert np.mean(said) > 0.2  # not independent


@pytest.mark.slow
def test_the_interval_of_the_difference_covers():
    """40 samples of a population: 95 % intervals of the difference; without the pairing, wider."""
    rng, hits, lengths, unpaired = RNG(0), [], [], []
    for n in (60, 160):
        d = np.ones(80)
        mean2 = MEAN**2
        true = [
            asy.Spectrum(d * g, np.full(80, 1 / 80), mean2 * g) for g in (1.0, np.diag(HEAD) ** 2)
        ]
        exact = np.diff(
            [asy.limit(s, asy.Logistic(0.1), 80 / SIZES).accuracy for s in true], axis=0
        )[0]
        for _ in range(40):
            x, y = draw(MEAN, n, rng)
            report = asy.head_report(x, y, HEAD, asy.Logistic(0.1), SIZES, model_error=0)
            hits.append((report.low <= exact) & (exact <= report.high))
            lengths.append(report.stderr)
            unpaired.append(np.hypot(report.before.stderr, report.after.stderr))
    assert 0.9 <= np.mean(hits) <= 0.995
    assert np.mean(lengths) < 0.7 * np.mean(unpaired)


def test_the_error_of_the_model():
    x, y = draw(MEAN, 200, RNG(4))
    plain, small, large = (
        asy.head_report(x, y, HEAD, asy.Logistic(0.1), SIZES, model_error=m) for m in (0, 0.1, 0.2)
    )
    np.testing.assert_array_equal(plain.difference, large.difference)
    added = large.stderr**2 - plain.stderr**2
    np.testing.assert_allclose(added, 4 * (small.stderr**2 - plain.stderr**2), rtol=1e-9)
    # both sides alike, by hand: the derivative of the accuracy in log z, at a level below 1
    z = [ndtri(curve.accuracy) for curve in (plain.before, plain.after)]
    most = 0.2 * np.hypot(*(z_ * np.exp(-(z_**2) / 2) / np.sqrt(2 * np.pi) for z_ in z))
    assert np.all(added > 0) and np.all(added < most**2)
    turn = scipy.stats.ortho_group.rvs(80, random_state=0)
    same = asy.head_report(x, y, turn, asy.Logistic(0.1), SIZES, model_error=0.5)
    np.testing.assert_allclose(same.stderr, 0, atol=5e-4)  # the same error on both sides
    known = asy.head_report(x, y, HEAD, asy.Bayes(), SIZES)  # nothing to train
    assert np.isfinite(known.stderr).all()


def test_the_level_is_the_measured_one():
    """Predicted probits of 2 and 3 where 1 and 1.5 were measured: half of them."""
    clf, pair = asy.Ridge(0.1), []
    for goal in (2.0, 3.0):
        x, y = draw(np.r_[goal, np.zeros(29)], 200, RNG(0))
        pair.append(asy.Spectrum.from_data(x, y))
    sure = [float(probit(asy.limit(s, clf, 30 / 160))) for s in pair]
    half = [scipy.special.ndtr(z / 2) for z in sure]
    assert score_level(pair, clf, half, 200, False) == pytest.approx(0.5, rel=1e-9)
    above = [scipy.special.ndtr(1.2 * z) for z in sure]
    assert score_level(pair, clf, above, 200, False) == 1.0
    assert score_level(pair, clf, [None, half[1]], 200, False) == 1.0
    best = score_level(pair, clf, half, 200, True)
    assert best < 0.5  # of higher predictions


def test_anchored_to_cross_validation():
    x, y = draw(MEAN, 200, RNG(4))
    report = asy.head_report(x, y, HEAD, asy.Ridge(0.1), [160.0], anchor=True)
    assert report.before.anchored and report.after.anchored
    again = asy.head_report(x, y, HEAD, asy.Ridge(0.1), [160.0], anchor=True, rng=0)
    assert again.before.accuracy == report.before.accuracy
    best = asy.head_report(x, y, HEAD, asy.Ridge(0.1), [160.0], anchor=True, best_penalty=True)
    assert best.before.penalty[0] != 0.1


@pytest.mark.parametrize("length", [0.0, 8.0])
def test_anchored_where_there_is_nothing_to_hold_on_to(length):
    """Noise, and classes that no fold confuses."""
    x, y = draw(np.r_[length, np.zeros(29)], 60, RNG(2))
    for clf in (asy.Ridge(0.1), asy.Logistic(1.0)):
        report = asy.head_report(x, y, np.eye(30)[:20], clf, SIZES, anchor=True)
        assert np.isfinite(report.difference).all() and np.isfinite(report.stderr).all()
        assert report.before.anchored or length == 0


def test_ranks_by_hand():
    assert rank_me(np.ones(7)) == pytest.approx(7)
    assert rank_me(np.array([1.0, 0.0])) == pytest.approx(1)
    assert spectral_slope(3 * np.arange(1, 101) ** -1.7) == pytest.approx(1.7)
    assert np.isnan(spectral_slope(np.array([1.0])))
    # tr² and tr of the square, unbiased for a Wishart matrix
    rng, d = RNG(0), np.linspace(0.5, 3, 30)
    ratios = [
        participation_ratio(np.linalg.eigvalsh(np.cov((rng.normal(size=(41, 30)) * d).T)), 40)
        for _ in range(200)
    ]
    exact = np.square(np.square(d).sum()) / (d**4).sum()
    assert np.mean(ratios) == pytest.approx(exact, rel=0.03)
    naive = np.linalg.eigvalsh(np.cov((rng.normal(size=(41, 30)) * d).T))
    assert naive.sum() ** 2 / np.square(naive).sum() < 0.75 * exact


def test_difference_points_are_derivatives():
    kappa, a, b = np.array([0.0, 0.7, 30.0]), np.array([1.0, 2.0, -1.0]), np.array([0.3, -1.0, 2.0])
    points, weights = difference_points(kappa, a, b, 0.5)
    assert np.all(points > 0)
    for d in (0.5, 3.0):
        exact = a / (kappa + d) + b / (kappa + d) ** 2
        np.testing.assert_allclose((weights / (points + d)).sum(-1), exact, rtol=0.05)


def test_numbers_of_labels_in_a_sentence():
    names = ["10", "20", "30", "40", "50", "60"]
    flags = np.array([1, 1, 1, 0, 1, 0], dtype=bool)
    assert _spans(names, flags) == "10 to 30, 50" and _spans(names, ~flags) == "40, 60"
    assert _spans(names, flags[::-1]) == "20, 40 to 60"
    assert _spans(names[:2], np.array([True, True])) == "10, 20"
