"""A power of the second-moment matrix: soft whitening and its opposite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..checks import ANY, Array, ArrayLike, Interval, Parametrised
from ..intake import shown
from ..populations.class_frame import ClassFrame
from ..populations.frame import Frame
from ..populations.frame_map import FrameMap, graded_svd
from ..populations.gaussian import GaussianMixture
from ..populations.image import Factor
from .base import Projector

__all__ = ["Power"]

# Below this share of the largest eigenvalue of E hhᵀ its negative power is noise.
_SINGULAR = 1e-13
# The smallest power that keeps all its digits.
_SMALLEST = float(np.finfo(float).tiny)


def _stretches(
    mean: Array, root: Array, noise: ArrayLike, exponent: ArrayLike
) -> tuple[Array, Array]:
    """Principal axes of RRᵀ + μμᵀ, and its eigenvalues over σ² to a power, shape (..., K)."""
    factor = np.concatenate([root, mean[..., None]], axis=-1)
    basis, deviations, _ = graded_svd(factor)
    return basis, _powers(deviations / np.asarray(noise)[..., None], exponent)


def _powers(deviations: Array, exponent: ArrayLike) -> Array:
    """Deviations, largest first on their last axis, to the power 2 · exponent."""
    if np.any(exponent < 0) and np.any(
        deviations.min(-1, initial=np.inf) <= _SINGULAR * deviations.max(-1, initial=0.0)
    ):
        raise ValueError(
            "exponent must be non-negative on a population with a direction of zero variance, "
            f"got {shown(exponent)}"
        )
    with np.errstate(over="ignore", under="ignore"):
        powers: Array = deviations ** (2 * np.asarray(exponent)[..., None])
    if np.any((powers < _SMALLEST) & (deviations > 0)) or np.any(np.isinf(powers)):
        raise ValueError(
            "exponent must keep the powers of the variances within the range of a float, "
            f"got {shown(exponent)}"
        )
    return powers


@dataclass(frozen=True, eq=False)
class Power(Parametrised, Projector):
    r"""A power of the second moment: :math:`T = (E[hh^\top]/\sigma^2)^a`.

    Positive exponents expand the directions of large variance, negative ones shrink them;
    a = -1/2 whitens. On a :class:`GaussianMixture`, :class:`GaussianClasses` or
    :class:`Spectrum`, σ² is the mean variance within classes.

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
        relative = frame.bulk / np.asarray(frame.noise)[..., None]
        bulk = _powers(relative, self.exponent)
        basis, scales = _stretches(frame.mean, frame.root, frame.noise, self.exponent)
        return FrameMap.of(basis, scales, bulk)

    def on_classes(self, frame: ClassFrame, axis: int | None = None) -> FrameMap:
        if self.batch_shape:
            raise ValueError(
                f"exponent must be a single number on several classes, got shape {self.batch_shape}"
            )
        variances = np.square(frame.bulk)
        spread = frame.priors @ variances if len(variances) > 1 else variances[0]
        bulk = _powers(np.sqrt(spread) / frame.noise, self.exponent)
        basis, deviations, _ = graded_svd(frame.moment_root)
        return FrameMap.of(basis, _powers(deviations / frame.noise, self.exponent), bulk)

    def on_coordinates(self, mixture: GaussianMixture) -> Array:
        basis, scales = self._in_space(mixture)
        return np.asarray((basis * scales[..., None, :]) @ np.swapaxes(basis, -1, -2))

    def factors(self, mixture: GaussianMixture) -> tuple[Factor, ...]:
        basis, scales = self._in_space(mixture)
        return (Factor(basis.T, scales, basis),)

    def _in_space(self, mixture: GaussianMixture) -> tuple[Array, Array]:
        basis, scales = _stretches(mixture.mean, mixture.root, mixture.noise, self.exponent)
        if basis.shape[-1] < mixture.dimension:  # a factor of few columns: no variance beyond them
            _powers(np.zeros(1), self.exponent)
        return basis, scales
