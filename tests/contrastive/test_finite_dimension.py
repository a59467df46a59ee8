"""The loss on the unit sphere at finite dimension, against samples of it, and the limits against it.

The sampled loss below shares nothing with the quadratures: pairs and negatives are drawn as vectors.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import iv, ive

import asymptotics as asy
from asymptotics.contrastive.finite_dimension import _bessel_ratio, _Kernel, _Law, _Slope

STRONG = asy.SpikedMixture(5.0)


def both(mix, augmentation, temperature, dimension):
    """Squared gains: at finite p, and of the limit."""
    return tuple(
        asy.InfoNCE(augmentation, temperature, "cosine", dimension=dimension, exact=exact).gain(mix)
        ** 2
        for exact in (True, False)
    )


def sampled_slopes(s, spread, temperature, p, balance, b, count, seed, h=0.02):
    """dL/d log b by differences of the loss of pairs and negatives, of each of `count` anchors."""
    rng = np.random.default_rng(seed)
    mean = s * np.eye(p)[0]

    def points(n):
        labels = np.where(rng.random(n) < balance, 1.0, -1.0)
        return labels[:, None] * mean + rng.standard_normal((n, p))

    h0 = points(count)
    views = [h0 + spread * rng.standard_normal(h0.shape) for _ in range(2)]
    others = points(3000)
    others += spread * rng.standard_normal(others.shape)
    values = []
    for log_b in (np.log(b) - h, np.log(b) + h):
        scale = np.r_[np.exp(0.5 * log_b), np.ones(p - 1)]
        z1, z2, z = (x * scale for x in (*views, others))
        z1, z2, z = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (z1, z2, z))
        cosine = np.sum(z1 * z2, axis=1)
        values.append(
            -cosine / temperature + np.log(np.mean(np.exp(z1 @ z.T / temperature), axis=1))
        )
    return (values[1] - values[0]) / (2 * h)


@pytest.mark.parametrize(
    ("s", "spread", "temperature", "p", "balance", "b"),
    [
        (5.0, 0.7, 1.0, 50, 0.5, 1.6),
        (5.0, 0.7, 1.0, 50, 0.2, 0.3),
        (1.5, 1.0, 0.5, 8, 0.7, 2.0),
        (3.0, 0.4, 0.4, 20, 0.5, 0.1),
    ],
)
def test_the_slope_is_that_of_samples(s, spread, temperature, p, balance, b):
    """3000 negatives are common to the anchors: the error of their mean is that of several sets."""
    sets = np.array([
        sampled_slopes(s, spread, temperature, p, balance, b, 3000, seed).mean() for seed in range(5)
    ])  # fmt: skip
    stderr = sets.std(ddof=1) / np.sqrt(len(sets))

    def slope(at):
        return _Slope(_Law(s, 1 + spread**2, 1 / (1 + spread**2), p, balance, temperature), 0.4, 6)(
            np.log(at)
        )

    allowance = 5e-5  # of the difference and the 3000 negatives
    assert abs(sets.mean() - slope(b)) < 4 * stderr + allowance
    assert abs(sets.mean() - slope(1.3 * b)) > 4 * stderr + allowance


@pytest.mark.parametrize("degrees", [1, 2, 7, 49, 400])
def test_bessel_functions(degrees):
    a = np.linspace(1e-3, 90.0, 400)
    order = degrees / 2 - 1
    below = ive(order, a)
    some = below > 1e-250  # where the library has no underflow
    expected = ive(order + 1, a[some]) / below[some]
    assert_allclose(_bessel_ratio(a, degrees)[some], expected, rtol=1e-11)
    log_f, ratio = _Kernel(degrees, 90.0)(a)
    assert_allclose(ratio, _bessel_ratio(a, degrees), rtol=1e-10, atol=1e-12)
    if degrees == 1:
        assert_allclose(log_f, np.logaddexp(a, -a) - np.log(2), rtol=1e-10, atol=1e-11)
    if degrees == 7:
        from scipy.special import gammaln

        expected = gammaln(3.5) + 2.5 * np.log(2 / a) + np.log(iv(2.5, a))
        assert_allclose(log_f, expected, rtol=1e-10, atol=1e-10)


# Of a quadrature over five numbers a pair, docs/training.rst: (s, σ_a, pτ, p) and the gain.
RECORD = [
    ((1.5, 1.0, 3.0, 8), 1.1374),
    ((1.5, 1.0, 3.0, 16), 1.0789),
    ((1.5, 1.0, 3.0, 32), 1.0492),
    ((1.5, 1.0, 3.0, 240), 1.0239),
    ((1.5, 0.3, 1.0, 240), 0.6101),
    ((1.5, 1.0, 1.0, 240), 1.1287),
    ((1.5, 2.0, 1.5, 240), 1.1969),
    ((1.0, 1.5, 4.0, 240), 1.1786),
]


def test_numbers_on_record():
    s, spread, tau, p = np.array([setting for setting, _ in RECORD]).T
    loss = asy.InfoNCE(spread, tau / p, "cosine", dimension=p.astype(int), exact=True)
    found = loss.gain(asy.SpikedMixture(s))
    assert_allclose(found, [gain for _, gain in RECORD], atol=1.5e-4)  # of few nodes there


def test_distance_of_the_limit():
    """Above the formula, by a few per cent away from the collapse and by up to 30 near it."""
    at = np.array([1.0, 1.9, 2.3])
    exact, limit = both(STRONG, 0.7, at, 50)
    off = exact / limit - 1
    assert 0.02 < off[0] < 0.04
    assert np.all((off[1:] > 0.05) & (off[1:] < 0.4)) and off[2] > off[1]
    # from the collapse of the limit on, that at finite p is not far
    assert asy.InfoNCE(0.7, 4.0, "cosine", dimension=50, exact=True).regime(STRONG) == "collapse"


def test_the_limit_is_reached_like_one_over_p():
    p = np.array([50, 100, 200, 400])
    mix = asy.SpikedMixture(np.sqrt(p / 2.0))
    exact, limit = both(mix, 0.7, 1.0, p)
    off = exact / limit - 1
    ratios = off[:-1] / off[1:]
    assert np.all(np.diff(ratios) > 0) and np.all((ratios > 1.75) & (ratios < 2.0))


def test_the_two_scalings_meet():
    """A weak signal's formula holds for pτ of order one, a strong one's for τ, at s² of the order of p."""
    s, p, spread = 10.0, 200, 0.7
    mix = asy.SpikedMixture(s)
    tau = np.array([0.01, 0.02, 1.0, 2.0])
    exact, strong = both(mix, spread, tau, p)
    weak = asy.InfoNCE(spread, tau * p, "cosine").gain(mix) ** 2
    assert_allclose(weak[:2], exact[:2], rtol=2e-3)
    assert_allclose(strong[2:], exact[2:], rtol=0.03)
    assert np.all(np.abs(strong[:2] / exact[:2] - 1) > 0.3)
    assert np.all(np.abs(weak[2:] / exact[2:] - 1) > 0.3)


def test_unequal_classes():
    mix = [asy.SpikedMixture(8.0, balance=x) for x in (0.3, 0.7, 0.5)]
    loss = asy.InfoNCE(0.8, 0.8, "cosine", dimension=128, exact=True)
    gains = [loss.gain(each) for each in mix]
    assert_allclose(gains[0], gains[1], rtol=1e-9)
    limit = asy.InfoNCE(0.8, 0.8, "cosine", dimension=128).gain(mix[0])
    assert abs(gains[0] / limit - 1) < 0.1 < abs(gains[2] / gains[0] - 1)


def test_what_is_not_isotropic_is_refused():
    loss = asy.InfoNCE(0.7, 1.0, "cosine", dimension=50, exact=True)
    with pytest.raises(ValueError, match=r"exact must be False .* not isotropic, got 1 spike"):
        loss.gain(asy.SpikedMixture(5.0, spikes=[asy.Spike(-0.5)]))
    real = asy.InfoNCE(0.7, 1.0, "cosine", dimension=50, exact=True).gain(STRONG.realise(50))
    assert_allclose(real, loss.gain(STRONG), rtol=1e-9)


def test_as_a_projector():
    loss = asy.InfoNCE(0.7, 1.0, "cosine", dimension=50, exact=True)
    expected = asy.limit(STRONG, asy.Ridge(0.1), 5.0, asy.Expansion(loss.gain(STRONG))).error
    assert_allclose(asy.limit(STRONG, asy.Ridge(0.1), 5.0, loss).error, expected, rtol=1e-9)
    found = loss.boundary(STRONG, "temperature", bounds=(0.5, 1.0))
    assert found.status == "crossing"
    at = asy.InfoNCE(0.7, found.value, "cosine", dimension=50, exact=True)
    assert at.gain(STRONG) == pytest.approx(1.0, abs=1e-6)
