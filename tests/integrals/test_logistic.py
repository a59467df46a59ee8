"""The logistic channel's quadrature and its prox, at points that are hard for either."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import asymptotics as asy
from asymptotics.integrals.logistic import logistic_prox, logistic_rule

DATA = Path(__file__).parents[1] / "data"
REFERENCE = json.loads((DATA / "logistic_moments.json").read_text())
CHANNEL = asy.Logistic(1.0)


def logs_of(mean, deviation, v, rule=None):
    """Logarithms of E f, E f², -E f', E ℓ(prox), shape (4, B)."""
    with np.errstate(all="ignore"):  # as in the solver
        moments = CHANNEL.moments(mean, deviation, v, rule)
        loss = CHANNEL.training_loss(mean, deviation, v, rule)
        return np.log(np.stack([moments.f, moments.f2, -moments.df, loss]))


def law(rows):
    return [np.array([row[name] for row in rows]) for name in ("mean", "deviation", "v")]


def test_rule_against_mpmath():
    """49 points: deviations from 1e-7 to 1e3, V from 1e-7 to 1e11, moments down to 1e-140."""
    errors = np.array([np.abs(logs_of(*law([row]))[:, 0] - row["logs"]).max() for row in REFERENCE])
    # 1e-10 is a tenth of the residual that is accepted. It is approached only where the law lies
    # so that ω(x) = x + Vℓ'(x) itself is rounded (V = 1e7 and more) or deep between the bends.
    assert errors.max() < 1e-10
    assert np.mean(errors < 1e-12) > 0.9
    assert np.median(errors) < 5e-15


def test_rule_in_a_batch():
    """One batch of all the points: the nodes of the most demanding law serve the others too."""
    logs = logs_of(*law(REFERENCE))
    expected = np.array([row["logs"] for row in REFERENCE]).T
    assert np.abs(logs - expected).max() < 1e-10


