"""The estimators minimise exactly the objective whose limit is computed."""

import numpy as np
import pytest
import scipy.optimize
from numpy.testing import assert_allclose
from scipy.special import expit

import asymptotics as asy
from asymptotics.classifiers import logistic, squared_hinge
from asymptotics.training import active_set as support_vectors
from asymptotics.training import margin_sets
from asymptotics.training.linear_program import least_hinge
from asymptotics.training.samples import least_squares, row_space

SMOOTH = [asy.Ridge, asy.Logistic, asy.SquaredHinge]
PENALISED = [*SMOOTH, asy.SVM]
PENALTIES = [1e-7, 1e-3, 0.3, 30.0, 1e5]
SHAPES = [(60, 25), (40, 90)]
EVERY = [clf(0.2) for clf in PENALISED] + [asy.MaxMargin(), asy.MinNorm(), asy.Centroid()]


def draw(n, p, signal=1.0, balance=0.35, gain=1.0, seed=0):
    """Unbalanced points of both classes, stretched along the signal."""
    rng = np.random.default_rng(seed)
    labels = np.where(np.arange(n) < balance * n, 1.0, -1.0)
    features = rng.standard_normal((n, p))
    features[:, 0] = gain * (features[:, 0] + signal * labels)
    return features, labels


def derivative(clf, u):
    """ℓ'(u) and a bound of ℓ''(u)."""
    if isinstance(clf, asy.Ridge):
        return u - 1.0, np.ones_like(u)
    if isinstance(clf, asy.Logistic):
        return -expit(-u), expit(u) * expit(-u)
    return np.minimum(u - 1.0, 0.0), (u < 1.0).astype(float)


def newton_step(clf, features, labels, fit):
    """The Newton step of the exact objective at a fit, relative to the fit itself.

    It is free of units: a stretched coordinate counts as much as any other.
    """
    n, p = features.shape
    design = np.column_stack([features, np.ones(n)]) if clf.fit_intercept else features
    point = np.append(fit.weights, fit.intercept) if clf.fit_intercept else fit.weights
    slope, curvature = derivative(clf, labels * (design @ point))
    penalty = np.zeros(design.shape[1])
    penalty[:p] = clf.penalty
    gradient = design.T @ (labels * slope) / n + penalty * point
    hessian = (design.T * curvature) @ design / n + np.diag(penalty)
    step = np.linalg.lstsq(hessian, gradient, rcond=1e-14)[0]
    scale = np.abs(features).mean(0)
    return np.linalg.norm(scale * step[:p]) / np.linalg.norm(scale * fit.weights)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("kind", SMOOTH)
def test_smooth_objectives_are_stationary(kind, penalty, fit_intercept, shape):
    clf = kind(penalty, fit_intercept=fit_intercept)
    for gain in (0.03, 1.0, 30.0):
        features, labels = draw(*shape, gain=gain)
        fit = clf.fit(features, labels)
        assert newton_step(clf, features, labels, fit) < 1e-7
        slope, _ = derivative(clf, labels * (features @ fit.weights + fit.intercept))
        if fit_intercept:
            assert abs(labels @ slope) < 1e-7 * np.abs(slope).sum()
        else:
            assert fit.intercept == 0.0


