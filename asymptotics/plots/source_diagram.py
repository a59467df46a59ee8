"""The phase diagram of contrastive training: shrinkage, expansion, collapse; and what it is worth.

The setting is that of the diagram published with Gui, Ma, Zhong, arXiv:2306.03335 (2023): cosine
InfoNCE on embeddings of length 1, signal 5 in unit noise in 50 dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..checks import Array, check_integer
from ..classifiers import Ridge
from ..contrastive import InfoNCE
from ..populations.spiked import SpikedMixture
from ..projectors import Expansion
from ..questions.limits import limit
from ..simulation import simulate
from .source_numbers import PUBLISHED, TRAINED
from .style import COLOURS, FAINT, INK, MARKERS, own_axes

__all__ = [
    "SourceDiagram",
    "plot_accuracy_change",
    "plot_expansion",
    "plot_expansion_curves",
    "source_diagram",
    "source_figure",
]

SIGNAL, DIMENSION = 5.0, 50
# One labelled point for so many dimensions: with more, errors are below what can be seen.
ASPECT_RATIO = 50.0
CLASSIFIER = Ridge(1.0, fit_intercept=False)
# The published axes.
_AUGMENTATIONS, _TEMPERATURES = (0.1, 2.0), (0.01, 40.0)
_GRID = 161
# Points of the curves of the loss at p, and the share of the collapse temperature they go up to.
_EXACT, _BELOW = 28, 0.95
# Of the accuracy's colours: points below which they are linear.
_LINEAR, _LARGEST = 0.003, 50.0


@dataclass(frozen=True, eq=False)
class SourceDiagram:
    """The numbers of the figure.

    Attributes
    ----------
    augmentations : array, shape (a,)
    temperatures : array, shape (t,)
    measure : array, shape (t, a)
        Expansion measure, from 0 to p.
    difference : array, shape (t, a)
        Limiting accuracy after the projector minus before, in percentage points.
    collapse, boundary : array, shape (a,)
        Temperatures from which on nothing but the signal is left, and that of gain 1.
    formula, exact : array, shape (k, 2, c)
        Temperatures and measures of k curves, one for each augmentation that was trained: of the
        formula, and of the minimum of the loss at p, below the collapse.
    trained, published : array, shape (m, 3)
        Augmentation, temperature and measure of projectors trained here, and of the dots of the
        published diagram.
    expected, simulated, stderr : array, shape (m,)
        The difference for the gain of each trained projector: in the limit, and of classifiers
        trained behind it.
    n, trials : int
        Size of their training sets, and number.
    """

    augmentations: Array
    temperatures: Array
    measure: Array
    difference: Array
    collapse: Array
    boundary: Array
    formula: Array
    exact: Array
    trained: Array
    published: Array
    expected: Array
    simulated: Array
    stderr: Array
    n: int
    trials: int

    def rows(self) -> list[dict[str, Any]]:
        """One row for each trained projector."""
        a, tau, measure = self.trained.T
        theory = loss(a, tau).expansion_measure(SpikedMixture(SIGNAL))
        z = (self.simulated - self.expected) / self.stderr
        columns = {
            "augmentation": a,
            "temperature": tau,
            "theory": theory,
            "trained": measure,
            "difference": self.expected,
            "simulated": self.simulated,
            "stderr": self.stderr,
            "z": z,
        }
        return [{name: float(values[k]) for name, values in columns.items()} for k in range(a.size)]


def loss(augmentation: Any, temperature: Any = 1.0, exact: bool = False) -> InfoNCE:
    """The loss of the diagram."""
    return InfoNCE(augmentation, temperature, "cosine", dimension=DIMENSION, exact=exact)


def source_diagram(
    *, n: int = 300, trials: int = 30, rng: Any = 0, n_jobs: int | None = None
) -> SourceDiagram:
    """The diagram in theory, beside trained projectors, trained classifiers and the published dots.

    Parameters
    ----------
    n, trials : int
        Size of a simulated training set, and their number, at least 2.
    rng : int, SeedSequence or Generator, default 0
        All projectors are probed with the same draws.
    n_jobs : int, optional
        As in :func:`asymptotics.simulate`.

    Returns
    -------
    SourceDiagram

    Raises
    ------
    TypeError, ValueError
        For invalid input.
    """
    trials = check_integer("trials", trials, 2)
    mix = SpikedMixture(SIGNAL)
    a = np.linspace(*_AUGMENTATIONS, _GRID)
    tau = np.geomspace(*_TEMPERATURES, _GRID)
    whole = loss(a, tau[:, None])
    before = limit(mix, CLASSIFIER, ASPECT_RATIO).error
    after = limit(mix, CLASSIFIER, ASPECT_RATIO, whole).error

    measure = TRAINED[:, 2]
    gains = np.sqrt(measure * (DIMENSION - 1) / (DIMENSION - measure))
    expected = before - limit(mix, CLASSIFIER, ASPECT_RATIO, Expansion(gains)).error
    found = simulate(
        mix,
        CLASSIFIER,
        ASPECT_RATIO,
        n=n,
        trials=trials,
        projector=Expansion(np.concatenate([[1.0], gains])),
        rng=rng,
        n_jobs=n_jobs,
    ).accuracy
    differences = 100 * (found[:, 1:] - found[:, :1])
    return SourceDiagram(
        augmentations=a,
        temperatures=tau,
        measure=whole.expansion_measure(mix),
        difference=100 * (before - after),
        collapse=loss(a).collapse_temperature(mix),
        boundary=loss(a).boundary(mix, "temperature", bounds=(1e-6, 1e6)).value,
        formula=_curves(tau, exact=False),
        exact=_curves(tau[:_EXACT], exact=True),
        trained=TRAINED,
        published=PUBLISHED,
        expected=100 * expected,
        simulated=differences.mean(0),
        stderr=differences.std(0, ddof=1) / np.sqrt(trials),
        n=n,
        trials=trials,
    )


def _curves(temperatures: Array, exact: bool) -> Array:
    """The measure for each trained augmentation; exact, from the first one to near the collapse."""
    mix, found = SpikedMixture(SIGNAL), []
    for a in np.unique(TRAINED[:, 0]):
        top = float(loss(a).collapse_temperature(mix))
        if exact:
            tau = np.geomspace(temperatures[0], _BELOW * top, temperatures.size)
        else:
            tau = np.sort(np.append(temperatures, top))
        found.append([tau, loss(a, tau, exact=exact).expansion_measure(mix)])
    return np.array(found)


def _plain(axis: Any, ticks: tuple[float, ...]) -> None:
    """Ticks in plain numbers."""
    from matplotlib.ticker import FixedLocator, NullLocator

    axis.set_major_locator(FixedLocator(list(ticks)))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_locator(NullLocator())


def _map(ax: Axes, study: SourceDiagram, values: Array, norm: Any, colours: str) -> Any:
    """A heat map over augmentation and temperature, with the two curves."""
    mesh = ax.pcolormesh(
        study.augmentations,
        study.temperatures,
        values,
        norm=norm,
        cmap=colours,
        shading="gouraud",
        rasterized=True,
    )
    ax.plot(study.augmentations, study.collapse, color=INK, lw=1.8)
    ax.plot(study.augmentations, study.boundary, color=INK, lw=1.4, ls=(0, (4, 2)))
    ax.set(
        yscale="log",
        xlabel="augmentation $\\sigma_a$",
        ylabel="temperature $\\tau$",
        xlim=_AUGMENTATIONS,
        ylim=_TEMPERATURES,
    )
    _plain(ax.yaxis, (0.01, 0.1, 1.0, 10.0))
    return mesh


def _words(ax: Axes) -> None:
    for x, y, word, colour in (
        (0.62, 0.045, "shrinkage", "white"),
        (1.5, 11.0, "collapse", "white"),
    ):
        ax.text(x, y, word, color=colour, ha="center", va="center", fontweight="bold")


def plot_expansion(study: SourceDiagram, ax: Axes | None = None) -> Axes:
    """The expansion measure over augmentation and temperature.

    Parameters
    ----------
    study : SourceDiagram
        Made by :func:`source_diagram`.
    ax : matplotlib Axes, optional
        By default on a new figure.

    Returns
    -------
    matplotlib Axes
    """
    from matplotlib.colors import LogNorm

    ax = own_axes() if ax is None else ax
    # centred at 1, on a scale that ends at p
    norm = LogNorm(1.0 / DIMENSION, DIMENSION, clip=True)
    mesh = _map(ax, study, np.maximum(study.measure, 1.0 / DIMENSION), norm, "RdYlBu")
    bar = ax.figure.colorbar(mesh, ax=ax, pad=0.02, extend="min")
    _plain(bar.ax.yaxis, (0.02, 0.1, 1.0, 10.0, 50.0))
    bar.set_label("expansion measure, 1 is neutral, 50 a collapse")
    _words(ax)
    ax.set_title("what training does to the signal")
    return ax


def plot_expansion_curves(study: SourceDiagram, ax: Axes | None = None) -> Axes:
    """The measure against the temperature: theory, trained projectors, and the published dots.

    Parameters
    ----------
    study : SourceDiagram
        Made by :func:`source_diagram`.
    ax : matplotlib Axes, optional
        By default on a new figure.

    Returns
    -------
    matplotlib Axes
    """
    from matplotlib.lines import Line2D

    ax = own_axes() if ax is None else ax
    for k, a in enumerate(np.unique(study.trained[:, 0])):
        colour = COLOURS[k % len(COLOURS)]
        ax.plot(*study.formula[k], color=colour, lw=1.4)
        ax.plot(*study.exact[k], color=colour, lw=1.0, ls=(0, (1.5, 1.2)))
        marker = MARKERS[k % len(MARKERS)]
        for points, face, size in ((study.trained, colour, 4.6), (study.published, "white", 6.5)):
            some = points[points[:, 0] == a]
            ax.plot(some[:, 1], some[:, 2], marker, color=colour, mfc=face, ms=size, mew=1.1)
    ax.axhline(1.0, color=FAINT, lw=0.8, ls=(0, (4, 2)), zorder=0)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="temperature $\\tau$",
        ylabel="expansion measure",
        xlim=_TEMPERATURES,
        ylim=(0.02, 70.0),
    )
    _plain(ax.xaxis, (0.01, 0.1, 1.0, 10.0))
    _plain(ax.yaxis, (0.02, 0.1, 1.0, 10.0, 50.0))
    ax.spines[["top", "right"]].set_visible(False)
    handles = [
        Line2D(
            [],
            [],
            color=COLOURS[k],
            marker=MARKERS[k],
            lw=1.4,
            ms=4.6,
            label=f"$\\sigma_a$ = {a:g}",
        )
        for k, a in enumerate(np.unique(study.trained[:, 0]))
    ]
    handles += [
        Line2D([], [], color=FAINT, lw=1.4, label="formula, large p"),
        Line2D([], [], color=FAINT, lw=1.0, ls=(0, (1.5, 1.2)), label="loss at p = 50"),
        Line2D([], [], color=FAINT, ls="none", marker="o", ms=4.6, label="trained here"),
        Line2D([], [], color=FAINT, ls="none", marker="o", mfc="white", ms=6.5, label="published"),
    ]
    ax.legend(handles=handles, fontsize="small", frameon=False, loc="upper left")
    ax.set_title("theory, training, publication")
    return ax


def plot_accuracy_change(study: SourceDiagram, ax: Axes | None = None) -> Axes:
    """Accuracy after minus before the projector; points are trained projectors, then probed.

    Parameters
    ----------
    study : SourceDiagram
        Made by :func:`source_diagram`.
    ax : matplotlib Axes, optional
        By default on a new figure.

    Returns
    -------
    matplotlib Axes
    """
    from matplotlib.colors import SymLogNorm

    ax = own_axes() if ax is None else ax
    norm = SymLogNorm(_LINEAR, linscale=0.3, vmin=-_LARGEST, vmax=_LARGEST)
    mesh = _map(ax, study, study.difference, norm, "RdBu")
    ax.scatter(
        study.trained[:, 0],
        study.trained[:, 1],
        c=study.simulated,
        cmap="RdBu",
        norm=norm,
        s=34,
        edgecolors=[INK if change > 0 else "white" for change in study.simulated],
        linewidths=0.8,
        zorder=3,
        clip_on=False,
    )
    bar = ax.figure.colorbar(mesh, ax=ax, pad=0.02)
    _plain(bar.ax.yaxis, (-50.0, -10.0, -1.0, -0.1, -0.01, 0.0, 0.01, 0.1, 1.0, 10.0, 50.0))
    bar.set_label("accuracy after - before, points")
    ax.text(1.42, 0.05, "shrinkage hurts", color="white", ha="center", fontweight="bold")
    ax.text(1.42, 11.0, "expansion helps", color=INK, ha="center", fontweight="bold")
    ax.set_title(f"what it is worth, p/n = {ASPECT_RATIO:g}")
    return ax


def source_figure(study: SourceDiagram) -> Figure:
    """The three panels side by side.

    Parameters
    ----------
    study : SourceDiagram
        Made by :func:`source_diagram`.

    Returns
    -------
    matplotlib Figure
        Not attached to any window: ``savefig`` writes it.
    """
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 9.5, "axes.linewidth": 0.8, "axes.titlesize": 10.0}):
        figure = Figure(figsize=(14.0, 4.2), dpi=150, layout="constrained")
        left, middle, right = figure.subplots(1, 3, width_ratios=(1.15, 1.0, 1.15))
        plot_expansion(study, left)
        plot_expansion_curves(study, middle)
        plot_accuracy_change(study, right)
    return figure
