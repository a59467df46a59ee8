"""Parameters by name, and the grid of their values.

A name is that of the constructor's argument: ``signal``, ``penalty``, ``gain``. The k-th spike has
``spike_k_strength`` and ``spike_k_alignment``. Of two composed projectors that share a name, each
has its own under ``outer_`` and ``inner_``.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..checks import EXTENDED, Array, Parametrised, check_integer, check_real
from ..classifiers import Classifier, Flipped
from ..intake import shown
from ..populations.base import Population, check_population
from ..populations.classes import ClassMixture
from ..populations.gaussian import GaussianMixture
from ..populations.spectrum import Spectrum
from ..populations.spiked import SpikedMixture
from ..projectors import Composition, Projector, check_projector
from ..questions.limits import check_classifier

__all__ = ["Axes", "Things", "axis_values", "parameter_names", "replace_parameters"]

Thing = TypeVar("Thing")


def parameter_names(thing: Any) -> tuple[str, ...]:
    """The numeric parameters of a population, classifier or projector that can be varied."""
    if isinstance(thing, (GaussianMixture, Spectrum)):
        return ("balance",)
    if isinstance(thing, Composition):
        return tuple(_renamed(thing))
    if isinstance(thing, Flipped):
        return (*parameter_names(thing.clf), "rate")
    names = tuple(thing.parameters) if isinstance(thing, (Parametrised, ClassMixture)) else ()
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
    if isinstance(thing, Flipped):
        own = {"clf": replace_parameters(thing.clf, own)} | {
            name: value for name, value in own.items() if name == "rate"
        }
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
    found = np.asarray(check_real(where, values, EXTENDED))  # its own range is the parameter's say
    if found.ndim != 1 or not found.size:
        raise ValueError(f"{where} must be a flat, non-empty sequence, got shape {found.shape}")
    if len(np.unique(found)) < found.size:
        raise ValueError(f"{where} must hold no value twice, got {shown(values)}")
    if name == "n":
        each = values.tolist() if isinstance(values, np.ndarray) else values
        return np.array([check_integer(where, value, 2) for value in each])
    return found


class Things(NamedTuple):
    """One population, classifier and projector, and where they stand on the named dimensions."""

    place: tuple[int, ...]
    mix: Population
    clf: Classifier
    projector: Projector


@dataclass(frozen=True)
class Axes:
    """The dimensions of a sweep: the named ones, then the grid's, and n as the last one."""

    populations: dict[str, Population]
    classifiers: dict[str, Classifier]
    projectors: dict[str, Projector]
    named: dict[str, list[str]]
    values: dict[str, Array]

    @classmethod
    def of(cls, mix: Any, clf: Any, projector: Any, grid: Any) -> Axes:
        kinds: dict[str, dict[str, Any]] = {}
        named = {}
        checks: dict[str, tuple[str, Any, Callable[[Any], Any]]] = {
            "population": ("mix", mix, functools.partial(check_population, several=True)),
            "classifier": ("clf", clf, functools.partial(check_classifier, several=True)),
            "projector": ("projector", projector, check_projector),
        }
        for dim, (argument, given, check) in checks.items():
            several = isinstance(given, Mapping)
            if several and not given:
                raise ValueError(f"{argument} must not be an empty mapping, got {shown(given)}")
            things = {str(k): check(v) for k, v in (given if several else {"": given}).items()}
            if several:
                named[dim] = list(things)
            kinds[dim] = things
        populations, classifiers, projectors = kinds.values()
        if grid is not None and not isinstance(grid, Mapping):
            raise TypeError(f"grid must be a mapping of names to values, got {shown(grid)}")
        known = {
            name for each in kinds.values() for t in each.values() for name in parameter_names(t)
        }
        known |= {"aspect_ratio", "n"}
        values = {}
        for name, given in (grid or {}).items():
            if name not in known:
                raise ValueError(
                    f"grid must name any of {', '.join(sorted(known))}, got {shown(name)}"
                )
            values[name] = axis_values(name, given)
        if "n" in values:
            values["n"] = values.pop("n")
        axes = cls(populations, classifiers, projectors, named, values)
        for things in kinds.values():
            for thing in things.values():
                if thing.batch_shape:
                    raise ValueError(
                        "mix, clf and projector must have single numbers for parameters in sweep; "
                        f"arrays go into the grid, got {shown(thing)}"
                    )
        return axes

    @property
    def dims(self) -> tuple[str, ...]:
        return (*self.named, *self.values)

    @property
    def shape(self) -> tuple[int, ...]:
        return (*map(len, self.named.values()), *map(len, self.values.values()))

    @property
    def coordinates(self) -> dict[str, Any]:
        return self.named | self.values

    def things(self) -> Iterator[Things]:
        """Every combination of the named dimensions."""
        for (i, mix), (j, clf), (k, projector) in itertools.product(
            enumerate(self.populations.values()),
            enumerate(self.classifiers.values()),
            enumerate(self.projectors.values()),
        ):
            places = {"population": i, "classifier": j, "projector": k}
            yield Things(tuple(places[dim] for dim in self.named), mix, clf, projector)

    def arrays(self) -> dict[str, Array]:
        """The values of the grid, each along its own axis, so that they broadcast."""
        count = len(self.values)
        return {
            name: values.reshape(*(-1 if k == axis else 1 for k in range(count)))
            for axis, (name, values) in enumerate(self.values.items())
        }
