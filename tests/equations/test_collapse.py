"""The phase in which an unbalanced support vector machine with an intercept has no weights.

asymptotics/equations/collapse.py derives it; here its boundary is recomputed with SciPy, found in
linear programs, and crossed by libsvm.
"""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq, linprog
from scipy.stats import norm
from sklearn.svm import SVC

import asymptotics as asy


def collapsed(signal, balance, aspect_ratio, penalty=0.1, **options):
    """Within 1e-7 of the boundary the other side may be out of reach, which is no collapse."""
    mix = asy.SpikedMixture(signal, balance=balance, **options)
    lim = asy.limit(mix, asy.SVM(penalty), aspect_ratio, throw=False)
    assert str(lim.status) in ("converged", "not converged")
    return lim.variance == 0.0


def critical_signal(balance, aspect_ratio):
    """The signal above which the weights come back, by bisection on the limit."""
    low, high = 0.0, 3.0
    assert collapsed(low, balance, aspect_ratio)
    assert not collapsed(high, balance, aspect_ratio)
    for _ in range(45):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if collapsed(middle, balance, aspect_ratio) else (low, middle)
    return 0.5 * (low + high)


def expected_critical_signal(balance, aspect_ratio):
    """The same from E f = (1-Π)/Π, Π P(κ-ρ < g < κ) = γ and γ²/ρ² = 4(1-Π)²s² + γ((1-Π) + Π E f²)."""
    major, minor = max(balance, 1 - balance), min(balance, 1 - balance)

    def width(low):
        return norm.ppf(norm.cdf(low) + aspect_ratio / major) - low

    def moment(low, power):
        rho = width(low)
        kink = low + rho
        inner = quad(lambda g: ((kink - g) / rho) ** power * norm.pdf(g), low, kink, epsabs=1e-14)[
            0
        ]
        return norm.cdf(low) + inner

    edge = norm.ppf(1 - aspect_ratio / major)
    low = brentq(lambda x: moment(x, 1) - minor / major, -8.0, edge - 1e-9, xtol=1e-14)
    excess = (aspect_ratio / width(low)) ** 2 - aspect_ratio * (minor + major * moment(low, 2))
    return np.sqrt(excess) / (2 * minor)


@pytest.mark.parametrize(
    ("balance", "aspect_ratio"), [(0.9, 0.05), (0.1, 0.05), (0.97, 0.02), (0.6, 0.012)]
)
def test_boundary(balance, aspect_ratio):
    """An iterative result against quadrature: ten times the tolerance of the latter."""
    expected = expected_critical_signal(balance, aspect_ratio)
    assert critical_signal(balance, aspect_ratio) == pytest.approx(expected, rel=1e-9)


def test_what_is_left_is_the_larger_class():
    for balance in (0.1, 0.9):
        lim = asy.limit(asy.SpikedMixture(0.5, balance=balance), asy.SVM(0.1), 0.05)
        assert lim.status == asy.Status.CONVERGED
        assert (lim.accuracy, lim.train_accuracy) == (0.9, 0.9)
        assert lim.error == pytest.approx(0.1, rel=1e-15)
        assert (lim.mean, lim.variance, lim.susceptibility) == (0.0, 0.0, 0.0)
        assert lim.intercept == np.sign(balance - 0.5)
        assert lim.train_loss == pytest.approx(0.2, rel=1e-15)  # 2 on the smaller class


def test_boundary_knows_neither_penalty_nor_covariance():
    """It is a matter of s² = μᵀΣ⁻¹μ alone."""
    edge = critical_signal(0.9, 0.05)
    spike = asy.Spike(3.0, 0.6)
    shrunk = np.sqrt(1 - 3.0 * 0.36 / 4.0)  # of μ/|μ|: 1 - θc²/(1 + θ)
    for penalty in (0.0, 1e-4, 1.0, 1e4):
        for step, expected in ((1 - 1e-6, True), (1 + 1e-6, False)):
            s = edge * step
            assert collapsed(s, 0.9, 0.05, penalty) is expected
            assert collapsed(2 * s, 0.9, 0.05, penalty, noise=2.0) is expected
            assert collapsed(s / shrunk, 0.9, 0.05, penalty, spikes=[spike]) is expected


