"""The command line: thin over the library, exit codes, one line for what fails."""

import csv
import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import xarray

import asymptotics as asy
from asymptotics.__main__ import main
from asymptotics.cli import kinds
from asymptotics.outcomes import METRICS
from asymptotics.simulation.experiment import Experiment

LIMIT = ["limit", "--signal", "1.5", "--aspect-ratio", "0.5", "--classifier"]
RIDGE = [*LIMIT, "ridge", "--penalty", "0.1"]
THRESHOLD = ["threshold", "--signal", "1.5"]
MIX = asy.SpikedMixture(signal=1.5)
FIELDS = (
    "accuracy",
    "error",
    "log_error",
    "mean",
    "variance",
    "intercept",
    "susceptibility",
    "train_accuracy",
    "train_loss",
    "residual",
)


def reject_constant(word):
    raise AssertionError(f"{word} is not JSON")


@pytest.fixture
def run(capsys):
    """Run a command that succeeds; returns its standard output."""

    def run(argv):
        assert main(argv) == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def run_json(run):
    def run_json(argv):
        return json.loads(run([*argv, "--json"]), parse_constant=reject_constant)

    return run_json


@pytest.fixture
def fails(capsys):
    """Run a command that fails; returns its one line on the standard error."""

    def fails(argv, code=2):
        assert main(argv) == code
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1 and err.endswith("\n")
        assert err.startswith("asymptotics") and ": error: " in err
        return err

    return fails


def assert_row_is(row, limit, index=()):
    for name in FIELDS:
        assert row[name] == np.asarray(getattr(limit, name))[index], name
    assert row["status"] == str(np.asarray(limit.status)[index])


# ------------------------------------------------------------------------------- the numbers


CLASSIFIERS = {
    "ridge": asy.Ridge,
    "logistic": asy.Logistic,
    "svm": asy.SVM,
    "squared-hinge": asy.SquaredHinge,
    "max-margin": asy.MaxMargin,
    "min-norm": asy.MinNorm,
    "centroid": asy.Centroid,
    "bayes": asy.Bayes,
}


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_limit_of_every_classifier(run_json, name, intercept):
    cls = CLASSIFIERS[name]
    penalty = (0.3,) if "penalty" in cls.parameters else ()
    argv = [*LIMIT, name, *(word for value in penalty for word in ("--penalty", str(value)))]
    argv += ["--balance", "0.3"] + ["--no-intercept"] * (not intercept)
    document = run_json(argv)
    expected = asy.limit(
        asy.SpikedMixture(1.5, balance=0.3), cls(*penalty, fit_intercept=intercept), 0.5
    )
    (row,) = document["results"]
    assert_row_is(row, expected)
    assert document["classifier"] == name
    assert document["fit_intercept"] is intercept
    assert document["version"] == asy.__version__


@pytest.mark.parametrize(
    ("options", "projector"),
    [
        ("--gain 3", asy.Expansion(3.0)),
        ("--gain 0", asy.Expansion(0.0)),
        ("--gain 3 --alignment -0.5", asy.Expansion(3.0, alignment=-0.5)),
        ("--gain 3 --spike-index 1", asy.Expansion(3.0, spike=1)),
        ("--exponent -0.5", asy.Power(-0.5)),
        ("", None),
    ],
)
def test_limit_of_every_projector(run_json, options, projector):
    spikes = ["--spike", "4:0.5", "--spike", "-0.5", "--noise", "2"]
    (row,) = run_json([*RIDGE, *spikes, *options.split()])["results"]
    mix = asy.SpikedMixture(1.5, 2.0, [asy.Spike(4.0, 0.5), asy.Spike(-0.5)])
    assert_row_is(row, asy.limit(mix, asy.Ridge(0.1), 0.5, projector))
    assert row["spike_0_strength"] == 4.0 and row["spike_0_alignment"] == 0.5
    assert row["spike_1_strength"] == -0.5 and row["spike_1_alignment"] == 0.0


def test_lists_make_a_grid(run_json):
    argv = [*RIDGE, "--gain", "0.3,1,3", "--spike", "1,4:-0.5,0.5", "--signal", "1,2"]
    argv[argv.index("--penalty") + 1] = "0.1,1"
    rows = run_json(argv)["results"]
    assert len(rows) == 3 * 2 * 2 * 2 * 2
    for row in rows:
        spike = asy.Spike(row["spike_0_strength"], row["spike_0_alignment"])
        mix = asy.SpikedMixture(row["signal"], spikes=[spike])
        one = asy.limit(mix, asy.Ridge(row["penalty"]), 0.5, asy.Expansion(row["gain"]))
        assert row["accuracy"] == pytest.approx(one.accuracy, rel=1e-12)
    axes = ("signal", "spike_0_strength", "spike_0_alignment", "penalty", "gain")
    assert len({tuple(row[name] for name in axes) for row in rows}) == len(rows)


