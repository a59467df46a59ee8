"""How a question ends: a limit, a word of status, or one of the ways to fail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import numpy as np

from .checks import Array
from .metrics.log_loss import brier_score, calibration_error, class_log_loss, log_loss
from .metrics.ranking import area_under_curve, best_shift, class_recalls, two_by_two
from .metrics.score_law import ScoreLaw, two_class_law

__all__ = [
    "METRICS",
    "CheckpointError",
    "CheckpointWarning",
    "ClassLimit",
    "ConvergenceError",
    "ImbalanceWarning",
    "Limit",
    "NoLimitError",
    "PlugInWarning",
    "Status",
    "StatusArray",
    "choose_status",
]


class Status(StrEnum):
    """How a question ended, in words: a str that knows its cause and its remedy.

    Attributes
    ----------
    cause : str
        What was found, or went wrong.
    remedy : str
        What can be done about it; empty where nothing needs mending.
    code : int
        The number that stands for it in a :class:`StatusArray`, of this version of the package.
    """

    # Of a limit, and of training.
    CONVERGED = "converged", "The equations hold to tolerance."
    NOT_SEPARABLE = (
        "no limit: not separable",
        "No hyperplane separates the training data, so there is no margin to maximise.",
        "Raise aspect_ratio above the separability threshold, or use a classifier with a penalty.",
    )
    SEPARABLE = (
        "no limit: separable",
        "The training data are separable, so without a penalty the weights grow without bound.",
        "Give the classifier a positive penalty, or use MaxMargin.",
    )
    UNDETERMINED = (
        "no limit: fewer samples than dimensions",
        "Fewer samples than dimensions leave least squares without a unique solution.",
        "Give Ridge a positive penalty, or use MinNorm.",
    )
    NOT_CONVERGED = (
        "not converged",
        "The iteration ended before the equations held to tolerance.",
        "Move the parameters away from extremes, or allow more steps where there is a choice.",
    )
    # Of an optimum.
    INTERIOR = "interior", "The maximum lies between the bounds, where the slope is 0."
    AT_LOWER_BOUND = (
        "at lower bound",
        "The accuracy falls from the lower bound on.",
        "Lower the bound to look further.",
    )
    AT_UPPER_BOUND = (
        "at upper bound",
        "The accuracy still rises at the upper bound.",
        "Raise the bound to look further.",
    )
    FLAT = (
        "flat",
        "Nothing but rounding distinguishes the value from others.",
        "Take any value near it.",
    )
    # Of a critical alignment, and of a boundary between shrinkage and expansion.
    CROSSING = "crossing", "The effect changes its sign once, from negative to positive."
    REVERSED = "reversed", "The effect changes its sign once, from positive to negative."
    SEVERAL = (
        "several",
        "The effect changes its sign more than once; the last place is given.",
        "Look at the effect itself over the whole range.",
    )
    ALWAYS_HELPS = "always helps", "The accuracy rises at every alignment."
    NEVER_HELPS = "never helps", "The accuracy falls at every alignment."
    NO_EFFECT = (
        "no effect",
        "The accuracy changes at no alignment by more than rounding.",
        "Take another gain, or a classifier that depends on it.",
    )
    ALWAYS_EXPANSION = (
        "always expansion",
        "The gain is above 1 throughout the bounds.",
        "Widen the bounds to look further.",
    )
    ALWAYS_SHRINKAGE = (
        "always shrinkage",
        "The gain is below 1 throughout the bounds.",
        "Widen the bounds to look further.",
    )
    NEUTRAL = "neutral", "The gain is 1 throughout the bounds."
    # Of a power law.
    RESOLVED = "resolved", "The data bound the rate from both sides."
    NOT_RESOLVED = (
        "not resolved",
        "Noise leaves the rate without a bound on one side at least.",
        "Run more trials, or sizes further apart.",
    )
    NO_POWER_LAW = (
        "no power law",
        "The data miss every power law by more than their noise.",
        "Leave out the smallest sizes, or fit a correction.",
    )
    # Of a simulation in a sweep.
    DONE = "done", "All trials asked for are in."
    INCOMPLETE = (
        "incomplete",
        "Some trials asked for are missing.",
        "Run the sweep again with the same checkpoint.",
    )
    NOT_SIMULATED = (
        "not simulated: no limit",
        "Without a limit there is nothing to compare a simulation with.",
        "See the status of the limit.",
    )

    cause: str
    remedy: str
    code: int

    def __new__(cls, text: str, cause: str, remedy: str = "") -> Self:
        member = str.__new__(cls, text)
        member._value_ = text
        member.cause = cause
        member.remedy = remedy
        member.code = len(cls.__members__)
        return member

    def __repr__(self) -> str:
        return repr(self.value)


# By code: one str object for each, however many elements share it.
_TEXTS = np.array([status.value for status in Status])
_OBJECTS = _TEXTS.astype(object)
_MEMBERS = tuple(Status)
_CODES = {status.value: status.code for status in Status}


class StatusArray:
    """An immutable array of :class:`Status`, one byte an element.

    A single element is a Status, and ``==`` with a text gives an array of bool; ``np.asarray``
    gives an array of str, which takes a hundred times the memory.

    Parameters
    ----------
    texts : array_like of str
        Each the text of a Status.

    Attributes
    ----------
    codes : array of uint8
        :attr:`Status.code` of each element, read-only.

    Examples
    --------
    >>> from asymptotics.outcomes import StatusArray
    >>> status = StatusArray(["converged", "not converged", "converged"])
    >>> status
    array(['converged', 'not converged', 'converged'])
    >>> status == "converged"
    array([ True, False,  True])
    >>> status[1], status[1].remedy[:19], status.nbytes
    ('not converged', 'Move the parameters', 3)
    """

    __slots__ = ("codes",)

    codes: Array

    def __init__(self, texts: Any) -> None:
        if isinstance(texts, StatusArray):
            codes = texts.codes
        else:
            words, inverse = np.unique(np.asarray(texts), return_inverse=True)
            unknown = [word for word in words.tolist() if word not in _CODES]
            if unknown:
                raise ValueError(f"texts must each be that of a Status, got {unknown[0]!r}")
            table = np.array([_CODES[word] for word in words.tolist()], dtype=np.uint8)
            codes = table[inverse].reshape(np.shape(texts))
        self._hold(codes)

    @classmethod
    def from_codes(cls, codes: Any) -> Self:
        """Of codes, which are not copied: the caller hands them over."""
        new = cls.__new__(cls)
        new._hold(codes)
        return new

    def _hold(self, codes: Any) -> None:
        held = np.asarray(codes, dtype=np.uint8).view()
        held.flags.writeable = False
        object.__setattr__(self, "codes", held)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a StatusArray is immutable: {name!r} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a StatusArray is immutable: {name!r} cannot be deleted")

    def __setitem__(self, index: Any, value: Any) -> None:
        # the error of a read-only NumPy array, which the other fields of a result are
        raise ValueError("a StatusArray is read-only: no element can be assigned to")

    # By texts, not codes: a pickle outlives the order of the members.
    def __reduce__(self) -> tuple[Any, ...]:
        codes, inverse = np.unique(self.codes, return_inverse=True)
        places = inverse.astype(np.uint8).reshape(self.shape)
        return _unpickle, (_OBJECTS[codes].tolist(), places)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.codes.shape

    @property
    def ndim(self) -> int:
        return self.codes.ndim

    @property
    def size(self) -> int:
        return self.codes.size

    @property
    def itemsize(self) -> int:
        return self.codes.itemsize

    @property
    def nbytes(self) -> int:
        return self.codes.nbytes

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        found = self.codes[index]
        return self.from_codes(found) if isinstance(found, np.ndarray) else _MEMBERS[found]

    def __contains__(self, text: object) -> bool:
        return bool(np.any(self == text))

    def __eq__(self, other: object) -> Any:
        if isinstance(other, StatusArray):
            return self.codes == other.codes
        if isinstance(other, str):
            # 255: the code of no member
            return self.codes == np.uint8(_CODES.get(str(other), 255))
        return np.asarray(self) == np.asarray(other)

    def __ne__(self, other: object) -> Any:
        return np.logical_not(self == other)

    __hash__ = None  # type: ignore[assignment]  # as of any array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError("a StatusArray holds no str: it cannot become an array without a copy")
        # the table is cast, not the many elements
        table = _TEXTS if dtype is None else _TEXTS.astype(dtype)
        return np.asarray(table[self.codes])

    def __repr__(self) -> str:
        # not by an array of str, of which all but a few would be left out
        words = np.array2string(
            self.codes,
            separator=", ",
            prefix="array(",
            formatter={"int": lambda code: repr(_MEMBERS[code])},
        )
        return f"array({words})"

    def reshape(self, *shape: Any) -> Self:
        return self.from_codes(self.codes.reshape(*shape))

    def ravel(self) -> Self:
        return self.from_codes(self.codes.ravel())

    def broadcast_to(self, shape: tuple[int, ...]) -> Self:
        """A view of another shape, as by :func:`numpy.broadcast_to`."""
        return self.from_codes(np.broadcast_to(self.codes, shape))

    def copy(self) -> Self:
        return self.from_codes(self.codes.copy())

    def tolist(self) -> Any:
        """Nested lists of str."""
        return _OBJECTS[self.codes].tolist() if self.ndim else str(self[()])

    def counts(self) -> dict[Status, int]:
        """How many elements have each status that occurs."""
        codes, counts = np.unique(self.codes, return_counts=True)
        return {_MEMBERS[k]: int(count) for k, count in zip(codes, counts, strict=True)}


def _unpickle(texts: list[str], places: Array) -> StatusArray:
    return StatusArray.from_codes(StatusArray(texts).codes[places])


def choose_status(
    conditions: Sequence[Any], statuses: Sequence[Status], default: Status
) -> Status | StatusArray:
    """The status of the first condition that holds, elementwise; a Status for single conditions."""
    codes = np.select(
        [np.asarray(condition) for condition in conditions],
        [np.uint8(status.code) for status in statuses],
        np.uint8(default.code),
    )
    return StatusArray.from_codes(codes) if codes.ndim else _MEMBERS[codes.item()]


#: What is reported besides accuracy, of a limit and of each trial, and what it is called.
METRICS = {
    "class_accuracy": "accuracy within each class",
    "balanced_accuracy": "mean of the accuracies within the classes",
    "confusion": "probability of each answer within each class",
    "auc": "area under the ROC curve",
    "log_loss": "log loss of the predicted probabilities",
    "brier": "Brier score of the predicted probabilities",
    "calibration_error": "mean squared calibration error",
    "best_intercept": "intercept that maximises accuracy",
    "best_accuracy": "accuracy with the best intercept",
    "best_balanced_intercept": "intercept that maximises balanced accuracy",
    "best_balanced_accuracy": "balanced accuracy with the best intercept for it",
}


@dataclass(frozen=True, eq=False)
class Limit:
    """A limiting accuracy with its order parameters; scalars, or arrays of one broadcast shape.

    Attributes
    ----------
    accuracy, error : float or array
        Probability of a correct and of a wrong label on fresh data. They are computed separately:
        a small error keeps its relative precision.
    log_error : float or array
        Natural logarithm of the error, also where the error itself is below the smallest double.
    mean, variance : float or array
        m and q: a fresh margin y⟨w, z⟩ is N(m, q).
    intercept : float or array
        b; 0 if not fitted.
    susceptibility : float or array
        V, the response of a training margin to its own sample.
    train_accuracy, train_loss : float or array
        On the training set; the loss without its penalty.
    residual : float or array
        Largest relative violation of the equations.
    status : Status or StatusArray
        "converged", or why the element is NaN. Equal to its text, with a ``cause`` and a
        ``remedy``; an array of them takes one byte an element, and compares elementwise:
        ``status == "converged"``.
    balance : float or array
        π.
    """

    accuracy: Any
    error: Any
    log_error: Any
    mean: Any
    variance: Any
    intercept: Any
    susceptibility: Any
    train_accuracy: Any
    train_loss: Any
    residual: Any
    status: Any
    balance: Any = 0.5

    @property
    def accuracy_error(self) -> Any:
        """Numerical error of the accuracy; 0 where it is exact, as for two classes ±μ."""
        return _plain(0.0 * np.asarray(self.accuracy))

    @property
    def score_law(self) -> ScoreLaw:
        """The law of fresh scores, class by class."""
        return two_class_law(self.mean, self.variance, self.intercept, self.balance)

    @property
    def class_accuracy(self) -> Array:
        """Probability of a correct answer in each class, shape (..., K): -1 before +1."""
        law = self.score_law
        if law.confusion is not None:
            return np.diagonal(law.confusion, axis1=-2, axis2=-1)
        return class_recalls(law)

    @property
    def balanced_accuracy(self) -> Any:
        """Mean of :attr:`class_accuracy` over the classes."""
        return _plain(self.class_accuracy.mean(-1))

    @property
    def confusion(self) -> Array:
        """P(answer l | class k), shape (..., K, K); rows sum to 1."""
        law = self.score_law
        if law.confusion is not None:
            return law.confusion
        return two_by_two(class_recalls(law))

    @property
    def auc(self) -> Any:
        """P(the score of a point of +1 exceeds that of one of -1): Φ(2m/√(q₊ + q₋))."""
        return _plain(area_under_curve(self._two_classes("auc")))

    @property
    def log_loss(self) -> Any:
        """Expected -log of the probability, 1/(1 + e^{-x}) or softmax, of the right class."""
        law = self.score_law
        return _plain(class_log_loss(law) if law.labels is None else log_loss(law))

    @property
    def brier(self) -> Any:
        """Expected squared error of the probability 1/(1 + e^{-x}) of +1."""
        return _plain(brier_score(self._two_classes("brier")))

    @property
    def calibration_error(self) -> Any:
        """E (p - P(y = 1 | x))² of the probability p = 1/(1 + e^{-x})."""
        return _plain(calibration_error(self._two_classes("calibration_error")))

    @property
    def best_intercept(self) -> Any:
        """The intercept that maximises accuracy; infinite where a constant answer does."""
        return self._best(False)[0]

    @property
    def best_accuracy(self) -> Any:
        """The accuracy with :attr:`best_intercept`."""
        return self._best(False)[1]

    @property
    def best_balanced_intercept(self) -> Any:
        """The intercept that maximises balanced accuracy."""
        return self._best(True)[0]

    @property
    def best_balanced_accuracy(self) -> Any:
        """The balanced accuracy with :attr:`best_balanced_intercept`."""
        return self._best(True)[1]

    def _best(self, balanced: bool) -> tuple[Any, Any]:
        move, value = best_shift(self._two_classes("best_intercept"), balanced)
        return _plain(self.intercept + move), _plain(value)

    def _two_classes(self, what: str) -> ScoreLaw:
        law = self.score_law
        if law.labels is None:
            raise ValueError(
                f"{what} must be asked of two classes, got a limit of {law.means.shape[-1]}"
            )
        return law

    def __repr__(self) -> str:
        if np.ndim(self.accuracy):
            shape = np.shape(self.accuracy)
            return f"Limit(shape={shape}, status={self.status.counts()})"
        fields = ("accuracy", "mean", "variance", "intercept", "susceptibility", "train_accuracy")
        single = [name for name in fields if not np.ndim(getattr(self, name))]
        numbers = ", ".join(f"{name}={getattr(self, name):.6g}" for name in single)
        return f"Limit({numbers}, residual={self.residual:.1e}, status={self.status!r})"


def _plain(values: Any) -> Any:
    """A float for a single number."""
    return float(values) if np.ndim(values) == 0 else values


@dataclass(frozen=True, eq=False, repr=False)
class ClassLimit(Limit):
    """The limit on clusters, on K classes, or with a covariance for each class.

    Of clusters, ``mean`` holds the m_k, shape (..., C), of two classes of means ±μ alone it is m;
    with a covariance for each ``variance`` and ``susceptibility`` have the shape (..., C). Of K
    classes, column k of ``mean``, shape (..., K, K), is the mean score of class k without the
    intercepts, ``variance`` is Q and ``susceptibility`` V, of shape (..., K, K) or, with a
    covariance for each class, (..., K, K, K), and ``intercept`` has the shape (..., K).

    Attributes
    ----------
    law : ScoreLaw
        The law of fresh scores, class by class.
    numerical_error : float or array
        See :attr:`accuracy_error`.
    """

    law: ScoreLaw | None = None
    numerical_error: Any = 0.0

    @property
    def accuracy_error(self) -> Any:
        """Numerical error of the accuracy: 0 where it is exact.

        Else the change from one set of nodes to another, and the error of orthant probabilities:
        the change to a finer rule, or a standard error.
        """
        return self.numerical_error

    @property
    def score_law(self) -> ScoreLaw:
        """The law of fresh scores, class by class."""
        assert self.law is not None
        return self.law


class _LimitError(Exception):
    """An exception that carries the partial result in ``limit``."""

    def __init__(self, message: str, limit: Limit | None = None) -> None:
        super().__init__(message)
        self.limit = limit

    def __reduce__(self) -> tuple[type, tuple[str, Limit | None]]:
        return type(self), (str(self), self.limit)


class NoLimitError(_LimitError, ValueError):
    """The limit does not exist at these parameters.

    Raised for a maximum-margin classifier on data that are not separable, and for a penalty-free
    classifier on data that are. The message states the threshold; ``limit`` holds the elements
    that do exist.
    """


class ConvergenceError(_LimitError, ArithmeticError):
    """The fixed point was not found to tolerance.

    ``limit`` holds what was found: NaN where the solver failed, numbers elsewhere.
    """


class CheckpointError(OSError):
    """A checkpoint folder cannot be made, read or written to; what it held before is intact."""


class CheckpointWarning(UserWarning):
    """A block of a checkpoint was damaged: it was put aside, and its trials are drawn again."""


class ImbalanceWarning(UserWarning):
    """Training sets of this size are off the limit, by the chance of their class counts alone.

    With a free intercept b, a penalty far above the eigenvalues that carry the signal makes margins
    so small that the imbalance of order 1/√n outweighs them. The message states the accuracy to
    expect, and what the limit is; ``fixed_counts=True`` reaches the limit.
    """


class PlugInWarning(UserWarning):
    """Sample means and a sample covariance stand for a population that they do not resolve.

    Of n points in p dimensions, n < 10 p, the classes of the estimate are further apart than those
    of the population. The message states n, p and by how much that moves a predicted accuracy.
    """
