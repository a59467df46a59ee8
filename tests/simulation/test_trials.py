"""Simulation: reproducible to the last bit, open about its failures, in agreement with theory."""

import dataclasses
import pickle

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import asymptotics as asy
from asymptotics.metrics.accuracy import mixture_accuracy
from asymptotics.projectors import Composition
from asymptotics.simulation.experiment import FIELDS, Experiment

MIX = asy.SpikedMixture(signal=1.5, spikes=[asy.Spike(strength=2.0, alignment=0.4)], balance=0.3)
SMALL = {"aspect_ratio": 0.5, "n": 40, "trials": 6}


def same(left, right):
    for name in FIELDS:
        assert_array_equal(getattr(left, name), getattr(right, name), err_msg=name)


# --------------------------------------------------------------------------- what comes back


def test_fields():
    sim = asy.simulate(MIX, asy.Logistic(0.1), aspect_ratio=0.49, n=45, trials=7, rng=0)
    assert (sim.n, sim.dimension, sim.trials, sim.method) == (45, 22, 7, "direct")
    assert sim.aspect_ratio == 22 / 45
    for name in FIELDS:
        values = getattr(sim, name)
        assert values.shape == (7,)
        assert values.dtype == np.float64
        assert not values.flags.writeable
    assert_allclose(sim.mean, sim.accuracy.mean())
    assert_allclose(sim.stderr, sim.accuracy.std(ddof=1) / np.sqrt(7))
    assert_allclose(sim.z_score(0.8), (sim.mean - 0.8) / sim.stderr)
    lim = asy.limit(MIX, asy.Logistic(0.1), 0.5)
    assert sim.z_score(lim) == sim.z_score(lim.accuracy)
    assert "trials=7" in repr(sim)


def test_accuracy_is_that_of_fresh_data():
    """The exact score of a trial, against the labels of a large test set; so is m and q."""
    projector = asy.Expansion(2.0, alignment=0.6)
    clf = asy.Ridge(0.1)
    one = SMALL | {"trials": 1, "method": "direct"}
    sim = asy.simulate(MIX, clf, projector=projector, rng=5, **one)
    (child,) = sim.seed.spawn(1)
    features, labels = MIX.sample(40, 20, np.random.default_rng(child))
    fit = clf.fit(projector.transform(features, MIX), labels)
    fresh, truth = MIX.sample(400_000, 20, rng=1)
    margins = truth * (projector.transform(fresh, MIX) @ fit.weights)
    scores = margins + truth * fit.intercept > 0
    assert abs(scores.mean() - sim.accuracy[0]) < 4 * scores.std() / np.sqrt(scores.size)
    assert abs(margins.mean() - sim.overlap[0]) < 4 * np.sqrt(sim.variance[0] / scores.size)
    assert_allclose(margins.var(), sim.variance[0], rtol=4 * np.sqrt(2 / scores.size))
    assert sim.intercept[0] == fit.intercept
    expected = mixture_accuracy(sim.overlap, np.sqrt(sim.variance), sim.intercept, MIX.balance)
    assert_allclose(sim.accuracy, expected, rtol=1e-14)


def test_it_pickles():
    sim = asy.simulate(MIX, asy.SVM(0.5), rng=0, **SMALL)
    copy = pickle.loads(pickle.dumps(sim))
    same(sim, copy)
    assert (copy.entropy, copy.spawn_key) == (sim.entropy, sim.spawn_key)


def test_one_trial_has_no_standard_error():
    sim = asy.simulate(MIX, asy.Ridge(0.1), rng=0, **(SMALL | {"trials": 1}))
    assert np.isnan(sim.stderr)
    assert np.isnan(sim.z_score(0.8))


