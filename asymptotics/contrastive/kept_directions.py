"""What the cosine keeps beside a strong signal: the directions in which views have most in common.

Of all directions off the signal T keeps those of the largest eigenvalue ρ of Σ relative to
C = Σ + Σ_a, and there it is C^{-1/2} (strong_signal.py). That the norm of an embedding concentrates
needs many of them: with a few, as along a spike, they would share the sphere with the signal, and
the loss would depend on more than their number.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..checks import Array
from .strong_signal import Sphere

__all__ = ["Kept", "isotropic", "keep"]

# Eigenvalues that differ by less, relative to the largest, are the same but for rounding.
_SAME = 1e-9
# Of all directions of a covariance in coordinates, the share that has to be kept, and their number.
_SHARE, _LEAST = 0.1, 2


class Kept(NamedTuple):
    """The sphere, and TᵀT without the signal: on the K axes (B, K, K), and on the bulk (B, J)."""

    sphere: Sphere
    frame: Array
    bulk: Array


def keep(
    covariance: tuple[Array, Array],
    bulk: tuple[Array, Array],
    weights: Array,
    signal: Array,
    length: Array,
    balance: Array,
    dimension: Array,
) -> Kept:
    """The kept directions of a flat batch of B populations.

    Parameters
    ----------
    covariance : pair of array, shape (B, K, K)
        Σ and Σ_a on the axes.
    bulk : pair of array, shape (B, J)
        The same on the parts of the bulk; J = 0 where the axes are all there is.
    weights : array, shape (B, J)
        Their shares of the p - K directions of the bulk.
    signal : array, shape (B, K)
        Unit vectors.
    length, balance, dimension : array, shape (B,)

    Raises
    ------
    ValueError
        If the directions to keep are too few.
    """
    axes, parts = signal.shape[-1], weights.shape[-1]
    turn = _reflection(signal)
    own, added = (np.swapaxes(turn, -1, -2) @ matrix @ turn for matrix in covariance)
    signal_added = added[:, 0, 0]
    total = own[:, 0, 0] + signal_added
    own, added = own[:, 1:, 1:], added[:, 1:, 1:]
    root = np.linalg.inv(np.linalg.cholesky(own + added))
    shares, vectors = np.linalg.eigh(root @ own @ np.swapaxes(root, -1, -2))
    back = np.swapaxes(root, -1, -2) @ vectors
    losses = np.einsum("bki,bkl,bli->bi", back, added, back)
    bulk_total = bulk[0] + bulk[1]
    present = weights > 0
    bulk_shares = np.where(present, bulk[0] / bulk_total, -np.inf)

    everything = np.concatenate([bulk_shares, shares], axis=-1)
    top = everything.max(-1)
    kept = everything >= (top * (1.0 - _SAME))[:, None]
    _check_number(kept, parts, axes, top, bulk_shares, shares)
    each = np.concatenate([bulk[1] / bulk_total, losses], axis=-1)
    lost = np.take_along_axis(each, np.argmax(everything, axis=-1)[:, None], -1)[:, 0]

    # the noise along the signal is shared in a proportion of its own; 0 where it is the same
    shift = (lost * total - signal_added) / np.square(length)

    bulk_gain = np.where(kept[:, :parts], 1.0 / bulk_total, 0.0)
    chosen = back * kept[:, None, parts:]
    block = np.zeros_like(turn)
    block[:, 1:, 1:] = chosen @ np.swapaxes(chosen, -1, -2)
    rest = dimension - axes if parts else np.zeros(dimension.shape)
    trace = np.einsum("bii->b", block)
    level = (weights * bulk_gain).sum(-1) if parts else trace / (dimension - 1.0)
    sphere = Sphere(
        square=np.square(length),
        total=total,
        kept=top - shift,
        lost=lost + shift,
        number=kept[:, parts:].sum(-1) + rest * (weights * kept[:, :parts]).sum(-1),
        level=level,
        trace=trace + rest * (weights * bulk_gain).sum(-1),
        dimension=dimension,
        balance=balance,
    )
    return Kept(sphere, turn @ block @ np.swapaxes(turn, -1, -2), bulk_gain)


def isotropic(covariance: Array, bulk: Array, weights: Array) -> bool:
    """Whether covariances of shape (B, K, K) and (B, J) are the same in all directions."""
    level = covariance[:, 0, 0]
    flat = level[:, None, None] * np.eye(covariance.shape[-1])
    slack = _SAME * level
    frame = np.abs(covariance - flat).max((1, 2)) <= slack
    parts = (np.abs(bulk - level[:, None]) <= slack[:, None]) | (weights == 0)
    return bool(frame.all() and parts.all())


def _check_number(
    kept: Array, parts: int, axes: int, top: Array, bulk_shares: Array, shares: Array
) -> None:
    if parts:
        few = ~kept[:, :parts].any(-1)
        if few.any():
            row = int(np.argmax(few))
            raise ValueError(
                "mix must not have a special direction off the signal, like that of a spike, in "
                "which views share more of their variance than in the bulk, for "
                f"similarity='cosine' with a dimension, got shares of {shares[row].max():.6g} and "
                f"{bulk_shares[row].max():.6g}: its gain grows with the dimension"
            )
        return
    number = kept.sum(-1)
    few = (number < axes - 1) & (number < np.maximum(_LEAST, _SHARE * (axes - 1)))
    if few.any():
        row = int(np.argmax(few))
        raise ValueError(
            "mix must have many directions off the signal in which views share most of their "
            "variance, for similarity='cosine' with a dimension, got a largest share of "
            f"{top[row]:.6g} in {number[row]} of {axes - 1}: their gain grows with the dimension"
        )


def _reflection(unit: Array) -> Array:
    """Orthogonal matrices whose first columns are ± these unit vectors."""
    normal = unit.copy()
    normal[:, 0] += np.where(unit[:, 0] < 0, -1.0, 1.0)
    scale = 2.0 / np.square(normal).sum(-1)
    found: Array = np.eye(unit.shape[-1]) - scale[:, None, None] * (
        normal[:, :, None] * normal[:, None, :]
    )
    return found
