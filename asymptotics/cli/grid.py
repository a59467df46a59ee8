"""From the command line's options to the library."""

from __future__ import annotations

import argparse
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

    def mixture(self, values: Mapping[str, Any]) -> asy.SpikedMixture:
        """The population of one row, or of the whole grid from its arrays."""
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
        fit_intercept = not self._args.no_intercept
        if name not in PENALISED:
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
