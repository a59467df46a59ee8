"""The content of an experiment as a name: equal content, equal name, on every machine.

Two experiments share their trials exactly if all that decides the numbers agrees: the parameters to
the last bit, n and p, the way training sets are drawn, the root of the randomness, and the version
of the algorithm that turns these into numbers.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...checks import Array, ByValue, at_later_default
from ...intake import shown
from ...projectors import Composition
from ..experiment import Experiment

__all__ = ["ALGORITHM", "describe", "describe_experiment", "fingerprint"]

#: Raised whenever the same parameters and the same seed lead to other numbers than before.
ALGORITHM = 1


def describe(thing: Any, whole: bool = False) -> Any:
    """A population, classifier or projector as plain data that JSON can hold; infinity is "inf".

    Parameters
    ----------
    thing : object
        Made of dataclasses, compositions, sequences, arrays and plain data.
    whole : bool, default False
        Whether arrays are there with all their numbers, little-endian float64 in base 64, or by
        shape and SHA-256 alone.

    Raises
    ------
    TypeError
        For any other object.
    """
    if thing is None or isinstance(thing, (bool, str)):
        return thing
    if isinstance(thing, (int, np.integer)):
        return int(thing)
    if isinstance(thing, (float, np.floating)):
        value = float(thing) + 0.0  # one name for 0 and -0
        return value if math.isfinite(value) else str(value)  # JSON has no word for infinity
    if isinstance(thing, np.ndarray):
        return _describe_array(thing, whole)
    if isinstance(thing, Sequence):
        return [describe(element, whole) for element in thing]
    if isinstance(thing, Composition):
        return {"outer": describe(thing.outer, whole), "inner": describe(thing.inner, whole)}
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        fields = [field for field in dataclasses.fields(thing) if field.init]
        if isinstance(thing, ByValue):
            values = thing._compared()
        else:
            values = {field.name: getattr(thing, field.name) for field in fields}
        late = {field.name for field in fields if at_later_default(thing, field)}
        kept = {name: value for name, value in values.items() if name not in late}
        return {_name(type(thing)): {k: describe(v, whole) for k, v in kept.items()}}
    raise TypeError(f"an experiment must be made of dataclasses and numbers, got {shown(thing)}")


def _name(kind: type) -> str:
    """The name of a class, with its module if it is not one of this package."""
    own = kind.__module__.partition(".")[0] == __name__.partition(".")[0]
    return kind.__qualname__ if own else f"{kind.__module__}.{kind.__qualname__}"


def _describe_array(array: Array, whole: bool) -> Any:
    values = np.ascontiguousarray(array, dtype="<f8") + 0.0
    content = values.tobytes()
    found = {"shape": list(values.shape), "sha256": hashlib.sha256(content).hexdigest()}
    return found | ({"base64": base64.b64encode(content).decode()} if whole else {})


def describe_experiment(experiment: Experiment, root: np.random.SeedSequence) -> dict[str, Any]:
    """All that decides the numbers of an experiment's trials.

    What was not there in earlier versions is named only where it is not what it was then, so that
    their trials are found again.
    """
    added = {"fixed_counts": True} if experiment.fixed_counts else {}
    return added | {
        "mix": describe(experiment.mix),
        "clf": describe(experiment.clf),
        "projector": describe(experiment.projector),
        "n": experiment.n,
        "dimension": experiment.dimension,
        "method": experiment.method,
        "entropy": describe(root.entropy),
        "spawn_key": describe(root.spawn_key),
        "pool_size": root.pool_size,
        "algorithm": ALGORITHM,
    }


def fingerprint(description: Any) -> str:
    """The name of a description: 40 hexadecimal digits."""
    text = json.dumps(description, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:40]
