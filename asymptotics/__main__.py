"""The commands of ``asymptotics limit|simulate|threshold|figure`` and ``python -m asymptotics``.

Exit codes: 0, done; 1, a fixed point was not found, or a file not written; 2, bad input, which
includes a limit that does not exist; 130, interrupted; 141, nobody reads the output. Whatever fails
says so in one line on the standard error.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import math
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import asymptotics as asy

from .cli import BAD_INPUT, PROG, Grid, one_line, parse
from .limits import Limit
from .parameters import check_integer
from .status import Status

__all__ = ["main"]

_FAILED, _INTERRUPTED, _BROKEN_PIPE = 1, 130, 141

Row = dict[str, Any]

# Columns of the tables for people; JSON has all of them.
_LIMIT_COLUMNS = (
    "accuracy",
    "error",
    "mean",
    "variance",
    "intercept",
    "train_accuracy",
    "train_loss",
    "status",
)
# Digits of a number in a table, where six are not the right number of them.
_FORMATS = {"stderr": ".2g", "z": "+.2f"}
_SIMULATION_COLUMNS = ("accuracy", "stderr", "limit", "z", "status")


# ------------------------------------------------------------------------------------- output


def _text(value: Any, name: str = "") -> str:
    return format(value, _FORMATS.get(name, ".6g")) if isinstance(value, float) else str(value)


def _table(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """Rows as aligned text: numbers to the right, words to the left."""
    cells = [[_text(row[name], name) for name in columns] for row in rows]
    lines = []
    for line in ([*columns], *cells):
        parts = []
        for k, cell in enumerate(line):
            width = max(len(columns[k]), *(len(other[k]) for other in cells))
            words = isinstance(rows[0][columns[k]], str)
            parts.append(cell.ljust(width) if words else cell.rjust(width))
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def _finite(value: Any) -> Any:
    """JSON has no word for NaN and infinity: null."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _print_json(args: argparse.Namespace, rows: Sequence[Row], **more: Any) -> None:
    document = {"command": args.command, "version": asy.__version__, **more, "results": list(rows)}
    print(json.dumps(_finite(document), indent=2, allow_nan=False))


def _print_results(
    args: argparse.Namespace, grid: Grid, rows: Sequence[Row], columns: Sequence[str], **more: Any
) -> None:
    """The settings, then a table of what varies; a single result as a list of all it has."""
    setting = {name: getattr(args, name) for name in ("classifier", "spike_index") if name in args}
    setting |= {"fit_intercept": not args.no_intercept, **more}
    if args.json:
        _print_json(args, rows, **setting)
        return
    fixed = {name: value for name, value in setting.items() if value is not None}
    fixed |= {name: rows[0][name] for name in grid.options if name not in grid.varying}
    print(", ".join(f"{name} = {_text(value)}" for name, value in fixed.items()), end="\n\n")
    if grid.varying:
        print(_table(rows, [*grid.varying, *columns]))
    else:
        found = {name: value for name, value in rows[0].items() if name not in grid.options}
        width = max(map(len, found))
        print("\n".join(f"{name:<{width}}  {_text(value, name)}" for name, value in found.items()))


# ----------------------------------------------------------------------------------- commands


def _solve(grid: Grid) -> Limit:
    """The limits of the grid: NaN and a status where there is none, an error if all have none."""
    values = grid.arrays()
    mixture, projector = grid.mixture(values), grid.projector(values)
    classifier = grid.classifier(values)
    ratio = values["aspect_ratio"]
    result = asy.limit(mixture, classifier, ratio, projector, throw=False)
    if not np.any(np.equal(result.status, Status.CONVERGED.value)):
        asy.limit(mixture, classifier, ratio, projector)
    return result


def _limit(args: argparse.Namespace) -> None:
    grid = Grid(args)
    result = _solve(grid)
    fields = [field.name for field in dataclasses.fields(result)]
    columns = [np.broadcast_to(getattr(result, name), grid.shape).ravel() for name in fields]
    rows = [
        row | dict(zip(fields, (column[k].item() for column in columns), strict=True))
        for k, row in enumerate(grid.rows())
    ]
    _print_results(args, grid, rows, _LIMIT_COLUMNS)


