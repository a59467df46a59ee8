"""What one verb returns, the next one takes: numbers, maps and populations, single and in batches."""

import copy
import pickle

import numpy as np
import pytest

import asymptotics as asy

SPIKED = asy.SpikedMixture(1.5, spikes=[asy.Spike(2.0, 0.3)], balance=0.4)
BATCH = asy.SpikedMixture(np.array([1.0, 1.5, 2.0]))
EIGENVALUES = np.array([[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]])
SPECTRA = {
    "one": asy.Spectrum([1.0, 2.0, 3.0], np.full(3, 1 / 3), [1.0, 0.0, 0.5]),
    "weights of each": asy.Spectrum(
        EIGENVALUES,
        np.array([[0.2, 0.3, 0.5], [0.6, 0.2, 0.2]]),
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.5]],
    ),
    "common weights": asy.Spectrum(EIGENVALUES, np.full(3, 1 / 3), np.array([1.0, 0.0, 0.5])),
    "other balance": asy.Spectrum(
        EIGENVALUES[:, None], np.full(3, 1 / 3), [1.0, 0.5, 0.0], balance=np.array([0.3, 0.5])
    ),
}
RIDGE = asy.Ridge(0.1)


def mixtures():
    rng = np.random.default_rng(0)
    factor = rng.standard_normal((6, 4))
    return {
        "dense": asy.GaussianMixture(rng.standard_normal(6) / 2, factor @ factor.T + np.eye(6)),
        "singular": asy.GaussianMixture(factor @ np.full(4, 0.3), factor @ factor.T),
        "factor": asy.GaussianMixture.from_factor(factor @ np.full(4, 0.3), factor),
        "batch": asy.GaussianMixture(np.full(3, 0.5), np.eye(3), balance=[0.3, 0.5]),
    }


def element(spectrum, index):
    """One of a batch, made anew."""
    shape = spectrum.batch_shape
    take = [np.broadcast_to(a, shape + a.shape[-1:])[index] for a in atoms_of(spectrum)]
    return asy.Spectrum(*take, balance=float(np.broadcast_to(spectrum.balance, shape)[index]))


def atoms_of(spectrum):
    return spectrum.eigenvalues, spectrum.weights, spectrum.energies


# ------------------------------------------------------------------------------------ maps


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("loss", [asy.InfoNCE(0.5), asy.InfoNCE(2.0, temperature=0.5, time=1.0)])
def test_a_trained_map_of_spectra_is_a_projector_for_them(name, loss):
    spectrum = SPECTRA[name]
    head = loss.projector(spectrum)
    lim = asy.limit(spectrum, RIDGE, 0.5, head)
    assert np.shape(lim.accuracy) == spectrum.batch_shape
    for index in np.ndindex(spectrum.batch_shape):
        one = asy.limit(element(spectrum, index), RIDGE, 0.5, loss)
        assert np.asarray(lim.error)[index] == pytest.approx(one.error, rel=1e-9)
    np.testing.assert_allclose(asy.limit(spectrum, RIDGE, 0.5, loss).error, lim.error, rtol=1e-9)
    asy.separability_threshold(spectrum, projector=head)
    report = asy.before_and_after(spectrum, RIDGE, 0.5, head)
    np.testing.assert_allclose(report.after.error, lim.error, rtol=1e-12)
    sim = asy.simulate(spectrum, RIDGE, 0.5, n=200, trials=12, projector=head, rng=0)
    assert np.all(np.abs(sim.mean - lim.accuracy) < 4 * sim.stderr + 1 / 200)
    assert np.shape(asy.limit(spectrum, RIDGE, 0.5, asy.Power(0.3) @ head).accuracy) == np.shape(
        lim.accuracy
    )


@pytest.mark.parametrize("name", ["spiked", "batch of spiked", "dense"])
def test_a_trained_map_of_a_mixture_is_a_projector_for_it(name):
    mix = {"spiked": SPIKED, "batch of spiked": BATCH, **mixtures()}[name]
    loss = asy.InfoNCE(0.7)
    head = loss.projector(mix)
    found = asy.limit(mix, RIDGE, 0.5, head).error
    np.testing.assert_allclose(found, asy.limit(mix, RIDGE, 0.5, loss).error, rtol=1e-7)
    n = 40 if isinstance(mix, asy.GaussianMixture) else 60
    ratio = None if isinstance(mix, asy.GaussianMixture) else 0.5
    sim = asy.simulate(mix, RIDGE, ratio, n=n, trials=2, projector=head, rng=0)
    assert np.shape(sim.mean) == np.shape(found)


def test_drawn_and_trained_maps_are_projectors():
    mix = asy.SpikedMixture(2.0).realise(8)
    trained = asy.train_projector(mix, 0.5, steps=5, rng=0)
    for head in (trained.projector, asy.LinearMap(trained.matrix)):
        assert 0.5 < asy.limit(mix, RIDGE, 0.5, head).accuracy < 1
    learned = asy.PCAExpansion(3.0, 0.5) @ asy.Expansion(2.0)
    drawn = learned.draw(asy.SpikedMixture(2.0), 8, rng=0)
    features, _ = mix.sample(5, rng=0)
    assert drawn.transform(features, mix).shape == (5, 8)


