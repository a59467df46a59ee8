"""The command line: thin over the library, exit codes, one line for what fails."""

import csv
import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest

import asymptotics as asy
from asymptotics.__main__ import main

LIMIT = ["limit", "--signal", "1.5", "--aspect-ratio", "0.5", "--classifier"]
RIDGE = [*LIMIT, "ridge", "--penalty", "0.1"]
THRESHOLD = ["threshold", "--signal", "1.5"]
MIX = asy.SpikedMixture(signal=1.5)
FIELDS = (
    "accuracy",
    "error",
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
    settings = {tuple(v for k, v in row.items() if k not in (*FIELDS, "status")) for row in rows}
    assert len(settings) == len(rows)


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
    assert set(shown) == {*FIELDS, "status"}


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
        (["limit"], "--signal"),
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


@pytest.mark.parametrize(
    "argv",
    [["--help"], *([name, "--help"] for name in ("limit", "simulate", "threshold", "figure"))],
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
        "heavy = {'matplotlib', 'sklearn', 'sympy', 'pandas'} & set(sys.modules)\n"
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
    assert "simulating" in err  # the progress bar
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
    from asymptotics import cli

    whole = cli.parse

    def faster(argv):
        args = whole(argv)
        args.n, args.trials, args.jobs = 30, 2, 1
        return args

    monkeypatch.setattr("asymptotics.__main__.parse", faster)
    run([])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["headline.csv", "headline.png"]
