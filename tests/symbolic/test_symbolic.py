"""Closed forms: derived against pretty, symbolic against numeric, and the proofs."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import pickle

import numpy as np
import pytest
import sympy as sp

import asymptotics as asy
from asymptotics import reference
from asymptotics import symbolic as sym
from asymptotics.symbolic.derivation import ETA, ETA_BAR, KEPT, PICKED_UP, V_HAT
from asymptotics.symbolic.expansion import Claim, Theorem

S, SIGMA, GAMMA, LAM, ALPHA = sym.SIGNAL, sym.NOISE, sym.ASPECT_RATIO, sym.PENALTY, sym.GAIN
FREE = dict(
    noise=SIGMA,
    alignment=sym.ALIGNMENT,
    strength=sym.STRENGTH,
    spike_alignment=sym.SPIKE_ALIGNMENT,
    balance=sym.BALANCE,
)
IDENTITY = 1e-12
DRAWS = 40


@functools.cache
def full():
    """Ridge in all of its parameters; derived and compiled once."""
    return sym.ridge(**FREE)


def phi(x):
    """Φ."""
    return (1 + sp.erf(x / sp.sqrt(2))) / 2


def draw(rng, **fixed):
    """Parameters over the whole range, by name."""

    def log_uniform(low, high):
        return float(np.exp(rng.uniform(math.log(low), math.log(high))))

    values = dict(
        signal=log_uniform(0.05, 5),
        noise=log_uniform(0.2, 5),
        aspect_ratio=log_uniform(0.02, 50),
        penalty=log_uniform(1e-6, 1e4),
        gain=log_uniform(1e-2, 1e2),
        alignment=float(rng.uniform(-0.99, 0.99)),
        strength=float(rng.choice([rng.uniform(-0.9, 0), log_uniform(0.1, 50)])),
        spike_alignment=float(rng.uniform(-0.99, 0.99)),
        balance=float(rng.uniform(0.05, 0.95)),
    )
    return values | fixed


def population(v, *, spike=True):
    spikes = [asy.Spike(v["strength"], v["spike_alignment"])] if spike else []
    return asy.SpikedMixture(v["signal"], v["noise"], spikes, v["balance"])


def evaluate(formula, values):
    return formula(**{name: values[name] for name in formula.parameters})


def same(formula, limit, values):
    """Accuracy and error agree, each relative to itself."""
    assert evaluate(formula, values) == pytest.approx(limit.accuracy, rel=IDENTITY, abs=0)
    assert evaluate(formula.error, values) == pytest.approx(limit.error, rel=IDENTITY, abs=0)


# ---------------------------------------------------------------- the pretty forms


def test_ridge_is_the_closed_form_of_the_design():
    accuracy = sym.ridge()
    known = {step.symbol: step.expression for step in accuracy.steps}
    ((_, x),) = accuracy.margins
    square = (known[x] ** 2).subs({KEPT: known[KEPT], PICKED_UP: known[PICKED_UP]})
    square = square.subs(sp.Symbol("rho", positive=True), known[sp.Symbol("rho", positive=True)])
    k = (LAM * ALPHA**-2 + V_HAT) / (LAM + V_HAT)
    v = 1 / V_HAT - 1
    r = v / GAMMA
    pretty = S**2 * (1 - GAMMA * r**2 * V_HAT**2) / (1 + GAMMA * k**2 / S**2)
    # on the bulk's equation λV² + (λ + 1 - γ)V - γ = 0, solved here for γ
    on_shell = {GAMMA: sp.solve(LAM * v**2 + (LAM + 1 - GAMMA) * v - GAMMA, GAMMA)[0]}
    derived = square.subs({ETA_BAR: 1 - ETA}).subs({ETA: LAM / (LAM + V_HAT)})
    assert sp.simplify((derived - pretty).subs(on_shell)) == 0


def test_response_solves_the_quadratic_of_the_design():
    v_hat = next(step for step in sym.ridge().steps if step.symbol == V_HAT)
    v = 1 / v_hat.expression - 1
    assert sp.simplify(LAM * v**2 + (LAM + 1 - GAMMA) * v - GAMMA) == 0


@pytest.mark.parametrize("below", [True, False])
def test_min_norm_is_the_closed_form_of_the_design(below):
    k = 1 if below else ((GAMMA - 1) * ALPHA**-2 + 1) / GAMMA
    share = 1 - GAMMA if below else 1 - 1 / GAMMA
    pretty = phi(S * sp.sqrt(share / (1 + GAMMA * k**2 / S**2)))
    found = sym.min_norm(below=below).expression
    side = sp.Rational(3, 10) if below else sp.Rational(17, 10)
    for s, alpha in ((sp.Rational(1, 2), sp.Rational(1, 3)), (2, 3)):
        at = {GAMMA: side, S: s, ALPHA: alpha}
        assert abs(sp.N((found - pretty).subs(at), 50)) < 1e-45


def test_centroid_and_bayes_are_the_closed_forms_of_the_design():
    pretty = phi(S / sp.sqrt(1 + GAMMA / (S**2 * ALPHA**4)))
    gap = (sym.centroid().expression - pretty).subs({S: 2, GAMMA: 3, ALPHA: sp.Rational(1, 2)})
    assert abs(sp.N(gap, 50)) < 1e-45
    assert sp.simplify((sym.bayes().expression - phi(S)).rewrite(sp.erf)) == 0


def test_ridge_at_its_best_penalty_is_the_closed_form_of_the_design():
    pretty = phi(S / sp.sqrt(1 + GAMMA / S**2))
    found = sym.ridge_at_best_penalty(gain=1).expression
    assert abs(sp.N((found - pretty).subs({S: 2, GAMMA: 3}), 50)) < 1e-45


# ---------------------------------------------------------------- against the numeric limit


def test_ridge_against_limit():
    rng = np.random.default_rng(1)
    accuracy = full()
    assert len(accuracy.parameters) == 9
    for _ in range(DRAWS):
        v = draw(rng)
        try:
            mix = population(v)
        except ValueError:  # not a covariance
            continue
        projector = asy.Expansion(v["gain"], v["alignment"])
        limit = asy.limit(mix, asy.Ridge(v["penalty"]), v["aspect_ratio"], projector)
        same(accuracy, limit, v)


def test_ridge_without_intercept_does_not_see_the_balance():
    rng = np.random.default_rng(2)
    accuracy = sym.ridge(**FREE, fit_intercept=False)
    assert "balance" not in accuracy.parameters
    for _ in range(DRAWS // 4):
        v = draw(rng, strength=2.0, spike_alignment=0.4)
        projector = asy.Expansion(v["gain"], v["alignment"])
        clf = asy.Ridge(v["penalty"], fit_intercept=False)
        same(accuracy, asy.limit(population(v), clf, v["aspect_ratio"], projector), v)


def test_expansion_along_a_spike_against_limit():
    rng = np.random.default_rng(3)
    accuracy = sym.ridge(
        noise=SIGMA, alignment=sym.ALIGNMENT, strength=sym.STRENGTH, along_spike=True
    )
    for _ in range(DRAWS // 2):
        v = draw(rng, balance=0.5)
        v["spike_alignment"] = v["alignment"]
        mix, projector = population(v), asy.Expansion(v["gain"], spike=0)
        limit = asy.limit(mix, asy.Ridge(v["penalty"]), v["aspect_ratio"], projector)
        same(accuracy, limit, v)


@pytest.mark.parametrize("below", [True, False])
def test_min_norm_against_limit(below):
    rng = np.random.default_rng(4)
    accuracy = sym.min_norm(below=below, **FREE)
    for _ in range(DRAWS // 2):
        gamma = rng.uniform(0.02, 0.98) if below else 1 + rng.exponential(2.0)
        v = draw(rng, aspect_ratio=float(gamma), strength=3.0, spike_alignment=0.5)
        projector = asy.Expansion(v["gain"], v["alignment"])
        same(accuracy, asy.limit(population(v), asy.MinNorm(), v["aspect_ratio"], projector), v)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_centroid_against_limit(fit_intercept):
    rng = np.random.default_rng(5)
    accuracy = sym.centroid(**FREE, fit_intercept=fit_intercept)
    for _ in range(DRAWS // 2):
        v = draw(rng, strength=3.0, spike_alignment=-0.5)
        projector = asy.Expansion(v["gain"], v["alignment"])
        limit = asy.limit(population(v), asy.Centroid(fit_intercept), v["aspect_ratio"], projector)
        same(accuracy, limit, v)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_bayes_against_limit(fit_intercept):
    rng = np.random.default_rng(6)
    free = {name: FREE[name] for name in ("noise", "strength", "spike_alignment", "balance")}
    accuracy = sym.bayes(**free, fit_intercept=fit_intercept)
    for _ in range(DRAWS // 2):
        v = draw(rng, strength=3.0, spike_alignment=0.9, signal=float(rng.uniform(0.1, 3)))
        same(accuracy, asy.limit(population(v), asy.Bayes(fit_intercept), 0.5), v)


def test_best_penalty_is_the_best():
    accuracy, penalty = sym.ridge_at_best_penalty(), sym.best_penalty()
    grid = np.geomspace(1e-8, 1e8, 1601)
    for gamma in (0.3, 2.0):
        for gain in (0.2, 0.7, 0.95, 1.0, 3.0):
            at = dict(signal=1.2, aspect_ratio=gamma, gain=gain)
            curve = asy.limit(
                asy.SpikedMixture(1.2), asy.Ridge(grid), gamma, asy.Expansion(gain)
            ).accuracy
            best = accuracy(**at)
            assert curve.max() <= best < curve.max() + 1e-4
            found = penalty(**at)
            if 0 < found < np.inf:
                assert sym.ridge()(**at, penalty=found) == pytest.approx(best, rel=IDENTITY)
    assert penalty(signal=1.0, aspect_ratio=0.5, gain=0.1) == 0.0
    assert penalty(signal=1.0, aspect_ratio=0.5, gain=1.5) == math.inf


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize("gamma", [0.02, 0.5, 1 - 1e-9, 1.0, 1 + 1e-9, 2.0, 100.0])
@pytest.mark.parametrize("penalty", [1e-9, 1e-5, 1.0, 1e9])
def test_no_digits_are_lost_in_the_corners(gamma, penalty):
    """The textbook root loses nine digits at λ = 1e-9; neither side of γ = 1 loses any here."""
    accuracy = sym.ridge(alignment=sym.ALIGNMENT)
    for gain in (1e-3, 1.0, 1e3):
        at = dict(signal=1.5, aspect_ratio=gamma, penalty=penalty, gain=gain, alignment=0.6)
        exact = accuracy.error.evaluate(dps=30, **at)
        assert accuracy.error(**at) == pytest.approx(float(exact), rel=IDENTITY, abs=0)


def test_textbook_root_does_lose_them():
    """The negative control: the plain expression, lambdified, is not good enough."""
    v_hat = next(step for step in sym.ridge().steps if step.symbol == V_HAT)
    at = {GAMMA: 2.0, LAM: 1e-9}
    exact = sp.N(v_hat.expression.subs({GAMMA: 2, LAM: sp.Rational(1, 10**9)}), 30)
    plain = sp.lambdify([GAMMA, LAM], v_hat.expression)(*at.values())
    stable = sp.lambdify([GAMMA, LAM], v_hat.stable)(*at.values())
    assert abs(plain / float(exact) - 1) > 1e-9
    assert abs(stable / float(exact) - 1) < 1e-15


def test_evaluate_agrees_with_the_reference_to_forty_digits():
    accuracy = full()
    v = dict(
        signal=1.5,
        noise=0.75,
        aspect_ratio=2.5,
        penalty=0.125,
        gain=3.0,
        alignment=0.5,
        strength=4.0,
        spike_alignment=0.25,
        balance=0.375,
    )
    found = accuracy.error.evaluate(dps=40, **v)
    projector = asy.Expansion(3.0, 0.5)
    exact = reference.limit(population(v), asy.Ridge(0.125), 2.5, projector, dps=40)
    assert str(found) == str(exact.error)


def test_evaluate_takes_exact_numbers():
    accuracy = sym.ridge(gain=1)
    found = accuracy.evaluate(dps=25, signal="3/2", aspect_ratio=sp.Rational(1, 2), penalty="0.1")
    assert abs(found - accuracy(signal=1.5, aspect_ratio=0.5, penalty=0.1)) < 1e-15
    # a float is the binary number that it is
    binary = accuracy.evaluate(dps=25, signal="3/2", aspect_ratio="1/2", penalty=0.1)
    assert 0 < abs(found - binary) < 1e-16


def test_arrays_broadcast_and_scalars_stay_scalars():
    accuracy = sym.ridge().lambdify()
    gains, penalties = np.array([0.5, 1.0, 2.0]), np.array([[0.1], [1.0]])
    found = accuracy(signal=1.5, aspect_ratio=0.5, penalty=penalties, gain=gains)
    limit = asy.limit(asy.SpikedMixture(1.5), asy.Ridge(penalties), 0.5, asy.Expansion(gains))
    assert found.shape == (2, 3)
    np.testing.assert_allclose(found, limit.accuracy, rtol=IDENTITY)
    assert isinstance(accuracy(signal=1.5, aspect_ratio=0.5, penalty=1.0, gain=1.0), float)
    # a result that depends on no parameter that is an array has its shape all the same
    assert sym.ridge().limit("gain", 0)() == 0.5


# ---------------------------------------------------------------- assumptions


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"penalty": -1.0}, r"penalty must be in \[0, inf\), got -1"),
        ({"aspect_ratio": 0.0}, r"aspect_ratio must be in \(0, inf\), got 0"),
        ({"alignment": 1.5}, r"alignment must be in \[-1, 1\], got 1\.5|3/2"),
        ({"noise": 0.0}, r"noise must be in \(0, inf\), got 0"),
        ({"signal": -2.0}, r"signal must be in \[0, inf\), got -2"),
        ({"gain": -1.0}, r"gain must be in \[0, inf\), got -1"),
        ({"strength": -1.0}, r"strength must be in \(-1, inf\), got -1"),
        ({"balance": 1.0}, r"balance must be in \(0, 1\), got 1"),
        ({"signal": math.nan}, r"signal must be in \[0, inf\), got nan"),
        (
            {"penalty": 0.0, "aspect_ratio": 2.0},
            "penalty must be positive where aspect_ratio is 1 or more, got",
        ),
        ({"penalty": 0.0, "gain": 0.0}, "gain must be positive where penalty is 0, got"),
    ],
)
def test_evaluation_says_which_assumption_is_broken(broken, message):
    accuracy = full()
    v = draw(np.random.default_rng(7), aspect_ratio=0.5) | broken
    with pytest.raises(ValueError, match=message):
        evaluate(accuracy, v)
    with pytest.raises(ValueError, match=message):
        accuracy.evaluate(**{name: v[name] for name in accuracy.parameters})


def test_assumptions_are_listed():
    assumptions = sym.ridge(alignment=sym.ALIGNMENT).assumptions
    assert "alignment in [-1, 1]" in assumptions
    assert "penalty in [0, inf)" in assumptions
    assert "penalty must be positive where aspect_ratio is 1 or more" in assumptions


@pytest.mark.parametrize(("below", "gamma"), [(True, 1.0), (True, 2.0), (False, 1.0), (False, 0.5)])
def test_min_norm_says_on_which_side_it_holds(below, gamma):
    accuracy = sym.min_norm(below=below, gain=1)
    with pytest.raises(ValueError, match="aspect_ratio must be " + ("below" if below else "above")):
        accuracy(signal=1.0, aspect_ratio=gamma)


def test_numbers_given_at_derivation_are_checked():
    with pytest.raises(ValueError, match=r"penalty must be in \[0, inf\), got -1"):
        sym.ridge(penalty=-1)
    with pytest.raises(ValueError, match=r"alignment must be in \[-1, 1\], got 2"):
        sym.centroid(alignment=2)
    with pytest.raises(ValueError, match=r"aspect_ratio must be in \(0, inf\), got 0"):
        sym.best_penalty(aspect_ratio=0)


def test_wrong_names_are_refused():
    with pytest.raises(TypeError, match="accuracy takes signal, aspect_ratio, penalty, gain, got"):
        sym.ridge()(signal=1.0)
    with pytest.raises(TypeError, match="got signal, noise"):
        sym.bayes()(signal=1.0, noise=2.0)
    with pytest.raises(ValueError, match="by must be one of signal"):
        sym.ridge().diff("noise")
    with pytest.raises(ValueError, match="parameter must be one of"):
        sym.ridge().diff("temperature")


# ---------------------------------------------------------------- calculus


@pytest.mark.parametrize(
    "name", ["signal", "noise", "aspect_ratio", "penalty", "gain", "alignment"]
)
def test_derivatives_against_differences_at_high_precision(name):
    accuracy = full()
    v = dict(
        signal=1.5,
        noise=0.75,
        aspect_ratio=1.5,
        penalty=0.25,
        gain=1.5,
        alignment=0.5,
        strength=4.0,
        spike_alignment=0.25,
        balance=0.375,
    )
    step = sp.Rational(1, 10**12)
    up, down = (
        accuracy.evaluate(dps=50, **(v | {name: sp.Rational(v[name]) + sign * step}))
        for sign in (1, -1)
    )
    difference = (up - down) / (2 * step)
    derivative = accuracy.diff(name)
    # the compiled derivatives are held against asymptotics.gradient in test_gradients.py
    exact = derivative.evaluate(dps=20, **v)
    assert float(exact) == pytest.approx(float(difference), rel=1e-15)


def test_derivative_against_the_numeric_gradient():
    v = dict(signal=1.5, aspect_ratio=0.5, penalty=0.1, gain=3.0)
    found = asy.gradient(asy.SpikedMixture(1.5), asy.Ridge(0.1), 0.5, asy.Expansion(3.0))
    for name in v:
        assert sym.ridge().diff(name)(**v) == pytest.approx(getattr(found, name), rel=1e-8)


def test_second_derivative():
    accuracy = sym.ridge(signal=1, penalty=1)
    second = accuracy.diff("gain").diff("aspect_ratio")
    other = accuracy.diff("aspect_ratio").diff("gain")
    at = dict(aspect_ratio=0.7, gain=1.3)
    assert second(**at) == pytest.approx(other(**at), rel=1e-12)


@pytest.mark.parametrize(
    ("by", "point", "terms", "below", "order"),
    [
        ("penalty", 0, 3, True, 3),
        ("penalty", 0, 2, False, 2),
        ("penalty", sp.oo, 3, None, 3),
        ("gain", 1, 3, None, 3),
        ("signal", 0, 3, None, 3),
        ("alignment", 1, 2, None, 2),
    ],
)
def test_series_is_of_its_order(by, point, terms, below, order):
    """The remainder falls like the first power that is left out."""
    accuracy = sym.ridge(alignment=sym.ALIGNMENT if by == "alignment" else 1)
    series = accuracy.series(by, point, terms, below=below)
    at = dict(signal="3/2", aspect_ratio="1/2" if below is not False else 2, penalty="1/4")
    at |= dict(gain="3/2", alignment="1/2")
    at = {name: at[name] for name in accuracy.parameters}
    gaps = []
    for small in (sp.Rational(1, 10**5), sp.Rational(1, 10**6)):
        value = 1 / small if point is sp.oo else abs(point - small)
        here = at | {by: value}
        wanted = {name: here[name] for name in series.parameters}
        gaps.append(abs(accuracy.evaluate(dps=50, **here) - series.evaluate(dps=50, **wanted)))
    falls = float(sp.log(gaps[0] / gaps[1], 10))
    assert falls > order - 0.1


def test_series_needs_the_side():
    with pytest.raises(ValueError, match="at must be a point where the formula is analytic"):
        sym.ridge(balance=sym.BALANCE).series("penalty", sp.oo, 1)
    series = sym.ridge().series("penalty", 0, 1, below=True)
    with pytest.raises(ValueError, match="aspect_ratio must be below 1"):
        evaluate(series, dict(signal=1.0, aspect_ratio=2.0))


def test_small_penalty_tends_to_min_norm():
    for below, gamma in ((True, 0.5), (False, 2.0)):
        limit = sym.ridge().limit("penalty", 0, below=below)
        other = sym.min_norm(below=below)
        v = dict(signal=1.5, aspect_ratio=gamma, gain=3.0)
        assert evaluate(limit, v) == pytest.approx(evaluate(other, v), rel=IDENTITY)


def test_large_penalty_tends_to_the_centroid():
    v = dict(signal=1.5, aspect_ratio=0.5, gain=3.0)
    limit = sym.ridge().limit("penalty", sp.oo)
    assert evaluate(limit, v) == pytest.approx(evaluate(sym.centroid(), v), rel=IDENTITY)


def test_limits_of_the_gain():
    accuracy = sym.ridge()
    assert accuracy.limit("gain", 0).expression == sp.Rational(1, 2)
    v = dict(signal=1.5, aspect_ratio=0.5, penalty=0.25)
    ceiling = evaluate(accuracy.limit("gain", sp.oo), v)
    assert ceiling == pytest.approx(accuracy(**v, gain=1e9), rel=IDENTITY)


# ---------------------------------------------------------------- theorems


@pytest.mark.parametrize("theorem", sym.theorems(), ids=lambda theorem: theorem.name)
def test_theorems_are_proved(theorem):
    assert theorem.verify()
    assert theorem.statement and all(claim.words for claim in theorem.claims)


def test_a_false_claim_is_not_proved():
    """The negative control."""
    assert not Claim("", S - 1).holds()
    assert not Claim("", S - GAMMA, positive=True).holds()
    assert not Claim("", -S, positive=True).holds()
    assert Claim("", S * (S + GAMMA) / (1 + LAM), positive=True).holds()
    with pytest.raises(ArithmeticError, match="nonsense: not shown: one is two"):
        Theorem("nonsense", "1 = 2", (Claim("one is two", sp.Integer(1)),)).verify()


def test_a_theorem_prints_its_statement_and_what_is_proven():
    claims = (Claim("one is one", S - S), Claim("one is two", sp.Integer(1)))
    assert repr(Theorem("of numbers", "1 = 2", claims)).split("\n") == [
        "Theorem of numbers",
        "  1 = 2",
        "  proven: one is one",
        "  NOT PROVEN: one is two",
    ]


def test_expansion_along_the_signal_helps_whatever_the_covariance():
    rng = np.random.default_rng(8)
    for _ in range(20):
        count = int(rng.integers(1, 6))
        spectrum = asy.Spectrum(
            rng.exponential(size=count) + 0.01,
            rng.dirichlet(np.ones(count)),
            rng.exponential(size=count),
        )
        gains = np.geomspace(0.05, 20, 9)
        clf = asy.Ridge(float(rng.exponential()))
        accuracy = asy.limit(spectrum, clf, float(rng.exponential()), asy.Expansion(gains)).accuracy
        assert np.all(np.diff(accuracy) > 0)


def test_unbalanced_with_an_intercept_it_need_not():
    """The margin grows, but the threshold of least squares is not the best one."""
    mix = asy.SpikedMixture(0.3, balance=0.84)
    lower, upper = (asy.limit(mix, asy.Ridge(1.0), 2.0, asy.Expansion(g)) for g in (2.2, 2.3))
    assert upper.mean / math.sqrt(upper.variance) > lower.mean / math.sqrt(lower.variance)
    assert upper.accuracy < lower.accuracy


@pytest.mark.parametrize("alignment", [1.0, 0.5, -0.9, 0.01])
def test_sensitivity_is_the_derivative_at_unit_gain(alignment):
    slope = sym.sensitivity(noise=SIGMA, alignment=sym.ALIGNMENT)
    derivative = sym.ridge(noise=SIGMA, alignment=sym.ALIGNMENT).diff("gain")
    v = dict(signal=1.5, noise=0.7, aspect_ratio=2.0, penalty=0.3, alignment=alignment)
    assert slope(**v) == pytest.approx(derivative(**v, gain=1.0), rel=1e-11)
    assert slope(**v) > 0


def test_first_order_condition_has_the_sign_of_the_derivative():
    rng = np.random.default_rng(9)
    condition = sym.expansion_helps(noise=SIGMA, gain=ALPHA)
    derivative = sym.ridge(
        noise=SIGMA, alignment=sym.ALIGNMENT, strength=sym.STRENGTH, along_spike=True
    ).diff("gain")
    signs = set()
    for _ in range(60):
        v = draw(rng, gain=float(rng.uniform(0.5, 4)), penalty=float(rng.uniform(0.1, 10)))
        v["aspect_ratio"] = float(rng.uniform(0.02, 2))
        sign = math.copysign(1, evaluate(condition, v))
        assert sign == math.copysign(1, evaluate(derivative, v))
        signs.add(sign)
    assert signs == {1.0, -1.0}


def test_first_order_condition_is_an_inequality_only_along_a_spike():
    isotropic = sym.expansion_helps(strength=0).result
    assert isotropic == GAMMA * (LAM + V_HAT)
    c, theta = sym.ALIGNMENT, sym.STRENGTH
    stated = GAMMA * (LAM + V_HAT * (1 + theta)) - S**2 * (1 - c**2) * LAM * theta
    assert sp.expand(sym.expansion_helps().result - stated) == 0


@pytest.mark.parametrize(("gamma", "penalty"), [(2.0, 1.0), (0.05, 5.0)])
def test_best_and_break_even_gain(gamma, penalty):
    v = dict(signal=1.5, aspect_ratio=gamma, penalty=penalty, alignment=0.3)
    accuracy = sym.ridge(alignment=sym.ALIGNMENT)
    best, even = sym.best_gain()(**v), sym.break_even_gain()(**v)
    assert 1 < best < even < math.inf
    top = accuracy(**v, gain=best)
    for gain in (0.99 * best, 1.01 * best):
        assert accuracy(**v, gain=gain) < top
    assert accuracy(**v, gain=even) == pytest.approx(accuracy(**v, gain=1.0), rel=IDENTITY)


def test_gains_are_infinite_where_expansion_always_helps():
    v = dict(signal=1.5, aspect_ratio=3.0, penalty=0.1, alignment=0.95)
    assert sym.best_gain()(**v) == math.inf and sym.break_even_gain()(**v) == math.inf
    with pytest.raises(ValueError, match="penalty must be positive"):
        sym.best_gain()(**(v | {"penalty": 0.0}))


# ---------------------------------------------------------------- the object


def test_latex():
    text = sym.ridge().latex()
    assert text.startswith(r"\begin{aligned}") and r"\hat{V}" in text and r"\alpha" in text
    explicit = sym.bayes().latex(explicit=True)
    assert explicit.startswith(r"\text{accuracy} = 1 - \frac{\operatorname{erfc}")
    assert sym.ridge()._repr_latex_() == f"${text}$"


def test_formulas_are_frozen_and_pickle():
    accuracy = sym.ridge()
    at = dict(signal=1.5, aspect_ratio=0.5, penalty=0.1, gain=3.0)
    before = accuracy(**at)
    copy = pickle.loads(pickle.dumps(accuracy))
    assert copy(**at) == before and copy == accuracy
    with pytest.raises(AttributeError):
        accuracy.name = "another"


def test_every_step_says_what_it_is():
    for formula in (full(), sym.centroid(), sym.bayes(), sym.ridge_at_best_penalty()):
        assert all(step.meaning for step in formula.steps)


# ----------------------------------------------------------------------------- the one setting


def test_the_arguments_are_those_of_the_setting():
    """The long signature stands once, in Setting; the public ones are made of it."""
    from asymptotics.symbolic.derivation import Setting

    whole = [
        "signal",
        "noise",
        "aspect_ratio",
        "penalty",
        "gain",
        "alignment",
        "strength",
        "spike_alignment",
        "balance",
        "fit_intercept",
        "along_spike",
    ]
    lacking = {
        "ridge": set(),
        "min_norm": {"penalty"},
        "centroid": {"penalty"},
        "bayes": {"aspect_ratio", "penalty", "gain", "alignment", "along_spike"},
    }
    for name, left_out in lacking.items():
        public = inspect.signature(getattr(sym, name)).parameters
        names = [n for n in whole if n not in left_out]
        assert list(public) == (["below", *names] if name == "min_norm" else names)
        assert {p.kind for p in public.values()} == {inspect.Parameter.KEYWORD_ONLY}
        for field in dataclasses.fields(Setting):
            if field.name in public:
                assert public[field.name].default == field.default
    assert Setting() == Setting(sym.SIGNAL, 1, sym.GAIN, 1, 0, 0, sp.Rational(1, 2))
    assert hash(Setting()) == hash(Setting())
    with pytest.raises(dataclasses.FrozenInstanceError):
        Setting().gain = 2


@pytest.mark.parametrize("name", ["ridge", "min_norm", "centroid", "bayes"])
def test_unknown_and_missing_arguments(name):
    function = getattr(sym, name)
    more = {"below": True} if name == "min_norm" else {}
    with pytest.raises(
        TypeError, match=rf"{name}\(\) got an unexpected keyword argument 'nonsense'"
    ):
        function(nonsense=1, **more)
    with pytest.raises(TypeError, match=rf"{name}\(\)"):
        function(1, **more)
    if name == "min_norm":
        with pytest.raises(TypeError, match=r"min_norm\(\) missing a required argument: 'below'"):
            function()
    with pytest.raises(ValueError, match="signal must be in"):
        function(signal=-1, **more)
