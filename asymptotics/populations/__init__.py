"""Populations: the law of a labelled representation, and sampling from it."""

from .base import Population, check_population
from .gaussian import GaussianMixture
from .spectrum import Spectrum
from .spiked import Spike, SpikedMixture

__all__ = [
    "GaussianMixture",
    "Population",
    "Spectrum",
    "Spike",
    "SpikedMixture",
    "check_population",
]
