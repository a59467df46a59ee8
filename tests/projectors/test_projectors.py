"""Projectors: the same map on matrices, on frames and on samples."""

import pickle

import numpy as np
import pytest
from scipy.linalg import fractional_matrix_power

import asymptotics as asy

EXACT = 1e-12

SPIKES = [(4.0, 0.5), (-0.6, -0.7)]
MIX = asy.SpikedMixture(1.3, 0.7, [asy.Spike(*spike) for spike in SPIKES], 0.3)
P = 9


def unit(*entries):
    u = np.zeros(P)
    u[: len(entries)] = entries
    return u / np.linalg.norm(u)


def stretch(gain, u):
    return np.eye(P) + (gain - 1) * np.outer(u, u)


def power(exponent):
    """((Σ + μμᵀ)/σ²)^a in the coordinates of ``MIX.sample``."""
    moment = np.eye(P)
    for k, (strength, cosine) in enumerate(SPIKES):
        v = np.zeros(P)
        v[0], v[k + 1] = cosine, np.sqrt(1 - cosine**2)
        moment += strength * np.outer(v, v)
    moment[0, 0] += (1.3 / 0.7) ** 2
    return fractional_matrix_power(moment, exponent)


# A projector, and its matrix on R^9: signal, two spikes, then the directions of its own.
C, S = 0.6, 0.8
MATRICES = {
    "identity": (asy.Identity(), np.eye(P)),
    "expansion": (asy.Expansion(3.0), stretch(3.0, unit(1))),
    "projection": (asy.Expansion(0.0), stretch(0.0, unit(1))),
    "misaligned": (asy.Expansion(3.0, C), stretch(3.0, unit(C, 0, 0, S))),
    "backwards": (asy.Expansion(3.0, -C), stretch(3.0, unit(-C, 0, 0, S))),
    "orthogonal": (asy.Expansion(3.0, 0.0), stretch(3.0, unit(0, 0, 0, 1))),
    "spike": (asy.Expansion(3.0, spike=1), stretch(3.0, unit(-0.7, 0, np.sqrt(0.51)))),
    "power": (asy.Power(0.7), power(0.7)),
    "whitening": (asy.Power(-0.5), power(-0.5)),
    "no power": (asy.Power(0.0), np.eye(P)),
    "twice": (
        asy.Expansion(3.0, C) @ asy.Expansion(0.2, S),  # the inner one has the first own axis
        stretch(3.0, unit(C, 0, 0, 0, S)) @ stretch(0.2, unit(S, 0, 0, C)),
    ),
    "thrice": (
        asy.Expansion(2.0, spike=0) @ asy.Expansion(3.0, C) @ asy.Power(0.3),
        stretch(2.0, unit(0.5, np.sqrt(0.75))) @ stretch(3.0, unit(C, 0, 0, S)) @ power(0.3),
    ),
}
cases = pytest.mark.parametrize(("projector", "matrix"), MATRICES.values(), ids=MATRICES)


