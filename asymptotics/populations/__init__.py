"""Populations: the law of a labelled representation, and sampling from it."""

from .base import Population, check_population
from .classes import ClassMixture, GaussianClasses
from .gaussian import GaussianMixture
from .spectrum import Spectrum
from .spiked import Spike, SpikedMixture

__all__ = [
    "ClassMixture",
    "GaussianClasses",
    "GaussianMixture",
    "Population",
    "Spectrum",
    "Spike",
    "SpikedMixture",
    "check_population",
]