def test_grid_without_some_limits_is_null_and_says_why(run_json):
    argv = [*LIMIT, "max-margin", "--aspect-ratio", "0.1,1.5"]
    without, with_limit = run_json(argv)["results"]
    assert without["status"] == "no limit: not separable"
    assert all(without[name] is None for name in FIELDS)
    assert_row_is(with_limit, asy.limit(MIX, asy.MaxMargin(), 1.5))


def test_threshold(run_json):
    rows = run_json([*THRESHOLD, "--signal", "0.5,1", "--balance", "0.3", "--no-intercept"])
    for row in rows["results"]:
        mix = asy.SpikedMixture(row["signal"], balance=0.3)
        assert row["threshold"] == asy.separability_threshold(mix, False)


def test_threshold_after_projecting_the_signal_out(run_json):
    (row,) = run_json([*THRESHOLD, "--gain", "0"])["results"]
    assert row["threshold"] == asy.separability_threshold(MIX, projector=asy.Expansion(0.0))


SIMULATE = ["simulate", *RIDGE[1:], "--gain", "1,2", "--n", "40", "--trials", "6", "--quiet"]


def test_simulate(run_json):
    document = run_json([*SIMULATE, "--seed", "3"])
    assert (document["n"], document["trials"], document["seed"]) == (40, 6, 3)
    seeds = np.random.SeedSequence(3).spawn(2)
    for row, seed, gain in zip(document["results"], seeds, (1.0, 2.0), strict=True):
        projector = asy.Expansion(gain)
        expected = asy.limit(MIX, asy.Ridge(0.1), 0.5, projector).accuracy
        simulation = asy.simulate(
            MIX, asy.Ridge(0.1), 0.5, n=40, trials=6, projector=projector, rng=seed
        )
        assert row["gain"] == gain
        assert row["accuracy"] == simulation.mean
        assert row["stderr"] == simulation.stderr
        assert row["limit"] == pytest.approx(expected, rel=1e-12)
        assert row["z"] == pytest.approx((simulation.mean - expected) / simulation.stderr)
        assert row["status"] == "converged"


def test_simulate_does_not_train_where_there_is_no_limit(run_json):
    argv = ["simulate", *LIMIT[1:], "max-margin", "--aspect-ratio", "0.05,2"]
    without, with_limit = run_json([*argv, "--n", "30", "--trials", "2", "--quiet"])["results"]
    assert without["status"] == "no limit: not separable"
    assert without["accuracy"] is without["z"] is without["limit"] is None
    assert 0.5 < with_limit["accuracy"] < 1


# --------------------------------------------------------------------------------- the tables


def test_one_result_is_a_list(run):
    head, _, body = run(RIDGE).partition("\n\n")
    assert "classifier = ridge" in head and "penalty = 0.1" in head
    shown = dict(line.split(maxsplit=1) for line in body.splitlines())
    expected = asy.limit(MIX, asy.Ridge(0.1), 0.5)
    assert float(shown["accuracy"]) == pytest.approx(expected.accuracy, rel=1e-5)
    assert shown["status"] == "converged"
    assert set(shown) == {*FIELDS, "status", "accuracy_error", *METRICS} - {"confusion"}
    assert shown["class_accuracy"].split() == [shown["accuracy"]] * 2


def test_grid_is_a_table_of_what_varies(run):
    head, _, body = run([*RIDGE, "--gain", "0.3,1,3"]).partition("\n\n")
    assert "gain" not in head
    header, *lines = (line.split() for line in body.splitlines())
    assert header[:3] == ["gain", "accuracy", "error"]
    expected = asy.limit(MIX, asy.Ridge(0.1), 0.5, asy.Expansion([0.3, 1.0, 3.0]))
    assert [float(line[0]) for line in lines] == [0.3, 1.0, 3.0]
    assert [float(line[1]) for line in lines] == pytest.approx(expected.accuracy, rel=1e-5)
    first, *others = body.splitlines()
    assert {line.index("converged") for line in others} == {first.index("status")}


def test_output_is_ascii(run):
    assert run([*RIDGE, "--gain", "1,2"]).isascii()