def test_bayes_has_the_accuracy_of_its_limit_in_every_trial():
    shrink = asy.Expansion(0.2, alignment=0.7)
    for projector in (None, shrink, asy.Power(0.5), shrink @ asy.Power(-0.5), asy.Expansion(0.0)):
        for clf in (asy.Bayes(), asy.Bayes(fit_intercept=False)):
            sim = asy.simulate(MIX, clf, projector=projector, rng=0, **SMALL)
            lim = asy.limit(MIX, clf, 0.5, projector)
            assert sim.z_score(lim) == 0.0
            assert sim.stderr == 0.0
            assert sim.z_score(lim.accuracy + 1e-6) == -np.inf
            assert_allclose(sim.overlap, lim.mean, rtol=1e-10)
            assert_allclose(sim.variance, lim.variance, rtol=1e-10)
            assert_allclose(sim.intercept, lim.intercept, rtol=1e-12)


def test_bayes_sees_signal_without_noise():
    mix = asy.GaussianMixture([1.0, 0.5, 0.0], np.diag([0.0, 1.0, 2.0]))
    assert asy.simulate(mix, asy.Bayes(), n=20, trials=2, rng=0).mean == 1.0
    blind = asy.LinearMap(np.diag([0.0, 0.0, 1.0]))
    assert asy.simulate(mix, asy.Bayes(), n=20, trials=2, projector=blind, rng=0).mean == 0.5


# --------------------------------------------------------------------------- reproducibility


def test_the_same_for_every_number_of_jobs_and_every_backend():
    clf, projector = asy.Logistic(0.1), asy.Expansion(3.0)
    arguments = {"aspect_ratio": 0.5, "n": 120, "trials": 9, "projector": projector, "rng": 3}
    first = asy.simulate(MIX, clf, **arguments)
    same(first, asy.simulate(MIX, clf, n_jobs=2, **arguments))
    same(first, asy.simulate(MIX, clf, n_jobs=1, progress=True, **arguments))
    with joblib.parallel_config(backend="threading", n_jobs=3):
        same(first, asy.simulate(MIX, clf, **arguments))
        same(first, asy.simulate(MIX, clf, progress=True, **arguments))


def test_a_trial_depends_on_no_other():
    arguments = {"aspect_ratio": 0.5, "n": 40, "rng": 3}
    short = asy.simulate(MIX, asy.SVM(0.5), trials=4, **arguments)
    long = asy.simulate(MIX, asy.SVM(0.5), trials=9, **arguments)
    for name in FIELDS:
        assert_array_equal(getattr(long, name)[:4], getattr(short, name))
    # No two trials share their draws.
    assert np.unique(long.accuracy).size == 9


def test_int_and_seed_sequence_give_the_same_every_time():
    first = asy.simulate(MIX, asy.Ridge(0.1), rng=7, **SMALL)
    sequence = np.random.SeedSequence(7)
    for rng in (7, np.int64(7), sequence, sequence, first.seed):
        same(first, asy.simulate(MIX, asy.Ridge(0.1), rng=rng, **SMALL))
    assert sequence.n_children_spawned == 0
    other = asy.simulate(MIX, asy.Ridge(0.1), rng=8, **SMALL)
    assert not np.any(other.accuracy == first.accuracy)
    assert first.entropy == 7
    assert first.spawn_key == ()
    child = np.random.SeedSequence(7).spawn(3)[2]
    sim = asy.simulate(MIX, asy.Ridge(0.1), rng=child, **SMALL)
    assert sim.spawn_key == (2,)
    same(sim, asy.simulate(MIX, asy.Ridge(0.1), rng=sim.seed, **SMALL))


def test_a_generator_spawns():
    generator = np.random.default_rng(7)
    first, second = (asy.simulate(MIX, asy.Ridge(0.1), rng=generator, **SMALL) for _ in range(2))
    assert not np.any(first.accuracy == second.accuracy)
    again = np.random.default_rng(7)
    same(first, asy.simulate(MIX, asy.Ridge(0.1), rng=again.bit_generator, **SMALL))
    same(second, asy.simulate(MIX, asy.Ridge(0.1), rng=again, **SMALL))
    same(second, asy.simulate(MIX, asy.Ridge(0.1), rng=second.seed, **SMALL))
    # Spawning does not advance the stream.
    assert generator.random() == np.random.default_rng(7).random()


