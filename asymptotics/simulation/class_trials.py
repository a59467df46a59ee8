"""Trials on several classes, on clusters, and with a covariance for each class.

What is trained is the estimator itself, one score or one for each class, and its accuracy on fresh
data is the exact one given the trained weights: a Gaussian probability, or orthants of K scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy

from ..checks import Array
from ..classifiers import Classifier, Flipped
from ..intake import shown
from ..metrics.orthant import right_answers
from ..populations.base import Population
from ..populations.class_frame import ClassFrame
from ..projectors import Projector
from ..projectors.unlabelled import Unlabelled

__all__ = [
    "check_classes_fit",
    "class_answers",
    "class_axes",
    "class_fields",
    "class_trial",
    "unpack",
]


def check_classes_fit(mix: Any, projector: Projector) -> None:
    """Refuse what trials on several classes do not take."""
    if mix.batch_shape:
        raise ValueError(
            f"mix must be a single population of several classes, got shape {mix.batch_shape}"
        )
    if not projector.is_learned:  # what a learned one leads to is known after the draw
        mix.spectrum(projector)


def class_axes(mix: Any, projector: Projector) -> int:
    """The number of special directions."""
    fresh = 0 if projector.is_learned else projector.fresh_axes  # a draw has no axis of its own
    return int(mix.class_frame().axes) + fresh


def _frame(mix: Any) -> ClassFrame:
    found: ClassFrame = mix.class_frame()
    return found


def _one_score(mix: Any, clf: Classifier) -> bool:
    return _frame(mix).is_sided or not clf.scores_classes


def _shapes(mix: Any, clf: Classifier) -> list[tuple[int, ...]]:
    """Of overlap, variance and intercept."""
    frame = _frame(mix)
    rows, count = len(frame.means), frame.count
    kinds = max(len(frame.roots), len(frame.bulk))
    own = () if kinds == 1 else (kinds,)
    if _one_score(mix, clf):
        return [(rows,), own, ()]
    return [(count, rows), (*own, count, count), (count,)]


def class_fields(mix: Any, clf: Classifier) -> tuple[str, ...]:
    """A name for each number that a trial reports."""
    names = ["accuracy", "train_accuracy"]
    for name, shape in zip(("overlap", "variance", "intercept"), _shapes(mix, clf), strict=True):
        size = int(np.prod(shape))
        names += [name] if not shape else [f"{name}[{k}]" for k in range(size)]
    return tuple(names)


def unpack(mix: Any, clf: Classifier, columns: Array) -> dict[str, Array]:
    """The fields of a Simulation from columns of shape (fields, trials, *S)."""
    found, at = {"accuracy": columns[0].copy(), "train_accuracy": columns[1].copy()}, 2
    for name, shape in zip(("overlap", "variance", "intercept"), _shapes(mix, clf), strict=True):
        size = int(np.prod(shape))
        part = np.moveaxis(columns[at : at + size], 0, -1)
        found[name] = part.reshape(*columns.shape[1:], *shape).copy()
        at += size
    return found


def class_answers(mix: Any, clf: Classifier) -> tuple[Array, Array | None]:
    """Probability of each class or cluster, and its label: ±1 where there is one score."""
    frame = _frame(mix)
    if _one_score(mix, clf):
        return frame.priors, _sides(frame, clf)
    return frame.priors, frame.labels


def _sides(frame: ClassFrame, clf: Classifier) -> Array:
    """The label ±1 of each class or cluster, for one score."""
    if frame.is_sided:
        return frame.answers
    if frame.count > 2:
        raise ValueError(
            f"clf must have a score for each of {frame.count} classes, got {shown(clf)}"
        )
    return 2.0 * frame.answers - 1.0


def class_trial(
    mix: Any,
    cells: Sequence[tuple[Classifier, Projector]],
    n: int,
    dimension: int,
    start: Any,
    fixed_counts: bool = False,
) -> list[Array]:
    """One trial: the same points for every classifier and projector.

    Returns
    -------
    list of arrays, each the numbers that :func:`class_fields` names
    """
    points, labels = mix.sample(n, dimension, start(), fixed_counts=fixed_counts)
    unlabelled = Unlabelled(lambda: start().spawn(1)[0])
    images: dict[int, tuple[Projector, Array]] = {}
    rows = []
    for clf, projector in cells:
        if id(projector) not in images:
            drawn = projector
            if projector.is_learned:  # from a child: the labelled points stay what they were
                drawn = projector.learn(mix, dimension, unlabelled)
            images[id(projector)] = (
                drawn,
                points if drawn.is_identity else drawn.transform(points, mix),
            )
        given = labels
        if isinstance(clf, Flipped):
            frame = _frame(mix)
            count = None if frame.is_sided else frame.count
            given = clf.training_labels(labels, count, start().spawn(2)[1])
        rows.append(_learn(mix, clf, *images[id(projector)], given))
    return rows


def _learn(
    mix: Population, clf: Classifier, projector: Projector, features: Array, labels: Array
) -> Array:
    frame = _frame(mix)
    priors = frame.priors
    if _one_score(mix, clf):
        answers = _sides(frame, clf)
        if not frame.is_sided:
            labels = 2.0 * labels - 1.0
        weights, intercept = clf.train(features, labels, mix, projector)
        right = labels * (features @ weights + intercept) > 0
        means, covariances = projector.margins(weights[:, None], mix)
        m, q = means[:, 0], covariances[:, 0, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = scipy.special.ndtr(answers * (m + intercept) / np.sqrt(q))
        return np.concatenate(
            [[float(priors @ inside), float(right.mean())], m, np.ravel(q), [intercept]]
        )
    index = labels.astype(np.intp)
    weights, intercepts = clf.train_classes_on(features, index, mix, projector)
    right = (features @ weights + intercepts).argmax(1) == index
    means, covariances = projector.margins(weights, mix)
    spread = covariances[0] if len(covariances) == 1 else covariances
    accuracy = float(priors @ right_answers(means + intercepts, spread, answers=frame.labels))
    return np.concatenate(
        [[accuracy, float(right.mean())], means.T.ravel(), covariances.ravel(), intercepts]
    )
