"""Limits that others have computed: 40 random ones, three published curves, three simulations.

The files and their sources are described in data/README.md.
"""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import asymptotics as asy

DATA = Path(__file__).parent / "data"
RANDOM_LIMITS = json.loads((DATA / "random_limits.json").read_text())

PUBLISHED = {
    "hinge": (asy.SVM, 0.1, [0.5, 0.1], 0.8),
    "logistic": (asy.Logistic, 0.01, [0.5, 0.1], 1.0),
    "ridge": (asy.Ridge, 0.01, [0.1, 0.5], 0.5),
}


def classifier(case):
    intercept = case["fit_intercept"]
    if case["classifier"] == "max_margin":
        return asy.MaxMargin(fit_intercept=intercept)
    names = {
        "ridge": asy.Ridge,
        "logistic": asy.Logistic,
        "svm": asy.SVM,
        "squared_hinge": asy.SquaredHinge,
    }
    return names[case["classifier"]](case["penalty"], fit_intercept=intercept)


def mixture(case):
    spikes = [asy.Spike(strength, alignment) for strength, alignment in case["spikes"]]
    return asy.SpikedMixture(case["signal"], case["noise"], spikes, case["balance"])


def published(file, case):
    """Columns of one case of a published file."""
    with open(DATA / file, newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row.pop("case") == case]
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in rows[0]}


def published_limit(case, samples_per_dimension):
    """Our limit in their conventions: λ on the sum of losses, features divided by √p."""
    kind, penalty, eigenvalues, share = PUBLISHED[case]
    shares = [share, 1.0 - share]
    law = asy.Spectrum(eigenvalues, shares, shares)
    return asy.limit(law, kind(penalty / samples_per_dimension), 1.0 / samples_per_dimension)


def test_all_the_numbers_are_there():
    assert len(RANDOM_LIMITS) == 40
    assert {case["classifier"] for case in RANDOM_LIMITS} == {
        "ridge",
        "logistic",
        "svm",
        "squared_hinge",
        "max_margin",
    }
    points = {case: published("published_theory.csv", case)["m"].size for case in PUBLISHED}
    assert points == {"hinge": 50, "logistic": 20, "ridge": 50}
    assert all(
        published("published_simulation.csv", case)["test_error"].size == 10 for case in PUBLISHED
    )


# Both sides solve the fixed point to 1e-13 or better; 1e-9 is what is promised, on numbers of order
# 1. Where m or q is far from 1, it is promised relatively as well.
@pytest.mark.parametrize(
    "case", RANDOM_LIMITS, ids=[f"{k}-{case['classifier']}" for k, case in enumerate(RANDOM_LIMITS)]
)
def test_random_limit(case):
    lim = asy.limit(
        mixture(case),
        classifier(case),
        case["aspect_ratio"],
        asy.Expansion(case["gain"], case["alignment"]),
    )
    found = [lim.accuracy, lim.mean, lim.variance, lim.intercept]
    expected = [case[name] for name in ("accuracy", "mean", "variance", "intercept")]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found[:3], expected[:3], rtol=1e-9, atol=0)


def test_random_limits_see_a_wrong_gain():
    """The negative control: a gain that is off by 1e-6 would have been noticed."""
    case = RANDOM_LIMITS[1]
    lim = asy.limit(
        mixture(case),
        classifier(case),
        case["aspect_ratio"],
        asy.Expansion(case["gain"] * (1 + 1e-6), case["alignment"]),
    )
    assert abs(lim.mean - case["mean"]) > 1e-9


@pytest.mark.parametrize("case", PUBLISHED)
def test_published_theory(case):
    rows = published("published_theory.csv", case)
    lim = published_limit(case, rows["sample_complexity"])
    # their fixed points are good to about 1e-9, V and q to 1e-9 of numbers up to 80
    np.testing.assert_allclose(lim.error, rows["test_error"], rtol=0, atol=1e-8)
    np.testing.assert_allclose(lim.mean, rows["m"], rtol=1e-8)
    np.testing.assert_allclose(lim.variance, rows["q"], rtol=1e-8)
    np.testing.assert_allclose(lim.susceptibility, rows["V"], rtol=1e-8)
    if case != "hinge":  # data/README.md says why
        np.testing.assert_allclose(lim.train_loss, rows["train_loss"], rtol=0, atol=1e-8)


@pytest.mark.parametrize("case", PUBLISHED)
def test_published_simulation(case):
    rows = published("published_simulation.csv", case)
    error, deviation = rows["test_error"], rows["test_error_std"]
    lim = published_limit(case, rows["sample_complexity"])
    assert np.all(np.abs(error - lim.error) < 2 * deviation)
    # the negative control: half as many samples would not have passed
    wrong = published_limit(case, 0.5 * rows["sample_complexity"])
    assert np.any(np.abs(error - wrong.error) > 2 * deviation)
