"""The estimate of more than two classes: against what it was drawn from, and by its symmetries."""

import dataclasses

import numpy as np
import pytest

import asymptotics as asy
from asymptotics.estimation.class_estimate import class_estimate_of
from asymptotics.estimation.estimate import estimate_of
from asymptotics.estimation.gram_fit import matrices, semidefinite_least_squares
from asymptotics.estimation.least_squares import nonnegative_least_squares
from asymptotics.estimation.resolvent import read
from asymptotics.estimation.sample import LabelledSample, labelled_sample
from asymptotics.integrals.softmax import contrasts

RNG = np.random.default_rng(3)
P = 80
POPULATIONS = {
    "isotropic": asy.ClassMixture.simplex(3, 2.5),
    "unequal": asy.ClassMixture(1.5 * RNG.normal(size=(4, 3)), priors=[0.4, 0.3, 0.2, 0.1]),
    "spiked": asy.ClassMixture(1.3 * RNG.normal(size=(3, 3)), np.diag([20.0, 1.0, 0.3])),
}


def drawn(mix, n, rng=0):
    return mix.sample(n, P, rng, fixed_counts=True)


def in_fixed_axes(estimate):
    """Whitened contrasts by the classes alone: axes of a reading's own spread it by construction."""
    basis = contrasts(len(estimate.sample.counts))
    fixed = basis @ np.linalg.cholesky(estimate.sample.contrast_noise)
    np.testing.assert_allclose(fixed @ fixed.T, estimate.coding @ estimate.coding.T, atol=1e-10)
    return estimate.in_axes(fixed)


