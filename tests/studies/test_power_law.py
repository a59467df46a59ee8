"""Power laws through noisy means and deviations: other routes to the fit, and measured coverage."""

import numpy as np
import pytest
import scipy

from asymptotics.studies.power_law import PowerLaw, fit_deviations, fit_means

SIZES = np.array([30, 100, 300, 1000, 3000])


def binomial_bounds(count, probability, sigmas=4.0):
    """Where a number of successes stays but for about 1 in 16,000."""
    spread = sigmas * np.sqrt(count * probability * (1 - probability))
    return count * probability - spread, count * probability + spread


def noisy_means(rng, mean, trials, deviation=0.1):
    """Means of normal trials, with the standard errors that they estimate."""
    stderr = deviation / np.sqrt(SIZES * trials)
    means = mean + stderr * rng.standard_normal(SIZES.size)
    return means, stderr * np.sqrt(rng.chisquare(trials - 1) / (trials - 1))


# ----------------------------------------------------------------------------- means: other routes


@pytest.mark.parametrize("rate", [-0.5, 0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("c", [-3.0, 0.2])
@pytest.mark.parametrize("correction", [False, True])
def test_means_on_a_law_give_the_law(c, rate, correction):
    a = 7.0 if correction else 0.0
    means = c * SIZES**-rate * (1 + a / SIZES)
    law = fit_means(SIZES, means, 1e-6 * np.abs(means), np.full(5, 100), correction=correction)
    assert law.rate == pytest.approx(rate, abs=1e-6)
    assert law.coefficient == pytest.approx(c, rel=1e-4)
    assert law.correction == pytest.approx(a, abs=1e-2)
    assert law.status == "resolved" and law.interval[0] < rate < law.interval[1]
    assert law(SIZES) == pytest.approx(means, rel=1e-6)


@pytest.mark.parametrize("correction", [False, True])
def test_fit_is_that_of_nonlinear_least_squares(correction):
    means, stderr = noisy_means(np.random.default_rng(1), 2.0 / SIZES * (1 + 5 / SIZES), 10**4)
    law = fit_means(SIZES, means, stderr, np.full(5, 10**4), correction=correction)

    def residuals(x):
        c, rate, *a = x
        return (c * SIZES**-rate * (1 + sum(a) / SIZES) - means) / stderr

    start = [2.0, 1.0, 5.0][: 2 + correction]
    found = scipy.optimize.least_squares(residuals, start, x_scale="jac", xtol=1e-15, ftol=1e-15)
    assert law.chi2 == pytest.approx(2 * found.cost, rel=1e-6)
    assert [law.coefficient, law.rate, law.correction][: found.x.size] == pytest.approx(
        found.x, rel=1e-3
    )


@pytest.mark.parametrize("correction", [False, True])
def test_interval_is_the_profile(correction):
    """At each end the squares left are those of the best fit plus the level: by plain lstsq."""
    means, stderr = noisy_means(np.random.default_rng(2), 2.0 / SIZES, 10**6, deviation=3.0)
    law = fit_means(SIZES, means, stderr, np.full(5, 10**6), correction=correction)
    for end in law.interval:
        design = np.array([SIZES**-end, SIZES ** -(end + 1)])[: 1 + correction] / stderr
        scaled = design.T / np.linalg.norm(design, axis=1)
        residual = means / stderr - scaled @ np.linalg.lstsq(scaled, means / stderr)[0]
        level = scipy.stats.norm.ppf(0.975) ** 2
        assert residual @ residual - law.chi2 == pytest.approx(level, rel=1e-4)


def test_units_do_not_matter():
    means, stderr = noisy_means(np.random.default_rng(3), 1.0 / SIZES, 100)
    law = fit_means(SIZES, means, stderr, np.full(5, 100))
    scaled = fit_means(2 * SIZES, -5 * means, 5 * stderr, np.full(5, 100))
    # a minimum is flat: half of the digits
    assert scaled.rate == pytest.approx(law.rate, rel=1e-6)
    assert scaled.interval == pytest.approx(law.interval, rel=1e-9)
    assert scaled.coefficient == pytest.approx(-5 * 2**law.rate * law.coefficient, rel=1e-5)


@pytest.mark.parametrize("correction", [False, True])
def test_what_is_lost_in_noise_has_an_infinite_end(correction):
    trials = np.full(5, 100)
    stderr = np.full(5, 1.0)
    nothing = fit_means(
        SIZES, np.array([0.3, -0.5, 0.2, 0.9, -1.0]), stderr, trials, correction=correction
    )
    assert nothing.status == "not resolved" and nothing.interval == (-np.inf, np.inf)
    assert np.isnan(nothing.rate) and np.isnan(nothing.coefficient)
    first = fit_means(
        SIZES, np.array([50.0, 0.1, -0.4, 0.8, 0.3]), stderr, trials, correction=correction
    )
    assert first.status == "not resolved" and first.interval[1] == np.inf
    assert correction or first.interval[0] > 1
    last = fit_means(
        SIZES, np.array([0.3, 0.1, -0.4, 0.8, 50.0]), stderr, trials, correction=correction
    )
    assert last.interval[0] == -np.inf
    assert correction or last.interval[1] < -1


def test_a_wrong_limit_is_no_power_law():
    """1/n plus a constant that resolves at every size."""
    law = fit_means(SIZES, 2.0 / SIZES + 0.01, 1e-2 / SIZES**0.5, np.full(5, 100))
    assert law.status == "no power law" and law.p_value < 1e-6


def test_unresolved_is_nothing():
    law = PowerLaw.unresolved(0.9)
    assert (law.confidence, law.status, law.interval) == (0.9, "not resolved", (-np.inf, np.inf))
    assert np.isnan(law(100))


# --------------------------------------------------------------------------------- means: coverage


@pytest.mark.parametrize(
    ("trials", "c", "a", "correction"),
    [
        (10, 3.0, 0.0, False),
        (10, 0.3, 0.0, False),
        (30, 1.0, 0.0, False),
        (1000, 0.5, 9.0, True),
    ],
)
def test_means_coverage(trials, c, a, correction):
    rng, reps = np.random.default_rng(4), 300
    counts = np.full(5, trials)
    laws = [
        fit_means(
            SIZES, *noisy_means(rng, c / SIZES * (1 + a / SIZES), trials), counts, 0.9, correction
        )
        for _ in range(reps)
    ]
    hits = sum(law.interval[0] <= 1.0 <= law.interval[1] for law in laws)
    low, _ = binomial_bounds(reps, 0.9)
    assert low < hits < 0.97 * reps
    scores = [law.p_value for law in laws]
    assert scipy.stats.kstest(scores, "uniform").pvalue > 1e-4


@pytest.mark.parametrize(("rate", "a"), [(0.5, 0.0), (2.0, 0.0), (1.0, 9.0)])
def test_negative_control_of_the_coverage(rate, a):
    """Another rate, or a next order that the fit does not have, is not covered."""
    rng, reps = np.random.default_rng(5), 100
    mean = 30.0**rate * SIZES**-rate / 30 * (1 + a / SIZES)
    laws = [
        fit_means(SIZES, *noisy_means(rng, mean, 1000), np.full(5, 1000), 0.9) for _ in range(reps)
    ]
    assert sum(law.interval[0] <= 1.0 <= law.interval[1] for law in laws) < 0.1 * reps


@pytest.mark.slow
def test_nothing_is_rarely_resolved():
    rng, reps = np.random.default_rng(6), 250
    for trials in (10, 100):
        counts = np.full(5, trials)
        laws = [fit_means(SIZES, *noisy_means(rng, 0.0, trials), counts, 0.9) for _ in range(reps)]
        found = sum(law.rate == law.rate for law in laws)
        assert found < binomial_bounds(reps, 0.1)[1]


# -------------------------------------------------------------------------------------- deviations


def samples(rng, trials, kind="normal", rate=0.5, a=0.0):
    draw = {
        "normal": lambda: rng.standard_normal(trials),
        "skewed": lambda: rng.gamma(4.0, 0.5, trials),  # skewness 1
        "heavy": lambda: rng.standard_t(8, trials),
    }[kind]
    return [n**-rate * (1 + a / n) * draw() for n in SIZES.astype(float)]


def test_deviations_are_a_weighted_line():
    """Against np.polyfit; for equal numbers of trials the weights cancel."""
    trials = 10**4
    draws = samples(np.random.default_rng(7), trials)
    law = fit_deviations(SIZES, draws)
    slope, constant = np.polyfit(np.log(SIZES), np.log([x.std(ddof=1) for x in draws]), 1)
    assert law.rate == pytest.approx(-slope, rel=1e-10)
    assert law.coefficient == pytest.approx(np.exp(constant), rel=1e-3)
    # log of a normal sample's deviation: variance 1/(2 ν)
    half = (
        scipy.stats.norm.ppf(0.975)
        / np.sqrt(2 * trials)
        / np.sqrt(np.sum((np.log(SIZES) - np.log(SIZES).mean()) ** 2))
    )
    assert np.diff(law.interval)[0] / 2 == pytest.approx(half, rel=0.05)  # but for its own kurtosis


@pytest.mark.parametrize(
    ("trials", "kind", "least"),
    [
        (10, "normal", 0.90),
        (30, "normal", 0.90),
        (100, "skewed", 0.87),  # the kurtosis is an estimate
        (100, "heavy", 0.87),
    ],
)
def test_deviations_coverage(trials, kind, least):
    rng, reps = np.random.default_rng(8), 500
    laws = [fit_deviations(SIZES, samples(rng, trials, kind), 0.9) for _ in range(reps)]
    hits = sum(law.interval[0] <= 0.5 <= law.interval[1] for law in laws)
    assert binomial_bounds(reps, least)[0] < hits < 0.97 * reps


def test_deviations_with_a_next_order():
    rng = np.random.default_rng(9)
    draws = samples(rng, 20_000, a=5.0)
    plain, corrected = (fit_deviations(SIZES, draws, correction=c) for c in (False, True))
    assert plain.interval[0] > 0.5 and plain.status == "no power law"
    assert corrected.interval[0] < 0.5 < corrected.interval[1]
    assert corrected.correction == pytest.approx(5.0, abs=1.5)  # and (1 + a/n) is not exp(a/n)
    assert corrected(SIZES) == pytest.approx([x.std() for x in draws], rel=0.03)


def test_negative_control_of_the_deviations():
    law = fit_deviations(SIZES, samples(np.random.default_rng(10), 100, rate=0.7))
    assert law.interval[0] > 0.5
