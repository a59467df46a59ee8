"""Learning curves with their bands, and the page of a head's report, show the numbers."""

import dataclasses

import matplotlib as mpl
import numpy as np
import pytest

import asymptotics as asy
from asymptotics import plots

SIZES = np.array([200.0, 20.0, 60.0, 2000.0])
ORDER = np.argsort(SIZES)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    x = rng.normal(size=(60, 90)) + np.outer(2 * y - 1, np.r_[1.5, np.zeros(89)])
    return x, y


@pytest.fixture(scope="module")
def curve(data):
    return asy.learning_curve(asy.Spectrum.from_data(*data), asy.Ridge(1e-2), SIZES)


@pytest.fixture(scope="module")
def report(data):
    head = np.random.default_rng(1).normal(size=(30, 90))
    return asy.head_report(*data, head, asy.Ridge(0.1), SIZES)


def band(ax):
    """Lower and upper ends of the first band, by size."""
    vertices = ax.collections[0].get_paths()[0].vertices
    return [
        [vertices[vertices[:, 0] == size, 1].min() for size in SIZES[ORDER]],
        [vertices[vertices[:, 0] == size, 1].max() for size in SIZES[ORDER]],
    ]


def test_a_curve_and_its_band(curve):
    mpl.use("agg")
    before = mpl.rcParams.copy()
    ax = plots.plot_learning_curve(curve)
    assert mpl.rcParams == before and ax.get_xscale() == "log"
    low, high = band(ax)
    np.testing.assert_allclose(low, curve.low[ORDER])
    np.testing.assert_allclose(high, curve.high[ORDER])
    # solid where the data speak, dashed beyond, without a gap between
    solid, dashed = (line.get_ydata() for line in ax.lines[:2])
    beyond = curve.extrapolated[ORDER]
    assert 0 < beyond.sum() < 4
    np.testing.assert_array_equal(solid[~beyond], curve.accuracy[ORDER][~beyond])
    np.testing.assert_array_equal(dashed[beyond], curve.accuracy[ORDER][beyond])
    assert np.isfinite(solid).sum() + np.isfinite(dashed).sum() == 5
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["extrapolated"]


def test_several_curves_have_names(curve):
    ax = plots.plot_learning_curve({"one": curve, "two": curve})
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["one", "two", "extrapolated"] and len(ax.collections) == 2
    assert plots.plot_learning_curve(curve, ax) is ax
    with pytest.raises(ValueError, match="curves must hold at least one"):
        plots.plot_learning_curve({})


def test_a_single_size_is_no_curve(data):
    one = asy.learning_curve(asy.Spectrum.from_data(*data), asy.Ridge(0.1), 50)
    with pytest.raises(ValueError, match=r"at least two numbers of labels each, .* for 'one'"):
        plots.plot_learning_curve({"one": one})


def test_the_page_of_a_head(report, tmp_path):
    figure = plots.head_figure(report)
    assert report.recommendation in figure.get_suptitle()
    accuracy, difference, spectra, table = figure.axes
    assert len(accuracy.collections) == 2
    low, high = band(difference)
    np.testing.assert_allclose(low, 100 * report.low[ORDER])
    np.testing.assert_allclose(high, 100 * report.high[ORDER])
    for line, side in zip(spectra.lines, report.sides, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), side.eigenvalues)
    words = [text.get_text() for text in table.texts]
    assert f"{report.gain:.3g} ({report.regime})" in words and "30" in words
    figure.savefig(tmp_path / "a.pdf")
    plots.plot_head_difference(report, accuracy)
    assert plots.plot_head_spectra(report).get_yscale() == "log"


def test_the_page_of_one_size(data):
    report = asy.head_report(*data, np.eye(90)[:20], asy.Ridge(0.1), 50)
    figure = plots.head_figure(report)
    points = [bars.lines[0].get_ydata()[0] for bars in figure.axes[0].containers]
    assert points == [report.before.accuracy[0], report.after.accuracy[0]]


def test_no_more_is_claimed_than_99_percent(report):
    for confidence, words in ((0.9999, "confidence > 99 %"), (0.876, "confidence 88 %")):
        figure = plots.head_figure(dataclasses.replace(report, confidence=confidence))
        assert words in figure.get_suptitle()
