r"""InfoNCE on the unit sphere with a strong signal: s² of the order of p, temperatures of order 1.

Embeddings are z = Th/|Th|, the similarity is their cosine over τ. Norms concentrate: with A = TᵀT
and C = Σ + Σ_a the covariance of a view, |Th|² → N = μᵀAμ + tr AC for every point. What is left of
the loss is a function of two numbers, the share u = μᵀAμ/N of the signal, and the mean noise that a
pair has in common, ρ = tr AΣ/tr AC. A pair has the cosine u + (1 - u)ρ, a negative yy'u, so that

    loss = -[u + (1 - u)ρ]/τ + E_y log(π e^{yu/τ} + (1 - π) e^{-yu/τ}).

It falls with ρ, which is at most the largest eigenvalue of Σ relative to C: T keeps those
directions and no others, and makes the views white in them (by terms of order 1/p). Then u is
where x = u/τ solves

    1 - ρ = G(x) = π tanh(x + η) + (1 - π) tanh(x - η),    η = ½ log(π/(1 - π)),

which for equal classes is u = τ artanh(1 - ρ), and in general a quadratic for tanh x. G(0) is
(2π - 1)²: where 1 - ρ is no more than that the signal is shrunk to nothing. The noise along the
signal, of order 1/p beside it, adds (Σ∥ - ρC∥)/s² to 1 - ρ, and nothing where it is isotropic.

With m directions kept and A = 1/C on them, the squared gain b along the signal is that of
u = b s²/(b(s² + C∥) + m), infinite from u = s²/(s² + C∥) on: the collapse. For isotropic noise
m = p - 1, and b is (p - 1) u C/(s²(1 - u) - uC) relative to the bulk.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..checks import Array

__all__ = ["Sphere", "critical_argument", "slope"]

# tanh x from which on it is better found from 1 - tanh x.
_HALF = 0.5


class Sphere(NamedTuple):
    """A flat batch of B strong signals, and what T keeps beside them."""

    square: Array  # s²
    total: Array  # C∥, variance of a view along the signal
    kept: Array  # ρ - δ
    lost: Array  # 1 - ρ + δ, with δ = (Σ∥ - ρC∥)/s²
    number: Array  # m = tr AC off the signal
    level: Array  # squared gain against which the signal's is measured
    trace: Array  # tr A off the signal
    dimension: Array  # p
    balance: Array

    def take(self, index: Array) -> Sphere:
        return Sphere(*(array[index] for array in self))

    @property
    def collapsed(self) -> Array:
        """The share at which nothing but the signal is left."""
        share: Array = self.square / (self.square + self.total)
        return share

    @property
    def neutral(self) -> Array:
        """The share at gain 1."""
        along = self.level * self.square
        share: Array = along / (along + self.level * self.total + self.number)
        return share

    def optimum(self, temperature: Array) -> Array:
        """The share at the minimum, u; beyond that of the collapse where there is one."""
        share: Array = temperature * critical_argument(self)
        return share

    def squared_gain(self, share: Array) -> Array:
        """b, in the units of `level`; infinite at and above the share of the collapse."""
        room = self.square - share * (self.square + self.total)
        finite = share < self.collapsed
        gain = np.full(share.shape, np.inf)
        np.divide(self.number * share, room, out=gain, where=finite & (room > 0))
        return gain

    def temperature_of(self, share: Array) -> Array:
        """The temperature at which the optimum has this share; infinite where none has."""
        argument = critical_argument(self)
        found: Array = np.full(share.shape, np.inf)
        np.divide(share, argument, out=found, where=argument > 0)
        return found


def critical_argument(sphere: Sphere) -> Array:
    """x = u/τ at the minimum: artanh(1 - ρ) for equal classes; 0 where the signal is given up.

    With ε = 4π(1 - π) = 1 - d, t = tanh x solves dρ t² - ε t + (ε - ρ) = 0, and r = 1 - t solves
    dρ r² + (ε - 2dρ) r - ρε = 0; neither root cancels where it is taken. For ρ ≤ 0 there is none:
    the loss falls until nothing but the signal is left, at every temperature.
    """
    kept, lost = np.maximum(sphere.kept, 0.0), sphere.lost
    even = 4.0 * sphere.balance * (1.0 - sphere.balance)
    tilt = np.square(2.0 * sphere.balance - 1.0)
    # ε - ρ = (1 - ρ) - δ², each without cancellation for equal classes
    excess = np.where(tilt == 0.0, lost, even - kept)
    some = excess > 0
    small = np.zeros(kept.shape)
    root = np.sqrt(np.maximum(even**2 - 4.0 * tilt * kept * excess, 0.0))
    np.divide(2.0 * excess, even + root, out=small, where=some)
    half = even - 2.0 * tilt * kept
    root = np.hypot(half, 2.0 * kept * np.sqrt(tilt * even))
    rest = np.ones(kept.shape)
    np.divide(2.0 * kept * even, half + root, out=rest, where=some & (half + root > 0))
    near = small < _HALF
    with np.errstate(divide="ignore"):
        argument: Array = np.where(
            near, np.arctanh(np.where(near, small, 0.0)), 0.5 * (np.log(2.0 - rest) - np.log(rest))
        )
    return np.where(some, argument, 0.0)


def slope(argument: Array, balance: Array) -> Array:
    """G(x)."""
    tilt = 0.5 * (np.log(balance) - np.log1p(-balance))
    found: Array = balance * np.tanh(argument + tilt) + (1.0 - balance) * np.tanh(argument - tilt)
    return found
