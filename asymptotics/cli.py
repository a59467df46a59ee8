"""The command line's options, and what they mean in terms of the library."""

from __future__ import annotations

import argparse
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

import asymptotics as asy

from . import classifiers
from .classifiers import Classifier
from .plots import classifier_name
from .projectors import Projector

__all__ = ["BAD_INPUT", "PROG", "Grid", "one_line", "parse"]

PROG = "asymptotics"
BAD_INPUT = 2

_CLASSIFIERS: dict[str, type[Classifier]] = {
    classifier_name(cls).lower().replace(" ", "-"): cls
    for cls in (getattr(classifiers, name) for name in sorted(classifiers.__all__, key=str.lower))
    if issubclass(cls, Classifier) and cls is not Classifier
}
_PENALISED = [name for name, cls in _CLASSIFIERS.items() if "penalty" in cls.parameters]


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


def _spike(text: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    strength, colon, alignment = text.partition(":")
    return _numbers(strength), _numbers(alignment) if colon else (0.0,)


def _add_population(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("population, h = y mu + Sigma^(1/2) g")
    group.add_argument(
        "--signal", type=_numbers, required=True, metavar="S", help="length of mu, at least 0"
    )
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


def _add_classifier(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("classifier")
    group.add_argument("--classifier", choices=list(_CLASSIFIERS), required=True)
    group.add_argument(
        "--penalty",
        type=_numbers,
        metavar="LAMBDA",
        help="of (1/n) sum loss + LAMBDA/2 |w|^2; for " + ", ".join(_PENALISED),
    )
    group.add_argument("--no-intercept", action="store_true", help="fit no intercept")
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
    group.add_argument("--seed", type=int, default=0, help="of the random numbers (default 0)")
    group.add_argument(
        "--jobs",
        type=int,
        metavar="J",
        help="processes, -1 for one a core; the numbers do not depend on it (default 1)",
    )
    group.add_argument("--quiet", action="store_true", help="show no progress bar")


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
        "exit codes: 0 done, 1 not converged or not written, 2 bad input or no such limit",
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
        help="the headline figure: accuracy against gain",
        description="Accuracy against the gain of the projector for logistic regression, SVM, max\n"
        "margin and ridge: theory and simulation, with a table of z-scores.",
        epilog="example:\n  asymptotics figure --output accuracy.pdf --trials 100",
        **plain,
    )
    for command in (limit, simulate, threshold):
        _add_population(command)
        if command is threshold:
            command.add_argument("--no-intercept", action="store_true", help="fit no intercept")
        else:
            _add_classifier(command)
        _add_projector(command)
    _add_simulation(simulate, n=400, trials=60)
    simulate.add_argument(
        "--method",
        choices=["auto", "direct", "exact-law"],
        default="auto",
        help="how the training sets are drawn (default auto: the cheapest way)",
    )
    figure.add_argument(
        "--output",
        type=Path,
        default=Path("headline.png"),
        metavar="FILE",
        help="where to write the figure, png, pdf or svg; the table goes beside it as .csv "
        "(default headline.png)",
    )
    _add_simulation(figure, n=300, trials=30)
    for command in (limit, simulate, threshold, figure):
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


# ------------------------------------------------------------------- from options to the library


class Grid:
    """Every combination of the numeric options: each list of values is an axis.

    Attributes
    ----------
    options : dict of str to tuple of float
        The numeric options that were given or have defaults.
    varying : list of str
        Those with several values, in the order of the axes.
    shape : tuple of int
    """

    def __init__(self, args: argparse.Namespace) -> None:
        given: dict[str, tuple[float, ...] | None] = {
            name: getattr(args, name) for name in ("signal", "noise", "balance")
        }
        for k, (strength, alignment) in enumerate(args.spike):
            given |= {f"spike_{k}_strength": strength, f"spike_{k}_alignment": alignment}
        for name in ("penalty", "aspect_ratio", "gain", "alignment", "exponent"):
            given[name] = getattr(args, name, None)
        self.options = {name: values for name, values in given.items() if values is not None}
        self.varying = [name for name, values in self.options.items() if len(values) > 1]
        self.shape = tuple(len(self.options[name]) for name in self.varying)
        self._args = args

    def arrays(self) -> dict[str, Any]:
        """Single values as floats, lists as arrays that broadcast to the shape of the grid."""
        values: dict[str, Any] = {name: only for name, (only, *_) in self.options.items()}
        for axis, name in enumerate(self.varying):
            trailing = (1,) * (len(self.shape) - axis - 1)
            values[name] = np.array(self.options[name]).reshape(-1, *trailing)
        return values

    def rows(self) -> list[dict[str, float]]:
        """The options of each combination, in the order of a raveled array of results."""
        return [
            dict(zip(self.options, combination, strict=True))
            for combination in itertools.product(*self.options.values())
        ]

    def mixture(self, values: Mapping[str, Any]) -> asy.SpikedMixture:
        """The population of one row, or of the whole grid from its arrays."""
        spikes = [
            asy.Spike(values[f"spike_{k}_strength"], values[f"spike_{k}_alignment"])
            for k in range(len(self._args.spike))
        ]
        return asy.SpikedMixture(values["signal"], values["noise"], spikes, values["balance"])

    def classifier(self, values: Mapping[str, Any]) -> Classifier:
        """The classifier of one row, or of the whole grid from its arrays."""
        name = self._args.classifier
        build: Callable[..., Classifier] = _CLASSIFIERS[name]
        fit_intercept = not self._args.no_intercept
        if name not in _PENALISED:
            if "penalty" in values:
                raise ValueError(f"--penalty must not be given for {name}, which has none")
            return build(fit_intercept=fit_intercept)
        if "penalty" not in values:
            raise ValueError(f"--penalty must be given for {name}")
        return build(values["penalty"], fit_intercept=fit_intercept)

    def projector(self, values: Mapping[str, Any]) -> Projector:
        """The projector of one row, or of the whole grid from its arrays."""
        spike = self._args.spike_index
        if "gain" in values and "exponent" in values:
            raise ValueError("--gain and --exponent must not be given together")
        if "gain" in values:
            return asy.Expansion(values["gain"], values.get("alignment", 1.0), spike)
        if "alignment" in values or spike is not None:
            raise ValueError("--alignment and --spike-index must be given together with --gain")
        return asy.Power(values["exponent"]) if "exponent" in values else asy.Identity()
