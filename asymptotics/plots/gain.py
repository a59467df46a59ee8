"""Accuracy against the gain of a projector: the numbers, and how they are drawn."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..checks import POSITIVE, Array, check_integer, check_matrix, check_real
from ..classifiers import SVM, Bayes, Classifier, Logistic, MaxMargin, Ridge
from ..classifiers.names import classifier_label
from ..intake import shown
from ..populations.base import Population, check_population
from ..populations.spiked import SpikedMixture
from ..projectors import Expansion
from ..questions.limits import check_classifier, limit
from ..randomness import nested_root, root_sequence
from ..simulation import simulate
from .style import BARS, COLOURS, FAINT, INK, MARKERS, draw_points, own_axes

__all__ = [
    "GainCurve",
    "GainCurves",
    "gain_curves",
    "headline_figure",
    "plot_accuracy",
    "plot_z_scores",
]

_SHRINKAGE, _EXPANSION = "#F6E9DF", "#E4EEF6"
# Points of a theory curve over the whole range of gains, of two classes ±μ and of others.
_RESOLUTION, _FEWER = 241, 61
# The axis reaches this factor beyond the gains at either end.
_MARGIN = 1.25
# Points of one gain stand this factor apart in the plot of z-scores.
_DODGE = 1.08


@dataclass(frozen=True, eq=False)
class GainCurve:
    """One classifier: its limit on a fine grid of gains, its simulation at a few of them.

    Attributes
    ----------
    classifier : Classifier
    label : str
        Its name and penalty, for people.
    gains, accuracy : array, shape (m,)
        The curve of the theory.
    simulated_gains, expected, mean, stderr, z_score : array, shape (k,)
        Where it was simulated, the limit there, the mean simulated accuracy, its standard error,
        and (mean - expected)/stderr.
    """

    classifier: Classifier
    label: str
    gains: Array
    accuracy: Array
    simulated_gains: Array
    expected: Array
    mean: Array
    stderr: Array
    z_score: Array


@dataclass(frozen=True, eq=False)
class GainCurves:
    """Curves of accuracy against gain, and the setting they share.

    Attributes
    ----------
    curves : tuple of GainCurve
    bayes : float
        Accuracy of the classifier that knows the population; NaN where that one is not linear.
    aspect_ratio : float
        γ = p/n.
    n, trials : int
        Size of a simulated training set, and how many there are behind each point.
    along : str
        What the projector stretches.
    """

    curves: tuple[GainCurve, ...]
    bayes: float
    aspect_ratio: float
    n: int
    trials: int
    along: str = "along the signal"

    def rows(self) -> list[dict[str, Any]]:
        """One row for each simulated point: classifier, gain, theory, simulated, stderr, z."""
        return [
            {
                "classifier": curve.label,
                "gain": float(curve.simulated_gains[k]),
                "theory": float(curve.expected[k]),
                "simulated": float(curve.mean[k]),
                "stderr": float(curve.stderr[k]),
                "z": float(curve.z_score[k]),
            }
            for curve in self.curves
            for k in range(curve.simulated_gains.size)
        ]


def gain_curves(
    mix: Population | None = None,
    classifiers: Sequence[Classifier] | None = None,
    aspect_ratio: float = 1.5,
    *,
    gains: Any = None,
    n: int = 300,
    trials: int = 30,
    rng: Any = 0,
    n_jobs: int | None = None,
    progress: bool = False,
) -> GainCurves:
    """Limits and simulations of several classifiers against the gain along the signal.

    On several classes the gain is that of all that separates their means, ``subspace="between"``.

    Parameters
    ----------
    mix : Population, optional
        By default an isotropic mixture of signal 1.5.
    classifiers : sequence of Classifier, optional
        By default logistic regression, SVM, max margin and ridge, with penalties at which their
        curves differ, and without the intercept that balanced classes do not need.
    aspect_ratio : float, default 1.5
        γ = p/n.
    gains : array_like, shape (k,), optional
        Positive gains to simulate, by default the powers of two from 1/32 to 32. The curves of
        the theory fill the range between the smallest and the largest.
    n, trials : int
        Size of a simulated training set, and their number at each gain; at least 2 of them.
    rng : int, SeedSequence or Generator, default 0
        As in :func:`asymptotics.simulate`; every point gets a child of its own.
    n_jobs : int, optional
        As in :func:`asymptotics.simulate`.
    progress : bool, default False
        Show a progress bar, one step a simulated point.

    Returns
    -------
    GainCurves

    Raises
    ------
    TypeError, ValueError
        For invalid input.
    NoLimitError, ConvergenceError
        As :func:`asymptotics.limit`.

    Examples
    --------
    >>> from asymptotics import Centroid, plots
    >>> study = plots.gain_curves(classifiers=[Centroid()], gains=[0.5, 2.0], n=50, trials=10)
    >>> study.curves[0].expected.round(4)
    array([0.6697, 0.9292])
    """
    from tqdm.auto import tqdm

    trials, root = check_integer("trials", trials, 2), root_sequence(rng)
    mix = SpikedMixture(signal=1.5) if mix is None else mix
    if classifiers is None:
        without = {"fit_intercept": False}
        classifiers = [
            Logistic(0.1, **without),
            SVM(1.0, **without),
            MaxMargin(**without),
            Ridge(0.1, **without),
        ]
    if not isinstance(classifiers, Sequence) or not len(classifiers):
        raise ValueError(
            f"classifiers must be a sequence of at least one classifier, got {shown(classifiers)}"
        )
    classifiers = [check_classifier(clf, several=True) for clf in classifiers]
    points = 2.0 ** np.arange(-5, 6) if gains is None else check_real("gains", gains, POSITIVE)
    points = np.sort(check_matrix("gains", points, 1))
    mix = check_population(mix, several=True)
    fine = np.geomspace(points[0], points[-1], _RESOLUTION if mix.is_classic else _FEWER)
    expected = [_accuracies(mix, clf, aspect_ratio, points) for clf in classifiers]
    theory = [_accuracies(mix, clf, aspect_ratio, fine) for clf in classifiers]
    bayes = np.nan
    with suppress(ValueError):  # of several covariances or clusters the best rule is not linear
        bayes = limit(mix, Bayes(), aspect_ratio).accuracy

    number = itertools.count()
    curves = []
    with tqdm(
        total=len(classifiers) * points.size, desc="simulating", unit="point", disable=not progress
    ) as bar:
        for clf, curve, at_points in zip(classifiers, theory, expected, strict=True):
            found = np.empty((3, points.size))
            for k, gain in enumerate(points):
                simulation = simulate(
                    mix,
                    clf,
                    aspect_ratio,
                    n=n,
                    trials=trials,
                    projector=_expansion(mix, float(gain)),
                    rng=nested_root(root, next(number), 0),
                    n_jobs=n_jobs,
                )
                z = simulation.z_score(float(at_points[k]))
                found[:, k] = simulation.mean, simulation.stderr, z
                bar.update()
            curves.append(
                GainCurve(clf, classifier_label(clf), fine, curve, points, at_points, *found)
            )
    along = "along the signal" if mix.is_classic else "between the classes"
    return GainCurves(tuple(curves), bayes, float(aspect_ratio), n, trials, along)


def _expansion(mix: Population, gain: Any) -> Expansion:
    """Along the signal, or of all that separates several classes."""
    return Expansion(gain) if mix.is_classic else Expansion(gain, subspace="between")


def _accuracies(mix: Population, clf: Classifier, aspect_ratio: float, gains: Array) -> Array:
    if mix.is_classic:
        return np.asarray(limit(mix, clf, aspect_ratio, _expansion(mix, gains)).accuracy)
    one_by_one = [limit(mix, clf, aspect_ratio, _expansion(mix, float(g))) for g in gains]
    return np.array([lim.accuracy for lim in one_by_one])


def _check_study(study: Any) -> GainCurves:
    """Refuse anything but curves, at least one of them."""
    if not isinstance(study, GainCurves):
        raise TypeError(f"study must be a GainCurves, made by gain_curves, got {shown(study)}")
    if not study.curves:
        raise ValueError("study must have at least one curve, got none: give it a classifier")
    return study


def _gain_axis(ax: Axes, study: GainCurves) -> None:
    """A logarithmic axis of gains in plain numbers, the two regimes tinted, the gain 1 marked."""
    from matplotlib.ticker import FixedLocator, NullLocator

    low = min(curve.gains[0] for curve in study.curves) / _MARGIN
    high = max(curve.gains[-1] for curve in study.curves) * _MARGIN
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    decades = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    ticks = (10.0 ** decades[:, None] * np.array([1.0, 3.0])).ravel()
    ax.xaxis.set_major_locator(FixedLocator(ticks[(ticks >= low) & (ticks <= high)]))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.xaxis.set_minor_locator(NullLocator())
    if low < 1.0:
        ax.axvspan(low, min(1.0, high), color=_SHRINKAGE, linewidth=0, zorder=0)
    if high > 1.0:
        ax.axvspan(max(1.0, low), high, color=_EXPANSION, linewidth=0, zorder=0)
    if low < 1.0 < high:
        ax.axvline(1.0, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
    ax.set_xlabel(f"gain of the projector {study.along}")
    ax.spines[["top", "right"]].set_visible(False)


def _legend(ax: Axes, study: GainCurves) -> None:
    from matplotlib.lines import Line2D

    def sample(colour: str, label: str, **style: Any) -> Line2D:
        line = Line2D([], [], color=colour, label=label, markersize=5.2, **style)
        line.set(markeredgecolor="white", markeredgewidth=0.5)
        return line

    handles = [
        sample(COLOURS[k % len(COLOURS)], curve.label, marker=MARKERS[k % len(MARKERS)], lw=1.5)
        for k, curve in enumerate(study.curves)
    ]
    handles += [
        sample(FAINT, f"limit, p/n → {study.aspect_ratio:g}", lw=1.5),
        sample(
            FAINT,
            f"simulation, n = {study.n}, ±{BARS:g} s.e.",
            marker="o",
            linestyle="none",
        ),
    ]
    ax.legend(handles=handles, loc="lower right", fontsize="small", frameon=False)


def plot_accuracy(study: GainCurves, ax: Axes | None = None) -> Axes:
    """Accuracy against gain: curves from the theory, points with error bars from simulation.

    Parameters
    ----------
    study : GainCurves
        The numbers, made by :func:`gain_curves`.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new figure, ``ax.figure``.

    Returns
    -------
    matplotlib Axes
    """
    study = _check_study(study)
    ax = own_axes() if ax is None else ax
    _gain_axis(ax, study)
    left, right = ax.get_xlim()
    floor = min(0.5, *(float(curve.accuracy.min()) for curve in study.curves))
    known = bool(np.isfinite(study.bayes))
    ceiling = max(study.bayes if known else 0.0, *(c.accuracy.max() for c in study.curves))
    height = ceiling - floor
    ax.set_ylim(floor - 0.05 * height, ceiling + 0.13 * height)
    ax.set_ylabel("accuracy on fresh data")

    for k, curve in enumerate(study.curves):
        ax.plot(curve.gains, curve.accuracy, color=COLOURS[k % len(COLOURS)], lw=1.5, zorder=3)
        draw_points(ax, k, curve.simulated_gains, curve.mean, BARS * curve.stderr)
    small: dict[str, Any] = {"fontsize": "small", "color": INK}
    if known:
        ax.axhline(study.bayes, color=FAINT, linewidth=1.0, linestyle=(0, (1, 1.5)), zorder=2)
        place = left * 1.1, study.bayes - 0.015 * height
        ax.text(*place, "Bayes", va="top", **(small | {"color": FAINT}))
    if left < 1.0 < right:
        for x, side, regime in ((1 / 1.13, "right", "← shrinkage"), (1.13, "left", "expansion →")):
            ax.text(x, ceiling + 0.11 * height, regime, ha=side, va="top", **small)
        before = [np.interp(0.0, np.log(curve.gains), curve.accuracy) for curve in study.curves]
        ax.plot(np.ones(len(before)), before, "o", ms=10, mfc="none", mec=INK, mew=0.9, zorder=5)
        ax.text(1 / 1.2, max(before), "no projector", ha="right", va="center", **small)
    _legend(ax, study)
    return ax


def plot_z_scores(study: GainCurves, ax: Axes | None = None) -> Axes:
    """Simulation minus theory in standard errors, with the band of two of them.

    The points of one gain stand side by side, so that none hides another.

    Parameters
    ----------
    study : GainCurves
        The numbers, made by :func:`gain_curves`.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new figure, ``ax.figure``.

    Returns
    -------
    matplotlib Axes
    """
    study = _check_study(study)
    ax = own_axes() if ax is None else ax
    _gain_axis(ax, study)
    ax.axhspan(-BARS, BARS, color="white", alpha=0.65, linewidth=0, zorder=0.5)
    ax.axhline(0.0, color=INK, linewidth=0.8, zorder=2)
    centre = 0.5 * (len(study.curves) - 1)
    for k, curve in enumerate(study.curves):
        beside = curve.simulated_gains * _DODGE ** (k - centre)
        draw_points(ax, k, beside, curve.z_score, None)
    scores = np.abs(np.concatenate([curve.z_score for curve in study.curves]))
    largest = max(BARS, *scores[np.isfinite(scores)])
    ax.set_ylim(-1.3 * largest, 1.3 * largest)
    ax.set_yticks([-BARS, 0.0, BARS])
    ax.set_ylabel("z-score")
    return ax


def headline_figure(study: GainCurves) -> Figure:
    """The figure that a paper would print: accuracy against gain, its z-scores below.

    Parameters
    ----------
    study : GainCurves
        The numbers, made by :func:`gain_curves`.

    Returns
    -------
    matplotlib Figure
        Not attached to any window: ``savefig`` writes it.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    study = _check_study(study)
    with mpl.rc_context({"font.size": 9.5, "axes.linewidth": 0.8}):
        figure = Figure(figsize=(6.4, 5.2), dpi=200, layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1.2])
        plot_accuracy(study, upper).set_xlabel("")
        plot_z_scores(study, lower)
        upper.tick_params(labelbottom=False)
        figure.align_ylabels()
    return figure
