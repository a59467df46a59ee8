"""The reference: other routes to its numbers, its contract, the fast solver held to its data."""

from __future__ import annotations

import importlib.util
import json
import pickle
from pathlib import Path
from types import ModuleType

import mpmath
import numpy as np
import pytest

import asymptotics as asy
from asymptotics import reference
from asymptotics import symbolic as sym
from asymptotics.reference import limits as reference_limits
from asymptotics.reference import logistic as reference_logistic
from asymptotics.reference.arithmetic import new_context
from asymptotics.reference.channels import ClippedChannel

DATA = Path(__file__).parents[1] / "data"
STORED = json.loads((DATA / "reference_limits.json").read_text())
CASES = STORED["cases"]

# Accuracy and error, relative to themselves: identities tier.
PROBABILITY = 1e-12
# Order parameters, which the accuracy does not feel to first order.
ORDER_PARAMETER = 1e-10


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "make_reference_limits", DATA / "make_reference_limits.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SCRIPT = load_script()


def label(case: dict) -> str:
    return f"{case['classifier']['kind']}-{case['name']}"


def relative(found: float, exact: str) -> float:
    """|found - exact|/|exact|, formed at more digits than either has."""
    ctx = new_context(40)
    want = ctx.mpf(exact)
    if found == 0.0 and abs(want) < np.finfo(float).tiny:
        return 0.0
    return float(abs(ctx.mpf(found) - want) / abs(want)) if want else abs(found)


# ---------------------------------------------------------------- the stored cases


def test_stored_cases_cover_every_classifier_and_name_their_script():
    assert len(CASES) >= 100
    assert STORED["script"] == "make_reference_limits.py" and STORED["dps"] >= 25
    kinds = {case["classifier"]["kind"] for case in CASES}
    assert kinds == {
        "Ridge", "Logistic", "SVM", "SquaredHinge", "MaxMargin", "MinNorm", "Centroid", "Bayes"
    }  # fmt: skip


def test_stored_cases_are_those_of_the_script():
    inputs = ("name", "population", "classifier", "aspect_ratio", "projector")
    stored = [{key: case[key] for key in inputs} for case in CASES]
    assert stored == [*SCRIPT.corners(), *SCRIPT.branches(), *SCRIPT.draws()]


@pytest.mark.parametrize("case", CASES, ids=label)
def test_fast_solver_against_reference(case):
    fast = asy.limit(*SCRIPT.problem(case))
    assert relative(fast.accuracy, case["accuracy"]) < PROBABILITY
    assert relative(fast.error, case["error"]) < PROBABILITY
    for field in ("mean", "variance", "susceptibility"):
        assert relative(getattr(fast, field), case[field]) < ORDER_PARAMETER, field
    # An intercept that nearly vanishes matters on the scale of the margins.
    scale = abs(fast.intercept) + np.sqrt(fast.variance)
    assert abs(fast.intercept - float(case["intercept"])) <= ORDER_PARAMETER * scale


def pick(kind: str, name: str) -> dict:
    return next(c for c in CASES if c["classifier"]["kind"] == kind and c["name"] == name)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Ridge", "several bulk atoms"),
        ("Logistic", "large penalty"),
        ("SVM", "large penalty, unbalanced"),
        ("SVM", "vanishing weights"),
        ("SquaredHinge", "explicit matrix"),
        ("MaxMargin", "above the threshold"),
        ("MinNorm", "interpolation"),
        ("Centroid", "few of one class"),
        ("Bayes", "tiny error"),
    ],
)
def test_stored_cases_are_reproduced(kind, name):
    case = pick(kind, name)
    found = SCRIPT.solved({key: case[key] for key in case if key not in SCRIPT.FIELDS})
    assert found == case


# ---------------------------------------------------------------- other routes


def test_ridge_closed_form_to_thirty_digits():
    found = reference.limit(
        asy.SpikedMixture(1.5), asy.Ridge(0.25), 0.5, asy.Expansion(3.0), dps=30
    )
    ctx = new_context(40)
    s, gamma, lam, gain = ctx.mpf(1.5), ctx.mpf(0.5), ctx.mpf(0.25), ctx.mpf(3)
    half = lam + 1 - gamma
    v = 2 * gamma / (half + ctx.sqrt(half**2 + 4 * lam * gamma))
    v_hat = 1 / (1 + v)
    k = (lam / gain**2 + v_hat) / (lam + v_hat)
    x = s * ctx.sqrt((1 - (v * v_hat) ** 2 / gamma) / (1 + gamma * k**2 / s**2))
    assert abs(found.error / ctx.ncdf(-x) - 1) < ctx.mpf(10) ** -29
    assert abs(found.susceptibility / v - 1) < ctx.mpf(10) ** -29


def test_tiny_error_is_an_error():
    found = reference.limit(asy.SpikedMixture(13.25), asy.Bayes(), 1.0, dps=30)
    ctx = new_context(60)
    exact = ctx.erfc(ctx.mpf(13.25) / ctx.sqrt(2)) / 2
    assert float(exact) < 1e-39
    assert abs(found.error / exact - 1) < ctx.mpf(10) ** -29


