"""Populations and projectors in exact arithmetic: the signal-weighted spectrum to any precision.

The dataclasses of the package serve as containers of parameters; every float in them stands for
the binary number that it is. Covariances, projectors and eigenvalues are formed here, from the
definitions of the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..outcomes import ConvergenceError
from ..populations.base import Population
from ..populations.gaussian import GaussianMixture
from ..populations.spectrum import Spectrum
from ..populations.spiked import SpikedMixture
from ..projectors import Composition, Expansion, Identity, LinearMap, Power, Projector
from .arithmetic import Context, Matrix, Real, exact, scalar

__all__ = ["Atoms", "atoms"]

# Extra digits for the eigenvalues: a gain of 1e-3 beside one of 1e3 costs a dozen of them.
_EIGEN_DIGITS = 60
# Digits of an eigenvalue that rounding may have touched.
_EIGEN_ROUNDING = 15


@dataclass(frozen=True)
class Atoms:
    """Eigenvalues d, bulk weights w and signal energies e: tuples of equal length."""

    eigenvalues: tuple[Real, ...]
    weights: tuple[Real, ...]
    energies: tuple[Real, ...]
    balance: Real

    def __iter__(self) -> Any:
        return iter(zip(self.eigenvalues, self.weights, self.energies, strict=True))

    @property
    def rank(self) -> Real:
        """Share of the bulk in which there is any noise."""
        return sum(w for d, w, _ in self if d > 0)

    @property
    def signal(self) -> Real:
        """Squared length of the projected mean."""
        return sum(self.energies)

    @property
    def separation(self) -> Real | None:
        """Squared Mahalanobis length Σ e/d of the mean; None if there is signal without noise."""
        if any(e > 0 and d == 0 for d, _, e in self):
            return None
        return sum(e / d for d, _, e in self if e > 0)


@dataclass(frozen=True)
class _Frame:
    """Mean and covariance on the special axes; the bulk beyond them."""

    mean: Matrix
    covariance: Matrix
    signal: Matrix | None
    spikes: tuple[Matrix, ...]
    bulk: tuple[tuple[Real, Real], ...]  # (variance, weight)
    noise: Real  # σ², the unit of the second moment
    fresh: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Map:
    """A projector on a frame: a block, and a gain for each part of the bulk."""

    block: Matrix
    bulk: tuple[Real, ...]


def atoms(ctx: Context, mix: Population, projector: Projector) -> Atoms:
    """The spectrum of the projected population, accurate to the working precision of `ctx`.

    Raises
    ------
    ValueError
        If a parameter is an array: the reference computes one limit at a time.
    TypeError
        For a projector without an exact form here.
    ConvergenceError
        If the variances span too many orders of magnitude for the digits at work.
    """
    balance = scalar(ctx, "balance", mix.balance)
    digits = ctx.dps
    with ctx.workdps(digits + _EIGEN_DIGITS + _graded_digits(projector)):
        if isinstance(mix, Spectrum) and projector.is_identity:
            if mix.batch_shape:
                raise ValueError(f"mix must be a single spectrum, got a batch of {mix.batch_shape}")
            given = (mix.eigenvalues, mix.weights, mix.energies)
            d, w, e = (tuple(exact(ctx, x) for x in column) for column in given)
            return Atoms(d, w, e, balance)
        frame = _frame(ctx, mix, projector)
        image, _ = _on_frame(ctx, projector, frame, 0)
        d, w, e = _spectrum(ctx, frame, image)
        if isinstance(mix, GaussianMixture) or projector.input_dimension is not None:
            d, w, e = _finite(ctx, (d, w, e), frame.covariance.rows)
        return Atoms(d, w, e, balance)


def _graded_digits(projector: Projector) -> int:
    """Digits that tell the small directions of a strong gain from zeros: twice those of gain²."""
    if isinstance(projector, Composition):
        return _graded_digits(projector.outer) + _graded_digits(projector.inner)
    if not isinstance(projector, Expansion) or np.ndim(projector.gain) or projector.gain == 0:
        return 0
    return int(4 * abs(np.log10(projector.gain)))


def _frame(ctx: Context, mix: Population, projector: Projector) -> _Frame:
    if isinstance(mix, SpikedMixture):
        return _spiked(ctx, mix, projector)
    if isinstance(mix, GaussianMixture):
        return _gaussian(ctx, mix)
    assert isinstance(mix, Spectrum)
    return _diagonal(ctx, mix)


def _spiked(ctx: Context, mix: SpikedMixture, projector: Projector) -> _Frame:
    """Σ = σ²(I + Σ_k θ_k v_k v_kᵀ) on the axes: signal, one for each spike, the projector's own."""
    s, noise = scalar(ctx, "signal", mix.signal), scalar(ctx, "noise", mix.noise) ** 2
    special = 1 + len(mix.spikes)
    size = special + _fresh_axes(projector)
    if projector.input_dimension is not None:
        size = projector.input_dimension
        if size < special:
            raise ValueError(f"matrix must have at least {special} columns, got {size}")
    covariance = ctx.eye(size)
    directions = []
    for axis, spike in enumerate(mix.spikes, start=1):
        strength = scalar(ctx, "strength", spike.strength)
        v = _direction(ctx, size, scalar(ctx, "alignment", spike.alignment), axis)
        covariance += strength * v * v.T
        directions.append(v)
    signal = _direction(ctx, size, ctx.one, 0)
    return _Frame(
        mean=s * signal,
        covariance=noise * covariance,
        signal=signal,
        spikes=tuple(directions),
        bulk=((noise, ctx.one),) if projector.input_dimension is None else (),
        noise=noise,
        fresh=tuple(range(special, size)),
    )


