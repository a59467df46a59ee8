"""Classifiers: each one a loss, its limit and its estimator, in one file."""

from .base import Classifier, LinearFit
from .bayes import Bayes
from .centroid import Centroid
from .flipped import Flipped
from .logistic import Logistic
from .max_margin import MaxMargin
from .min_norm import MinNorm
from .ridge import Ridge
from .softmax import Softmax
from .squared_hinge import SquaredHinge
from .svm import SVM

__all__ = [
    "SVM",
    "Bayes",
    "Centroid",
    "Classifier",
    "Flipped",
    "LinearFit",
    "Logistic",
    "MaxMargin",
    "MinNorm",
    "Ridge",
    "Softmax",
    "SquaredHinge",
]
