r"""The estimate for K > 2 classes: Gram matrices in the place of energies.

With Δ the contrasts of the class means, of covariance C Σ in their noise,

    Ĝ(κ) = (λ/κ) Δᵀ(S + λ)⁻¹Δ - C df

is consistent for Σ G_j/(κ + d_j). In contrasts whitened by C = 1, with δ the identity,

    Cov(Ĝ_ab, Ĝ_cd) = [δ_ac R_bd + δ_ad R_bc + δ_bc R_ad + δ_bd R_ac + (R_ac R_bd + R_ad R_bc)/N
                       + (δ_ac δ_bd + δ_ad δ_bc) D]/(1 - D/N)

at κ₁ and κ₂, with the R and D of :mod:`.covariance`, R now a matrix. The weights are fitted as for
two classes, the matrices by least squares among positive semi-definite ones.

That cone pushes noise one way: what is fitted to readings with errors has more energy than they.
The excess is measured on fits to readings drawn around the first fit, and taken off the readings
of the second.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy

from ..checks import Array
from ..integrals.softmax import contrasts
from .atoms import EXCESS_DRAWS, NUGGET, fit_weights, paired_errors
from .covariance import inflations
from .gram_fit import entries, semidefinite_least_squares
from .resolvent import Reading, kappa_min, levels, reading_points
from .sample import LabelledSample

__all__ = ["ClassEstimate", "class_estimate_of", "entry_covariance"]

# Atoms of the matrices, on a logarithmic grid: between two of them 1/(κ + d) is linear to 0.2 %.
_ATOMS = 40
# The first for the covariance without signal.
_PASSES = 2
# A matrix of less than this share of the largest is the end of the iteration, and no signal.
_NOTHING = 1e-7
# How exact the fits are of which only moments are taken.
_DRAWN_TARGET = 1e-3


@dataclass(frozen=True, eq=False)
class ClassEstimate:
    """What from_data found of K > 2 classes, and how.

    Attributes
    ----------
    sample : LabelledSample
        The eigenvalues of the pooled covariance, and the contrasts of the class means in them.
    coding : array, shape (K, K - 1)
        From whitened contrasts to the classes.
    reading : Reading
        κ, λ, Ŝ(κ), each of shape (R,), and Ĝ(κ), in contrasts whitened by their noise.
    eigenvalues, weights : array, shape (J,)
    grams : array, shape (J, K, K)
        The atoms.
    kappa_min, kappa_low : float
        As of :class:`Estimate`.
    """

    sample: LabelledSample
    coding: Array
    reading: Reading
    eigenvalues: Array
    weights: Array
    grams: Array
    kappa_min: float
    kappa_low: float

    def __repr__(self) -> str:
        return (
            f"ClassEstimate(classes={len(self.sample.counts)}, samples={self.samples}, "
            f"dimension={self.dimension}, kappa_min={self.kappa_min:.6g}, "
            f"kappa_low={self.kappa_low:.6g})"
        )

    @property
    def samples(self) -> int:
        return sum(self.sample.counts)

    @property
    def dimension(self) -> int:
        return self.sample.dimension

    def extrapolates(self, kappa: Array) -> Array:
        """Whether the data say nothing of the spectrum at κ."""
        if self.sample.covers:
            return np.zeros(np.shape(kappa), dtype=bool)
        return np.asarray(kappa) < self.kappa_low

    def extended(self, lowest: float) -> ClassEstimate:
        """With the smallest atom at so many times κ_low instead."""
        return _fit(self, lowest * self.kappa_low)

    @property
    def whitened(self) -> Array:
        """The matrices in whitened contrasts, shape (J, K - 1, K - 1)."""
        decode = np.linalg.pinv(self.coding)
        return np.asarray(decode @ self.grams @ decode.T)

    @property
    def covariance(self) -> Array:
        """Of the independent entries of Ĝ at all pairs of κ, shape (s, R, s, R)."""
        kappa, excess = self.reading.kappa, inflations(self.sample, *self.reading[:2])
        return _covariance(self.sample, kappa, excess, self.eigenvalues, self.whitened)

    def in_axes(self, coding: Array) -> ClassEstimate:
        """In whitened contrasts along other axes."""
        turn = np.linalg.pinv(coding) @ self.coding
        energy_sum = turn @ self.reading.energy_sum @ turn.T
        return replace(self, coding=coding, reading=self.reading._replace(energy_sum=energy_sum))

    def redrawn(self, draws: int, rng: np.random.Generator) -> Array:
        """Matrices fitted again to readings with other errors, shape (draws, J, K, K)."""
        return self.refitted(_paired_errors(self.covariance, draws, rng), self.covariance)

    def refitted(self, errors: Array, covariance: Array) -> Array:
        """Matrices fitted again to readings with these errors, (B, s, R), of this covariance."""
        seen = self.eigenvalues > 0
        d, grams = self.eigenvalues[seen], self.whitened[seen]
        kappa = self.reading.kappa
        found = np.zeros((len(errors), self.eigenvalues.size, *grams.shape[1:]))
        centre = _read(kappa, d, grams)
        found[:, seen] = _fit_matrices(kappa, d, covariance, centre, errors, target=_DRAWN_TARGET)
        return np.asarray(self.coding @ found @ self.coding.T)


def entry_covariance(r: Array, excess: Array, n: int) -> Array:
    """Of the independent entries of Ĝ at pairs of κ, for R (m, m, R, R′), shape (s, R, s, R′)."""
    one = np.eye(len(r))
    a, b = np.tril_indices(len(r))
    c, e = a, b  # of the second entry
    quadratic = r[a[:, None], c] * r[b[:, None], e] + r[a[:, None], e] * r[b[:, None], c]
    linear = (
        one[a[:, None], c, None, None] * r[b[:, None], e]
        + one[a[:, None], e, None, None] * r[b[:, None], c]
        + one[b[:, None], c, None, None] * r[a[:, None], e]
        + one[b[:, None], e, None, None] * r[a[:, None], c]
    )
    both = one[a[:, None], c] * one[b[:, None], e] + one[a[:, None], e] * one[b[:, None], c]
    whole = (linear + quadratic / n) * excess + both[..., None, None] * (n * (excess - 1.0))
    return np.asarray(np.moveaxis(whole, 2, 1))


def _covariance(
    sample: LabelledSample, kappa: Array, excess: Array, eigenvalues: Array, grams: Array
) -> Array:
    """Of the entries of Ĝ at all pairs of κ, for matrices on J atoms, shape (s, R, s, R)."""
    seen = eigenvalues > 0
    d = eigenvalues[seen]
    resolvent = 1.0 / (kappa[:, None] + d)
    r = np.einsum("ij,kj,jab->abik", resolvent, resolvent * d, grams[seen])
    return entry_covariance(r, excess, sample.freedom)


def _read(kappa: Array, eigenvalues: Array, grams: Array) -> Array:
    """Σ G_j/(κ + d_j), shape (R, K - 1, K - 1)."""
    return np.asarray(np.tensordot(1.0 / (kappa[:, None] + eigenvalues), grams, 1))


def _own(covariance: Array) -> Array:
    """Of each entry at all pairs of κ, shape (s, R, R)."""
    index = np.arange(len(covariance))
    return np.asarray(covariance[index, :, index])


def _paired_errors(covariance: Array, draws: int, rng: np.random.Generator) -> Array:
    """Of the entries, shape (draws, s, R)."""
    count, points = covariance.shape[:2]
    errors = paired_errors(covariance.reshape(count * points, -1), draws, rng)
    return errors.reshape(draws, count, points)


def _fit_matrices(
    kappa: Array, grid: Array, covariance: Array, centre: Array, errors: Array, **accuracy: float
) -> Array:
    """Matrices on the grid, (B, J, k, k), for readings (R, k, k) with B errors (s, R)."""
    design = 1.0 / (kappa[:, None] + grid)
    own, size = _own(covariance), centre.shape[-1]
    targets = entries(centre).T + errors
    top = float(np.linalg.eigvalsh(centre[0])[-1])
    noise = float(np.sqrt(own[0, 0, 0]))
    damping = np.diag(1.0 / np.square(grid * max(top, noise)))
    hessians = np.empty((len(own), grid.size, grid.size))
    linear = np.empty((len(targets), len(own), grid.size))
    for s, covariance in enumerate(own):
        deviations = np.sqrt(np.diag(covariance))
        correlation = covariance / np.outer(deviations, deviations)
        root = np.linalg.cholesky(correlation + NUGGET * np.eye(deviations.size))
        rows = scipy.linalg.solve_triangular(root, design / deviations[:, None], lower=True)
        seen = scipy.linalg.solve_triangular(root, (targets[:, s] / deviations).T, lower=True)
        hessians[s] = rows.T @ rows + damping
        linear[:, s] = seen.T @ rows
    return semidefinite_least_squares(hessians, linear, size, **accuracy)


def _fit(estimate: ClassEstimate, lowest: float) -> ClassEstimate:
    sample, reading, size = estimate.sample, estimate.reading, len(estimate.sample.counts) - 1
    kappa, excess = reading.kappa, inflations(sample, *reading[:2])
    atoms, weights = fit_weights(sample, reading, lowest)
    floor = atoms[np.flatnonzero(weights)[0]]
    grid = np.geomspace(floor, atoms[-1], _ATOMS)
    grams = np.zeros((grid.size, size, size))
    nothing = np.zeros((1, 1, 1))
    for _ in range(_PASSES):
        covariance = _covariance(sample, kappa, excess, grid, grams)
        grams = _fit_matrices(kappa, grid, covariance, reading.energy_sum, nothing)[0]
    covariance = _covariance(sample, kappa, excess, grid, grams)
    first = _read(kappa, grid, grams)
    errors = _paired_errors(covariance, EXCESS_DRAWS, np.random.default_rng(0))
    drawn = _fit_matrices(kappa, grid, covariance, first, errors, target=_DRAWN_TARGET)
    lowered = 2.0 * first - _read(kappa, grid, drawn.mean(0))
    grams = _fit_matrices(kappa, grid, covariance, lowered, nothing)[0]
    sizes = np.trace(grams, axis1=-2, axis2=-1)
    signal = sizes > _NOTHING * sizes.max(initial=0.0)
    weighing = weights > 0
    coded = estimate.coding @ grams[signal] @ estimate.coding.T
    eigenvalues = np.concatenate([atoms[weighing], grid[signal]])
    shares = np.concatenate([weights[weighing], np.zeros(int(signal.sum()))])
    matrices_ = np.concatenate([np.zeros((int(weighing.sum()), *coded.shape[1:])), coded])
    if sample.is_degenerate or sample.active < sample.dimension:
        basis = contrasts(len(sample.counts))
        outside = basis @ sample.outside @ basis.T if sample.is_degenerate else 0.0 * coded.sum(0)
        eigenvalues = np.append(0.0, eigenvalues)
        shares = np.append(1.0 - shares.sum(), shares)
        matrices_ = np.concatenate([outside[None], matrices_])
    order = np.argsort(eigenvalues, kind="stable")
    return replace(
        estimate, eigenvalues=eigenvalues[order], weights=shares[order], grams=matrices_[order]
    )


def _form(projections: Array, shifted: Array) -> Array:
    """The contrasts by (S + λ)⁻¹, shape (R, K - 1, K - 1)."""
    return np.asarray(np.einsum("kr,ra,rb->kab", 1.0 / shifted, projections, projections))


def _whitened(sample: LabelledSample, shifted: Array, level: Array) -> tuple[Array, Array]:
    """From whitened contrasts to the classes, and from contrasts to whitened ones.

    Along the axes of what is read at the first κ, each towards the classes that stick out, so that
    draws do not depend on the order of the classes.
    """
    root = np.linalg.cholesky(sample.contrast_noise)
    whiten = np.linalg.inv(root)
    seen = level[0] * _form(sample.projections, shifted[:1])[0] + sample.outside
    axes = np.linalg.eigh(whiten @ seen @ whiten.T)[1]
    coding = contrasts(len(sample.counts)) @ root @ axes
    signs = np.where(np.sum(coding**3, axis=0) < 0, -1.0, 1.0)
    return coding * signs, (axes * signs).T @ whiten


def class_estimate_of(sample: LabelledSample) -> ClassEstimate:
    """The estimate of a decomposed sample of more than two classes."""
    kappa, lowest, low = reading_points(sample)
    level = levels(sample, kappa)
    shifted = sample.eigenvalues + level[:, None]
    df = (sample.eigenvalues / shifted).sum(-1)
    coding, whiten = _whitened(sample, shifted, level)
    projections = sample.projections @ whiten.T
    # energy outside a covariance that is singular is not noise: it is read by itself
    outside = 0.0 if sample.is_degenerate else whiten @ sample.outside @ whiten.T
    form = level[:, None, None] * _form(projections, shifted) + outside
    size = projections.shape[1]
    gram_sum = form / kappa[:, None, None] - df[:, None, None] * np.eye(size)
    reading = Reading(kappa, level, df / sample.dimension, gram_sum)
    nothing = np.zeros(0)
    return _fit(
        ClassEstimate(sample, coding, reading, nothing, nothing, nothing, kappa_min(sample), low),
        lowest,
    )
