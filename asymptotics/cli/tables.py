"""Features, labels and heads from files: npy, npz, csv, and parquet where pandas is there."""

from __future__ import annotations

import csv
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import Array

__all__ = ["read_labels", "read_matrix"]

_SUFFIXES = (".npy", ".npz", ".csv", ".parquet")
# What the array may be called in an npz file that holds several.
_NAMES = {
    "features": ("features", "x", "X"),
    "labels": ("labels", "y"),
    "head": ("head", "projector", "weight", "T"),
}


def _located(argument: str, text: str) -> tuple[Path, str | None]:
    """The path, and the name of an array after the colon of FILE.npz:NAME."""
    front, colon, name = text.rpartition(":")
    path = Path(front) if colon and front.lower().endswith(".npz") else Path(text)
    if path.suffix.lower() not in _SUFFIXES:
        raise ValueError(f"{argument} must end in one of {', '.join(_SUFFIXES)}, got {text!r}")
    if not path.is_file():
        raise ValueError(f"{argument} must be a file, got {str(path)!r}, which is none")
    return path, name if path != Path(text) else None


def _array_of(argument: str, text: str) -> Any:
    """An array, or the columns of a table by pandas, or the cells of a csv file as text."""
    path, name = _located(argument, text)
    suffix = path.suffix.lower()
    try:
        if suffix == ".npy":
            return np.load(path, mmap_mode="r", allow_pickle=False)
        if suffix == ".npz":
            return _from_archive(argument, path, name)
        if suffix == ".parquet":
            return _from_parquet(argument, path)
        with path.open(newline="", encoding="utf-8-sig") as file:
            return [row for row in csv.reader(file) if row]
    except (ValueError, EOFError, zipfile.BadZipFile, csv.Error) as error:
        if str(error).startswith(argument):
            raise
        raise ValueError(
            f"{argument} must be a readable {suffix} file, got {text!r}: {error}"
        ) from None


def _from_archive(argument: str, path: Path, name: str | None) -> Any:
    with np.load(path, allow_pickle=False) as archive:
        names = archive.files
        wanted = [name] if name is not None else [n for n in _NAMES[argument] if n in names]
        if name is None and not wanted and len(names) == 1:
            wanted = names
        if not wanted or wanted[0] not in names:
            raise ValueError(
                f"{argument} must be one of the arrays in {str(path)!r}, which are "
                f"{', '.join(names)}: name it as {path}:{names[0] if names else 'NAME'}"
            )
        return archive[wanted[0]]


def _from_parquet(argument: str, path: Path) -> Any:
    try:
        return import_module("pandas").read_parquet(path)
    except ImportError as error:
        raise ValueError(
            f"{argument} in a .parquet file needs pandas with pyarrow or fastparquet: {error}"
        ) from None


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def read_matrix(argument: str, text: str) -> Any:
    """A table of numbers, of a npy file without reading it.

    A first line of a csv file that is not made of numbers names the columns.

    Raises
    ------
    ValueError
        If there is no such file, or it does not hold a table of numbers.
    """
    found = _array_of(argument, text)
    if not isinstance(found, list):
        return found
    rows = found
    if rows and all(_number(cell) is None for cell in rows[0]):
        rows = rows[1:]
    if not rows:
        raise ValueError(f"{argument} must hold rows of numbers, got {text!r} without any")
    values: Array = np.empty((len(rows), len(rows[0])))
    for k, row in enumerate(rows):
        numbers = [_number(cell) for cell in row]
        if len(row) != len(rows[0]) or None in numbers:
            raise ValueError(
                f"{argument} must hold rows of {len(rows[0])} numbers, got {','.join(row)[:60]!r} "
                f"in row {k + 1} of {text!r}"
            )
        values[k] = numbers
    return values


def read_labels(text: str) -> Any:
    """A column of labels: numbers where all are, text where not.

    Raises
    ------
    ValueError
        If there is no such file, or it holds more than one column.
    """
    found = _array_of("labels", text)
    if not isinstance(found, list):
        if getattr(found, "ndim", 1) == 2 and found.shape[1] == 1:  # a column is a column
            found = found[:, 0] if isinstance(found, np.ndarray) else found.iloc[:, 0]
        return found
    if any(len(row) != 1 for row in found):
        wide = next(k for k, row in enumerate(found) if len(row) != 1)
        raise ValueError(
            f"labels must be a single column, got {len(found[wide])} cells in row {wide + 1} of "
            f"{text!r}"
        )
    cells = [row[0].strip() for row in found]
    numbers = [_number(cell) for cell in cells]
    # one word on top of numbers names the column; on top of words it has to say so itself
    if cells and (
        (numbers[0] is None and None not in numbers[1:])
        or cells[0].lower() in ("label", "labels", "y", "class", "target")
    ):
        cells, numbers = cells[1:], numbers[1:]
    return np.array(cells if None in numbers else numbers)
