r"""The top principal component of unlabelled data: which direction it finds, and how well.

The covariance of h without its label is σ²(I + Σ_k ℓ_k v_k v_kᵀ) = Σ + 4π(1 - π) μμᵀ. Of N points,
p/N → γ_u, the top sample eigenvector û is asymptotically

.. math::
    \hat u = c\,v_1 + \sqrt{1 - c^2}\,\xi, \qquad
    c^2 = \frac{1 - \gamma_u/\ell_1^2}{1 + \gamma_u/\ell_1} \text{ if } \ell_1 > \sqrt{\gamma_u},
    \text{ else } 0,

with ξ uniform on the sphere of the bulk: nothing of it lies along μ or a spike. The direction that
is found is that of largest variance, be it the signal's or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..checks import Array, ArrayLike
from ..populations.frame import Frame
from .marchenko_pastur import outlier_mass

__all__ = [
    "LeadingDirections",
    "PrincipalComponent",
    "TopDirection",
    "leading_directions",
    "top_direction",
]

# Variances nearer to each other than this, relative to the larger one, are equal but for rounding.
_TIE = 1e-12
# A squared cosine below this is the rounding of a zero.
_ORTHOGONAL = 1e-20
# An excess of variance below this is the rounding of a zero.
_ROUNDING = 1e-13


@dataclass(frozen=True, eq=False)
class PrincipalComponent:
    """What the top principal component of unlabelled data finds; scalars, or arrays of one shape.

    Attributes
    ----------
    strength : float or array
        ℓ: the largest excess of variance over the bulk, in units of σ².
    threshold : float or array
        √γ_u: below it the component is a random direction.
    overlap : float or array
        Cosine c between the sample's and the population's component.
    target : array, shape (..., 1 + number of spikes)
        Cosines between the population's component and the signal, and then each spike, up to sign.
    alignment : float or array
        Cosine between the sample's component and the signal, up to sign: what
        :class:`Expansion` takes where there are no spikes.
    """

    strength: Any
    threshold: Any
    overlap: Any
    target: Array
    alignment: Any


class TopDirection(NamedTuple):
    """The population's top principal component in a frame, and how a sample sees it."""

    strength: Array  # (...)
    direction: Array  # (..., K)
    cosine: Array  # (...), of the sample's component with it
    sine: Array  # (...)


def top_direction(frame: Frame, ratio: ArrayLike, any_tie: bool = False) -> TopDirection:
    """The top principal component of the covariance Σ + 4π(1 - π) μμᵀ, and its image in a sample.

    Parameters
    ----------
    frame : Frame
        With an isotropic bulk.
    ratio : float or array
        γ_u.
    any_tie : bool
        Whether to refuse a tie that no limit can feel, too: among directions free of signal.

    Raises
    ------
    ValueError
        If two directions share the largest variance: which one a sample picks stays random.
    """
    balance = np.asarray(frame.balance)[..., None]
    between = 2.0 * np.sqrt(balance * (1.0 - balance)) * frame.mean
    shape = between.shape[:-1]
    root = np.broadcast_to(frame.root, (*shape, *frame.root.shape[-2:]))
    factor = np.concatenate([root, between[..., None]], axis=-1)
    noise = np.asarray(frame.noise)[..., None]
    basis, deviations, _ = np.linalg.svd(factor / noise[..., None], full_matrices=False)
    variances = np.square(deviations)
    strength = variances[..., 0] - 1.0
    strength = np.where(strength > _ROUNDING, strength, 0.0)
    squared = outlier_mass(strength, ratio)
    found = squared > 0

    ties = variances[..., :1] - variances <= _TIE * variances[..., :1]
    signal = np.square(np.swapaxes(basis, -1, -2) @ frame.signal)
    matters = any_tie | ((ties * signal).sum(-1) > _ORTHOGONAL)
    tied = found & (ties.sum(-1) > 1) & matters
    if np.any(tied):
        values = np.broadcast_to(variances[..., 0], tied.shape)[tied]
        raise ValueError(
            "mix must have one direction of largest variance for its top principal component to "
            f"be determined, got several of variance {values[0]:.6g} σ²: which of them a "
            "sample picks stays random at every size"
        )
    some = np.where(found, strength, 1.0)
    ratio = np.asarray(ratio)
    # 1 - c² = γ(1 + 1/ℓ)/(γ + ℓ), in which nothing cancels
    with np.errstate(over="ignore"):  # so many points that the direction is known
        rest = np.where(found, (1.0 + 1.0 / some) / (1.0 + some / ratio), 1.0)
    return TopDirection(strength, basis[..., 0], np.sqrt(squared), np.sqrt(rest))


class LeadingDirections(NamedTuple):
    """Principal axes of a population on r axes, and how a sample sees them."""

    strength: Array  # (m,)
    directions: Array  # (r, m)
    cosine: Array  # (m,), of the sample's components with them
    sine: Array  # (m,)


def leading_directions(factor: Array, ratio: float, count: int) -> LeadingDirections:
    """The `count` leading principal axes of the covariance FFᵀσ² in the frame, F of shape (r, …).

    Those that no sample finds, and those beyond the frame, have a cosine of 0.

    Raises
    ------
    ValueError
        If the last of them shares its variance with the next.
    """
    axes = len(factor)
    basis, deviations, _ = np.linalg.svd(factor, full_matrices=False)
    strength = np.zeros(max(count + 1, axes))
    strength[:axes] = np.square(deviations) - 1.0
    strength = np.where(strength > _ROUNDING, strength, 0.0)
    squared = outlier_mass(strength, ratio)
    ahead, behind = strength[count - 1], strength[count]
    if squared[count - 1] > 0 and ahead - behind <= _TIE * (1.0 + ahead):
        raise ValueError(
            "components must hold all or none of the directions that share a variance, got "
            f"{count}, between several of variance {1.0 + ahead:.6g} σ²: which of them a sample "
            "picks stays random at every size"
        )
    directions = np.zeros((axes, count))
    known = min(count, axes)
    directions[:, :known] = basis[:, :known]
    strength, squared = strength[:count], squared[:count]
    found = squared > 0
    some = np.where(found, strength, 1.0)
    rest = np.where(found, (1.0 + 1.0 / some) / (1.0 + some / ratio), 1.0)
    return LeadingDirections(strength, directions, np.sqrt(squared), np.sqrt(rest))
