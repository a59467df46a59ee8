"""The figures show the numbers of the theory and of the simulation, and leave no trace."""

import dataclasses

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

import asymptotics as asy
from asymptotics import plots

MIX = asy.SpikedMixture(signal=1.5)
CLASSIFIERS = [asy.Ridge(0.1), asy.Centroid()]
GAINS = [0.25, 1.0, 4.0]


@pytest.fixture(scope="module")
def study():
    return plots.gain_curves(MIX, CLASSIFIERS, 0.5, gains=GAINS, n=60, trials=8, rng=0)


@pytest.fixture
def ax():
    return Figure().subplots()


def curves_and_points(ax, study):
    """The (x, y) of each theory curve, and of each row of points with its half-lengths."""
    fine = study.curves[0].gains.size
    lines = [line.get_xydata().T for line in ax.lines if len(line.get_xdata()) == fine]
    points = []
    for bars in ax.containers:
        x, y = bars.lines[0].get_xydata().T
        half = (
            [np.ptp(s[:, 1]) / 2 for s in bars.lines[2][0].get_segments()]
            if bars.has_yerr
            else None
        )
        points.append((x, y, half))
    return lines, points


# ------------------------------------------------------------------------------------- the data


def test_data_are_the_limits_and_the_simulations(study):
    streams = iter(np.random.default_rng(0).spawn(6))
    for clf, curve in zip(CLASSIFIERS, study.curves, strict=True):
        assert curve.classifier is clf
        theory = asy.limit(MIX, clf, 0.5, asy.Expansion(curve.gains)).accuracy
        assert np.array_equal(curve.accuracy, theory)
        assert np.array_equal(curve.simulated_gains, GAINS)
        assert curve.gains[[0, -1]] == pytest.approx([0.25, 4.0], rel=1e-15)
        for k, gain in enumerate(GAINS):
            projector = asy.Expansion(gain)
            assert curve.expected[k] == asy.limit(MIX, clf, 0.5, projector).accuracy
            simulation = asy.simulate(
                MIX, clf, 0.5, n=60, trials=8, projector=projector, rng=next(streams)
            )
            assert (curve.mean[k], curve.stderr[k]) == (simulation.mean, simulation.stderr)
            assert curve.z_score[k] == (curve.mean[k] - curve.expected[k]) / curve.stderr[k]
    assert study.bayes == asy.limit(MIX, asy.Bayes(), 0.5).accuracy


def test_rows_are_one_a_point(study):
    rows = study.rows()
    assert len(rows) == 6
    assert rows[1] == {
        "classifier": "ridge, λ = 0.1",
        "gain": 1.0,
        "theory": study.curves[0].expected[1],
        "simulated": study.curves[0].mean[1],
        "stderr": study.curves[0].stderr[1],
        "z": study.curves[0].z_score[1],
    }


def test_same_seed_same_study(study):
    again = plots.gain_curves(MIX, CLASSIFIERS, 0.5, gains=GAINS, n=60, trials=8, rng=0)
    assert again.rows() == study.rows()
    other = plots.gain_curves(MIX, CLASSIFIERS, 0.5, gains=GAINS, n=60, trials=8, rng=1)
    assert other.rows() != study.rows()


def test_default_gains_reach_from_deep_shrinkage_to_strong_expansion():
    study = plots.gain_curves(classifiers=[asy.Centroid()], n=20, trials=2)
    gains = study.curves[0].simulated_gains
    assert 1.0 in gains and gains[0] < 0.05 and gains[-1] > 20
    assert study.aspect_ratio == 1.5


@pytest.mark.parametrize("gains", [[0.0, 1.0], [-1.0], [np.nan], 1.0, []])
def test_bad_gains(gains):
    with pytest.raises(ValueError, match="gains must be"):
        plots.gain_curves(gains=gains)


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (asy.SVM, "SVM"),
        (asy.Ridge, "ridge"),
        (asy.MaxMargin, "max margin"),
        (asy.SquaredHinge, "squared hinge"),
    ],
)
def test_names(cls, name):
    assert plots.classifier_name(cls) == name


# ---------------------------------------------------------------------------------- the drawing


def test_accuracy_is_drawn_as_it_is(study, ax):
    assert plots.plot_accuracy(study, ax=ax) is ax
    lines, points = curves_and_points(ax, study)
    assert len(lines) == len(points) == 2
    for curve, line, (x, y, half) in zip(study.curves, lines, points, strict=True):
        assert np.array_equal(line, [curve.gains, curve.accuracy])
        assert np.array_equal(x, curve.simulated_gains)
        assert np.array_equal(y, curve.mean)
        assert half == pytest.approx(2 * curve.stderr)
    assert ax.get_xscale() == "log"


