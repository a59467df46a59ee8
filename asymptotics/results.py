"""What the questions answer with: the types of all results, in one place.

Nobody has to construct them; they are here for annotations, ``isinstance`` and their documentation.

Limits
    Limit                   of :func:`limit`
    ClassLimit              of :func:`limit` on several classes, clusters, or a covariance for each
    BeforeAndAfter          of :func:`before_and_after`: two of them
    Gradient                of :func:`gradient`
    ClassGradient           of :func:`gradient` on several classes
    Optimum                 of :func:`optimal_penalty` and :func:`optimal_gain`
    CriticalAlignment       of :func:`critical_alignment`
    ThresholdGradient       of :func:`separability_gradient`
    PrincipalComponent      of :class:`PCAExpansion`: what it finds

From labelled features
    LearningCurve           of :func:`learning_curve`
    ClassErrors             its standard errors, of K > 2 classes
    SamplesNeeded           of :func:`samples_needed`
    HeadReport, Side        of :func:`head_report`, and of either side

Contrastive learning
    FrameStretch            of :meth:`InfoNCE.projector`
    PhaseBoundary           of :meth:`InfoNCE.boundary`
    TrainedProjector        of :func:`train_projector`

Simulation
    Simulation, Difference  of :func:`simulate`, and of two of them
    Convergence, PowerLaw   of :func:`convergence`, and each law in it

How it ended
    Status, StatusArray     a word with its cause and remedy; an array of them
"""

from .contrastive import PhaseBoundary, TrainedProjector
from .outcomes import ClassLimit, Limit, Status, StatusArray
from .projectors import FrameStretch
from .questions.before_and_after import BeforeAndAfter
from .questions.class_errors import ClassErrors
from .questions.class_gradients import ClassGradient
from .questions.crossing import CriticalAlignment
from .questions.gradients import Gradient
from .questions.head_report import HeadReport, Side
from .questions.learning_curve import LearningCurve
from .questions.optima import Optimum
from .questions.samples_needed import SamplesNeeded
from .questions.thresholds import ThresholdGradient
from .random_matrices.principal_component import PrincipalComponent
from .simulation import Simulation
from .simulation.result import Difference
from .studies.finite_size import Convergence
from .studies.power_law import PowerLaw

__all__ = [
    "BeforeAndAfter",
    "ClassErrors",
    "ClassGradient",
    "ClassLimit",
    "Convergence",
    "CriticalAlignment",
    "Difference",
    "FrameStretch",
    "Gradient",
    "HeadReport",
    "LearningCurve",
    "Limit",
    "Optimum",
    "PhaseBoundary",
    "PowerLaw",
    "PrincipalComponent",
    "SamplesNeeded",
    "Side",
    "Simulation",
    "Status",
    "StatusArray",
    "ThresholdGradient",
    "TrainedProjector",
]