@pytest.mark.slow
@pytest.mark.parametrize("n", [P // 2, 5 * P // 4])
@pytest.mark.parametrize("name", POPULATIONS)
def test_readings_are_those_of_the_population(name, n):
    """Ĝ against Σ G/(κ + d), entry by entry, in units of its own covariance; the plug-in fails."""
    mix, count = POPULATIONS[name], 16
    found, spread, plug_in = [], [], []
    truth = mix.spectrum()
    for k in range(count):
        sample = labelled_sample(*drawn(mix, n, k))
        estimate = in_fixed_axes(class_estimate_of(sample))
        size = len(sample.counts)
        middle = np.eye(size) - 1.0 / size
        kappa = estimate.reading.kappa
        centred = middle @ truth.grams @ middle
        decode = np.linalg.pinv(estimate.coding)
        resolvent = 1.0 / (kappa[:, None] + truth.eigenvalues)
        expected = decode @ np.tensordot(resolvent, centred, 1) @ decode.T
        found.append(estimate.reading.energy_sum - expected)
        covariance = estimate.covariance
        s = np.arange(covariance.shape[0])
        r = np.arange(covariance.shape[1])
        spread.append(matrices(covariance[s, :, s][:, r, r].T, size - 1))
        plug_in.append(
            found[-1] + estimate.reading.weight_sum[:, None, None] * P * np.eye(size - 1)
        )
    z = np.mean(found, axis=0) / np.sqrt(np.mean(spread, axis=0) / count)
    assert np.abs(z).max() < 4.5
    # the stated variance is the observed one
    ratio = np.var(found, axis=0, ddof=1) / np.mean(spread, axis=0)
    assert 0.6 < np.median(ratio) < 1.5
    control = np.mean(plug_in, axis=0) / np.sqrt(np.mean(spread, axis=0) / count)
    assert np.abs(control).max() > 10


@pytest.mark.slow
@pytest.mark.parametrize("name", POPULATIONS)
def test_predicted_accuracy(name):
    """The bias of 24 samples is within what they show of it, and 0.03."""
    mix = POPULATIONS[name]
    for n in (P // 2, 5 * P // 4):
        made = [asy.Spectrum.from_data(*drawn(mix, n, 100 + k)) for k in range(24)]
        for clf, size in ((asy.Ridge(0.1), n), (asy.Ridge(1.0), 2 * n)):
            true = asy.limit(mix, clf, P / size).accuracy
            said = np.array([asy.limit(one, clf, P / size).accuracy for one in made])
            assert abs(said.mean() - true) < 0.03 + 2.0 * said.std(ddof=1) / np.sqrt(24)


def test_what_it_says_of_itself():
    source = asy.Spectrum.from_data(*drawn(POPULATIONS["isotropic"], 100))
    assert (source.samples, source.kappa_min, source.classes) == (100, 0.0, 3)
    np.testing.assert_allclose(source.priors, [0.33, 0.34, 0.33], atol=0.011)
    few = asy.Spectrum.from_data(*drawn(POPULATIONS["isotropic"], 40))
    assert few.kappa_min > 0 and few.estimate.extrapolates(0.0)
    assert "classes=3" in repr(few.estimate)
    for clf in (asy.Softmax(0.1), asy.Centroid(), asy.Bayes()):
        assert 1 / 3 < asy.limit(source, clf, 0.5).accuracy < 1


def test_noise_is_nearly_chance():
    """Where the plug-in promises a high accuracy."""
    said, plug_in = [], []
    for k in range(4):
        rng = np.random.default_rng(k)
        features, labels = rng.normal(size=(150, 512)), np.arange(150) % 3
        one = asy.Spectrum.from_data(features, labels)
        said.append(asy.limit(one, asy.Ridge(0.1), 512 / 150).accuracy)
        other = asy.GaussianMixture.from_data(features, labels)
        plug_in.append(asy.limit(other, asy.Ridge(0.1), 512 / 150).accuracy)
    assert abs(np.mean(said) - 1 / 3) < 0.06
    assert np.mean(plug_in) > 0.8


def test_order_names_and_scale():
    mix = POPULATIONS["unequal"]
    x, y = drawn(mix, 150)
    clf = asy.Ridge(0.1)
    one = asy.Spectrum.from_data(x, y)
    expected = asy.limit(one, clf, 0.8)
    named = asy.Spectrum.from_data(x, np.array(["a", "b", "c", "d"])[y])
    np.testing.assert_array_equal(named.energies, one.energies)
    order = np.array([2, 0, 3, 1])  # class k is called order[k]
    moved = asy.limit(asy.Spectrum.from_data(x, order[y]), clf, 0.8)
    assert moved.accuracy == pytest.approx(expected.accuracy, abs=1e-3)
    np.testing.assert_allclose(moved.class_accuracy[order], expected.class_accuracy, atol=2e-3)
    turned = x @ np.linalg.qr(RNG.normal(size=(P, P)))[0]
    again = asy.limit(asy.Spectrum.from_data(turned + 3.0, y), clf, 0.8)
    assert again.accuracy == pytest.approx(expected.accuracy, abs=1e-5)
    scaled = asy.limit(asy.Spectrum.from_data(1e3 * x, y), asy.Ridge(1e5), 0.8)
    assert scaled.accuracy == pytest.approx(expected.accuracy, abs=1e-5)


def test_every_form_of_features(tmp_path):
    x, y = drawn(POPULATIONS["isotropic"], 80)
    x = x.astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    one = asy.limit(asy.Spectrum.from_data(x, y), asy.Ridge(0.1), 1.0).accuracy
    for form in (x.astype(float), np.load(tmp_path / "x.npy", mmap_mode="r"), x.tolist()):
        other = asy.limit(asy.Spectrum.from_data(form, y), asy.Ridge(0.1), 1.0).accuracy
        assert other == pytest.approx(one, abs=1e-6)


@pytest.mark.parametrize("n", [60, 400])
def test_columns_twice_or_constant(n):
    """A covariance that is singular: energy in its null space is none, and nothing is lost."""
    x, y = drawn(POPULATIONS["isotropic"], n)
    x = x[:, :40]
    wide = np.concatenate([x, x, np.zeros((n, 10))], axis=1)
    one, other = asy.Spectrum.from_data(x, y), asy.Spectrum.from_data(wide, y)
    assert other.weights[0] == pytest.approx(50 / 90, abs=1e-9) and other.eigenvalues[0] == 0
    # twice the signal and the noise of 40 of 90 directions
    a = asy.limit(one, asy.Ridge(0.1), 40 / n).accuracy
    b = asy.limit(other, asy.Ridge(0.2), 90 / n).accuracy
    assert b == pytest.approx(a, abs=2e-3)


def test_least_squares_of_one_entry_are_non_negative_ones():
    rows, target = RNG.normal(size=(30, 8)), RNG.normal(size=30)
    expected = nonnegative_least_squares(rows, target)
    found = semidefinite_least_squares((rows.T @ rows)[None], (target @ rows)[None, None], 1)
    np.testing.assert_allclose(found[0, :, 0, 0], expected, atol=1e-5)


def test_least_squares_satisfy_the_conditions_of_optimality():
    """The gradient is positive semi-definite as well, and orthogonal to the solution."""
    rows = RNG.normal(size=(3, 20, 5))
    target = RNG.normal(size=(3, 20))
    hessians = np.swapaxes(rows, -1, -2) @ rows
    linear = np.einsum("srj,sr->sj", rows, target)
    found = semidefinite_least_squares(hessians, linear[None], 2)[0]
    x = found[:, [0, 1, 1], [0, 0, 1]].T
    gradient = np.einsum("sij,sj->si", hessians, x) - linear
    gradient[1] *= 0.5  # an entry off the diagonal stands for two
    force = matrices(gradient.T, 2)
    size = np.abs(linear).max()
    assert np.linalg.eigvalsh(found).min() > -1e-9
    assert np.linalg.eigvalsh(force).min() > -1e-4 * size
    assert np.abs(np.einsum("jab,jba->j", found, force)).max() < 1e-4 * size


def test_two_classes_read_as_such():
    """The matrix reading of one contrast is the energy of half the difference, whitened."""
    x, y = asy.SpikedMixture(1.5).sample(90, P, 0)
    sample = labelled_sample(x, y > 0)
    root = np.sqrt(2.0)  # the contrast (μ₊ - μ₋)/√2 of half the difference
    whole = dataclasses.replace(
        sample,
        projections=root * sample.projections[:, None],
        outside=2.0 * np.eye(1) * sample.outside,
    )
    several = class_estimate_of(whole).reading
    two = read(sample, estimate_of(sample).reading.kappa)
    np.testing.assert_allclose(
        several.energy_sum[:, 0, 0] * sample.mean_noise, two.energy_sum, rtol=1e-9
    )
    assert isinstance(sample, LabelledSample)


def test_one_score_is_not_for_three_classes():
    source = asy.Spectrum.from_data(*drawn(POPULATIONS["isotropic"], 60))
    for ask in (asy.learning_curve, asy.samples_needed):
        with pytest.raises(ValueError, match="known limit on 3 classes, got Logistic"):
            ask(source, asy.Logistic(0.1), 0.9)


def test_redrawn_matrices_scatter_as_the_readings():
    estimate = class_estimate_of(labelled_sample(*drawn(POPULATIONS["isotropic"], 150)))
    draws = estimate.redrawn(100, np.random.default_rng(0))
    assert draws.shape == (100, estimate.eigenvalues.size, 3, 3)
    assert np.linalg.eigvalsh(draws).min() > -1e-9
    k = len(estimate.reading.kappa) // 2
    resolvent = 1.0 / (estimate.reading.kappa[k] + estimate.eigenvalues)
    decode = np.linalg.pinv(estimate.coding)
    seen = decode @ np.tensordot(draws, resolvent, (1, 0)) @ decode.T
    # of both contrasts; the fit binds the matrices of its few atoms together
    stated = estimate.covariance[[0, 2], k, [0, 2], k].sum()
    assert 0.4 < np.einsum("naa->na", seen).var(0).sum() / stated < 2.0
