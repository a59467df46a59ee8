"""Where expanding a direction stops helping: the critical alignment with the signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .classifiers import Classifier
from .gradients import gradient
from .limits import check_classifier, limit
from .parameters import POSITIVE, Array, check_real
from .population import SpikedMixture
from .projectors import Expansion

__all__ = ["CriticalAlignment", "critical_alignment"]

# Halvings of [0, 1]: to 2^-40, below 1e-12.
_BISECTIONS = 40
# A direction without signal has no effect at all, and near it the effect falls like c²: where it
# still helps at this alignment it is taken to help at all.
_SMALLEST = 1e-3


@dataclass(frozen=True, eq=False)
class CriticalAlignment:
    """The alignment at which an expansion changes from harm to help.

    Attributes
    ----------
    alignment : float or array
        c* in [0.001, 1], to 1e-12; 0 where every alignment helps, 1 where none does.
    status : str or array of str
        "crossing", "always helps" or "never helps".
    """

    alignment: Any
    status: Any


def critical_alignment(
    mix: SpikedMixture, clf: Classifier, aspect_ratio: Any, gain: Any
) -> CriticalAlignment:
    r"""The alignment c* above which stretching a direction by a gain raises the accuracy.

    The root in c of accuracy(gain, c) = accuracy(1), and for a gain of 1 its limit, the root of
    :math:`\partial\,\text{accuracy}/\partial\,\text{gain}`. For a gain below 1, a shrinkage, the
    same c* divides help (below) from harm (above), and the status speaks of undoing it. Parameters
    broadcast.

    Parameters
    ----------
    mix : SpikedMixture
    clf : classifier
        Any but :class:`Centroid` and :class:`Bayes` where a gain is 1.
    aspect_ratio : float or array_like
    gain : float or array_like
        In (0, inf).

    Returns
    -------
    CriticalAlignment

    Raises
    ------
    TypeError, ValueError
        For invalid input.
    NoLimitError, ConvergenceError
        As :func:`limit`.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix = asy.SpikedMixture(signal=1.5)
    >>> found = asy.critical_alignment(mix, asy.Ridge(1.0), aspect_ratio=2.0, gain=5.0)
    >>> round(found.alignment, 6), found.status
    (0.290008, 'crossing')
    """
    clf = check_classifier(clf)
    if not isinstance(mix, SpikedMixture):
        raise TypeError(f"mix must be a SpikedMixture, got {mix!r}")
    stretch = np.asarray(check_real("gain", gain, POSITIVE))
    before = np.asarray(limit(mix, clf, aspect_ratio).accuracy)
    shape = np.broadcast_shapes(before.shape, stretch.shape)
    stretch = np.broadcast_to(stretch, shape)
    infinitesimal = stretch == 1.0

    def benefit(alignment: Array) -> Array:
        """What stretching does to the accuracy, up to a positive factor."""
        after = limit(mix, clf, aspect_ratio, Expansion(stretch, alignment)).accuracy
        change = np.sign(stretch - 1.0) * (after - before)
        if infinitesimal.any():
            slope = gradient(mix, clf, aspect_ratio, Expansion(np.ones(shape), alignment)).gain
            change = np.where(infinitesimal, slope, change)
        return np.asarray(change)

    low, high = np.full(shape, _SMALLEST), np.ones(shape)
    helps, hurts = benefit(low) > 0, benefit(high) <= 0
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        above = benefit(middle) > 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    alignment = np.where(hurts, 1.0, np.where(helps, 0.0, 0.5 * (low + high)))
    status = np.where(hurts, "never helps", np.where(helps, "always helps", "crossing"))
    if shape:
        return CriticalAlignment(alignment, status)
    return CriticalAlignment(float(alignment), str(status))
