"""The command ``sweep``: a configuration, a grid of limits and simulations, and a figure."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import asymptotics as asy

from ..outcomes import METRICS
from ..simulation.running.fingerprint import describe
from .config import Config, located, read_config
from .output import (
    Row,
    figure_path,
    print_json,
    say_interrupted,
    show_progress,
    table,
    warnings_as_lines,
    writable,
)

if TYPE_CHECKING:
    from xarray import Dataset

__all__ = ["sweep"]

_FAILED, _INTERRUPTED = 1, 130
# Columns of the table for people; JSON has all of them.
_COLUMNS = ("accuracy", "status", "simulated", "stderr", "z", "trials", "simulation_status")
# Metrics of one number, which have a column.
_PLAIN = [name for name in METRICS if name not in ("class_accuracy", "confusion")]
# Lines of the table for people.
_LINES = 60


def sweep(args: argparse.Namespace) -> int:
    """Limits and simulations over a grid."""
    config = read_config(args.config)
    checkpoint = config.checkpoint if args.checkpoint is None else args.checkpoint
    n_jobs = config.n_jobs if args.n_jobs is None else args.n_jobs
    output, picture = _files(args, config)
    with warnings_as_lines(args) as said, located(args.config, config):
        found = asy.sweep(
            config.population,
            config.classifier,
            config.aspect_ratio,
            grid=config.grid,
            projector=config.projector,
            n=config.n,
            trials=config.trials,
            rng=config.rng,
            method=config.method,
            fixed_counts=config.fixed_counts,
            metrics=config.metrics,
            n_jobs=n_jobs,
            checkpoint=checkpoint,
            shard=args.shard,
            progress=show_progress(args),
        )
    if output is not None:
        _write(found, output)
    if picture is not None:
        from ..plots import sweep_figure

        sweep_figure(found).savefig(picture)
    rows = _rows(found)
    interrupted = any(line.startswith("interrupted") for line in said)
    failed = any(str(row.get("simulation_status", "")).startswith("failed") for row in rows)
    files = {"figure": picture, "output": output}
    if args.json:
        print_json(
            args,
            rows,
            dimensions={name: found.sizes[name] for name in _dims(found)},
            interrupted=interrupted,
            checkpoint=checkpoint,
            **{name: None if path is None else str(path) for name, path in files.items()},
            **json.loads(found.attrs["metadata"]),
        )
    else:
        columns = [
            *_COLUMNS[:2],
            *(name for name in config.metrics if name in _PLAIN),
            *_COLUMNS[2:],
        ]
        shown = [*_dims(found), *(name for name in columns if name in rows[0])]
        print(table(rows[:_LINES], shown))
        if len(rows) > _LINES:
            print(f"... and {len(rows) - _LINES} more rows, which --json and --output have")
        print()
        for name, path in files.items():
            if path is not None:
                print(f"{name + ':':<8}{path.resolve()}")
    if interrupted:
        say_interrupted(args, checkpoint)
        return _INTERRUPTED
    return _FAILED if failed else 0


def _files(args: argparse.Namespace, config: Config) -> tuple[Path | None, Path | None]:
    """Where the data and the figure go.

    The processes of a job array would write over each other: of a shard, only what the command
    line itself asks for is written.
    """
    output, picture = args.output, args.figure
    names = {"output": "--output", "figure": "--figure"}
    if args.shard is None:
        if output is None and config.output is not None:
            output, names["output"] = config.output, f"{args.config}: output"
        if picture is None and config.figure is not None:
            picture, names["figure"] = config.figure, f"{args.config}: figure"
        picture = Path(args.config.with_suffix(".png").name) if picture is None else picture
    if output is not None:
        if output.suffix != ".nc":
            raise ValueError(f"{names['output']} must end in .nc, got {str(output)!r}")
        writable(names["output"], output)
    if picture is not None:
        figure_path(names["figure"], picture)
    return output, picture


def _write(found: Dataset, path: Path) -> None:
    """As a whole or not at all: an older file is replaced when the new one is complete."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        found.to_netcdf(temporary, engine="h5netcdf")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _rows(found: Dataset) -> list[Row]:
    """One row a point."""
    dims = _dims(found)
    shape = tuple(found.sizes[name] for name in dims)
    columns = {}
    for name, variable in found.data_vars.items():
        # Its dimensions are the first ones of the sweep, and then perhaps those of the classes.
        own = sum(dim in dims for dim in variable.dims)
        values, more = variable.values, variable.shape[own:]
        columns[str(name)] = np.broadcast_to(
            values.reshape((*variable.shape[:own], *(1,) * (len(shape) - own), *more)),
            (*shape, *more),
        )
    return [
        {name: describe(found[name].values[k].item()) for name, k in zip(dims, index, strict=True)}
        | {name: values[index].tolist() for name, values in columns.items()}
        for index in np.ndindex(shape)
    ]


def _dims(found: Dataset) -> list[str]:
    """The dimensions of the sweep: those of the classes are within a point."""
    return [str(name) for name in found.dims if name in found.coords]
