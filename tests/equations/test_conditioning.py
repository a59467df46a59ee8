"""Near a threshold a residual of 1e-9 says nothing: the answer is right, or there is none.

The reference judges at random populations and distances from the threshold, where the inverse
Jacobian magnifies the rounding of the equations by one over the distance.
"""

import numpy as np
import pytest

import asymptotics as asy
from asymptotics.equations.prior import ACCEPTED_ERROR

# Relative errors of the order parameters: the estimate is of their logarithms, q is a square.
TOLERANCE = 2 * ACCEPTED_ERROR
RNG = np.random.default_rng(12)
DISTANCES = np.array([1e-3, 1e-5, 1e-7, 1e-9, 1e-11])


def worst(lim, expected):
    """The largest relative error of m, q, V and the error."""
    names = ("mean", "variance", "susceptibility", "error")
    return max(
        float(abs(getattr(lim, n) - getattr(expected, n)) / abs(getattr(expected, n)))
        for n in names
    )


def judge(mix, clf, gamma):
    """Whether there is an answer; if so it has to be right."""
    lim = asy.limit(mix, clf, gamma, throw=False)
    if lim.status != "converged":
        assert lim.status == "not converged" and np.isnan(lim.mean)
        return False
    try:
        expected = asy.reference.limit(mix, clf, gamma, dps=12)
    except ArithmeticError:  # the reference gives up too: nothing to judge by
        return True
    assert worst(lim, expected) < TOLERANCE
    return True


@pytest.mark.parametrize("kind", [asy.SVM, asy.SquaredHinge, asy.MaxMargin])
@pytest.mark.parametrize("balance", [0.5, 0.3])
def test_right_or_refused(kind, balance):
    mix = asy.SpikedMixture(float(RNG.uniform(0.5, 2.0)), balance=balance)
    threshold = asy.separability_threshold(mix)
    hard = kind is asy.MaxMargin
    distances = DISTANCES * RNG.uniform(0.5, 2.0, size=DISTANCES.size)
    found = [
        judge(mix, kind() if hard else kind(0.0), threshold * (1 + (d if hard else -d)))
        for d in distances
    ]
    assert found[:2] == [True, True] and not found[-1]


@pytest.mark.slow
@pytest.mark.parametrize("distance", [1e-4, 1e-7])
def test_logistic_right_or_refused(distance):
    mix = asy.SpikedMixture(float(RNG.uniform(0.5, 2.0)))
    judge(mix, asy.Logistic(0.0), asy.separability_threshold(mix) * (1 - distance))


def test_logistic_at_a_distance_that_doubles_do_not_resolve():
    """m is 0.1427/δ at δ = 1e-9; 0.0746/δ has a residual that passes."""
    mix = asy.SpikedMixture(1.5)
    gamma = asy.separability_threshold(mix) * (1 - 1e-9)
    with pytest.raises(asy.ConvergenceError):
        asy.limit(mix, asy.Logistic(0.0), gamma)


def test_single_problems_and_batches_agree_where_logistic_is_ill_conditioned():
    mix = asy.SpikedMixture(float(RNG.uniform(0.5, 2.0)))
    gammas = asy.separability_threshold(mix) * (1 - np.geomspace(1e-2, 1e-6, 9))
    batch = asy.limit(mix, asy.Logistic(0.0), gammas)
    singles = np.array([asy.limit(mix, asy.Logistic(0.0), g).mean for g in gammas])
    np.testing.assert_allclose(singles, batch.mean, rtol=1e-8)
    # m grows like one over the distance, up to logarithms
    assert np.all(np.diff(batch.mean) > 0)


def test_rare_classes_and_strong_penalties():
    """The weights of a support vector machine nearly vanish, and b is 1 to the last digit."""
    found = asy.limit(asy.SpikedMixture(1.0, balance=8.94e-4), asy.SVM(765.0), 0.0043)
    assert found.accuracy == pytest.approx(0.999106, abs=1e-6)
    refused = 0
    for _ in range(150):
        mix = asy.SpikedMixture(
            float(RNG.uniform(0.0, 30.0)), balance=float(10 ** RNG.uniform(-4, -0.5))
        )
        clf = asy.SVM(float(10 ** RNG.uniform(1, 8)))
        gain = asy.Expansion(float(10 ** RNG.uniform(-3, 3)))
        lim = asy.limit(mix, clf, float(10 ** RNG.uniform(-3, 1)), gain, throw=False)
        refused += lim.status != "converged"
    assert refused == 0


def test_against_the_reference_at_rare_classes():
    for _ in range(3):
        mix = asy.SpikedMixture(
            float(RNG.uniform(0.5, 5.0)), balance=float(10 ** RNG.uniform(-3.5, -1))
        )
        clf, gamma = asy.SVM(float(10 ** RNG.uniform(2, 6))), float(10 ** RNG.uniform(-2, 0))
        lim = asy.limit(mix, clf, gamma)
        if lim.variance:
            assert worst(lim, asy.reference.limit(mix, clf, gamma, dps=15)) < 1e-9
