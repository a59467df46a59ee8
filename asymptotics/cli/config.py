"""The configuration of a sweep: a TOML file, checked key by key.

Whatever is wrong is said in one line: the file, the path of the key, the value, and what it must
be.
"""

from __future__ import annotations

import codecs
import dataclasses
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..checks import POSITIVE, check_flag, check_integer, check_real
from ..classifiers import Flipped
from ..populations.classes import ClassMixture
from ..populations.spiked import Spike
from ..projectors import Composition
from ..simulation.experiment import METHODS
from ..simulation.running.collect import check_n_jobs
from .kinds import CLASSIFIERS, POPULATIONS, PROJECTORS
from .options import one_line

__all__ = ["Config", "located", "read_config"]

_COMPOSITION = "composition"
_FLIPPED = "flipped"
_SIMPLEX = "simplex"
# Kinds that are made of others of their section, in tables of their own.
_PARTS = {_COMPOSITION: ("outer", "inner"), _FLIPPED: ("clf",)}
# What is an array by nature, and not several numbers at once.
_ARRAYS = (
    "mean",
    "means",
    "covariance",
    "eigenvalues",
    "class_eigenvalues",
    "weights",
    "energies",
    "priors",
    "labels",
    "matrix",
)
_KINDS: dict[str, tuple[dict[str, type[Any]], str | None]] = {
    "population": (POPULATIONS | {_SIMPLEX: ClassMixture}, "spiked-mixture"),
    "projector": (PROJECTORS | {_COMPOSITION: Composition}, None),
    "classifier": (CLASSIFIERS | {_FLIPPED: Flipped}, None),
}


@dataclass(frozen=True)
class Config:
    """What a configuration says: the arguments of :func:`asymptotics.sweep`, and files.

    Attributes
    ----------
    population, classifier, projector : object, or dict of str to object
        A dict where the file has named tables; the projector may be None.
    grid : dict of str to list
    aspect_ratio : float or None
    n, trials, rng : int
    method : str
    fixed_counts : bool
    metrics : list of str
    n_jobs : int or None
    checkpoint : str or None
    output, figure : Path or None
    """

    population: Any
    classifier: Any
    projector: Any = None
    grid: dict[str, Any] = dataclasses.field(default_factory=dict)
    aspect_ratio: float | None = None
    n: int = 400
    trials: int = 0
    rng: int = 0
    method: str = "auto"
    fixed_counts: bool = False
    metrics: list[str] = dataclasses.field(default_factory=list)
    n_jobs: int | None = None
    checkpoint: str | None = None
    output: Path | None = None
    figure: Path | None = None


def read_config(path: Path) -> Config:
    """Read and check a configuration.

    Raises
    ------
    ValueError
        If the file cannot be read, is no TOML, or has anything unknown, missing or out of range.
    """
    try:
        document = tomllib.loads(_decoded(path.read_bytes()))
    except OSError as error:
        raise ValueError(
            f"CONFIG must be a file to read, got {str(path)!r}: {error.strerror}"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeError) as error:
        raise ValueError(f"{path}: not TOML: {one_line(error)}") from None
    try:
        return _config(document)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {one_line(error)}") from None


def _decoded(data: bytes) -> str:
    """The text of a file in UTF-8, with or without a byte-order mark, and with any line ends."""
    marks = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
    if data.startswith(marks) or b"\0" in data[:4]:  # UTF-32 begins like UTF-16
        raise UnicodeError("the file must be saved as UTF-8, got UTF-16 or UTF-32")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnicodeError(
            f"the file must be saved as UTF-8, got byte 0x{data[error.start]:02x} at line {line}"
        ) from None


@contextmanager
def located(path: Path, config: Config) -> Iterator[None]:
    """Name the file and the key in what :func:`asymptotics.sweep` refuses."""
    try:
        yield
    except (TypeError, ValueError) as error:
        line = re.sub(r" at index \([\d, ]*\)$", "", one_line(error))
        for name in config.grid:
            line = line.replace(f"grid[{name!r}]", f"grid.{name}")
        name = line.partition(" ")[0]
        longer = [key for key in config.grid if key.endswith(f"_{name}")]
        if name == "aspect_ratio" and config.aspect_ratio is not None:
            pass  # given outside the grid
        elif name in config.grid:
            line = f"grid.{line}"
        elif len(longer) == 1:  # spike_0_strength, of which the library says: strength
            line = f"grid.{longer[0]}: {line}"
        raise ValueError(f"{path}: {line}") from error


def _config(document: dict[str, Any]) -> Config:
    _known("", document, [field.name for field in dataclasses.fields(Config)])
    for section in ("population", "classifier"):
        if section not in document:
            raise ValueError(f"[{section}] must be given")
    values = dict(document)
    for section in _KINDS:
        if section in values:
            values[section] = _things(section, values[section])
    if "grid" in values:
        values["grid"] = _table("grid", values["grid"])
    for name, least in (("n", 2), ("trials", 0), ("rng", 0)):
        if name in values:
            high = {"high": None} if name == "rng" else {}
            check_integer(name, values[name], least, **high)
    check_n_jobs(values.get("n_jobs"))
    if "aspect_ratio" in values:
        _one_number("aspect_ratio", values["aspect_ratio"])
        values["aspect_ratio"] = check_real("aspect_ratio", values["aspect_ratio"], POSITIVE)
    if "method" in values:
        _one_of("method", values["method"], METHODS)
    if "fixed_counts" in values:
        check_flag("fixed_counts", values["fixed_counts"])
    if not isinstance(values.get("metrics", []), list):
        raise TypeError(f"metrics must be an array of names, got {values['metrics']!r}")
    for name in ("checkpoint", "output", "figure"):
        if name in values and (not isinstance(values[name], str) or not values[name]):
            raise TypeError(f"{name} must be a path in quotes, got {values[name]!r}")
    for name in ("output", "figure"):
        if name in values:
            values[name] = Path(values[name])
    return Config(**values)