def test_everything_is_in_sight(study, ax):
    plots.plot_accuracy(study, ax=ax)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    for curve in study.curves:
        assert left < curve.gains.min() and curve.gains.max() < right
        assert bottom < curve.accuracy.min() and curve.accuracy.max() < top
        assert bottom < curve.mean.min() and curve.mean.max() < top


def test_marks_the_gain_without_a_projector(study, ax):
    plots.plot_accuracy(study, ax=ax)
    (rings,) = [line for line in ax.lines if np.array_equal(line.get_xdata(), [1.0, 1.0])
                and line.get_marker() == "o"]  # fmt: skip
    assert rings.get_ydata() == pytest.approx(
        [curve.expected[1] for curve in study.curves], rel=1e-3
    )
    texts = [text.get_text() for text in ax.texts]
    assert {"no projector", "← shrinkage", "expansion →", "Bayes"} == set(texts)
    assert any(np.array_equal(line.get_ydata(), [study.bayes] * 2) for line in ax.lines)


def test_legend_names_every_classifier_in_its_colour(study, ax):
    plots.plot_accuracy(study, ax=ax)
    legend = ax.get_legend()
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels[:2] == ["ridge, λ = 0.1", "centroid"]
    assert "p/n → 0.5" in labels[2] and "n = 60" in labels[3]
    shown = [to_rgba(line.get_color()) for line in legend.get_lines()[:2]]
    drawn = [to_rgba(line.get_color()) for line in ax.lines if len(line.get_xdata()) > 3]
    assert shown == drawn
    assert len(set(shown)) == 2


def test_z_scores_are_drawn_as_they_are(study, ax):
    assert plots.plot_z_scores(study, ax=ax) is ax
    lines, points = curves_and_points(ax, study)
    assert lines == [] and len(points) == 2
    for curve, (x, y, half) in zip(study.curves, points, strict=True):
        assert np.array_equal(y, curve.z_score)
        assert x == pytest.approx(curve.simulated_gains, rel=0.2)  # side by side
        assert half is None
    low, high = ax.get_ylim()
    assert all(low < z < high for curve in study.curves for z in curve.z_score)


def test_only_shrinkage_draws_no_expansion(ax):
    study = plots.gain_curves(MIX, CLASSIFIERS, 0.5, gains=[0.1, 0.5], n=20, trials=2)
    plots.plot_accuracy(study, ax=ax)
    assert [text.get_text() for text in ax.texts] == ["Bayes"]
    assert ax.get_xlim()[1] < 1


@pytest.mark.parametrize("plot", [plots.plot_accuracy, plots.plot_z_scores])
def test_without_an_axes_a_figure_of_its_own(study, plot):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    ax = plot(study)
    assert isinstance(ax.figure, Figure)
    assert plt.get_fignums() == before


def test_headline_figure_has_both_panels(study, tmp_path):
    figure = plots.headline_figure(study)
    upper, lower = figure.axes
    assert np.array_equal(curves_and_points(upper, study)[1][0][1], study.curves[0].mean)
    assert np.array_equal(curves_and_points(lower, study)[1][0][1], study.curves[0].z_score)
    assert upper.get_xlim() == lower.get_xlim()
    figure.savefig(tmp_path / "headline.png")
    assert (tmp_path / "headline.png").stat().st_size > 10_000


def test_settings_of_matplotlib_are_left_alone(study, ax):
    def settings():  # the backend apart, which matplotlib itself resolves on the first look
        return {name: mpl.rcParams[name] for name in mpl.rcParams if name != "backend"}

    before = settings()
    plots.plot_accuracy(study, ax=ax)
    plots.plot_z_scores(study)
    plots.headline_figure(study)
    assert settings() == before


# ------------------------------------------------------------------------------- the convergence

SIZES = [20, 40, 80, 160]


@pytest.fixture(scope="module")
def studies():
    trials = [400, 400, 200, 10]
    return {
        name: asy.convergence(MIX, clf, 1.0, n=SIZES, trials=trials, rng=0)
        for name, clf in (("centroid", asy.Centroid()), ("ridge", asy.Ridge(1.0)))
    }


