"""Before or after a head, on one page: accuracies, their difference, spectra, and the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..questions.head_report import HeadReport
from .learning_curve import log_samples_axis, plot_learning_curve
from .style import COLOURS, FAINT, INK, own_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["head_figure", "plot_head_difference", "plot_head_spectra"]

_BAND = 0.18
# Eigenvalues below this share of the largest are rounding, or all but.
_LOWEST = 1e-8
# No more than that is claimed of a Gaussian model.
_SURE = 0.99
# Share of a line of text that a line of the table takes, and where its columns end.
_LINE, _COLUMNS = 0.066, (0.72, 0.98)


def plot_head_difference(report: HeadReport, ax: Axes | None = None) -> Axes:
    """Accuracy after the head minus before, in points, with its 95 % interval.

    Dotted lines stand where the order flips.

    Parameters
    ----------
    report : HeadReport
    ax : matplotlib Axes, optional
        Where to draw; by default on a new figure, ``ax.figure``.

    Returns
    -------
    matplotlib Axes
    """
    ax = own_axes() if ax is None else ax
    order = np.argsort(report.before.samples)
    samples = report.before.samples[order]
    centre, low, high = (100 * part[order] for part in (report.difference, report.low, report.high))
    ax.axhline(0.0, color=FAINT, lw=0.8)
    if samples.size == 1:
        ax.errorbar(samples, centre, [centre - low, high - centre], fmt="o", color=COLOURS[2])
    else:
        ax.fill_between(samples, low, high, color=COLOURS[2], alpha=_BAND, lw=0)
        ax.plot(samples, centre, color=COLOURS[2], lw=1.6, marker="o", ms=3.5)
    for flip in report.flips:
        if samples[0] <= flip <= samples[-1]:
            ax.axvline(flip, color=INK, lw=1.0, ls=(0, (1, 1.5)))
    log_samples_axis(ax, "training labels")
    ax.set_ylabel("after minus before (points)")
    return ax


def plot_head_spectra(report: HeadReport, ax: Axes | None = None) -> Axes:
    """Eigenvalues of the pooled within-class covariance on both sides, against their rank.

    Parameters
    ----------
    report : HeadReport
    ax : matplotlib Axes, optional
        Where to draw; by default on a new figure, ``ax.figure``.

    Returns
    -------
    matplotlib Axes
    """
    ax = own_axes() if ax is None else ax
    for k, (side, label) in enumerate(zip(report.sides, ("before", "after"), strict=True)):
        values = side.eigenvalues[side.eigenvalues > _LOWEST * side.eigenvalues[0]]
        slope = "" if np.isnan(side.spectral_slope) else f", slope {side.spectral_slope:.2f}"
        ranks = np.arange(1, values.size + 1)
        ax.plot(ranks, values, color=COLOURS[k], lw=1.4, label=label + slope, marker=".", ms=3)
    ax.set(xscale="log", yscale="log", xlabel="rank", ylabel="within-class variance")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="best", fontsize="small", frameon=False)
    return ax


def _number(value: float) -> str:
    return "unknown" if np.isnan(value) else f"{value:.3g}"


def _confidence(report: HeadReport) -> str:
    sure = report.confidence
    return f"confidence {100 * sure:.0f} %" if sure < _SURE else f"confidence > {100 * _SURE:.0f} %"


def _lines(report: HeadReport) -> list[tuple[str, str, str]]:
    """The table: what, before, after; or what and one number."""
    before, after = report.sides
    found = [("", "before", "after"), ("dimension", f"{before.dimension}", f"{after.dimension}")]
    for name, field in (
        ("Mahalanobis energy", "separation"),
        ("RankMe", "rank_me"),
        ("effective rank (participation)", "participation_ratio"),
        ("spectral slope", "spectral_slope"),
    ):
        one, other = (_number(getattr(side, field)) for side in report.sides)
        found.append((name, one, other))
    found.append(("", "", ""))
    kept = report.separation_kept
    share = "unknown" if np.isnan(kept) else f"{100 * kept:.3g} %"
    several = len(report.pair_gains) > 2
    what = "differences" if several else "difference"
    found.append((f"gain along the class {what}", "", f"{_number(report.gain)} ({report.regime})"))
    if several:
        low, high = (_number(end) for end in report.pair_gain_range)
        found.append(("gains of pairs of classes", "", f"{low} to {high}"))
    found += [
        ("gain of the noise", "", _number(report.noise_gain)),
        ("Fisher gain", "", _number(report.fisher_gain)),
        ("expansion measure", "", _number(report.expansion_measure)),
        ("Mahalanobis energy kept", "", share),
    ]
    flips = ", ".join(f"{flip:,.0f}" for flip in report.flips) or "nowhere"
    found.append(("order flips at (labels)", "", flips))
    return found


def _table(report: HeadReport, ax: Axes) -> None:
    ax.set_axis_off()
    style: dict[str, Any] = {"transform": ax.transAxes, "va": "top", "color": INK}
    for k, (name, *values) in enumerate(_lines(report)):
        height = 1.0 - k * _LINE
        ax.text(0.0, height, name, **style)
        for column, value in zip(_COLUMNS, values, strict=True):
            weight = "bold" if k == 0 else "normal"
            ax.text(column, height, value, ha="right", weight=weight, **style)


def head_figure(report: HeadReport) -> Figure:
    """A report on one page, its recommendation on top.

    Parameters
    ----------
    report : HeadReport

    Returns
    -------
    matplotlib Figure
        Not attached to any window: ``savefig`` writes it.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"font.size": 9.5, "axes.linewidth": 0.8}):
        figure = Figure(figsize=(10.0, 7.4), dpi=150, layout="constrained")
        axes = figure.subplots(2, 2)
        figure.suptitle(
            f"{report.recommendation}  ({_confidence(report)})",
            fontsize="large",
            wrap=True,
        )
        if report.before.samples.size > 1:
            plot_learning_curve(
                {"before the head": report.before, "after the head": report.after}, axes[0, 0]
            )
        else:
            _single(report, axes[0, 0])
        plot_head_difference(report, axes[0, 1])
        plot_head_spectra(report, axes[1, 0])
        _table(report, axes[1, 1])
    return figure


def _single(report: HeadReport, ax: Axes) -> None:
    """Two points with their intervals in the place of two curves."""
    for k, curve in enumerate((report.before, report.after)):
        ax.errorbar(
            [k],
            curve.accuracy,
            [curve.accuracy - curve.low, curve.high - curve.accuracy],
            fmt="o",
            color=COLOURS[k],
            capsize=2.0,
        )
    ax.set_xticks([0, 1], ["before the head", "after the head"])
    ax.set(xlim=(-0.5, 1.5), ylabel="accuracy on fresh data")
    ax.spines[["top", "right"]].set_visible(False)
