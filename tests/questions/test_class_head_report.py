"""head_report on K > 2 classes: a probe before or after a linear head."""

import pickle

import numpy as np
import pytest
import scipy

import asymptotics as asy
from asymptotics.estimation.class_estimate import class_estimate_of
from asymptotics.estimation.paired_classes import joint_correlations
from asymptotics.estimation.resolvent import levels
from asymptotics.estimation.sample import labelled_sample
from asymptotics.questions.head_errors import changes_correlation

P = 80
SIZES = np.array([40.0, 100.0, 300.0])
MIX = asy.ClassMixture.simplex(3, 2.5)
DECAY = np.linspace(2.0, 0.2, P)


def draw(n, seed=0, mix=MIX):
    return mix.sample(n, P, seed, fixed_counts=True)


@pytest.mark.parametrize("n", [60, 150])
def test_a_rotation_changes_nothing_and_a_scale_is_a_penalty(n):
    x, y = draw(n)
    turn = scipy.stats.ortho_group.rvs(P, random_state=0)
    report = asy.head_report(x, y, turn, asy.Ridge(0.1), SIZES)
    np.testing.assert_allclose(report.difference, 0, atol=1e-6)
    np.testing.assert_allclose(report.stderr, 0, atol=2e-3)
    assert report.gain == pytest.approx(1, abs=1e-9) and report.fisher_gain == pytest.approx(1)
    np.testing.assert_allclose(report.pair_gains[~np.eye(3, dtype=bool)], 1, rtol=1e-9)
    assert np.isnan(np.diag(report.pair_gains)).all()
    assert report.expansion_measure == pytest.approx(1)
    assert report.separation_kept == pytest.approx(1, rel=1e-3)
    scaled = asy.head_report(x, y, 3 * turn, asy.Ridge(0.9), SIZES)
    np.testing.assert_allclose(scaled.after.accuracy, report.after.accuracy, atol=1e-6)


def test_what_it_says_of_a_head():
    x, y = draw(400, 3)
    out = np.diag(np.r_[3.0, 3.0, np.ones(P - 2)])
    report = asy.head_report(x, y, out, asy.Ridge(1.0), SIZES)
    assert report.gain == pytest.approx(3, rel=0.1) and report.regime == "expansion"
    assert report.pair_gain_range == pytest.approx((3, 3), rel=0.1)
    energy = 9.0 * P / (18.0 + P - 2)
    assert report.expansion_measure == pytest.approx(energy, rel=0.1)
    assert np.all(report.difference > 0) and np.all(report.low[:2] > 0) and report.flips == ()
    assert report.recommendation == "Probe after the head: better at 40 to 300 labels."
    back = asy.head_report(x, y, np.linalg.inv(out), asy.Ridge(1.0), SIZES)
    assert back.regime == "shrinkage" and np.all(back.difference < 0)
    # one axis out, the other in: the pair along it is expanded, the others mostly shrunk
    mixed = asy.head_report(x, y, np.diag(np.r_[3.0, 1 / 3, np.ones(P - 2)]), asy.Ridge(1.0), SIZES)
    assert mixed.pair_gains[0, 1] == pytest.approx(3, rel=0.1)
    # (¼·9 + ¾/9)^½ by the geometry of the triangle
    assert mixed.pair_gains[0, 2] == pytest.approx(np.sqrt(9 / 4 + 1 / 12), rel=0.1)
    both = asy.head_report(x, y, np.diag(np.r_[1.2, 1 / 3, np.ones(P - 2)]), asy.Ridge(1.0), SIZES)
    assert both.regime == "both" and both.pair_gains[0, 2] < 1 < both.pair_gains[0, 1]
    # one of two directions of the classes dropped
    lost = asy.head_report(x, y, np.eye(P)[1:], asy.Ridge(0.1), SIZES)
    assert lost.separation_kept == pytest.approx(0.5, abs=0.1) and np.all(lost.high < 0)
    assert [side.dimension for side in lost.sides] == [P, P - 1]
    assert pickle.loads(pickle.dumps(lost)).recommendation == lost.recommendation


