"""The commands ``learning-curve`` and ``head``: questions about features in files."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import asymptotics as asy

from ..checks import check_integer
from ..classifiers import Classifier
from ..estimation.sample import check_classes, check_features
from ..questions.anchor import anchor_of
from ..questions.head_report import check_head
from ..questions.learning_curve import check_samples
from .kinds import CLASSIFIERS, PENALISED
from .output import Row, as_text, figure_path, print_json, table, warnings_as_lines
from .tables import read_labels, read_matrix

__all__ = ["head", "learning_curve"]

_CURVE_COLUMNS = ("samples", "accuracy", "stderr", "low", "high", "extrapolated")
_MORE = ("bracket_low", "bracket_high", "penalty")
_HEAD_COLUMNS = ("samples", "before", "after", "difference", "stderr", "low", "high")
# Numbers of labels where none are given: from a quarter of the sample to four times it.
_FACTORS = 2.0 ** np.linspace(-2.0, 2.0, 9)
_FEWEST = 4
# The penalty from which the search for the best begins; any would do.
_ANY = 1.0


def _classifier(args: argparse.Namespace, name: str) -> tuple[Classifier, bool]:
    """The classifier, and whether its penalty is to be the best at each number of labels."""
    build: Callable[..., Classifier] = CLASSIFIERS[name]
    fit_intercept = not args.no_intercept
    if name not in PENALISED:
        if args.penalty is not None:
            raise ValueError(f"--penalty must not be given for {name}, which has none")
        return build(fit_intercept=fit_intercept), False
    if args.penalty is None:
        return build(_ANY, fit_intercept=fit_intercept), True
    return build(args.penalty, fit_intercept=fit_intercept), False


def _data(args: argparse.Namespace) -> tuple[Any, Any]:
    """Features and labels, of the classes that were asked for."""
    features, labels = read_matrix("features", args.features), read_labels(args.labels)
    if args.classes is None:
        return features, labels
    features = check_features(features)
    values = np.asarray(labels)
    words = [f"{v:g}" if isinstance(v, float) else str(v) for v in values.ravel().tolist()]
    absent = [word for word in args.classes if word not in words]
    if absent:
        raise ValueError(
            f"--classes must be of the labels, got {absent[0]!r}, which is not one of "
            f"{', '.join(sorted(set(words))[:10])}"
        )
    if len(words) != features.shape[0]:
        return features, labels  # refused by name where both are taken in
    rows = np.flatnonzero(np.isin(words, args.classes))
    return features[rows], values.ravel()[rows]


def _samples(args: argparse.Namespace, n: int) -> Any:
    if args.samples is None:
        shots = 0.5 if getattr(args, "per_class", False) else 1.0
        exact = _FACTORS * n * shots
        digit = 10.0 ** (np.floor(np.log10(exact)) - 1.0)  # two digits are enough
        return np.unique(np.maximum(np.round(np.round(exact / digit) * digit), _FEWEST))
    return np.atleast_1d(check_samples(list(args.samples)))


def _figure(args: argparse.Namespace) -> Path:
    return figure_path("--figure", args.figure or Path(f"{args.command}.png"))


def _name(args: argparse.Namespace, classes: Any) -> str:
    """Of the classifier: by default one for so many classes."""
    if args.classifier is not None:
        return str(args.classifier)
    return "softmax" if classes.max() > 1 else "logistic"


def _setting(args: argparse.Namespace, name: str, n: int, p: int, tuned: bool) -> Row:
    penalty = "best" if tuned else args.penalty
    return {
        "classifier": name,
        "fit_intercept": not args.no_intercept,
        "penalty": penalty,
        "features": str(args.features),
        "labelled": n,
        "dimension": p,
    }


def _as_line(setting: Row) -> str:
    return ", ".join(f"{k} = {as_text(v)}" for k, v in setting.items() if v is not None)


def learning_curve(args: argparse.Namespace) -> int:
    """Predicted accuracy against the number of labels."""
    picture = _figure(args)
    seed = check_integer("seed", args.seed, 0, None)
    if args.accuracy is not None and not 0 < args.accuracy < 1:
        raise ValueError(f"--accuracy must be in (0, 1), got {args.accuracy:g}")
    features, labels = _data(args)
    features = check_features(features)
    classes = check_classes(labels, features.shape[0])
    name = _name(args, classes)
    clf, tuned = _classifier(args, name)
    if args.head is not None:
        matrix = check_head(read_matrix("head", args.head), features.shape[1])
        features = np.asarray(features, dtype=float) @ matrix.T
    n, p = features.shape
    sizes = _samples(args, n)
    with warnings_as_lines(args):
        source = asy.Spectrum.from_data(features, classes)
        anchor = None
        if args.cross_validate:
            rng = np.random.default_rng(seed)
            anchor = anchor_of(source, clf, features, classes, rng, tuned)
        more: dict[str, Any] = {"per_class": args.per_class, "best_penalty": tuned}
        curve = asy.learning_curve(source, clf, sizes, cross_validated=anchor, **more)
        needed = None
        if args.accuracy is not None:
            needed = asy.samples_needed(source, clf, args.accuracy, None, anchor, **more)
    if sizes.size > 1:
        from matplotlib.figure import Figure

        from ..plots import plot_learning_curve

        figure = Figure(figsize=(6.4, 4.2), dpi=200, layout="constrained")
        plot_learning_curve(curve, figure.subplots())
        figure.savefig(picture)
    rows = [
        {name: getattr(curve, name)[k].item() for name in (*_CURVE_COLUMNS, *_MORE)}
        for k in range(sizes.size)
    ]
    setting = _setting(args, name, n, p, tuned) | {"head": args.head, "per_class": args.per_class}
    setting |= {"cross_validated": anchor}
    drawn = str(picture) if sizes.size > 1 else None
    if args.json:
        found = None if needed is None else dataclasses.asdict(needed)
        print_json(args, rows, **setting, samples_needed=found, figure=drawn)
        return 0
    print(_as_line(setting), end="\n\n")
    print(table(rows, [*_CURVE_COLUMNS, *(["penalty"] if tuned else [])]))
    if needed is not None:
        print(f"\n{_sentence(needed, args.per_class)}")
    if drawn is not None:
        print(f"\nfigure: {picture.resolve()}")
    return 0


def _sentence(needed: asy.results.SamplesNeeded, per_class: bool) -> str:
    """What has to be labelled."""
    each = " of each class" if per_class else ""
    if np.isinf(needed.samples):
        return (
            f"accuracy {needed.accuracy:g} is not reached: the curve ends at {needed.ceiling:.4f}"
            + (f"; {needed.low:.0f} labels{each} at the least" if np.isfinite(needed.low) else "")
        )
    beyond = ", extrapolated" if needed.extrapolated else ""
    return (
        f"accuracy {needed.accuracy:g} takes {needed.samples:.0f} labels{each}, 95 % interval "
        f"[{needed.low:.0f}, {needed.high:.0f}]{beyond}"
    )


def head(args: argparse.Namespace) -> int:
    """A linear probe before or after a head."""
    picture = _figure(args)
    seed = check_integer("seed", args.seed, 0, None)
    features, labels = _data(args)
    matrix = read_matrix("head", args.head)
    features = check_features(features)
    classes = check_classes(labels, features.shape[0])
    name = _name(args, classes)
    clf, tuned = _classifier(args, name)
    n, p = features.shape
    sizes = _samples(args, n)
    with warnings_as_lines(args):
        report = asy.head_report(
            features,
            classes,
            matrix,
            clf,
            sizes,
            best_penalty=tuned,
            anchor=args.cross_validate,
            rng=seed,
        )
    from ..plots import head_figure

    head_figure(report).savefig(picture)
    rows = [_head_row(report, k) for k in range(sizes.size)]
    setting = _setting(args, name, n, p, tuned) | {"head": args.head}
    numbers = {
        key: getattr(report, key)
        for key in (
            "gain",
            "regime",
            "noise_gain",
            "fisher_gain",
            "expansion_measure",
            "separation_kept",
        )
    }
    sides = [
        {
            field.name: getattr(side, field.name)
            for field in dataclasses.fields(side)
            if field.name != "eigenvalues"
        }
        for side in report.sides
    ]
    if args.json:
        print_json(
            args,
            rows,
            **setting,
            **numbers,
            pair_gains=report.pair_gains.tolist(),
            before=sides[0],
            after=sides[1],
            flips=list(report.flips),
            recommendation=report.recommendation,
            confidence=report.confidence,
            figure=str(picture),
        )
        return 0
    print(_as_line(setting), end="\n\n")
    print(table(rows, _HEAD_COLUMNS), end="\n\n")
    named = [{"side": side, **v} for side, v in zip(("before", "after"), sides, strict=True)]
    print(table(named, list(named[0])), end="\n\n")
    flips = ", ".join(f"{flip:.0f}" for flip in report.flips) or "nowhere"
    lines = [*numbers.items(), ("flips", flips)]
    if report.pair_gains.shape[0] > 2:
        lines.insert(1, ("pair_gains", list(report.pair_gain_range)))
    for key, value in lines:
        print(f"{key:<{len('expansion_measure')}}  {as_text(value)}")
    print(f"\n{report.recommendation} Confidence {report.confidence:.2f}.")
    print(f"figure: {picture.resolve()}")
    return 0


def _head_row(report: asy.results.HeadReport, k: int) -> Row:
    row: Row = {"samples": report.before.samples[k].item()}
    for side in ("before", "after"):
        curve = getattr(report, side)
        row |= {side: curve.accuracy[k].item()}
        row |= {
            f"{side}_{name}": getattr(curve, name)[k].item()
            for name in ("stderr", "low", "high", "extrapolated", "penalty")
        }
    return row | {
        name: getattr(report, name)[k].item() for name in ("difference", "stderr", "low", "high")
    }
