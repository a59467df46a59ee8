"""The assertion that other test suites call: both of its error probabilities, measured."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import scipy

import asymptotics as asy
from asymptotics import testing
from asymptotics.testing import Disagreement, assert_converges

MIX = asy.SpikedMixture(1.5)
CENTROID = asy.Centroid()
LIMIT = 0.9


def verdicts(count, **options):
    """The comparison of each of many seeds, whether or not it passes."""
    for seed in range(count):
        try:
            yield assert_converges(
                **{"mix": MIX, "clf": CENTROID, "aspect_ratio": 1.0} | options, rng=seed
            )
        except Disagreement as failure:
            yield failure.agreement


def binomial(count, probability):
    """What a count exceeds in 1 of 30,000 experiments."""
    return scipy.stats.binom.isf(3e-5, count, probability)


# ------------------------------------------------------------------- error rates, on known laws


@pytest.fixture
def world(monkeypatch):
    """Accuracies LIMIT + c n^-rate + noise n^-1/2 in place of simulations."""

    def build(c, rate=1.0, noise=0.3):
        def simulate(mix, clf, ratio, *, n, trials, rng, **_):
            draws = np.random.default_rng(rng).standard_normal(trials)
            accuracy = LIMIT + c * n**-rate + noise * draws * n**-0.5
            return SimpleNamespace(accuracy=accuracy, aspect_ratio=ratio)

        monkeypatch.setattr(testing, "simulate", simulate)

    return build


OPTIONS = {"false_alarm": 0.02, "miss": 0.05, "resolution": 0.01, "n": (200, 400)}
COUNT = 1500


@pytest.mark.parametrize("c", [0.0, 4.0])
def test_right_limit_fails_as_rarely_as_stated(world, c):
    """However large the bias of order 1/n: at n = 200 it is twice the resolution here."""
    world(c)
    failed = sum(not found.passed for found in verdicts(COUNT, limit=LIMIT, **OPTIONS))
    assert COUNT - binomial(COUNT, 0.98) <= failed <= binomial(COUNT, 0.02)


@pytest.mark.parametrize("off", [0.01, -0.01])
def test_wrong_limit_passes_as_rarely_as_stated(world, off):
    world(4.0)
    passed = sum(found.passed for found in verdicts(COUNT, limit=LIMIT + off, **OPTIONS))
    assert 0 < passed <= binomial(COUNT, 0.05)


def test_negative_control_half_the_error_is_often_missed(world):
    """The test of the misses above can fail."""
    world(4.0)
    found = list(verdicts(200, limit=LIMIT + 0.005, **OPTIONS))
    assert sum(each.passed for each in found) > binomial(200, 0.05)


def test_negative_control_a_bias_of_another_order(world):
    """The test of the false alarms can fail: n^-1/2 is not extrapolated away."""
    world(0.2, rate=0.5)
    found = list(verdicts(100, limit=LIMIT, **OPTIONS))
    assert sum(not each.passed for each in found) > binomial(100, 0.02)


def test_three_sizes_remove_two_orders(world):
    """n^-2 is left by two sizes, and not by three."""
    world(400.0, rate=2.0)
    options = OPTIONS | {"limit": LIMIT, "resolution": 0.02}
    two = list(verdicts(100, **options | {"n": (100, 200)}))
    assert sum(not each.passed for each in two) > binomial(100, 0.02)
    three = list(verdicts(100, **options | {"n": (100, 200, 400)}))
    assert sum(not each.passed for each in three) <= binomial(100, 0.02)


# ------------------------------------------------------------------------ error rates, for real


@pytest.mark.slow
def test_statistic_of_real_training_sets_has_its_law():
    """Student's law of the pilot; a limit that is off shifts it, and is caught as often as stated."""
    options = {"n": (60, 120), "false_alarm": 0.1, "miss": 0.1, "resolution": 0.02, "pilot": 10}
    count = 100
    found = list(verdicts(count, **options))
    scores = np.array([each.statistic for each in found])
    assert scipy.stats.kstest(scores, scipy.stats.t(9).cdf).pvalue > 1e-3
    assert sum(not each.passed for each in found) <= binomial(count, 0.1)
    wrong = [each.statistic - 0.02 / each.stderr for each in found]
    passed = sum(abs(z) <= each.threshold for z, each in zip(wrong, found, strict=True))
    assert passed <= binomial(count, 0.1)
    # that a wrong claim is exactly such a shift
    right = asy.limit(MIX, CENTROID, 1.0).accuracy
    (direct,) = verdicts(1, limit=right + 0.02, **options)
    assert direct.statistic == pytest.approx(wrong[0], rel=1e-6)


