"""The published phase diagram, and the projectors trained for it: data/README.md says where the numbers come from."""

import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import asymptotics as asy
from asymptotics.plots.source_numbers import PUBLISHED, TRAINED

FOLDER = Path(__file__).parents[1] / "data" / "source_phase_diagram"
MIX = asy.SpikedMixture(5.0)


def columns(name):
    with (FOLDER / name).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {key: np.array([float(row[key]) for row in rows]) for key in rows[0]}


def loss(augmentation, temperature=1.0, exact=False):
    return asy.InfoNCE(augmentation, temperature, "cosine", dimension=50, exact=exact)


def test_published_thresholds():
    """Read off to 2 %; of another population they would be others."""
    found = columns("thresholds.csv")
    theory = loss(found["augmentation"]).collapse_temperature(MIX)
    assert_allclose(theory, found["threshold"], rtol=0.03)
    assert np.all(theory > found["threshold"])
    other = loss(found["augmentation"]).collapse_temperature(asy.SpikedMixture(3.0))
    assert np.all(np.abs(other / found["threshold"] - 1) > 0.05)


def test_published_heat_map():
    """Cells are good to 0.01 of p, one pixel of the colour bar, and have finite batches and steps.

    Next to the collapse, where trainings stop halfway, they say little: the sides of it are compared.
    """
    cells = columns("heatmap.csv")
    a, tau, share = (cells[key] for key in ("augmentation", "temperature", "expansion_over_d"))
    theory = loss(a, tau).expansion_measure(MIX) / 50
    threshold = loss(a).collapse_temperature(MIX)
    assert np.all(share[tau > 1.5 * threshold] > 0.85)
    assert np.all(share[tau < 0.5 * threshold] < 0.12)
    moderate = (tau > 0.7) & (tau < 0.5 * threshold)
    assert moderate.sum() > 30
    assert np.all(np.abs(share - theory)[moderate] < 0.012)
    seen = (tau > 0.25) & (tau < 0.5 * threshold) & (theory > 0.02)
    assert seen.sum() > 20
    assert np.corrcoef(share[seen], theory[seen])[0, 1] > 0.99


def test_published_dots():
    dots = columns("points.csv")
    a, tau, expansion = (dots[key] for key in ("augmentation", "temperature", "expansion"))
    threshold = loss(a).collapse_temperature(MIX)
    exact = tau < 0.6 * threshold
    assert exact.sum() == 2
    theory = loss(a[exact], tau[exact], exact=True).expansion_measure(MIX)
    assert_allclose(theory, expansion[exact], atol=0.1)
    assert np.all(expansion[tau > 2 * threshold] > 47)


def test_the_figure_has_these_numbers():
    for name, array in (("points.csv", PUBLISHED), ("trained.csv", TRAINED)):
        kept = columns(name)
        assert np.array_equal(
            array.T, [kept[k] for k in ("augmentation", "temperature", "expansion")]
        )


def test_trained_projectors():
    """From τ = 0.1 on, where 1024 negatives are enough, up to where the loss is flat: within 8 %."""
    rows = columns("trained.csv")
    a, tau, measure = (rows[key] for key in ("augmentation", "temperature", "expansion"))
    assert a.size == 52 and set(a) == {0.4, 0.5, 0.6, 0.7}
    threshold = loss(a).collapse_temperature(MIX)
    some = (tau > 0.1) & (tau < 0.9 * threshold)
    exact = loss(a[some], tau[some], exact=True).expansion_measure(MIX)
    assert np.all(np.abs(measure[some] / exact - 1) < 0.08)
    formula = loss(a[some], tau[some]).expansion_measure(MIX)
    off = measure[some] / formula - 1
    assert np.all(off > 0)  # the formula is below, everywhere
    assert np.all(off[(tau[some] > 0.7) & (tau[some] < 0.7 * threshold[some])] < 0.16)
    assert np.all(measure[tau > 1.2 * threshold] > 25)
    # too few negatives: far above the formula
    assert np.all(measure[tau < 0.02] > 5 * loss(a, tau).expansion_measure(MIX)[tau < 0.02])


def test_pairs():
    """Fixed pairs are over-fitted: the gain rises with their number to that of the population."""
    rows = columns("pairs.csv")
    exact = loss(0.7, 1.0, exact=True).gain(MIX) ** 2
    b = rows["squared_gain"]
    assert np.all(np.diff(b[:4]) > 0)
    assert b[0] < 0.85 * exact and abs(b[3] / exact - 1) < 0.05 and abs(b[4] / exact - 1) < 0.05


@pytest.mark.parametrize(("augmentation", "temperature"), [(0.7, 1.0), (0.5, 0.5)])
def test_training_again(augmentation, temperature):
    """One training, quickly: 512 negatives leave some per cent."""
    run = asy.train_projector(
        MIX, augmentation, temperature=temperature, similarity="cosine", dimension=50, batch_size=512,
        steps=150, learning_rate=0.1, rng=0,
    )  # fmt: skip
    found = run.expansion_measure(np.eye(50)[0])
    exact = loss(augmentation, temperature, exact=True).expansion_measure(MIX)
    assert abs(found / exact - 1) < 0.05
    weak = asy.InfoNCE(augmentation, 50 * temperature, "cosine").gain(MIX)
    assert (
        abs(found / (50 * weak**2 / (weak**2 + 49)) - 1) > 0.05
    )  # the other scaling is wrong here
