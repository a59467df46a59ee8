"""The named symbols of the closed forms, and the range of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import sympy as sp

from ..checks import CORRELATION, NONNEGATIVE, POSITIVE, PROBABILITY, Interval

__all__ = [
    "ALIGNMENT",
    "ASPECT_RATIO",
    "BALANCE",
    "GAIN",
    "NOISE",
    "PARAMETERS",
    "PENALTY",
    "SIGNAL",
    "SPIKE_ALIGNMENT",
    "STRENGTH",
    "Expr",
    "Parameter",
    "check_exact",
    "check_number",
    "exact",
    "parameter",
]

Expr: TypeAlias = Any  # sympy.Expr

SIGNAL = sp.Symbol("s", positive=True)
NOISE = sp.Symbol("sigma", positive=True)
ASPECT_RATIO = sp.Symbol("gamma", positive=True)
PENALTY = sp.Symbol("lambda", positive=True)
GAIN = sp.Symbol("alpha", positive=True)
ALIGNMENT = sp.Symbol("c", real=True)
STRENGTH = sp.Symbol("theta", real=True)
SPIKE_ALIGNMENT = sp.Symbol("kappa", real=True)
BALANCE = sp.Symbol("pi_+", positive=True)


@dataclass(frozen=True)
class Parameter:
    """A symbol, the name of the argument that it stands for, and its range."""

    name: str
    symbol: Expr
    interval: Interval


PARAMETERS = {
    p.symbol: p
    for p in (
        Parameter("signal", SIGNAL, NONNEGATIVE),
        Parameter("noise", NOISE, POSITIVE),
        Parameter("aspect_ratio", ASPECT_RATIO, POSITIVE),
        Parameter("penalty", PENALTY, NONNEGATIVE),
        Parameter("gain", GAIN, NONNEGATIVE),
        Parameter("alignment", ALIGNMENT, CORRELATION),
        Parameter("strength", STRENGTH, Interval(-1, float("inf"))),
        Parameter("spike_alignment", SPIKE_ALIGNMENT, CORRELATION),
        Parameter("balance", BALANCE, PROBABILITY),
    )
}


def parameter(name: str) -> Parameter:
    """The parameter of that name."""
    for found in PARAMETERS.values():
        if found.name == name:
            return found
    known = ", ".join(found.name for found in PARAMETERS.values())
    raise ValueError(f"parameter must be one of {known}, got {name!r}")


def exact(value: Any) -> Expr:
    """A number as SymPy's: a float is the binary number that it is, a string is read exactly."""
    if isinstance(value, float):
        return sp.Rational(*value.as_integer_ratio()) if sp.Float(value).is_finite else sp.nan
    if isinstance(value, str):
        return sp.Rational(value)
    return sp.sympify(value)


def check_exact(which: Parameter, value: Expr) -> Expr:
    """A number inside its range; ValueError names the parameter, the range and the value."""
    low, high = which.interval.low, which.interval.high
    inside = value.is_real is True and value.is_finite is True
    if inside:
        above = value > low if which.interval.low_open else value >= low
        below = value < high if which.interval.high_open else value <= high
        inside = bool(sp.And(above, below))
    if not inside:
        raise ValueError(f"{which.name} must be in {which.interval}, got {value}")
    return value


def check_number(name: str, value: Any) -> Expr:
    """A parameter given as a number, which has to be in range, or as an expression."""
    found = exact(value)
    return check_exact(parameter(name), found) if found.is_number else found
