"""Reference moments of the logistic channel: python tests/data/make_logistic_moments.py

E f, E f², -E f' and E ℓ(prox) for ω ~ N(mean, deviation²), f = (prox(ω) - ω)/V = σ(-prox), by mpmath's
tanh-sinh quadrature over x = prox(ω) with 40 digits, between knots that follow the density and both
bends of the loss. Writes logistic_moments.json beside this file, which tests/integrals/test_logistic.py
reads; the test repeats some of the points. The logarithms are stored: some moments are 1e-200.
"""

import itertools
import json
from pathlib import Path

import mpmath
from mpmath import mp

FILE = Path(__file__).with_name("logistic_moments.json")
DIGITS = 40

DEVIATIONS = [1e-7, 1e-3, 0.3, 2.0, 15.0, 120.0, 1000.0]
SUSCEPTIBILITIES = [1e-7, 0.01, 1.0, 40.0, 1e4, 1e7, 1e11]
# Quantiles and offsets at which the mass lies: deep in the tail, at a bend, between the bends.
DEPTHS = [-25, -8, -2, 0, 1, 5, 20]


def points():
    """Every pair of a deviation and a V, each at its own mean."""
    for k, (deviation, v) in enumerate(itertools.product(DEVIATIONS, SUSCEPTIBILITIES)):
        bend = [0.0, float(mp.log1p(v)), -0.5 * v, -v][k % 4]
        mean = bend + DEPTHS[k % 7] * (deviation if k % 3 else 1.0)
        yield mean, deviation, v


def sigma(x):
    return 1 / (1 + mp.exp(x))


def prox(omega, v):
    """The root x of x - V σ(-x) = ω, by bisection (σ above is σ(-x))."""
    low, high = omega, omega + v
    for _ in range(260):
        middle = (low + high) / 2
        low, high = (middle, high) if middle - v * sigma(middle) < omega else (low, middle)
    return low


def moments(mean, deviation, v):
    """Logarithms of E f, E f², -E f', E ℓ(prox)."""
    with mpmath.workdps(DIGITS):
        mean, deviation, v = mp.mpf(mean), mp.mpf(deviation), mp.mpf(v)
        depths = [-75, -60, -50, -42, -36, -31, -26, -22, -18, -15, -12, -10, -8, -6.5, -5, -4]
        depths += [-3, -2, -1, 0, 1, 2, 3, 4, 5, 6.5, 8, 10, 13, 17, 22, 30, 40]
        # f² has moved the mass down by 2√q deviations
        depths += [-float(2 * deviation) + s for s in range(-9, 10, 2)] if deviation < 45 else []
        steps = [-40, -25, -16, -10, -6, -3, -1, 0, 1, 3, 6, 10, 16, 25, 40]
        knots = [prox(mean + deviation * z, v) for z in depths]
        first, last = min(knots), max(knots)
        knots += [bend + s for bend in (mp.mpf(0), mp.log1p(v)) for s in steps]
        knots = sorted({x for x in knots if first <= x <= last})

        def density(x):
            z = (x - v * sigma(x) - mean) / deviation
            return mp.exp(-z * z / 2) / (mp.sqrt(2 * mp.pi) * deviation)

        def stretched(g):
            return lambda x: g(x) * density(x) * (1 + v * sigma(x) * sigma(-x))

        integrands = [
            stretched(sigma),
            stretched(lambda x: sigma(x) ** 2),
            lambda x: sigma(x) * sigma(-x) * density(x),
            stretched(lambda x: mp.log1p(mp.exp(-x)) if x > 0 else mp.log1p(mp.exp(x)) - x),
        ]
        out = []
        for integrand in integrands:
            size = max(integrand(x) for x in knots)  # mpmath stops at an absolute error
            total = mp.quad(lambda x, g=integrand, s=size: g(x) / s, knots)
            out.append(float(mp.log(size) + mp.log(total)))
        return out


def main():
    rows = [
        {"mean": mean, "deviation": deviation, "v": v, "logs": moments(mean, deviation, v)}
        for mean, deviation, v in points()
    ]
    FILE.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


if __name__ == "__main__":
    main()
