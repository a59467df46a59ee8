"""What the commands print and write: tables for people, JSON for programs, figures for both."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import asymptotics as asy

from .grid import Grid
from .options import PROG, one_line
from .streams import encodable

__all__ = [
    "Row",
    "as_text",
    "chosen",
    "figure_path",
    "print_json",
    "print_results",
    "say_interrupted",
    "show_progress",
    "table",
    "warnings_as_lines",
    "writable",
]

Row: TypeAlias = dict[str, Any]

# Digits of a number in a table, where six are not the right number of them.
_FORMATS = {"stderr": ".2g", "deviation": ".3g", "z": "+.2f", "bias": "+.3g"}


def show_progress(args: argparse.Namespace) -> bool:
    """Only to somebody who is watching."""
    return not args.quiet and sys.stderr.isatty()  # a stream of main's, which is never None


def as_text(value: Any, name: str = "") -> str:
    """A cell of a table."""
    if isinstance(value, (list, tuple)):
        return " ".join(as_text(item, name) for item in value)
    if isinstance(value, float) and not math.isnan(value):
        return format(value, _FORMATS.get(name, ".6g"))
    return encodable(str(value), sys.stdout)


def table(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """Rows as aligned text: numbers to the right, words to the left."""
    cells = [[as_text(row[name], name) for name in columns] for row in rows]
    lines = []
    for line in ([*columns], *cells):
        parts = []
        for k, cell in enumerate(line):
            width = max(len(columns[k]), *(len(other[k]) for other in cells))
            words = isinstance(rows[0][columns[k]], str)
            parts.append(cell.ljust(width) if words else cell.rjust(width))
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def _is_matrix(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, list) for item in value)


def _finite(value: Any) -> Any:
    """JSON has no word for NaN and infinity: null."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_json(args: argparse.Namespace, rows: Sequence[Row], **more: Any) -> None:
    """One document: the command, whatever else it says, and the rows."""
    document = {"command": args.command, "version": asy.__version__, **more, "results": list(rows)}
    print(json.dumps(_finite(document), indent=2, allow_nan=False))


def chosen(args: argparse.Namespace) -> dict[str, Any]:
    """The options that are no numbers of a grid, where they were given."""
    names = ("classes", "priors", "classifier", "class_weight", "label_noise", "spike_index")
    setting = {name: getattr(args, name) for name in names if getattr(args, name, None) is not None}
    return setting | ({"between": True} if getattr(args, "between", False) else {})


def print_results(
    args: argparse.Namespace, grid: Grid, rows: Sequence[Row], columns: Sequence[str], **more: Any
) -> None:
    """The settings, then a table of what varies; a single result as a list of all it has."""
    setting = {**chosen(args), "fit_intercept": not args.no_intercept, **more}
    if args.json:
        print_json(args, rows, **setting)
        return
    fixed = {name: value for name, value in setting.items() if value is not None}
    fixed |= {name: rows[0][name] for name in grid.options if name not in grid.varying}
    print(", ".join(f"{name} = {as_text(value)}" for name, value in fixed.items()), end="\n\n")
    if grid.varying:
        print(table(rows, [*grid.varying, *columns]))
    else:
        found = {
            name: value
            for name, value in rows[0].items()
            if name not in grid.options and not _is_matrix(value)
        }
        width = max(map(len, found))
        print(
            "\n".join(f"{name:<{width}}  {as_text(value, name)}" for name, value in found.items())
        )


def writable(option: str, path: Path) -> Path:
    """The path, if a file can be written there: said before hours of work, not after them."""
    if path.is_dir():
        raise ValueError(f"{option} must be a file, got the directory {str(path)!r}")
    if not os.access(path.parent, os.W_OK):
        raise ValueError(f"{option} must be in a directory to write to, got {str(path)!r}")
    return path


def figure_path(option: str, path: Path) -> Path:
    """The path, if a figure of its format can be written there."""
    from matplotlib.figure import Figure

    formats = Figure().canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in formats:
        raise ValueError(
            f"{option} must end in one of {', '.join(sorted(formats))}, got {str(path)!r}"
        )
    return writable(option, path)


def say(args: argparse.Namespace, line: str) -> None:
    """A line on the standard error."""
    print(f"{PROG} {args.command}: {line}", file=sys.stderr)


def say_interrupted(args: argparse.Namespace, checkpoint: str | None) -> None:
    """What becomes of what is done."""
    kept = "is not kept, for want of a --checkpoint"
    if checkpoint is not None:
        kept = f"is kept in {checkpoint!r}: the same command goes on from there"
    say(args, f"what is done is reported, and {kept}")


@contextmanager
def warnings_as_lines(args: argparse.Namespace) -> Iterator[list[str]]:
    """Print the library's warnings as lines on the standard error, and collect them."""
    found: list[str] = []

    def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
        if not issubclass(category, UserWarning):
            before(message, category, *rest, **more)
            return
        found.append(one_line(message))
        say(args, f"warning: {one_line(message)}")

    with warnings.catch_warnings():
        before = warnings.showwarning
        warnings.showwarning = show
        warnings.simplefilter("always", UserWarning)
        # joblib on what Ctrl-C ends, of which the library says more
        warnings.filterwarnings("ignore", ".*tasks which were still being processed")
        yield found