def test_cover_threshold():
    assert reference.separability_threshold(asy.SpikedMixture(0.0), dps=40) == 0.5


@pytest.mark.parametrize(
    ("signal", "balance", "threshold"),
    [
        (0.5, 0.5, 0.427134),
        (1.0, 0.5, 0.270268),
        (1.5, 0.5, 0.129912),
        (2.0, 0.5, 0.048256),
        (3.0, 0.5, 0.003165),
        (1.0, 0.3, 0.243356),
    ],
)
def test_threshold_against_the_values_of_the_design(signal, balance, threshold):
    found = reference.separability_threshold(asy.SpikedMixture(signal, balance=balance), dps=20)
    assert float(found) == pytest.approx(threshold, abs=5e-7)


@pytest.mark.parametrize(
    ("mean", "q", "v"),
    [
        (1.0, 1.0, 1.0),
        (0.1, 1e-4, 1e-4),
        (-3.0, 100.0, 30.0),
        (30.0, 25.0, 100.0),
        (5.0, 1e4, 1e-3),
    ],
)
def test_logistic_channel_against_adaptive_quadrature(mean, q, v):
    """The graded trapezoid rule against Gauss-Legendre on short pieces, in the plain variable x."""
    ctx = new_context(20)
    mean, q, v = ctx.mpf(mean), ctx.mpf(q), ctx.mpf(v)
    found = reference_logistic.LogisticChannel().moments(ctx, mean, q, v, 1)

    def density(x):
        f = 1 / (1 + ctx.exp(x))
        z = (x - v * f - mean) / ctx.sqrt(q)
        return f, ctx.npdf(z) * (1 + v * f * (1 - f)) / ctx.sqrt(q)

    def integrand(x, moment):
        f, weight = density(x)
        bend = f * (1 - f)
        return weight * (f, f * f, bend / (1 + v * bend))[moment]

    # Pieces short against the Gaussian, seen through prox, and against the loss.
    edges = [mean - 12 * ctx.sqrt(q)]
    while edges[-1] < mean + v + 12 * ctx.sqrt(q):
        x = edges[-1]
        f = 1 / (1 + ctx.exp(x))
        edges.append(x + min(2 + abs(x) / 8, 3 * ctx.sqrt(q) / (1 + v * f * (1 - f))))
    for moment, value in enumerate(found):
        ratio = ctx.quad(lambda x, k=moment, size=value: integrand(x, k) / size, edges, maxdegree=7)
        assert abs(ratio - 1) < 1e-15


@pytest.mark.parametrize("ceiling", [False, True])
@pytest.mark.parametrize("mean", [-40.0, 0.9, 30.0])
def test_clipped_channel_against_quadrature(ceiling, mean):
    ctx = new_context(25)
    mean, q, v = ctx.mpf(mean), ctx.mpf(2), ctx.mpf("0.01")
    found = ClippedChannel(ctx.zero, ceiling).moments(ctx, mean, q, v, 1)

    def force(omega):
        f = max(1 - omega, 0) / v
        return min(f, 1) if ceiling else f

    def density(omega):
        return ctx.npdf(omega, mean, ctx.sqrt(q))

    # f ends at 1 and bends at 1 - V; beyond, pieces that grow with the distance.
    edges = [1, 1 - v, *(1 - v - ctx.mpf(2) ** k / 16 for k in range(11))]
    edges = sorted({*edges, mean} if mean < 1 else set(edges))
    for value, integrand in (
        (found.force, lambda x: force(x) * density(x)),
        (found.square, lambda x: force(x) ** 2 * density(x)),
    ):
        # quad stops by its absolute error
        ratio = ctx.quad(lambda x, h=integrand, size=value: h(x) / size, edges, maxdegree=9)
        assert abs(ratio - 1) < 1e-18


@pytest.mark.parametrize("gain", [1e60, 1e-60])
def test_a_strong_gain_does_not_hide_the_other_directions(gain):
    """Their variances are 120 orders of magnitude apart, and none of them is 0."""
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(3.0, 0.4)])
    exact = reference.limit(mix, asy.Ridge(1.0), 2.0, asy.Expansion(gain, 0.3), dps=20)
    fast = asy.limit(mix, asy.Ridge(1.0), 2.0, asy.Expansion(gain, 0.3))
    assert relative(fast.error, str(exact.error)) < PROBABILITY
    # the closed form agrees
    closed = sym.ridge(alignment=sym.ALIGNMENT, strength=3, spike_alignment="2/5")
    at = dict(signal=1.5, aspect_ratio=2.0, penalty=1.0, gain=gain, alignment=0.3)
    assert closed.error(**at) == pytest.approx(float(exact.error), rel=PROBABILITY)


def test_variances_that_digits_cannot_tell_from_zero_are_refused():
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(50.0, 0.7)])
    with pytest.raises(asy.ConvergenceError, match="could not be told from 0"):
        reference.limit(mix, asy.Ridge(1.0), 2.0, asy.Power(20.0), dps=20)