def dual_weights(features, labels, fit, cap, fit_intercept, tolerance):
    """The α of a support vector machine, read off the margins; NaN where there is none.

    Beyond the margin α = 0, inside it α = C, and on it whatever the weights need.
    """
    margins = labels * (features @ fit.weights + fit.intercept)
    on = np.abs(margins - 1.0) < tolerance
    alpha = np.where(on | (margins > 1.0), 0.0, cap)
    signed = labels[:, None] * features
    target = fit.weights - alpha @ signed
    rows = signed[on].T
    if fit_intercept:
        weight = np.abs(features).mean()
        rows = np.vstack([rows, weight * labels[on]])
        target = np.append(target, -weight * (alpha @ labels))
    if on.any():
        alpha[on] = np.linalg.lstsq(rows, target, rcond=None)[0]
        target = target - rows @ alpha[on]
    return alpha, np.linalg.norm(target) / np.linalg.norm(fit.weights)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_svm_satisfies_the_optimality_conditions(penalty, fit_intercept, shape):
    clf = asy.SVM(penalty, fit_intercept=fit_intercept)
    for gain in (0.03, 1.0, 30.0):
        features, labels = draw(*shape, gain=gain)
        fit = clf.fit(features, labels)
        cap = 1.0 / (penalty * len(labels))
        size = np.abs(features @ fit.weights).max()
        alpha, residual = dual_weights(
            features, labels, fit, cap, fit_intercept, 1e-8 * max(size, 1e-6)
        )
        assert residual < 1e-6
        assert -1e-6 * alpha.max() <= alpha.min()
        assert alpha.max() <= cap * (1.0 + 1e-6)
        if fit_intercept:
            assert abs(alpha @ labels) < 1e-6 * alpha.sum()
        else:
            assert fit.intercept == 0.0


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("gain", [0.03, 1.0, 30.0])
def test_max_margin_satisfies_the_optimality_conditions(gain, fit_intercept):
    for shape, signal in (((40, 90), 0.5), ((60, 20), 3.0)):
        features, labels = draw(*shape, signal=signal, gain=gain)
        fit = asy.MaxMargin(fit_intercept=fit_intercept).fit(features, labels)
        margins = labels * (features @ fit.weights + fit.intercept)
        assert_allclose(margins.min(), 1.0, rtol=1e-9)
        alpha, residual = dual_weights(features, labels, fit, np.inf, fit_intercept, 1e-7)
        assert residual < 1e-8
        assert alpha.min() >= 0.0


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("clf", [asy.MinNorm, lambda **kw: asy.Ridge(0.0, **kw)])
def test_least_squares_interpolates_with_the_shortest_weights(clf, fit_intercept):
    for shape in SHAPES:
        features, labels = draw(*shape, gain=20.0)
        fit = clf(fit_intercept=fit_intercept).fit(features, labels)
        residual = labels - features @ fit.weights - fit.intercept
        centre = features.mean(0) if fit_intercept else 0.0
        # The normal equations, and no part of w outside the span of the (centred) points.
        assert_allclose(features.T @ residual, 0.0, atol=1e-9)
        inverse = np.linalg.pinv(features - centre, rcond=1e-10)
        expected = inverse @ (labels - (labels.mean() if fit_intercept else 0.0))
        assert_allclose(fit.weights, expected, rtol=1e-8, atol=1e-11)
        if fit_intercept:
            assert_allclose(residual.sum(), 0.0, atol=1e-9)
        if shape[1] > shape[0]:
            assert_allclose(residual, 0.0, atol=1e-10)


def test_least_squares_is_exact_where_the_centred_points_lose_a_rank():
    # p = n: the centred matrix has one singular value that is nothing but rounding.
    features, labels = draw(40, 40, gain=1e3)
    weights, intercept = least_squares(features, labels, True)
    assert_allclose(features @ weights + intercept, labels, atol=1e-8)


def test_centroid_is_the_nearest_centroid():
    from sklearn.neighbors import NearestCentroid

    features, labels = draw(60, 20)
    fresh, _ = draw(500, 20, seed=1)
    fit = asy.Centroid().fit(features, labels)
    expected = NearestCentroid().fit(features, labels).predict(fresh)
    assert np.array_equal(np.sign(fresh @ fit.weights + fit.intercept), expected)
    plain = asy.Centroid(fit_intercept=False).fit(features, labels)
    assert_allclose(plain.weights, (labels[:, None] * features).mean(0), rtol=1e-12)
    assert plain.intercept == 0.0


