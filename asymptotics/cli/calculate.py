"""The commands ``limit``, ``simulate`` and ``threshold``: a grid of options, a table of results."""

from __future__ import annotations

import argparse
import dataclasses
import math

import numpy as np

import asymptotics as asy

from ..checks import check_integer
from ..outcomes import Limit, Status
from .grid import Grid
from .output import print_results, show_progress, warnings_as_lines

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


def _solve(grid: Grid) -> Limit:
    """The limits of the grid: NaN and a status where there is none, an error if all have none."""
    values = grid.arrays()
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
    result = _solve(grid)
    fields = [field.name for field in dataclasses.fields(result)]
    columns = [np.broadcast_to(getattr(result, name), grid.shape).ravel() for name in fields]
    rows = [
        row | dict(zip(fields, (column[k].item() for column in columns), strict=True))
        for k, row in enumerate(grid.rows())
    ]
    print_results(args, grid, rows, _LIMIT_COLUMNS)
    return 0


def simulate(args: argparse.Namespace) -> int:
    """Trained classifiers beside their limit."""
    grid = Grid(args)
    result = _solve(grid)
    expected, status = (
        np.broadcast_to(field, grid.shape).ravel().tolist()
        for field in (result.accuracy, result.status)
    )
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