def test_none_differs_every_time_and_can_be_repeated():
    first, second = (asy.simulate(MIX, asy.Ridge(0.1), **SMALL) for _ in range(2))
    assert not np.any(first.accuracy == second.accuracy)
    same(first, asy.simulate(MIX, asy.Ridge(0.1), rng=first.seed, **SMALL))


# -------------------------------------------------------------------------- paired elements

ROW = np.array([1.0, 3.0, 0.0])
COLUMN = np.array([[0.05], [2.0]])
BATCHES = {
    "penalty and gain": (MIX, asy.Ridge(COLUMN), asy.Expansion(ROW)),
    "signal, noise, balance, spikes": (
        asy.SpikedMixture(
            ROW, noise=COLUMN, spikes=[asy.Spike([0.5, 2.0, -0.3], 0.4)], balance=[0.3, 0.5, 0.4]
        ),
        asy.Centroid(),
        asy.Power(-0.2),
    ),
    "a composition, alignments": (
        MIX,
        asy.Ridge(0.3),
        asy.Expansion([2.0, 3.0, 2.0], alignment=[0.5, 1.0, -0.2]) @ asy.Power(COLUMN),
    ),
    "a spectrum": (
        asy.Spectrum([[1.0, 4.0]], [1.0, 0.0], [[0.0, 1.0]], balance=[0.4, 0.5, 0.6]),
        asy.Ridge(COLUMN),
        asy.Expansion(2.0),
    ),
    "a covariance": (
        asy.GaussianMixture(np.arange(20) / 20, np.diag(np.arange(1.0, 21.0)), [[0.3], [0.6]]),
        asy.Ridge(0.2),
        asy.Expansion(ROW) @ asy.Power(0.1),
    ),
    "a matrix": (MIX, asy.Ridge(COLUMN), asy.LinearMap(np.eye(20)[:15])),
}


def one(thing, shape, index):
    """An element, made by hand."""
    if isinstance(thing, Composition):
        return one(thing.outer, shape, index) @ one(thing.inner, shape, index)
    if isinstance(thing, asy.Spectrum):
        balance = np.broadcast_to(thing.balance, shape)[index]
        return asy.Spectrum(thing.eigenvalues[0], thing.weights, thing.energies[0], balance)
    if isinstance(thing, asy.GaussianMixture):
        balance = np.broadcast_to(thing.balance, shape)[index]
        return asy.GaussianMixture(thing.mean, thing.covariance, balance)
    if isinstance(thing, asy.LinearMap):
        return thing
    changes = {k: np.broadcast_to(getattr(thing, k), shape)[index] for k in thing.parameters}
    if isinstance(thing, asy.SpikedMixture):
        changes["spikes"] = [one(spike, shape, index) for spike in thing.spikes]
    return dataclasses.replace(thing, **changes)


@pytest.mark.parametrize("method", ["auto", "direct"])
@pytest.mark.parametrize("name", BATCHES)
def test_an_element_is_a_simulation_of_its_own(name, method):
    """That is what paired means: the same numbers, to the last bit, for every other element."""
    mix, clf, projector = BATCHES[name]
    arguments = {"aspect_ratio": 0.5, "n": 40, "trials": 3, "rng": 3, "method": method}
    if (mix is not MIX and isinstance(mix, asy.GaussianMixture)) or name == "a matrix":
        del arguments["aspect_ratio"]
    sim = asy.simulate(mix, clf, projector=projector, **arguments)
    shape = sim.shape
    assert shape == asy.limit(mix, clf, 0.5, projector).accuracy.shape
    assert sim.mean.shape == sim.stderr.shape == sim.z_score(0.8).shape == shape
    for index in np.ndindex(shape):
        single = [one(thing, shape, index) for thing in (mix, clf, projector)]
        alone = asy.simulate(*single[:2], projector=single[2], **arguments)
        assert alone.method == sim.method
        for field in FIELDS:
            assert_array_equal(getattr(sim, field)[:, *index], getattr(alone, field))


