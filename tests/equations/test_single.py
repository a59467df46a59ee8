"""One problem in plain floats against the same problem in a batch, which is its judge."""

import numpy as np
import pytest
from scipy.special import log_ndtr

import asymptotics as asy
from asymptotics.equations.collapse import weights_vanish
from asymptotics.equations.fixed_point import solve_fixed_point
from asymptotics.equations.prior import flat_problem
from asymptotics.equations.single import solve_single
from asymptotics.equations.system import evaluate, to_coordinates

CLASSIFIERS = [asy.Logistic, asy.SVM, asy.SquaredHinge, asy.MaxMargin]
by_kind = pytest.mark.parametrize("kind", CLASSIFIERS, ids=lambda kind: kind.__name__)


def draws(kind, count, seed):
    """Random problems of every kind: with spikes, unequal classes, an expansion, many scales."""
    rng = np.random.default_rng(seed)
    while count:
        signal, gamma, penalty, gain, noise = np.exp(
            rng.uniform(np.log([0.02, 0.01, 1e-5, 0.03, 0.1]), np.log([12.0, 40.0, 1e3, 30.0, 8.0]))
        )
        spikes = [asy.Spike(np.exp(rng.uniform(-2, 4)), rng.uniform(-0.99, 0.99))] * (count % 2)
        balance = 0.5 if count % 3 == 0 else rng.uniform(0.005, 0.995)
        mix = asy.SpikedMixture(signal, noise, spikes, balance)
        intercept = {"fit_intercept": bool(count % 5)}
        clf = kind(**intercept) if kind is asy.MaxMargin else kind(penalty, **intercept)
        problem = flat_problem(
            mix.spectrum(asy.Expansion(gain)),
            np.asarray(gamma),
            np.asarray(clf.penalty_values),
            clf.fit_intercept,
            slice(None),
        )
        if clf.needs_separable and gamma < 1.001 * clf.critical_aspect_ratio(problem)[0]:
            continue
        if kind is asy.SVM and weights_vanish(problem)[0]:
            continue
        count -= 1
        yield clf, problem


def log_error(state, balance):
    sides = state.mean + np.array([1.0, -1.0]) * state.intercept
    terms = np.log([balance[0], 1 - balance[0]]) + log_ndtr(-sides / np.sqrt(state.variance))
    return np.logaddexp(*terms)


@by_kind
@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_the_batch(kind, seed):
    served = 0
    cases = list(draws(kind, 60, seed))
    for clf, problem in cases:
        found = solve_single(problem, clf)
        if found is None:
            continue
        served += 1
        judge = solve_fixed_point(problem.take(np.array([0, 0])), clf)  # too many for the floats
        assert judge.converged[0] and found.converged[0] and found.residual[0] <= 1e-9
        one, many = (log_error(state, problem.balance) for state in (found, judge))
        assert one == pytest.approx(many, rel=1e-10, abs=1e-10)
        for name in ("mean", "variance", "susceptibility", "intercept"):
            one, many = getattr(found, name)[0], getattr(judge, name)[0]
            assert one == pytest.approx(many, rel=1e-10, abs=1e-12), name
        # by its logarithm: a tail feels the rounding of its place
        if judge.loss[0] > 1e-280:
            one, many = np.log([found.loss[0], judge.loss[0]])
            assert one == pytest.approx(many, rel=1e-10, abs=1e-10)
        else:
            assert found.loss[0] <= 1e-279
    assert served > (0.5 if kind is asy.Logistic else 0.8) * len(cases)


@by_kind
def test_residual_on_other_nodes(kind):
    """The quadrature of arrays finds the equations of system.py solved, and a wrong state unsolved."""
    for clf, problem in draws(kind, 60, 11):
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
        x = to_coordinates(problem, x, clf)
        # the kink among the margins is known as well as the rounding of m and b lets it be
        rounding = 1e-15 * (1 + np.abs(found.mean) + np.abs(found.intercept)) / found.variance**0.5
        assert evaluate(problem, x, clf).size[0] < 1e-11 + 100 * rounding[0]
        assert evaluate(problem, x + 1e-4, clf).size[0] > 1e-7


@by_kind
def test_moments_of_laws_in_floats(kind):
    """As those of arrays, from deep in one tail of the loss to deep in the other."""
    rng = np.random.default_rng(3)
    clf = kind() if kind is asy.MaxMargin else kind(0.1)
    seen = 0
    for _ in range(200):
        deviation, v = np.exp(rng.uniform(-4, 4, 2))
        depth = rng.uniform(-12, 12)
        place = depth if clf.kinked else 1.0 - depth * deviation
        laws = clf.law_moments((place,), deviation, v, True)
        if laws is None:
            continue
        seen += 1
        law = np.array([[place], [deviation], [v]])
        moments = clf.moments(*law, clf.rule(*law))
        # those with z change their sign: beside those without it
        far = 1.0 + abs(depth)
        size = [*moments[:5], far * moments.df, far**2 * moments.df, far * moments.f_df]
        # of a tail the logarithm moves with its place, whose rounding is seen
        slack = 1e-13 * far**2
        assert np.all(np.abs(laws[0][:8] - np.ravel(moments)) <= slack * np.abs(np.ravel(size)))
        loss = clf.training_loss(*law, clf.rule(*law))[0]
        assert laws[0][8] == pytest.approx(loss, rel=slack * (1.0 + v / deviation), abs=1e-290)
    assert seen > 60


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


@pytest.mark.parametrize(
    "clf",
    [asy.Logistic(0.1), asy.SVM(0.1), asy.SquaredHinge(0.1), asy.MaxMargin()],
    ids=lambda clf: type(clf).__name__,
)
def test_a_single_limit_is_that_of_an_array(clf):
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(4.0, 0.5)], balance=0.3)
    gammas = np.array([1.1, 1.5, 4.0])
    together = asy.limit(mix, clf, gammas)
    for k, gamma in enumerate(gammas):
        alone = asy.limit(mix, clf, gamma)
        for name in ("accuracy", "error", "mean", "variance", "intercept", "train_loss"):
            assert getattr(alone, name) == pytest.approx(getattr(together, name)[k], rel=1e-11)
