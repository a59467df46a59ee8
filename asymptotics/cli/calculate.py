"""The commands ``limit``, ``simulate`` and ``threshold``: a grid of options, a table of results."""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

import asymptotics as asy

from ..checks import check_integer
from ..outcomes import METRICS, Limit, Status
from .grid import Grid
from .output import Row, print_results, show_progress, warnings_as_lines

__all__ = ["limit", "simulate", "threshold"]

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
_SIMULATION_COLUMNS = ("accuracy", "stderr", "limit", "z", "status")


_CLASS_COLUMNS = ("accuracy", "balanced_accuracy", "error", "train_accuracy", "status")
# What a limit has of its own, and what follows from it.
_NAMES = [*(field.name for field in dataclasses.fields(Limit)), "accuracy_error", *METRICS]


def _solve(grid: Grid) -> list[Row]:
    """All that is known of each limit: NaN and a status where there is none.

    An error if there is none at all.
    """
    if grid.has_classes:  # each is a population of its own
        rows = [row for values in grid.rows() for row in _rows(_result(grid, values), ())]
        return [{name: v for name, v in row.items() if name != "balance"} for row in rows]
    return _rows(_result(grid, grid.arrays()), grid.shape)


def _rows(result: Limit, shape: tuple[int, ...]) -> list[Row]:
    """A limit of this shape, row by row: numbers, or lists for the classes."""
    rows: list[Row] = [{} for _ in np.ndindex(shape)]
    for name in _NAMES:
        try:
            values = np.asarray(getattr(result, name))
        except ValueError:  # asked of two classes alone
            continue
        more = values.shape[np.ndim(result.accuracy) :]
        columns = np.broadcast_to(values, shape + more).reshape(-1, *more)
        for row, value in zip(rows, columns, strict=True):
            row[name] = value.tolist()
    return rows


def _result(grid: Grid, values: Mapping[str, Any]) -> Limit:
    mixture, projector = grid.mixture(values), grid.projector(values)
    classifier = grid.classifier(values)
    ratio = values["aspect_ratio"]
    result = asy.limit(mixture, classifier, ratio, projector, throw=False)
    if not np.any(result.status == Status.CONVERGED):
        asy.limit(mixture, classifier, ratio, projector)
    return result


def limit(args: argparse.Namespace) -> int:
    """The limiting accuracy of a classifier."""
    grid = Grid(args)
    rows = [found | row for row, found in zip(grid.rows(), _solve(grid), strict=True)]
    print_results(args, grid, rows, _CLASS_COLUMNS if grid.has_classes else _LIMIT_COLUMNS)
    return 0


def simulate(args: argparse.Namespace) -> int:
    """Trained classifiers beside their limit."""
    grid = Grid(args)
    limits = _solve(grid)
    expected, status = ([row[name] for row in limits] for name in ("accuracy", "status"))
    seeds = np.random.SeedSequence(check_integer("seed", args.seed, 0, None)).spawn(len(expected))
    rows = []
    for k, row in enumerate(grid.rows()):
        found = dict.fromkeys(_SIMULATION_COLUMNS, math.nan)
        if math.isfinite(expected[k]):
            with warnings_as_lines(args):
                simulation = asy.simulate(
                    grid.mixture(row),
                    grid.classifier(row),
                    row["aspect_ratio"],
                    n=args.n,
                    trials=args.trials,
                    projector=grid.projector(row),
                    rng=seeds[k],
                    method=args.method,
                    fixed_counts=args.fixed_counts,
                    n_jobs=args.n_jobs,
                    progress=show_progress(args),
                )
            found |= {
                "accuracy": simulation.mean,
                "stderr": simulation.stderr,
                "limit": expected[k],
                "z": simulation.z_score(expected[k]),
            }
        rows.append({**row, **found, "status": status[k]})
    names = ("n", "trials", "seed", "method", "fixed_counts")
    sizes = {name: getattr(args, name) for name in names}
    print_results(args, grid, rows, _SIMULATION_COLUMNS, **sizes)
    return 0


def threshold(args: argparse.Namespace) -> int:
    """The aspect ratio above which the classes are separable."""
    grid = Grid(args)
    values = grid.arrays()
    ratio = asy.separability_threshold(
        grid.mixture(values), not args.no_intercept, projector=grid.projector(values)
    )
    ratios = np.broadcast_to(ratio, grid.shape).ravel().tolist()
    rows = [{**row, "threshold": ratios[k]} for k, row in enumerate(grid.rows())]
    print_results(args, grid, rows, ["threshold"])
    return 0
