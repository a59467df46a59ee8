"""Empty arrays: a result of the broadcast shape, as of a ufunc, or a refusal by name."""

import itertools

import numpy as np
import pytest

import asymptotics as asy

MIX = asy.SpikedMixture(1.5)
SPIKED = asy.SpikedMixture(1.5, spikes=[asy.Spike(2.0, 0.3)])
SHAPES = [(0,), (0, 3), (2, 0), (0, 1, 2)]
POPULATIONS = {
    "signal": lambda e: asy.SpikedMixture(e),
    "noise": lambda e: asy.SpikedMixture(1.0, e + 1.0),
    "balance": lambda e: asy.SpikedMixture(1.0, balance=e),
    "spike": lambda e: asy.SpikedMixture(1.0, spikes=[asy.Spike(e, 0.3), asy.Spike(1.0)]),
    "matrix": lambda e: asy.GaussianMixture([1.0, 0.5], np.diag([1.0, 2.0]), e),
    "spectrum": lambda e: asy.Spectrum(np.ones((*e.shape, 2)), [0.5, 0.5], [1.0, 0.0], 0.3),
}
PROJECTORS = {
    "none": lambda e: asy.Identity(),
    "gain": asy.Expansion,
    "alignment": lambda e: asy.Expansion(2.0, e),
    "power": asy.Power,
    "infonce": asy.InfoNCE,
    "cosine": lambda e: asy.InfoNCE(e, 1.0, "cosine"),
    "flow": lambda e: asy.InfoNCE(1.0, 1.0, time=e),
    "pca": lambda e: asy.PCAExpansion(e, 0.5),
    "truncation": lambda e: asy.PCATruncation(e, 0.5),
    "sample power": lambda e: asy.SamplePower(0.5, e),
}
CLASSIFIERS = {
    "ridge": asy.Ridge(1.0),
    "logistic": asy.Logistic(0.1),
    "svm": asy.SVM(1.0),
    "squared hinge": asy.SquaredHinge(1.0),
    "max margin": asy.MaxMargin(),
    "min norm": asy.MinNorm(),
    "centroid": asy.Centroid(),
    "bayes": asy.Bayes(),
}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("clf", CLASSIFIERS.values(), ids=CLASSIFIERS)
def test_limits_of_nothing(shape, clf):
    empty = np.empty(shape)
    parts = [(make(empty), None) for make in POPULATIONS.values()]
    parts += [(MIX, make(empty)) for name, make in PROJECTORS.items() if name != "none"]
    for (mix, projector), throw in itertools.product(parts, (True, False)):
        lim = asy.limit(mix, clf, 0.5, projector, throw=throw)
        assert np.shape(lim.accuracy) == shape
        assert lim.status.shape == shape
        ratio = asy.separability_threshold(mix, projector=projector)
        assert np.shape(ratio) == shape
    lim = asy.limit(MIX, clf, empty)
    assert lim.accuracy.shape == shape
    if hasattr(clf, "penalty"):
        assert asy.limit(MIX, type(clf)(empty), 0.5).accuracy.shape == shape


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_slopes_of_nothing(shape):
    empty = np.empty(shape)
    for clf in CLASSIFIERS.values():
        mixes = [POPULATIONS[name](empty) for name in ("signal", "noise", "balance", "spike")]
        for mix, ratio in [*((mix, 0.5) for mix in mixes), (MIX, empty)]:
            found = asy.gradient(mix, clf, ratio)
            assert found.signal.shape == shape
        if hasattr(clf, "penalty"):
            assert asy.gradient(MIX, type(clf)(empty), 0.5).penalty.shape == shape
        assert asy.gradient(MIX, clf, 0.5, asy.Expansion(empty)).gain.shape == shape
    for mix in mixes:
        assert asy.separability_gradient(mix).signal.shape == shape


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gains_of_nothing(shape):
    empty = np.empty(shape)
    for loss in (PROJECTORS[name](empty) for name in ("infonce", "cosine", "flow")):
        assert loss.gain(MIX).shape == shape
        assert np.shape(loss.regime(MIX)) == shape
        assert loss.projector(MIX).batch_shape == shape
        assert loss.boundary(MIX, "temperature").value.shape in (shape, ())
    for name in ("signal", "noise", "spike"):
        assert asy.InfoNCE(1.0).gain(POPULATIONS[name](empty)).shape == shape
    for name in ("gain", "power", "infonce"):
        found = asy.before_and_after(MIX, asy.Ridge(1.0), 0.5, PROJECTORS[name](empty))
        assert np.shape(found.difference) == shape


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_nothing_cannot_be_simulated(shape):
    empty = np.empty(shape)
    for mix in (POPULATIONS[name](empty) for name in ("signal", "balance", "spike")):
        with pytest.raises(ValueError, match="must not be empty arrays"):
            asy.simulate(mix, asy.Ridge(1.0), 0.5, n=20, trials=2)
    with pytest.raises(ValueError, match="aspect_ratio must be a single number"):
        asy.simulate(MIX, asy.Ridge(1.0), empty, n=20, trials=2)


