"""Checks of user input at the public edge: the parameter, the value, the allowed range.

Beyond this edge the code trusts its arguments. Every public class lists its numeric parameters
with their :class:`Interval` in a ``parameters`` table, so that one test can feed each of them
something invalid.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .intake import real_array, shown

__all__ = [
    "ANY",
    "CORRELATION",
    "DURATION",
    "EXTENDED",
    "LATER",
    "NONNEGATIVE",
    "POSITIVE",
    "PROBABILITY",
    "Array",
    "ArrayLike",
    "ByValue",
    "Interval",
    "Parametrised",
    "at_later_default",
    "check_bounds",
    "check_flag",
    "check_integer",
    "check_integers",
    "check_matrix",
    "check_real",
    "check_single",
]

# Elements that an array can have in the memory that a processor can address.
_MOST = 2**48

# Of float64 unless a comment says bool or index: flat batches mix them too freely to tell apart.
Array: TypeAlias = NDArray[Any]
ArrayLike: TypeAlias = float | Array


@dataclass(frozen=True)
class Interval:
    """A range of real numbers, each end open or closed; infinity is inside only as a closed end."""

    low: float
    high: float
    low_open: bool = True
    high_open: bool = True

    def contains(self, values: ArrayLike) -> Any:
        above = values > self.low if self.low_open else values >= self.low
        below = values < self.high if self.high_open else values <= self.high
        return above & below

    def __str__(self) -> str:
        left, right = "[("[self.low_open], "])"[self.high_open]
        return f"{left}{self.low:g}, {self.high:g}{right}"


#: Metadata of a field that came after the first version: at its default it does not show in the
#: name of an experiment.
LATER: Mapping[str, str] = {"since": "0.2"}

ANY = Interval(-math.inf, math.inf)
EXTENDED = Interval(-math.inf, math.inf, low_open=False, high_open=False)
POSITIVE = Interval(0, math.inf)
NONNEGATIVE = Interval(0, math.inf, low_open=False)
PROBABILITY = Interval(0, 1)
DURATION = Interval(0, math.inf, low_open=False, high_open=False)
CORRELATION = Interval(-1, 1, low_open=False, high_open=False)


def check_real(name: str, value: Any, interval: Interval) -> Any:
    """A float, or a read-only float64 array, inside `interval`.

    Parameters
    ----------
    name : str
        Name of the parameter, for the message.
    value : float or array_like of float
    interval : Interval
        The allowed range.

    Raises
    ------
    TypeError
        If `value` is not made of real numbers.
    ValueError
        If an element is masked, missing, NaN or outside the range.
    """
    if type(value) is float:  # the common case, without the cost of an array
        if interval.contains(value):
            return value
        raise ValueError(f"{name} must be in {interval}, got {shown(value)}")
    array = real_array(name, value, str(interval))
    bad = ~interval.contains(array)
    if np.any(bad):
        if array.ndim == 0:
            raise ValueError(f"{name} must be in {interval}, got {float(array)!r}")
        where = tuple(int(k) for k in np.argwhere(bad)[0])
        found = float(array[where])
        raise ValueError(f"{name} must be in {interval}, got {shown(found)} at index {where}")
    if array.ndim == 0:
        return float(array)
    array.flags.writeable = False
    return array


def check_single(name: str, value: Any, interval: Interval) -> float:
    """One float inside `interval`; arrays are refused."""
    number = check_real(name, value, interval)
    if np.ndim(number):
        raise ValueError(f"{name} must be a single number, got shape {np.shape(number)}")
    return float(number)


def check_bounds(bounds: Any) -> tuple[float, float]:
    """Two positive numbers, the first one smaller."""
    try:
        low, high = bounds
    except (TypeError, ValueError):
        raise TypeError(f"bounds must be a pair (low, high), got {shown(bounds)}") from None
    low, high = check_real("bounds", low, POSITIVE), check_real("bounds", high, POSITIVE)
    if np.ndim(low) or np.ndim(high) or not low < high:
        raise ValueError(f"bounds must be two numbers with low < high, got {shown(bounds)}")
    return low, high


def check_integer(name: str, value: Any, low: int, high: int | None = _MOST) -> int:
    """An integer of at least `low`, small enough to count something; floats and booleans are not.

    A seed, which counts nothing, has no upper end: None.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer of at least {low}, got {shown(value)}")
    number = int(value)
    if number < low:
        raise ValueError(f"{name} must be an integer of at least {low}, got {shown(number)}")
    if high is not None and number > high:
        raise ValueError(f"{name} must be an integer in [{low}, {high}], got {shown(number)}")
    return number