# ----------------------------------------------------------------------------------- failures


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["limit"], "--classifier"),
        (["threshold"], "--signal must be given"),
        ([*LIMIT[:1], *RIDGE[3:]], "--signal must be given, or --classes and --distance"),
        (["nonsense"], "nonsense"),
        ([*RIDGE, "--nonsense"], "--nonsense"),
        ([*RIDGE, "--gai", "3"], "--gai"),
        ([*RIDGE, "--gain", "three"], "'three'"),
        ([*RIDGE, "--gain", "1,,3"], "'1,,3'"),
        ([*RIDGE, "--gain", "-1,2"], "gain must be in [0, inf), got -1.0"),
        ([*RIDGE, "--gain", "nan"], "gain must be in [0, inf), got nan"),
        ([*RIDGE, "--gain", "-inf"], "gain must be in [0, inf), got -inf"),
        ([*RIDGE, "--signal", "-1"], "signal must be in [0, inf), got -1.0"),
        ([*RIDGE, "--noise", "0"], "noise must be in (0, inf), got 0.0"),
        ([*RIDGE, "--balance", "1"], "balance must be in (0, 1), got 1.0"),
        ([*RIDGE, "--aspect-ratio", "0"], "aspect_ratio must be in (0, inf), got 0.0"),
        ([*RIDGE, "--spike", "-2"], "strength must be in (-1, inf), got -2.0"),
        ([*RIDGE, "--spike", "4:1.5"], "alignment must be in [-1, 1], got 1.5"),
        ([*RIDGE, "--spike", "4:"], "argument --spike"),
        ([*RIDGE, "--gain", "2", "--spike-index", "0"], "spike must be below"),
        ([*RIDGE, "--gain", "2", "--exponent", "1"], "--gain and --exponent"),
        ([*RIDGE, "--alignment", "0.5"], "--gain"),
        ([*LIMIT, "perceptron"], "perceptron"),
        ([*LIMIT, "ridge"], "--penalty must be given for ridge"),
        ([*LIMIT, "ridge", "--penalty", "-1"], "penalty must be in [0, inf), got -1.0"),
        ([*LIMIT, "min-norm", "--penalty", "1"], "--penalty must not be given for min-norm"),
        ([*LIMIT, "max-margin", "--aspect-ratio", "0.1"], "the threshold 0.129912"),
        ([*LIMIT, "logistic", "--penalty", "0"], "the threshold 0.129912"),
        ([*THRESHOLD, "--classifier", "ridge"], "--classifier"),
        ([*SIMULATE, "--trials", "0"], "trials must be"),
        ([*SIMULATE, "--n", "0"], "n must be"),
        ([*SIMULATE, "--n", "1.5"], "--n"),
        ([*SIMULATE, "--seed", "-1"], "seed must be"),
        (["figure", "--output", "figure.docx"], "--output must end in"),
        (["figure", "--output", "no/such/place.png"], "--output must be in a directory"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(fails, argv, words):
    assert words in fails(argv)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (asy.ConvergenceError("not found\nto tolerance"), 1),
        (OSError("no space left"), 1),
        (MemoryError(), 1),
        (asy.NoLimitError("no limit"), 2),
        (ValueError("out of range"), 2),
    ],
)
def test_exit_codes_of_the_library_errors(fails, monkeypatch, error, code):
    def raising(*_, **__):
        raise error

    monkeypatch.setattr(asy, "limit", raising)
    line = fails(RIDGE, code)
    assert line.startswith("asymptotics limit: error: ")
    assert (" ".join(str(error).split()) or "out of memory") in line


def test_interrupted_quietly(capsys, monkeypatch):
    def raising(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(asy, "limit", raising)
    assert main(RIDGE) == 130
    assert capsys.readouterr() == ("", "")


COMMANDS = ("limit", "simulate", "threshold", "figure", "sweep", "convergence")


@pytest.mark.parametrize(
    "argv",
    [["--help"], *([name, "--help"] for name in COMMANDS)],
)
def test_help_has_an_example(run, argv):
    assert "example:\n  asymptotics" in run(argv)


def test_version(run):
    assert run(["--version"]) == f"asymptotics {asy.__version__}\n"


# ------------------------------------------------------------------------- processes of its own


def python(code, **options):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, **options
    )


def test_limit_imports_neither_matplotlib_nor_scikit_learn():
    done = python(
        "import sys; from asymptotics.__main__ import main\n"
        f"assert main({RIDGE}) == 0\n"
        "heavy = {'matplotlib', 'sklearn', 'sympy', 'pandas', 'xarray'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    assert done.returncode == 0, done.stderr


def test_figure_needs_no_window_system(tmp_path):
    done = python(
        "import sys; from asymptotics import Centroid, plots\n"
        "study = plots.gain_curves(classifiers=[Centroid()], gains=[0.5, 2.0], n=20, trials=2)\n"
        "plots.headline_figure(study).savefig('headline.png')\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)",
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "TkAgg"},
    )
    assert done.returncode == 0, done.stderr


def test_broken_pipe_is_quiet():
    done = python(
        "import os, sys; from asymptotics.__main__ import main\n"
        "read, write = os.pipe(); os.close(read); os.dup2(write, 1)\n"
        f"sys.exit(main({RIDGE}))"
    )
    assert (done.returncode, done.stderr) == (141, "")


# --------------------------------------------------------------------------------- the figure

FIGURE = ["figure", "--n", "30", "--trials", "2", "--jobs", "1"]


