"""Theory against simulation, as figures.

Numbers are made elsewhere, or by :func:`gain_curves`; what draws them takes an axes, returns it,
and leaves matplotlib's settings as they are.
"""

from ..classifiers.names import classifier_name
from .convergence import convergence_figure, plot_bias, plot_deviation
from .gain import GainCurve, GainCurves, gain_curves, headline_figure, plot_accuracy, plot_z_scores
from .source_diagram import (
    SourceDiagram,
    plot_accuracy_change,
    plot_expansion,
    plot_expansion_curves,
    source_diagram,
    source_figure,
)
from .sweep import sweep_figure

__all__ = [
    "GainCurve",
    "GainCurves",
    "SourceDiagram",
    "classifier_name",
    "convergence_figure",
    "gain_curves",
    "headline_figure",
    "plot_accuracy",
    "plot_accuracy_change",
    "plot_bias",
    "plot_deviation",
    "plot_expansion",
    "plot_expansion_curves",
    "plot_z_scores",
    "source_diagram",
    "source_figure",
    "sweep_figure",
]