@pytest.mark.parametrize("clf", [asy.Logistic(0.1), asy.SVM([0.5, 0.5, 0.5]), asy.MaxMargin()])
def test_every_classifier_is_paired(clf):
    gains = [1.0, 1.2, 0.9]
    arguments = {"aspect_ratio": 1.5, "n": 40, "trials": 2, "rng": 3}
    sim = asy.simulate(MIX, clf, projector=asy.Expansion(gains), **arguments)
    clf = asy.SVM(0.5) if isinstance(clf, asy.SVM) else clf
    for k, gain in enumerate(gains):
        alone = asy.simulate(MIX, clf, projector=asy.Expansion(gain), **arguments)
        for field in FIELDS:
            assert_array_equal(getattr(sim, field)[:, k], getattr(alone, field))


@pytest.mark.parametrize("clf", [asy.Ridge(0.1), asy.Logistic(0.1)])
def test_paired_differences_have_little_noise(clf):
    """And no bias: they agree with the difference of the limits, which unpaired ones cannot see."""
    mix, gains = asy.SpikedMixture(1.5, spikes=[asy.Spike(2.0, 0.4)]), [1.0, 1.05]
    sim = asy.simulate(mix, clf, 0.5, n=400, trials=60, projector=asy.Expansion(gains), rng=0)
    difference = sim.against(0)
    assert difference.mean[0] == difference.stderr[0] == 0.0
    unpaired = np.hypot(*sim.stderr)
    assert difference.stderr[1] < 0.1 * unpaired
    lim = asy.limit(mix, clf, 0.5, asy.Expansion(gains)).accuracy
    gap = lim[1] - lim[0]
    assert gap < 4 * unpaired
    assert abs(difference.mean[1] - gap) < 4 * difference.stderr[1]
    assert difference.mean[1] > 4 * difference.stderr[1]


def test_pairing_survives_a_change_of_principal_axes():
    """The spike is the largest eigenvalue at gain 1, the signal at gain 2."""
    mix = asy.SpikedMixture(1.0, spikes=[asy.Spike(1.0)])
    gains = asy.Expansion([1.4, 1.43])
    sim = asy.simulate(mix, asy.Ridge(0.1), 0.5, n=200, trials=20, projector=gains, rng=0)
    assert np.corrcoef(sim.accuracy.T)[0, 1] > 0.99


def test_an_experiment_is_small_to_send_and_repeats_no_parameters():
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(1.0, 0.3)])
    for clf in (asy.Ridge(0.1), asy.Logistic(0.1)):
        arguments = {"n": 1000, "projector": asy.Expansion(2.0, alignment=0.4)}
        experiment = Experiment.of(mix, clf, 0.5, **arguments)
        assert len(pickle.dumps(experiment)) < 2500
    experiment = Experiment.of(mix, asy.Ridge(COLUMN), 0.5, n=40, projector=asy.Expansion(ROW))
    assert len({id(cell.projector) for cell in experiment.cells}) == 3
    assert len({id(cell.clf) for cell in experiment.cells}) == 2
    assert len({id(cell.law) for cell in experiment.cells}) == 3
    root = np.random.SeedSequence(0)
    whole = experiment.run(root, range(4))
    assert whole.shape == (4, len(FIELDS), 2, 3)
    assert_array_equal(pickle.loads(pickle.dumps(experiment)).run(root, [2, 0]), whole[[2, 0]])
    assert experiment.run(root, []).shape == (0, len(FIELDS), 2, 3)


def test_a_projector_of_ones_own_needs_single_parameters():
    class Twice(asy.Identity):
        batch_shape = (2,)

    with pytest.raises(TypeError, match="no way to take an element"):
        asy.simulate(MIX, asy.Ridge(0.1), projector=Twice(), rng=0, **SMALL)


# ------------------------------------------------------------------------------- populations