def test_reference_is_reproducible():
    """The script that wrote the file writes the same numbers."""
    spec = importlib.util.spec_from_file_location("script", DATA / "make_logistic_moments.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    points = list(script.points())
    assert len(points) == len(REFERENCE)
    for (mean, deviation, v), row in zip(points, REFERENCE, strict=True):
        assert (mean, deviation, v) == (row["mean"], row["deviation"], row["v"])
    np.testing.assert_allclose(script.moments(*points[9]), REFERENCE[9]["logs"], rtol=1e-14)


def random_laws(count, seed):
    """Laws around the bends of the loss, none beyond the middle -V/2, where no solution lies."""
    rng = np.random.default_rng(seed)
    deviation, v = 10 ** rng.uniform(-7, 3, count), 10 ** rng.uniform(-7, 7, count)
    bends = np.stack([0 * v, np.log1p(v), -0.5 * v, rng.uniform(-1, 1, count)])
    bend = bends[rng.integers(4, size=count), np.arange(count)]
    return np.maximum(bend + rng.normal(size=count) * 4 * deviation, -0.5 * v), deviation, v


def test_derivatives_by_steins_lemma():
    """Moments with z against differences of moments without, through the same law shifted."""
    mean, deviation, v = random_laws(300, 0)
    deviation = np.maximum(deviation, 1e-3)
    step = 1e-6  # beside z² up to 1000, and beside a rounding error of 1e-14

    def moments(shift=0.0, stretch=1.0):
        with np.errstate(all="ignore"):
            return CHANNEL.moments(mean + shift * deviation, deviation * stretch, v)

    here = moments()
    by_mean = [(a - b) / (2 * step) for a, b in zip(moments(step), moments(-step), strict=True)]
    # E[g'] √q = ∂E[g]/∂(mean/√q); the moments of z are those of the derivative by Stein's lemma
    scale = deviation
    for value, difference in (
        (here.df * scale, by_mean[0]),
        (2 * here.f_df * scale, by_mean[1]),
        (here.df_z, by_mean[2]),
    ):
        size = np.abs(value) + np.abs(here.f2) + np.abs(here.df)
        assert np.abs((value - difference) / size).max() < 1e-6
    # ∂E[f]/∂q = E[f' z]/(2√q)
    wider, thinner = (moments(stretch=s) for s in (1 + step, 1 - step))
    by_deviation = (wider.f - thinner.f) / (2 * step)
    assert (
        np.abs((here.df_z * deviation - by_deviation) / (here.f + np.abs(by_deviation))).max()
        < 1e-6
    )


# what a rule made for a neighbour is worth


def drifted(laws, signs, shift, stretch, bend):
    """Laws that differ by shares of what `covers` allows, in each of three ways."""
    mean, deviation, v = laws
    there = v * np.exp(bend * signs[2])
    with np.errstate(all="ignore"):
        centre = logistic_prox(mean, v, 1e-6 * np.minimum(deviation, 1.0))
        pull = (there - v) / (1.0 + np.exp(np.minimum(centre, 700.0)))
    return mean + shift * signs[0] * deviation - pull, deviation * np.exp(stretch * signs[1]), there


def rule_of(laws):
    with np.errstate(all="ignore"):
        return logistic_rule(*laws)


def test_a_rule_holds_for_what_it_covers():
    """At nine tenths of every bound, in all eight combinations of signs."""
    from asymptotics.integrals.logistic import _DRIFT

    laws = random_laws(400, 1)
    rules = [rule_of([part[k : k + 1] for part in laws]) for k in range(400)]
    for signs in np.array(np.meshgrid(*[[-1, 1]] * 3)).reshape(3, -1).T:
        near = drifted(laws, signs, *(0.9 * bound for bound in _DRIFT))
        exact = logs_of(*near)
        for k, rule in enumerate(rules):
            one = [part[k : k + 1] for part in near]
            tight, loose = rule.covers(*one)
            assert tight.all() and loose.all()
            error = np.abs(logs_of(*one, rule)[:, 0] - exact[:, k]).max()
            assert error < 1e-10, (error, [float(part[0]) for part in one])


def test_a_rule_does_not_cover_what_lies_beyond():
    from asymptotics.integrals.logistic import _DRIFT

    laws = random_laws(200, 2)
    rule = rule_of(laws)
    for way in range(3):
        drift = [0.0, 0.0, 0.0]
        drift[way] = 1.1 * _DRIFT[way]
        tight, _ = rule.covers(*drifted(laws, np.ones(3), *drift))
        assert not tight.any()
    # V moves the centre, by more than it may where Vσ(-x) is large beside the deviation
    mean, deviation, v = np.array([0.3]), np.array([6e-5]), np.array([6.0])
    rule = rule_of([mean, deviation, v])
    assert not rule.covers(mean, deviation, 1.01 * v)[1].any()
    assert not rule.covers(mean * np.nan, deviation, v)[0].any()


def test_renewing_a_rule():
    laws = random_laws(50, 3)
    rule = rule_of(laws)
    moved = [part.copy() for part in laws]
    moved[0][:20] += 3 * moved[1][:20]
    stale = ~rule.covers(*moved)[0]
    assert stale[:20].all() and not stale[20:].any()
    with np.errstate(all="ignore"):
        renewed = rule.renew(stale, *moved)
    assert renewed.covers(*moved)[0].all()
    assert np.abs(logs_of(*moved, renewed) - logs_of(*moved)).max() < 1e-10
    # all of it, where it is all stale
    with np.errstate(all="ignore"):
        whole = rule.renew(np.ones(50, dtype=bool), *moved)
    np.testing.assert_array_equal(whole.made_for[..., :3], np.stack(moved, axis=-1))


def test_taking_part_of_a_rule():
    laws = random_laws(30, 4)
    index = np.array([3, 17, 28])
    part = rule_of(laws).take(index)
    some = [values[index] for values in laws]
    assert part.covers(*some)[0].all()
    assert np.abs(logs_of(*some, part) - logs_of(*some)).max() < 1e-10


# prox


def test_prox_solves_its_equation():
    """x - Vσ(-x) = ω, judged by the residual in units of x that rounding allows."""
    rng = np.random.default_rng(5)
    v = 10 ** rng.uniform(-7, 11, 3000)
    omega = np.where(
        rng.random(3000) < 0.5, rng.uniform(-1.2, 0.2, 3000) * v, rng.normal(size=3000) * 30
    )
    x = logistic_prox(omega, v, np.full(3000, 1e-7))
    sigma = np.where(x > 0, np.exp(-np.abs(x)), 1.0) / (1.0 + np.exp(-np.abs(x)))
    slope = 1.0 + v * sigma * (1.0 - sigma)
    rounding = 16 * np.finfo(float).eps * (np.abs(x) + v * sigma + np.abs(omega)) / slope
    assert np.all(np.abs(x - v * sigma - omega) / slope <= rounding + 1e-13)
    assert np.all((x >= omega) & (x <= omega + v))


@pytest.mark.parametrize("v", [1e-7, 0.1, 30.0, 1e6, 1e11])
def test_prox_is_increasing_and_symmetric(v):
    omega = np.concatenate([np.linspace(-1.5 * v, 0.5 * v, 101), np.linspace(-40.0, 40.0, 101)])
    omega = np.unique(omega)
    x = logistic_prox(omega, np.full(omega.size, v), np.full(omega.size, 1e-8))
    assert np.all(np.diff(x) > 0)
    # ℓ(-x) = ℓ(x) + x: the prox of -ω - V is minus that of ω
    mirrored = logistic_prox(-omega - v, np.full(omega.size, v), np.full(omega.size, 1e-8))
    np.testing.assert_allclose(mirrored, -x, rtol=1e-9, atol=1e-9 + 4e-16 * v)
