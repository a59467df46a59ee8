"""What a projector does to a classifier: the limits without it and with it, side by side."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..classifiers import Classifier
from ..outcomes import Limit, Status, StatusArray
from ..populations.base import Population, check_population
from ..projectors import Projector, check_projector
from .limits import limit
from .regime import regime_of, signal_gain

__all__ = ["BeforeAndAfter", "before_and_after"]


@dataclass(frozen=True, eq=False)
class BeforeAndAfter:
    """A limit before a projector and after it; scalars, or arrays of one broadcast shape.

    Attributes
    ----------
    before, after : Limit
        Trained on h, and on z = T h.
    difference : float or array
        Accuracy after minus accuracy before, as the difference of the errors: where both are small
        it keeps digits that the accuracies have lost.
    gain : float or array
        Of the projector along the signal, relative to the bulk: of the population before it.
    regime : str or array of str
        "expansion", "shrinkage", or "neutral" for a gain within 1e-12 of 1.
    """

    before: Limit
    after: Limit
    difference: Any
    gain: Any
    regime: Any

    def __repr__(self) -> str:
        if np.ndim(self.difference):
            words, counts = np.unique(self.regime, return_counts=True)
            regimes = dict(zip(words.tolist(), counts.tolist(), strict=True))
            return f"BeforeAndAfter(shape={np.shape(self.difference)}, regime={regimes})"
        return (
            f"BeforeAndAfter(before={self.before.accuracy:.6g}, after={self.after.accuracy:.6g}, "
            f"difference={self.difference:.6g}, gain={self.gain:.6g}, regime={self.regime!r})"
        )


def before_and_after(
    mix: Population, clf: Classifier, aspect_ratio: Any, projector: Projector
) -> BeforeAndAfter:
    r"""The accuracy before and after a projector, and whether it expands or shrinks the signal.

    Numeric parameters of all arguments broadcast together.

    Parameters
    ----------
    mix : SpikedMixture, GaussianMixture or Spectrum
    clf : classifier
        The same before and after, its penalty included.
    aspect_ratio : float or array_like
        γ = p/n > 0.
    projector : projector
        Any; the regime is that of its gain along the signal, :math:`|T\hat\mu|`, relative to the
        root mean square of T over the directions orthogonal to it, in a :class:`SpikedMixture`
        that over the bulk.

    Returns
    -------
    BeforeAndAfter

    Raises
    ------
    TypeError, ValueError
        For invalid input, and a population without a signal.
    NoLimitError, ConvergenceError
        As :func:`limit`.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix, clf = asy.SpikedMixture(signal=1.5), asy.Logistic(0.1)
    >>> report = asy.before_and_after(mix, clf, aspect_ratio=0.5, projector=asy.InfoNCE(2.0))
    >>> report.regime, round(report.before.accuracy, 4), round(report.after.accuracy, 4)
    ('expansion', 0.9002, 0.9097)
    >>> report = asy.before_and_after(mix, clf, aspect_ratio=0.5, projector=asy.InfoNCE(0.3))
    >>> report.regime, round(report.difference, 4)
    ('shrinkage', -0.0319)
    """
    mix, projector = check_population(mix), check_projector(projector)
    mix = mix.placed(projector)  # where the map is, before it as well as after it
    after = limit(mix, clf, aspect_ratio, projector)
    before = limit(mix, clf, aspect_ratio)
    shape = np.shape(after.accuracy)
    gain = np.broadcast_to(signal_gain(mix, projector), shape)
    if not shape:
        difference = before.error - after.error
        return BeforeAndAfter(before, after, difference, float(gain), regime_of(gain))
    before = Limit(**{f.name: _spread(getattr(before, f.name), shape) for f in _FIELDS})
    return BeforeAndAfter(before, after, before.error - after.error, gain, regime_of(gain))


_FIELDS = dataclasses.fields(Limit)


def _spread(values: Any, shape: tuple[int, ...]) -> Any:
    if isinstance(values, Status | StatusArray):
        return StatusArray(values).broadcast_to(shape)
    return np.broadcast_to(np.asarray(values), shape)
