"""The law of Marchenko and Pastur, seen from one direction: moments, resolvent, density, outlier."""

import numpy as np
import pytest
import scipy
from numpy.testing import assert_allclose

from asymptotics.random_matrices.marchenko_pastur import outlier_mass, spectral_law

EXACT = 1e-12


def squared_overlap(strength, ratio):
    """The formula of Baik, Ben Arous, Péché and Paul, as it is printed."""
    if strength <= np.sqrt(ratio):
        return 0.0
    return (1 - ratio / strength**2) / (1 + ratio / strength)


@pytest.mark.parametrize("ratio", [1e-8, 0.2, 0.999, 1.0, 1.001, 3.0, 1e3])
def test_spectral_law(ratio):
    """Moments, and the resolvent, against those of the Jacobi matrix that S is in the limit."""
    near = np.sqrt(ratio) * np.array([0.3, 0.999, 1.0, 1.001, 2.0])
    excess = np.concatenate([[-0.9, -0.3, 0.0, 1e-6], near])
    variance = 1 + excess
    x, masses = spectral_law(variance, ratio)
    assert np.all(masses >= 0)
    assert_allclose(masses.sum(-1), 1, rtol=EXACT)
    assert_allclose((masses * x).sum(-1), variance, rtol=EXACT)
    assert_allclose((masses * x**2).sum(-1), variance**2 + ratio * variance, rtol=EXACT)
    for z in (0.01, 1.0, 30.0):
        # resolvent at -z: the constant continued fraction behind the first row, whose root is real
        half = 1 + ratio + z
        behind = 2 / (half + np.sqrt(half**2 - 4 * ratio))
        expected = 1 / (variance + z - ratio * variance * behind)
        assert_allclose((masses / (x + z)).sum(-1), expected, rtol=1e-11)


def test_density_of_marchenko_and_pastur():
    for ratio in (0.3, 2.0):
        law = spectral_law(1.0, ratio)
        edges = [(1 - np.sqrt(ratio)) ** 2, (1 + np.sqrt(ratio)) ** 2]

        def density(x, ratio=ratio, edges=edges):
            return np.sqrt((edges[1] - x) * (x - edges[0])) / (2 * np.pi * ratio * x)

        expected = scipy.integrate.quad(lambda x: density(x) * np.exp(-x), *edges)[0]
        expected += max(1 - 1 / ratio, 0.0)
        assert_allclose(law.masses @ np.exp(-law.eigenvalues), expected, rtol=1e-9)


def test_outlier_mass():
    grid = [(ell, ratio) for ell in (0.1, 0.9, 1.1, 4.0) for ratio in (0.04, 0.81, 1.0, 7.0)]
    for ell, ratio in grid:
        assert_allclose(outlier_mass(ell, ratio), squared_overlap(ell, ratio), rtol=EXACT)
    assert_allclose(outlier_mass(1e200, 1e10), 1.0, rtol=EXACT)
    assert outlier_mass(1.0, 1.0) == 0.0
