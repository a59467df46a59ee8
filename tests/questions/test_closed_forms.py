"""Closed forms, thresholds, and where expansion helps: the numbers of the theory page.

Tolerances: 1e-12 for closed expressions and fixed points alike; published digits to their last one.
"""

import numpy as np
import pytest
from scipy.stats import norm

import asymptotics as asy

EXACT = 1e-12

LEARNED = [kind(0.2) for kind in (asy.Ridge, asy.Logistic, asy.SVM, asy.SquaredHinge)]
LEARNED += [asy.MaxMargin(), asy.MinNorm(), asy.Centroid()]
learned = pytest.mark.parametrize("clf", LEARNED, ids=lambda clf: type(clf).__name__)


def mixture(balance):
    spikes = [asy.Spike(4.0, 0.5), asy.Spike(-0.5, -0.3)]
    return asy.SpikedMixture(1.3, 0.8, spikes, balance)


# closed forms: σ = 1, balanced, gain α along the signal


SIGNALS = np.array([0.3, 1.0, 2.5])[:, None, None, None]
GAMMAS = np.array([0.1, 0.7, 1.3, 8.0])[:, None, None]
PENALTIES = np.array([1e-9, 1e-4, 0.1, 1.0, 50.0])[:, None]
GAINS = np.array([0.05, 0.7, 1.0, 4.0, 100.0])


def test_closed_form_of_ridge():
    s, gamma, lam, alpha = SIGNALS, GAMMAS, PENALTIES, GAINS
    half = 0.5 * (lam + 1 - gamma)
    root = np.hypot(
        half, np.sqrt(gamma * lam)
    )  # of λV² + (λ + 1 - γ)V - γ = 0, without cancellation
    v = np.where(half > 0, gamma / (half + root), (root - half) / lam)
    v_hat, r = 1 / (1 + v), v / gamma
    k = (lam / alpha**2 + v_hat) / (lam + v_hat)
    # 1 - γr²V̂² cancels for λ → 0, γ < 1 (where rV̂ = 1) and for γ > 1; as 1 = rV̂ + rλ it is r(λ + V̂(1 - γrV̂))
    noise = r * (lam + v_hat * (1 - gamma * r * v_hat))
    np.testing.assert_allclose(noise, 1 - gamma * r**2 * v_hat**2, rtol=1e-6)
    t = s * np.sqrt(noise / (1 + gamma * k**2 / s**2))
    lim = asy.limit(asy.SpikedMixture(s), asy.Ridge(lam), gamma, asy.Expansion(alpha))
    np.testing.assert_allclose(lim.accuracy, norm.cdf(t), rtol=EXACT)
    np.testing.assert_allclose(lim.susceptibility, v + 0 * s * alpha, rtol=EXACT)


def test_closed_form_of_the_minimum_norm():
    s, gamma, alpha = SIGNALS[:, 0], GAMMAS[:, 0], GAINS
    below = (1 - gamma) / (1 + gamma / s**2)
    k = ((gamma - 1) / alpha**2 + 1) / gamma
    above = (1 - 1 / gamma) / (1 + gamma * k**2 / s**2)
    t = s * np.sqrt(np.where(gamma < 1, below, above))
    lim = asy.limit(asy.SpikedMixture(s), asy.MinNorm(), gamma, asy.Expansion(alpha))
    np.testing.assert_allclose(lim.accuracy, norm.cdf(t), rtol=EXACT)


def test_closed_form_of_the_centroid():
    s, gamma, alpha = SIGNALS[:, 0], GAMMAS[:, 0], GAINS
    t = s / np.sqrt(1 + gamma / (s**2 * alpha**4))
    lim = asy.limit(asy.SpikedMixture(s), asy.Centroid(), gamma, asy.Expansion(alpha))
    np.testing.assert_allclose(lim.accuracy, norm.cdf(t), rtol=EXACT)


def test_closed_form_of_bayes():
    s, alpha = SIGNALS[:, 0, 0], GAINS
    lim = asy.limit(asy.SpikedMixture(s), asy.Bayes(), 3.0, asy.Expansion(alpha))
    np.testing.assert_allclose(lim.accuracy, norm.cdf(s) + 0 * alpha, rtol=EXACT)
    # unbalanced: the threshold at log(π/(1-π)) of the log-likelihood ratio 2s(s + g)
    pi, s = 0.2, 1.3
    shift = np.log(pi / (1 - pi)) / (2 * s)
    expected = pi * norm.cdf(s + shift) + (1 - pi) * norm.cdf(s - shift)
    assert asy.limit(asy.SpikedMixture(s, balance=pi), asy.Bayes(), 3.0).accuracy == pytest.approx(
        expected, rel=EXACT
    )