@pytest.fixture
def few_gains(monkeypatch):
    """The command with two classifiers and three gains: the rest of it is unchanged."""
    from asymptotics import plots

    whole = plots.gain_curves

    def smaller(**options):
        return whole(classifiers=[asy.Ridge(0.1), asy.Centroid()], gains=[0.5, 1.0, 2.0], **options)

    monkeypatch.setattr(plots, "gain_curves", smaller)
    return smaller


def test_figure_writes_picture_and_table(few_gains, capsys, tmp_path):
    output = tmp_path / "picture.png"
    assert main([*FIGURE, "--output", str(output)]) == 0
    out, err = capsys.readouterr()
    assert err == ""  # a progress bar is for terminals
    assert output.read_bytes().startswith(b"\x89PNG")
    assert str(output) in out and str(output.with_suffix(".csv")) in out

    expected = few_gains(n=30, trials=2, rng=0).rows()
    with output.with_suffix(".csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["classifier"] for row in rows] == [row["classifier"] for row in expected]
    for name in ("gain", "theory", "simulated", "stderr", "z"):
        assert [float(row[name]) for row in rows] == [row[name] for row in expected]
    table = out.split("\n\n")[0].splitlines()
    assert table[0].split() == ["classifier", "gain", "theory", "simulated", "stderr", "z"]
    assert len(table) == 1 + len(rows)


def test_figure_of_contrastive_training(run_json, monkeypatch, tmp_path):
    """Here by default, as contrastive.png, with a table of the trained projectors."""
    monkeypatch.chdir(tmp_path)
    argv = ["figure", "contrastive", "--n", "40", "--trials", "3"]
    document = run_json(argv)
    assert document["figure"] == "contrastive.png" and document["table"] == "contrastive.csv"
    assert (tmp_path / "contrastive.png").read_bytes().startswith(b"\x89PNG")
    from asymptotics.plots.source_numbers import TRAINED

    rows = document["results"]
    assert [row["trained"] for row in rows] == TRAINED[:, 2].tolist()
    assert all(abs(row["z"]) < 10 for row in rows) and document["n"] == 40


@pytest.mark.usefixtures("few_gains")
def test_figure_json(run_json, tmp_path):
    output = tmp_path / "picture.svg"
    document = run_json([*FIGURE, "--quiet", "--output", str(output)])
    assert document["figure"] == str(output) and output.exists()
    assert document["table"] == str(output.with_suffix(".csv"))
    assert len(document["results"]) == 6
    assert all(math.isfinite(row["z"]) for row in document["results"])


@pytest.mark.usefixtures("few_gains")
def test_no_command_makes_the_figure_here(run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    from asymptotics.cli import options

    whole = options.parse

    def faster(argv):
        args = whole(argv)
        args.n, args.trials, args.n_jobs = 30, 2, 1
        return args

    monkeypatch.setattr("asymptotics.__main__.parse", faster)
    run([])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["headline.csv", "headline.png"]


# ---------------------------------------------------------------------------------- the sweep


@pytest.fixture
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def documented(here):
    """The configuration that the docs show, as sweep.toml."""
    text = (Path(__file__).parents[2] / "docs" / "command_line.rst").read_text(encoding="utf-8")
    block = text.split(":name: sweep-config\n")[1].split("\n- ``[population]``")[0]
    (here / "sweep.toml").write_text(textwrap.dedent(block), encoding="utf-8")
    return here / "sweep.toml"


def test_sweep_of_the_docs(documented, run_json, here):
    """Against asy.sweep with what the configuration says; then again from the checkpoint."""
    document = run_json(["sweep", "sweep.toml"])
    clf = {
        "ridge": asy.Ridge(0.1),
        "weakly penalised": asy.Ridge(0.01),
        "max-margin": asy.MaxMargin(),
    }
    expected = asy.sweep(
        asy.SpikedMixture(1.5, spikes=[asy.Spike(4.0, 0.5)]),
        clf,
        projector=asy.Expansion(1.0),
        grid={"gain": [0.3, 1.0, 3.0], "aspect_ratio": [0.1, 1.5]},
        n=60,
        trials=10,
        rng=0,
    )  # fmt: skip
    assert document["dimensions"] == {"classifier": 3, "gain": 3, "aspect_ratio": 2}
    assert document["complete"] is True and document["interrupted"] is False
    rows = document["results"]
    assert len(rows) == 18
    for row in rows:
        point = expected.sel({name: row[name] for name in document["dimensions"]})
        for name in ("accuracy", "error", "simulated", "stderr", "z", "trials", "dimension"):
            value = point[name].item()
            assert row[name] == (value if math.isfinite(value) else None), name
        assert row["simulation_status"] == point.simulation_status.item()
    assert any(
        row["status"] == "no limit: not separable" and row["accuracy"] is None for row in rows
    )
    assert (here / document["figure"]).read_bytes().startswith(b"\x89PNG")
    with xarray.open_dataset(document["output"], engine="h5netcdf") as saved:
        xarray.testing.assert_identical(saved.load(), expected)
    blocks = sorted((here / "sweep-blocks").rglob("*.block"))
    again = run_json(["sweep", "sweep.toml", "--figure", "other.svg"])
    assert again["results"] == rows and again["figure"] == "other.svg"
    assert sorted((here / "sweep-blocks").rglob("*.block")) == blocks
    assert sorted(path.name for path in here.iterdir()) == [
        "other.svg", "sweep-blocks", "sweep.nc", "sweep.png", "sweep.toml"
    ]  # fmt: skip


def test_docs_name_every_kind():
    text = (Path(__file__).parents[2] / "docs" / "command_line.rst").read_text(encoding="utf-8")
    for names in (kinds.CLASSIFIERS, kinds.PROJECTORS, kinds.POPULATIONS):
        assert [name for name in names if f"``{name}``" not in text] == []


CONFIG = """
n = 30
trials = 4
[population]
signal = 1.5
[projector]
kind = "expansion"
gain = 1.0
[classifier.centroid]
[grid]
gain = [0.5, 2.0]
aspect_ratio = [0.5]
"""


@pytest.fixture
def config(here):
    """Write a configuration, with one thing replaced."""

    def config(old="", new=""):
        assert old in CONFIG
        (here / "c.toml").write_text(CONFIG.replace(old, new, 1), encoding="utf-8")
        return ["sweep", "c.toml"]

    return config


def test_sweep_table(config, run, here):
    head, *lines = run(config()).partition("\n\n")[0].splitlines()
    assert head.split()[:5] == ["classifier", "gain", "aspect_ratio", "accuracy", "status"]
    assert [line.split()[:3] for line in lines] == [["centroid", g, "0.5"] for g in ("0.5", "2")]
    assert (here / "c.png").exists()


def test_sweep_of_limits_alone(config, run_json):
    document = run_json(config("trials = 4", "figure = 'f.pdf'"))
    assert [set(row) & {"accuracy", "simulated"} for row in document["results"]] == 2 * [
        {"accuracy"}
    ]
    assert document["figure"] == "f.pdf"


def test_sweep_of_every_kind(config, run_json):
    """Populations and projectors by name, one inside another."""
    things = """
[population.matrix]
kind = "gaussian-mixture"
mean = [1.0, 0.0]
covariance = [[1.0, 0.2], [0.2, 2.0]]
[population.spectrum]
eigenvalues = [1.0, 2.0]
weights = [0.5, 0.5]
energies = [1.0, 0.0]
[projector.identity]
[projector.power]
exponent = 0.5
[projector.both]
kind = "composition"
outer = { kind = "expansion", gain = 2.0 }
inner = { kind = "power", exponent = -0.5 }
[classifier.ridge]
penalty = 0.5
fit_intercept = false
[classifier.noisy]
kind = "flipped"
rate = 0.1
clf = { kind = "ridge", penalty = 0.5, fit_intercept = false }
"""
    argv = config(CONFIG, "aspect_ratio = 0.5\n" + things)
    rows = run_json(argv)["results"]
    ridge = asy.Ridge(0.5, fit_intercept=False)
    classifiers = {"ridge": ridge, "noisy": asy.Flipped(ridge, 0.1)}
    populations = {
        "matrix": asy.GaussianMixture([1.0, 0.0], [[1.0, 0.2], [0.2, 2.0]]),
        "spectrum": asy.Spectrum([1.0, 2.0], [0.5, 0.5], [1.0, 0.0]),
    }
    projectors = {
        "identity": asy.Identity(),
        "power": asy.Power(0.5),
        "both": asy.Expansion(2.0) @ asy.Power(-0.5),
    }
    assert len(rows) == 12
    for row in rows:
        one = asy.limit(
            populations[row["population"]],
            classifiers[row["classifier"]],
            0.5,
            projectors[row["projector"]],
        )
        assert row["accuracy"] == pytest.approx(one.accuracy, rel=1e-14)


def test_shards_of_a_sweep(config, run_json, here):
    argv = [*config(), "--checkpoint", "blocks"]
    first = run_json([*argv, "--shard", "1/2"])
    assert first["figure"] is None and not (here / "c.png").exists()
    assert [row["trials"] for row in first["results"]] == [2, 2]
    assert first["complete"] is False
    second = run_json([*argv, "--shard", "2/2", "--figure", "shard.png", "--n-jobs", "1"])
    assert second["complete"] is True and (here / "shard.png").exists()
    assert run_json(config())["results"] == second["results"]


def test_points_that_fail_do_not_hide_the_others(config, capsys):
    argv = config("[grid]", "[grid]\nbalance = [0.02, 0.5]")
    assert main(argv) == 1
    out, err = capsys.readouterr()
    assert "failed: trial" in out and "done" in out
    assert err.startswith("asymptotics sweep: warning: ") and err.count("\n") == 1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("n = 30", "m = 30", "m is no known key: it must be one of population, classifier"),
        ("signal = 1.5", "sigma = 1.5", "population.sigma is no known key: it must be one of kind, signal"),
        ("signal = 1.5", "signal = -1.5", "population.signal must be in [0, inf), got -1.5"),
        ("signal = 1.5", "signal = '1.5'", "population.signal must be a real number in [0, inf), got '1.5'"),
        ("signal = 1.5", "signal = [1.0, 2.0]", "population.signal must be a single number, got [1.0, 2.0]"),
        ("signal = 1.5", "", "population.signal must be given"),
        ("signal = 1.5", "signal = 1.5\nspikes = [{strngth = 1}]", "population.spikes[0].strngth is no known"),
        ("signal = 1.5", "signal = 1.5\nspikes = [{strength = -3}]", "population.spikes[0].strength must be in (-1, inf)"),
        ("signal = 1.5", "signal = 1.5\nspikes = {strength = 1}", "population.spikes must be an array of tables"),
        ("signal = 1.5", "signal = 1.5\nspikes = [1]", "population.spikes[0] must be a table, got 1"),
        ('"expansion"', '"expand"', "projector.kind must be one of expansion, identity, linear-map"),
        ('kind = "expansion"', "", "projector.kind must be given, one of expansion"),
        ("gain = 1.0", "gain = 1.0\nalignment = 2", "projector.alignment must be in [-1, 1], got 2"),
        ("[projector]", "[projector.a]\n[projector]", "[projector.a] beside kind, gain"),
        ("[classifier.centroid]", "", "[classifier] must be given"),
        ("[classifier.centroid]", "[classifier.ridge]", "classifier.ridge.penalty must be given"),
        ("[classifier.centroid]", "[classifier.perceptron]", "classifier.perceptron.kind must be given, one of bayes"),
        ("[classifier.centroid]", "[classifier.centroid]\nfit_intercept = 1", "classifier.centroid.fit_intercept must be True or False"),
        ("gain = [0.5", "gian = [0.5", "grid must name any of alignment, aspect_ratio"),
        ("gain = [0.5, 2.0]", "gain = [0.5, -2.0]", "c.toml: grid.gain must be in [0, inf), got -2.0"),
        ("gain = [0.5, 2.0]", "gain = 2.0", "c.toml: grid.gain must be a flat, non-empty sequence"),
        ("signal = 1.5", "signal = 1.5\nspikes = [{strength = 1}]\n[grid]\nspike_0_strength = [-3]", "not TOML"),
        ("aspect_ratio = [0.5]", "", "aspect_ratio must be given"),
        ("trials = 4", "aspect_ratio = 0.5", "c.toml: aspect_ratio must be left out, being in the grid"),
        ("trials = 4", "aspect_ratio = [0.5]", "aspect_ratio must be a single number, got [0.5]: several go into [grid]"),
        ("trials = 4", "trials = 4.5", "trials must be an integer of at least 0, got 4.5"),
        ("trials = 4", "rng = -1", "rng must be an integer of at least 0, got -1"),
        ("trials = 4", "n_jobs = true", "n_jobs must be an integer or None, got True"),
        ("trials = 4", "method = 'fast'", "method must be one of auto, direct, exact-law, got 'fast'"),
        ("trials = 4", "checkpoint = 3", "checkpoint must be a path in quotes, got 3"),
        ("trials = 4", "output = 'data.csv'", "c.toml: output must end in .nc, got 'data.csv'"),
        ("trials = 4", "figure = 'figure.docx'", "c.toml: figure must end in one of"),
        ("trials = 4", "figure = 'no/such/place.png'", "c.toml: figure must be in a directory to write to"),
        ("trials = 4", "grid = 3", "not TOML"),
        ("trials = 4", "trials =", "c.toml: not TOML: Invalid value (at line 3"),
    ],
)  # fmt: skip
def test_bad_configurations_are_one_line(config, fails, old, new, words):
    line = fails(config(old, new))
    assert line.startswith("asymptotics sweep: error: c.toml: ")
    assert words in line


