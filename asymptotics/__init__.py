"""Exact high-dimensional accuracy of linear classifiers after a projector expands or shrinks.

Populations
    SpikedMixture, Spike    two Gaussian classes, isotropic but for some spikes
    GaussianMixture         any mean and covariance; ``from_data`` estimates them
    Spectrum                eigenvalues, bulk weights and signal energies, given directly
    ClassMixture            several classes, their means on a few axes of an isotropic bulk
    GaussianClasses         several classes in coordinates, with one covariance or one for each

Projectors (``outer @ inner`` composes)
    Identity                the representation as it is
    Expansion               one direction stretched or shrunk by a gain
    Power                   a power of the second moment; -1/2 whitens
    LinearMap               any matrix
    PCAExpansion            the top principal component of unlabelled data, stretched: what it finds
    PCATruncation           the leading principal components of unlabelled data, and nothing else
                            is a PrincipalComponent
    SamplePower             a power of the second moment of unlabelled data

Classifiers
    Ridge, Logistic, SVM, SquaredHinge      with a penalty
    Softmax                 of several classes, with a penalty
    MaxMargin, MinNorm                      their limits for a vanishing penalty
    Centroid, Bayes                         nearest class mean; known parameters
    Flipped                                 any of them, trained on labels some of which are wrong

Questions
    limit                   the limiting accuracy and its order parameters: a Limit
    separability_threshold  the aspect ratio above which training data are separable
    separability_gradient   its exact derivatives: a ThresholdGradient
    simulate                the same accuracy by Monte Carlo: a Simulation
    gradient                its exact derivatives: a Gradient
    optimal_penalty, optimal_gain           where it is largest: an Optimum
    critical_alignment      where expansion turns from harm to help: a CriticalAlignment
    convergence             how fast finite n reaches the limit: a Convergence
    sweep                   limits and simulations over a labelled grid: an xarray.Dataset

From labelled features
    Spectrum.from_data      the spectrum, where n is of the order of p
    learning_curve          the accuracy with other numbers of labels: a LearningCurve
    samples_needed          the number of labels for an accuracy: SamplesNeeded
    head_report             a linear probe before or after a head: a HeadReport

Contrastive learning
    InfoNCE                 the projector that the loss leads to, at any time: a projector itself
    Augmentation            noise of any covariance, where σ_a goes
    expansion_measure       the signal's share of the energy of any projector
    before_and_after        limits without and with a projector: a BeforeAndAfter
    train_projector         a projector trained by InfoNCE or NT-Xent: a TrainedProjector

Other routes to the same numbers
    symbolic                closed forms, derived: SymPy
    reference               the same fixed points to any number of digits: mpmath

Types of results
    results                 Limit, Simulation and all others, for annotations and ``isinstance``
    Status                  how each ended: a str that knows its cause and its remedy

For test suites
    testing                 assert_converges: a limit against simulation, with stated risks

Failures
    NoLimitError, ConvergenceError          each carries the partial result
    CheckpointError, CheckpointWarning      a folder of finished trials that fails, or is damaged
    ImbalanceWarning        n so small that the chance of the class counts hides the limit
    PlugInWarning           an estimated population that n points do not resolve
"""

from . import results
from .classifiers import (
    SVM,
    Bayes,
    Centroid,
    Flipped,
    Logistic,
    MaxMargin,
    MinNorm,
    Ridge,
    Softmax,
    SquaredHinge,
)
from .contrastive import Augmentation, InfoNCE, train_projector
from .outcomes import (
    CheckpointError,
    CheckpointWarning,
    ConvergenceError,
    ImbalanceWarning,
    NoLimitError,
    PlugInWarning,
    Status,
)
from .populations.classes import ClassMixture, GaussianClasses
from .populations.gaussian import GaussianMixture
from .populations.spectrum import Spectrum
from .populations.spiked import Spike, SpikedMixture
from .projectors import (
    Expansion,
    Identity,
    LinearMap,
    PCAExpansion,
    PCATruncation,
    Power,
    SamplePower,
)
from .questions.before_and_after import before_and_after
from .questions.crossing import critical_alignment
from .questions.expansion_measure import expansion_measure
from .questions.gradients import gradient
from .questions.head_report import head_report
from .questions.learning_curve import learning_curve
from .questions.limits import limit
from .questions.optima import optimal_gain, optimal_penalty
from .questions.samples_needed import samples_needed
from .questions.thresholds import separability_gradient, separability_threshold
from .simulation import simulate
from .studies.finite_size import convergence
from .studies.sweeps import sweep

__version__ = "0.2.0"

__all__ = [
    "SVM",
    "Augmentation",
    "Bayes",
    "Centroid",
    "CheckpointError",
    "CheckpointWarning",
    "ClassMixture",
    "ConvergenceError",
    "Expansion",
    "Flipped",
    "GaussianClasses",
    "GaussianMixture",
    "Identity",
    "ImbalanceWarning",
    "InfoNCE",
    "LinearMap",
    "Logistic",
    "MaxMargin",
    "MinNorm",
    "NoLimitError",
    "PCAExpansion",
    "PCATruncation",
    "PlugInWarning",
    "Power",
    "Ridge",
    "SamplePower",
    "Softmax",
    "Spectrum",
    "Spike",
    "SpikedMixture",
    "SquaredHinge",
    "Status",
    "before_and_after",
    "convergence",
    "critical_alignment",
    "expansion_measure",
    "gradient",
    "head_report",
    "learning_curve",
    "limit",
    "optimal_gain",
    "optimal_penalty",
    "reference",
    "results",
    "samples_needed",
    "separability_gradient",
    "separability_threshold",
    "simulate",
    "sweep",
    "symbolic",
    "testing",
    "train_projector",
]


def __getattr__(name: str) -> object:
    """Load only when asked for what needs SymPy or mpmath, and what only tests need."""
    if name in ("reference", "symbolic", "testing"):
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    if name in results.__all__:
        raise AttributeError(f"the type of a result is in {__name__}.results: results.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
