"""Non-negative least squares against its optimality conditions, and where columns differ much."""

import numpy as np
import pytest
import scipy

import asymptotics as asy
from asymptotics.estimation.least_squares import nonnegative_least_squares


@pytest.mark.parametrize("spread", [0, 4, 8])
@pytest.mark.parametrize("seed", range(5))
def test_optimality(seed, spread):
    """x ≥ 0, gradient ≥ 0, and 0 where x > 0; the second route is SciPy's bounded solver."""
    rng = np.random.default_rng(seed)
    design = rng.normal(size=(30, 20)) * np.geomspace(1, 10.0**-spread, 20)
    target = rng.normal(size=30)
    x = nonnegative_least_squares(design, target)
    lengths = np.linalg.norm(design, axis=0)
    slope = design.T @ (design @ x - target) / lengths
    assert np.all(x >= 0) and np.all(slope > -1e-12)
    np.testing.assert_allclose(slope[x > 0], 0, atol=1e-12)
    other = scipy.optimize.lsq_linear(design / lengths, target, (0, np.inf), method="bvls")
    assert np.linalg.norm(design @ x - target) == pytest.approx(np.sqrt(2 * other.cost), rel=1e-9)


def test_a_column_of_zeros():
    design = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert nonnegative_least_squares(design, np.array([1.0, 3.0])).tolist() == pytest.approx(
        [2.0, 0.0]
    )


@pytest.mark.parametrize("n", [160, 300, 400])
def test_steep_spectra(n):
    """Spectra over five decades, on which the unscaled search ran in circles one time in four."""
    p, rng = 128, np.random.default_rng(0)
    d = np.geomspace(1, 1e-5, p)
    y = np.arange(n) % 2 == 0
    for _ in range(20):
        mean = 0.15 * np.sqrt(d) * rng.normal(size=p)
        x = rng.normal(size=(n, p)) * np.sqrt(d) + np.where(y, 1, -1)[:, None] * mean
        source = asy.Spectrum.from_data(x, y)
        assert np.isfinite(source.energies).all()
