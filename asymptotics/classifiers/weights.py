"""Class weights: how much the loss of each class counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from ..checks import POSITIVE, Array, check_single
from ..equations.class_prior import ClassPrior
from ..intake import shown

__all__ = ["ClassWeight", "answer_costs", "check_class_weight", "class_costs", "sample_weights"]

#: None, "balanced", or pairs of a label and its weight.
ClassWeight: TypeAlias = str | tuple[tuple[float, float], ...] | None


def check_class_weight(value: Any) -> ClassWeight:
    """None, "balanced", or a mapping of labels to positive weights, as sorted pairs."""
    if value is None or (isinstance(value, str) and value == "balanced"):
        return value
    pairs = value.items() if isinstance(value, Mapping) else value
    try:
        made = tuple(sorted((float(label), weight) for label, weight in pairs))
    except (TypeError, ValueError):
        made = ()
    if not made or isinstance(value, str):
        raise TypeError(
            "class_weight must be None, 'balanced' or a mapping of labels to positive weights, "
            f"got {shown(value)}"
        )
    return tuple((label, check_single("class_weight", weight, POSITIVE)) for label, weight in made)


def _lookup(class_weight: ClassWeight, labels: Array) -> Array:
    """The weight of each label."""
    assert isinstance(class_weight, tuple)
    table = dict(class_weight)
    missing = [float(label) for label in labels if float(label) not in table]
    if missing or len(table) > len(set(map(float, labels))):
        known = sorted(set(map(float, labels)))
        raise ValueError(
            f"class_weight must have a weight for each of the labels {known}, got "
            f"{dict(class_weight)}"
        )
    return np.array([table[float(label)] for label in labels])


def class_costs(class_weight: ClassWeight, prior: ClassPrior) -> Array:
    """The weight of the loss of each class or cluster, shape (B, C)."""
    shares = prior.priors
    count = shares.shape[1]
    if class_weight is None:
        return np.ones_like(shares)
    answers = np.arange(count) if prior.labels is None else prior.labels
    if class_weight != "balanced":
        return np.broadcast_to(_lookup(class_weight, answers), shares.shape)
    if prior.labels is None:
        return np.asarray(1.0 / (count * shares))
    same = answers[:, None] == answers
    return np.asarray(1.0 / (2.0 * (shares @ same)))


def answer_costs(class_weight: ClassWeight, prior: ClassPrior, answers: Array, count: int) -> Array:
    """The same, shape (B, C), for clusters of `count` classes: `answers` is the class of each."""
    shares = prior.priors
    if class_weight is None:
        return np.ones_like(shares)
    if class_weight != "balanced":
        table = _lookup(class_weight, np.arange(count))
        return np.broadcast_to(table[answers], shares.shape)
    own = shares @ np.equal.outer(answers, np.arange(count))
    return np.asarray(1.0 / (count * own[:, answers]))


def sample_weights(class_weight: ClassWeight, labels: Array) -> Array | None:
    """The weight of each training point; "balanced" by the frequencies there. None for ones."""
    if class_weight is None:
        return None
    classes, index, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if class_weight == "balanced":
        return np.asarray((labels.size / (classes.size * counts))[index])
    table = dict(class_weight)  # type: ignore[arg-type]
    missing = [float(label) for label in classes if float(label) not in table]
    if missing:
        raise ValueError(
            f"class_weight must have a weight for each of the labels {classes.tolist()}, got "
            f"{table}"
        )
    return np.array([table[float(label)] for label in classes])[index]
