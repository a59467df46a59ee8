"""TᵀT of InfoNCE by inner product: exact, for any spikes, balance, augmentation and time."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import Array, ArrayLike
from .augmentation import Augmentation
from .flow import spread
from .moment import second_moment
from .scale import check_scale
from .setting import Setting
from .trained_map import TrainedMap

__all__ = ["inner_product"]


def inner_product(
    setting: Setting, augmentation: Any, temperature: ArrayLike, time: ArrayLike
) -> TrainedMap:
    """The trained map of each population and parameters.

    Raises
    ------
    ValueError
        For a direction without variance, for scales that floats cannot bear together, and for times
        too long for so many axes.
    ConvergenceError
        If the optimum, or the way to it, was not found.
    """
    setting.check_variance(augmentation)
    check_scale(setting, augmentation, temperature, time, cosine=False)
    frame: Array | None = None
    along: ArrayLike = 0.0
    spreads: ArrayLike = 0.0
    if isinstance(augmentation, Augmentation):
        frame, bulk = setting.added(augmentation)
        spreads = np.sqrt(bulk)
    else:
        along, spreads = augmentation, np.asarray(augmentation)[..., None]
    moment = second_moment(
        setting.root,
        setting.signal,
        setting.length,
        setting.balance,
        (along, temperature, time),
        setting.shape,
        frame,
    )
    parts = setting.parts
    gains = spread(
        np.square(setting.flat(setting.bulk, parts)),
        setting.flat(spreads, parts),
        setting.flat(temperature)[:, None],
        setting.flat(time)[:, None],
    )
    signal = moment.along(setting.flat_signal())
    if parts:
        level = (setting.flat_weights() * gains).sum(-1)
    else:
        level = (np.einsum("bii->b", moment.matrix) - signal) / (setting.axes - 1)
    return TrainedMap(moment, gains, level, signal)
