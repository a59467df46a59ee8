"""Theory against simulation, as figures.

Numbers are made elsewhere, or by :func:`gain_curves`; what draws them takes an axes, returns it,
and leaves matplotlib's settings as they are.
"""

from ..classifiers.names import classifier_name
from .convergence import convergence_figure, plot_bias, plot_deviation
from .gain import GainCurve, GainCurves, gain_curves, headline_figure, plot_accuracy, plot_z_scores
from .sweep import sweep_figure

__all__ = [
    "GainCurve",
    "GainCurves",
    "classifier_name",
    "convergence_figure",
    "gain_curves",
    "headline_figure",
    "plot_accuracy",
    "plot_bias",
    "plot_deviation",
    "plot_z_scores",
    "sweep_figure",
]
