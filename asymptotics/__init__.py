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
from .errors import ConvergenceError, NoLimitError
from .limits import Limit, Status, limit
from .population import GaussianMixture, Spike, SpikedMixture
from .projectors import Expansion, Identity, LinearMap, Power
from .simulation import Simulation, simulate
from .spectrum import Spectrum
from .thresholds import separability_threshold

__version__ = "0.1.0"

__all__ = [
    "SVM",
    "Bayes",
    "Centroid",
    "ConvergenceError",
    "Expansion",
    "GaussianMixture",
    "Identity",
    "Limit",
    "LinearMap",
    "Logistic",
    "MaxMargin",
    "MinNorm",
    "NoLimitError",
    "Power",
    "Ridge",
    "Simulation",
    "Spectrum",
    "Spike",
    "SpikedMixture",
    "SquaredHinge",
    "Status",
    "limit",
    "separability_threshold",
    "simulate",
]