def test_a_matrix_and_its_factors_are_the_same_projector():
    """A fixed dimension: realised coordinates, matrices and compositions agree."""
    mix = MIX.realise(20)
    expansion, power = asy.Expansion(3.0), asy.Power(-0.25)
    matrix = asy.LinearMap(expansion.on_coordinates(mix) @ power.on_coordinates(mix))
    arguments = {"n": 40, "trials": 6, "rng": 0}
    first = asy.simulate(mix, asy.Ridge(0.1), projector=expansion @ power, **arguments)
    for projector, population in ((matrix, mix), (matrix, MIX)):
        again = asy.simulate(population, asy.Ridge(0.1), projector=projector, **arguments)
        for name in FIELDS:
            assert_allclose(getattr(again, name), getattr(first, name), rtol=1e-9)
    assert first.dimension == 20
    assert first.aspect_ratio == 0.5


def test_a_spectrum_is_simulated():
    rank = np.arange(1, 51)
    mix = asy.Spectrum(1.0 / rank, np.full(50, 0.02), 0.2 * (rank <= 5), balance=0.4)
    for projector in (None, asy.Expansion(0.3)):
        sim = asy.simulate(mix, asy.Ridge(0.05), 0.5, n=400, trials=40, projector=projector, rng=0)
        lim = asy.limit(mix, asy.Ridge(0.05), 0.5, projector)
        # The few large eigenvalues make a bias of about 0.6/n, beside a tiny standard error.
        assert agrees(sim.accuracy, lim.accuracy, 1.0 / 400)
        assert abs(sim.z_score(asy.limit(mix, asy.Ridge(0.05), 0.7, projector))) > 4


def test_a_map_into_fewer_dimensions():
    mix = asy.SpikedMixture(signal=2.0)
    matrix = np.random.default_rng(0).standard_normal((60, 200))
    matrix[0, 0] += 20.0
    projector = asy.LinearMap(matrix)
    clf = asy.Logistic(0.5)
    sim = asy.simulate(mix, clf, 0.5, n=400, trials=40, projector=projector, rng=0)
    assert sim.dimension == 200
    assert abs(sim.z_score(asy.limit(mix, clf, 0.5, projector))) < 4


def test_the_constant_classifier_of_a_collapsed_svm():
    mix = asy.SpikedMixture(signal=0.3, balance=0.1)
    sim = asy.simulate(mix, asy.SVM(0.01), 0.05, n=400, trials=5, rng=0)
    assert_allclose(sim.accuracy, 0.9, rtol=1e-12)
    assert_allclose(sim.intercept, -1.0, rtol=1e-9)


