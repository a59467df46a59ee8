"""TᵀT of InfoNCE by cosine: with a weak signal, with a strong one, and at finite dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import ArrayLike
from ..intake import shown
from ..outcomes import NoLimitError
from .cosine import cosine_gain, cosine_threshold
from .finite_dimension import finite_gain
from .kept_directions import Kept, isotropic, keep
from .moment import Moment
from .optimum import Views
from .scale import check_scale
from .setting import Setting
from .strong_flow import squared_gain_at
from .trained_map import TrainedMap

__all__ = ["check_bounded", "kept_directions", "strong_signal", "weak_signal"]


def kept_directions(setting: Setting, augmentation: Any, dimension: ArrayLike) -> Kept:
    """What stays beside a strong signal in each population.

    Raises
    ------
    ValueError
        For a signal of 0, a direction without variance, a dimension below that of the frame, and
        where too few directions would stay.
    """
    setting.check_variance(augmentation)
    check_scale(setting, augmentation, 1.0, np.inf, cosine=True)
    length, balance = setting.flat(setting.length), setting.flat(setting.balance)
    if not np.all(length > 0):
        raise ValueError(
            "mix must have a signal for similarity='cosine' with a dimension, got one of length 0"
        )
    p = setting.flat(dimension)
    least = setting.axes + bool(setting.parts)
    if not np.all(p >= least):
        raise ValueError(
            f"dimension must be at least {least}, for the special directions of mix and a bulk, "
            f"got {int(p.min())}"
        )
    axes, parts = setting.axes, setting.parts
    frame, bulk = setting.added(augmentation)
    return keep(
        (setting.flat(setting.covariance, axes, axes), setting.flat(frame, axes, axes)),
        (np.square(setting.flat(setting.bulk, parts)), setting.flat(bulk, parts)),
        setting.flat_weights(),
        setting.flat_signal(),
        length,
        balance,
        p.astype(float),
    )


def strong_signal(
    setting: Setting,
    augmentation: Any,
    temperature: ArrayLike,
    time: ArrayLike,
    dimension: ArrayLike,
    exact: bool,
) -> TrainedMap:
    """The trained map on the unit sphere for s² of the order of p, or `exact` at finite p.

    Raises
    ------
    ValueError
        As :func:`kept_directions`, and for a finite time or exactness on noise that is not
        isotropic.
    ConvergenceError
        If the flow was not followed to its end, or the quadratures did not settle.
    """
    check_scale(setting, augmentation, temperature, time, cosine=True)
    kept = kept_directions(setting, augmentation, dimension)
    sphere = kept.sphere
    tau, t = setting.flat(temperature), setting.flat(time)
    early = np.isfinite(t)
    if exact or early.any():
        what = "exact must be False" if exact else "time must be inf"
        _check_isotropic(setting, augmentation, what)
    if exact:
        along = sphere.level * finite_gain(sphere, tau)
    else:
        along = sphere.squared_gain(sphere.optimum(tau))
        if early.any():
            some = sphere.take(early)
            along[early] = some.level * squared_gain_at(some, tau[early], t[early])
    axes = setting.axes
    eye = np.broadcast_to(np.eye(axes), kept.frame.shape)
    signal = setting.flat_signal()
    views = Views(
        np.einsum("bii->bi", setting.flat(setting.covariance, axes, axes)),
        signal,
        np.sqrt(sphere.square),
        sphere.balance,
        np.sqrt(np.einsum("bii->bi", setting.flat(setting.added(augmentation)[0], axes, axes))),
    )
    moment = Moment(eye, views, tau, kept.frame)
    return TrainedMap.on_sphere(moment, kept.bulk, sphere.level, along, signal)


def _check_isotropic(setting: Setting, augmentation: Any, what: str) -> None:
    axes, parts = setting.axes, setting.parts
    frame, bulk = setting.added(augmentation)
    weights = setting.flat_weights()
    same = isotropic(
        setting.flat(setting.covariance, axes, axes),
        np.square(setting.flat(setting.bulk, parts)),
        weights,
    ) and isotropic(setting.flat(frame, axes, axes), setting.flat(bulk, parts), weights)
    if not same:
        raise ValueError(
            f"{what} for similarity='cosine' on noise or augmentation that is not isotropic, got "
            f"{setting.spikes} spike(s) and augmentation {shown(augmentation)}"
        )


def weak_signal(setting: Setting, augmentation: Any, temperature: ArrayLike) -> TrainedMap:
    """The trained map on the sphere of radius √p for a fixed s, isotropic and balanced.

    Raises
    ------
    ValueError
        For other populations.
    ConvergenceError
        If the stationary point was not found.
    """
    check_scale(setting, augmentation, temperature, np.inf, cosine=True)
    axes, parts = setting.axes, setting.parts
    flat_root = np.broadcast_to(setting.bulk[..., :1, None] * np.eye(axes), setting.root.shape)
    if setting.spikes or parts != 1 or not np.array_equal(setting.root, flat_root):
        raise ValueError(
            "mix must be a SpikedMixture with spikes=() for similarity='cosine', got "
            f"{setting.spikes} spike(s)" + ("" if setting.spikes else " and a Spectrum")
        )
    if np.any(np.not_equal(setting.balance, 0.5)):
        raise ValueError(
            f"balance must be 0.5 for similarity='cosine', got {shown(setting.balance)}"
        )
    s, noise, spread, tau = (
        setting.flat(values)
        for values in (setting.length, setting.bulk[..., 0], augmentation, temperature)
    )
    square = np.square(cosine_gain(s, noise, spread, tau))
    eye = np.broadcast_to(np.eye(axes), (s.size, axes, axes))
    signal = setting.flat_signal()
    variances = np.broadcast_to(np.square(noise)[:, None], (s.size, axes))
    views = Views(variances, signal, s, np.full(s.size, 0.5), spread)
    rest = eye - signal[:, :, None] * signal[:, None, :]
    ones = np.ones(s.size)
    return TrainedMap.on_sphere(Moment(eye, views, tau, rest), ones[:, None], ones, square, signal)


def check_bounded(found: TrainedMap) -> None:
    """Refuse a weak signal's gain that grows with p.

    Raises
    ------
    NoLimitError
        If there is one.
    """
    if np.all(np.isfinite(found.along)):
        return
    row = int(np.argmin(np.isfinite(found.along)))
    views = found.moment.views.take(np.array([row]))
    noise = np.sqrt(views.variances[:, 0])
    threshold = cosine_threshold(views.length, noise, views.augmentation)
    raise NoLimitError(
        f"temperature must be above {threshold[0]:.6g} for the gain to have a limit as p "
        f"grows, got {found.moment.temperature[row]:.6g}"
    )
