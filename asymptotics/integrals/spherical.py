r"""Gaussian averages in many dimensions: a cubature of degree five on rotated spheres.

A standard normal point is a length times a direction. On the sphere in n dimensions the rule of
I. P. Mysovskikh (USSR Comput. Math. Math. Phys. 20(3), 1980) is exact to degree five: with the
n + 1 corners a_i of a regular simplex and the middles of its edges b_ij, pushed out to length 1,
and their mirror images,

    w_a = n(7 - n)/(2(n + 1)²(n + 2)),   w_b = 2(n - 1)²/(n(n + 1)²(n + 2)).

The squared length is twice a Gamma variable of shape n/2: nodes of Gauss and Laguerre. Each sphere
is turned by a rotation of its own (A. Genz and J. Monahan, SIAM J. Sci. Comput. 19, 1998), so that
what a few degrees miss is averaged over.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy

from ..checks import Array

__all__ = ["rotated_spheres", "sphere_size"]

_SEED = 20261127


def sphere_size(dimension: int) -> int:
    """Points of the rule on one sphere."""
    return (dimension + 1) * (dimension + 2)


def _sphere(n: int) -> tuple[Array, Array]:
    """Points (m, n) and weights of sum 1."""
    k = np.arange(1, n + 1)
    corners = np.triu(np.ones((n + 1, n)))
    corners[k, k - 1] = -k
    corners /= np.sqrt(k * (k + 1.0))
    i, j = np.triu_indices(n + 1, 1)
    middles = corners[i] + corners[j]
    parts = [part / np.linalg.norm(part, axis=1)[:, None] for part in (corners, middles)]
    unit = 1.0 / ((n + 1) ** 2 * (n + 2))
    weights = [0.5 * n * (7 - n) * unit, 2.0 * (n - 1) ** 2 / n * unit]
    points = np.concatenate([parts[0], -parts[0], parts[1], -parts[1]])
    return points, np.repeat(weights, [2 * len(part) for part in parts])


@lru_cache(maxsize=32)
def rotated_spheres(dimension: int, rotations: int, radii: int) -> tuple[Array, Array]:
    """Nodes (n, N) and weights of sum 1, some of which are negative above seven dimensions.

    `rotations` of each of so many `radii`; the same at every call.
    """
    points, weights = _sphere(dimension)
    squares, shares = scipy.special.roots_genlaguerre(radii, 0.5 * dimension - 1.0)
    shares = shares / shares.sum()
    seed = np.random.SeedSequence(_SEED, spawn_key=(dimension, rotations, radii))
    rng = np.random.default_rng(seed)
    nodes, own = [], []
    for _ in range(rotations):
        for square, share in zip(squares, shares, strict=True):
            turn, triangle = np.linalg.qr(rng.standard_normal((dimension, dimension)))
            turn = turn * np.sign(np.diag(triangle))  # uniform
            nodes.append(np.sqrt(2.0 * square) * points @ turn)
            own.append(share / rotations * weights)
    found = np.concatenate(nodes).T.copy(), np.concatenate(own)
    for array in found:
        array.flags.writeable = False
    return found