def test_best_ridge():
    """Without spikes and gain the best penalty is the strongest: Φ(s/√(1 + γ/s²))."""
    s, gamma = SIGNALS[:, 0], GAMMAS[:, 0]
    best = norm.cdf(s / np.sqrt(1 + gamma / s**2))
    penalties = np.array([1e-3, 0.1, 10.0, 1e3, 1e5, 1e13])
    found = asy.limit(asy.SpikedMixture(s), asy.Ridge(penalties), gamma).accuracy
    assert np.all(np.diff(found, axis=-1) > 0)
    np.testing.assert_allclose(found[..., -1], best[..., 0], rtol=EXACT)


# thresholds


PUBLISHED_THRESHOLDS = {
    0.0: 0.5,
    0.5: 0.427134,
    1.0: 0.270268,
    1.5: 0.129912,
    2.0: 0.048256,
    3.0: 0.003165,
}


def test_thresholds():
    signals, expected = map(np.array, zip(*PUBLISHED_THRESHOLDS.items(), strict=True))
    found = asy.separability_threshold(asy.SpikedMixture(signals))
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-7)
    assert type(asy.separability_threshold(asy.SpikedMixture(1.0))) is float
    assert asy.separability_threshold(asy.SpikedMixture(0.0)) == pytest.approx(0.5, abs=EXACT)
    unbalanced = asy.SpikedMixture(1.0, balance=0.3)
    assert asy.separability_threshold(unbalanced) == pytest.approx(0.243356, abs=5e-7)
    # without an intercept the balance does not matter
    assert asy.separability_threshold(unbalanced, False) == pytest.approx(0.270268, abs=5e-7)


@pytest.mark.parametrize(
    ("s", "balance"), [(0.0, 0.3), (0.4, 0.9), (1.0, 0.3), (2.2, 0.02), (5.0, 0.4)]
)
def test_thresholds_by_direct_minimisation(s, balance):
    """min over ρ, b of E[(g - ρs - yb)₊²]/(1 - ρ²), by a simplex on SciPy's Gaussian moments."""
    from scipy.optimize import minimize

    def objective(x):
        rho, b = np.tanh(x[0]), x[1]
        total = 0.0
        for y, share in ((1, balance), (-1, 1 - balance)):
            c = rho * s + y * b
            total += share * ((1 + c * c) * norm.sf(c) - c * norm.pdf(c))
        return np.log(total / (1 - rho**2))

    options = {"xatol": 1e-9, "fatol": 1e-14, "maxiter": 4000, "maxfev": 4000}
    starts = [(0.5, 0.0), (1.0, 0.5), (1.0, -0.5)]
    best = min(minimize(objective, x, method="Nelder-Mead", options=options).fun for x in starts)
    found = asy.separability_threshold(asy.SpikedMixture(s, balance=balance))
    assert np.log(found) == pytest.approx(best, abs=1e-10)


def test_thresholds_see_the_mahalanobis_length_alone():
    spike = asy.Spike(3.0, 0.6)
    length = 1.4 / 0.8 * np.sqrt(1 - 3.0 * 0.36 / 4.0)
    expected = asy.separability_threshold(asy.SpikedMixture(length, balance=0.3))
    mix = asy.SpikedMixture(1.4, 0.8, [spike], 0.3)
    for projector in (None, asy.Expansion(30.0, 0.2), asy.Power(-0.5), asy.Expansion(0.01)):
        found = asy.separability_threshold(mix, projector=projector)
        assert found == pytest.approx(expected, rel=EXACT)
    # but they see a direction go
    gone = asy.separability_threshold(mix, projector=asy.Expansion(0.0))
    assert gone == pytest.approx(asy.separability_threshold(asy.SpikedMixture(0.0, balance=0.3)))


@pytest.mark.parametrize("balance", [0.5, 0.3])
def test_max_margin_meets_unpenalised_losses_at_the_threshold(balance):
    """From both sides |w| grows without bound, and the direction is the same."""
    mix = asy.SpikedMixture(1.0, balance=balance)
    gamma = asy.separability_threshold(mix)
    steps = np.array([1e-3, 1e-4, 1e-5])
    above = asy.limit(mix, asy.MaxMargin(), gamma * (1 + steps))
    assert np.all(np.diff(above.variance) > 0)
    for kind in (asy.Logistic, asy.SquaredHinge, asy.SVM):
        below = asy.limit(mix, kind(0.0), gamma * (1 - steps))
        assert np.all(np.diff(below.variance) > 0)
        gaps = np.abs(above.accuracy - below.accuracy)
        assert np.all(np.diff(gaps) < 0)
        # the slowest, of the squared hinge, closes like the root of the distance
        assert np.all(gaps < 0.2 * np.sqrt(steps))


