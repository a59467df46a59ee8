"""Thresholds of a population: where its training data become linearly separable."""

from __future__ import annotations

from typing import Any

import numpy as np

from .limits import project
from .parameters import Array, check_flag
from .population import Population, check_population
from .projectors import Projector, check_projector
from .separability import critical_aspect_ratio

__all__ = ["separability_threshold"]


def separability_threshold(
    mix: Population, fit_intercept: bool = True, *, projector: Projector | None = None
) -> Any:
    r"""The aspect ratio γ* above which training data are linearly separable.

    .. math::
        \gamma^* = \min_{\rho \in [0, 1),\, b} E\big[(g - \rho s - y b)_+^2\big]/(1 - \rho^2)

    with :math:`s^2 = \mu^\top \Sigma^{-1} \mu`: Deng, Kammoun, Thrampoulidis
    (2022), arXiv:1911.05822; 1/2 without signal (Cover 1965). No invertible projector changes it.

    Parameters
    ----------
    mix : SpikedMixture, GaussianMixture or Spectrum
    fit_intercept : bool, default True
        Whether the separating hyperplane may miss the origin.
    projector : projector, optional
        Matters only if it projects directions out.

    Returns
    -------
    float or array

    Raises
    ------
    TypeError, ValueError
        For invalid input.

    Examples
    --------
    >>> import asymptotics as asy
    >>> round(asy.separability_threshold(asy.SpikedMixture(signal=1.0)), 6)
    0.270268
    """
    projector = check_projector(projector)
    check_population(mix)
    fit_intercept = check_flag("fit_intercept", fit_intercept)
    spectrum = project(mix, projector)
    shape = spectrum.batch_shape

    def flat(values: Any) -> Array:
        return np.array(np.broadcast_to(values, shape), dtype=float).reshape(-1)

    balance = flat(spectrum.balance)
    ratio = critical_aspect_ratio(
        np.sqrt(flat(spectrum.mahalanobis)), balance, (balance != 0.5) & fit_intercept
    ) / flat(spectrum.rank)
    return ratio.reshape(shape) if shape else float(ratio[0])