def test_a_value_of_the_grid_under_its_longer_name(config, fails):
    argv = config(
        "[grid]",
        "[population.a]\nsignal = 1\nspikes = [{strength = 1}]\n[grid]\nspike_0_strength = [-3.0]",
    )
    text = Path("c.toml").read_text(encoding="utf-8").replace("[population]\nsignal = 1.5\n", "")
    Path("c.toml").write_text(text, encoding="utf-8")
    assert "c.toml: grid.spike_0_strength: strength must be in (-1, inf), got -3.0" in fails(argv)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--shard", "3/2"], "expected i/k with 1 <= i <= k"),
        (["--shard", "one"], "expected i/k"),
        (["--shard", "1/2"], "checkpoint must be given with a shard"),
        (["--output", "data.csv"], "--output must end in .nc, got 'data.csv'"),
        (["--figure", "figure.docx"], "--figure must end in one of"),
        (["--n-jobs", "0"], "n_jobs must be a non-zero integer or None, got 0"),
        (["--trials", "3"], "--trials"),
    ],
)
def test_bad_options_of_a_sweep(config, fails, options, words):
    assert words in fails([*config(), *options])


@pytest.mark.parametrize("name", ["output", "figure"])
def test_a_directory_in_the_place_of_a_file_is_said_at_once(config, fails, here, monkeypatch, name):
    path = here / {"output": "d.nc", "figure": "d.png"}[name]
    path.mkdir()
    monkeypatch.setattr(asy, "sweep", pytest.fail)
    line = fails([*config(), f"--{name}", path.name])
    assert f"--{name} must be a file, got the directory '{path.name}'" in line


