"""Derivatives of the limit: against high-order differences, closed forms, and known optima."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

import asymptotics as asy
from asymptotics import reference
from asymptotics import symbolic as sym

PENALISED = (asy.Ridge, asy.Logistic, asy.SVM, asy.SquaredHinge)
MARGINS = (asy.MaxMargin, asy.MinNorm, asy.Centroid, asy.Bayes)
# Five-point differences with a step of 1e-4 of a function good to 1e-14: 1e-10 of rounding, 1e-12
# of truncation; the derivative itself claims 1e-8.
DIFFERENCE = 1e-8
POINTS = 200


def draw(rng, along_spike):
    point = {
        "signal": rng.uniform(0.5, 2.0),
        "noise": rng.uniform(0.5, 1.5),
        "balance": rng.choice([0.5, rng.uniform(0.25, 0.75)]),
        "penalty": 10 ** rng.uniform(-2, 1),
        "gain": 10 ** rng.uniform(-0.7, 0.7),
        "aspect_ratio": 10 ** rng.uniform(-0.2, 0.7),
        "strength 0": rng.uniform(0.2, 5.0),
        "strength 1": rng.uniform(-0.5, 5.0),
        "spike alignment 0": rng.uniform(-0.8, 0.8),
        "spike alignment 1": rng.uniform(-0.8, 0.8),
    }
    if not along_spike:
        point["alignment"] = rng.choice([1.0, rng.uniform(-0.9, 0.9)])
    return point


def setting(point, classifier, fit_intercept):
    spikes = [asy.Spike(point[f"strength {k}"], point[f"spike alignment {k}"]) for k in (0, 1)]
    mix = asy.SpikedMixture(point["signal"], point["noise"], spikes, point["balance"])
    arguments = (point["penalty"],) if classifier in PENALISED else ()
    clf = classifier(*arguments, fit_intercept=fit_intercept)
    if "alignment" in point:
        projector = asy.Expansion(point["gain"], point["alignment"])
    else:
        projector = asy.Expansion(point["gain"], spike=1)
    return mix, clf, point["aspect_ratio"], projector


def named(gradient):
    slopes = {
        name: getattr(gradient, name)
        for name in ("signal", "noise", "aspect_ratio", "balance", "penalty", "gain", "alignment")
    }
    for k in (0, 1):
        slopes[f"strength {k}"] = gradient.strengths[k]
        slopes[f"spike alignment {k}"] = gradient.spike_alignments[k]
    return {name: slope for name, slope in slopes.items() if slope is not None}


@pytest.mark.parametrize("classifier", PENALISED + MARGINS)
@pytest.mark.parametrize("seed", range(4))
def test_against_differences(classifier, seed):
    rng = np.random.default_rng([seed, 7])
    point, fit_intercept = draw(rng, along_spike=seed == 0), seed % 2 == 1

    def accuracy(name, shift):
        moved = point | {name: point[name] + shift}
        return asy.limit(*setting(moved, classifier, fit_intercept)).accuracy

    slopes = named(asy.gradient(*setting(point, classifier, fit_intercept)))
    assert "gain" in slopes
    assert ("penalty" in slopes) == (classifier in PENALISED)
    for name, slope in slopes.items():
        h = 1e-4 * max(1.0, abs(point[name]))
        if name == "alignment" and point[name] == 1.0:  # one-sided, at the end of the range
            weights = (25 / 12, -4, 3, -4 / 3, 1 / 4)
            difference = sum(w * accuracy(name, -k * h) for k, w in enumerate(weights)) / h
        else:
            near = accuracy(name, h) - accuracy(name, -h)
            far = accuracy(name, 2 * h) - accuracy(name, -2 * h)
            difference = (8 * near - far) / (12 * h)
        assert slope == pytest.approx(difference, abs=DIFFERENCE), name


@pytest.mark.parametrize("classifier", PENALISED + MARGINS)
def test_against_high_precision_differences(classifier):
    """Along a random direction in the space of all parameters, with two limits of 20 digits.

    Every number has 20 bits, so that a step of 2⁻²⁰ away from it is exact; truncation is some 1e-11.
    """
    rng = np.random.default_rng([11, *classifier.__name__.encode()])
    point = {name: round(x * 2**20) / 2**20 for name, x in draw(rng, along_spike=False).items()}
    point |= {"alignment": 0.75, "balance": 0.375}
    h = 2.0**-20
    direction = {name: float(rng.choice([-1, 1])) for name in point}
    if classifier not in PENALISED:
        direction["penalty"] = 0.0

    def accuracy(steps):
        moved = {name: point[name] + steps * h * direction[name] for name in point}
        return reference.limit(*setting(moved, classifier, True), dps=20).accuracy

    difference = float((accuracy(1) - accuracy(-1)) / (2 * h))
    slopes = named(asy.gradient(*setting(point, classifier, True)))
    assert sum(slopes[name] * direction[name] for name in slopes) == pytest.approx(
        difference, rel=DIFFERENCE
    )


def test_ridge_against_the_symbolic_derivatives():
    """A spike, a misaligned gain, unbalanced with an intercept: all nine parameters.

    Relative to the larger of the derivative and the error, so that tiny derivatives count too.
    """
    rng = np.random.default_rng(17)
    names = ("signal", "noise", "aspect_ratio", "penalty", "gain", "alignment", "balance")
    closed = sym.ridge(
        noise=sym.NOISE,
        alignment=sym.ALIGNMENT,
        strength=sym.STRENGTH,
        spike_alignment=sym.SPIKE_ALIGNMENT,
        balance=sym.BALANCE,
    )
    slopes = {name: closed.diff(name) for name in (*names, "strength", "spike_alignment")}
    values = {
        "signal": rng.uniform(0.2, 3.0, POINTS),
        "noise": 10 ** rng.uniform(-0.5, 0.5, POINTS),
        "aspect_ratio": 10 ** rng.uniform(-1.5, 1.5, POINTS),
        "penalty": 10 ** rng.uniform(-4, 3, POINTS),
        "gain": 10 ** rng.uniform(-1, 1, POINTS),
        "alignment": rng.uniform(-1, 1, POINTS),
        "strength": 10 ** rng.uniform(-1, 1.5, POINTS) - 0.9,
        "spike_alignment": rng.uniform(-1, 1, POINTS),
        "balance": rng.uniform(0.05, 0.95, POINTS),
    }
    values["alignment"][:3], values["spike_alignment"][2:5] = (1.0, -1.0, 0.0), (1.0, -1.0, 0.0)
    spike = asy.Spike(values["strength"], values["spike_alignment"])
    mix = asy.SpikedMixture(values["signal"], values["noise"], [spike], values["balance"])
    projector = asy.Expansion(values["gain"], values["alignment"])
    clf = asy.Ridge(values["penalty"])
    found = asy.gradient(mix, clf, values["aspect_ratio"], projector)
    got = {name: getattr(found, name) for name in names}
    got |= {"strength": found.strengths[0], "spike_alignment": found.spike_alignments[0]}
    error = asy.limit(mix, clf, values["aspect_ratio"], projector).error
    for name, slope in slopes.items():
        expected = slope(**values)
        assert np.count_nonzero(expected) > POINTS // 2, name  # others: φ underflows
        gap = np.abs(got[name] - expected) / np.maximum(np.abs(expected), error)
        assert gap.max() < 1e-10, (name, gap.max(), int(gap.argmax()))


def test_ridge_along_a_spike_against_the_symbolic_derivatives():
    rng = np.random.default_rng(18)
    closed = sym.ridge(alignment=sym.ALIGNMENT, strength=sym.STRENGTH, along_spike=True)
    signal, gamma = rng.uniform(0.2, 3.0, POINTS), 10 ** rng.uniform(-1.5, 1.5, POINTS)
    penalty, gain = 10 ** rng.uniform(-4, 3, POINTS), 10 ** rng.uniform(-1, 1, POINTS)
    strength, cosine = rng.uniform(-0.8, 8.0, POINTS), rng.uniform(-1, 1, POINTS)
    mix = asy.SpikedMixture(signal, spikes=[asy.Spike(strength, cosine)])
    found = asy.gradient(mix, asy.Ridge(penalty), gamma, asy.Expansion(gain, spike=0))
    at = dict(signal=signal, aspect_ratio=gamma, penalty=penalty, gain=gain)
    at |= dict(alignment=cosine, strength=strength)
    got = {"gain": found.gain, "strength": found.strengths[0]}
    got |= {"alignment": found.spike_alignments[0]}
    for name, slope in got.items():
        np.testing.assert_allclose(slope, closed.diff(name)(**at), rtol=1e-10, atol=1e-12)


def test_closed_form_of_the_centroid_limit():
    """At a strong penalty ridge is Φ(s/√(1 + γ/(s²α⁴))), whose derivatives are elementary."""
    s, gamma, alpha = 1.3, 0.7, 1.6
    found = asy.gradient(asy.SpikedMixture(s), asy.Ridge(1e9), gamma, asy.Expansion(alpha))
    x = s / np.sqrt(1 + gamma / (s**2 * alpha**4))
    density = np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi)
    shrink = (1 + gamma / (s**2 * alpha**4)) ** -1.5
    # the penalty leaves a term of its inverse, 1e-9
    assert found.gain == pytest.approx(density * 2 * gamma * shrink / (s * alpha**5), abs=1e-8)
    assert found.aspect_ratio == pytest.approx(-density * shrink / (2 * s * alpha**4), abs=1e-8)


def test_broadcasts_like_limit():
    gains, penalties = np.array([0.5, 1.0, 2.0]), np.array([[0.1], [1.0]])
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(2.0, 0.4)], balance=0.4)
    grid = asy.gradient(mix, asy.SVM(penalties), 0.8, asy.Expansion(gains, 0.6))
    assert grid.gain.shape == (2, 3)
    for i, penalty in enumerate(penalties[:, 0]):
        for j, gain in enumerate(gains):
            one = asy.gradient(mix, asy.SVM(float(penalty)), 0.8, asy.Expansion(float(gain), 0.6))
            assert isinstance(one.gain, float)
            for name in ("accuracy", "signal", "gain", "alignment", "penalty", "balance"):
                assert getattr(grid, name)[i, j] == pytest.approx(getattr(one, name), abs=1e-11)


def test_without_an_expansion_there_is_no_gain():
    found = asy.gradient(asy.SpikedMixture(1.5), asy.MaxMargin(), 1.5)
    assert found.gain is None
    assert found.alignment is None
    assert found.penalty is None
    assert found.signal > 0 > found.aspect_ratio - 1


def test_vanished_weights_move_with_the_balance_alone():
    found = asy.gradient(asy.SpikedMixture(0.15, balance=0.21), asy.SVM(0.1), 0.11)
    assert found.accuracy == 0.79
    assert found.balance == -1.0
    assert found.signal == found.aspect_ratio == found.penalty == 0.0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((asy.Spectrum([1.0], [1.0], [1.0]), asy.Ridge(1.0), 0.5), "mix"),
        ((asy.SpikedMixture(1.0), "ridge", 0.5), "clf"),
        ((asy.SpikedMixture(1.0), asy.Ridge(1.0), 0.5, asy.Power(1.0)), "projector"),
        ((asy.SpikedMixture(0.0), asy.Ridge(1.0), 0.5), "signal"),
        ((asy.SpikedMixture(1.0), asy.Ridge(1.0), 0.5, asy.Expansion(0.0)), "gain"),
        ((asy.SpikedMixture(1.0), asy.MinNorm(), 1.0), "aspect_ratio"),
    ],
)
def test_where_there_is_no_gradient(arguments, word):
    with pytest.raises((TypeError, ValueError), match=word):
        asy.gradient(*arguments)


def test_best_ridge_penalty_is_the_known_one():
    """Φ(s/√(1 + γ/s²)), reached as the penalty diverges."""
    s, gamma = 1.5, 0.5
    best = asy.optimal_penalty(asy.SpikedMixture(s), asy.Ridge(1.0), gamma, bounds=(1e-6, 1e5))
    assert best.status == "at upper bound"
    assert best.accuracy == pytest.approx(ndtr(s / np.sqrt(1 + gamma / s**2)), abs=1e-9)


def test_an_interior_penalty_is_stationary_and_highest():
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(8.0, 0.7)])
    best = asy.optimal_penalty(mix, asy.Logistic(1.0), 0.3)
    assert best.status == "interior"
    assert abs(best.slope) < 1e-9
    around = best.value * np.geomspace(0.01, 100, 201)
    assert np.all(asy.limit(mix, asy.Logistic(around), 0.3).accuracy <= best.accuracy + 1e-13)


def test_best_gain_of_a_misaligned_direction_is_interior():
    mix, clf = asy.SpikedMixture(1.5), asy.Ridge(1.0)
    best = asy.optimal_gain(mix, clf, 2.0, asy.Expansion(1.0, 0.3))
    assert best.status == "interior"
    gains = np.geomspace(0.01, 100, 401)
    assert np.all(
        asy.limit(mix, clf, 2.0, asy.Expansion(gains, 0.3)).accuracy <= best.accuracy + 1e-13
    )
    assert asy.optimal_gain(mix, clf, 2.0, asy.Expansion(1.0)).status == "at upper bound"


@pytest.mark.parametrize("bounds", [(1.0, 0.5), (0.0, 1.0), (1.0, np.nan), 3.0, (1.0, "x")])
def test_bad_bounds_are_named(bounds):
    with pytest.raises((TypeError, ValueError), match="bounds"):
        asy.optimal_penalty(asy.SpikedMixture(1.0), asy.Ridge(1.0), 0.5, bounds=bounds)


@pytest.mark.parametrize(
    "clf", [asy.Ridge(5.0), asy.Logistic(0.3), asy.SVM(1.0), asy.SquaredHinge(5.0)]
)
def test_critical_alignment_divides_harm_from_help(clf):
    mix, gains = asy.SpikedMixture(1.5), np.array([2.0, 5.0, 20.0])
    found = asy.critical_alignment(mix, clf, 0.1, gains)
    assert list(found.status) == ["crossing"] * 3
    before = asy.limit(mix, clf, 0.1).accuracy
    c = found.alignment
    at = asy.limit(mix, clf, 0.1, asy.Expansion(gains, c)).accuracy
    assert at == pytest.approx(before, abs=1e-12)
    above = asy.limit(mix, clf, 0.1, asy.Expansion(gains, c + 1e-4)).accuracy
    below = asy.limit(mix, clf, 0.1, asy.Expansion(gains, c - 1e-4)).accuracy
    assert np.all(np.sign(above - before) == np.sign(gains - 1))
    assert np.all(np.sign(below - before) == -np.sign(gains - 1))


def test_to_first_order_expansion_always_helps_on_an_isotropic_bulk():
    mix, clf = asy.SpikedMixture(1.5), asy.Ridge(5.0)
    found = asy.critical_alignment(mix, clf, 0.05, np.array([1.0, 1.1, 1.25]))
    assert list(found.status) == ["always helps", "crossing", "crossing"]
    # the slope at gain 1 is that of perfect alignment, times c²
    slopes = [asy.gradient(mix, clf, 0.05, asy.Expansion(1.0, c)).gain for c in (1.0, 0.5)]
    assert slopes[0] == pytest.approx(4 * slopes[1], rel=1e-10)
    assert slopes[0] > 0


@pytest.mark.parametrize(
    "clf", [asy.Ridge(0.3), asy.Logistic(0.1), asy.SVM(0.2), asy.SquaredHinge(0.5), asy.Centroid()]
)
def test_at_gain_1_the_slope_is_the_square_of_the_alignment(clf):
    """So that to first order every alignment helps or none does, and there is no crossing."""
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(3.0, 0.6), asy.Spike(-0.4, 0.3)], balance=0.3)
    alignments = np.array([1.0, 0.8, -0.5, 0.1])
    slope = asy.gradient(mix, clf, 0.5, asy.Expansion(1.0, alignments)).gain
    assert abs(slope[0]) > 1e-4
    np.testing.assert_allclose(slope, alignments**2 * slope[0], rtol=1e-10)
    found = asy.critical_alignment(mix, clf, 0.5, 1.0)
    assert found.status == ("always helps" if slope[0] > 0 else "never helps")


def test_closed_classifiers_have_a_critical_alignment_and_a_best_gain():
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(8.0, 0.7)], balance=0.4)
    found = asy.critical_alignment(mix, asy.Centroid(), 0.1, np.array([1.0, 2.0]))
    at = asy.limit(mix, asy.Centroid(), 0.1, asy.Expansion(2.0, found.alignment[1])).accuracy
    assert at == pytest.approx(asy.limit(mix, asy.Centroid(), 0.1).accuracy, rel=1e-12)
    slope = asy.gradient(mix, asy.Centroid(), 0.1, asy.Expansion(1.0, found.alignment[0])).gain
    assert abs(slope) < 1e-10
    assert asy.critical_alignment(mix, asy.Bayes(), 0.1, 1.0).status == "no effect"
    best = asy.optimal_gain(mix, asy.Centroid(), 0.1, asy.Expansion(1.0, 0.8))
    assert best.status == "interior" and abs(best.slope) < 1e-10


def test_best_gain_is_the_closed_form():
    for gamma, penalty, c in ((2.0, 1.0, 0.3), (0.05, 5.0, 0.6)):
        best = asy.optimal_gain(
            asy.SpikedMixture(1.5), asy.Ridge(penalty), gamma, asy.Expansion(1.0, c)
        )
        at = dict(signal=1.5, aspect_ratio=gamma, penalty=penalty, alignment=c)
        # where the slope is zero to rounding the gain is known to 1e-9
        assert best.value == pytest.approx(sym.best_gain()(**at), rel=1e-8)


def test_where_the_gain_has_no_effect():
    """Least squares undoes every projector; rounding must not be read as harm or help."""
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(1.4, 0.3)], balance=0.4)
    for clf in (asy.MinNorm(), asy.Ridge(0.0), asy.Bayes()):
        found = asy.critical_alignment(mix, clf, np.array([0.1, 0.8]), 0.3)
        assert list(found.status) == ["no effect"] * 2
        assert np.all(np.isnan(found.alignment))
    assert asy.critical_alignment(mix, asy.MinNorm(), 0.5, 1.0).status == "no effect"
    assert asy.critical_alignment(mix, asy.MinNorm(), 2.0, 3.0).status != "no effect"


def test_help_that_turns_to_harm_and_more_than_one_turn():
    """Where data are nearly separable and the penalty is weak, shrinking the signal itself helps."""
    mix, clf, gamma = asy.SpikedMixture(2.25), asy.SquaredHinge(0.02), 0.04
    reversed_ = asy.critical_alignment(mix, clf, gamma, 0.44)
    assert reversed_.status == "reversed"
    before = asy.limit(mix, clf, gamma).accuracy
    c = reversed_.alignment + np.array([-0.01, 0.0, 0.01])
    change = asy.limit(mix, clf, gamma, asy.Expansion(0.44, c)).accuracy - before
    assert change[0] < 0 < change[2]
    assert change[1] == pytest.approx(0, abs=1e-12)
    # an expansion that the support vector machine makes use of, does not, and does again
    mix = asy.SpikedMixture(1.83, spikes=[asy.Spike(3.12, -0.643)], balance=0.509)
    clf, gamma, gain = asy.SVM(10.3), 0.05, 19.0
    several = asy.critical_alignment(mix, clf, gamma, gain)
    assert several.status == "several"
    before = asy.limit(mix, clf, gamma).accuracy
    c = np.array([0.02, 0.2, several.alignment - 1e-3, several.alignment + 1e-3, 0.9])
    change = asy.limit(mix, clf, gamma, asy.Expansion(gain, c)).accuracy - before
    assert list(np.sign(change)) == [1, -1, -1, 1, 1]


def test_where_alignment_does_not_matter():
    always = asy.critical_alignment(asy.SpikedMixture(1.5), asy.Ridge(1.0), 5.0, 2.0)
    assert (always.alignment, always.status) == (0.0, "always helps")
    # a spike that the support vector machine needs: expansion along the signal hurts too
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(-0.9, 0.5)])
    never = asy.critical_alignment(mix, asy.SVM(0.1, fit_intercept=False), 0.05, 3.0)
    assert (never.alignment, never.status) == (1.0, "never helps")


@pytest.mark.parametrize("clf", [asy.Ridge(0.0), asy.MinNorm(), asy.Bayes()])
def test_where_no_gain_matters_the_optimum_is_flat(clf):
    best = asy.optimal_gain(asy.SpikedMixture(1.5), clf, 0.5, asy.Expansion(1.0))
    assert best.status == "flat"
    assert best.accuracy == pytest.approx(asy.limit(asy.SpikedMixture(1.5), clf, 0.5).accuracy)
