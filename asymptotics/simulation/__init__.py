"""Simulation: samples in place of laws."""

from .result import Simulation
from .trials import simulate

__all__ = ["Simulation", "simulate"]
