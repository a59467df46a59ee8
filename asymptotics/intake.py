"""Data as users have them, taken in as plain arrays or refused by name.

NumPy, pandas, polars, xarray and memory maps hand over numbers; what is no number, or not there (a
masked element, a missing value, a null), is never read as one. The rules:

- taken: integers and floats of any width, order and layout, Python's own of any size, `Decimal` and
  `Fraction` alone or in lists, columns of any numeric type, also pandas' nullable ones;
- refused: masked and missing elements, booleans, complex numbers, strings, dates, durations,
  structures, objects, sparse matrices, and numbers that float64 would make infinite or 0.
"""

from __future__ import annotations

import numbers
import reprlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["label_array", "real_array", "shown"]

# Characters of a value in a message, and how many of them are its end.
_SHOWN, _END = 160, 40
# NumPy's own bound on the depth of nested sequences.
_DEPTH = 64

_BRIEF = reprlib.Repr()
_BRIEF.maxlist = _BRIEF.maxtuple = _BRIEF.maxdict = _BRIEF.maxset = _BRIEF.maxfrozenset = 20
_BRIEF.maxlong = _BRIEF.maxstring = _BRIEF.maxother = 10**6  # cut below, once


def shown(value: Any) -> str:
    """A value for a message: its repr in one line, the middle of a long one left out."""
    try:
        plain = type(value) in (list, tuple, dict, set, frozenset)
        text = " ".join((_BRIEF.repr(value) if plain else repr(value)).split())
    except Exception:  # a repr is anybody's code; and Python does not print 10**5000
        text = f"<{type(value).__name__}>"
    if len(text) <= _SHOWN:
        return text
    return f"{text[: _SHOWN - _END]} ... {text[-_END:]}"


# ------------------------------------------------------------------------------------- numbers


def real_array(name: str, value: Any, allowed: str) -> NDArray[np.float64]:
    """A new float64 array of real numbers.

    Parameters
    ----------
    name : str
        Name of the parameter, for the message.
    value : float or array_like of float
    allowed : str
        The range, for the message.

    Raises
    ------
    TypeError
        If `value` is not made of real numbers.
    ValueError
        If an element is masked or missing, or beyond the range of float64.
    """
    if type(value) is not np.ndarray:
        _refuse_absent(name, value)
        value = _without_columns(name, value)
    try:
        raw = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(
            f"{name} must be a real number or an array of them, got {shown(value)}"
        ) from None
    if raw.dtype.kind == "O" and not hasattr(value, "dtype"):
        raw = _of_python_numbers(name, value, raw, allowed)
    if raw.dtype.kind not in "iuf":
        dtype = f" of dtype {raw.dtype}" if raw.ndim or hasattr(value, "dtype") else ""
        raise TypeError(f"{name} must be a real number in {allowed}, got {shown(value)}{dtype}")
    if raw.dtype == np.float64:
        return np.array(raw, dtype=np.float64, subok=False)
    with np.errstate(over="ignore", under="ignore"):
        array = np.array(raw, dtype=np.float64, subok=False)
    lost = (np.isinf(array) & np.isfinite(raw)) | ((array == 0) & (raw != 0))
    if np.any(lost):
        raise ValueError(f"{name} {_BEYOND}, got {shown(raw[lost].flat[0])}")
    return array


_BEYOND = "must be 0 or between the smallest and the largest double in absolute value"


def _leaves(value: Any, depth: int = 0) -> Iterator[Any]:
    """What a nested list holds that is not simply a float, and a value that is no list itself."""
    if isinstance(value, (list, tuple)) and depth < _DEPTH:
        for part in value:
            if type(part) is not float:
                yield from _leaves(part, depth + 1)
    else:
        yield value


def _refuse_absent(name: str, value: Any) -> None:
    """Refuse masked elements, sparse matrices, and booleans among numbers."""
    nested = isinstance(value, (list, tuple))
    for part in _leaves(value):
        if isinstance(part, np.ma.MaskedArray):
            if np.ma.is_masked(part):
                count = int(np.ma.getmaskarray(part).sum())
                raise ValueError(
                    f"{name} must have no masked elements, got {count} masked of {part.size}"
                )
        elif nested and isinstance(part, (bool, np.bool_)):
            raise TypeError(
                f"{name} must be made of real numbers, got {shown(value)} of dtype bool"
            )
        elif hasattr(part, "toarray") and hasattr(part, "nnz"):
            raise TypeError(
                f"{name} must be dense, got a sparse matrix of shape {part.shape}: call toarray()"
            )
        elif nested:
            _without_columns(name, part)