# -------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"mix": 1.0}, TypeError, "mix must be"),
        ({"clf": "ridge"}, TypeError, "clf must be"),
        ({"projector": 3.0}, TypeError, "projector must be"),
        ({"aspect_ratio": None}, ValueError, "aspect_ratio must be given"),
        ({"aspect_ratio": 0.0}, ValueError, r"aspect_ratio must be in \(0, inf\), got 0.0"),
        ({"aspect_ratio": np.nan}, ValueError, r"aspect_ratio must be in \(0, inf\), got nan"),
        ({"aspect_ratio": "1"}, TypeError, "aspect_ratio must be"),
        ({"aspect_ratio": [0.5, 1.0]}, ValueError, "aspect_ratio must be a single number"),
        ({"aspect_ratio": 0.01}, ValueError, "aspect_ratio must be at least 0.05 at n = 40"),
        ({"n": 1}, ValueError, "n must be an integer of at least 2, got 1"),
        ({"n": 40.0}, TypeError, "n must be an integer"),
        ({"trials": 0}, ValueError, "trials must be an integer of at least 1, got 0"),
        ({"trials": True}, TypeError, "trials must be an integer"),
        ({"method": "fast"}, ValueError, "method must be one of auto, direct, exact-law"),
        (
            {"method": "exact-law", "clf": asy.SVM(1.0)},
            ValueError,
            "method must be 'direct' or 'auto', got 'exact-law': the classifier must be Ridge",
        ),
        ({"n_jobs": 0}, ValueError, "n_jobs must be a non-zero integer"),
        ({"n_jobs": 1.5}, TypeError, "n_jobs must be an integer"),
        ({"progress": 1}, TypeError, "progress must be True or False"),
        ({"rng": -1}, ValueError, "rng must be a non-negative integer, got -1"),
        ({"rng": 1.0}, TypeError, "rng must be"),
        ({"rng": True}, TypeError, "rng must be"),
        ({"rng": np.random.RandomState(0)}, TypeError, "rng must be"),
        (
            {"clf": asy.Ridge([0.1, 1.0]), "projector": asy.Expansion(np.ones(3))},
            ValueError,
            r"mix, projector and penalty must broadcast together, got shapes \(\), \(3,\) and \(2,\)",
        ),
        (
            {"mix": asy.SpikedMixture([1.0, 2.0]), "projector": asy.Expansion(np.ones(3))},
            ValueError,
            r"mix, projector and penalty must broadcast together, got shapes \(2,\), \(3,\) and",
        ),
        ({"clf": asy.Ridge([])}, ValueError, "parameters must not be empty arrays"),
        ({"projector": asy.Expansion(2.0, spike=1)}, ValueError, "spike must be below"),
    ],
)
def test_invalid_input_is_named(change, error, message):
    arguments = {"mix": MIX, "clf": asy.Ridge(0.1), "rng": 0, **SMALL, **change}
    with pytest.raises(error, match=message):
        asy.simulate(**arguments)


def test_a_fixed_dimension_has_to_agree():
    mix = asy.GaussianMixture(np.ones(10), np.eye(10))
    assert asy.simulate(mix, asy.Ridge(0.1), 0.5, n=20, trials=2, rng=0).dimension == 10
    for population, projector in ((mix, None), (MIX, asy.LinearMap(np.eye(10)))):
        assert asy.simulate(population, asy.Ridge(0.1), n=20, trials=2, projector=projector)
        with pytest.raises(ValueError, match=r"aspect_ratio must be 0\.5, or left out"):
            asy.simulate(population, asy.Ridge(0.1), 0.7, n=20, trials=2, projector=projector)
    with pytest.raises(ValueError, match="matrix must have 10 columns"):
        asy.simulate(mix, asy.Ridge(0.1), projector=asy.LinearMap(np.eye(9)), trials=2)


def test_z_scores_of_nonsense_are_refused():
    sim = asy.simulate(MIX, asy.Ridge(0.1), rng=0, **SMALL)
    with pytest.raises(ValueError, match="limit must be in"):
        sim.z_score(np.nan)
    with pytest.raises(ValueError, match=r"limit must broadcast to the shape \(\)"):
        sim.z_score(np.array([0.8, 0.9]))
    for reference in (0, (0,), 1.5, "a"):
        with pytest.raises(ValueError, match=r"reference must be an index into the shape \(\)"):
            sim.against(reference)


def test_a_failing_trial_is_named():
    with pytest.raises(ValueError, match=r"trial \d+ of n = 5, p = 5: labels must hold both"):
        asy.simulate(MIX, asy.Ridge(0.1), 1.0, n=5, trials=60, rng=0)
    with pytest.raises(ValueError, match=r"trial 0 of n = 60, p = 6: the training set must be sep"):
        asy.simulate(MIX, asy.MaxMargin(), 0.1, n=60, trials=5, rng=0)


# -------------------------------------------------------------------- theory and simulation

N = 400
TRIALS = 40
# Besides four standard errors: the bias of a finite n, a multiple of 1/n. Of m, q and b it is
# taken in units of their own size. Accuracies are held to their standard errors alone.
BIAS = 12.0

