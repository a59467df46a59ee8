"""Penalties in other people's units, against the estimators that use them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import Ridge as RidgeEstimator
from sklearn.svm import SVC, LinearSVC

import asymptotics as asy

N = 60


def draw(seed):
    return asy.SpikedMixture(1.0, balance=0.4).sample(N, 5, rng=seed)


CASES = {
    "logistic": (asy.Logistic, True, lambda c: LogisticRegression(C=c, tol=1e-12, max_iter=10**4)),
    "svc": (asy.SVM, True, lambda c: SVC(kernel="linear", C=c, tol=1e-10)),
    "linear": (
        asy.SquaredHinge,
        False,
        lambda c: LinearSVC(C=c, fit_intercept=False, tol=1e-12, max_iter=10**6),
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("cost", [0.01, 0.3])
def test_costs(name, cost):
    kind, free, estimator = CASES[name]
    x, y = draw(3)
    fit = kind.from_C(cost, N, fit_intercept=free).fit(x, y)
    coefficients = estimator(cost).fit(x, y).coef_[0]
    assert_allclose(fit.weights, coefficients, rtol=1e-6, atol=1e-6)
    wrong = kind.from_C(2 * cost, N, fit_intercept=free).fit(x, y)
    assert np.abs(wrong.weights - coefficients).max() > 1e-3
    assert_allclose(kind.from_C([cost, 1.0], N).to_C(N), [cost, 1.0], rtol=1e-15)


def test_alpha():
    x, y = draw(4)
    clf = asy.Ridge.from_alpha(7.0, N)
    assert_allclose(clf.fit(x, y).weights, RidgeEstimator(7.0).fit(x, y).coef_, rtol=1e-9)
    assert clf.to_alpha(N) == pytest.approx(7.0, rel=1e-15)


@pytest.mark.parametrize("solver", ["lsqr", "eigen"])
@pytest.mark.parametrize("shrinkage", [0.05, 0.6])
def test_shrinkage(solver, shrinkage):
    x, y = draw(5)
    centred = np.where(y[:, None] > 0, x - x[y > 0].mean(0), x - x[y < 0].mean(0))
    clf = asy.Ridge.from_shrinkage(shrinkage, np.square(centred).mean())
    assert clf.to_shrinkage(np.square(centred).mean()) == pytest.approx(shrinkage, rel=1e-14)
    lda = LinearDiscriminantAnalysis(solver=solver, shrinkage=shrinkage).fit(x, y)
    v, delta = lda.coef_[0], x[y > 0].mean(0) - x[y < 0].mean(0)
    product = (y > 0).mean() * (y < 0).mean() * (1 - shrinkage)
    assert_allclose(clf.fit(x, y).weights, 2 * product / (1 + product * delta @ v) * v, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: asy.SVM.from_C(0.0, 5), "C must"),
        (lambda: asy.Logistic.from_C(1.0, 0), "n must"),
        (lambda: asy.Ridge.from_alpha(-1.0, 5), "alpha must"),
        (lambda: asy.Ridge.from_shrinkage(1.0, 1.0), "shrinkage must"),
        (lambda: asy.Ridge.from_shrinkage(0.5, 0.0), "variance must"),
    ],
)
def test_ranges(call, word):
    with pytest.raises(ValueError, match=word):
        call()
