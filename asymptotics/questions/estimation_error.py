r"""The standard error of a limit on an estimated spectrum: the delta method.

All that a loss reads of the spectrum it reads at one :math:`\kappa = \lambda/\hat V`, so that the
derivative of anything in an energy at d is :math:`a/(\kappa + d) + b/(\kappa + d)^2`: two
differences give a and b, and the covariance of the readings the rest. Below κ_low, and behind a map
that changes what is read, the energies are drawn again from their covariance, fitted, and the limit
taken of each. Never are the samples drawn again: repeated samples have another n/p.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import scipy

from ..checks import Array
from ..classifiers import Bayes, Centroid, Classifier, MinNorm
from ..estimation.estimate import Estimate
from ..integrals.softmax import contrasts
from ..outcomes import Limit
from ..populations.spectrum import Spectrum
from ..projectors import Expansion, Projector
from .limits import limit
from .score_scale import probit

__all__ = [
    "Sensitivity",
    "kappa_read",
    "numeric_fields",
    "reads_at_kappa",
    "redrawn_errors",
    "sensitivity",
]

# Of what is read at κ, the change that stands for a derivative.
_CHANGE = 1e-4
# κ for infinity, in units of the largest eigenvalue: derivatives of the centroid's limit are then
# within about 1 %; farther away the covariance of two near readings is lost to rounding.
_FAR = 100.0
# Draws of the energies: a standard error good to 9 %.
_DRAWS = 64
_PROBIT = "probit"
# Two atoms to differentiate in lie at least this factor apart.
_APART = 4.0


def kappa_read(spectrum: Spectrum, clf: Classifier, lim: Limit, aspect_ratio: Array) -> Array:
    """κ = λ/V̂ of each limit: the root of κ S(κ) = λV/γ; 0 and infinity for those without one.

    Where V is a matrix of K scores, the lowest of the κ of their contrasts.
    """
    d, w = spectrum.eigenvalues, spectrum.weights
    shape = np.shape(lim.accuracy)
    if isinstance(clf, Bayes):
        return np.zeros(shape)
    if isinstance(clf, Centroid):
        return np.full(shape, np.inf)
    penalty = np.broadcast_to(np.asarray(clf.penalty_values, dtype=float), shape)
    trace = float((w * d).sum())
    susceptibility = np.asarray(lim.susceptibility)
    if susceptibility.ndim == len(shape) + 2:
        basis = contrasts(susceptibility.shape[-1])
        susceptibility = np.linalg.eigvalsh(basis.T @ susceptibility @ basis)[..., 0]
    found = np.zeros(shape)
    for k in np.ndindex(shape):
        gamma = np.broadcast_to(aspect_ratio, shape)[k]
        target = penalty[k] * np.broadcast_to(susceptibility, shape)[k] / gamma
        interpolates = gamma * float(spectrum.rank) > 1
        if penalty[k] == 0 or (isinstance(clf, MinNorm) and not interpolates):
            continue
        found[k] = np.inf if not target < trace else _root(d, w, target)
    return found


def _root(d: Array, w: Array, target: float) -> float:
    """κ with κ Σ w d/(κ + d) = target, which rises from 0 to the trace."""

    def excess(logarithm: float) -> float:
        kappa = np.exp(logarithm)
        return float((w * d * kappa / (kappa + d)).sum()) - target

    low = np.log(target)  # S ≤ 1
    high = low + 1.0
    while excess(high) < 0:
        high += 2.0 * (high - low)
        if high > low + 500:  # within rounding of the trace
            return np.inf
    return float(np.exp(scipy.optimize.brentq(excess, low - 1e-12, high, xtol=1e-12)))


class Sensitivity(NamedTuple):
    """The derivatives of the fields of M limits in the energies, a/(κ + d) + b/(κ + d)².

    One more field is the :func:`probit` of the accuracy, 0 where it is infinite.
    """

    kappa: Array  # (M,)
    first: dict[str, Array]  # a, each of shape (M,)
    second: dict[str, Array]  # b

    def errors(self, estimate: Estimate) -> dict[str, Array]:
        """The standard error of each field."""
        found = {}
        for name, first in self.first.items():
            if name == _PROBIT:
                continue
            covariance = estimate.functional_covariance(self.kappa, first, self.second[name])
            found[name] = np.sqrt(np.diag(covariance))
        return found


def numeric_fields(lim: Limit) -> list[str]:
    """The fields of a limit that have a standard error."""
    return [f.name for f in dataclasses.fields(lim) if f.name not in ("residual", "status")]


def sensitivity(
    spectrum: Spectrum, clf: Classifier, lim: Limit, aspect_ratio: Array
) -> Sensitivity:
    """Differentiate M limits in energies at a low and a high atom, by differences."""
    weighing = spectrum.eigenvalues[(spectrum.weights > 0) & (spectrum.eigenvalues > 0)]
    lowest, highest = weighing.min(), max(weighing.max(), _APART * weighing.min())
    kappa = kappa_read(spectrum, clf, lim, aspect_ratio)
    kappa = np.minimum(kappa, _FAR * highest)
    atoms = np.array([lowest, highest])
    # a change of Σ e/(κ + d) by a share of itself, or of 1 where there is none
    resolvent = 1.0 / (kappa[:, None] + spectrum.eigenvalues[spectrum.eigenvalues > 0])
    seen = (spectrum.energies[spectrum.eigenvalues > 0] * resolvent).sum(-1)
    change = _CHANGE * np.where(seen > 0, seen, 1.0)[:, None] * (kappa[:, None] + atoms)  # (M, 2)
    count = len(kappa)
    extra = np.zeros((3, count, 2))
    extra[1, :, 0], extra[2, :, 1] = change.T
    energies = np.concatenate(
        [np.broadcast_to(spectrum.energies, (3, count, spectrum.energies.size)), extra], axis=-1
    )
    widened = Spectrum(
        np.concatenate([spectrum.eigenvalues, atoms]),
        np.concatenate([spectrum.weights, [0.0, 0.0]]),
        energies,
        spectrum.balance,
    )
    moved = limit(widened, clf, aspect_ratio)
    powers = 1.0 / (kappa[:, None] + atoms)
    matrix = np.stack([powers, powers**2], axis=-1)  # (M, atom, coefficient)
    first, second = {}, {}
    parts = {name: getattr(moved, name) for name in numeric_fields(lim)} | {_PROBIT: probit(moved)}
    for name, part in parts.items():
        values = np.broadcast_to(part, (3, count))
        finite = np.isfinite(values).all(0)
        values = np.where(finite, values, 0.0)
        slopes = ((values[1:] - values[0]).T / change)[..., None]
        first[name], second[name] = np.linalg.solve(matrix, slopes)[..., 0].T
    return Sensitivity(kappa, first, second)


def redrawn_errors(
    spectrum: Spectrum,
    clf: Classifier,
    aspect_ratio: Array,
    projector: Projector,
) -> tuple[dict[str, Array], Array]:
    """Standard deviations over energies drawn again: of each field, and of the probit accuracy."""
    estimate = spectrum.estimate
    assert isinstance(estimate, Estimate)
    rng = np.random.default_rng(0)
    normal = rng.standard_normal((_DRAWS // 2, estimate.reading.kappa.size))
    energies = estimate.redrawn(np.concatenate([normal, -normal]))
    drawn = Spectrum(spectrum.eigenvalues, spectrum.weights, energies[:, None, :], spectrum.balance)
    lim = limit(drawn, clf, aspect_ratio, projector)
    shape = (len(energies), len(aspect_ratio))
    errors = {
        name: np.broadcast_to(getattr(lim, name), shape).std(0) for name in numeric_fields(lim)
    }
    score = np.broadcast_to(probit(lim), shape)
    # without noise where there is signal, accuracy is 1 whatever the other energies are
    score = np.where(np.isfinite(score), score, 0.0)
    return errors, score.std(0)


def reads_at_kappa(projector: Projector) -> bool:
    """Whether what is read behind the map is still the estimated spectrum at one κ."""
    return projector.is_identity or isinstance(projector, Expansion)
