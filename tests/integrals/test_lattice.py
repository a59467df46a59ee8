"""Averages over a window of the lattice against adaptive quadrature over ω and a prox a point."""

import numpy as np
import pytest
import scipy

from asymptotics.integrals.lattice import window


def prox(omega, v):
    return scipy.optimize.brentq(
        lambda x: x - v * scipy.special.expit(-x) - omega,
        omega - 1e-9,
        omega + v + 1e-9,
        xtol=1e-15,
    )


@pytest.mark.parametrize(
    ("mean", "deviation", "v"),
    [(0.3, 1.0, 0.5), (2.0, 3.0, 4.0), (-1.0, 0.4, 2.0), (5.0, 8.0, 30.0), (1.0, 0.1, 0.1)],
)
def test_against_adaptive_quadrature(mean, deviation, v):
    def expectation(g):
        def integrand(z):
            return g(prox(mean + deviation * z, v), z) * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)

        return scipy.integrate.quad(integrand, -9, 9, epsabs=1e-13, epsrel=1e-12, limit=400)[0]

    def f(x):
        return scipy.special.expit(-x)

    def bend(x):
        return f(x) * (1 - f(x))

    for fine, tolerance in ((False, 1e-6), (True, 1e-11)):
        zeroth, first, second = window((mean,), deviation, v, fine).sums(mean, deviation, v)
        assert zeroth[0] + v * zeroth[2 + 1] == pytest.approx(
            expectation(lambda x, z: f(x)), rel=tolerance
        )
        # E f' = -∫ ℓ'' φ dx: the stretch of dω cancels
        average = expectation(lambda x, z: bend(x) / (1 + v * bend(x)))
        assert zeroth[2] == pytest.approx(average, rel=tolerance)
        tilted = expectation(lambda x, z: z * bend(x) / (1 + v * bend(x)))
        assert first[2] == pytest.approx(tilted, rel=tolerance, abs=tolerance * average)
        squared = expectation(lambda x, z: z * z * bend(x) / (1 + v * bend(x)))
        assert second[2] == pytest.approx(squared, rel=tolerance)


def test_a_wrong_law_is_told_apart():
    right = window((0.3,), 1.0, 0.5, True)
    assert abs(right.sums(0.3, 1.0, 0.5)[0][0] - right.sums(0.31, 1.0, 0.5)[0][0]) > 1e-3


@pytest.mark.parametrize(
    ("mean", "deviation", "v"), [(0.0, 1e-3, 1.0), (0.0, 1.0, 1e6), (1e4, 1.0, 1.0), (np.nan, 1, 1)]
)
def test_where_a_graded_rule_has_to_take_over(mean, deviation, v):
    assert window((mean,), deviation, v, True) is None