def _gaussian(ctx: Context, mix: GaussianMixture) -> _Frame:
    size = mix.dimension
    if mix.factor is None:
        covariance = ctx.matrix([[exact(ctx, x) for x in row] for row in mix.covariance])
        covariance = (covariance + covariance.T) / 2
    else:
        factor = ctx.matrix([[exact(ctx, x) for x in row] for row in mix.factor])
        covariance = factor * factor.T
    mean = ctx.matrix([exact(ctx, x) for x in mix.mean])
    noise = sum(covariance[k, k] for k in range(size)) / size
    covariance, mean = _resolved(ctx, covariance, mean)
    length = ctx.norm(mean)  # of what is left of it: a gain of 0 along it leaves nothing
    signal = mean / length if length > 0 else None
    return _Frame(mean, covariance, signal, (), (), noise)


def _resolved(ctx: Context, covariance: Matrix, mean: Matrix) -> tuple[Matrix, Matrix]:
    """Covariance and mean without the rounding of exact zeros in matrices of doubles.

    A correlation matrix is known to p ε of its largest eigenvalue. What is below has no noise, and
    the mean nothing there that is below p ε of its own length in the same units.
    """
    size = covariance.rows
    share = size * ctx.mpf(2) ** -52
    scale = [ctx.sqrt(max(covariance[k, k], ctx.zero)) for k in range(size)]
    for units in (scale, [ctx.one] * size):  # the others if they cannot be the deviations
        inverse = [1 / x if x > 0 else ctx.zero for x in units]
        equal = ctx.matrix(
            [[covariance[i, j] * inverse[i] * inverse[j] for j in range(size)] for i in range(size)]
        )
        values, basis = ctx.eigsy(equal)
        if min(values) > -(ctx.mpf(10) ** -10) * max(values):
            break
    least = max(share * max(values), -2 * min(values))
    kept = [x if x > least else ctx.zero for x in values]
    if all(x > 0 for x in kept):
        return covariance, mean
    units_matrix = ctx.diag(units)
    covariance = units_matrix * basis * ctx.diag(kept) * basis.T * units_matrix
    scaled = ctx.matrix([m * x for m, x in zip(mean, inverse, strict=True)])
    outside = [c if x == 0 else ctx.zero for c, x in zip(basis.T * scaled, kept, strict=True)]
    if ctx.norm(outside) <= share * ctx.norm(scaled):
        mean = mean - units_matrix * basis * ctx.matrix(outside)
    return covariance, mean


def _diagonal(ctx: Context, mix: Spectrum) -> _Frame:
    """One axis for each atom of a spectrum that carries signal; its bulk stays as it is."""
    if mix.batch_shape:
        raise ValueError(f"mix must be a single spectrum, got a batch of {mix.batch_shape}")
    triples = [
        [exact(ctx, x) for x in triple]
        for triple in zip(mix.eigenvalues, mix.weights, mix.energies, strict=True)
    ]
    carriers = [(d, e) for d, _, e in triples if e > 0]
    noise = sum(w * d for d, w, _ in triples)
    bulk = tuple((d, w) for d, w, _ in triples)
    if not carriers:
        return _Frame(ctx.zeros(0, 1), ctx.zeros(0, 0), None, (), bulk, noise)
    mean = ctx.matrix([ctx.sqrt(e) for _, e in carriers])
    covariance = ctx.diag([d for d, _ in carriers])
    return _Frame(mean, covariance, mean / ctx.norm(mean), (), bulk, noise)


def _direction(ctx: Context, size: int, alignment: Real, axis: int) -> Matrix:
    """A unit vector with the given cosine to axis 0, the rest along `axis`."""
    v = ctx.zeros(size, 1)
    v[0] = alignment
    if axis:
        v[axis] = ctx.sqrt((1 - alignment) * (1 + alignment))
    return v


def _fresh_axes(projector: Projector) -> int:
    if isinstance(projector, Composition):
        return _fresh_axes(projector.outer) + _fresh_axes(projector.inner)
    return int(projector.fresh_axes)