def test_squared_hinge_without_penalty_tends_to_max_margin():
    mix = asy.SpikedMixture(1.0, balance=0.3)
    soft = reference.limit(mix, asy.SquaredHinge(1e-12), 1.0, dps=15)
    hard = reference.limit(mix, asy.MaxMargin(), 1.0, dps=15)
    assert abs(soft.accuracy - hard.accuracy) < 1e-10


# ---------------------------------------------------------------- the contract


def test_no_precision_of_the_caller_is_read_or_changed():
    before = mpmath.mp.dps
    with mpmath.workdps(5):
        found = reference.limit(asy.SpikedMixture(1.5), asy.SVM(0.1), 0.5, dps=30)
        assert mpmath.mp.dps == 5
    assert mpmath.mp.dps == before
    again = reference.limit(asy.SpikedMixture(1.5), asy.SVM(0.1), 0.5, dps=45)
    assert 0 < abs(again.accuracy - found.accuracy) < again.accuracy.context.mpf(10) ** -30


def test_results_pickle():
    found = reference.limit(asy.SpikedMixture(1.5), asy.Ridge(0.1), 0.5, dps=33)
    copy = pickle.loads(pickle.dumps(found))
    assert copy.dps == 33
    assert copy.error == found.error and str(copy.error) == str(found.error)


def test_no_limit():
    mix = asy.SpikedMixture(1.0)
    with pytest.raises(asy.NoLimitError, match=r"above the threshold 0\.270267"):
        reference.limit(mix, asy.MaxMargin(), 0.27)
    with pytest.raises(asy.NoLimitError, match=r"below the threshold 0\.270267"):
        reference.limit(mix, asy.Logistic(0.0), 0.28)
    with pytest.raises(asy.NoLimitError, match=r"below the threshold 1\.0"):
        reference.limit(mix, asy.Ridge(0.0), 1.0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            (asy.SpikedMixture([1.0, 2.0]), asy.Ridge(0.1), 0.5),
            ValueError,
            "signal must be a single",
        ),
        (
            (asy.SpikedMixture(1.0), asy.Ridge([0.1, 1.0]), 0.5),
            ValueError,
            "penalty must be a single",
        ),
        (
            (asy.SpikedMixture(1.0), asy.Ridge(0.1), [0.5]),
            ValueError,
            "aspect_ratio must be a single",
        ),
        ((asy.SpikedMixture(1.0), asy.Ridge(0.1), -1.0), ValueError, "aspect_ratio must be in"),
        ((asy.SpikedMixture(1.0), "ridge", 0.5), TypeError, "clf must be a classifier"),
        (("mix", asy.Ridge(0.1), 0.5), TypeError, "mix must be"),
        ((asy.SpikedMixture(1.0), asy.Ridge(0.1), 0.5, "gain"), TypeError, "projector must be"),
    ],
)
def test_invalid_input(arguments, error, message):
    with pytest.raises(error, match=message):
        reference.limit(*arguments)


@pytest.mark.parametrize("dps", [0, -3, 12.5])
def test_invalid_digits(dps):
    with pytest.raises((ValueError, TypeError), match="dps must be an integer of at least 1"):
        reference.limit(asy.SpikedMixture(1.0), asy.Ridge(0.1), 0.5, dps=dps)
    with pytest.raises((ValueError, TypeError), match="dps must be an integer of at least 1"):
        reference.separability_threshold(asy.SpikedMixture(1.0), dps=dps)


# ---------------------------------------------------------------- digits that were not reached


def test_too_few_working_digits_raise(monkeypatch):
    """A solution at fewer digits than asked for is not passed off as one."""
    monkeypatch.setattr(reference_limits, "_GUARDS", (-10, -5))
    with pytest.raises(asy.ConvergenceError, match="30 digits of the limit"):
        reference.limit(asy.SpikedMixture(1.5), asy.SquaredHinge(0.1), 0.5, dps=30)


def test_coarse_quadrature_raises(monkeypatch):
    """Nodes that are not graded towards the loss miss it; two precisions give two answers."""
    monkeypatch.setattr(reference_logistic, "_GRADING", 0.05)
    monkeypatch.setattr(reference_limits, "_GUARDS", (20,))
    with pytest.raises(asy.ConvergenceError, match="30 digits of the limit"):
        reference.limit(asy.SpikedMixture(1.5), asy.Logistic(1e-4), 0.5, dps=30)


def test_more_working_digits_are_tried_before_that(monkeypatch):
    monkeypatch.setattr(reference_limits, "_GUARDS", (-10, 20))
    found = reference.limit(asy.SpikedMixture(1.5), asy.SquaredHinge(0.1), 0.5, dps=30)
    monkeypatch.undo()
    assert (
        found.error
        == reference.limit(asy.SpikedMixture(1.5), asy.SquaredHinge(0.1), 0.5, dps=30).error
    )
