"""AUC, log loss, Brier score, calibration, the best intercept: against draws and published numbers."""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

import asymptotics as asy
from asymptotics.metrics.log_loss import brier_score, calibration_error, class_log_loss, log_loss
from asymptotics.metrics.ranking import area_under_curve, best_shift, class_recalls
from asymptotics.metrics.score_law import ScoreLaw, two_class_law

DATA = Path(__file__).parent.parent / "data"
CLUSTERS = ScoreLaw(
    np.array([-1.0, 0.4, 2.0])[:, None],
    np.array([1.0, 0.3, 4.0])[:, None, None],
    np.array([0.5, 0.2, 0.3]),
    np.array([-1.0, -1.0, 1.0]),
)


def draw(law, count, rng):
    k = rng.choice(law.priors.size, size=count, p=law.priors)
    return law.labels[k], law.locations[k] + law.deviations[k] * rng.normal(size=count)


def test_against_draws():
    rng = np.random.default_rng(0)
    y, x = draw(CLUSTERS, 400_000, rng)

    def agrees(value, samples):
        assert abs(value - samples.mean()) < 4.5 * samples.std() / np.sqrt(samples.size)

    agrees(log_loss(CLUSTERS), np.logaddexp(0, -y * x))
    agrees(brier_score(CLUSTERS), (expit(x) - (y > 0)) ** 2)
    up, down = x[y > 0], x[y < 0]
    pairs = rng.choice(up, 100_000) > rng.choice(down, 100_000)
    agrees(area_under_curve(CLUSTERS), pairs.astype(float))
    recalls = class_recalls(CLUSTERS)
    agrees(recalls[0], (down < 0).astype(float))
    agrees(recalls[1], (up > 0).astype(float))
    # calibration: Brier's score is calibration plus what no function of x can explain
    z = (x[:, None] - CLUSTERS.locations) / CLUSTERS.deviations
    density = CLUSTERS.priors / CLUSTERS.deviations * np.exp(-0.5 * z * z)
    posterior = density[:, 2] / density.sum(1)
    agrees(calibration_error(CLUSTERS), (expit(x) - posterior) ** 2)
    agrees(brier_score(CLUSTERS) - calibration_error(CLUSTERS), posterior * (1 - posterior))


def test_auc_of_two():
    law = two_class_law(1.3, 2.0, 0.4, 0.2)
    assert area_under_curve(law) == pytest.approx(norm.cdf(2 * 1.3 / np.sqrt(4.0)), abs=1e-15)


