"""Parameters by name: what can be varied in a population, a projector and a classifier.

A name is that of the constructor's argument: ``signal``, ``penalty``, ``gain``. The k-th spike has
``spike_k_strength`` and ``spike_k_alignment``. Of two composed projectors that share a name, each
has its own under ``outer_`` and ``inner_``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from .parameters import ANY, Array, Parametrised, check_integer, check_real
from .population import GaussianMixture, SpikedMixture
from .projectors import Composition
from .spectrum import Spectrum

__all__ = ["axis_values", "parameter_names", "replace_parameters"]

Thing = TypeVar("Thing")


def parameter_names(thing: Any) -> tuple[str, ...]:
    """The numeric parameters of a population, classifier or projector that can be varied."""
    if isinstance(thing, (GaussianMixture, Spectrum)):
        return ("balance",)
    if isinstance(thing, Composition):
        return tuple(_renamed(thing))
    names = tuple(thing.parameters) if isinstance(thing, Parametrised) else ()
    if isinstance(thing, SpikedMixture):
        for k, spike in enumerate(thing.spikes):
            names += tuple(f"spike_{k}_{name}" for name in spike.parameters)
    return names


def replace_parameters(thing: Thing, values: Mapping[str, Any]) -> Thing:
    """The same with other values; names that it does not have are left out.

    Raises
    ------
    TypeError, ValueError
        For values out of range.
    """
    own = {name: value for name, value in values.items() if name in parameter_names(thing)}
    if not own:
        return thing
    if isinstance(thing, Composition):
        names = _renamed(thing)
        parts = {"outer": thing.outer, "inner": thing.inner}
        for part in parts:
            chosen = {names[name][1]: own[name] for name in own if names[name][0] == part}
            parts[part] = replace_parameters(parts[part], chosen)
        return parts["outer"] @ parts["inner"]  # type: ignore[return-value]
    if isinstance(thing, SpikedMixture):
        spikes = list(thing.spikes)
        for name in [name for name in own if name.startswith("spike_")]:
            _, k, field = name.split("_")
            spikes[int(k)] = dataclasses.replace(spikes[int(k)], **{field: own.pop(name)})
        own["spikes"] = spikes
    replace: Callable[..., Thing] = dataclasses.replace
    return replace(thing, **own)


def _renamed(thing: Composition) -> dict[str, tuple[str, str]]:
    """Each name of a composition: of which part, and under which name there."""
    outer, inner = parameter_names(thing.outer), parameter_names(thing.inner)
    shared = set(outer) & set(inner)
    renamed = {}
    for part, names in (("outer", outer), ("inner", inner)):
        for name in names:
            renamed[f"{part}_{name}" if name in shared else name] = (part, name)
    return renamed


def axis_values(name: str, values: Any) -> Array:
    """The values along an axis: flat, not empty, none twice; integers for ``n``.

    Raises
    ------
    TypeError, ValueError
        For anything else.
    """
    where = f"grid[{name!r}]"
    found = np.asarray(check_real(where, values, ANY))
    if found.ndim != 1 or not found.size:
        raise ValueError(f"{where} must be a flat, non-empty sequence, got shape {found.shape}")
    if len(np.unique(found)) < found.size:
        raise ValueError(f"{where} must hold no value twice, got {values!r}")
    if name == "n":
        each = values.tolist() if isinstance(values, np.ndarray) else values
        return np.array([check_integer("n", value, 2) for value in each])
    return found
