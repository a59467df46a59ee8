"""What fits that cannot be negative make of noise, and that it is taken off again."""

import numpy as np
import pytest

import asymptotics as asy
from asymptotics.estimation import atoms, class_estimate

P, N, TRIALS = 120, 90, 24


def excess(mix):
    """The mean of what is fitted less what was read, at each κ, in units of the reading's error."""
    found = []
    for seed in range(TRIALS):
        estimate = asy.Spectrum.from_data(*mix.sample(N, P, seed, fixed_counts=True)).estimate
        kappa, seen = estimate.reading.kappa, estimate.eigenvalues > 0
        kernel = 1.0 / (kappa[:, None] + estimate.eigenvalues[seen])
        if mix.spectrum().classes == 2:
            fitted, read = kernel @ estimate.energies[seen], estimate.reading.energy_sum
            error = np.sqrt(np.diag(estimate.covariance))
        else:
            grams = np.trace(estimate.whitened[seen], axis1=1, axis2=2)
            fitted, read = kernel @ grams, np.trace(estimate.reading.energy_sum, axis1=1, axis2=2)
            diagonal = [k for k, (a, b) in enumerate(np.stack(np.tril_indices(2), 1)) if a == b]
            each = estimate.covariance[diagonal][:, :, diagonal]
            error = np.sqrt(np.einsum("akbk->k", each))
        found.append((fitted - read) / error)
    return np.mean(found, axis=0)


@pytest.mark.parametrize(
    "mix", [asy.SpikedMixture(1e-3), asy.ClassMixture.simplex(3, 1e-3)], ids=["two", "three"]
)
def test_of_noise_less_energy_is_made(mix, monkeypatch):
    corrected = excess(mix)
    nothing = lambda covariance, draws, rng: np.zeros((draws, len(covariance)))  # noqa: E731
    for module in (atoms, class_estimate):
        monkeypatch.setattr(module, "paired_errors", nothing)
    plain = excess(mix)
    assert np.all(plain > 0.1)
    assert np.all(np.abs(corrected) < 0.8 * plain)


def test_errors_are_of_the_covariance():
    kappa = np.geomspace(0.1, 10.0, 6)
    covariance = 1.0 / (kappa[:, None] + kappa)
    drawn = atoms.paired_errors(covariance, 40_000, np.random.default_rng(1))
    np.testing.assert_array_equal(drawn[:20_000], -drawn[20_000:])
    deviation = np.sqrt(np.diag(covariance))
    found = drawn.T @ drawn / len(drawn) / np.outer(deviation, deviation)
    np.testing.assert_allclose(found, covariance / np.outer(deviation, deviation), atol=0.04)
    few = atoms.paired_errors(covariance, 12, np.random.default_rng(1))
    np.testing.assert_allclose(few.T @ few / 12, covariance, rtol=1e-9)
