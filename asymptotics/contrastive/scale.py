"""Scales of population and loss that floats can bear together."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import Array, ArrayLike
from .augmentation import Augmentation
from .setting import Setting

__all__ = ["check_scale"]

# Of the logarithms of what has to be a normal double, with room for a few factors beside it.
_LOG_RANGE = 650.0
# The same of s²/(σ_v² + σ_a²), third powers of which occur, and of the temperature, of which
# fourth powers occur on the way to the optimum, and eighth ones for the cosine.
_LOG_RATIO, _LOG_FLOW, _LOG_COSINE = 195.0, 120.0, 75.0


def check_scale(
    setting: Setting, augmentation: Any, temperature: ArrayLike, time: ArrayLike, cosine: bool
) -> None:
    """Refuse scales so far apart that squared gains, or powers of the signal, are no floats.

    Squared gains are τσ_v²/(σ_v² + σ_a²)²; the parameter that is farthest from 1 is named.

    Raises
    ------
    ValueError
        If they are.
    """
    shape = setting.shape
    sigma = np.concatenate(
        [
            np.broadcast_to(part, (*shape, part.shape[-1]))
            for part in (np.linalg.svd(setting.root, compute_uv=False), setting.bulk)
        ],
        axis=-1,
    )
    with np.errstate(divide="ignore"):
        sigma = np.log(sigma)
        tau, s = (
            np.log(np.broadcast_to(values, shape))[..., None]
            for values in (temperature, setting.length)
        )
        a = np.log(_deviations(setting, augmentation))
    if cosine:
        allowed = np.full(shape, _LOG_COSINE)
    else:
        allowed = np.broadcast_to(np.where(np.isinf(time), _LOG_RANGE, _LOG_FLOW), shape)
    for end in (a[..., :1], a[..., 1:]):  # the least and the largest augmentation
        total = np.logaddexp(2.0 * sigma, 2.0 * end)
        with np.errstate(invalid="ignore"):  # silent directions, with no gain to be lost
            gain = np.where(np.isneginf(sigma), 0.0, tau + 2.0 * sigma - 2.0 * total)
            ratio = np.where(np.isneginf(s), 0.0, 2.0 * s - total)
        lost = (np.abs(gain) > _LOG_RANGE) | (ratio > _LOG_RATIO)
        lost |= np.abs(2.0 * total) > _LOG_RANGE
        lost |= np.abs(tau) > allowed[..., None]
        if not np.any(lost):
            continue
        index = tuple(np.argwhere(lost)[0])
        named = {
            "augmentation": np.broadcast_to(end, lost.shape)[index],
            "temperature": np.broadcast_to(tau, lost.shape)[index],
            "the signal of mix": np.broadcast_to(s, lost.shape)[index],
            "the noise of mix": sigma[index],
        }
        name = max(named, key=lambda key: abs(named[key]) if np.isfinite(named[key]) else 0.0)
        raise ValueError(
            f"{name} must be of a size that keeps the gains of InfoNCE within the range of a "
            f"float, got {np.exp(named[name]):.6g}"
        )


def _deviations(setting: Setting, augmentation: Any) -> Array:
    """The least and the largest standard deviation of the augmentation, shape (..., 2)."""
    if not isinstance(augmentation, Augmentation):
        every = np.broadcast_to(augmentation, setting.shape)
        return np.stack([every, every], axis=-1)
    frame, bulk = setting.added(augmentation)
    variances = np.linalg.eigvalsh(frame).clip(0.0)
    low, high = variances.min(-1), variances.max(-1)
    if bulk.shape[-1]:
        low, high = np.minimum(low, bulk.min(-1)), np.maximum(high, bulk.max(-1))
    ends = np.sqrt(np.stack([low, high], axis=-1))
    return np.broadcast_to(ends, (*setting.shape, 2))
