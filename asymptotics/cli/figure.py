"""The command ``figure``: accuracy against gain, with a table of its points."""

from __future__ import annotations

import argparse
import csv
import time

from ..checks import check_integer
from .output import figure_path, print_json, show_progress, table

__all__ = ["figure"]


def figure(args: argparse.Namespace) -> int:
    """The headline figure and its table."""
    from ..plots import gain_curves, headline_figure

    picture = figure_path("--output", args.output)
    table_path = picture.with_suffix(".csv")
    seed = check_integer("seed", args.seed, 0, None)
    start = time.perf_counter()
    study = gain_curves(
        n=args.n,
        trials=args.trials,
        rng=seed,
        n_jobs=args.n_jobs,
        progress=show_progress(args),
    )
    headline_figure(study).savefig(picture)
    rows = study.rows()
    columns = list(rows[0])
    with table_path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    if args.json:
        sizes = {"n": study.n, "trials": study.trials, "aspect_ratio": study.aspect_ratio}
        print_json(args, rows, figure=str(picture), table=str(table_path), **sizes)
        return 0
    print(table(rows, columns), end="\n\n")
    worst = max(abs(row["z"]) for row in rows)
    seconds = time.perf_counter() - start
    print(f"largest |z| = {worst:.2f} of {len(rows)} points, in {seconds:.0f} s")
    print(f"figure: {picture.resolve()}\ntable:  {table_path.resolve()}")
    return 0
