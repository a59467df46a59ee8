"""Make reference_limits.json: limits to 30 digits, over the whole range of the parameters.

Run by hand, from anywhere, with the package importable; it takes a few minutes:

    python tests/data/make_reference_limits.py

Every case states its problem in plain numbers (a float is the binary number that it is) and the
fields of ``asymptotics.reference.limit`` as strings. ``problem`` turns a case back into the
arguments of ``limit``; tests/reference/test_reference.py imports it from here.

The cases are, in this order: corners, one for each thing that can go wrong; both sides of every
branch (thresholds, interpolation, vanishing weights, balanced against nearly balanced, aligned
against nearly aligned, one bulk atom against several); and draws over the whole range, the same
number for each classifier.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import asymptotics as asy
from asymptotics import reference

DPS = 30
SEED = 20240607
TARGET = Path(__file__).with_name("reference_limits.json")
FIELDS = (
    "accuracy",
    "error",
    "mean",
    "variance",
    "intercept",
    "susceptibility",
    "train_accuracy",
    "train_loss",
)
PENALISED = ("Ridge", "Logistic", "SVM", "SquaredHinge")
DRAWS = 7

Case = dict[str, Any]


def problem(case: Case) -> tuple[Any, Any, float, Any]:
    """The arguments (mix, clf, aspect_ratio, projector) of ``limit`` for a case."""
    kinds = {"SpikedMixture": asy.SpikedMixture, "Spectrum": asy.Spectrum}
    kinds["GaussianMixture"] = asy.GaussianMixture
    population = dict(case["population"])
    kind = population.pop("kind")
    if kind == "SpikedMixture":
        population["spikes"] = [asy.Spike(*spike) for spike in population.get("spikes", [])]
    classifier = dict(case["classifier"])
    clf = getattr(asy, classifier.pop("kind"))(**classifier)
    projector = None
    if case["projector"] is not None:
        parameters = dict(case["projector"])
        projector = getattr(asy, parameters.pop("kind"))(**parameters)
    return kinds[kind](**population), clf, case["aspect_ratio"], projector


def spiked(
    signal: float,
    noise: float = 1.0,
    spikes: tuple[tuple[float, float], ...] = (),
    balance: float = 0.5,
) -> Case:
    return {
        "kind": "SpikedMixture",
        "signal": signal,
        "noise": noise,
        "spikes": [list(spike) for spike in spikes],
        "balance": balance,
    }


def classifier(kind: str, penalty: float | None = None, fit_intercept: bool = True) -> Case:
    found: Case = {"kind": kind, "fit_intercept": fit_intercept}
    return found if penalty is None else found | {"penalty": penalty}


def expansion(gain: float, alignment: float = 1.0) -> Case:
    return {"kind": "Expansion", "gain": gain, "alignment": alignment}


def case(
    name: str, population: Case, clf: Case, gamma: float, projector: Case | None = None
) -> Case:
    return {
        "name": name,
        "population": population,
        "classifier": clf,
        "aspect_ratio": gamma,
        "projector": projector,
    }


def corners() -> list[Case]:
    """One case for each extreme."""
    hard = spiked(1.5, 1.0, ((100.0, 0.99), (-0.9, 0.05)), 0.3)
    found = []
    for kind in PENALISED:
        for name, population, penalty, gamma, projector in (
            ("weak signal", spiked(0.02), 0.1, 0.5, None),
            ("strong signal", spiked(8.0, 0.5), 0.1, 0.5, None),
            ("small noise", spiked(0.3, 0.1, (), 0.7), 1e-3, 2.0, None),
            ("large noise", spiked(8.0, 10.0, (), 0.7), 1.0, 0.3, None),
            ("many samples", spiked(1.0, 1.0, (), 0.4), 1e-2, 0.02, expansion(2.0)),
            ("many dimensions", spiked(3.0, 1.0, (), 0.4), 1e-2, 100.0, expansion(2.0)),
            ("small penalty, few dimensions", spiked(1.0), 1e-7, 0.1, expansion(0.2)),
            ("small penalty, many dimensions", spiked(1.0), 1e-7, 3.0, expansion(0.2)),
            ("large penalty", spiked(1.5), 1e5, 0.5, expansion(3.0)),
            ("large penalty, unbalanced", spiked(1.5, 1.0, (), 0.2), 1e5, 3.0, expansion(3.0)),
            ("large gain", hard, 0.1, 0.7, expansion(1e3)),
            ("small gain", hard, 0.1, 0.7, expansion(1e-3)),
            ("misaligned large gain", hard, 0.1, 0.7, expansion(1e3, 0.3)),
            ("misaligned small gain", hard, 0.1, 0.7, expansion(1e-3, -0.3)),
            ("few of one class", spiked(1.5, 1.0, (), 0.02), 0.1, 1.0, None),
            ("few of the other class", spiked(1.5, 1.0, (), 0.98), 0.1, 1.0, None),
        ):
            found.append(case(name, population, classifier(kind, penalty), gamma, projector))
    for kind in ("MaxMargin", "MinNorm", "Centroid", "Bayes"):
        for name, population, gamma, projector in (
            ("weak signal", spiked(0.02), 0.6, None),
            ("strong signal", spiked(8.0, 0.5), 0.5, None),
            ("many dimensions", spiked(3.0, 1.0, (), 0.3), 100.0, expansion(2.0)),
            ("large gain", hard, 0.7, expansion(1e3)),
            ("small gain", hard, 0.7, expansion(1e-3, 0.3)),
            ("few of one class", spiked(1.5, 1.0, (), 0.02), 1.5, None),
        ):
            found.append(case(name, population, classifier(kind), gamma, projector))
    for signal in (13.0, 20.0, 36.0):
        found.append(case("tiny error", spiked(signal), classifier("Bayes"), 0.5))
        found.append(case("tiny error", spiked(signal), classifier("Logistic", 1.0), 0.1))
    return found


def branches() -> list[Case]:
    """Both sides of every place where the computation changes."""
    found = []
    for balance, fit in ((0.5, True), (0.3, True), (0.3, False)):
        population = spiked(1.0, 1.0, ((2.0, 0.4),), balance)
        threshold = float(
            reference.separability_threshold(problem_population(population), fit, dps=20)
        )
        for kind in ("Logistic", "SVM", "SquaredHinge"):
            for factor in (0.5, 0.99):
                clf = classifier(kind, 0.0, fit)
                found.append(case("below the threshold", population, clf, threshold * factor))
            for factor in (0.99, 1.01):
                clf = classifier(kind, 1e-6, fit)
                found.append(case("about the threshold", population, clf, threshold * factor))
        for factor in (1.01, 1.2):
            clf = classifier("MaxMargin", None, fit)
            found.append(case("above the threshold", population, clf, threshold * factor))
    skewed = spiked(1.0, 1.0, ((3.0, 0.6),), 0.3)
    for gamma in (0.5, 0.99, 1.01, 2.0):
        found.append(
            case("interpolation", skewed, classifier("MinNorm"), gamma, expansion(2.0, 0.7))
        )
        found.append(
            case("interpolation", skewed, classifier("Ridge", 1e-9), gamma, expansion(2.0))
        )
    for gamma in (0.3, 0.99):
        found.append(case("least squares", skewed, classifier("Ridge", 0.0), gamma, expansion(3.0)))
    for gamma in (0.05, 0.13, 0.15, 0.3):
        clf = classifier("SVM", 0.01)
        found.append(case("vanishing weights", spiked(0.3, 1.0, (), 0.1), clf, gamma))
    for kind in PENALISED:
        for balance in (0.5, 0.5 + 1e-9):
            population = spiked(1.0, 1.0, (), balance)
            found.append(case("nearly balanced", population, classifier(kind, 0.1), 0.5))
        for alignment in (1.0, 1.0 - 1e-9, -1.0):
            projector = expansion(5.0, alignment)
            found.append(case("nearly aligned", skewed, classifier(kind, 0.1), 0.5, projector))
        blocks = {
            "kind": "Spectrum",
            "eigenvalues": [0.01, 1.0, 100.0],
            "weights": [0.25, 0.5, 0.25],
            "energies": [0.01, 1.0, 4.0],
            "balance": 0.4,
        }
        found.append(case("several bulk atoms", blocks, classifier(kind, 0.1), 0.8, expansion(3.0)))
        # A covariance of finite dimension, and a map into fewer.
        finite = {
            "kind": "GaussianMixture",
            "mean": [1.0, -0.5, 0.25, 0.0],
            "covariance": [
                [2.0, 0.5, 0.0, 0.25],
                [0.5, 1.0, 0.25, 0.0],
                [0.0, 0.25, 1.5, 0.5],
                [0.25, 0.0, 0.5, 0.75],
            ],
            "balance": 0.6,
        }
        plane = {"kind": "LinearMap", "matrix": [[1.0, 0.5, 0.0, 0.0], [0.0, 1.0, -1.0, 2.0]]}
        found.append(case("explicit matrix", finite, classifier(kind, 0.1), 1.5, plane))
        power = {"kind": "Power", "exponent": -0.5}
        found.append(case("whitened", skewed, classifier(kind, 0.1), 0.5, power))
    return found


def problem_population(population: Case) -> Any:
    """The population of a case, by itself."""
    return problem(case("", population, classifier("Bayes"), 1.0))[0]


def draws() -> list[Case]:
    """Log-uniform draws over the whole range."""
    rng = np.random.default_rng(SEED)

    def log_uniform(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    found = []
    for kind in (*PENALISED, "MaxMargin", "MinNorm", "Centroid", "Bayes"):
        count = 0
        while count < DRAWS:
            spikes = []
            for _ in range(int(rng.integers(0, 3))):
                strength = log_uniform(0.1, 100.0) if rng.random() < 0.7 else rng.uniform(-0.9, 0.0)
                spikes.append((float(strength), float(rng.uniform(-0.99, 0.99))))
            balance = 0.5 if rng.random() < 0.4 else float(rng.uniform(0.02, 0.98))
            population = spiked(
                log_uniform(0.02, 8.0), log_uniform(0.1, 10.0), tuple(spikes), balance
            )
            alignment = 1.0 if rng.random() < 0.5 else float(rng.uniform(-0.99, 0.99))
            projector = expansion(log_uniform(1e-3, 1e3), alignment)
            penalty = log_uniform(1e-7, 1e5) if kind in PENALISED else None
            clf = classifier(kind, penalty, bool(rng.random() < 0.7))
            drawn = case("draw", population, clf, log_uniform(0.02, 100.0), projector)
            try:
                asy.limit(*problem(drawn), throw=False)
                if kind == "MaxMargin":
                    asy.limit(*problem(drawn))
            except ValueError:
                continue  # spikes that leave no covariance, or data that are not separable
            found.append(drawn)
            count += 1
    return found


def solved(unsolved: Case) -> Case:
    """A case with its reference values."""
    found = reference.limit(*problem(unsolved), dps=DPS)
    return unsolved | {field: str(getattr(found, field)) for field in FIELDS}


def main() -> None:
    start = time.perf_counter()
    unsolved = [*corners(), *branches(), *draws()]
    done = []
    for k, one in enumerate(unsolved):
        done.append(solved(one))
        elapsed = time.perf_counter() - start
        print(f"{k + 1}/{len(unsolved)} {one['classifier']['kind']} {one['name']} {elapsed:.0f} s")
        sys.stdout.flush()
    header = {
        "script": Path(__file__).name,
        "dps": DPS,
        "about": "limits of section 3 of the theory, from asymptotics.reference",
        "seed": SEED,
    }
    lines = ",\n".join(json.dumps(one) for one in done)
    TARGET.write_text(json.dumps(header)[:-1] + ', "cases": [\n' + lines + "\n]}\n")


if __name__ == "__main__":
    main()