CASES = [
    (asy.Ridge(0.1), 0.5),
    (asy.Logistic(0.1), 0.5),
    (asy.SVM(0.5), 0.5),
    (asy.SquaredHinge(0.1), 0.5),
    (asy.MaxMargin(), 1.5),
    (asy.MinNorm(), 1.5),
    (asy.Centroid(), 1.0),
]
# Each with a projector whose accuracy the simulation has to tell from its own.
PROJECTORS = {
    "none": (asy.Identity(), asy.Expansion(0.2)),
    "expansion": (asy.Expansion(3.0), asy.Expansion(0.3)),
    "shrinkage": (asy.Expansion(0.4), asy.Expansion(1.2)),
    "misaligned": (asy.Expansion(4.0, alignment=0.5), asy.Expansion(0.3, alignment=0.9)),
}


def agrees(values, expected, bias):
    """Within four standard errors and a bias."""
    stderr = values.std(ddof=1) / np.sqrt(values.size)
    return abs(values.mean() - expected) < 4.0 * stderr + bias + 1e-12


@pytest.mark.parametrize(
    ("name", "balance"),
    [("none", 0.5), ("expansion", 0.3), ("shrinkage", 0.5), ("misaligned", 0.3)],
)
@pytest.mark.parametrize(
    ("clf", "aspect_ratio"), CASES, ids=[type(clf).__name__ for clf, _ in CASES]
)
def test_simulation_agrees_with_the_limit(clf, aspect_ratio, balance, name):
    projector, wrong = PROJECTORS[name]
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(2.0, 0.4)], balance=balance)
    sim = asy.simulate(
        mix, clf, aspect_ratio, n=N, trials=TRIALS, projector=projector, rng=20230605
    )
    lim = asy.limit(mix, clf, aspect_ratio, projector)
    assert abs(sim.z_score(lim)) < 4
    unit = BIAS / N
    assert agrees(sim.overlap, lim.mean, unit * lim.mean)
    assert agrees(sim.variance, lim.variance, unit * lim.variance)
    assert agrees(sim.intercept, lim.intercept, unit * np.sqrt(lim.variance))
    assert agrees(sim.train_accuracy, lim.train_accuracy, unit / 4)
    # The law of another projector must fail.
    assert abs(sim.z_score(asy.limit(mix, clf, aspect_ratio, wrong))) > 4


@pytest.mark.parametrize(
    ("clf", "aspect_ratio"), [*CASES[:5], (asy.MinNorm(), 0.5), (asy.Centroid(), 1.0)]
)
def test_simulation_agrees_with_the_limit_without_intercept(clf, aspect_ratio):
    penalty = {"penalty": clf.penalty} if hasattr(clf, "penalty") else {}
    bare = type(clf)(**penalty, fit_intercept=False)
    mix = asy.SpikedMixture(1.5, balance=0.25)
    sim = asy.simulate(mix, bare, aspect_ratio, n=N, trials=TRIALS, rng=20230605)
    lim = asy.limit(mix, bare, aspect_ratio)
    assert abs(sim.z_score(lim)) < 4
    assert not sim.intercept.any()
    assert agrees(sim.variance, lim.variance, BIAS / N * lim.variance)
    assert agrees(sim.train_accuracy, lim.train_accuracy, BIAS / N / 4)
    # The intercept that is not there is missed.
    assert abs(sim.z_score(asy.limit(mix, clf, aspect_ratio))) > 4


@pytest.mark.parametrize("kind", [asy.Logistic, asy.SVM, asy.SquaredHinge, asy.Ridge])
def test_without_a_penalty_no_gain_matters(kind):
    mix, clf = asy.SpikedMixture(signal=1.0), kind(0.0)
    first, second = (
        asy.simulate(mix, clf, 0.1, n=N, trials=12, projector=projector, rng=1)
        for projector in (asy.Identity(), asy.Expansion(5.0))
    )
    assert_allclose(first.accuracy, second.accuracy, rtol=1e-7)
    assert abs(first.z_score(asy.limit(mix, clf, 0.1))) < 4
    assert abs(first.z_score(asy.limit(asy.SpikedMixture(signal=1.15), clf, 0.1))) > 4
