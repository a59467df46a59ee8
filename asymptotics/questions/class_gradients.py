"""Exact derivatives of the limiting accuracy on K classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..checks import POSITIVE, Array, check_real
from ..classifiers import Classifier, Ridge, Softmax
from ..classifiers.weights import class_costs
from ..equations.class_prior import class_prior
from ..equations.class_slopes import ClassOrder, ClassWorld, Direction, implicit_slopes
from ..equations.softmax import nodes_for
from ..intake import shown
from ..integrals.softmax import contrasts
from ..metrics.orthant_slopes import accuracy_slopes
from ..outcomes import ConvergenceError
from ..populations.classes import ClassMixture
from ..projectors import Expansion, Projector
from .limits import limit

__all__ = ["ClassGradient", "class_gradient"]

# Above so many classes the pairs of each class are too many orthants.
_MOST = 16
# Violation of the equations by the nodes of softmax that is good enough; the least of all that is
# accepted, where there are no finer ones.
_ENOUGH, _ACCEPTED = 1e-9, 1e-2


@dataclass(frozen=True, eq=False)
class ClassGradient:
    """Derivatives of the limiting accuracy on K classes; scalars, or arrays of one broadcast shape.

    Attributes
    ----------
    accuracy : float or array
        The accuracy itself.
    signal : float or array
        By a factor common to all class means, at 1: of a simplex, distance times the derivative by
        the distance.
    noise : float or array
        By σ of the bulk, and of the axes where no covariance is given for these.
    aspect_ratio, penalty : float or array
    priors : array, shape (..., K)
        By each ρ_k, the others in proportion; of two classes -balance and balance.
    gain : float, array or None
        None without an :class:`Expansion`.
    """

    accuracy: Any
    signal: Any
    noise: Any
    aspect_ratio: Any
    penalty: Any
    priors: Any
    gain: Any


def class_gradient(
    mix: ClassMixture, clf: Classifier, aspect_ratio: Any, projector: Projector
) -> ClassGradient:
    """What :func:`gradient` returns on several classes."""
    if mix.labels is not None:
        raise ValueError(f"labels must be None on several classes here, got {shown(mix.labels)}")
    if type(clf) not in (Ridge, Softmax):
        raise TypeError(f"clf must be Ridge or Softmax on several classes, got {shown(clf)}")
    if mix.classes > _MOST:
        raise ValueError(f"means must hold at most {_MOST} classes here, got {mix.classes}")
    if not mix.class_frame().centred.any():
        raise ValueError("means must differ to have a gradient, got class means that are all equal")
    if isinstance(projector, Expansion) and projector.gain == 0:
        raise ValueError(f"gain must be in (0, inf) to have a gradient, got {projector.gain!r}")
    gamma = np.asarray(check_real("aspect_ratio", aspect_ratio, POSITIVE))
    found = limit(mix, clf, gamma, projector)
    shape = np.shape(found.accuracy)
    penalty = np.broadcast_to(np.asarray(clf.penalty_values, dtype=float), shape).ravel()
    ratios = np.broadcast_to(gamma, shape).ravel()
    rows = []
    for i in range(len(ratios)):
        at = np.unravel_index(i, shape)
        order = ClassOrder(
            np.asarray(found.mean)[at],
            np.asarray(found.intercept)[at],
            np.asarray(found.variance)[at],
            np.asarray(found.susceptibility)[at],
        )
        rows.append(_one(mix, clf, ratios[i], penalty[i], projector, order))
    width = 4 + mix.classes + isinstance(projector, Expansion)
    table = np.array(rows).reshape(*shape, width)

    def placed(values: Array) -> Any:
        return values if values.ndim else float(values)

    first, priors = table[..., :4], table[..., 4 : 4 + mix.classes]
    gain = placed(table[..., -1]) if isinstance(projector, Expansion) else None
    signal, noise, ratio, by_penalty = (placed(first[..., k]) for k in range(4))
    return ClassGradient(found.accuracy, signal, noise, ratio, by_penalty, priors, gain)


def _one(
    mix: ClassMixture,
    clf: Classifier,
    gamma: float,
    penalty: float,
    projector: Projector,
    order: ClassOrder,
) -> Array:
    """By signal, noise, aspect ratio, penalty, priors, and the gain if there is one."""
    count = mix.classes
    # through the spectrum, for what class weights read of it
    frame, image = mix.class_frame(), None
    if not projector.is_identity:
        frame = frame.with_fresh(projector.fresh_axes)
        image = projector.on_classes(frame)
    block = np.eye(frame.axes) if image is None else image.block
    gain = 1.0 if image is None else float(image.bulk[0])
    roots, spreads = frame.roots, frame.bulk[:, 0]
    kinds = len(roots)
    covariances = roots @ np.swapaxes(roots, -1, -2)
    spectrum = mix.spectrum(None if projector.is_identity else projector)
    shares = np.asarray(frame.priors)
    costs = class_costs(
        clf.class_weight, class_prior(spectrum, np.asarray(gamma), np.asarray(penalty))
    )[0]
    means = frame.means @ block.T
    mapped = block @ covariances @ block.T
    bulk = np.broadcast_to((gain * spreads) ** 2, (kinds,))
    world = ClassWorld(means, mapped, bulk, shares, costs, gamma, penalty, clf.fit_intercept)
    # σ moves the bulk, and the axes that have no covariance of their own
    free = np.arange(frame.axes) >= (0 if mix.covariance is None else mix.means.shape[1])
    by_noise = block @ (np.diag(2.0 * mix.noise * free)) @ block.T
    ways = [
        Direction(means=means),
        Direction(covariances=by_noise, bulk=2.0 * bulk / mix.noise),
        Direction(aspect_ratio=1.0),
        Direction(penalty=1.0),
    ]
    for k in range(count):
        others = np.arange(count) != k
        d_priors = np.where(others, -shares / (1.0 - shares[k]), 1.0)
        d_costs = np.zeros(count)
        if clf.class_weight == "balanced":
            d_costs = -costs * d_priors / shares
        ways.append(Direction(priors=d_priors, costs=d_costs))
    if isinstance(projector, Expansion):
        # T = 1 + (g - 1)P
        turn = _stretched(projector, frame)
        half = turn @ covariances @ block.T
        ways.append(
            Direction(means=frame.means @ turn.T, covariances=half + np.swapaxes(half, -1, -2))
        )
    if order.variance.ndim == 2:
        order = order._replace(
            variance=order.variance[None], susceptibility=order.susceptibility[None]
        )
    scores = np.eye(count)
    if isinstance(clf, Softmax):
        scores = contrasts(count)
        order = ClassOrder(
            scores.T @ order.mean,
            scores.T @ order.intercept,
            scores.T @ order.variance @ scores,
            scores.T @ order.susceptibility @ scores,
        )
        for rule in nodes_for(count):
            moved = implicit_slopes(world, order, ways, rule)
            if moved.residual <= _ENOUGH:
                break
    else:
        moved = implicit_slopes(world, order, ways, None)
    if not moved.residual <= _ACCEPTED:
        raise ConvergenceError(
            f"the derivatives for {shown(clf)} at aspect_ratio {gamma:.6g} are not resolved by the "
            f"nodes: the equations are violated by {moved.residual:.3g}"
        )
    centre = (order.mean + order.intercept[:, None]).T @ scores.T
    slopes = accuracy_slopes(centre, scores @ order.variance @ scores.T, shares)
    d_centre = scores @ (moved.order.mean + moved.order.intercept[..., None])
    total = np.einsum("kl,dlk->d", slopes.means, d_centre)
    d_variance = scores @ moved.order.variance @ scores.T
    total = total + np.einsum("skl,dskl->d", slopes.covariances, d_variance)
    total = total + moved.priors @ slopes.right
    return np.asarray(total)


def _stretched(projector: Expansion, frame: Any) -> Array:
    """P of T = 1 + (g - 1)P: the map is linear in its gain."""
    low, high = (replace(projector, gain=gain).on_classes(frame).block for gain in (1.0, 2.0))
    return np.asarray(high - low)
