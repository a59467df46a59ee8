"""The command ``convergence``: bias and spread at several n, their rates, and a figure."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import asymptotics as asy

from ..checks import check_integer
from ..studies.power_law import PowerLaw
from .grid import Grid
from .output import (
    Row,
    as_text,
    chosen,
    figure_path,
    print_json,
    say_interrupted,
    show_progress,
    table,
    warnings_as_lines,
)

__all__ = ["convergence"]

_INTERRUPTED = 130
_COLUMNS = ("n", "dimension", "trials", "accuracy", "stderr", "limit", "bias", "z", "deviation")


def convergence(args: argparse.Namespace) -> int:
    """Measure how fast finite n approaches the limit."""
    grid = Grid(args)
    values = grid.single()
    picture: Path | None = args.figure
    if picture is None and args.shard is None:
        picture = Path("convergence.png")
    if picture is not None:
        figure_path("--figure", picture)
    with warnings_as_lines(args):
        study = asy.convergence(
            grid.mixture(values),
            grid.classifier(values),
            values["aspect_ratio"],
            args.n,
            args.trials[0] if len(args.trials) == 1 else args.trials,
            projector=grid.projector(values),
            rng=check_integer("seed", args.seed, 0, None),
            method=args.method,
            fixed_counts=args.fixed_counts,
            n_jobs=args.n_jobs,
            checkpoint=args.checkpoint,
            shard=args.shard,
            progress=show_progress(args),
            confidence=args.confidence,
            correction=args.correction,
        )
    if picture is not None:
        from ..plots import convergence_figure

        convergence_figure({args.classifier: study}).savefig(picture)
    rows = _rows(study)
    if args.json:
        setting = {**chosen(args), "fit_intercept": not args.no_intercept, **values}
        print_json(
            args,
            rows,
            **setting,
            seed=args.seed,
            fixed_counts=args.fixed_counts,
            complete=study.complete,
            interrupted=study.interrupted,
            bias_law=_law(study.bias_law),
            deviation_law=_law(study.deviation_law),
            figure=None if picture is None else str(picture),
            checkpoint=args.checkpoint,
        )
    else:
        setting = {**chosen(args), **values}
        print(
            ", ".join(f"{name} = {as_text(value)}" for name, value in setting.items()), end="\n\n"
        )
        print(table(rows, _COLUMNS), end="\n\n")
        print(f"bias:      {_sentence(study.bias_law)}")
        print(f"deviation: {_sentence(study.deviation_law)}")
        if picture is not None:
            print(f"figure:    {picture.resolve()}")
    if study.interrupted:
        say_interrupted(args, args.checkpoint)
        return _INTERRUPTED
    return 0


def _rows(study: asy.results.Convergence) -> list[Row]:
    """One row a size."""
    columns = {
        "n": study.n,
        "dimension": study.dimension,
        "aspect_ratio": study.aspect_ratio,
        "trials": study.trials,
        "accuracy": study.accuracy,
        "stderr": study.stderr,
        "limit": study.limit,
        "bias": study.bias,
        "z": study.z_score,
        "deviation": study.deviation,
    }
    return [
        {name: column[k].item() for name, column in columns.items()} | {"method": method}
        for k, method in enumerate(study.method)
    ]


def _law(law: PowerLaw) -> dict[str, Any]:
    return {
        "coefficient": law.coefficient,
        "rate": law.rate,
        "correction": law.correction,
        "interval": list(law.interval),
        "confidence": law.confidence,
        "p_value": law.p_value,
        "status": law.status,
    }


def _sentence(law: PowerLaw) -> str:
    low, high = law.interval
    return (
        f"n^-r with r = {law.rate:.3g}, {law.confidence:.0%} interval [{low:.3g}, {high:.3g}], "
        f"{law.status}"
    )