@pytest.mark.parametrize("deviation", [1e-6, 0.1, 1.0, 30.0, 1e4])
def test_log_loss_at_all_widths(deviation):
    """Against the closed form of E max(-x, 0) plus a bounded rest, by a fine trapezoid."""
    mean = 0.7
    law = two_class_law(mean, deviation**2, 0.0, 0.5)
    points = [np.linspace(-12, 12, 400_001) * deviation + mean, np.linspace(-45, 45, 400_001)]
    x = np.unique(np.concatenate(points))
    weight = np.exp(-0.5 * ((x - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
    expected = np.trapezoid(weight * np.logaddexp(0, -x), x)
    assert log_loss(law) == pytest.approx(expected, rel=1e-7)


def test_bayes_is_calibrated_and_best():
    lim = asy.limit(asy.SpikedMixture(1.2, balance=0.2), asy.Bayes(), 0.5)
    assert lim.calibration_error == pytest.approx(0.0, abs=1e-15)
    assert lim.log_loss == pytest.approx(lim.train_loss, abs=1e-13)
    assert lim.best_intercept == pytest.approx(lim.intercept, abs=1e-6)
    assert lim.best_accuracy == pytest.approx(lim.accuracy, abs=1e-12)
    assert lim.best_balanced_intercept == pytest.approx(0.0, abs=1e-6)
    assert lim.best_balanced_accuracy > lim.balanced_accuracy


def test_the_best_intercept_is_best():
    for balanced in (False, True):
        move, best = best_shift(CLUSTERS, balanced)
        shares = np.array([0.25 / 0.7, 0.1 / 0.7, 0.5]) if balanced else CLUSTERS.priors
        grid = np.linspace(-6, 6, 4001)
        values = [shares @ class_by_cluster(CLUSTERS, t) for t in (*grid, float(move), move + 1e-3)]
        assert max(values) == pytest.approx(float(best), abs=1e-9)
    # where the constant answer is best the move is infinite
    lim = asy.limit(asy.SpikedMixture(0.05, balance=0.05), asy.Ridge(0.1), 1.0)
    assert abs(lim.best_intercept) > 1 and lim.best_accuracy == pytest.approx(0.95, abs=1e-6)


def class_by_cluster(law, shift):
    return norm.cdf(law.labels * (law.locations + shift) / law.deviations)


def test_log_loss_of_several():
    rng = np.random.default_rng(1)
    means, factor = rng.normal(size=(4, 4)) * 2, rng.normal(size=(4, 4))
    law = ScoreLaw(means, (factor @ factor.T)[None], np.array([0.4, 0.3, 0.2, 0.1]), None)
    k = rng.choice(4, size=200_000, p=law.priors)
    x = means[k] + rng.normal(size=(200_000, 4)) @ factor.T
    samples = (
        np.log(np.exp(x - x.max(1, keepdims=True)).sum(1)) + x.max(1) - x[np.arange(k.size), k]
    )
    error = samples.std() / np.sqrt(samples.size)
    assert abs(class_log_loss(law) - samples.mean()) < 4 * error


def test_published_imbalance():
    """Means of 100 trained machines: all of the law of the score, and what is read off it."""
    with open(DATA / "published_imbalanced.csv", newline="") as lines:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(lines)]
    assert len(rows) == 60
    gaps = {name: [] for name in ("rho", "beta0", "kappa", "balanced", "mse", "calibration")}
    for row in rows:
        lim = asy.limit(asy.SpikedMixture(row["mu"], balance=row["pi"]), asy.MaxMargin(), 0.5)
        length = np.sqrt(lim.variance)
        b = 0.0 if row["rebalanced"] else lim.intercept / length
        law = two_class_law(lim.mean / length, 1.0, b, row["pi"])
        gaps["rho"].append(row["rho"] - lim.mean / length / row["mu"])
        if not row["rebalanced"]:
            gaps["beta0"].append(row["beta0"] - b)
            gaps["kappa"].append(row["kappa"] - 1 / length)
        gaps["balanced"].append(row["balanced_error"] - 1 + class_recalls(law).mean())
        gaps["mse"].append(row["mse"] - brier_score(law))
        gaps["calibration"].append(row["calibration_error"] - calibration_error(law))
    # of 100 replicates at n = 1000, whose class counts are drawn
    for name, most in (
        ("rho", 0.01), ("beta0", 0.03), ("kappa", 0.02), ("balanced", 0.006), ("mse", 0.004),
        ("calibration", 0.004),
    ):  # fmt: skip
        assert np.max(np.abs(gaps[name])) < most, name
        assert abs(np.mean(gaps[name])) < most / 4, name
    # the negative control: another aspect ratio
    wrong = asy.limit(asy.SpikedMixture(1.5, balance=0.5), asy.MaxMargin(), 0.75)
    row = next(r for r in rows if r["mu"] == 1.5 and r["pi"] == 0.5)
    assert abs(row["rho"] - wrong.mean / np.sqrt(wrong.variance) / 1.5) > 0.01


def test_published_multinomial():
    """One draw of n = 25,000 in d = 6,000, means of length 4 in random directions, no penalty.

    The data are separable, and where lbfgs stopped, after some twenty steps, decides the scale of
    the scores and their spread: only the directions of their means can be compared. Of machines
    trained likewise these differ by 0.015 from each other.
    """
    means = np.array(
        [
            [32.39903974289362, -16.62885966034443, -15.770180879657866],
            [-14.95592928415735, 29.465310643872925, -14.509382335938255],
            [-14.0763161078337, -13.458334559377333, 27.53465038433622],
        ]
    )

    def gap(priors):
        mix = asy.ClassMixture(4 * np.eye(3), priors=priors)
        lim = asy.limit(mix, asy.Softmax(1e-4), 0.24)
        ours = lim.mean.T + lim.intercept
        return np.abs(ours / np.linalg.norm(ours) - means / np.linalg.norm(means)).max()

    assert gap([0.5, 0.3, 0.2]) < 0.02
    assert gap([0.3, 0.5, 0.2]) > 0.05  # the negative control: classes in another order
