"""The start of the continuation: intercepts that balance the classes, and the path to the end."""

import numpy as np
import pytest
from scipy.optimize import brentq

import asymptotics as asy
from asymptotics.equations.continuation import _balance_classes, continue_from_afar
from asymptotics.equations.first_guess import first_guess
from asymptotics.equations.prior import flat_problem
from asymptotics.equations.system import to_coordinates

LOSSES = [asy.Logistic(0.1), asy.SVM(0.1), asy.SquaredHinge(0.1), asy.MaxMargin()]


def problems(rng, count):
    balance = 0.5 + rng.choice([-1, 1], count) * rng.uniform(0.001, 0.49, count)
    mix = asy.SpikedMixture(rng.uniform(0.1, 3.0, count), balance=balance)
    ratio, penalty = np.exp(rng.uniform([[-2], [-6]], [[2], [6]], (2, count)))
    return flat_problem(mix.spectrum(), ratio, penalty, True, slice(None))


@pytest.mark.parametrize("clf", LOSSES, ids=lambda clf: type(clf).__name__)
def test_the_classes_are_balanced(clf):
    """Against a bisection of another library's, one problem at a time."""
    rng = np.random.default_rng(11)
    problem = problems(rng, 12)
    with np.errstate(all="ignore"):
        start = first_guess(problem, clf)
        found = _balance_classes(problem, start, clf)
    for k in range(12):
        part = problem.take(np.array([k]))
        unit_mean, q, v = np.exp(start[k, :3])
        m, deviation = part.signal * unit_mean, np.array([np.sqrt(q)])

        def gap(b, m=m, deviation=deviation, v=v, part=part):
            means = np.array([m + b, m - b])
            places = (1.0 - means) / deviation if clf.kinked else means
            forces = (clf.moments(place, deviation, np.array([v])).f for place in places)
            with np.errstate(divide="ignore"):
                plus, minus = (np.log(f) for f in forces)
            odds = np.log(part.balance / (1.0 - part.balance))
            return float(np.clip(plus - minus + odds, -1e3, 1e3)[0])

        b = brentq(gap, -100.0 - v, 100.0 + v, xtol=1e-14, rtol=1e-14, maxiter=500)
        expected = start[k : k + 1].copy()
        expected[:, 3] = b
        np.testing.assert_allclose(
            found[k], to_coordinates(part, expected, clf)[0], rtol=1e-11, atol=1e-11
        )


@pytest.mark.parametrize("clf", LOSSES[:3], ids=lambda clf: type(clf).__name__)
def test_the_end_of_the_path_is_the_limit(clf):
    problem = problems(np.random.default_rng(12), 20)
    with np.errstate(all="ignore"):
        found = continue_from_afar(problem, clf)
    solved = found.residual <= 1e-9
    assert solved.mean() >= 0.8
    for k in np.flatnonzero(solved):
        mix = asy.SpikedMixture(np.sqrt(problem.signal[k]), balance=problem.balance[k])
        lim = asy.limit(mix, type(clf)(problem.penalty[k]), problem.aspect_ratio[k])
        assert np.exp(found.x[k, 1]) == pytest.approx(lim.variance, rel=1e-8)
