"""The names by which populations, projectors and classifiers are asked for."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

from .. import classifiers, projectors
from ..classifiers import Classifier, Flipped
from ..classifiers.names import classifier_name
from ..contrastive import InfoNCE
from ..populations.classes import ClassMixture, GaussianClasses
from ..populations.gaussian import GaussianMixture
from ..populations.spectrum import Spectrum
from ..populations.spiked import SpikedMixture
from ..projectors import Composition, FrameStretch, Projector

__all__ = ["CLASSIFIERS", "PENALISED", "POPULATIONS", "PROJECTORS"]


def _by_name(module: ModuleType, base: type) -> dict[str, type[Any]]:
    """The concrete classes of a package by their names in words: MaxMargin is max-margin."""
    found = {}
    for name in sorted(module.__all__, key=str.lower):
        cls = getattr(module, name)
        if inspect.isclass(cls) and issubclass(cls, base) and not inspect.isabstract(cls):
            found[_words(cls)] = cls
    return found


def _words(cls: type[Any]) -> str:
    return classifier_name(cls).lower().replace(" ", "-")


# Label noise is a property of the labels of another classifier, which has its name.
CLASSIFIERS: dict[str, type[Classifier]] = {
    name: cls for name, cls in _by_name(classifiers, Classifier).items() if cls is not Flipped
}
PENALISED = [name for name, cls in CLASSIFIERS.items() if "penalty" in cls.parameters]
# A FrameStretch is a result, and a composition has parts with names of their own.
PROJECTORS: dict[str, type[Projector]] = {
    name: cls
    for name, cls in _by_name(projectors, Projector).items()
    if cls not in (Composition, FrameStretch)
} | {"infonce": InfoNCE}
POPULATIONS = {
    _words(cls): cls
    for cls in (SpikedMixture, GaussianMixture, Spectrum, ClassMixture, GaussianClasses)
}