def _simulate(args: argparse.Namespace) -> None:
    grid = Grid(args)
    result = _solve(grid)
    expected, status = (
        np.broadcast_to(field, grid.shape).ravel().tolist()
        for field in (result.accuracy, result.status)
    )
    seeds = np.random.SeedSequence(check_integer("seed", args.seed, 0)).spawn(len(expected))
    rows = []
    for k, row in enumerate(grid.rows()):
        found = dict.fromkeys(_SIMULATION_COLUMNS, math.nan)
        if math.isfinite(expected[k]):
            simulation = asy.simulate(
                grid.mixture(row),
                grid.classifier(row),
                row["aspect_ratio"],
                n=args.n,
                trials=args.trials,
                projector=grid.projector(row),
                rng=seeds[k],
                method=args.method,
                n_jobs=args.jobs,
                progress=not args.quiet,
            )
            found |= {
                "accuracy": simulation.mean,
                "stderr": simulation.stderr,
                "limit": expected[k],
                "z": simulation.z_score(expected[k]),
            }
        rows.append({**row, **found, "status": status[k]})
    sizes = {"n": args.n, "trials": args.trials, "seed": args.seed, "method": args.method}
    _print_results(args, grid, rows, _SIMULATION_COLUMNS, **sizes)


def _threshold(args: argparse.Namespace) -> None:
    grid = Grid(args)
    values = grid.arrays()
    ratio = asy.separability_threshold(
        grid.mixture(values), not args.no_intercept, projector=grid.projector(values)
    )
    ratios = np.broadcast_to(ratio, grid.shape).ravel().tolist()
    rows = [{**row, "threshold": ratios[k]} for k, row in enumerate(grid.rows())]
    _print_results(args, grid, rows, ["threshold"])


def _figure(args: argparse.Namespace) -> None:
    from matplotlib.figure import Figure

    from .plots import gain_curves, headline_figure

    figure_path: Path = args.output
    table_path = figure_path.with_suffix(".csv")
    formats = Figure().canvas.get_supported_filetypes()
    if figure_path.suffix[1:].lower() not in formats:
        raise ValueError(
            f"--output must end in one of {', '.join(sorted(formats))}, got {str(figure_path)!r}"
        )
    if not os.access(figure_path.parent, os.W_OK):
        raise ValueError(f"--output must be in a directory to write to, got {str(figure_path)!r}")

    seed = check_integer("seed", args.seed, 0)
    start = time.perf_counter()
    study = gain_curves(
        n=args.n,
        trials=args.trials,
        rng=seed,
        n_jobs=args.jobs,
        progress=not args.quiet,
    )
    headline_figure(study).savefig(figure_path)
    rows = study.rows()
    columns = list(rows[0])
    with table_path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    if args.json:
        sizes = {"n": study.n, "trials": study.trials, "aspect_ratio": study.aspect_ratio}
        _print_json(args, rows, figure=str(figure_path), table=str(table_path), **sizes)
        return
    print(_table(rows, columns), end="\n\n")
    worst = max(abs(row["z"]) for row in rows)
    seconds = time.perf_counter() - start
    print(f"largest |z| = {worst:.2f} of {len(rows)} points, in {seconds:.0f} s")
    print(f"figure: {figure_path.resolve()}\ntable:  {table_path.resolve()}")


_COMMANDS = {"limit": _limit, "simulate": _simulate, "threshold": _threshold, "figure": _figure}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after the program's name; those of the process by default.

    Returns
    -------
    int
        The exit code.
    """
    name = PROG
    try:
        args = parse(sys.argv[1:] if argv is None else argv)
        name = f"{PROG} {args.command}"
        _COMMANDS[args.command](args)
        sys.stdout.flush()
    except SystemExit as stop:  # from argparse, which has said why
        return stop.code if isinstance(stop.code, int) else BAD_INPUT
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # what is left in the buffer goes nowhere, in silence
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except (asy.ConvergenceError, OSError, MemoryError) as error:
        print(f"{name}: error: {one_line(error) or 'out of memory'}", file=sys.stderr)
        return _FAILED
    except (ValueError, TypeError, OverflowError) as error:
        print(f"{name}: error: {one_line(error)}", file=sys.stderr)
        return BAD_INPUT
    return 0


if __name__ == "__main__":
    sys.exit(main())