def test_centroid_is_ridge_at_a_large_penalty():
    features, labels = draw(60, 20)
    penalty = 1e9
    ridge = asy.Ridge(penalty, fit_intercept=False).fit(features, labels)
    centroid = asy.Centroid(fit_intercept=False).fit(features, labels)
    assert_allclose(penalty * ridge.weights, centroid.weights, rtol=1e-7)


# --------------------------------------------------------------- against a direct minimisation


def objective(clf, features, labels):
    losses = {
        asy.Ridge: lambda u: 0.5 * (1.0 - u) ** 2,
        asy.Logistic: lambda u: np.logaddexp(0.0, -u),
        asy.SquaredHinge: lambda u: 0.5 * np.maximum(1.0 - u, 0.0) ** 2,
        asy.SVM: lambda u: np.maximum(1.0 - u, 0.0),
    }

    def value(point):
        margins = labels * (features @ point[:-1] + point[-1])
        penalty = 0.5 * clf.penalty * point[:-1] @ point[:-1]
        return losses[type(clf)](margins).mean() + penalty

    return value


@pytest.mark.parametrize("penalty", [0.02, 0.5])
@pytest.mark.parametrize("kind", SMOOTH)
def test_smooth_objectives_agree_with_a_direct_minimisation(kind, penalty):
    features, labels = draw(30, 4, signal=0.5)
    clf = kind(penalty)
    fit = clf.fit(features, labels)
    found = scipy.optimize.minimize(
        objective(clf, features, labels), np.zeros(5), method="BFGS", options={"gtol": 1e-9}
    )
    assert_allclose(np.append(fit.weights, fit.intercept), found.x, atol=1e-5)


