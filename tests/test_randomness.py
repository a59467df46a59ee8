"""One policy for `rng`, whoever takes it: the same seed, the same numbers, and nothing used up."""

import inspect

import numpy as np
import pytest

import asymptotics as asy
from asymptotics import plots
from asymptotics.projectors import learned, pca_expansion, sample_power
from asymptotics.randomness import check_rng, nested_root, root_sequence
from asymptotics.simulation.elements import elements

MIX = asy.SpikedMixture(1.5, spikes=[asy.Spike(2.0, 0.3)])
MATRIX = asy.GaussianMixture([1.0, 0.5, 0.0], np.diag([1.0, 2.0, 0.5]))
CLASSES = asy.ClassMixture([[2.0, 0.0], [-1.0, 1.5], [-1.0, -1.5]])
LEARNED = asy.PCAExpansion(3.0, 0.5)
PAIR = asy.SamplePower(0.3, 0.5) @ LEARNED


def sampled(mix, dimension):
    return lambda rng: np.column_stack(mix.sample(6, dimension, rng=rng))


def drawn(projector, mix, dimension):
    return lambda rng: projector.draw(mix, dimension, rng=rng).matrix_alone


def simulated(**changes):
    arguments = {"mix": MIX, "clf": asy.Ridge(0.1), "aspect_ratio": 0.5, "n": 20, "trials": 3}
    return lambda rng: asy.simulate(**(arguments | changes), rng=rng).accuracy


def headed(rng):
    """Both sides of a head, with accuracies anchored at those of random folds."""
    features, labels = asy.SpikedMixture(1.0).sample(60, 20, rng=3)
    head = np.diag(np.r_[3.0, np.ones(19)])
    report = asy.head_report(features, labels, head, asy.Ridge(1.0), [20.0], anchor=True, rng=rng)
    return report.before, report.after


# Everything that takes an `rng`, as a function of it alone.
TAKERS = {
    "SpikedMixture.sample": sampled(MIX, 5),
    "GaussianMixture.sample": sampled(MATRIX, 3),
    "Spectrum.sample": sampled(MATRIX.spectrum(), 5),
    "ClassMixture.sample": sampled(CLASSES, 5),
    "ClassMixture.sample, counted": lambda rng: np.column_stack(
        CLASSES.sample(8, 5, rng=rng, fixed_counts=True)
    ),
    "GaussianClasses.sample": sampled(CLASSES.realise(4), 4),
    "Spectrum.sample, of classes": sampled(CLASSES.spectrum(), 5),
    "PCAExpansion.draw": drawn(LEARNED, MIX, 6),
    "SamplePower.draw": drawn(asy.SamplePower(0.5, 0.4), MATRIX, 3),
    "Composition.draw": drawn(PAIR, MIX, 6),
    "Composition.draw, nested": drawn(PAIR @ PAIR, MIX, 6),
    "simulate": simulated(),
    "simulate, classes": simulated(mix=CLASSES),
    "simulate, direct": simulated(clf=asy.Logistic(0.1), projector=PAIR),
    "sweep": lambda rng: asy.sweep(MIX, asy.Ridge(0.1), 0.5, n=20, trials=3, rng=rng).simulated,
    "convergence": lambda rng: (
        asy.convergence(MIX, asy.Centroid(), 0.5, n=[20, 30, 40], trials=10, rng=rng).accuracy
    ),
    "train_projector": lambda rng: (
        asy.train_projector(
            MIX, 0.5, dimension=3, output_dimension=2, batch_size=8, steps=2, rng=rng
        ).matrix
    ),
    "testing.assert_converges": lambda rng: np.array(
        asy.testing.assert_converges(MIX, asy.Ridge(0.1), 0.5, resolution=0.5, rng=rng).estimate
    ),
    "plots.gain_curves": lambda rng: (
        plots.gain_curves(
            MIX, [asy.Centroid(), asy.Ridge(0.1)], gains=[0.5, 2.0], n=20, trials=3, rng=rng
        )
        .curves[1]
        .mean
    ),
    "plots.source_diagram": lambda rng: plots.source_diagram(n=20, trials=2, rng=rng).simulated,
    "head_report": lambda rng: np.concatenate(
        [side.accuracy for side in headed(rng)],
    ),
}


def test_everything_that_takes_an_rng_is_here():
    places = {"": asy, "testing.": asy.testing, "plots.": plots}
    names = [(place, name) for place, module in places.items() for name in module.__all__]
    taking = set()
    for place, name in names:
        thing = getattr(places[place], name)
        if not callable(thing):
            continue
        if inspect.isclass(thing):
            methods = inspect.getmembers(thing, inspect.isfunction)
            taking |= {
                f"{name}.{method}"
                for method, function in methods
                if "rng" in inspect.signature(function).parameters and not method.startswith("_")
            }
        elif "rng" in inspect.signature(thing).parameters:
            taking.add(place + name)
    # of a projector that learns nothing there is nothing to draw
    idle = {name for name in taking if name.endswith(".draw")} - set(TAKERS)
    assert taking - idle <= set(TAKERS)


