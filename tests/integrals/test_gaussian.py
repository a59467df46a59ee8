"""Gaussian integrals against mpmath, in the tails above all."""

import mpmath
import numpy as np
import pytest
from mpmath import mp

from asymptotics.integrals.gaussian import half_moments, interval_rule, normal_density
from asymptotics.metrics.accuracy import mixture_accuracy, mixture_error

DIGITS = 60
# What the weights of 32 and 48 nodes are known to; far out φ(x) itself loses eps x².
RELATIVE = 1e-13
EPS = np.finfo(float).eps


def expected_half_moments(x):
    with mpmath.workdps(DIGITS):
        x = mp.mpf(x)
        p, density = mp.erfc(-x / mp.sqrt(2)) / 2, mp.npdf(x)
        return [float(m) for m in (p, x * p + density, (1 + x * x) * p + x * density, density)]


@pytest.mark.parametrize(
    "x",
    [
        -37.0,
        -30.0,
        -12.5,
        -6.0,
        -3.0,
        -2.5001,
        -2.5,
        -2.4999,
        -1.0,
        -1e-9,
        0.0,
        0.3,
        2.0,
        9.0,
        50.0,
    ],
)
def test_half_moments(x):
    """On both sides of the switch at -2.5, and down to where φ(x) underflows."""
    found = [float(part[0]) for part in half_moments(np.array([x]))]
    np.testing.assert_allclose(found, expected_half_moments(x), rtol=RELATIVE + EPS * x * x)


def test_half_moments_of_any_shape():
    x = np.linspace(-8.0, 8.0, 12).reshape(3, 4)
    for whole, parts in zip(
        half_moments(x),
        zip(*(half_moments(np.array([v])) for v in x.ravel()), strict=True),
        strict=True,
    ):
        np.testing.assert_array_equal(whole.ravel(), np.concatenate(parts))
    assert all(part.shape == (0,) for part in half_moments(np.empty(0)))


def test_half_moments_at_the_ends():
    assert [part[0] for part in half_moments(np.array([-60.0]))] == [0.0] * 4
    assert [part[0] for part in half_moments(np.array([60.0]))] == [1.0, 60.0, 3601.0, 0.0]


def expected_interval_moments(high, width):
    """∫ (high - z)^k φ(z) dz over [high - width, high], from the closed forms on both ends."""
    with mpmath.workdps(350):  # they cancel like width³, and like e^{-high²/2}
        top, gap = mp.mpf(high), mp.mpf(width)

        def below(x):
            p, density = mp.erfc(-x / mp.sqrt(2)) / 2, mp.npdf(x)
            return p, x * p + density, (1 + x * x) * p + x * density

        p1, first1, second1 = below(top)
        p0, first0, second0 = below(top - gap)
        beyond = first0 + gap * p0, second0 + 2 * gap * first0 + gap**2 * p0
        return [float(x) for x in (p1 - p0, first1 - beyond[0], second1 - beyond[1])]


@pytest.mark.parametrize("high", [-34.0, -20.0, -6.0, -1.0, 0.0, 0.7, 4.0, 9.0, 30.0])
@pytest.mark.parametrize("width", [1e-12, 1e-6, 0.01, 0.5, 3.0, 12.0, 50.0, 1e4])
def test_interval_rule(high, width):
    """∫ (high - z)^k φ(z) dz over [high - width, high] for k = 0, 1, 2."""
    below, weights = interval_rule(np.array([high]), np.array([width]))
    assert below.shape == weights.shape == (1, 48)
    assert np.all((below >= 0) & (below <= width))
    found = [float((weights * below**k).sum()) for k in range(3)]
    np.testing.assert_allclose(found, expected_interval_moments(high, width), rtol=RELATIVE)


@pytest.mark.parametrize(
    ("mean", "deviation", "intercept", "balance"),
    [(1.0, 1.0, 0.0, 0.5), (2.0, 0.3, -0.5, 0.2), (30.0, 1.0, 3.0, 0.9), (-1.0, 2.0, 0.1, 0.4)],
)
def test_mixture_accuracy(mean, deviation, intercept, balance):
    with mpmath.workdps(DIGITS):
        plus, minus = (
            mp.erfc(x / mp.sqrt(2)) / 2
            for x in (
                (mean + intercept) / mp.mpf(deviation),
                (mean - intercept) / mp.mpf(deviation),
            )
        )
        error = balance * plus + (1 - mp.mpf(balance)) * minus
        expected = float(error), float(1 - error)
    args = [np.array([x]) for x in (mean, deviation, intercept, balance)]
    assert mixture_error(*args)[0] == pytest.approx(expected[0], rel=1e-12)
    assert mixture_accuracy(*args)[0] == pytest.approx(expected[1], rel=1e-15)


def test_a_score_that_is_always_zero_is_a_coin_toss():
    zero, half = np.zeros(1), np.full(1, 0.5)
    with np.errstate(all="ignore"):
        assert (
            mixture_accuracy(zero, zero, zero, half) == mixture_error(zero, zero, zero, half) == 0.5
        )
        # with an intercept the answer is constant
        assert mixture_accuracy(zero, zero, zero + 0.1, zero + 0.3) == pytest.approx(0.3)
        assert mixture_accuracy(zero, zero, zero - 0.1, zero + 0.3) == pytest.approx(0.7)


def test_normal_density():
    x = np.array([-38.0, -1.0, 0.0, 3.0])
    expected = [float(mp.npdf(v)) for v in x]
    np.testing.assert_allclose(normal_density(x), expected, rtol=1e-12)


def test_half_moments_lose_nothing_but_the_rounding_of_their_argument():
    """The tail's conditioning is x² roundings; numpy's own nodes would cost 140 more."""
    x = np.random.default_rng(3).uniform(-12.0, 2.0, 400)
    found = half_moments(x)[:3]
    with mpmath.workdps(40):
        for k, point in enumerate(map(mpmath.mpf, map(float, x))):
            tail, density = mpmath.erfc(-point / mpmath.sqrt(2)) / 2, mpmath.npdf(point)
            exact = (tail, point * tail + density, (1 + point**2) * tail + point * density)
            allowed = (6 + float(point) ** 2) * np.finfo(float).eps
            for value, wanted in zip(found, exact, strict=True):
                assert abs(mpmath.mpf(float(value[k])) / wanted - 1) < allowed
