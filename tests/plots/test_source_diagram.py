"""The phase diagram of contrastive training: its numbers, and what is drawn of them."""

import matplotlib as mpl
import numpy as np
import pytest
from numpy.testing import assert_allclose

import asymptotics as asy
from asymptotics import plots
from asymptotics.plots.source_numbers import PUBLISHED, TRAINED

MIX = asy.SpikedMixture(5.0)


@pytest.fixture(scope="module")
def study():
    return plots.source_diagram(n=100, trials=20, rng=0)


def test_numbers(study):
    loss = asy.InfoNCE(study.augmentations, study.temperatures[:, None], "cosine", dimension=50)
    assert np.array_equal(study.measure, loss.expansion_measure(MIX))
    collapsed = study.temperatures[:, None] >= study.collapse
    assert_allclose(study.measure[collapsed], 50, rtol=1e-14)
    assert np.all(study.measure[~collapsed] < 50)
    above = study.temperatures[:, None] > study.boundary
    assert np.array_equal(study.measure > 1, above)
    # it helps exactly where it expands
    assert np.array_equal(study.difference > 0, above)
    clf = asy.Ridge(1.0, fit_intercept=False)
    report = asy.before_and_after(MIX, clf, 50.0, loss)
    assert_allclose(study.difference, 100 * report.difference, rtol=1e-9, atol=1e-12)


def test_simulation(study):
    assert np.all(np.abs(study.simulated - study.expected) < 4 * study.stderr)
    wrong = study.expected[::-1]
    assert np.mean(np.abs(study.simulated - wrong) > 4 * study.stderr) > 0.5
    rows = study.rows()
    assert len(rows) == len(TRAINED) == len(study.trained)
    assert rows[3]["trained"] == TRAINED[3, 2] and rows[3]["stderr"] == study.stderr[3]


def test_panels(study):
    before = dict(mpl.rcParams)
    figure = plots.source_figure(study)
    assert len(figure.axes) == 5  # three panels, two colour bars
    left, middle, right = figure.axes[:3]
    for ax in (left, right):
        assert ax.get_xlabel() == "augmentation $\\sigma_a$" and ax.get_yscale() == "log"
        curves = [line.get_ydata() for line in ax.lines]
        assert np.array_equal(curves[0], study.collapse) and np.array_equal(
            curves[1], study.boundary
        )
    drawn = [line for line in middle.lines if line.get_linestyle() == "None"]
    trained, published = drawn[::2], drawn[1::2]
    assert_allclose(np.concatenate([line.get_ydata() for line in trained]), TRAINED[:, 2])
    assert_allclose(np.concatenate([line.get_ydata() for line in published]), PUBLISHED[:, 2])
    assert dict(mpl.rcParams) == before
    for curves, exact in ((study.formula, False), (study.exact, True)):
        assert curves.shape[:2] == (4, 2)
        tau = curves[3, 0, [5, 20]]
        loss = asy.InfoNCE(0.7, tau, "cosine", dimension=50, exact=exact)
        assert_allclose(curves[3, 1, [5, 20]], loss.expansion_measure(MIX), rtol=1e-12)
    for draw in (plots.plot_expansion, plots.plot_expansion_curves, plots.plot_accuracy_change):
        assert draw(study).figure is not figure
        assert draw(study, left) is left


def test_invalid():
    with pytest.raises(ValueError, match="trials must be an integer of at least 2, got 1"):
        plots.source_diagram(trials=1)
