"""The separability threshold and its derivatives: against mpmath, and against the curve in SymPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp

import asymptotics as asy
from asymptotics import reference
from asymptotics import symbolic as sym
from asymptotics.integrals.gaussian import half_moments

# Both from a threshold that is found to 1e-13, ten times over.
CLOSED = 1e-12
PUBLISHED = {0.5: 0.427134, 1.0: 0.270268, 1.5: 0.129912, 2.0: 0.048256, 3.0: 0.003165}

POINT = {
    "signal": 1.375,
    "noise": 0.8125,
    "balance": 0.3125,
    "strength 0": 3.0,
    "alignment 0": 0.625,
    "strength 1": -0.6875,
    "alignment 1": -0.5,
}


def mixture(point):
    spikes = [asy.Spike(point[f"strength {k}"], point[f"alignment {k}"]) for k in (0, 1)]
    return asy.SpikedMixture(point["signal"], point["noise"], spikes, point["balance"])


def named(found):
    slopes = {name: getattr(found, name) for name in ("signal", "noise", "balance")}
    for k in (0, 1):
        slopes[f"strength {k}"] = found.strengths[k]
        slopes[f"alignment {k}"] = found.spike_alignments[k]
    return slopes


@pytest.mark.parametrize(
    ("fit_intercept", "projector", "moved"),
    [
        (True, None, {}),
        (False, asy.Expansion(3.0, 0.3), {"balance": 0.75}),
        (True, asy.Expansion(0.0, 0.4), {"balance": 0.015625}),
        (True, asy.Expansion(0.0, spike=1), {"signal": 6.0}),
    ],
)
def test_gradient_against_high_precision_differences(fit_intercept, projector, moved):
    """Two points 2⁻²⁴ from numbers that leave room for it, at 25 digits: 1e-14 of truncation."""
    point, h = POINT | moved, 2.0**-24

    def threshold(name, steps):
        mix = mixture(point | {name: point[name] + steps * h})
        return reference.separability_threshold(mix, fit_intercept, dps=25, projector=projector)

    found = asy.separability_gradient(mixture(point), fit_intercept, projector=projector)
    for name, slope in named(found).items():
        difference = float((threshold(name, 1) - threshold(name, -1)) / (2 * h))
        assert slope == pytest.approx(difference, rel=1e-10, abs=1e-10 * found.threshold), name
    assert (found.balance == 0) == (not fit_intercept)
    assert (found.strengths[1] == 0) == (projector is not None and projector.spike == 1)


@pytest.mark.parametrize("seed", range(3))
def test_the_minimiser_is_stationary(seed):
    """γ* is the share of the points on the margin, whatever the balance: the identity behind it."""
    rng = np.random.default_rng([seed, 3])
    s, balance = rng.uniform(0.1, 5.0, 50), rng.uniform(0.01, 0.99, 50)
    found = asy.separability_gradient(asy.SpikedMixture(s, balance=balance))
    from asymptotics.questions.thresholds import _margins

    plus, minus = _margins(found.threshold, balance)
    first = [half_moments(x)[1] for x in (plus, minus)]
    zeroth = [half_moments(x)[0] for x in (plus, minus)]
    np.testing.assert_allclose(balance * first[0], (1 - balance) * first[1], rtol=CLOSED)
    both = balance * zeroth[0] + (1 - balance) * zeroth[1]
    np.testing.assert_allclose(both, found.threshold, rtol=CLOSED)
    # x± = -(as ± b)/τ, and aE₀ = sτE₁ give s² = -(x₊ + x₋)E₀/2E₁
    mean = balance * first[0] + (1 - balance) * first[1]
    np.testing.assert_allclose(-(plus + minus) / 2 * both / mean, s**2, rtol=1e-10)


def test_gradient_has_finite_limits():
    """dγ*/ds = -2s/π without signal, balanced; nothing where γ* underflows."""
    found = asy.separability_gradient(asy.SpikedMixture([0.0, 1e-8, 1e-4]))
    assert found.signal[0] == 0.0
    np.testing.assert_allclose(found.signal[1:], [-2e-8 / math.pi, -2e-4 / math.pi], rtol=1e-7)
    unbalanced = asy.separability_gradient(asy.SpikedMixture([0.0, 1e-8, 20.0, 40.0], balance=0.3))
    assert np.all(np.isfinite(unbalanced.signal)) and np.all(np.isfinite(unbalanced.balance))
    assert unbalanced.signal[0] == unbalanced.signal[3] == unbalanced.threshold[3] == 0.0
    # deep in the tail γ* falls like e^(-s²/2)
    deep = asy.separability_gradient(asy.SpikedMixture(35.0))
    assert deep.signal / deep.threshold == pytest.approx(-35.0, rel=0.1)
    # the signal is all that is projected out: the threshold stays Cover's to first order
    gone = asy.separability_gradient(asy.SpikedMixture(2.0), projector=asy.Expansion(0.0))
    assert (gone.threshold, gone.signal) == (0.5, 0.0)
    along = asy.SpikedMixture(2.0, spikes=[asy.Spike(1.0, 1.0)])
    turned = asy.separability_gradient(along, projector=asy.Expansion(0.0, spike=0))
    # D² = s²(1 - c²) and γ* = 1/2 - D²/π
    assert turned.spike_alignments[0] == pytest.approx(8 / math.pi, rel=CLOSED)


def test_gradient_broadcasts_and_its_threshold_is_the_threshold():
    signals, gains = np.array([0.5, 1.0, 2.0]), np.array([[0.0], [3.0]])
    mix = asy.SpikedMixture(signals, spikes=[asy.Spike(2.0, 0.4)], balance=0.4)
    projector = asy.Expansion(gains, 0.7)
    grid = asy.separability_gradient(mix, projector=projector)
    np.testing.assert_array_equal(
        grid.threshold, asy.separability_threshold(mix, projector=projector)
    )
    assert all(slope.shape == (2, 3) for slope in (grid.signal, grid.balance, grid.strengths[0]))
    for i, gain in enumerate(gains[:, 0]):
        for j, signal in enumerate(signals):
            one = asy.separability_gradient(
                asy.SpikedMixture(float(signal), spikes=[asy.Spike(2.0, 0.4)], balance=0.4),
                projector=asy.Expansion(float(gain), 0.7),
            )
            assert type(one.signal) is float
            assert grid.signal[i, j] == pytest.approx(one.signal, rel=CLOSED)
            assert grid.spike_alignments[0][i, j] == pytest.approx(
                one.spike_alignments[0], rel=CLOSED
            )


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"mix": asy.Spectrum([1.0], [1.0], [1.0])}, "mix must be a SpikedMixture"),
        ({"projector": asy.Power(1.0)}, "projector must be Identity or an Expansion"),
        ({"fit_intercept": 1}, "fit_intercept"),
        ({"projector": asy.Expansion(1.0, spike=0)}, "spike must be below"),
    ],
)
def test_where_there_is_no_gradient(arguments, word):
    given = {"mix": asy.SpikedMixture(1.0)} | arguments
    with pytest.raises((TypeError, ValueError), match=word):
        asy.separability_gradient(**given)


# ---------------------------------------------------------------- the curve in SymPy


@pytest.mark.parametrize(("signal", "published"), PUBLISHED.items())
def test_the_curve_has_the_published_values_and_the_numeric_slope(signal, published):
    threshold = sym.threshold_at(signal, dps=25)
    assert float(threshold) == pytest.approx(published, abs=5e-7)
    assert str(threshold) == str(
        reference.separability_threshold(asy.SpikedMixture(signal), dps=25)
    )
    at = {"aspect_ratio": float(threshold)}
    assert sym.critical_signal()(**at) == pytest.approx(signal, rel=CLOSED)
    found = asy.separability_gradient(asy.SpikedMixture(signal))
    assert sym.threshold_slope()(**at) == pytest.approx(found.signal, rel=CLOSED)
    # the derivative of the inverse, by SymPy's own calculus
    assert 1 / sym.critical_signal().diff("aspect_ratio")(**at) == pytest.approx(
        found.signal, rel=1e-10
    )


def test_the_curve_is_the_minimum_of_its_objective():
    a = sp.Symbol("a", positive=True)
    objective = sym.threshold_objective(signal=sp.Rational(3, 2))
    values = sp.lambdify(a, objective, modules="scipy")(np.linspace(0.0, 4.0, 4001))
    assert values.min() == pytest.approx(PUBLISHED[1.5], abs=1e-6)
    x = sp.Symbol("x", real=True)
    for s, weight in ((sp.Rational(1, 2), 1), (2, sp.Rational(3, 4))):
        tau = sp.sqrt(1 + sp.Integer(1) * weight**2)
        density = sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)
        by_quadrature = sp.Integral(
            (tau * x - weight * s) ** 2 * density, (x, weight * s / tau, 40)
        )
        closed = sym.threshold_objective(signal=s).subs(a, weight)
        assert float(closed) == pytest.approx(float(by_quadrature.evalf(20)), rel=CLOSED)


def test_the_curve_behind_a_spike():
    spike, noise = asy.Spike(3.0, 0.6), 0.8
    mix = asy.SpikedMixture(1.4, noise, [spike])
    found = asy.separability_gradient(mix)
    given = {"noise": noise, "strength": 3, "spike_alignment": 0.6}
    at = {"aspect_ratio": found.threshold}
    assert sym.critical_signal(**given)(**at) == pytest.approx(1.4, rel=CLOSED)
    assert sym.threshold_slope(**given)(**at) == pytest.approx(found.signal, rel=CLOSED)


@pytest.mark.parametrize("gamma", [0.5, 0.4999, 0.1, 0.00135, 1e-3, 1e-10, 1e-100, 1e-300])
def test_no_digits_are_lost_along_the_curve(gamma):
    for formula in (sym.critical_signal(), sym.threshold_slope()):
        exact = float(formula.evaluate(dps=20, aspect_ratio=gamma))
        assert formula(aspect_ratio=gamma) == pytest.approx(exact, rel=CLOSED, abs=0)


def test_invalid_points_of_the_curve():
    with pytest.raises(
        ValueError, match=r"aspect_ratio must be at most 1/2, got aspect_ratio = 0\.6"
    ):
        sym.critical_signal()(aspect_ratio=0.6)
    with pytest.raises(ValueError, match=r"noise must be in \(0, inf\)"):
        sym.threshold_slope(noise=-1)
    with pytest.raises(ValueError, match=r"signal must be in \[0, inf\), got -1"):
        sym.threshold_at(-1)
    with pytest.raises((TypeError, ValueError), match="dps must be an integer"):
        sym.threshold_at(1, dps=0)
    assert float(sym.threshold_at(0)) == 0.5


def test_the_curve_is_proved():
    theorem = sym.separability()
    assert theorem.verify()
    assert theorem in sym.theorems()