def _things(section: str, table: Any) -> Any:
    """One object, or several by name: a section of tables alone has a name for each."""
    table = _table(section, table)
    kinds, default = _KINDS[section]
    fields = [name for cls in kinds.values() for name in _fields(cls)]
    parts = _PARTS.get(str(table.get("kind")), fields)
    named = {name: part for name, part in table.items() if isinstance(part, dict)}
    if named and len(named) == len(table):
        return {
            name: _thing(section, f"{section}.{name}", part, name if name in kinds else default)
            for name, part in named.items()
        }
    for name in named:
        if name not in parts:
            raise ValueError(
                f"{section} must be either one thing or named tables, got [{section}.{name}] "
                f"beside {', '.join(key for key in table if key not in named)}"
            )
    return _thing(section, section, table, default)


def _thing(section: str, path: str, table: dict[str, Any], default: str | None) -> Any:
    """One population, projector or classifier."""
    kinds, _ = _KINDS[section]
    values = dict(table)
    kind = values.pop("kind", default)
    if kind is None:
        raise ValueError(f"{path}.kind must be given, one of {', '.join(kinds)}")
    _one_of(f"{path}.kind", kind, tuple(kinds))
    if kind == _COMPOSITION:
        _known(path, values, list(_PARTS[kind]), "kind")
    for part in _PARTS.get(kind, ()):
        inner = _table(f"{path}.{part}", _given(path, values, part))
        values[part] = _thing(section, f"{path}.{part}", inner, None)
    if kind == _COMPOSITION:
        return Composition(**values)
    if kind == _SIMPLEX:
        return _simplex(path, values)
    return _build(path, kinds[kind], values, "kind")


def _simplex(path: str, values: dict[str, Any]) -> ClassMixture:
    """Equidistant classes, from their number and distance."""
    _known(path, values, ["classes", "distance", "noise", "priors"], "kind")
    for name in ("classes", "distance"):
        _given(path, values, name)
    priors = values.pop("priors", None)
    try:
        return dataclasses.replace(ClassMixture.simplex(**values), priors=priors)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}.{one_line(error)}") from None


def _by_label(weight: Any) -> Any:
    """Class weights of a table, whose keys are text: labels are numbers."""
    if not isinstance(weight, dict):
        return weight
    try:
        return {float(label): value for label, value in weight.items()}
    except ValueError:
        return weight  # refused where the classifier is made


def _fields(cls: type[Any]) -> dict[str, dataclasses.Field[Any]]:
    """What a class is made from; :class:`Identity` is made from nothing."""
    fields = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
    return {field.name: field for field in fields if field.init}


def _build(path: str, cls: type[Any], values: dict[str, Any], *also: str) -> Any:
    """An object from the values of its fields."""
    fields = _fields(cls)
    _known(path, values, list(fields), *also)
    for name, field in fields.items():
        if field.default is field.default_factory is dataclasses.MISSING:
            _given(path, values, name)
    for name in getattr(cls, "parameters", {}):
        if name in values and name not in _ARRAYS:
            _one_number(f"{path}.{name}", values[name])
    if "spikes" in values:
        spikes = values["spikes"]
        if not isinstance(spikes, list):
            raise TypeError(f"{path}.spikes must be an array of tables, got {spikes!r}")
        values["spikes"] = [
            _build(f"{path}.spikes[{k}]", Spike, _table(f"{path}.spikes[{k}]", spike))
            for k, spike in enumerate(spikes)
        ]
    if "class_weight" in values:
        values["class_weight"] = _by_label(values["class_weight"])
    try:
        return cls(**values)
    except (TypeError, ValueError) as error:
        line = one_line(error)
        separator = "." if line.partition(" ")[0] in fields else ": "
        raise ValueError(f"{path}{separator}{line}") from None


# --------------------------------------------------------------------------- checks of one key


def _known(path: str, table: Mapping[str, Any], names: list[str], *also: str) -> None:
    for name in table:
        if name not in names and name not in also:
            where = f"{path}.{name}" if path else name
            allowed = ", ".join([*also, *names])
            raise ValueError(f"{where} is no known key: it must be one of {allowed}")


def _table(path: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{path} must be a table, got {value!r}")
    return value


def _given(path: str, table: Mapping[str, Any], name: str) -> Any:
    if name not in table:
        raise ValueError(f"{path}.{name} must be given")
    return table[name]


def _one_number(path: str, value: Any) -> None:
    if isinstance(value, list):
        raise TypeError(f"{path} must be a single number, got {value!r}: several go into [grid]")


def _one_of(path: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{path} must be one of {', '.join(allowed)}, got {value!r}")
