"""From the command line's options to the library."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import asymptotics as asy

from ..classifiers import Classifier
from ..projectors import Projector
from .kinds import CLASSIFIERS, PENALISED

__all__ = ["Grid"]


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
        names = ["signal", "noise", "balance"]
        if getattr(args, "classes", None) is not None:
            names = ["distance", "noise"]
            _only_classes(args)
        elif args.signal is None:
            more = "" if args.command == "threshold" else ", or --classes and --distance"
            raise ValueError(f"--signal must be given{more}")
        elif getattr(args, "distance", None) or getattr(args, "priors", None):
            raise ValueError("--distance and --priors must be given together with --classes")
        given: dict[str, tuple[float, ...] | None] = {name: getattr(args, name) for name in names}
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

    def single(self) -> dict[str, float]:
        """The options of the only combination.

        Raises
        ------
        ValueError
            If there are several.
        """
        for name in self.varying:
            values = ",".join(f"{value:g}" for value in self.options[name])
            option = "--" + name.replace("_", "-")
            raise ValueError(f"{option} must be a single number here, got {values}")
        return self.rows()[0]

    def rows(self) -> list[dict[str, float]]:
        """The options of each combination, in the order of a raveled array of results."""
        return [
            dict(zip(self.options, combination, strict=True))
            for combination in itertools.product(*self.options.values())
        ]

    @property
    def has_classes(self) -> bool:
        """Whether these are several classes: of those each row is a population of its own."""
        return getattr(self._args, "classes", None) is not None

    def mixture(self, values: Mapping[str, Any]) -> Any:
        """The population of one row, or of the whole grid from its arrays."""
        if self.has_classes:
            count = self._args.classes
            mix = asy.ClassMixture.simplex(count, values["distance"], values["noise"])
            return dataclasses.replace(mix, priors=self._args.priors)
        spikes = [
            asy.Spike(values[f"spike_{k}_strength"], values[f"spike_{k}_alignment"])
            for k in range(len(self._args.spike))
        ]
        return asy.SpikedMixture(values["signal"], values["noise"], spikes, values["balance"])

    def classifier(self, values: Mapping[str, Any]) -> Classifier:
        """The classifier of one row, or of the whole grid from its arrays."""
        clf = self._trained(values)
        noise = self._args.label_noise
        return clf if noise is None else asy.Flipped(clf, noise)

    def _trained(self, values: Mapping[str, Any]) -> Classifier:
        name = self._args.classifier
        build: Callable[..., Classifier] = CLASSIFIERS[name]
        options: dict[str, Any] = {"fit_intercept": not self._args.no_intercept}
        weight = self._args.class_weight
        if weight is not None:
            if "class_weight" not in inspect.signature(build).parameters:
                raise ValueError(f"--class-weight must not be given for {name}, which has none")
            options["class_weight"] = weight if isinstance(weight, str) else self._labelled(weight)
        if name not in PENALISED:
            if "penalty" in values:
                raise ValueError(f"--penalty must not be given for {name}, which has none")
            return build(**options)
        if "penalty" not in values:
            raise ValueError(f"--penalty must be given for {name}")
        return build(values["penalty"], **options)

    def _labelled(self, weights: tuple[float, ...]) -> dict[int, float]:
        labels = range(self._args.classes) if self.has_classes else (-1, 1)
        if len(weights) != len(labels):
            raise ValueError(
                f"--class-weight must be balanced, or {len(labels)} numbers, got {len(weights)}"
            )
        return dict(zip(labels, weights, strict=True))

    def projector(self, values: Mapping[str, Any]) -> Projector:
        """The projector of one row, or of the whole grid from its arrays."""
        spike = self._args.spike_index
        between = self._args.between
        if between and ("gain" not in values or "alignment" in values or spike is not None):
            raise ValueError("--between must be given together with --gain, and nothing else")
        if self.has_classes and "gain" in values and not between:
            raise ValueError("--gain must be given together with --between for several classes")
        if "gain" in values and "exponent" in values:
            raise ValueError("--gain and --exponent must not be given together")
        if between:
            return asy.Expansion(values["gain"], subspace="between")
        if "gain" in values:
            return asy.Expansion(values["gain"], values.get("alignment", 1.0), spike)
        if "alignment" in values or spike is not None:
            raise ValueError("--alignment and --spike-index must be given together with --gain")
        return asy.Power(values["exponent"]) if "exponent" in values else asy.Identity()


def _only_classes(args: argparse.Namespace) -> None:
    """Refuse options of two classes beside several."""
    if args.distance is None:
        raise ValueError("--distance must be given together with --classes")
    given = [name for name in ("signal", "spike") if getattr(args, name)]
    if args.balance != (0.5,):
        given.append("balance")
    if given:
        raise ValueError(f"--{given[0]} must not be given together with --classes")