@cases
def test_transform_of_a_spiked_mixture(projector, matrix):
    points = np.random.default_rng(0).normal(size=(20, P))
    found = projector.transform(points, MIX)
    np.testing.assert_allclose(found, points @ matrix.T, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(projector.transform(points.tolist(), MIX), found, rtol=EXACT)


@cases
def test_transformed_samples_follow_the_law(projector, matrix):
    """Empirical mean and covariance of y z against T μ and T Σ Tᵀ."""
    n = 20_000
    features, labels = MIX.sample(n, P, rng=1)
    points = projector.transform(features, MIX) * labels[:, None]
    law = MIX.realise(P)
    mean, covariance = matrix @ law.mean, matrix @ law.covariance @ matrix.T
    size = np.maximum(np.diag(covariance), 1e-6)  # a direction may have been projected out
    centred = points - mean
    z_mean = centred.mean(0) / np.sqrt(size / n)
    z_covariance = (centred.T @ centred / n - covariance) / np.sqrt(
        (np.outer(size, size) + covariance**2) / n
    )
    assert np.abs(z_mean).max() < 4
    assert np.abs(z_covariance).max() < 4.5  # of 45 numbers
    if not np.array_equal(matrix, np.eye(P)) and not np.allclose(matrix, np.eye(P)):
        raw = features * labels[:, None] - mean  # the negative control: not transformed
        z_raw = (raw.T @ raw / n - covariance) / np.sqrt((np.outer(size, size) + covariance**2) / n)
        assert np.abs(z_raw).max() > 4.5


@pytest.fixture(scope="module")
def gaussian():
    rng = np.random.default_rng(2)
    root = rng.normal(size=(6, 6))
    return asy.GaussianMixture(rng.normal(size=6), root @ root.T, 0.4)


def test_matrices_on_a_gaussian_mixture(gaussian):
    u = gaussian.mean / np.linalg.norm(gaussian.mean)
    moment = gaussian.covariance + np.outer(gaussian.mean, gaussian.mean)
    rough = np.random.default_rng(3).normal(size=(4, 6))
    expected = [
        (asy.Identity(), np.eye(6)),
        (asy.Expansion(2.5), np.eye(6) + 1.5 * np.outer(u, u)),
        (asy.Expansion(2.5, -1.0), np.eye(6) + 1.5 * np.outer(u, u)),
        (asy.Power(0.4), fractional_matrix_power(moment / gaussian.noise**2, 0.4)),
        (asy.Power(-0.5), fractional_matrix_power(moment / gaussian.noise**2, -0.5)),
        (asy.LinearMap(rough), rough),
        (asy.LinearMap(rough) @ asy.Expansion(2.5), rough @ (np.eye(6) + 1.5 * np.outer(u, u))),
    ]
    points = np.random.default_rng(4).normal(size=(7, 6))
    for projector, matrix in expected:
        np.testing.assert_allclose(
            projector.on_coordinates(gaussian), matrix, rtol=1e-9, atol=1e-11
        )
        np.testing.assert_allclose(
            projector.transform(points, gaussian), points @ matrix.T, rtol=1e-9, atol=1e-11
        )
        image = gaussian.spectrum(projector)
        eigenvalues = np.linalg.eigvalsh(matrix @ gaussian.covariance @ matrix.T)
        lost = np.zeros(6 - len(matrix))
        np.testing.assert_allclose(
            np.sort(image.eigenvalues), np.sort(np.append(lost, eigenvalues)), rtol=1e-9, atol=1e-12
        )
        np.testing.assert_allclose(
            image.energies.sum(), np.square(matrix @ gaussian.mean).sum(), rtol=1e-9
        )
        assert image.weights == pytest.approx(1 / 6)


def test_transform_on_a_spectrum():
    """Two axes that carry the signal, four bulk coordinates: one of variance 4, three of 1."""
    law = asy.Spectrum([4.0, 1.0], [0.25, 0.75], [1.0, 2.25])
    mean = np.array([1.0, 1.5, 0, 0, 0, 0])
    covariance = np.diag([4.0, 1.0, 4.0, 1.0, 1.0, 1.0])
    u = mean / np.linalg.norm(mean)
    moment = (covariance + np.outer(mean, mean)) / 1.75  # in units of the mean variance
    points = np.random.default_rng(5).normal(size=(7, 6))
    for projector, matrix in (
        (asy.Identity(), np.eye(6)),
        (asy.Expansion(3.0), np.eye(6) + 2.0 * np.outer(u, u)),
        (asy.Expansion(3.0, -1.0), np.eye(6) + 2.0 * np.outer(u, u)),
        (asy.Power(0.7), fractional_matrix_power(moment, 0.7)),
        (asy.Power(-0.5), fractional_matrix_power(moment, -0.5)),
        (asy.Expansion(3.0) @ asy.Power(0.7), None),
    ):
        if matrix is None:
            matrix = (np.eye(6) + 2.0 * np.outer(u, u)) @ fractional_matrix_power(moment, 0.7)
        found = projector.transform(points, law)
        np.testing.assert_allclose(found, points @ matrix.T, rtol=1e-11, atol=1e-11)


def test_a_matrix_on_a_spiked_mixture_acts_on_its_samples():
    matrix = np.random.default_rng(6).normal(size=(4, P))
    projector = asy.LinearMap(matrix)
    points = np.random.default_rng(7).normal(size=(5, P))
    np.testing.assert_allclose(projector.transform(points, MIX), points @ matrix.T, rtol=EXACT)
    found, expected = MIX.spectrum(projector), MIX.realise(P).spectrum(projector)
    np.testing.assert_allclose(found.eigenvalues, expected.eigenvalues, rtol=EXACT)
    np.testing.assert_allclose(found.energies, expected.energies, rtol=EXACT)


def test_matrices_of_several_shapes_compose(gaussian):
    rng = np.random.default_rng(8)
    first, second = rng.normal(size=(4, 6)), rng.normal(size=(3, 4))
    composed = asy.LinearMap(second) @ asy.LinearMap(first)
    one = asy.limit(gaussian, asy.Ridge(0.1), 0.8, composed)
    other = asy.limit(gaussian, asy.Ridge(0.1), 0.8, asy.LinearMap(second @ first))
    assert one.accuracy == pytest.approx(other.accuracy, rel=EXACT)
    points = rng.normal(size=(5, 6))
    np.testing.assert_allclose(
        composed.transform(points, gaussian), points @ (second @ first).T, rtol=1e-11
    )
    with pytest.raises(ValueError, match=r"(?s)outer map must take 4 dimensions.* which takes 6"):
        asy.LinearMap(first) @ asy.LinearMap(first)


def test_gains_follow_the_population(gaussian):
    """Directions belong to the population, not to what an inner map has made of it."""
    matrix = np.random.default_rng(9).normal(size=(6, 6))
    composed = asy.Expansion(3.0) @ asy.LinearMap(matrix)
    expected = asy.Expansion(3.0).on_coordinates(gaussian) @ matrix
    np.testing.assert_allclose(composed.on_coordinates(gaussian), expected, rtol=EXACT)


def test_composition_says_what_it_is():
    assert repr(asy.Expansion(2.0) @ asy.Power(0.5)) == (
        "Expansion(gain=2.0, alignment=1.0, spike=None) @ Power(exponent=0.5)"
    )
    for left, right in ((asy.Expansion(2.0), np.eye(3)), (np.eye(3), asy.Expansion(2.0))):
        with pytest.raises(TypeError, match=r"does not support ufuncs|unsupported operand"):
            left @ right
    with pytest.raises(TypeError, match="unsupported operand"):
        asy.Expansion(2.0) @ 3.0


@cases
def test_projectors_travel(projector, matrix):
    del matrix
    other = pickle.loads(pickle.dumps(projector))
    one = asy.limit(MIX, asy.Ridge(0.1), 0.8, projector).accuracy
    assert asy.limit(MIX, asy.Ridge(0.1), 0.8, other).accuracy == one


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: asy.Expansion(2.0, spike=2).transform(np.eye(P), MIX), "spike must be below"),
        (lambda: MIX.spectrum(asy.Expansion(2.0, spike=2)), "spike must be below .* 2, got 2"),
        (lambda: asy.Expansion([1.0, 2.0]).transform(np.eye(P), MIX), "single projector"),
        (lambda: asy.Expansion(2.0).transform(np.eye(2), MIX), "at least 3, got 2"),
        (lambda: asy.LinearMap(np.eye(3)).transform(np.eye(4), MIX), "must have 3 columns"),
        (lambda: MIX.realise(4).spectrum(asy.Expansion(2.0, 0.5)), "alignment must be 1 or -1"),
        (lambda: MIX.realise(4).spectrum(asy.Expansion(2.0, spike=0)), "spike must be None"),
        (lambda: MIX.realise(4).spectrum(asy.LinearMap(np.eye(3))), "matrix must have 4 columns"),
    ],
)
def test_maps_that_do_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_what_a_spectrum_cannot_do():
    law = asy.Spectrum([1.0, 2.0], [0.5, 0.5], [1.0, 0.0])
    with pytest.raises(ValueError, match="alignment must be 1 or -1"):
        law.spectrum(asy.Expansion(2.0, 0.5))
    with pytest.raises(ValueError, match="spike must be below"):
        law.spectrum(asy.Expansion(2.0, spike=0))
    with pytest.raises(TypeError, match="projector must not be a LinearMap"):
        law.spectrum(asy.LinearMap(np.eye(2)))


def test_what_needs_a_mean():
    silent = asy.GaussianMixture(np.zeros(3), np.eye(3))
    with pytest.raises(ValueError, match="gain needs a direction"):
        silent.spectrum(asy.Expansion(2.0))


def test_negative_powers_need_variance_everywhere():
    flat = asy.GaussianMixture([1.0, 0.0, 0.0], np.diag([1.0, 1.0, 0.0]))
    with pytest.raises(ValueError, match=r"exponent must be non-negative .* got -0\.5"):
        flat.spectrum(asy.Power(-0.5))
    np.testing.assert_allclose(np.sort(flat.spectrum(asy.Power(0.5)).eigenvalues)[0], 0.0)
    # a direction with signal but no noise has a second moment
    seen = asy.GaussianMixture([0.0, 0.0, 1.0], np.diag([1.0, 1.0, 0.0]))
    assert np.all(np.isfinite(seen.spectrum(asy.Power(-0.5)).energies))
