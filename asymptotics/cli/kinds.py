"""The names by which populations, projectors and classifiers are asked for."""

from __future__ import annotations

import inspect
from typing import Any

import asymptotics as asy

from ..classifiers import Classifier
from ..plots.names import classifier_name
from ..population import GaussianMixture, SpikedMixture
from ..projectors import Projector
from ..spectrum import Spectrum

__all__ = ["CLASSIFIERS", "PENALISED", "POPULATIONS", "PROJECTORS"]


def _by_name(base: type) -> dict[str, type[Any]]:
    """The concrete public classes of a kind by their names in words: MaxMargin is max-margin."""
    public = (thing for name, thing in vars(asy).items() if name in asy.__all__)
    found = [
        cls
        for cls in public
        if inspect.isclass(cls) and issubclass(cls, base) and not inspect.isabstract(cls)
    ]
    return {_words(cls): cls for cls in sorted(found, key=_words)}


def _words(cls: type[Any]) -> str:
    return classifier_name(cls).lower().replace(" ", "-")


CLASSIFIERS: dict[str, type[Classifier]] = _by_name(Classifier)
PENALISED = [name for name, cls in CLASSIFIERS.items() if "penalty" in cls.parameters]
PROJECTORS: dict[str, type[Projector]] = _by_name(Projector)
POPULATIONS = {_words(cls): cls for cls in (SpikedMixture, GaussianMixture, Spectrum)}
