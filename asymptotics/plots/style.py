"""What all figures share: colours, markers, error bars, and an axes of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..checks import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BARS", "COLOURS", "FAINT", "INK", "MARKERS", "draw_points", "own_axes"]

# Okabe and Ito's palette, told apart by readers with any kind of colour vision, and markers for
# those who print in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v", "P")
INK, FAINT = "#222222", "#6B6B6B"
# Half-length of the error bars and of the band of z-scores, in standard errors.
BARS = 2.0


def own_axes() -> Axes:
    """An axes on a figure that belongs to no window."""
    from matplotlib.figure import Figure

    return Figure(figsize=(6.4, 4.2), dpi=150, layout="constrained").subplots()


def draw_points(ax: Axes, k: int, x: Array, y: Array, bars: Array | None, **style: Any) -> None:
    """The points of curve number k, with error bars of these half-lengths where there are any."""
    shape: dict[str, Any] = {
        "linestyle": "none",
        "color": COLOURS[k % len(COLOURS)],
        "marker": MARKERS[k % len(MARKERS)],
        "markersize": 5.2,
        "markeredgecolor": "white",
        "markeredgewidth": 0.5,
        "elinewidth": 1.0,
        "capsize": 2.0,
        "zorder": 4,
    }
    ax.errorbar(x, y, bars, **(shape | style))
