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
from .projectors import Projector

__all__ = ["Grid", "build_parser", "classifier", "mixture", "projector"]

_PROG = "asymptotics"


def _command_name(cls: type) -> str:
    """MaxMargin -> max-margin, SVM -> svm."""
    return "-".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]+", cls.__name__)).lower()


_CLASSIFIERS: dict[str, type[Classifier]] = {
    _command_name(cls): cls
    for cls in (getattr(classifiers, name) for name in classifiers.__all__)
    if issubclass(cls, Classifier) and cls is not Classifier
}


# ---------------------------------------------------------------------------------- the parser


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(_BAD_INPUT, f"{self.prog}: error: {_one_line(message)}\n")


def _one_line(text: object) -> str:
    return " ".join(str(text).split())


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


def _population_options(parser: argparse.ArgumentParser) -> None:
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
        "with mu; may be repeated",
    )
    group.add_argument(
        "--balance",
        type=_numbers,
        default=(0.5,),
        metavar="PI",
        help="probability of the label +1 (default 0.5)",
    )


def _projector_options(parser: argparse.ArgumentParser) -> None:
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
        help="with --gain: stretch a direction at cosine C with mu instead",
    )
    group.add_argument(
        "--spike-index",
        type=int,
        metavar="K",
        help="with --gain: stretch the direction of the K-th --spike, counted from 0, instead",
    )
    group.add_argument(
        "--exponent",
        type=_numbers,
        metavar="A",
        help="the power A of the second moment E hh^T / SIGMA^2; -0.5 whitens",
    )


def _classifier_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("classifier")
    group.add_argument("--classifier", choices=list(_CLASSIFIERS), required=True)
    group.add_argument(
        "--penalty",
        type=_numbers,
        metavar="LAMBDA",
        help="of (1/n) sum loss + LAMBDA/2 |w|^2; for "
        + ", ".join(name for name, cls in _CLASSIFIERS.items() if "penalty" in cls.parameters),
    )
    _intercept_option(group)
    group.add_argument(
        "--aspect-ratio", type=_numbers, required=True, metavar="GAMMA", help="p/n, above 0"
    )


def _intercept_option(group: Any) -> None:
    group.add_argument("--no-intercept", action="store_true", help="fit no intercept")


def _json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json",
        action="store_true",
        help="print JSON, one object a row, with null for what does not exist",
    )


def _simulation_options(parser: argparse.ArgumentParser, n: int, trials: int) -> None:
    group = parser.add_argument_group("simulation")
    group.add_argument("--n", type=int, default=n, help=f"size of a training set (default {n})")
    group.add_argument(
        "--trials",
        type=int,
        default=trials,
        help=f"number of training sets for each result, at least 2 (default {trials})",
    )
    group.add_argument("--seed", type=int, default=0, help="of the random numbers (default 0)")
    group.add_argument(
        "--jobs",
        type=int,
        metavar="J",
        help="processes; -1 for one a core; the results are the same (default: "
        "as joblib is configured)",
    )
    group.add_argument("--quiet", action="store_true", help="show no progress bar")


_GRID_NOTE = "A number may be a list, as in 0.3,1,3: every combination gets a row."


def _parser() -> argparse.ArgumentParser:
    # Colour and abbreviations off: messages for logs, scripts that survive a new option.
    plain: dict[str, Any] = {
        "allow_abbrev": False,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    }
    parser = _Parser(
        prog=_PROG,
        description="Exact high-dimensional limits of linear classification behind a projector.\n"
        "Without a command: make the headline figure and its table here.",
        epilog="example:\n"
        "  asymptotics limit --signal 1.5 --classifier logistic --penalty 0.1 \\\n"
        "      --aspect-ratio 0.5 --gain 0.3,1,3",
        **plain,
    )
    parser.add_argument("--version", action="version", version=f"{_PROG} {_version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    command = commands.add_parser(
        "limit",
        help="the limiting accuracy of a classifier",
        description="The accuracy of a classifier as n, p -> infinity with p/n -> GAMMA.\n"
        + _GRID_NOTE,
        epilog="example:\n"
        "  asymptotics limit --signal 1.5 --classifier ridge --penalty 0.1 \\\n"
        "      --aspect-ratio 0.5,1.5 --gain 0.3,1,3",
        **plain,
    )
    _population_options(command)
    _classifier_options(command)
    _projector_options(command)
    _json_option(command)
    command.set_defaults(run=_limit)

    command = commands.add_parser(
        "simulate",
        help="trained classifiers beside their limit",
        description="Train a classifier on fresh training sets and compare its mean accuracy with "
        "the limit.\n" + _GRID_NOTE,
        epilog="example:\n"
        "  asymptotics simulate --signal 1.5 --classifier max-margin \\\n"
        "      --aspect-ratio 1.5 --gain 3 --n 400 --trials 40",
        **plain,
    )
    _population_options(command)
    _classifier_options(command)
    _projector_options(command)
    _simulation_options(command, 400, 40)
    command.add_argument(
        "--method",
        choices=["auto", "direct", "exact-law"],
        default="auto",
        help="how the training sets are drawn (default auto: the cheapest way)",
    )
    _json_option(command)
    command.set_defaults(run=_simulate)

    command = commands.add_parser(
        "threshold",
        help="the aspect ratio above which the classes are linearly separable",
        description="The p/n above which a training set can be separated by a hyperplane.\n"
        + _GRID_NOTE,
        epilog="example:\n  asymptotics threshold --signal 0.5,1,1.5,2 --balance 0.5",
        **plain,
    )
    _population_options(command)
    _intercept_option(command)
    _projector_options(command)
    _json_option(command)
    command.set_defaults(run=_threshold)

    command = commands.add_parser(
        "figure",
        help="the headline figure: accuracy against gain",
        description="Accuracy against the gain of the projector for logistic regression, SVM, max\n"
        "margin and ridge, theory and simulation, with a table of z-scores.",
        epilog="example:\n  asymptotics figure --output accuracy.pdf --trials 100 --jobs 2",
        **plain,
    )
    _figure_options(command)
    command.set_defaults(run=_figure)
    return parser


