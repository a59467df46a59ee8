"""The command line's options."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import asymptotics as asy

from ..simulation.experiment import METHODS
from .kinds import CLASSIFIERS, PENALISED

__all__ = ["BAD_INPUT", "PROG", "one_line", "parse"]

PROG = "asymptotics"
BAD_INPUT = 2


def one_line(text: object) -> str:
    """The text without its line breaks."""
    return " ".join(str(text).split())


# ---------------------------------------------------------------------------------- the parser


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: error: {one_line(message)}\n")


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Help with its line breaks kept, and room for the longest command."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected a number, or several separated by commas, got {text!r}"
        ) from None


def _weights(text: str) -> str | tuple[float, ...]:
    return text if text == "balanced" else _numbers(text)


def _spike(text: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    strength, colon, alignment = text.partition(":")
    return _numbers(strength), _numbers(alignment) if colon else (0.0,)


def _integers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected an integer, or several separated by commas, got {text!r}"
        ) from None


def _share(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise argparse.ArgumentTypeError(f"expected i/k with 1 <= i <= k, as in 3/16, got {text!r}")
    return int(found[1]), int(found[2])


def _add_population(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("population, h = y mu + Sigma^(1/2) g")
    group.add_argument("--signal", type=_numbers, metavar="S", help="length of mu, at least 0")
    group.add_argument(
        "--noise",
        type=_numbers,
        default=(1.0,),
        metavar="SIGMA",
        help="standard deviation of the bulk (default 1)",
    )
    group.add_argument(
        "--spike",
        type=_spike,
        action="append",
        default=[],
        metavar="STRENGTH[:ALIGNMENT]",
        help="a direction of variance SIGMA^2 (1 + STRENGTH), at cosine ALIGNMENT (default 0) "
        "to mu; may be repeated",
    )
    group.add_argument(
        "--balance",
        type=_numbers,
        default=(0.5,),
        metavar="PI",
        help="probability of the label +1 (default 0.5)",
    )


def _add_classes(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("in place of --signal: several classes, equidistant means")
    group.add_argument("--classes", type=int, metavar="K", help="their number, at least 2")
    group.add_argument("--distance", type=_numbers, metavar="D", help="of any two means")
    group.add_argument(
        "--priors",
        type=_numbers,
        metavar="P,P,...",
        help="probability of each class, K numbers (default: equal)",
    )


def _add_classifier(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("classifier")
    group.add_argument("--classifier", choices=list(CLASSIFIERS), required=True)
    group.add_argument(
        "--penalty",
        type=_numbers,
        metavar="LAMBDA",
        help="of (1/n) sum loss + LAMBDA/2 |w|^2; for " + ", ".join(PENALISED),
    )
    group.add_argument("--no-intercept", action="store_true", help="fit no intercept")
    group.add_argument(
        "--class-weight",
        type=_weights,
        metavar="W",
        help="of the loss of each class: balanced, or a number for each, of -1 before +1",
    )
    group.add_argument(
        "--label-noise",
        type=float,
        metavar="RATE",
        help="train on labels each of which is wrong with this probability (default: none is)",
    )
    group.add_argument(
        "--aspect-ratio", type=_numbers, required=True, metavar="GAMMA", help="p/n, above 0"
    )


def _add_projector(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("projector (default: none)")
    group.add_argument(
        "--gain",
        type=_numbers,
        metavar="G",
        help="stretch the direction of mu by G: above 1 expansion, below 1 shrinkage",
    )
    group.add_argument(
        "--alignment",
        type=_numbers,
        metavar="C",
        help="with --gain: stretch a direction at cosine C to mu instead",
    )
    group.add_argument(
        "--spike-index",
        type=int,
        metavar="K",
        help="with --gain: stretch the direction of the K-th --spike instead, counted from 0",
    )
    group.add_argument(
        "--exponent",
        type=_numbers,
        metavar="A",
        help="the power A of the second moment E hh^T / SIGMA^2; -0.5 whitens",
    )
    group.add_argument(
        "--between",
        action="store_true",
        help="with --gain: stretch all directions in which the class means differ",
    )


def _add_simulation(parser: argparse.ArgumentParser, n: int, trials: int) -> None:
    group = parser.add_argument_group("simulation")
    group.add_argument(
        "--n", type=int, default=n, help="size of a training set (default %(default)s)"
    )
    group.add_argument(
        "--trials",
        type=int,
        default=trials,
        help="number of training sets behind each result, at least 2 (default %(default)s)",
    )
    _add_randomness(group)


def _add_randomness(group: Any) -> None:
    group.add_argument("--seed", type=int, default=0, help="of the random numbers (default 0)")
    _add_workers(group)


def _add_workers(group: Any) -> None:
    group.add_argument(
        "--n-jobs",
        "--jobs",
        type=int,
        metavar="J",
        help="processes, -1 for one a core; the numbers do not depend on it (default 1)",
    )
    group.add_argument(
        "--quiet", action="store_true", help="show no progress bar, not even on a terminal"
    )


def _add_method(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--method",
        choices=METHODS,
        default="auto",
        help="how the training sets are drawn (default auto: the cheapest way)",
    )
    parser.add_argument(
        "--fixed-counts",
        action="store_true",
        help="give every training set the same number of points of each class, round(N PI) of +1",
    )


def _add_checkpoint(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("going on")
    group.add_argument(
        "--checkpoint",
        metavar="FOLDER",
        help="keep finished trials in this folder: the same command goes on from there, and more "
        "trials top it up",
    )
    group.add_argument(
        "--shard",
        type=_share,
        metavar="I/K",
        help="with --checkpoint: draw the I-th of K shares only, for job arrays",
    )


def _words(text: str) -> tuple[str, ...]:
    words = tuple(part.strip() for part in text.split(","))
    if len(words) < 2 or not all(words) or len(set(words)) < len(words):
        raise argparse.ArgumentTypeError(f"expected two labels or more, as in 3,8, got {text!r}")
    return words


def _add_data(parser: argparse.ArgumentParser) -> None:
    files = ".npy, .npz (FILE.npz:NAME), .csv or .parquet"
    parser.add_argument("features", metavar="FEATURES", help=f"one row a sample; {files}")
    parser.add_argument("labels", metavar="LABELS", help="one label a sample")


def _add_probe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--classes", type=_words, metavar="A,B,...", help="use the samples with these labels alone"
    )
    group = parser.add_argument_group("probe")
    group.add_argument(
        "--classifier",
        choices=list(CLASSIFIERS),
        help="(default: logistic, softmax for more than two classes)",
    )
    group.add_argument(
        "--penalty",
        type=float,
        metavar="LAMBDA",
        help="of (1/n) sum loss + LAMBDA/2 |w|^2 (default: the best at each number of labels)",
    )
    group.add_argument("--no-intercept", action="store_true", help="fit no intercept")
    group.add_argument(
        "--samples",
        type=_numbers,
        metavar="N,N,...",
        help="numbers of training labels (default: from a quarter of the sample to four times it)",
    )
    group.add_argument(
        "--cross-validate",
        action="store_true",
        help="move the curve to a 5-fold cross-validation of the same probe on these features",
    )
    group.add_argument("--seed", type=int, default=0, help="of the folds (default 0)")


def _add_figure(parser: argparse.ArgumentParser, default: str, more: str = "") -> None:
    parser.add_argument(
        "--figure",
        type=Path,
        metavar="FILE",
        help=f"where to write the figure, png, pdf or svg (default {default}{more})",
    )


def _build_parser() -> argparse.ArgumentParser:
    # Without abbreviations, so that a script survives a new option.
    plain: dict[str, Any] = {"allow_abbrev": False, "formatter_class": _HelpFormatter}
    lists = "\nA number may be a list, as in 0.3,1,3: every combination gets a row."
    parser = _Parser(
        prog=PROG,
        description="Exact high-dimensional limits of linear classification behind a projector.\n"
        "Without a command: make the headline figure and its table in this directory.",
        epilog="example:\n"
        "  asymptotics limit --signal 1.5 --classifier logistic --penalty 0.1 \\\n"
        "      --aspect-ratio 0.5 --gain 0.3,1,3\n\n"
        "exit codes: 0 done; 1 not converged, not simulated or not written; 2 bad input or no\n"
        "such limit; 130 interrupted, with what is done reported",
        **plain,
    )
    parser.add_argument("--version", action="version", version=f"{PROG} {asy.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    limit = commands.add_parser(
        "limit",
        help="the limiting accuracy of a classifier",
        description="The accuracy of a classifier as n, p -> infinity with p/n -> GAMMA." + lists,
        epilog="example:\n"
        "  asymptotics limit --signal 1.5 --classifier ridge --penalty 0.1 \\\n"
        "      --aspect-ratio 0.5,1.5 --gain 0.3,1,3",
        **plain,
    )
    simulate = commands.add_parser(
        "simulate",
        help="trained classifiers beside their limit",
        description="Train a classifier on many training sets, and compare its accuracy with the "
        "limit." + lists,
        epilog="example:\n"
        "  asymptotics simulate --signal 1.5 --classifier max-margin \\\n"
        "      --aspect-ratio 1.5 --gain 1,3 --n 400 --trials 60",
        **plain,
    )
    threshold = commands.add_parser(
        "threshold",
        help="the aspect ratio above which the classes are separable",
        description="The p/n above which a hyperplane separates the training set." + lists,
        epilog="example:\n  asymptotics threshold --signal 0.5,1,1.5,2 --balance 0.3",
        **plain,
    )
    figure = commands.add_parser(
        "figure",
        help="a figure of the documentation, and its table",
        description="headline: accuracy against the gain of the projector for logistic regression, "
        "SVM,\nmax margin and ridge: theory and simulation, with a table of z-scores.\n"
        "contrastive: shrinkage, expansion and collapse by contrastive training over\n"
        "augmentation and temperature, and the accuracy that they cost or bring.",
        epilog="example:\n  asymptotics figure --output accuracy.pdf --trials 100\n"
        "  asymptotics figure contrastive",
        **plain,
    )
    explore = commands.add_parser(
        "explore",
        help="a live page in the browser",
        description="Serve a page with sliders to this machine's own browser: curves of accuracy\n"
        "against gain and against p/n, the contrastive phase diagram, simulations beside them.\n"
        "Needs bokeh: pip install 'asymptotics[explore]'.",
        epilog="example:\n  asymptotics explore --port 0",
        **plain,
    )
    explore.add_argument(
        "--port", type=int, default=5006, help="0 for any that is free (default %(default)s)"
    )
    explore.add_argument(
        "--no-browser", action="store_true", help="open no browser: only print the address"
    )
    explore.add_argument(
        "--features",
        metavar="FILE",
        help="a matrix, one row a sample, in .npy, .npz (FILE.npz:NAME), .csv or .parquet: adds "
        "the learning curve of these features",
    )
    explore.add_argument("--labels", metavar="FILE", help="one label a sample, of two classes")
    sweep = commands.add_parser(
        "sweep",
        help="limits and simulations over a grid, from a configuration",
        description="Limits, and simulations beside them, over every combination of some "
        "parameters,\nwhich a TOML file names. What is printed on the terminal is a table; the "
        "figure is\nalways written, and the data where --output says so.",
        epilog="example:\n  asymptotics sweep sweep.toml --checkpoint blocks --output sweep.nc",
        **plain,
    )
    convergence = commands.add_parser(
        "convergence",
        help="how fast finite n approaches the limit",
        description="Bias and spread of the accuracy at several sizes n, and the power laws "
        "fitted to them.",
        epilog="example:\n"
        "  asymptotics convergence --signal 1.5 --classifier centroid \\\n"
        "      --aspect-ratio 1 --n 50,100,200 --trials 2000",
        **plain,
    )
    curve = commands.add_parser(
        "learning-curve",
        help="a linear probe's accuracy with more or fewer labels",
        description="From labelled features, about as many as they have dimensions: "
        "the\naccuracy that a linear probe will have with other numbers of labels, and how surely "
        "that is\nknown.",
        epilog="example:\n  asymptotics learning-curve features.npy labels.npy --accuracy 0.9",
        **plain,
    )
    head = commands.add_parser(
        "head",
        help="a linear probe before or after a projection head",
        description="From labelled features and a linear head: the accuracy of a "
        "probe before\nand after the head at several numbers of labels, with the error of the "
        "difference.",
        epilog="example:\n  asymptotics head features.npy labels.npy head.npy",
        **plain,
    )
    _add_data(curve)
    curve.add_argument("--head", metavar="FILE", help="a matrix (k, p): ask of the features after")
    _add_data(head)
    head.add_argument("head", metavar="HEAD", help="a matrix (k, p), made without these labels")
    for command, picture in ((curve, "learning-curve.png"), (head, "head.png")):
        _add_probe(command)
        _add_figure(command, picture)
    curve.add_argument(
        "--per-class", action="store_true", help="--samples counts the labels of each class"
    )
    curve.add_argument(
        "--accuracy", type=float, metavar="A", help="say how many labels an accuracy takes as well"
    )
    for command in (limit, simulate, threshold, convergence):
        _add_population(command)
        if command is not threshold:
            _add_classes(command)
        if command is threshold:
            command.add_argument("--no-intercept", action="store_true", help="fit no intercept")
        else:
            _add_classifier(command)
        _add_projector(command)
    _add_simulation(simulate, n=400, trials=60)
    _add_method(simulate)
    figure.add_argument(
        "which",
        nargs="?",
        default="headline",
        choices=("headline", "contrastive"),
        metavar="WHICH",
        help="headline or contrastive (default headline)",
    )
    figure.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="where to write the figure, png, pdf or svg; the table goes beside it as .csv "
        "(default WHICH.png)",
    )
    _add_simulation(figure, n=300, trials=30)

    sweep.add_argument("config", type=Path, metavar="CONFIG", help="a TOML file")
    sweep.add_argument(
        "--output", type=Path, metavar="FILE", help="where to write the data, as netCDF (.nc)"
    )
    _add_figure(sweep, "that of CONFIG with .png", "; with --shard none")
    _add_checkpoint(sweep)
    _add_workers(sweep.add_argument_group("simulation"))

    group = convergence.add_argument_group("simulation")
    group.add_argument(
        "--n",
        type=_integers,
        default=(50, 100, 200, 400),
        metavar="N,N,...",
        help="sizes of the training sets, at least 3 of them (default 50,100,200,400)",
    )
    group.add_argument(
        "--trials",
        type=_integers,
        default=(1000,),
        metavar="T",
        help="training sets of every size, or T,T,... of each; at least 10 (default 1000)",
    )
    _add_randomness(group)
    _add_method(convergence)
    convergence.add_argument(
        "--confidence", type=float, default=0.95, help="of the intervals (default 0.95)"
    )
    convergence.add_argument(
        "--correction", action="store_true", help="fit c n^-r (1 + a/n), which takes 4 sizes"
    )
    _add_figure(convergence, "convergence.png", "; with --shard none")
    _add_checkpoint(convergence)
    for command in (limit, simulate, threshold, figure, sweep, convergence, curve, head):
        command.add_argument(
            "--json",
            action="store_true",
            help="print JSON, one object a row, null for a number that does not exist",
        )
    return parser


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The options, without a command those of ``figure``; exits on bad ones and on ``--help``."""
    words: list[str] = []
    for word in argv:
        # argparse takes the second of "--alignment", "-0.5,0.5" for an option: make it one word
        follows_option = words and re.fullmatch(r"--[a-z-]+", words[-1])
        if follows_option and re.match(r"-(\.?\d|inf|nan)", word, re.IGNORECASE):
            words[-1] += f"={word}"
        else:
            words.append(word)
    parser = _build_parser()
    args = parser.parse_args(words)
    return args if args.command else parser.parse_args(["figure"])
