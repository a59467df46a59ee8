"""The elements of a broadcast: populations, classifiers and projectors of single parameters."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ..checks import Parametrised
from ..classifiers import Flipped
from ..intake import shown
from ..populations.gaussian import GaussianMixture
from ..populations.spectrum import Spectrum
from ..populations.spiked import SpikedMixture
from ..projectors import Composition, FrameStretch, Projector

__all__ = ["elements", "fitting"]

_Index = tuple[int, ...]


def elements(thing: Any, shape: tuple[int, ...]) -> list[Any]:
    """A population, classifier or projector with single parameters for each element of a broadcast.

    Elements of equal parameters are one and the same object, as far as broadcasting shows it.

    Parameters
    ----------
    thing : object with ``batch_shape``
    shape : tuple of int
        A shape that its ``batch_shape`` broadcasts to.

    Returns
    -------
    list, in the order of a flattened array of this shape

    Raises
    ------
    TypeError
        For an object with array parameters of a kind that is not known here.
    """
    own = thing.batch_shape
    made = {index: _take(thing, own, index) for index in np.ndindex(own)}
    return [made[_index(own, index)] for index in np.ndindex(shape)]


def _index(own: tuple[int, ...], index: _Index) -> _Index:
    """The index into an array of shape `own` that broadcasting takes at `index`."""
    tail = index[len(index) - len(own) :]
    return tuple(0 if size == 1 else i for size, i in zip(own, tail, strict=True))


def _take(thing: Any, shape: tuple[int, ...], index: _Index) -> Any:
    if not shape:
        return thing
    if isinstance(thing, Composition):
        inner, outer = (
            _take(part, part.batch_shape, _index(part.batch_shape, index))
            for part in (thing.inner, thing.outer)
        )
        return outer @ inner
    if isinstance(thing, (FrameStretch, GaussianMixture)):
        return thing.take(index)
    if isinstance(thing, Flipped):
        return dataclasses.replace(thing, clf=_take(thing.clf, shape, index))
    if isinstance(thing, Spectrum):
        names, trailing = list(thing.parameters), 1
    elif isinstance(thing, Parametrised):
        names, trailing = list(thing.parameters), 0
    else:
        raise TypeError(
            f"{shown(thing)} has array parameters, and no way to take an element of them"
        )
    changes: dict[str, Any] = {}
    for name in names:
        values = np.asarray(getattr(thing, name))
        atoms = 0 if name == "balance" else trailing
        own = values.shape[: values.ndim - atoms]
        taken = values[_index(own, index)]
        changes[name] = taken if atoms else float(taken)
    if isinstance(thing, SpikedMixture):
        changes["spikes"] = tuple(
            _take(spike, spike.batch_shape, _index(spike.batch_shape, index))
            for spike in thing.spikes
        )
    made = dataclasses.replace(thing, **changes)
    if isinstance(thing, Spectrum) and thing.ends is not None:
        ends = tuple(
            _take(end, end.batch_shape, _index(end.batch_shape, index)) for end in thing.ends
        )
        object.__setattr__(made, "ends", ends)
    return made


def fitting(mix: Any, projector: Projector, whole: Any) -> Projector:
    """A map of the frame of a batch `whole` of spectra, on that of one element `mix` of it.

    The frame has an axis for each atom that has energy in some element; this one's may be 0 there.
    """
    if not isinstance(mix, Spectrum) or mix is whole:
        return projector
    if isinstance(projector, Composition):
        return fitting(mix, projector.outer, whole) @ fitting(mix, projector.inner, whole)
    if not isinstance(projector, FrameStretch):
        return projector
    own = np.asarray(mix.energies) > 0
    kept = own[np.any(np.reshape(whole.energies, (-1, own.size)) > 0, axis=0)]
    if kept.all() or projector.scales.shape[-1] != kept.size:
        return projector
    return projector.restricted(kept)