def _figure_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--output",
        type=Path,
        default=Path("headline.png"),
        metavar="FILE",
        help="png, pdf or svg; the table is written beside it as .csv (default headline.png)",
    )
    _simulation_options(command, 400, 40)
    _json_option(command)


def _version() -> str:
    return str(asy.__version__)


def _join_negative_numbers(argv: Sequence[str]) -> list[str]:
    """["--alignment", "-0.5,0.5"] as one word: argparse takes the second for an option."""
    joined: list[str] = []
    for word in argv:
        option = joined and re.fullmatch(r"--[a-z-]+", joined[-1])
        if option and re.match(r"-[\d.]|-(inf|nan)\b", word, re.IGNORECASE):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


# ------------------------------------------------------------------- from options to the library


class _Grid:
    """The combinations of all numeric options, each list of values on an axis of its own."""

    def __init__(self, args: argparse.Namespace) -> None:
        options: list[tuple[str, tuple[float, ...] | None]] = [
            (name, getattr(args, name)) for name in ("signal", "noise", "balance")
        ]
        for k, (strength, alignment) in enumerate(args.spike):
            options += [(f"spike_{k}_strength", strength), (f"spike_{k}_alignment", alignment)]
        options += [
            (name, getattr(args, name, None))
            for name in ("penalty", "aspect_ratio", "gain", "alignment", "exponent")
        ]
        self.options = {name: values for name, values in options if values is not None}
        self.varying = [name for name, values in self.options.items() if len(values) > 1]

    def arrays(self) -> dict[str, Any]:
        """Scalars for single values; lists along axes of their own, so that they broadcast."""
        values: dict[str, Any] = {}
        for name, numbers in self.options.items():
            if name in self.varying:
                shape = [-1 if name == other else 1 for other in self.varying]
                values[name] = np.array(numbers).reshape(shape)
            else:
                values[name] = numbers[0]
        return values

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(self.options[name]) for name in self.varying)

    def rows(self) -> list[Row]:
        """The options of each combination, in the order of a raveled result."""
        return [
            dict(zip(self.options, combination, strict=True))
            for combination in itertools.product(*self.options.values())
        ]


def _mixture(args: argparse.Namespace, values: Mapping[str, Any]) -> asy.SpikedMixture:
    spikes = [
        asy.Spike(values[f"spike_{k}_strength"], values[f"spike_{k}_alignment"])
        for k in range(len(args.spike))
    ]
    return asy.SpikedMixture(values["signal"], values["noise"], spikes, values["balance"])


def _classifier(args: argparse.Namespace, values: Mapping[str, Any]) -> Classifier:
    cls: Callable[..., Classifier] = _CLASSIFIERS[args.classifier]
    takes_penalty = "penalty" in _CLASSIFIERS[args.classifier].parameters
    if takes_penalty and "penalty" not in values:
        raise ValueError(f"--penalty must be given for {args.classifier}")
    if not takes_penalty and "penalty" in values:
        raise ValueError(f"--penalty must not be given for {args.classifier}, which has none")
    penalty = {"penalty": values["penalty"]} if takes_penalty else {}
    return cls(**penalty, fit_intercept=not args.no_intercept)


def _projector(args: argparse.Namespace, values: Mapping[str, Any]) -> Projector:
    if "gain" in values and "exponent" in values:
        raise ValueError("--gain and --exponent must not be given together")
    if "gain" not in values and ("alignment" in values or args.spike_index is not None):
        raise ValueError("--alignment and --spike-index must be given together with --gain")
    if "exponent" in values:
        return asy.Power(values["exponent"])
    if "gain" in values:
        return asy.Expansion(values["gain"], values.get("alignment", 1.0), args.spike_index)
    return asy.Identity()


def _setting(args: argparse.Namespace, grid: _Grid) -> Row:
    """What the rows do not say."""
    setting: Row = {}
    if "classifier" in args:
        setting["classifier"] = args.classifier
    setting["fit_intercept"] = not args.no_intercept
    if args.spike_index is not None:
        setting["spike_index"] = args.spike_index
    return setting