def test_the_order_of_the_classes_does_not_matter():
    x, y = draw(150, 1)
    head = np.diag(DECAY)
    one = asy.head_report(x, y, head, asy.Ridge(0.1), SIZES)
    other = asy.head_report(x, (y + 1) % 3, head, asy.Ridge(0.1), SIZES)
    np.testing.assert_allclose(other.difference, one.difference, atol=1e-6)
    np.testing.assert_allclose(other.stderr, one.stderr, rtol=0.02)
    order = [2, 0, 1]
    np.testing.assert_allclose(other.pair_gains, one.pair_gains[order][:, order], rtol=1e-8)


def test_the_order_flips_where_it_says():
    """One of three directions kept of the classes: better with few labels, worse with many."""
    mix = asy.ClassMixture(np.array([[1.6, 0.9], [-1.6, 0.9], [0.0, -0.9]]))
    x, y = draw(900, 5, mix)
    head = np.eye(P)[[0, *range(2, 5)]]
    report = asy.head_report(x, y, head, asy.Ridge(0.5), [10.0, 3000.0])
    assert len(report.flips) == 1 and report.difference[0] > 0 > report.difference[1]
    at = asy.head_report(x, y, head, asy.Ridge(0.5), report.flips[0])
    assert abs(at.difference[0]) < 5e-3


@pytest.mark.parametrize("clf", [asy.Softmax(0.1), asy.Centroid(), asy.Bayes()], ids=repr)
def test_classifiers(clf):
    x, y = draw(100)
    report = asy.head_report(x, y, np.diag(DECAY), clf, [100.0])
    curve = asy.learning_curve(asy.Spectrum.from_data(x, y), clf, [100.0])
    np.testing.assert_allclose(report.before.accuracy, curve.accuracy, atol=1e-9)
    after = asy.learning_curve(asy.Spectrum.from_data(x * DECAY, y), clf, [100.0])
    np.testing.assert_allclose(report.difference, after.accuracy - curve.accuracy, atol=1e-5)
    assert report.low[0] < report.difference[0] < report.high[0]


def test_anchored_and_tuned():
    x, y = draw(150, 4)
    report = asy.head_report(
        x, y, np.diag(DECAY), asy.Ridge(0.1), [120.0], anchor=True, best_penalty=True
    )
    assert report.before.anchored and report.after.anchored and report.before.penalty[0] != 0.1
    plain, small, large = (
        asy.head_report(x, y, np.diag(DECAY), asy.Ridge(0.1), SIZES, model_error=m)
        for m in (0, 0.1, 0.2)
    )
    np.testing.assert_array_equal(plain.difference, large.difference)
    added = large.stderr**2 - plain.stderr**2
    np.testing.assert_allclose(added, 4 * (small.stderr**2 - plain.stderr**2), rtol=1e-9)
    assert np.all(added > 0)


def test_a_head_made_of_the_labels_is_refused():
    x, y = draw(120)
    means = np.stack([x[y == k].mean(0) for k in range(3)])
    pair = means[2] - means[0]
    unit = pair / np.linalg.norm(pair)
    space = np.linalg.qr((means - means.mean(0))[:2].T)[0]
    uneven = space @ np.diag([3.0, 0.5]) @ space.T + np.eye(P) - space @ space.T
    for head in (
        np.eye(P) + 2 * np.outer(unit, unit),
        np.eye(P) + 2 * space @ space.T,
        space.T,
        uneven,
    ):
        with pytest.raises(ValueError, match="head must not be made with the labels"):
            asy.head_report(x, y, head, asy.Ridge(0.1), SIZES)
    with pytest.raises(ValueError, match="a score for each of 3 classes"):
        asy.head_report(x, y, np.eye(P), asy.Logistic(0.1), SIZES)


def test_noise():
    x = np.random.default_rng(0).normal(size=(90, P))
    report = asy.head_report(x, np.arange(90) % 3, np.diag(DECAY), asy.Ridge(0.1), SIZES)
    assert np.isfinite(report.low).all() and np.all(report.low <= 0) and np.all(report.high >= 0)
    assert np.all(report.before.accuracy < 0.45)


def test_correlation_of_changes():
    rng = np.random.default_rng(0)
    half = rng.normal(size=(4000, 2))
    one = np.concatenate([half, -half])
    noise = rng.normal(size=(4000, 2))
    other = 2.0 * (0.8 * one + 0.6 * np.concatenate([noise, -noise]))
    np.testing.assert_allclose(changes_correlation(one, other), 0.8, atol=0.02)
    np.testing.assert_allclose(changes_correlation(one, one), 1.0)
    broken = np.where(np.arange(8000)[:, None] < 10, np.nan, one)
    np.testing.assert_allclose(changes_correlation(broken, other), 0.8, atol=0.02)
    np.testing.assert_array_equal(changes_correlation(np.zeros((8, 1)), one[:8, :1]), 0.0)


