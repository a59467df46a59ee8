"""Sizes of signal, noise, augmentation and temperature: the closed form wherever floats hold it, else a refusal."""

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose

import asymptotics as asy

RNG = np.random.default_rng(29)


def cosine(augmentation, temperature=1.0, dimension=50):
    return asy.InfoNCE(augmentation, temperature, "cosine", dimension=dimension)


def exact(s, sigma, spread, p, tau):
    """Gain and collapse temperature for isotropic noise and equal classes, to 60 digits beyond."""
    with mpmath.workdps(60 + int(4 * np.abs(np.log10([s, sigma, spread])).max())):
        s, sigma, spread, tau = (mpmath.mpf(float(x)) for x in (s, sigma, spread, tau))
        total = sigma**2 + spread**2
        argument = mpmath.atanh(spread**2 / total)
        u, top = tau * argument, s**2 / (s**2 + total)
        square = (int(p) - 1) * u * total / (s**2 * (1 - u) - u * total)
        return float(mpmath.sqrt(square)) if u < top else np.inf, float(top / argument)


def test_numbers_of_very_different_size():
    """Noise of any size beside the signal, of which none is shared in a proportion of its own."""
    s, sigma, spread, tau = 10.0 ** RNG.uniform(-8, 8, (4, 150))
    p = RNG.choice([2, 3, 50, 10**9], 150)
    mix, loss = asy.SpikedMixture(s, sigma), cosine(spread, tau, p)
    gain, threshold = np.array(
        [exact(*row) for row in zip(s, sigma, spread, p, tau, strict=True)]
    ).T
    near = np.abs(tau / threshold - 1) < 1e-3
    assert not near.all() and np.isinf(gain).any() and np.isfinite(gain).any()
    assert_allclose(loss.gain(mix)[~near], gain[~near], rtol=1e-10)
    assert_allclose(loss.collapse_temperature(mix), threshold, rtol=1e-13)


def test_a_weak_signal_in_a_direction_of_its_own():
    """The same in coordinates, where the covariance is isotropic but for rounding."""
    p = 12
    for size in (1e-6, 1e-3, 1.0):
        direction = RNG.normal(size=p)
        real = asy.GaussianMixture(size * direction / np.linalg.norm(direction), np.eye(p))
        for spread in (1e-3, 0.7):
            expected = exact(size, 1.0, spread, p, 1.0)[1]
            assert cosine(spread, 1.0, p).collapse_temperature(real) == pytest.approx(
                expected, rel=1e-9
            )
            matrix = asy.Augmentation(covariance=spread**2 * np.eye(p))
            assert cosine(matrix, 1.0, p).collapse_temperature(real) == pytest.approx(
                expected, rel=1e-9
            )


@pytest.mark.parametrize("size", [1e-60, 1e-20, 1e20, 1e60])
def test_a_common_size_changes_nothing(size):
    mix, scaled = asy.SpikedMixture(3.0, 1.0), asy.SpikedMixture(3.0 * size, size)
    for one, other in (
        (0.7, 0.7 * size),
        (asy.Augmentation([0.4], 0.7), asy.Augmentation([0.4 * size], 0.7 * size)),
    ):
        assert_allclose(cosine(other, 0.3).gain(scaled), cosine(one, 0.3).gain(mix), rtol=1e-12)
        gain = asy.InfoNCE(other).gain(scaled)
        assert gain == pytest.approx(asy.InfoNCE(one).gain(mix), rel=1e-9)


FAR = [1e-300, 1e-200, 1e-170, 1e-100, 1e100, 1e200, 1e300]


@pytest.mark.parametrize("size", FAR)
@pytest.mark.parametrize("which", ["signal", "noise", "augmentation", "temperature", "all"])
@pytest.mark.parametrize("form", [lambda a: a, lambda a: asy.Augmentation([a], a)], ids=["σ", "Σ"])
def test_an_extreme_size_is_served_or_refused_by_name(size, which, form):
    """Never a number that lost its digits to an overflow, nor one to an underflow."""
    sizes = {name: size if which in (name, "all") else 0.8
             for name in ("signal", "noise", "augmentation")}  # fmt: skip
    tau = size if which == "temperature" else 0.9
    mix = asy.SpikedMixture(sizes["signal"], sizes["noise"])

    def asked(loss):
        try:
            return loss.gain(mix), ""
        except ValueError as error:
            return None, str(error)

    gain, message = asked(cosine(form(sizes["augmentation"]), tau))
    if gain is None:
        said, _, got = message.partition(" must be of a size that keeps the gains")
        assert said.endswith("" if which == "all" else which) or said == f"the {which} of mix"
        assert got.endswith(f"got {size:.6g}")
    else:
        expected = exact(sizes["signal"], sizes["noise"], sizes["augmentation"], 50, tau)[0]
        assert gain == pytest.approx(expected, rel=1e-10)
    gain, message = asked(asy.InfoNCE(form(sizes["augmentation"]), tau))
    if gain is None:
        assert " must be of a size that keeps the gains" in message
    else:
        assert gain > 0


def test_directions_that_one_of_two_covariances_leaves_out():
    """Σ + Σ_a has full rank though neither has: nothing is out of range."""
    for seed in range(3):
        turn = (
            np.linalg.qr(np.random.default_rng(seed).normal(size=(4, 4)))[0] if seed else np.eye(4)
        )
        own, added = np.diag([1.0, 2.0, 0.0, 0.0]), np.diag([0.0, 0.5, 1.0, 0.3])
        mean = turn @ [1.0, 0.5, 0.3, 0.0]
        mix = asy.GaussianMixture(mean, turn @ own @ turn.T)
        found = asy.InfoNCE(asy.Augmentation(covariance=turn @ added @ turn.T)).gain(mix)
        near = asy.InfoNCE(asy.Augmentation(covariance=turn @ (added + 1e-9 * np.eye(4)) @ turn.T))
        assert found == pytest.approx(near.gain(mix), rel=1e-6)
    parts = asy.Spectrum([1.0, 0.0, 2.0], [0.5, 0.5, 0.0], [0.0, 0.0, 3.0])
    found = asy.InfoNCE(asy.Augmentation([0.5], [0.0, 1.0, 0.3])).gain(parts)
    near = asy.InfoNCE(asy.Augmentation([0.5], [1e-6, 1.0, 0.3])).gain(parts)
    assert found == pytest.approx(near, rel=1e-8)


@pytest.mark.parametrize("similarity", [{}, {"similarity": "cosine", "dimension": 50}])
def test_no_variance_in_some_direction_is_refused(similarity):
    silent = asy.Spectrum([0.0, 1.0], [0.5, 0.5], [0.0, 1.0])
    with pytest.raises(ValueError, match="augmentation must be positive on a population with"):
        asy.InfoNCE(0.0, **similarity).gain(silent)