def check_integers(name: str, value: Any, low: int) -> Any:
    """An integer of at least `low`, or a read-only array of them."""
    raw = np.asarray(value) if isinstance(value, (list, tuple, np.ndarray)) else np.empty(())
    if not raw.ndim:
        return check_integer(name, value, low)
    if raw.dtype.kind not in "iu":
        raise TypeError(f"{name} must be made of integers of at least {low}, got {value!r}")
    if not np.all(raw >= low):
        raise ValueError(f"{name} must be made of integers of at least {low}, got {int(raw.min())}")
    array = raw.astype(np.int64)
    array.flags.writeable = False
    return array


def check_flag(name: str, value: Any) -> bool:
    """A plain True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def check_matrix(name: str, value: Any, ndim: int) -> Array:
    """A finite, non-empty, read-only float64 array with `ndim` dimensions."""
    array = check_real(name, value, ANY)
    if np.ndim(array) != ndim or np.size(array) == 0:
        shape = np.shape(array)
        raise ValueError(
            f"{name} must be a non-empty array of {ndim} dimension(s), got shape {shape}"
        )
    return np.asarray(array)


def at_later_default(thing: Any, field: dataclasses.Field[Any]) -> bool:
    """Whether a field came after the first version, and is at its default."""
    return "since" in field.metadata and getattr(thing, field.name) is field.default


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.shape(one) == np.shape(other) and bool(np.all(np.equal(one, other)))
    return bool(one == other)


class ByValue:
    """Equal where type and parameters are; arrays are, where shape and elements are.

    For dataclasses with ``eq=False``: those that dataclasses make up cannot compare arrays.
    """

    def _compared(self) -> dict[str, Any]:
        """What makes two of a type equal: the arguments of their construction."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return {field.name: getattr(self, field.name) for field in fields if field.init}

    def __repr__(self) -> str:
        """As of a dataclass, without the later fields that stand at their defaults."""
        shown = (
            f"{field.name}={getattr(self, field.name)!r}"
            for field in dataclasses.fields(self)  # type: ignore[arg-type]
            if field.repr and not at_later_default(self, field)
        )
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, ByValue) or type(self) is not type(other):
            return NotImplemented
        return all(map(_same, self._compared().values(), other._compared().values()))

    def __hash__(self) -> int:
        values = self._compared()
        for name, value in values.items():
            if isinstance(value, np.ndarray):
                raise TypeError(
                    f"{type(self).__name__} has no hash where a parameter is an array, "
                    f"got {name} of shape {value.shape}"
                )
        return hash((type(self), *values.values()))


class Parametrised(ByValue):
    """A frozen dataclass whose numeric fields are checked against its ``parameters`` table."""

    parameters: ClassVar[Mapping[str, Interval]] = {}

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Broadcast shape of the parameters."""
        return np.broadcast_shapes(*(np.shape(getattr(self, name)) for name in self.parameters))

    def _checked(self, name: str, interval: Interval) -> Any:
        """The value of a parameter, as it is kept."""
        return check_real(name, getattr(self, name), interval)

    def __post_init__(self) -> None:
        shapes = {}
        for name, interval in self.parameters.items():
            value = self._checked(name, interval)
            object.__setattr__(self, name, value)
            shapes[name] = np.shape(value)
        try:
            np.broadcast_shapes(*shapes.values())
        except ValueError:
            raise ValueError(
                f"the parameters of {type(self).__name__} must broadcast together, "
                f"got shapes {shapes}"
            ) from None
