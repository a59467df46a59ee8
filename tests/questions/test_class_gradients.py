"""Gradients on K classes: against differences of limits, and against those of two classes."""

from dataclasses import replace

import numpy as np
import pytest

import asymptotics as asy

# Of limits, over the step of the differences, whose own error is the fifth derivative times h⁴; that
# of softmax on four classes is of one sign, and most of it cancels.
STEP = 1e-3
DIFFERENCE = {"ridge": 1e-8, "softmax": 1e-6, "softmax of four": 1e-5}
GAMMA, PENALTY, GAIN = 0.6, 0.1, 1.7

CLASSIFIERS = {
    "ridge": asy.Ridge,
    "ridge, no b": lambda lam: asy.Ridge(lam, fit_intercept=False),
    "ridge, balanced": lambda lam: asy.Ridge(lam, class_weight="balanced"),
    "softmax": asy.Softmax,
    "softmax, no b": lambda lam: asy.Softmax(lam, fit_intercept=False),
    "softmax, balanced": lambda lam: asy.Softmax(lam, class_weight="balanced"),
    "softmax, weighted": lambda lam: asy.Softmax(
        lam, class_weight=dict(enumerate([2.0, 0.5, 1.5, 1.0]))
    ),
}


def population(count, covariance, seed=1):
    rng = np.random.default_rng(seed)
    means = 1.2 * rng.normal(size=(count, count))
    a = rng.normal(size=(count, count, count))
    own = a @ a.transpose(0, 2, 1) / count + 0.5 * np.eye(count)
    spread = {"none": None, "shared": own[0], "own": own}[covariance]
    return asy.ClassMixture(means, spread, 1.1, rng.dirichlet(5 * np.ones(count)))


def expansion(name, count):
    contrast = [1.0, -1.0] + [0.0] * (count - 2)
    return {
        "none": lambda gain: None,
        "between": lambda gain: asy.Expansion(gain, subspace="between"),
        "contrast": lambda gain: asy.Expansion(gain, contrast=contrast),
        "misaligned": lambda gain: asy.Expansion(gain, alignment=0.6, contrast=contrast),
    }[name]


CASES = [
    ("ridge", 2, "own", "contrast"),
    ("ridge", 3, "none", "between"),
    ("ridge", 4, "shared", "misaligned"),
    ("ridge, no b", 3, "own", "between"),
    ("ridge, balanced", 3, "own", "none"),
    ("ridge, balanced", 4, "shared", "contrast"),
    ("softmax", 2, "shared", "contrast"),
    ("softmax", 3, "none", "misaligned"),
    ("softmax, no b", 3, "shared", "between"),
    ("softmax, balanced", 3, "shared", "none"),
    pytest.param("softmax, weighted", 4, "shared", "contrast", marks=pytest.mark.slow),
    pytest.param("softmax", 4, "none", "none", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "count", "covariance", "head"), CASES)
def test_against_differences(name, count, covariance, head):
    mix, make = population(count, covariance), CLASSIFIERS[name]
    project = expansion(head, count)
    found = asy.gradient(mix, make(PENALTY), GAMMA, project(GAIN))
    kind = name.split(",")[0] + (" of four" if count == 4 and "softmax" in name else "")
    tolerance = DIFFERENCE[kind]

    def slope(move):
        def accuracy(step):
            here = {"mix": mix, "penalty": PENALTY, "gamma": GAMMA, "gain": GAIN, **move(step)}
            clf, projector = make(here["penalty"]), project(here["gain"])
            return asy.limit(here["mix"], clf, here["gamma"], projector).accuracy

        near, far = (accuracy(k * STEP) - accuracy(-k * STEP) for k in (1, 2))
        return (8 * near - far) / (12 * STEP)

    wanted = {
        "signal": slope(lambda e: {"mix": replace(mix, means=mix.means * (1 + e))}),
        "noise": slope(lambda e: {"mix": replace(mix, noise=1.1 + e)}),
        "aspect_ratio": slope(lambda e: {"gamma": GAMMA + e}),
        "penalty": slope(lambda e: {"penalty": PENALTY + e}),
    }
    if head != "none":
        wanted["gain"] = slope(lambda e: {"gain": GAIN + e})
    else:
        assert found.gain is None
    for parameter, value in wanted.items():
        assert getattr(found, parameter) == pytest.approx(value, abs=tolerance), parameter
    for k in range(count):
        way = -mix.priors / (1 - mix.priors[k])
        way[k] = 1.0
        value = slope(lambda e, way=way: {"mix": replace(mix, priors=mix.priors + e * way)})
        assert found.priors[k] == pytest.approx(value, abs=tolerance)
    # moving the shares along themselves moves nothing
    assert found.priors @ (mix.priors * (1 - mix.priors)) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("free", [True, False], ids=["b", "no b"])
