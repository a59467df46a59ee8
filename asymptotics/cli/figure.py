"""The command ``figure``: the figures of the documentation, each with a table of its points."""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..checks import check_integer
from .output import Row, figure_path, print_json, show_progress, table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure"]


def figure(args: argparse.Namespace) -> int:
    """A figure and its table."""
    output = Path(f"{args.which}.png") if args.output is None else args.output
    picture = figure_path("--output", output)
    table_path = picture.with_suffix(".csv")
    seed = check_integer("seed", args.seed, 0, None)
    start = time.perf_counter()
    drawn, rows, sizes = (_contrastive if args.which == "contrastive" else _headline)(args, seed)
    drawn.savefig(picture)
    columns = list(rows[0])
    with table_path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    if args.json:
        print_json(args, rows, figure=str(picture), table=str(table_path), **sizes)
        return 0
    print(table(rows, columns), end="\n\n")
    worst = max(abs(row["z"]) for row in rows)
    seconds = time.perf_counter() - start
    print(f"largest |z| = {worst:.2f} of {len(rows)} points, in {seconds:.0f} s")
    print(f"figure: {picture.resolve()}\ntable:  {table_path.resolve()}")
    return 0


def _headline(args: argparse.Namespace, seed: int) -> tuple[Figure, list[Row], dict[str, Any]]:
    """Accuracy against gain."""
    from ..plots import gain_curves, headline_figure

    study = gain_curves(
        n=args.n,
        trials=args.trials,
        rng=seed,
        n_jobs=args.n_jobs,
        progress=show_progress(args),
    )
    sizes = {"n": study.n, "trials": study.trials, "aspect_ratio": study.aspect_ratio}
    return headline_figure(study), study.rows(), sizes


def _contrastive(args: argparse.Namespace, seed: int) -> tuple[Figure, list[Row], dict[str, Any]]:
    """The phase diagram of contrastive training."""
    from ..plots import source_diagram, source_figure

    study = source_diagram(n=args.n, trials=args.trials, rng=seed, n_jobs=args.n_jobs)
    return source_figure(study), study.rows(), {"n": study.n, "trials": study.trials}