@pytest.mark.parametrize("penalty", [0.0, 0.02, 0.5])
def test_svm_agrees_with_a_direct_minimisation(penalty):
    features, labels = draw(16, 3, signal=0.3)
    clf = asy.SVM(penalty)
    fit = clf.fit(features, labels)
    n, p = features.shape
    design = labels[:, None] * np.column_stack([features, np.ones(n)])
    found = scipy.optimize.minimize(
        lambda x: x[p + 1 :].mean() + 0.5 * penalty * x[:p] @ x[:p],
        np.append(np.zeros(p + 1), np.ones(n)),
        method="SLSQP",
        bounds=[(None, None)] * (p + 1) + [(0.0, None)] * n,
        constraints={"type": "ineq", "fun": lambda x: design @ x[: p + 1] + x[p + 1 :] - 1.0},
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    value = objective(clf, features, labels)
    assert_allclose(
        value(np.append(fit.weights, fit.intercept)), value(found.x[: p + 1]), rtol=1e-7
    )
    if penalty:
        assert_allclose(fit.weights, found.x[:p], atol=1e-5)


def test_max_margin_agrees_with_a_direct_minimisation():
    features, labels = draw(12, 3, signal=3.0)
    fit = asy.MaxMargin().fit(features, labels)
    design = labels[:, None] * np.column_stack([features, np.ones(12)])
    found = scipy.optimize.minimize(
        lambda x: 0.5 * x[:3] @ x[:3],
        np.array([1.0, 0.0, 0.0, 0.0]),
        method="SLSQP",
        constraints={"type": "ineq", "fun": lambda x: design @ x - 1.0},
        options={"ftol": 1e-14},
    )
    assert_allclose(np.append(fit.weights, fit.intercept), found.x, atol=1e-6)


# ------------------------------------------------------------------------------- identities


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("clf", EVERY, ids=lambda clf: type(clf).__name__)
def test_symmetries(clf, fit_intercept, shape):
    features, labels = draw(*shape, signal=4.0)
    kind = type(clf)
    penalty = {"penalty": clf.penalty} if hasattr(clf, "penalty") else {}

    def fit(x, y, factor=1.0):
        scaled = {name: factor * value for name, value in penalty.items()}
        return kind(**scaled, fit_intercept=fit_intercept).fit(x, y)

    weights, intercept = fit(features, labels)
    size = np.abs(weights).max()
    # The other class may be called +1.
    flipped = fit(features, -labels)
    assert_allclose(flipped.weights, -weights, atol=1e-7 * size)
    assert_allclose(flipped.intercept, -intercept, atol=1e-7)
    # The order of the points does not matter.
    order = np.random.default_rng(3).permutation(len(labels))
    assert_allclose(fit(features[order], labels[order]).weights, weights, atol=1e-7 * size)
    # Rotations turn the weights along.
    turn = np.linalg.qr(np.random.default_rng(4).standard_normal((shape[1], shape[1])))[0]
    assert_allclose(fit(features @ turn.T, labels).weights, turn @ weights, atol=1e-7 * size)
    # So do changes of unit, if the penalty changes its own; the centroid's weights have units.
    if kind is not asy.Centroid:
        unit = fit(7.0 * features, labels, 49.0)
        assert_allclose(7.0 * unit.weights, weights, atol=1e-7 * size)


def test_vanishing_penalty_gives_max_margin_and_min_norm():
    features, labels = draw(40, 90)
    for soft, hard, penalty, rtol in (
        (asy.SVM, asy.MaxMargin(), 1e-6, 1e-9),
        (asy.SquaredHinge, asy.MaxMargin(), 1e-7, 1e-4),
        (asy.Ridge, asy.MinNorm(), 1e-9, 1e-7),
    ):
        found, expected = (clf.fit(features, labels).weights for clf in (soft(penalty), hard))
        assert np.linalg.norm(found - expected) < rtol * np.linalg.norm(expected)


def test_row_space_keeps_lengths_and_angles():
    features, _ = draw(10, 30)
    reduced, basis = row_space(features)
    assert_allclose(reduced @ basis.T, features, atol=1e-13)
    assert_allclose(basis.T @ basis, np.eye(10), atol=1e-13)
    same, nothing = row_space(features.T)
    assert nothing is None
    assert same.shape == (30, 10)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_svm_does_not_depend_on_where_it_starts(fit_intercept, monkeypatch):
    cases = [(draw(80, 30, signal=0.3, gain=5.0), 1e-4), (draw(40, 60), 1e-2), (draw(60, 25), 1.0)]
    clf = [asy.SVM(penalty, fit_intercept=fit_intercept) for _, penalty in cases]
    expected = [c.fit(*data) for c, (data, _) in zip(clf, cases, strict=True)]
    # The sets are not found, and libsvm is asked; it gives up at once: continuation.
    monkeypatch.setattr(support_vectors, "guess", lambda *arguments: None)
    for steps in (None, 200):
        if steps:
            monkeypatch.setattr(support_vectors, "_START_STEPS", steps)
        for c, (data, _), first in zip(clf, cases, expected, strict=True):
            again = c.fit(*data)
            assert_allclose(again.weights, first.weights, rtol=1e-7, atol=1e-9)
            assert_allclose(again.intercept, first.intercept, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("penalty", [1e-3, 0.1, 3.0])
def test_smooth_losses_do_not_depend_on_the_solver(penalty, fit_intercept, monkeypatch):
    """Newton by conjugate gradients, and what stands in for it: scikit-learn, and ridge in stages."""
    for kind, module in ((asy.Logistic, logistic), (asy.SquaredHinge, squared_hinge)):
        for shape in SHAPES:
            features, labels = draw(*shape, gain=4.0)
            clf = kind(penalty, fit_intercept=fit_intercept)
            found = clf.fit(features, labels)
            with monkeypatch.context() as patch:
                patch.setattr(module, "newton", lambda *arguments: None)
                other = clf.fit(features, labels)
            size = np.abs(other.weights).max()
            assert_allclose(found.weights, other.weights, atol=1e-6 * size)
            assert_allclose(found.intercept, other.intercept, atol=1e-6)


# --------------------------------------------------- the size that a simulation has, certified


def large(n, p, gain, fit_intercept):
    mix = asy.SpikedMixture(1.5, balance=0.4 if fit_intercept else 0.5)
    points, labels = mix.sample(n, p, rng=5)
    return asy.Expansion(gain).transform(points, mix), labels


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(("n", "p", "gain"), [(400, 200, 1.0), (400, 200, 0.3), (200, 500, 30.0)])
def test_margins_are_trained_by_sets_and_certified_by_a_duality_gap(
    n, p, gain, fit_intercept, monkeypatch
):
    """None of these needs libsvm, and scikit-learn's own optimum is no lower."""

    def refuse(*arguments):
        raise AssertionError("libsvm was asked")

    monkeypatch.setattr(support_vectors, "_libsvm", refuse)
    features, labels = large(n, p, gain, fit_intercept)
    for penalty in (0.01, 0.1, 1.0, None):
        cap = 1.0 / (n * penalty) if penalty else np.inf
        signed = labels[:, None] * features
        sets = margin_sets.guess(signed, labels, cap, fit_intercept)
        weights, intercept, alpha = margin_sets.solve_sets(signed, labels, cap, fit_intercept, sets)
        clf = asy.SVM(penalty, fit_intercept) if penalty else asy.MaxMargin(fit_intercept)
        fit = clf.fit(features, labels)
        assert_allclose(fit.weights, weights, rtol=0, atol=1e-14 * np.abs(weights).max())
        assert alpha.min() >= 0.0
        assert alpha.max() <= cap
        assert abs(labels @ alpha) <= 1e-12 * alpha.sum() or not fit_intercept
        hinge = np.maximum(1.0 - signed @ weights - intercept * labels, 0.0)
        square = np.square(alpha @ signed).sum()
        primal = 0.5 * weights @ weights + (cap * hinge.sum() if penalty else 0.0)
        assert abs(primal - (alpha.sum() - 0.5 * square)) <= 1e-10 * primal
        assert penalty or hinge.max() <= 1e-10


def test_margins_agree_with_scikit_learn():
    from sklearn.svm import SVC

    features, labels = large(300, 150, 2.0, True)
    for clf, c in ((asy.SVM(0.1), 1.0 / 30.0), (asy.MaxMargin(), 1e10)):
        fit, model = clf.fit(features, labels), SVC(kernel="linear", C=c, tol=1e-10)
        model.fit(features, labels)
        assert_allclose(fit.weights, model.coef_[0], atol=1e-6 * np.abs(fit.weights).max())
        assert_allclose(fit.intercept, model.intercept_[0], atol=1e-6)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("kind", [asy.Logistic, asy.SquaredHinge])
def test_smooth_losses_are_trained_by_newton_and_certified_by_a_gradient(
    kind, fit_intercept, monkeypatch
):
    def refuse(*arguments):
        raise AssertionError("the other solver was asked")

    for module in (logistic, squared_hinge):
        monkeypatch.setattr(module, "row_space", refuse)
    for n, p, gain in ((400, 200, 1.0), (400, 200, 30.0), (200, 500, 0.3)):
        features, labels = large(n, p, gain, fit_intercept)
        for penalty in (0.01, 0.1, 1.0):
            clf = kind(penalty, fit_intercept)
            weights, intercept = clf.fit(features, labels)
            slope, _ = derivative(clf, labels * (features @ weights + intercept))
            gradient = (labels * slope) @ features / n + penalty * weights
            assert np.abs(gradient).max() <= 1.01e-8 * penalty
            assert abs(labels @ slope) / n <= 1.01e-8 * penalty or not fit_intercept


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("gain", [30.0, 1e3, 1e4])
def test_strong_gains_leave_the_margins_known(gain, fit_intercept):
    """Where the large terms of Σ α_i y_i z_i cancel, the margins themselves give the weights."""
    for shape, signal in (((60, 10), 0.5), ((60, 25), 0.3)):
        features, labels = draw(*shape, signal=signal, gain=gain)
        for penalty in (0.1, 1e-3, 1e-5):
            weights, intercept = asy.SVM(penalty, fit_intercept).fit(features, labels)
            value = objective(asy.SVM(penalty), features, labels)
            best = value(np.append(weights, intercept))
            # The objective is convex: a minimum along every one of these lines is one.
            rng = np.random.default_rng(0)
            scale = np.append(np.where(np.arange(shape[1]) == 0, 1.0 / gain, 1.0), fit_intercept)
            for size in (1e-4, 1e-2):
                for _ in range(50):
                    way = size * scale * rng.standard_normal(scale.size)
                    assert value(np.append(weights, intercept) + way) >= best * (1.0 - 1e-9)


def test_svm_answers_with_the_larger_class_where_its_weights_vanish():
    features, labels = draw(200, 5, signal=0.2, balance=0.1)
    fit = asy.SVM(1e-3).fit(features, labels)
    assert_allclose(fit.weights, 0.0, atol=1e-9)
    assert_allclose(fit.intercept, -1.0, rtol=1e-9)


# ---------------------------------------------------------------------------------- failures


@pytest.mark.parametrize("clf", EVERY, ids=lambda clf: type(clf).__name__)
def test_one_class_is_refused_by_name(clf):
    features, _ = draw(20, 5)
    with pytest.raises(ValueError, match=r"labels must hold both classes, got 20 labels"):
        clf.fit(features, np.ones(20))
    # Without an intercept the sign is all there is to learn, and one class will do.
    settings = {"penalty": 0.2} if hasattr(clf, "penalty") else {}
    if type(clf) is not asy.MaxMargin:
        fit = type(clf)(**settings, fit_intercept=False).fit(features, np.ones(20))
        assert np.all(np.isfinite(fit.weights))


@pytest.mark.parametrize("shape", [(30, 60), (60, 10)])
@pytest.mark.parametrize("kind", [asy.Logistic, asy.SVM, asy.SquaredHinge])
def test_no_penalty_needs_points_that_are_not_separable(kind, shape):
    features, labels = draw(*shape, signal=5.0)
    for fit_intercept in (True, False):
        with pytest.raises(ValueError, match="penalty must be positive on a separable"):
            kind(0.0, fit_intercept=fit_intercept).fit(features, labels)


@pytest.mark.parametrize("gain", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_max_margin_needs_separable_points(fit_intercept, gain):
    features, labels = draw(60, 10, signal=0.5, gain=gain)
    assert not least_hinge(features, labels, fit_intercept).separable
    with pytest.raises(ValueError, match="training set must be separable"):
        asy.MaxMargin(fit_intercept=fit_intercept).fit(features, labels)


def test_points_at_the_origin_are_refused():
    _, labels = draw(20, 5)
    with pytest.raises(ValueError, match="features must not all be zero"):
        asy.SVM(1.0).fit(np.zeros((20, 5)), labels)


def test_solvers_that_stop_early_say_so(monkeypatch):
    features, labels = draw(60, 25)
    for module, name in (
        (logistic, "newton"),
        (squared_hinge, "newton"),
        (support_vectors, "guess"),
    ):
        monkeypatch.setattr(module, name, lambda *arguments: None)
    monkeypatch.setattr(logistic, "_MAX_STEPS", 1)
    with pytest.raises(asy.ConvergenceError, match="logistic regression was not trained"):
        asy.Logistic(0.01).fit(features, labels)
    monkeypatch.setattr(squared_hinge, "_MAX_STEPS", 0)
    with pytest.raises(asy.ConvergenceError, match="squared hinge was not trained"):
        asy.SquaredHinge(0.01).fit(features, labels)
    monkeypatch.setattr(support_vectors, "_MAX_SOLVES", 0)
    with pytest.raises(asy.ConvergenceError, match="support vector machine was not trained"):
        asy.SVM(0.01).fit(features, labels)


def test_bayes_has_nothing_to_fit():
    with pytest.raises(TypeError, match="nothing to fit"):
        asy.Bayes().fit(*draw(20, 5))