# --------------------------------------------------------------------------------- numbers


def test_optima_thresholds_and_boundaries_are_parameters():
    best = asy.optimal_penalty(SPIKED, RIDGE, 0.5)
    lim = asy.limit(SPIKED, asy.Ridge(best.value), 0.5)
    assert lim.accuracy == pytest.approx(best.accuracy, rel=1e-9)
    gain = asy.optimal_gain(SPIKED, RIDGE, 0.5, asy.Expansion(1.0, 0.4))
    lim = asy.limit(SPIKED, RIDGE, 0.5, asy.Expansion(gain.value, 0.4))
    assert lim.accuracy == pytest.approx(gain.accuracy, rel=1e-9)
    thresholds = asy.separability_threshold(BATCH)
    assert np.all(asy.limit(BATCH, asy.MaxMargin(), 1.1 * thresholds).accuracy > 0.5)
    where = asy.InfoNCE(0.5).boundary(SPIKED, "augmentation").value
    assert asy.limit(SPIKED, RIDGE, 0.5, asy.InfoNCE(where)).accuracy > 0.5
    angles = asy.critical_alignment(BATCH, RIDGE, 0.5, 2.0)
    heads = asy.Expansion(2.0, np.where(np.isnan(angles.alignment), 1.0, angles.alignment))
    assert np.shape(asy.limit(BATCH, RIDGE, 0.5, heads).accuracy) == (3,)
    lim = asy.limit(BATCH, RIDGE, np.array([[0.5], [1.0]]))
    again = asy.limit(asy.SpikedMixture(1.0, balance=lim.accuracy), RIDGE, lim.accuracy)
    assert again.accuracy.shape == (2, 3)


# ------------------------------------------------------------------------------ populations


@pytest.mark.parametrize("name", ["dense", "singular", "factor", "batch"])
def test_an_image_is_a_population(name):
    mix = mixtures()[name]
    for head in (None, asy.Expansion(2.0), asy.LinearMap(np.eye(mix.dimension)[:2])):
        image = mix.spectrum(head)
        np.testing.assert_allclose(
            asy.limit(image, RIDGE, 0.5).log_error,
            asy.limit(mix, RIDGE, 0.5, head or asy.Identity()).log_error,
            rtol=1e-9,
        )
        asy.separability_threshold(image)
        asy.limit(image, RIDGE, 0.5, asy.Power(0.2))


@pytest.mark.filterwarnings("ignore::asymptotics.PlugInWarning")
@pytest.mark.parametrize("shape", [(90, 6), (12, 20)])
def test_an_estimate_is_a_population(shape):
    rng = np.random.default_rng(1)
    labels = np.arange(shape[0]) % 2
    features = rng.standard_normal(shape) + 0.5 * labels[:, None]
    for source in (
        asy.GaussianMixture.from_data(features, labels),
        asy.Spectrum.from_data(features, labels),
    ):
        lim = asy.limit(source, RIDGE, 0.4)
        assert 0.5 < lim.accuracy <= 1
        best = asy.optimal_penalty(source, RIDGE, 0.4)
        assert best.accuracy >= lim.accuracy
        asy.before_and_after(source, RIDGE, 0.4, asy.Expansion(2.0))
        curve = asy.learning_curve(source, RIDGE, samples=[20, 40])
        assert asy.samples_needed(source, RIDGE, accuracy=float(curve.accuracy[0])).samples > 0
    mix = asy.GaussianMixture.from_data(features, labels)
    again = mix.sample(40, rng=0)
    assert asy.GaussianMixture.from_data(*again).dimension == shape[1]
    three = asy.GaussianMixture.from_data(features, np.arange(shape[0]) % 3)
    assert 0 < asy.limit(three, RIDGE, 0.4, asy.LinearMap(np.eye(shape[1])[:4])).accuracy <= 1


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
@pytest.mark.parametrize("name", ["dense", "singular", "factor", "batch"])
def test_copies_are_equal_and_answer_alike(name, copied):
    mix = mixtures()[name]
    expected = asy.limit(mix, RIDGE, 0.5).error  # with all that it has worked out by then
    other = copied(mix)
    assert other == mix
    assert repr(other) == repr(mix)
    np.testing.assert_array_equal(asy.limit(other, RIDGE, 0.5).error, expected)
    np.testing.assert_array_equal(other.covariance, mix.covariance)
    several = asy.GaussianClasses(np.stack([mix.mean, -mix.mean]), mix.covariance)
    expected = asy.limit(several, RIDGE, 0.5).accuracy
    assert copied(several) == several
    assert asy.limit(copied(several), RIDGE, 0.5).accuracy == expected