def _on_frame(ctx: Context, projector: Projector, frame: _Frame, used: int) -> tuple[_Map, int]:
    """The map on a frame, and how many of the frame's fresh axes are taken after it."""
    size = frame.covariance.rows
    unit = tuple(ctx.one for _ in frame.bulk)
    if isinstance(projector, Composition):
        inner, used = _on_frame(ctx, projector.inner, frame, used)
        outer, used = _on_frame(ctx, projector.outer, frame, used)
        bulk = tuple(a * b for a, b in zip(outer.bulk, inner.bulk, strict=True))
        return _Map(outer.block * inner.block, bulk), used
    if isinstance(projector, Identity):
        return _Map(ctx.eye(size), unit), used
    if isinstance(projector, Power):
        exponent = scalar(ctx, "exponent", projector.exponent)
        bulk = tuple((d / frame.noise) ** exponent for d, _ in frame.bulk)
        if not size:
            return _Map(ctx.zeros(0, 0), bulk), used
        second = (frame.covariance + frame.mean * frame.mean.T) / frame.noise
        values, basis = ctx.eigsy(second)
        # of a singular one the zeros are rounding, of either sign, which no root may enlarge
        least = ctx.mpf(10) ** (_EIGEN_ROUNDING - ctx.dps) * max(values)
        if exponent < 0 and min(values) <= least:
            raise ValueError(
                "exponent must be non-negative on a population with a direction of zero variance, "
                f"got {projector.exponent!r}"
            )
        powers = ctx.diag([(x if x > least else ctx.zero) ** exponent for x in values])
        return _Map(basis * powers * basis.T, bulk), used
    if isinstance(projector, LinearMap):
        matrix = ctx.matrix([[exact(ctx, x) for x in row] for row in projector.matrix])
        return _Map(matrix, unit), used
    if isinstance(projector, Expansion):
        u, used = _expanded(ctx, projector, frame, used)
        gain = scalar(ctx, "gain", projector.gain)
        return _Map(ctx.eye(size) + (gain - 1) * u * u.T, unit), used
    raise TypeError(
        f"projector must have an exact form in asymptotics.reference, got {projector!r}"
    )


def _expanded(ctx: Context, projector: Expansion, frame: _Frame, used: int) -> tuple[Matrix, int]:
    """The direction an Expansion stretches."""
    if projector.spike is not None:
        if projector.spike >= len(frame.spikes):
            raise ValueError(
                f"spike must be below the number of spikes, {len(frame.spikes)}, "
                f"got {projector.spike}"
            )
        return frame.spikes[projector.spike], used
    if frame.signal is None:
        raise ValueError("gain needs a direction to act on, got a mixture whose mean is 0")
    alignment = scalar(ctx, "alignment", projector.alignment)
    if abs(alignment) == 1:
        return alignment * frame.signal, used
    if used >= len(frame.fresh):
        raise ValueError(
            "alignment must be 1 or -1 on a population without an isotropic bulk, "
            f"got {projector.alignment!r}"
        )
    u = alignment * frame.signal
    u[frame.fresh[used]] = ctx.sqrt((1 - alignment) * (1 + alignment))
    return u, used + 1


def _spectrum(ctx: Context, frame: _Frame, image: _Map) -> Any:
    """Eigenvalues of TΣTᵀ and energies of Tμ on the axes, then the bulk."""
    eigenvalues, energies = [], []
    if frame.covariance.rows:
        values, basis = ctx.eigsy(image.block * frame.covariance * image.block.T)
        components = basis.T * (image.block * frame.mean)
        # An exact zero comes out at the rounding level: a direction that was projected out, or one
        # without noise; a part of the mean of the same size is zero as well.
        negligible = ctx.mpf(10) ** (-ctx.dps // 2)
        largest = max(values)
        length = ctx.norm(frame.mean) * ctx.mnorm(image.block, "f")
        rounding = ctx.mpf(10) ** (_EIGEN_ROUNDING - ctx.dps)
        if any(rounding * largest < abs(d) <= negligible * largest for d in values):
            raise ConvergenceError(
                f"a variance behind the projector could not be told from 0 with {ctx.dps} digits"
            )
        for d, c in zip(values, components, strict=True):
            eigenvalues.append(d if d > negligible * largest else ctx.zero)
            energies.append(c**2 if abs(c) > negligible * length else ctx.zero)
    weights = [ctx.zero] * len(eigenvalues)
    for (d, w), gain in zip(frame.bulk, image.bulk, strict=True):
        eigenvalues.append(gain**2 * d)
        weights.append(w)
        energies.append(ctx.zero)
    return tuple(eigenvalues), tuple(weights), tuple(energies)


def _finite(ctx: Context, columns: Any, dimension: int) -> Any:
    """Weights 1/p for a population of dimension p; directions a map has lost are empty atoms.

    A map into more than p dimensions has added some without noise: eigenvalues come in rising
    order, and what of the signal they carry stands on one of those that are left.
    """
    eigenvalues, _, energies = (column[-dimension:] for column in columns)
    beyond = sum(columns[2][:-dimension])
    if beyond > 0:
        assert eigenvalues[0] == 0, "a covariance of full rank leaves no signal without noise"
        energies = (energies[0] + beyond, *energies[1:])
    lost = (ctx.zero,) * (dimension - len(eigenvalues))
    return eigenvalues + lost, (ctx.one / dimension,) * dimension, energies + lost
