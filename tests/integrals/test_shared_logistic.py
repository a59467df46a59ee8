"""One set of nodes for many laws: against nodes for each law, and against adaptive quadrature."""

import numpy as np
import pytest
import scipy

from asymptotics.integrals.logistic import logistic_rule
from asymptotics.integrals.shared_logistic import shared_logistic_rule


def batch(rng, likeness):
    """Laws alike: all of one decade or so, between tiny and wide, and V from 1e-3 to 1e5."""
    v = 10 ** rng.uniform(-3, 5) * np.exp(likeness * rng.normal(size=16))
    deviation = 10 ** rng.uniform(-2, 2) * np.exp(0.5 * likeness * rng.normal(size=16))
    mean = deviation.min() * rng.uniform(-1, 15) + 3 * likeness * rng.normal(size=16) * deviation
    return np.maximum(mean - rng.uniform(0, 0.5) * v, -0.5 * v), deviation, v


@pytest.mark.parametrize("likeness", [0.0, 0.1, 0.4])
def test_against_nodes_for_each_law(likeness):
    rng = np.random.default_rng(int(10 * likeness))
    served = 0
    for _ in range(150):
        laws = batch(rng, likeness)
        shared = shared_logistic_rule(*laws)
        if shared is None:
            continue
        served += 1
        assert shared.covers(*laws)[0].all()
        own = logistic_rule(*laws)
        fine = logistic_rule(*laws, 3 * own.delta.shape[-1])
        found, expected = (
            np.array([*rule.averages(*laws), rule.loss(*laws)]) for rule in (shared, fine)
        )
        scale = np.abs(expected)
        for signed, whole in ((5, 2), (6, 2), (7, 3)):  # those with z may vanish
            scale[signed] = np.maximum(scale[signed], scale[whole])
        seen = expected[1] != 0  # where f² does not underflow
        gap = np.abs(found - expected)[:, seen] / scale[:, seen]
        # that of a rule for one law, see logistic.py; f²f' only steers, and its mass lies far out
        assert np.max(gap[[0, 1, 2, 3, 5, 6, 7, 8]], initial=0.0) < 1e-11
        assert np.max(gap[4], initial=0.0) < 1e-2
    assert served > 100


def test_against_adaptive_quadrature():
    mean, deviation, v = np.array([[0.3, 2.0, 5.0], [2.0, 3.0, 6.0], [2.0, 4.0, 3.0]])
    rule = shared_logistic_rule(mean, deviation, v)

    def root(omega, v):
        def gap(x):
            return x - v * scipy.special.expit(-x) - omega

        return scipy.optimize.brentq(gap, omega - 1e-9, omega + v + 1e-9, xtol=1e-15)

    found = rule.averages(mean, deviation, v)
    for k in range(3):
        for moment, power in ((found[0], 1), (found[1], 2)):

            def integrand(z, k=k, power=power):
                f = scipy.special.expit(-root(mean[k] + deviation[k] * z, v[k]))
                return f**power * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)

            exact = scipy.integrate.quad(integrand, -9, 9, epsabs=1e-13, epsrel=1e-12, limit=400)[0]
            assert moment[k] == pytest.approx(exact, rel=1e-11)
    assert abs(rule.averages(mean + 0.01, deviation, v)[0][0] / found[0][0] - 1) > 1e-4


@pytest.mark.parametrize(
    "law", [(0.3, 0.9, 0.5), (0.3, 1.0, 0.7), (30.0, 1.0, 0.5), (np.nan, 1, 1)]
)
def test_a_law_beyond_the_envelope_is_not_covered(law):
    rule = shared_logistic_rule(*np.full((3, 4), [[0.3], [1.0], [0.5]]))
    tight, loose = rule.covers(*np.array(law)[:, None])
    assert not tight[0]
    assert loose[0] == (law[1] == 0.9 or law[2] == 0.7)


def test_laws_that_have_little_in_common_want_nodes_of_their_own():
    assert shared_logistic_rule(np.zeros(2), np.array([1e-3, 10.0]), np.ones(2)) is None
    assert shared_logistic_rule(np.array([0.0, 1e3]), np.ones(2), np.ones(2)) is None
    assert shared_logistic_rule(np.full(2, np.nan), np.ones(2), np.ones(2)) is None


def test_a_law_that_is_not_finite_takes_no_other_with_it():
    laws = np.array([[0.3, 0.3, np.inf], [1.0, np.nan, 1.0], [0.5, 0.5, 0.5]])
    rule = shared_logistic_rule(*laws)
    with np.errstate(invalid="ignore"):
        found = rule.averages(*laws)[0]
    alone = shared_logistic_rule(*laws[:, :1]).averages(*laws[:, :1])[0]
    assert found[0] == pytest.approx(alone[0], rel=1e-14)
    assert np.isnan(found[1])