@pytest.mark.parametrize("taker", TAKERS.values(), ids=TAKERS)
def test_a_seed_sequence_gives_the_same_twice_and_is_left_alone(taker):
    used = np.random.SeedSequence(11)
    used.spawn(3)  # what a caller has done with it has no part in the numbers
    root = np.random.SeedSequence(11)
    first = taker(root)
    state = root.state
    np.testing.assert_array_equal(first, taker(root))
    np.testing.assert_array_equal(first, taker(used))
    np.testing.assert_array_equal(first, taker(11))
    np.testing.assert_array_equal(first, taker(np.int64(11)))
    assert (root.n_children_spawned, used.n_children_spawned) == (0, 3)
    assert root.state == state
    assert np.any(np.asarray(first) != np.asarray(taker(12)))


@pytest.mark.parametrize("taker", TAKERS.values(), ids=TAKERS)
def test_a_generator_gives_other_numbers_at_each_call(taker):
    generator, again = np.random.default_rng(3), np.random.default_rng(3)
    first, second = taker(generator), taker(generator)
    assert np.any(np.asarray(first) != np.asarray(second))
    np.testing.assert_array_equal(first, taker(again))
    np.testing.assert_array_equal(second, taker(again))


@pytest.mark.parametrize("taker", TAKERS.values(), ids=TAKERS)
def test_one_refusal(taker):
    said = r"rng must be an int, a SeedSequence, a Generator or None, got "
    for bad in (1.0, "0", True, np.bool_(False), [1, 2], np.random.RandomState(0), np.random):
        with pytest.raises(TypeError, match=said):
            taker(bad)
    for bad in (-1, np.int64(-7)):
        with pytest.raises(ValueError, match=r"rng must be a non-negative integer, got .*-\d"):
            taker(bad)


def test_descendants():
    """Fresh sequences of the same content as a spawn gives, whatever was spawned before."""
    root = np.random.SeedSequence([3, 1], spawn_key=(2,), pool_size=8)
    child = nested_root(root, 0)
    spawned = root.spawn(1)[0]
    assert child.generate_state(4).tolist() == spawned.generate_state(4).tolist()
    assert root_sequence(root).n_children_spawned == 0
    assert check_rng(root).bit_generator.seed_seq is not root
    bits = np.random.PCG64(4)
    assert check_rng(bits).bit_generator is bits


@pytest.mark.parametrize("pool_size", [4, 8])
def test_a_result_knows_its_root(pool_size):
    root = np.random.SeedSequence([1, 2], spawn_key=(5,), pool_size=pool_size)
    for function in (
        lambda rng: asy.simulate(MIX, asy.Ridge(0.1), 0.5, n=20, trials=3, rng=rng),
        lambda rng: asy.convergence(MIX, asy.Centroid(), 0.5, n=[20, 30, 40], trials=10, rng=rng),
    ):
        first = function(root)
        np.testing.assert_array_equal(first.accuracy, function(first.seed).accuracy)
    trained = asy.train_projector(MIX, 0.5, dimension=3, batch_size=8, steps=2, rng=root)
    again = asy.train_projector(MIX, 0.5, dimension=3, batch_size=8, steps=2, rng=trained.seed)
    np.testing.assert_array_equal(trained.matrix, again.matrix)


@pytest.mark.parametrize(
    ("projector", "samples"),
    [
        (asy.PCAExpansion([0.0, 0.5, 2.0, 8.0], 0.5), 1),
        (asy.PCAExpansion([[0.5], [2.0]], [0.5, 0.25, 2.0]), 3),
        (asy.SamplePower([-0.5, 0.5, 1.0], 0.4), 1),
        (asy.Expansion([0.5, 1.0, 2.0]) @ asy.PCAExpansion(2.0, 0.5), 1),
        (asy.SamplePower([0.2, 0.3], 0.5) @ asy.PCAExpansion([2.0, 3.0], 0.5), 2),
    ],
)
def test_a_sample_is_decomposed_once(projector, samples, monkeypatch):
    """And the trials are those of each element alone, to the last bit."""
    calls = []

    def counted(*arguments, **options):
        calls.append(1)
        return learned.principal_axes(*arguments, **options)

    for module in (pca_expansion, sample_power):
        monkeypatch.setattr(module, "principal_axes", counted)
    arguments = {"aspect_ratio": 0.5, "n": 24, "trials": 2, "rng": 5}
    clf = asy.Logistic(0.5)
    found = asy.simulate(MIX, clf, projector=projector, **arguments)
    assert len(calls) == samples * found.trials
    for index in np.ndindex(found.shape):
        element = elements(projector, found.shape)[np.ravel_multi_index(index, found.shape)]
        alone = asy.simulate(MIX, clf, projector=element, **arguments)
        np.testing.assert_array_equal(found.accuracy[:, *index], alone.accuracy)
