"""Where expanding a direction stops helping: the critical alignment with the signal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..checks import POSITIVE, Array, check_real
from ..classifiers import Classifier
from ..outcomes import Status, StatusArray, choose_status
from ..populations.spiked import SpikedMixture
from ..projectors import Expansion
from .gradients import gradient
from .limits import check_classifier, limit
from .sign_changes import sign_changes

__all__ = ["CriticalAlignment", "critical_alignment"]

# Where signs are compared. A direction without signal has no effect at all, and near it the effect
# falls like c²: the first of them stands for 0.
_ALIGNMENTS = np.concatenate([[1e-3], np.linspace(0.0, 1.0, 33)[1:]])
# Of the alignment.
_TOLERANCE = 2e-13
# An effect on the log error below this share of 1 + |log error| is rounding.
_ROUNDING = 1e-11
# Nearer to 1 than this, the effect of a gain is the mean of its slopes on the way, since the
# difference of two errors would be rounding: by two Gauss points, to the fourth power of the way.
_NEAR = 1e-4
_GAUSS = 0.5 + np.array([-0.5, 0.5]) / np.sqrt(3.0)


@dataclass(frozen=True, eq=False)
class CriticalAlignment:
    """The alignment at which an expansion changes from harm to help.

    Attributes
    ----------
    alignment : float or array
        c* in (0.001, 1), to 1e-12; 0 where every alignment helps, 1 where none does, NaN where the
        gain has no effect.
    status : Status or StatusArray
        "crossing": harm below c*, help above; "reversed": help below, harm above; "several": the
        effect changes its sign more than once, last at c*; "always helps", "never helps" or
        "no effect" (less than 1e-11 of the log error at every alignment).
    """

    alignment: Any
    status: Any


def critical_alignment(
    mix: SpikedMixture, clf: Classifier, aspect_ratio: Any, gain: Any
) -> CriticalAlignment:
    r"""The alignment c* above which stretching a direction by a gain raises the accuracy.

    The root in c of accuracy(gain, c) = accuracy(1), of the logarithms of the errors. For a gain of
    1, or next to it, the sign is that of the slope
    :math:`\partial\,\text{accuracy}/\partial\,\text{gain}`, which is c² times that along the
    signal: there every alignment helps, or none does. For a gain below 1, a shrinkage, the same c*
    divides help (below) from harm (above), and the status speaks of undoing it. Sign changes closer
    than 1/32 to each other are not told apart. Parameters broadcast.

    Parameters
    ----------
    mix : SpikedMixture
    clf : classifier
        Any of the package's; :class:`Bayes` sees no effect.
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
    before = np.asarray(limit(mix, clf, aspect_ratio).log_error)
    shape = np.broadcast_shapes(before.shape, stretch.shape)
    stretch, signal = np.broadcast_to(stretch, shape), np.broadcast_to(mix.signal, shape)
    if not all(shape):
        empty = np.empty(shape)
        return CriticalAlignment(empty, StatusArray.from_codes(empty.astype(np.uint8)))
    near = (np.abs(stretch - 1.0) < _NEAR) & (signal > 0)
    # a stand-in where there is no signal, and no derivative: there no gain has an effect
    signalling = replace(mix, signal=np.where(signal > 0, signal, 1.0)) if near.any() else mix

    def benefit(alignment: Array) -> Array:
        """What stretching takes off the log error; near a gain of 1, for one unit of it."""
        after = limit(mix, clf, aspect_ratio, Expansion(stretch, alignment)).log_error
        fall = np.where(before == after, 0.0, before - after)
        change = np.sign(stretch - 1.0) * fall
        if near.any():
            slope = np.zeros_like(change)
            for place in _GAUSS:
                there = Expansion(np.where(near, 1.0 + place * (stretch - 1.0), 1.0), alignment)
                found = gradient(signalling, clf, aspect_ratio, there)
                error = np.broadcast_to(
                    limit(signalling, clf, aspect_ratio, there).error, change.shape
                )
                zero = np.zeros_like(change)
                slope += 0.5 * np.divide(found.gain, error, out=zero, where=error > 0)
            change = np.where(near, slope, change)
        return np.asarray(np.where(signal > 0, change, 0.0))

    def sign(effect: Array) -> Array:
        known = np.abs(effect) > _ROUNDING * (1.0 + np.abs(before))
        return np.where(known, np.sign(effect), 0.0)

    found = sign_changes(benefit, sign, _ALIGNMENTS, shape, _TOLERANCE)
    count, top = found.number, found.top
    alignment = np.where(count > 0, found.root, np.select([top > 0, top < 0], [0, 1], np.nan))
    status = choose_status(
        [count > 1, (count == 1) & (top > 0), count == 1, top > 0, top < 0],
        [
            Status.SEVERAL,
            Status.CROSSING,
            Status.REVERSED,
            Status.ALWAYS_HELPS,
            Status.NEVER_HELPS,
        ],
        Status.NO_EFFECT,
    )
    return CriticalAlignment(alignment if shape else float(alignment), status)