def test_double_descent_meets_at_1():
    """The variance of least squares diverges like 1/|1 - γ| on both sides, accuracy falls to 1/2."""
    mix = mixture(balance=0.5)
    steps = np.array([1e-4, 1e-6, 1e-8])
    for side in (-1, 1):
        lim = asy.limit(mix, asy.MinNorm(), 1 + side * steps)
        np.testing.assert_allclose(lim.variance[1:] / lim.variance[:-1], 100.0, rtol=1e-2)
        np.testing.assert_allclose(
            (lim.accuracy - 0.5)[:-1] / (lim.accuracy - 0.5)[1:], 10.0, rtol=1e-2
        )
    there = asy.limit(mix, asy.MinNorm(), 1.0)
    assert there.accuracy == 0.5
    assert there.variance == np.inf


def test_double_descent_with_an_unbalanced_intercept():
    lim = asy.limit(mixture(balance=0.3), asy.MinNorm(), np.array([1 - 1e-9, 1.0, 1 + 1e-9]))
    np.testing.assert_allclose(lim.accuracy, 0.5, rtol=0, atol=1e-4)


# where expansion helps


def test_expansion_along_the_signal_never_hurts_ridge():
    """Whatever the covariance (Sherman-Morrison); 2000 random spiked mixtures."""
    rng = np.random.default_rng(13)
    n, gains = 2000, np.geomspace(0.05, 20.0, 7)

    def uniform(low, high):
        return rng.uniform(low, high, size=(n, 1))

    spikes = [
        asy.Spike(np.exp(uniform(-2.0, 4.0)), uniform(-0.99, 0.99)),
        asy.Spike(uniform(-0.3, 5.0), uniform(-0.99, 0.99)),
    ]
    mix = asy.SpikedMixture(np.exp(uniform(-2.0, 1.5)), np.exp(uniform(-1.0, 1.0)), spikes)
    clf, gamma = asy.Ridge(np.exp(uniform(-8.0, 6.0))), np.exp(uniform(-3.0, 3.0))
    accuracy = asy.limit(mix, clf, gamma, asy.Expansion(gains)).accuracy
    assert np.diff(accuracy, axis=-1).min() > -EXACT
    # the negative control: along the first spike it does hurt in many
    other = asy.limit(mix, clf, gamma, asy.Expansion(gains, spike=0)).accuracy
    assert np.mean(np.diff(other, axis=-1).min(-1) < -1e-4) > 0.2


@learned
def test_expansion_along_the_signal_never_hurts_on_an_isotropic_bulk(clf):
    rng = np.random.default_rng(14)
    gains = np.geomspace(0.05, 20.0, 7)
    signals = np.exp(rng.uniform(-2.0, 1.5, size=(40, 1)))
    gammas = np.exp(rng.uniform(-0.6, 3.0, size=(40, 1)))  # separable
    one = clf
    if hasattr(clf, "penalty"):
        one = type(clf)(np.exp(rng.uniform(-8.0, 6.0, size=(40, 1))))
    accuracy = asy.limit(asy.SpikedMixture(signals), one, gammas, asy.Expansion(gains)).accuracy
    assert np.diff(accuracy, axis=-1).min() > -EXACT
    assert np.median(accuracy[:, -1] - accuracy[:, 0]) > 0.01


def test_expansion_along_the_signal_can_hurt_beside_a_spike():
    """Not so for ridge: λ/V̂ rises with the margins of another loss, and turns the signal part."""
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(-0.9, 0.5)])
    gains = asy.Expansion(np.array([0.5, 1.0, 3.0, 10.0]))
    falls = asy.limit(mix, asy.SVM(0.1, fit_intercept=False), 0.05, gains).accuracy
    np.testing.assert_allclose(falls, [0.99245, 0.98994, 0.98211, 0.97752], rtol=0, atol=5e-6)
    rises = asy.limit(mix, asy.Ridge(0.1), 0.05, gains).accuracy
    assert np.all(np.diff(rises) > 0)


@pytest.mark.parametrize(
    ("gamma", "penalty", "expected"),
    [
        (2.0, 1.0, [0.8397, 0.8425, 0.8443, 0.8399, 0.8378]),
        (0.05, 5.0, [0.9309, 0.9297, 0.9153, 0.8729, 0.8569]),
    ],
)
def test_expansion_of_a_misaligned_direction(gamma, penalty, expected):
    """Alignment 0.3: it helps and then hurts, or only hurts."""
    projector = asy.Expansion(np.array([1.0, 1.25, 2.0, 5.0, 20.0]), 0.3)
    found = asy.limit(asy.SpikedMixture(1.5), asy.Ridge(penalty), gamma, projector).accuracy
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-5)