def guides(ax):
    """The dashed lines, as (x, y)."""
    return [
        line.get_xydata().T
        for line in ax.lines
        if len(line.get_xdata()) == 2 and line.get_ls() == "--"
    ]


def test_bias_is_drawn_as_it_is(studies, ax):
    """Resolved ones as points with two standard errors, the others as arrows from their most."""
    assert plots.plot_bias(studies, ax=ax) is ax
    assert ax.get_xscale() == ax.get_yscale() == "log"
    for k, study in enumerate(studies.values()):
        seen = np.abs(study.bias) > 2 * study.stderr
        assert 0 < seen.sum() < 4
        points, arrows = (bars.lines[0].get_xydata().T for bars in ax.containers[2 * k : 2 * k + 2])
        assert np.array_equal(points, [study.n[seen], np.abs(study.bias[seen])])
        most = np.abs(study.bias) + 2 * study.stderr
        assert np.array_equal(arrows, [study.n[~seen], most[~seen]])
        half = [np.ptp(bar[:, 1]) / 2 for bar in ax.containers[2 * k].lines[2][0].get_segments()]
        assert half == pytest.approx(2 * study.stderr[seen])
        x, y = guides(ax)[k]
        assert np.log(y[1] / y[0]) / np.log(x[1] / x[0]) == pytest.approx(-1.0)
        weights = (study.n * study.stderr) ** -2.0
        c = np.abs(np.average(study.n * study.bias, weights=weights))
        assert y * x == pytest.approx(c)  # the least-squares line of rate 1
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words[0].startswith(f"centroid: rate {studies['centroid'].rate:.2f}  [")
    assert words[1].startswith("ridge: ") and words[2] == "∝ 1/n"


def test_deviation_is_drawn_as_it_is(studies, ax):
    assert plots.plot_deviation(studies["ridge"], ax=ax) is ax
    (bars,) = ax.containers
    assert np.array_equal(bars.lines[0].get_xydata().T, [SIZES, studies["ridge"].deviation])
    ((x, y),) = guides(ax)
    assert np.log(y[1] / y[0]) / np.log(x[1] / x[0]) == pytest.approx(-0.5)
    low, high = studies["ridge"].deviation_rate_interval
    assert f"[{low:.2f}, {high:.2f}]" in ax.get_legend().get_texts()[0].get_text()
    assert [text.get_text() for text in ax.get_xticklabels()] == [str(n) for n in SIZES]


def test_a_study_without_noise_or_without_trials(ax):
    """Bayes has no deviation; what Ctrl-C or a shard has left out is NaN."""
    bayes = asy.convergence(MIX, asy.Bayes(), 1.0, n=[20, 40, 80], trials=10, rng=0)
    plots.plot_deviation(bayes, ax=ax)
    assert "rate not resolved" in ax.get_legend().get_texts()[0].get_text()
    nothing = dict.fromkeys(("accuracy", "bias", "stderr", "deviation"), np.full(3, np.nan))
    empty = dataclasses.replace(bayes, trials=np.zeros(3, dtype=int), **nothing)
    plots.convergence_figure({"nothing": empty, "bayes": bayes}).canvas.draw()


def test_convergence_figure_has_both_panels(studies):
    figure = plots.convergence_figure(studies)
    figure.canvas.draw()
    left, right = figure.axes
    assert "limit" in left.get_ylabel() and "deviation" in right.get_ylabel()


# ------------------------------------------------------------------------------------- the sweep


@pytest.fixture(scope="module")
def sweep():
    return asy.sweep(
        MIX,
        {"ridge": asy.Ridge(0.1), "max margin": asy.MaxMargin()},
        projector=asy.Expansion(1.0),
        grid={"gain": [0.5, 2.0, 1.0], "aspect_ratio": [0.05, 1.5]},
        n=40,
        trials=4,
        rng=0,
    )