def _of_python_numbers(
    name: str, value: Any, raw: NDArray[Any], allowed: str
) -> NDArray[np.float64]:
    """Python's own numbers, which NumPy keeps as objects: 10**30, Fraction, Decimal."""
    array = np.empty(raw.shape)
    for index, part in zip(np.ndindex(raw.shape), raw.flat, strict=True):
        real = isinstance(part, (numbers.Real, Decimal)) and not isinstance(part, bool)
        if not real:
            raise TypeError(f"{name} must be a real number in {allowed}, got {shown(value)}")
        try:
            number = float(part)
        except (OverflowError, ValueError):  # beyond the largest double; a signalling NaN
            raise ValueError(f"{name} {_BEYOND}, got {shown(part)}") from None
        if number in (0.0, np.inf, -np.inf) and part != number:
            raise ValueError(f"{name} {_BEYOND}, got {shown(part)}")
        array[index] = number
    return array


# --------------------------------------------------------------------------------------- frames


def _columns(value: Any) -> list[tuple[str, Any]]:
    """The columns of a frame of pandas or polars, or a series alone, with words for them."""
    if hasattr(value, "columns") and hasattr(value, "dtypes"):
        each = value.get_columns() if hasattr(value, "get_columns") else None
        if each is None and hasattr(value, "iloc"):
            each = [value.iloc[:, k] for k in range(len(value.columns))]
        if each is not None:
            return [
                (f"a column {shown(label)}", column)
                for label, column in zip(list(value.columns), each, strict=True)
            ]
    if hasattr(value, "dtype") and (hasattr(value, "isna") or hasattr(value, "null_count")):
        return [("values", value)]
    return []


def _without_columns(name: str, value: Any) -> Any:
    """A frame or series as an array, its columns checked for their types and missing values."""
    if not hasattr(value, "to_numpy"):
        return value
    columns = _columns(value)
    for words, column in columns:
        dtype = column.dtype
        if not _is_numeric(dtype):
            raise TypeError(f"{name} must be made of real numbers, got {words} of dtype {dtype}")
        if hasattr(column, "null_count"):
            missing = int(column.null_count())
        else:  # the NaN of NumPy's own types is a number out of range
            missing = 0 if isinstance(dtype, np.dtype) else int(column.isna().sum())
        if missing:
            raise ValueError(
                f"{name} must have no missing values, got {missing} in {words} of dtype {dtype}"
            )
    if any(not isinstance(column.dtype, np.dtype) for _, column in columns):
        if hasattr(value, "null_count"):
            return value.to_numpy()
        return value.to_numpy(dtype=np.float64)
    return value


def _is_numeric(dtype: Any) -> bool:
    """Whether a column of a frame holds integers or floats."""
    if hasattr(dtype, "is_integer") and hasattr(dtype, "is_float"):  # polars
        return bool(dtype.is_integer() or dtype.is_float())
    return getattr(dtype, "kind", "O") in "iuf"


# --------------------------------------------------------------------------------------- labels


def label_array(name: str, value: Any, count: int) -> NDArray[Any]:
    """A flat array of `count` labels of any sortable type, none of them missing.

    Raises
    ------
    TypeError
        If `value` is no sequence, or of a type whose values have no order.
    ValueError
        If the length is another, or a label is masked, missing or infinite.
    """
    if type(value) is not np.ndarray:
        for part in _leaves(value):
            if np.ma.is_masked(part):
                raise ValueError(f"{name} must have no masked elements, got {shown(value)}")
            if hasattr(part, "toarray") and hasattr(part, "nnz"):
                raise TypeError(f"{name} must be dense, got a sparse matrix: call toarray()")
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{name} must be a flat sequence, got {shown(value)}") from None
    if array.shape != (count,):
        raise ValueError(
            f"{name} must have one entry for each of the {count} rows, got shape {array.shape}"
        )
    if isinstance(value, (list, tuple)) and array.dtype.kind in "US":
        # NumPy would read 1 beside words as '1', and NaN as 'nan'
        array = np.array([*value, None], dtype=object)[:-1]
    if array.dtype.kind in "cV":
        raise TypeError(f"{name} must be of a type with an order, got dtype {array.dtype}")
    for index, label in _absent(array):
        raise ValueError(
            f"{name} must have no missing or infinite values, got {label} at index {index}"
        )
    return array


def _absent(array: NDArray[Any]) -> Iterator[tuple[int, str]]:
    """Where labels are missing or infinite, and what is there instead."""
    kind = array.dtype.kind
    if kind == "f":
        for index in np.flatnonzero(~np.isfinite(array)):
            yield int(index), "NaN" if np.isnan(array[index]) else "infinity"
    elif kind in "mM":
        for index in np.flatnonzero(np.isnat(array)):
            yield int(index), "NaT"
    elif kind == "O":
        for place, label in enumerate(array.tolist()):
            if _is_missing(label):
                yield place, shown(label)


def _is_missing(label: Any) -> bool:
    """None, NaN, NaT and pandas' NA: what does not equal itself."""
    if label is None:
        return True
    try:
        return not bool(label == label)
    except TypeError:  # pandas' NA will not say
        return True
    except ValueError:  # an array is no label, and is refused when they are sorted
        return False