def test_only_with_an_intercept_to_hide_behind():
    for mix, clf in (
        (asy.SpikedMixture(0.5, balance=0.9), asy.SVM(0.1, fit_intercept=False)),
        (asy.SpikedMixture(0.5), asy.SVM(0.1)),
        (asy.SpikedMixture(0.5, balance=0.9), asy.SquaredHinge(0.1)),
    ):
        assert asy.limit(mix, clf, 0.05).variance > 0


def test_weights_vanish_continuously():
    """Outside the boundary √q grows from 0, m with it, V and the losses without a jump."""
    edge = critical_signal(0.9, 0.05)
    steps = np.array([1e-6, 1e-4, 1e-2])
    lim = asy.limit(asy.SpikedMixture(edge * (1 + steps), balance=0.9), asy.SVM(0.1), 0.05)
    assert np.all(np.diff(lim.variance) > 0)
    # |w| is linear in the distance: a zero of q of second order
    np.testing.assert_allclose(
        lim.variance[:2] / steps[:2] ** 2, lim.variance[1] / steps[1] ** 2, rtol=0.02
    )
    assert abs(lim.accuracy[0] - 0.9) < 1e-6
    assert abs(lim.train_loss[0] - 0.2) < 1e-6


def can_hide(signal, balance, aspect_ratio, n, rng):
    """Whether w = 0 is optimal for a sample: Σ f_i y_i z_i = 0 with f = 1 on the smaller class, f in
    [0, 1] on the larger one, and Σ f_i y_i = 0; a linear program.
    """
    dimension = round(aspect_ratio * n)
    x, y = asy.SpikedMixture(signal, balance=balance).sample(n, dimension, rng)
    major = y == np.sign(balance - 0.5)
    rows = np.vstack([x[major].T, np.ones(major.sum())])
    right = np.append(x[~major].sum(0), (~major).sum())
    program = linprog(np.zeros(major.sum()), A_eq=rows, b_eq=right, bounds=(0, 1), method="highs")
    assert program.status in (0, 2)  # optimal or infeasible
    return program.status == 0


@pytest.mark.parametrize(("balance", "aspect_ratio"), [(0.9, 0.05), (0.85, 0.04)])
def test_linear_programs_see_the_boundary(balance, aspect_ratio):
    """At n = 800 the transition is some 10% wide in the signal; 30% away it is over."""
    edge = critical_signal(balance, aspect_ratio)
    rng = np.random.default_rng(3)
    inside = [can_hide(0.7 * edge, balance, aspect_ratio, 800, rng) for _ in range(10)]
    outside = [can_hide(1.3 * edge, balance, aspect_ratio, 800, rng) for _ in range(10)]
    assert all(inside)
    assert not any(outside)


def squared_weights(signal, aspect_ratio, n, trials, rng):
    """|w|² of libsvm for balance 0.9 and penalty 0.1."""
    found = []
    for _ in range(trials):
        x, y = asy.SpikedMixture(signal, balance=0.9).sample(n, round(aspect_ratio * n), rng)
        found.append(
            np.square(SVC(C=1 / (0.1 * n), kernel="linear", tol=1e-4).fit(x, y).coef_).sum()
        )
    return np.array(found)


def test_libsvm_has_no_weights_inside():
    # its tolerance on the margins is 1e-4, and margins are of order |w|
    assert squared_weights(0.5, 0.03, 600, 10, np.random.default_rng(4)).max() < 1e-6


@pytest.mark.parametrize(("signal", "aspect_ratio"), [(0.5, 0.3), (1.2, 0.1)])
def test_libsvm_has_the_predicted_weights_outside(signal, aspect_ratio):
    n, trials = 600, 30
    found = squared_weights(signal, aspect_ratio, n, trials, np.random.default_rng(5))
    expected = asy.limit(
        asy.SpikedMixture(signal, balance=0.9), asy.SVM(0.1), aspect_ratio
    ).variance
    # four standard errors, and a relative bias of order 1/n
    allowance = 4 * found.std(ddof=1) / np.sqrt(trials) + 4 * expected / n
    assert abs(found.mean() - expected) < allowance
    # the negative control: the answer at another aspect ratio
    wrong = asy.limit(
        asy.SpikedMixture(signal, balance=0.9), asy.SVM(0.1), 1.5 * aspect_ratio
    ).variance
    assert abs(found.mean() - wrong) > allowance