@pytest.mark.parametrize(
    "clf", [asy.Ridge(0.1), asy.Logistic(0.1)], ids=lambda clf: type(clf).__name__
)
def test_right_and_wrong_limits_of_real_classifiers(clf):
    options = {"n": (100, 200), "resolution": 0.03, "rng": 0, "projector": asy.Expansion(3.0)}
    found = assert_converges(MIX, clf, 1.5, **options)
    assert found.passed and abs(found.statistic) <= found.threshold
    behind_no_projector = asy.limit(MIX, clf, 1.5)
    assert found.claimed - behind_no_projector.accuracy > 0.03
    with pytest.raises(Disagreement, match=r"claimed 0\.[78].*, found 0\.[89]"):
        assert_converges(MIX, clf, 1.5, limit=behind_no_projector, **options)


# --------------------------------------------------------------------------------- what it says


def test_failure_carries_the_comparison(world):
    world(0.0)
    with pytest.raises(AssertionError, match=r"claimed 0\.8, found 0\.") as failure:
        assert_converges(MIX, CENTROID, 1.0, limit=0.8, rng=0)
    agreement = failure.value.agreement
    assert not agreement.passed and agreement.claimed == 0.8
    assert agreement.n == (200, 400) and agreement.trials >= 30
    assert agreement.estimate == pytest.approx(0.9, abs=0.01)
    again = pickle.loads(pickle.dumps(failure.value))
    assert again.agreement == agreement and str(again) == str(failure.value)
    for words in ("Centroid", "200, 400", "probability of 0.001", "wrong by 0.01"):
        assert words in str(failure.value)


def test_same_seed_same_verdict():
    first, second = (assert_converges(MIX, CENTROID, 1.0, n=(20, 40), rng=5) for _ in range(2))
    assert first == second
    assert assert_converges(MIX, CENTROID, 1.0, n=(20, 40), rng=6) != first


def test_limits_as_numbers_functions_and_results():
    """All the same, but a number needs p/n to be what was asked for."""
    limit = asy.limit(MIX, CENTROID, 0.5)
    options = {"n": (20, 40), "rng": 1}
    found = [
        assert_converges(MIX, CENTROID, 0.5, limit=claim, **options)
        for claim in (None, limit, limit.accuracy, lambda g: asy.limit(MIX, CENTROID, g).accuracy)
    ]
    assert all(each == found[0] for each in found)
    assert_converges(MIX, CENTROID, 0.33, n=(20, 40), rng=1)
    with pytest.raises(ValueError, match=r"aspect_ratio must make p = γn an integer.*n = 20"):
        assert_converges(MIX, CENTROID, 0.33, limit=0.9, **options)


def test_nothing_left_to_chance():
    """Bayes: no deviation, so the claim has to be met to the precision of a limit."""
    assert assert_converges(MIX, asy.Bayes(), 0.5, n=(20, 40)).passed
    with pytest.raises(Disagreement):
        assert_converges(MIX, asy.Bayes(), 0.5, limit=scipy.special.ndtr(1.5) + 1e-8, n=(20, 40))


def test_trials_are_those_of_steins_rule(world):
    world(0.0)
    fine = next(verdicts(1, limit=LIMIT, resolution=0.005))
    size = scipy.stats.t(29).isf(5e-4) + scipy.stats.t(29).isf(1e-3)
    assert (
        fine.stderr * size <= 0.005 < fine.stderr * size * np.sqrt(fine.trials / (fine.trials - 1))
    )


def test_resolution_that_costs_too_much_says_which_does_not(world):
    world(0.0)
    with pytest.raises(ValueError, match=r"resolution must be at least .* got 0\.0001") as failure:
        assert_converges(MIX, CENTROID, 1.0, limit=LIMIT, resolution=1e-4, max_trials=500, rng=0)
    enough = float(str(failure.value).split("at least ")[1].split()[0]) * 1.01
    assert_converges(MIX, CENTROID, 1.0, limit=LIMIT, resolution=enough, max_trials=500, rng=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mix": MIX.realise(14)}, "mix must be a population of any dimension"),
        ({"projector": asy.LinearMap(np.eye(14))}, "projector must act in any dimension"),
        ({"clf": MIX.realise(14)}, "clf must be"),
        ({"clf": asy.Ridge([1.0, 2.0])}, "clf must have single numbers"),
        ({"n": (20,)}, "n must be at least 2 increasing"),
        ({"aspect_ratio": [0.5, 1.0]}, "aspect_ratio must be a single number"),
        ({"limit": 1.5}, r"limit must be in \[0, 1\], got 1.5"),
        ({"limit": "0.9"}, "limit must be"),
        ({"limit": lambda _: 2.0}, "limit must be"),
        ({"resolution": 0.0}, r"resolution must be in \(0, 1\), got 0.0"),
        ({"false_alarm": 0.5}, r"false_alarm must be in \(0, 0.5\)"),
        ({"miss": 0.0}, r"miss must be in \(0, 0.5\)"),
        ({"pilot": 5}, "pilot must be an integer of at least 10"),
        ({"max_trials": 20}, "max_trials must be an integer of at least 30"),
    ],
)
def test_bad_input_is_named(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        assert_converges(
            **{"mix": MIX, "clf": CENTROID, "aspect_ratio": 0.5, "n": (20, 40)} | options
        )