@pytest.mark.parametrize(
    "method", [[], np.empty((0, 3)), np.array(["auto"]), np.array(["auto"] * 2)], ids=str
)
def test_a_method_is_one_word(method):
    for call in (asy.simulate, asy.sweep):
        with pytest.raises(ValueError, match="method must be one of"):
            call(MIX, asy.Ridge(1.0), 0.5, n=20, trials=2, method=method)


# ------------------------------------------------------------------------- figures of nothing


@pytest.mark.parametrize(
    "classifiers", [[], (), None.__class__, 3, "", iter([])], ids=lambda x: type(x).__name__
)
def test_curves_need_a_classifier(classifiers):
    from asymptotics import plots

    with pytest.raises(
        (TypeError, ValueError), match="classifiers must be a sequence of at least one"
    ):
        plots.gain_curves(classifiers=classifiers, n=20, trials=2)


def test_figures_need_a_curve():
    from asymptotics import plots

    nothing = plots.GainCurves((), 0.9, 0.5, 20, 2)
    for draw in (plots.headline_figure, plots.plot_accuracy, plots.plot_z_scores):
        with pytest.raises(ValueError, match="study must have at least one curve"):
            draw(nothing)
        with pytest.raises(TypeError, match="study must be a GainCurves"):
            draw([])
    for draw in (plots.convergence_figure, plots.plot_bias, plots.plot_deviation):
        with pytest.raises(ValueError, match="studies must hold at least one"):
            draw({})


# -------------------------------------------------------------------------------- too many jobs


@pytest.mark.parametrize("n_jobs", [10**4 + 1, 10**6, 2**40, 10**30, -(10**6), np.int64(10**9)])
def test_absurd_numbers_of_jobs_are_refused(n_jobs):
    arguments = {"mix": MIX, "clf": asy.Ridge(1.0), "aspect_ratio": 0.5, "n_jobs": n_jobs}
    for call, more in (
        (asy.simulate, {"n": 20}),
        (asy.sweep, {"n": 20}),
        (asy.convergence, {"n": [20, 30, 40]}),
    ):
        with pytest.raises(ValueError, match=r"n_jobs must be in \[-10000, 10000\] or None, got"):
            call(**arguments, **more, trials=10)


def test_no_more_workers_than_trials(monkeypatch):
    """joblib starts as many processes as it is asked for."""
    import joblib

    asked = []
    whole = joblib.Parallel

    def counting(n_jobs=None, **options):
        asked.append(n_jobs)
        return whole(n_jobs=n_jobs, **options)

    monkeypatch.setattr(joblib, "Parallel", counting)
    alone = asy.simulate(MIX, asy.Ridge(1.0), 0.5, n=20, trials=3, rng=0)
    for n_jobs in (4, 500, 10_000):
        with joblib.parallel_config("threading"):
            found = asy.simulate(MIX, asy.Ridge(1.0), 0.5, n=20, trials=3, rng=0, n_jobs=n_jobs)
        assert np.array_equal(found.accuracy, alone.accuracy)
    with joblib.parallel_config("threading", n_jobs=10**6):
        asy.simulate(MIX, asy.Ridge(1.0), 0.5, n=20, trials=2, rng=0)
    assert asked[1:4] == [3, 3, 3]
    assert asked[4] == 2
    assert asy.simulate(MIX, asy.Ridge(1.0), 0.5, n=20, trials=2, rng=0, n_jobs=np.int64(1)).n == 20


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_classes_of_nothing(shape):
    empty = np.empty(shape)
    own = [np.eye(2), 2 * np.eye(2), [[2.0, 0.5], [0.5, 1.0]]]
    three, apart = asy.ClassMixture.simplex(3, 2.0), asy.ClassMixture(np.eye(3, 2), own)
    grams = np.ones((*shape, 1, 1, 1)) * np.eye(3)
    batch = asy.Spectrum([1.0], [1.0], grams, priors=[0.3, 0.3, 0.4])
    for clf in (asy.Ridge(0.1), asy.Softmax(0.1), asy.Centroid(), asy.Bayes()):
        found = [asy.limit(three, clf, empty), asy.limit(batch, clf, 0.5)]
        if hasattr(clf, "penalty"):
            found.append(asy.limit(three, type(clf)(empty), 0.5))
        for lim in found:
            assert lim.accuracy.shape == lim.status.shape == shape
            assert lim.confusion.shape == (*shape, 3, 3)
    assert asy.limit(apart, asy.Ridge(0.1), empty).accuracy.shape == shape
