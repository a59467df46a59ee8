r"""What the chance of the class counts costs at finite n, and where that is no small thing.

A training set of n points has a share π̂ of the class +1 that is off π by about √(π(1 - π)/n), and
a free intercept follows it. A limit knows how far, as it holds at every π: with m, q and b those of
the balance π̂,

.. math::
    \mathbb E_{\hat\pi}\Big[\pi\,\Phi\Big(\frac{m + b}{\sqrt q}\Big)
        + (1 - \pi)\,\Phi\Big(\frac{m - b}{\sqrt q}\Big)\Big], \qquad
    \hat\pi \sim N\Big(\pi, \frac{\pi(1 - \pi)}{n}\Big)

is the accuracy to expect, to leading order in what the counts do. For equal classes, where m and q
stay and b moves by a normal number of deviation σ = (∂b/∂π)/(2√n), it is Φ(m/√(q + σ²)): the shift
matters where σ is not small beside √q. The square loss has b = (2π̂ - 1)(1 - m). Where its λ is far
above the eigenvalue d, m is near 0 and q = (s²d + γd²)/λ²: the limit is reached for n well above
λ²/(s²d + γd²) alone, and not for λ/d ≳ √n where s² is of the order of d.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy

from ..checks import Array
from ..classifiers import Bayes, Classifier
from ..metrics.accuracy import mixture_accuracy
from ..outcomes import ImbalanceWarning
from ..populations.base import Population
from ..populations.spectrum import Spectrum
from ..projectors import Projector
from .limits import limit, project

__all__ = ["accuracy_at_counts", "warn_of_imbalance"]

# Where the accuracy is computed, in standard deviations of the counts: close together near 0, since
# there it may fall within a small part of one. Each stands for the counts that are nearest to it.
_FAR = np.geomspace(0.02, 3.5, 12)
_NODES = np.concatenate([-_FAR[::-1], [0.0], _FAR])
# What is worth a warning: more than a point, and well beyond the bias of order 1/n that any finite
# training set has; at everyday penalties the counts have a share of less than 0.5/n in it.
_NOTICEABLE, _ORDINARY = 0.01, 2.0


def accuracy_at_counts(
    mix: Population,
    clf: Classifier,
    aspect_ratio: Any,
    projector: Projector,
    n: Any,
    fixed_counts: bool = False,
) -> tuple[Array, Array] | None:
    """The limiting accuracy, and that to expect at n by what the class counts do.

    Parameters
    ----------
    mix, clf, aspect_ratio, projector
        As in :func:`limit`, checked.
    n : int or array of int
        Broadcasts with the others.
    fixed_counts : bool, default False
        Whether the counts are nπ but for rounding, or left to chance.

    Returns
    -------
    pair of array, of the broadcast shape
        NaN where there is no limit. None where no count matters, or where what it does is not
        known: on several classes, and with class weights.
    """
    if isinstance(clf, Bayes) or not clf.fit_intercept or clf.wants_classes:
        return None
    if not mix.is_classic:
        return None
    try:
        spectrum = project(mix, projector)
    except (TypeError, ValueError):  # a map of which no limit is known, but can be simulated
        return None
    size = np.asarray(n, dtype=float)
    shapes = spectrum.batch_shape, np.shape(aspect_ratio), np.shape(clf.penalty_values), size.shape
    shape = np.broadcast_shapes(*shapes)
    balance = np.broadcast_to(np.asarray(spectrum.balance, dtype=float), shape)
    middle, deviation = size * balance, np.sqrt(size * balance * (1.0 - balance))
    # a training set of one class is refused: there is one point of each at least
    nodes = np.zeros(1) if fixed_counts else _NODES
    counts = np.clip(np.rint(middle + np.multiply.outer(nodes, deviation)), 1.0, size - 1.0)
    edges = (0.5 * (counts[1:] + counts[:-1]) - middle) / deviation
    weights = np.diff(scipy.special.ndtr(edges), axis=0, prepend=0.0, append=1.0)
    shares = np.concatenate([balance[None], counts / size])
    trained = Spectrum(spectrum.eigenvalues, spectrum.weights, spectrum.energies, shares)
    found = limit(trained, clf, aspect_ratio, throw=False)
    with np.errstate(divide="ignore", invalid="ignore"):  # weights may be 0: the answer is b's
        deviations = np.sqrt(found.variance)
        accuracy = mixture_accuracy(found.mean, deviations, found.intercept, balance)
    weights = weights * np.isfinite(accuracy[1:])
    with np.errstate(invalid="ignore"):
        expected = np.nansum(weights * accuracy[1:], 0) / weights.sum(0)
    return np.asarray(accuracy[0]), np.asarray(expected)


def warn_of_imbalance(
    mix: Population,
    clf: Classifier,
    aspect_ratio: Any,
    projector: Projector,
    n: Any,
    fixed_counts: bool,
    *,
    where: Any = True,
    stacklevel: int = 3,
) -> None:
    """Say it if the class counts keep training sets of size n off the limit."""
    found = accuracy_at_counts(mix, clf, aspect_ratio, projector, n, fixed_counts)
    if found is None:
        return
    limits, expected = found
    excess = np.abs(expected - limits) - np.maximum(_NOTICEABLE, _ORDINARY / np.asarray(n))
    affected = np.flatnonzero((excess > 0.0) & where)
    if not affected.size:
        return
    worst = affected[np.argmax(np.abs(expected - limits).ravel()[affected])]
    size = int(np.broadcast_to(n, limits.shape).ravel()[worst])
    name = type(clf).__name__
    if "penalty" in clf.parameters:
        name += f" of penalty {np.broadcast_to(clf.penalty_values, limits.shape).ravel()[worst]:g}"
    share = f" ({affected.size} of {limits.size} elements)" if limits.size > 1 else ""
    what = "the chance of the class counts moves"
    remedy = "fixed_counts=True has no such chance"
    if fixed_counts:
        what = "class counts rounded to integers move"
        remedy = "take an n of which the balance is a whole number of points"
    warnings.warn(
        f"n = {size} is too small for the limit{share}: {what} the intercept of {name} so far "
        f"that an accuracy of {expected.ravel()[worst]:.3f} is to be expected, and not "
        f"{limits.ravel()[worst]:.3f}; {remedy}",
        ImbalanceWarning,
        stacklevel=stacklevel,
    )