def test_an_infinite_value_of_a_grid(run_json, here):
    """It is named in the rows, where null would be no value at all."""
    projector = 'kind = "infonce"\naugmentation = 1.0\n[grid]\ntime = [1.0, inf]\n'
    (here / "time.toml").write_text(
        'aspect_ratio = 0.5\n[population]\nsignal = 1.5\n[classifier]\nkind = "ridge"\n'
        f"penalty = 0.1\n[projector]\n{projector}"
    )
    found = run_json(["sweep", "time.toml"])
    assert [row["time"] for row in found["results"]] == [1.0, "inf"]


def test_no_configuration(here, fails):
    assert "CONFIG must be a file to read, got 'no.toml'" in fails(["sweep", "no.toml"])
    (here / "latin.toml").write_bytes(b"n = 3 # \xe9")
    assert "latin.toml: not TOML" in fails(["sweep", "latin.toml"])


# ---------------------------------------------------------------------------- the convergence

CONVERGENCE = ["convergence", "--signal", "1.5", "--classifier", "centroid", "--aspect-ratio", "1"]
CONVERGENCE += ["--n", "20,40,80", "--trials", "12"]


def test_convergence(run_json, here):
    document = run_json([*CONVERGENCE, "--gain", "2", "--seed", "3", "--checkpoint", "blocks"])
    expected = asy.convergence(
        MIX, asy.Centroid(), 1.0, [20, 40, 80], 12, projector=asy.Expansion(2.0), rng=3
    )
    assert document["classifier"] == "centroid" and document["gain"] == 2.0
    for name in ("n", "dimension", "trials", "accuracy", "stderr", "limit", "bias", "deviation"):
        assert [row[name] for row in document["results"]] == getattr(expected, name).tolist()
    assert [row["z"] for row in document["results"]] == expected.z_score.tolist()
    for name in ("bias_law", "deviation_law"):
        law = getattr(expected, name)
        ends = [end if math.isfinite(end) else None for end in law.interval]
        assert document[name]["interval"] == ends
        assert document[name]["rate"] == (law.rate if math.isfinite(law.rate) else None)
        assert document[name]["status"] == law.status
    assert document["complete"] and not document["interrupted"]
    assert (here / document["figure"]).read_bytes().startswith(b"\x89PNG")
    more = run_json(
        [*CONVERGENCE, "--trials", "14,13,12", "--checkpoint", "blocks", "--shard", "1/2"]
    )
    assert more["figure"] is None and not more["complete"]


