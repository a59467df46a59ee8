"""Exact high-dimensional accuracy of linear classifiers after a projector expands or shrinks.

Populations
    SpikedMixture, Spike    two Gaussian classes, isotropic but for some spikes
    GaussianMixture         any mean and covariance; ``from_data`` estimates them
    Spectrum                eigenvalues, bulk weights and signal energies, given directly

Projectors (``outer @ inner`` composes)
    Identity                the representation as it is
    Expansion               one direction stretched or shrunk by a gain
    Power                   a power of the second moment; -1/2 whitens
    LinearMap               any matrix

Classifiers
    Ridge, Logistic, SVM, SquaredHinge      with a penalty
    MaxMargin, MinNorm                      their limits for a vanishing penalty
    Centroid, Bayes                         nearest class mean; known parameters

Questions
    limit                   the limiting accuracy and its order parameters: a Limit
    separability_threshold  the aspect ratio above which training data are separable
    simulate                the same accuracy by Monte Carlo: a Simulation
    gradient                its exact derivatives: a Gradient
    optimal_penalty, optimal_gain           where it is largest: an Optimum
    critical_alignment      where expansion turns from harm to help: a CriticalAlignment

Other routes to the same numbers
    symbolic                closed forms, derived: SymPy
    reference               the same fixed points to any number of digits: mpmath

Failures
    NoLimitError, ConvergenceError          each carries the partial result
"""

from .classifiers import (
    SVM,
    Bayes,
    Centroid,
    Logistic,
    MaxMargin,
    MinNorm,
    Ridge,
    SquaredHinge,
)
from .crossing import CriticalAlignment, critical_alignment
from .errors import ConvergenceError, NoLimitError
from .gradients import Gradient, gradient
from .limits import Limit, limit
from .optima import Optimum, optimal_gain, optimal_penalty
from .population import GaussianMixture, Spike, SpikedMixture
from .projectors import Expansion, Identity, LinearMap, Power
from .simulation import Simulation, simulate
from .spectrum import Spectrum
from .status import Status
from .thresholds import separability_threshold

__version__ = "0.1.0"

__all__ = [
    "SVM",
    "Bayes",
    "Centroid",
    "ConvergenceError",
    "CriticalAlignment",
    "Expansion",
    "GaussianMixture",
    "Gradient",
    "Identity",
    "Limit",
    "LinearMap",
    "Logistic",
    "MaxMargin",
    "MinNorm",
    "NoLimitError",
    "Optimum",
    "Power",
    "Ridge",
    "Simulation",
    "Spectrum",
    "Spike",
    "SpikedMixture",
    "SquaredHinge",
    "Status",
    "critical_alignment",
    "gradient",
    "limit",
    "optimal_gain",
    "optimal_penalty",
    "reference",
    "separability_threshold",
    "simulate",
    "symbolic",
]


def __getattr__(name: str) -> object:
    """Load the routes that need SymPy or mpmath only when they are asked for."""
    if name in ("reference", "symbolic"):
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
