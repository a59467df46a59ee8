r"""What a projector does to a classifier: the limits without it and with it, side by side.

The difference is a telescoping sum over three changes, made in this order. With g the gain along
the signal û and T₁ = T (I + (1/g - 1) ûûᵀ), which is T at gain 1, and c² the mean within-class
variance of T₁h over that of h:

    rest    h → T₁h/c     unequal gains over all other directions, at the variance of h
    gain    → T h/c       the gain along the signal alone
    scale   → T h         the change of scale, which acts as the penalty λ/c² for λ

A pure gain has c = 1 and no other part, a multiple of the identity has the scale alone.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checks import check_flag
from ..classifiers import Classifier
from ..outcomes import Limit, Status, StatusArray
from ..populations.base import Population, check_population
from ..projectors import Expansion, PCATruncation, Projector, SamplePower, check_projector
from ..projectors.base import Composition
from .limits import limit
from .optima import Optimum, optimal_penalty
from .regime import regime_of, signal_gain

# A relative gain below it is the rounding of 0.
_NO_GAIN = 1e-12

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
    rest_part, gain_part, scale_part : float or array
        The difference as a sum: the rest of T at gain 1, normalised so that the mean within-class
        variance stays what it was; then its gain along the signal; then the change of scale at the
        penalty given. NaN where T has no gain to divide out (0 or infinite), or keeps no noise at
        gain 1, and for a :class:`SamplePower` or
        :class:`PCATruncation`.
    scale : float or array
        c: root mean square deviation of the image, at gain 1, over that before. On normalised
        features the penalty λ after the projector is λ/c².
    gain : float or array
        Of the projector along the signal, relative to the bulk: of the population before it.
    regime : str or array of str
        "expansion", "shrinkage", or "neutral" for a gain within 1e-12 of 1. A word for the gain
        along the signal: whether the accuracy rises, `difference` says.
    best_before, best_after : Optimum or None
        The best penalty on either side, if it was asked for: no scale of T matters to them.
    """

    before: Limit
    after: Limit
    difference: Any
    rest_part: Any
    gain_part: Any
    scale_part: Any
    scale: Any
    gain: Any
    regime: Any
    best_before: Optimum | None = None
    best_after: Optimum | None = None

    @property
    def best_difference(self) -> float | None:
        """Accuracy after minus before, each at its own best penalty; None if not asked for."""
        if self.best_before is None or self.best_after is None:
            return None
        return self.best_after.accuracy - self.best_before.accuracy

    def __repr__(self) -> str:
        if np.ndim(self.difference):
            words, counts = np.unique(self.regime, return_counts=True)
            regimes = dict(zip(words.tolist(), counts.tolist(), strict=True))
            low, high = np.min(self.difference), np.max(self.difference)
            return (
                f"BeforeAndAfter(shape={np.shape(self.difference)}, "
                f"difference={low:.6g} to {high:.6g}, regime={regimes})"
            )
        return (
            f"BeforeAndAfter(difference={self.difference:.6g}, rest_part={self.rest_part:.6g}, "
            f"gain_part={self.gain_part:.6g}, scale_part={self.scale_part:.6g}, "
            f"before={self.before.accuracy:.6g}, after={self.after.accuracy:.6g}, "
            f"scale={self.scale:.6g}, gain={self.gain:.6g}, regime={self.regime!r})"
        )


def before_and_after(
    mix: Population,
    clf: Classifier,
    aspect_ratio: Any,
    projector: Projector,
    *,
    best_penalty: bool = False,
) -> BeforeAndAfter:
    r"""The accuracy before and after a projector, and the parts of the difference.

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
    best_penalty : bool, default False
        Find the best penalty on both sides as well, as :func:`optimal_penalty` does, for a single
        setting of a population it takes.

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
    best_penalty = check_flag("best_penalty", best_penalty)
    mix = mix.placed(projector)  # where the map is, before it as well as after it
    after = limit(mix, clf, aspect_ratio, projector)
    before = limit(mix, clf, aspect_ratio)
    shape = np.shape(after.accuracy)
    if best_penalty and shape:
        raise ValueError(f"best_penalty must be False for arrays of settings, got shape {shape}")
    best: tuple[Optimum, ...] = ()
    if best_penalty:
        sides = (None, projector)
        best = tuple(optimal_penalty(mix, clf, aspect_ratio, side) for side in sides)
    rest: Any
    own = signal_gain(mix, projector)
    gain = np.broadcast_to(own, shape)
    parts = _parts(mix, clf, aspect_ratio, projector, own, before.error, after.error)
    if not shape:
        difference = before.error - after.error
        rest, gained, scaled, scale = (part.item() for part in map(np.asarray, parts))
        return BeforeAndAfter(
            before,
            after,
            difference,
            rest,
            gained,
            scaled,
            scale,
            float(gain),
            regime_of(gain),
            *best,
        )
    rest, gained, scaled, scale = (np.broadcast_to(part, shape) for part in parts)
    before = Limit(**{f.name: _spread(getattr(before, f.name), shape) for f in _FIELDS})
    difference = before.error - after.error
    return BeforeAndAfter(
        before, after, difference, rest, gained, scaled, scale, gain, regime_of(gain)
    )


def _parts(
    mix: Population,
    clf: Classifier,
    aspect_ratio: Any,
    projector: Projector,
    gain: Any,
    before: Any,
    after: Any,
) -> tuple[Any, Any, Any, Any]:
    """rest, gain and scale parts of before - after, errors, and the scale c."""
    finite = np.isfinite(gain) & (np.asarray(gain) > _NO_GAIN)
    if isinstance(projector, (SamplePower, PCATruncation)) or not finite.any():
        return np.nan, np.nan, np.nan, np.nan
    if projector.is_identity:
        return 0.0, 0.0, 0.0, 1.0
    levelled = Composition(projector, Expansion(1.0 / np.where(finite, gain, 1.0)))
    try:
        noise = mix.spectrum(levelled).noise
    except (TypeError, ValueError):  # a map that is known alone, or keeps no noise at gain 1
        return np.nan, np.nan, np.nan, np.nan
    scale = np.where(finite, noise / mix.noise, np.nan)
    # T/c at λ is T at λc²
    level = np.where(finite, scale, 1.0) ** 2
    scaled = clf
    if hasattr(clf, "penalty"):
        scaled = dataclasses.replace(clf, penalty=np.asarray(clf.penalty) * level)  # type: ignore[type-var]
    first = limit(mix, scaled, aspect_ratio, levelled).error
    second = limit(mix, scaled, aspect_ratio, projector).error
    second = np.where(level == 1.0, after, second)
    first, second = (np.where(finite, error, np.nan) for error in (first, second))
    return before - first, first - second, second - after, scale


_FIELDS = dataclasses.fields(Limit)


def _spread(values: Any, shape: tuple[int, ...]) -> Any:
    if isinstance(values, Status | StatusArray):
        return StatusArray(values).broadcast_to(shape)
    return np.broadcast_to(np.asarray(values), shape)