def test_sweep_is_drawn_as_it_is(sweep):
    """Gains along the axis in their order, classifiers as colours, aspect ratios as panels."""
    figure = plots.sweep_figure(sweep)
    figure.canvas.draw()
    assert len(figure.axes) == 2
    order = [0, 2, 1]
    for ax, ratio in zip(figure.axes, (0.05, 1.5), strict=True):
        assert ax.get_title() == f"aspect ratio = {ratio:g}"
        assert ax.get_xlabel() == "gain"
        lines = [line for line in ax.lines if line.get_ls() == "-"]
        for k, name in enumerate(("ridge", "max margin")):
            point = sweep.sel(classifier=name, aspect_ratio=ratio)
            x, y = lines[k].get_xydata().T
            assert x.tolist() == [0.5, 1.0, 2.0]
            assert np.array_equal(y, point.accuracy.values[order], equal_nan=True)
            y = ax.containers[k].lines[0].get_ydata()
            assert np.array_equal(y, point.simulated.values[order], equal_nan=True)
    wide = plots.sweep_figure(asy.sweep(MIX, asy.Ridge(1.0), 0.5, grid={"penalty": [0.3, 1, 3]}))
    wide.canvas.draw()
    labels = [text.get_text() for text in wide.axes[0].get_xticklabels(which="both")]
    assert [label for label in labels if label] == ["0.3", "1", "3"]
    (legend,) = figure.legends
    words = [text.get_text() for text in legend.get_texts()]
    assert words == ["ridge", "max margin", "limit", "simulation, ±2 s.e."]


@pytest.mark.parametrize(
    ("grid", "clf", "panels", "lines"),
    [
        ({}, asy.Ridge(0.1), 1, 1),
        ({"signal": [1.0, 2.0]}, asy.Ridge(0.1), 1, 1),
        ({}, {"ridge": asy.Ridge(0.1), "centroid": asy.Centroid()}, 1, 1),
        ({"signal": [1, 2, 3], "penalty": [0.1, 1], "noise": [1, 2], "balance": [0.3, 0.5]}, asy.Ridge(0.1), 4, 2),
    ],
)  # fmt: skip
def test_sweeps_of_any_shape_are_drawn(grid, clf, panels, lines):
    figure = plots.sweep_figure(asy.sweep(MIX, clf, 0.5, grid=grid))
    figure.canvas.draw()
    assert len(figure.axes) == panels
    assert all(len(ax.lines) == lines for ax in figure.axes)


def test_what_a_figure_has_no_room_for_is_said():
    grid = {"signal": [1, 2], "noise": [1, 2], "balance": [0.3, 0.5], "penalty": [1, 2]}
    grid |= {"gain": [0.5, 1, 2], "alignment": [0.1, 0.5]}
    found = asy.sweep(MIX, asy.Ridge(1.0), 0.5, grid=grid, projector=asy.Expansion(1.0))
    title = plots.sweep_figure(found)._suptitle.get_text()
    assert title == "only alignment = 0.1"


def test_an_infinite_value_has_a_place_of_its_own():
    grid = {"time": [1.0, 4.0, np.inf]}
    found = asy.sweep(MIX, asy.Ridge(1.0), 0.5, projector=asy.InfoNCE(1.0), grid=grid)
    (ax,) = plots.sweep_figure(found).axes
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "4", "inf"]
    (line,) = ax.get_lines()
    np.testing.assert_array_equal(line.get_xydata(), np.c_[range(3), found.accuracy])


# ----------------------------------------------------------------------------- several classes

SEVERAL = {
    "three": (
        asy.ClassMixture(2.0 * np.eye(3), priors=[0.5, 0.3, 0.2]),
        [asy.Ridge(0.1), asy.Softmax(0.1)],
    ),
    "clusters": (
        asy.ClassMixture(2.0 * np.eye(3), np.diag([1.0, 2.0, 3.0]), labels=[1, -1, 1]),
        [asy.Logistic(0.1, class_weight="balanced")],
    ),
    "weights": (MIX, [asy.Ridge(0.1, class_weight="balanced"), asy.Flipped(asy.Ridge(0.1), 0.2)]),
}


@pytest.mark.parametrize("case", SEVERAL)
def test_curves_of_several_classes(case, ax):
    mix, classifiers = SEVERAL[case]
    study = plots.gain_curves(mix, classifiers, 0.5, gains=GAINS, n=60, trials=4, rng=0)
    classic = mix is MIX
    for clf, curve in zip(classifiers, study.curves, strict=True):
        for k in (0, 2):
            projector = asy.Expansion(GAINS[k], subspace=None if classic else "between")
            alone = asy.limit(mix, clf, 0.5, projector).accuracy
            assert curve.expected[k] == pytest.approx(alone, abs=1e-12)
            # an end of the curve is a point of it
            assert curve.accuracy[-1 if k else 0] == pytest.approx(alone, abs=1e-9)
    plots.plot_accuracy(study, ax)
    assert ax.get_xlabel().endswith("along the signal" if classic else "between the classes")
    written = any(text.get_text() == "Bayes" for text in ax.texts)
    assert written == bool(np.isfinite(study.bayes)) == (case != "clusters")
