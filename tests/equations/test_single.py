"""One problem in plain floats against the same problem in a batch, which is its judge."""

import numpy as np
import pytest

import asymptotics as asy
from asymptotics.equations.fixed_point import solve_fixed_point
from asymptotics.equations.prior import flat_problem
from asymptotics.equations.single import solve_single
from asymptotics.equations.system import evaluate, to_coordinates


def draws(count, seed):
    """Random problems of every kind: with spikes, unequal classes, an expansion, many scales."""
    rng = np.random.default_rng(seed)
    for k in range(count):
        signal, gamma, penalty, gain, noise = np.exp(
            rng.uniform(np.log([0.05, 0.02, 1e-4, 0.1, 0.3]), np.log([6.0, 20.0, 1e2, 10.0, 3.0]))
        )
        spikes = [asy.Spike(np.exp(rng.uniform(-2, 3)), rng.uniform(-0.99, 0.99))] * (k % 2)
        balance = 0.5 if k % 3 == 0 else rng.uniform(0.05, 0.95)
        mix = asy.SpikedMixture(signal, noise, spikes, balance)
        spectrum = mix.spectrum(asy.Expansion(gain))
        clf = asy.Logistic(penalty, fit_intercept=k % 5 > 0)
        yield (
            clf,
            flat_problem(
                spectrum, np.asarray(gamma), np.asarray(penalty), clf.fit_intercept, slice(None)
            ),
        )


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_the_batch(seed):
    served = 0
    cases = list(draws(60, seed))
    for clf, problem in cases:
        found = solve_single(problem, clf)
        if found is None:
            continue
        served += 1
        judge = solve_fixed_point(problem.take(np.array([0, 0])), clf)  # too many for the floats
        for name in ("mean", "variance", "susceptibility", "intercept", "loss"):
            one, many = getattr(found, name)[0], getattr(judge, name)[0]
            assert one == pytest.approx(many, rel=1e-11, abs=1e-13), name
        assert found.converged[0] and found.residual[0] <= 1e-9
    assert served > 0.5 * len(cases)


def test_residual_on_other_nodes():
    """The graded quadrature finds the equations of system.py solved."""
    for clf, problem in draws(60, 11):
        found = solve_single(problem, clf)
        if found is None:
            continue
        x = np.stack(
            [
                np.log(found.mean / problem.signal),
                np.log(found.variance),
                np.log(found.susceptibility),
                found.intercept,
            ],
            axis=-1,
        )
        assert evaluate(problem, to_coordinates(problem, x, clf), clf).size[0] < 1e-11


def test_what_it_does_not_serve_goes_the_way_of_the_batch():
    """No penalty, a law far narrower than the loss, too many atoms: None, and a limit all the same."""
    one = asy.SpikedMixture(1.5).spectrum()
    narrow = asy.SpikedMixture(1e-3, noise=1e-4).spectrum()
    many = asy.Spectrum(np.linspace(1, 2, 20), np.full(20, 0.05), np.full(20, 0.1))
    for spectrum, penalty, gamma in ((one, 0.0, 0.1), (narrow, 1.0, 0.5), (many, 0.1, 0.5)):
        clf = asy.Logistic(penalty)
        problem = flat_problem(spectrum, np.asarray(gamma), np.asarray(penalty), True, slice(None))
        assert solve_single(problem, clf) is None
        assert asy.limit(spectrum, clf, gamma).status == "converged"


def test_a_single_limit_is_that_of_an_array():
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(4.0, 0.5)], balance=0.3)
    gammas = np.array([0.1, 0.5, 2.0])
    together = asy.limit(mix, asy.Logistic(0.1), gammas)
    for k, gamma in enumerate(gammas):
        alone = asy.limit(mix, asy.Logistic(0.1), gamma)
        for name in ("accuracy", "error", "mean", "variance", "intercept", "train_loss"):
            assert getattr(alone, name) == pytest.approx(getattr(together, name)[k], rel=1e-12)