@pytest.mark.parametrize(
    ("two", "several", "factor"), [("Ridge", "Ridge", 1), ("Logistic", "Softmax", 2)]
)
@pytest.mark.parametrize("head", [None, asy.Expansion(2.0), asy.Expansion(0.5, alignment=0.4)])
def test_two_of_k_classes(two, several, factor, free, head):
    """One score and two, on a frame of eigenvectors and on matrices: two codes."""
    one = asy.SpikedMixture(1.5, balance=0.3, noise=1.2)
    both = asy.ClassMixture([[-1.5], [1.5]], priors=[0.7, 0.3], noise=1.2)
    a = asy.gradient(one, getattr(asy, two)(0.1, fit_intercept=free), 0.5, head)
    clf = getattr(asy, several)(0.1 * factor, fit_intercept=free)
    b = asy.gradient(both, clf, 0.5, head)
    close = {"abs": 1e-9 if two == "Logistic" else 1e-12}
    assert b.accuracy == pytest.approx(a.accuracy, **close)
    assert b.signal == pytest.approx(1.5 * a.signal, **close)
    assert b.noise == pytest.approx(a.noise, **close)
    assert b.aspect_ratio == pytest.approx(a.aspect_ratio, **close)
    assert b.penalty * factor == pytest.approx(a.penalty, **close)
    np.testing.assert_allclose(b.priors, [-a.balance, a.balance], atol=close["abs"])
    if head is not None:
        assert b.gain == pytest.approx(a.gain, **close)


def test_many_classes():
    """Orthants by Sobol points, their own standard error of 1e-5 and of slopes some times that."""
    mix, h = population(8, "none"), 0.02
    found = asy.gradient(mix, asy.Ridge(PENALTY), GAMMA)
    lim = asy.limit(mix, asy.Ridge(PENALTY), GAMMA * np.array([1 + h, 1 - h]))
    slope = (lim.accuracy[0] - lim.accuracy[1]) / (2 * h * GAMMA)
    assert found.aspect_ratio == pytest.approx(slope, abs=5e-4)


def test_shapes():
    mix = asy.ClassMixture.simplex(3, 2.0)
    grid = asy.gradient(mix, asy.Ridge([0.1, 0.2]), [[0.5], [2.0], [3.0]])
    assert grid.penalty.shape == grid.signal.shape == (3, 2)
    assert grid.priors.shape == (3, 2, 3)
    single = asy.gradient(mix, asy.Ridge(0.2), 2.0)
    assert isinstance(single.penalty, float)
    assert grid.penalty[1, 1] == single.penalty
    nothing = asy.gradient(
        mix, asy.Softmax(0.1), np.empty((0, 2)), asy.Expansion(2.0, subspace="between")
    )
    assert nothing.gain.shape == (0, 2)
    assert nothing.priors.shape == (0, 2, 3)


@pytest.mark.parametrize(
    ("mix", "clf", "head", "message"),
    [
        (asy.ClassMixture.simplex(3, 2.0), asy.Logistic(0.1), None, "clf must be Ridge or Softmax"),
        (asy.ClassMixture.simplex(3, 2.0), asy.Bayes(), None, "clf must be Ridge or Softmax"),
        (asy.ClassMixture.simplex(3, 2.0), asy.Ridge(0.1), asy.Power(0.5), "projector must be"),
        (asy.ClassMixture.simplex(3, 0.0), asy.Ridge(0.1), None, "means must differ"),
        (asy.ClassMixture.simplex(20, 2.0), asy.Ridge(0.1), None, "at most 16 classes"),
        (asy.ClassMixture(np.eye(2), labels=[-1, 1]), asy.Ridge(0.1), None, "labels must be None"),
        (
            asy.ClassMixture.simplex(3, 2.0),
            asy.Ridge(0.1),
            asy.Expansion(0.0, subspace="between"),
            "gain must be",
        ),
        (asy.GaussianClasses(np.eye(3), np.eye(3)), asy.Ridge(0.1), None, "mix must be"),
    ],
)
def test_refusals(mix, clf, head, message):
    with pytest.raises((TypeError, ValueError), match=message):
        asy.gradient(mix, clf, 0.5, head)
