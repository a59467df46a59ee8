"""Rotated spheres: exact to degree five, good beyond."""

import numpy as np
import pytest

from asymptotics.integrals.spherical import rotated_spheres, sphere_size


@pytest.mark.parametrize("dimension", [2, 4, 7, 9, 13])
def test_moments(dimension):
    nodes, weights = rotated_spheres(dimension, 2, 3)
    assert nodes.shape == (dimension, 6 * sphere_size(dimension))
    assert weights.sum() == pytest.approx(1.0, abs=1e-13)
    z = np.random.default_rng(0).normal(size=(3, dimension)) @ nodes
    a, b, c = np.random.default_rng(0).normal(size=(3, dimension))
    for moment, value in (
        (z[0], 0.0),
        (z[0] * z[1], a @ b),
        (z[0] * z[1] * z[2], 0.0),
        (z[0] ** 4, 3 * (a @ a) ** 2),
        (z[0] ** 2 * z[1] * z[2], (a @ a) * (b @ c) + 2 * (a @ b) * (a @ c)),
        (z[0] ** 4 * z[1], 0.0),
    ):
        assert weights @ moment == pytest.approx(value, abs=1e-11)


def test_a_smooth_function():
    """E exp(az) = exp(a²/2)."""
    nodes, weights = rotated_spheres(9, 4, 4)
    for scale, error in ((0.3, 1e-6), (1.0, 5e-3)):
        found = weights @ np.exp(scale * nodes[0])
        assert found == pytest.approx(np.exp(0.5 * scale**2), abs=error)
    # the negative control: one radius, which is exact to degree three alone
    alone = rotated_spheres(9, 4, 1)
    assert abs(alone[1] @ alone[0][0] ** 4 - 3.0) > 0.1
