"""Closed forms in SymPy, derived from the equations of the limit, with their numbers and proofs.

Accuracies
    ridge, min_norm, centroid, bayes    an :class:`Accuracy` each: expression, assumptions, LaTeX,
                                        NumPy function, derivatives, series, any number of digits
    ridge_at_best_penalty, best_penalty ridge with the penalty that suits it best, and that penalty

What expansion does to ridge
    sensitivity                         d accuracy/d log gain at gain 1
    expansion_helps                     the first-order condition, positive where gain helps
    best_gain, break_even_gain          where it stops to help, and where it starts to hurt
    expansion_along_signal, misaligned_expansion, theorems
                                        statements with their proofs: :class:`Theorem`

Where classes become separable
    critical_signal, threshold_slope    the threshold γ* as a curve: s(γ*), and dγ*/ds on it
    threshold_objective, threshold_at   what it is the minimum of; γ* at a signal, to any precision
    separability                        the curve's proof

What is behind them
    Accuracy, Formula, Step             a closed form, by way of its steps
    SIGNAL, NOISE, ASPECT_RATIO, PENALTY, GAIN, ALIGNMENT, STRENGTH, SPIKE_ALIGNMENT, BALANCE
                                        the symbols; arguments of the functions above
"""

from .accuracy import Accuracy, bayes, centroid, min_norm, ridge
from .expansion import (
    Claim,
    Theorem,
    best_gain,
    break_even_gain,
    expansion_along_signal,
    expansion_helps,
    misaligned_expansion,
    sensitivity,
)
from .formula import Condition, Formula, Step
from .parameters import (
    ALIGNMENT,
    ASPECT_RATIO,
    BALANCE,
    GAIN,
    NOISE,
    PENALTY,
    SIGNAL,
    SPIKE_ALIGNMENT,
    STRENGTH,
)
from .penalty import best_penalty, ridge_at_best_penalty
from .threshold import (
    critical_signal,
    separability,
    threshold_at,
    threshold_objective,
    threshold_slope,
)


def theorems() -> tuple[Theorem, ...]:
    """Every theorem of this package."""
    return expansion_along_signal(), misaligned_expansion(), separability()


__all__ = [
    "ALIGNMENT",
    "ASPECT_RATIO",
    "BALANCE",
    "GAIN",
    "NOISE",
    "PENALTY",
    "SIGNAL",
    "SPIKE_ALIGNMENT",
    "STRENGTH",
    "Accuracy",
    "Claim",
    "Condition",
    "Formula",
    "Step",
    "Theorem",
    "bayes",
    "best_gain",
    "best_penalty",
    "break_even_gain",
    "centroid",
    "critical_signal",
    "expansion_along_signal",
    "expansion_helps",
    "min_norm",
    "misaligned_expansion",
    "ridge",
    "ridge_at_best_penalty",
    "sensitivity",
    "separability",
    "theorems",
    "threshold_at",
    "threshold_objective",
    "threshold_slope",
]