def test_convergence_table(run, here):
    out = run([*CONVERGENCE, "--figure", "rates.svg", "--correction", "--n", "20,40,80,160"])
    head, table, laws = out.split("\n\n")
    assert "classifier = centroid" in head
    assert [line.split()[0] for line in table.splitlines()] == ["n", "20", "40", "80", "160"]
    assert [line.split(":")[0] for line in laws.splitlines()] == ["bias", "deviation", "figure"]
    assert "95% interval [" in laws and str(here / "rates.svg") in laws
    assert (here / "rates.svg").exists() and out.isascii()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--n", "20,40"], "n must be at least 3 increasing integers"),
        (["--n", "20,40,80.5"], "expected an integer"),
        (["--trials", "9"], "trials must be an integer of at least 10, got 9"),
        (["--trials", "10,10"], "trials must be one integer, or one for each n"),
        (["--gain", "1,2"], "--gain must be a single number here, got 1,2"),
        (["--aspect-ratio", "0.5,1"], "--aspect-ratio must be a single number here"),
        (["--confidence", "1"], "confidence must be in (0, 1), got 1.0"),
        (["--correction"], "n must be at least 4 increasing integers"),
        (["--figure", "figure.docx"], "--figure must end in one of"),
        (["--shard", "1/2"], "checkpoint must be given with a shard"),
        (["--seed", "-1"], "seed must be"),
        (["--classifier", "max-margin", "--aspect-ratio", "0.1"], "the threshold 0.129912"),
    ],
)
def test_bad_options_of_convergence(fails, here, options, words):
    assert words in fails([*CONVERGENCE, *options])
    assert list(here.iterdir()) == []


