"""A power of the second-moment matrix: soft whitening and its opposite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..frame import Frame, FrameMap
from ..parameters import ANY, Array, ArrayLike, Interval, Parametrised
from .base import Projector

if TYPE_CHECKING:
    from ..population import GaussianMixture

__all__ = ["Power"]

# Below this share of the largest eigenvalue of E hhᵀ its negative power is noise.
_SINGULAR = 1e-13


def _matrix_power(mean: Array, root: Array, noise: ArrayLike, exponent: ArrayLike) -> Array:
    """((RRᵀ + μμᵀ)/σ²)^exponent, through the singular values of [R, μ]."""
    factor = np.concatenate([root, mean[..., None]], axis=-1)
    basis, deviations, _ = np.linalg.svd(factor, full_matrices=False)
    if np.any(exponent < 0) and np.any(deviations[..., -1] < _SINGULAR * deviations[..., 0]):
        raise ValueError(
            "exponent must be non-negative on a population with a direction of zero variance, "
            f"got {exponent!r}"
        )
    scaled = (deviations / np.asarray(noise)[..., None]) ** (2 * np.asarray(exponent)[..., None])
    return np.asarray((basis * scaled[..., None, :]) @ np.swapaxes(basis, -1, -2))


@dataclass(frozen=True, eq=False)
class Power(Parametrised, Projector):
    r"""A power of the second moment: :math:`T = (E[hh^\top]/\sigma^2)^a`.

    Positive exponents expand the directions of large variance, negative ones shrink them;
    a = -1/2 whitens. On a :class:`GaussianMixture` or :class:`Spectrum`, σ² is the mean variance.

    Parameters
    ----------
    exponent : float or array_like
        a, any real number.

    Raises
    ------
    TypeError, ValueError
        For an exponent that is not finite, or negative on a singular population.

    Examples
    --------
    >>> import asymptotics as asy
    >>> asy.SpikedMixture(signal=2.0).spectrum(asy.Power(0.5)).eigenvalues.round(12)
    array([5., 1.])
    """

    exponent: Any

    parameters: ClassVar[dict[str, Interval]] = {"exponent": ANY}

    def on_frame(self, frame: Frame, axis: int | None = None) -> FrameMap:
        block = _matrix_power(frame.mean, frame.root, frame.noise, self.exponent)
        relative = frame.bulk / frame.noise[..., None]
        bulk = relative ** (2 * np.asarray(self.exponent)[..., None])
        return FrameMap(block, bulk)

    def on_population(self, mixture: GaussianMixture) -> Array:
        return _matrix_power(mixture.mean, mixture._root, mixture.noise, self.exponent)