def readings(sample, kappa, whiten):
    """Ĝ(κ) in whitened contrasts, written out."""
    level = levels(sample, kappa)
    shifted = sample.eigenvalues + level[:, None]
    df = (sample.eigenvalues / shifted).sum(-1)
    seen = sample.projections @ whiten.T
    form = level[:, None, None] * np.einsum("kr,ra,rb->kab", 1 / shifted, seen, seen)
    form += whiten @ sample.outside @ whiten.T
    found = form / kappa[:, None, None] - df[:, None, None] * np.eye(len(whiten))
    a, b = np.tril_indices(len(whiten))
    return found[:, a, b].T.ravel()


@pytest.mark.slow
@pytest.mark.parametrize(("n", "k"), [(60, 80), (150, 80), (150, 30), (60, 30)])
def test_the_errors_of_both_sides_go_together(n, k):
    """Correlations over 300 samples, against what single samples say; the same image, exactly."""
    points = np.array([0.3, 1.0, 4.0]), np.array([0.2, 0.8, 3.0])
    found, said = [], []
    for t in range(300):
        x, y = draw(n, 500 + t)
        pair = tuple(labelled_sample(z, y, keep_left=True) for z in (x, x[:, :k] * DECAY[:k]))
        if t == 0:
            whiten = np.linalg.inv(np.linalg.cholesky(pair[0].contrast_noise))
            same = joint_correlations((pair[0], pair[0]), (points[0],) * 2, whiten)
            np.testing.assert_allclose(same[:9, 9:], same[:9, :9], atol=1e-12)
        each = [readings(s, at, whiten) for s, at in zip(pair, points, strict=True)]
        found.append(np.concatenate(each))
        if t < 10:
            said.append(joint_correlations(pair, points, whiten))
    gap = np.corrcoef(np.transpose(found)) - np.mean(said, axis=0)
    assert np.abs(gap[:9, 9:]).max() < 0.25 and np.sqrt(np.mean(gap**2)) < 0.08
    assert np.mean(np.diag(np.mean(said, axis=0)[:9, 9:])) > 0.4  # not independent


@pytest.mark.slow
def test_the_interval_of_the_difference_covers():
    """Samples of a population: 95 % intervals of the difference; without the pairing, wider."""
    means = np.zeros((3, P))
    means[:, :2] = MIX.means

    def image(g):
        grams = np.einsum("kj,lj->jkl", means * g, means * g)
        return asy.Spectrum(g**2, np.full(P, 1 / P), grams, priors=np.full(3, 1 / 3))

    hits, lengths, unpaired, errors = [], [], [], []
    exact = np.diff(
        [asy.limit(image(g), asy.Ridge(0.1), P / SIZES).accuracy for g in (np.ones(P), DECAY)],
        axis=0,
    )[0]
    for n in (60, 160):
        for t in range(20):
            x, y = draw(n, 100 + t)
            report = asy.head_report(x, y, np.diag(DECAY), asy.Ridge(0.1), SIZES, model_error=0)
            hits.append((report.low <= exact) & (exact <= report.high))
            lengths.append(report.stderr)
            unpaired.append(np.hypot(report.before.stderr, report.after.stderr))
            errors.append(report.difference - exact)
    assert np.mean(hits) >= 0.9
    assert np.mean(lengths) < 0.6 * np.mean(unpaired)
    # not wider than twice what is seen
    assert np.mean(lengths) < 2.0 * np.sqrt(np.mean(np.square(errors)))


def test_estimates_in_other_axes():
    estimate = class_estimate_of(labelled_sample(*draw(100)))
    turn = scipy.stats.ortho_group.rvs(2, random_state=0)
    other = estimate.in_axes(estimate.coding @ turn)
    np.testing.assert_allclose(
        other.reading.energy_sum, turn.T @ estimate.reading.energy_sum @ turn, atol=1e-10
    )
    np.testing.assert_allclose(other.whitened, turn.T @ estimate.whitened @ turn, atol=1e-10)