def test_interrupted_convergence_reports_what_is_done(capsys, monkeypatch, here):
    whole = Experiment.run

    def run(self, root, trials):
        if self.n == 80:
            raise KeyboardInterrupt
        return whole(self, root, trials)

    monkeypatch.setattr(Experiment, "run", run)
    assert main([*CONVERGENCE, "--json"]) == 130
    out, err = capsys.readouterr()
    document = json.loads(out, parse_constant=reject_constant)
    assert document["interrupted"] is True and document["complete"] is False
    assert document["results"][0]["trials"] == 12
    assert document["results"][2]["trials"] == 0 and document["results"][2]["bias"] is None
    assert "interrupted after" in err and "is not kept, for want of a --checkpoint" in err
    assert (here / "convergence.png").exists()


# --------------------------------------------------------------------------------- Ctrl-C, for real


def test_interrupted_sweep_reports_and_goes_on(config, run_json, here):
    """SIGINT to a process that is at work: 130, what is done, and the same numbers afterwards."""
    argv = [*config("trials = 4", "trials = 300"), "--checkpoint", "blocks", "--json"]
    text = (
        (here / "c.toml")
        .read_text()
        .replace("n = 30", "n = 100")
        .replace(".centroid]", ".svm]\npenalty = 0.1")
    )
    (here / "c.toml").write_text(text)
    process = subprocess.Popen(
        [sys.executable, "-m", "asymptotics", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 60
    # The second block is begun when the first is in the report, not only on the disk.
    while len(list(here.glob("blocks/*/*/*.block"))) < 2:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    document = json.loads(out, parse_constant=reject_constant)
    done = sum(row["trials"] for row in document["results"])
    assert document["interrupted"] and 0 < done < 600
    lines = err.splitlines()
    assert len(lines) == 2 and all(line.startswith("asymptotics sweep: ") for line in lines)
    assert f"interrupted after {done} of 600 trials" in lines[0]
    assert "is kept in 'blocks': the same command goes on from there" in lines[1]
    small = text.replace("trials = 300", "trials = 3")
    (here / "c.toml").write_text(small)
    rows = run_json(argv[:-1])["results"]
    assert rows == run_json(argv[:2])["results"]


# --------------------------------------------------------------------------- fixed counts


AFFECTED = ["--signal", "1.5", "--classifier", "ridge", "--penalty", "30", "--aspect-ratio", "1.5"]


def test_fixed_counts(run_json, capsys, tmp_path, monkeypatch):
    """The option of each command is the argument of its function, and its want is said."""
    monkeypatch.chdir(tmp_path)
    mix, clf = asy.SpikedMixture(1.5), asy.Ridge(30.0)
    sizes = ["--n", "600", "--trials", "10"]
    found = run_json(["simulate", *AFFECTED, *sizes, "--fixed-counts"])
    seed = np.random.SeedSequence(0).spawn(1)[0]
    sim = asy.simulate(mix, clf, 1.5, n=600, trials=10, rng=seed, fixed_counts=True)
    assert found["fixed_counts"] is True
    assert found["results"][0]["accuracy"] == sim.mean
    assert main(["simulate", *AFFECTED, *sizes]) == 0
    assert "warning: n = 600 is too small for the limit" in capsys.readouterr().err

    sizes = ["--n", "600,800,1000", "--trials", "10"]
    found = run_json(["convergence", *AFFECTED, *sizes, "--fixed-counts"])
    study = asy.convergence(mix, clf, 1.5, n=[600, 800, 1000], trials=10, rng=0, fixed_counts=True)
    assert found["fixed_counts"] is True
    assert [row["accuracy"] for row in found["results"]] == study.accuracy.tolist()

    config = tmp_path / "fixed.toml"
    text = "fixed_counts = true\nn = 600\ntrials = 3\naspect_ratio = 1.5\n"
    text += '[population]\nsignal = 1.5\n[classifier]\nkind = "ridge"\npenalty = 30.0\n'
    config.write_text(text)
    found = run_json(["sweep", str(config)])
    sim = asy.simulate(mix, clf, 1.5, n=600, trials=3, rng=0, fixed_counts=True)
    assert found["results"][0]["simulated"] == sim.mean
    config.write_text(text.replace("true", '"yes"'))
    assert main(["sweep", str(config)]) == 2
    assert "fixed_counts must be True or False, got 'yes'" in capsys.readouterr().err
