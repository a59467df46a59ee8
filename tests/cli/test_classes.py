"""The command line on several classes, with class weights and label noise."""

import json

import numpy as np
import pytest

import asymptotics as asy
from asymptotics.__main__ import main

SIMPLEX = ["--classes", "3", "--distance", "2", "--aspect-ratio", "0.5"]
RIDGE = [*SIMPLEX, "--classifier", "ridge", "--penalty", "0.1"]
PRIORS = ["--priors", "0.5,0.3,0.2"]
TWO = ["--signal", "1.5", "--balance", "0.3", "--aspect-ratio", "0.5"]
LOGISTIC = [*TWO, "--classifier", "logistic", "--penalty", "0.1"]


def simplex(priors=None, distance=2.0):
    means = asy.ClassMixture.simplex(3, distance).means
    return asy.ClassMixture(means, priors=priors)


@pytest.fixture
def results(capsys):
    def results(argv):
        assert main([*argv, "--json"]) == 0
        return json.loads(capsys.readouterr().out)["results"]

    return results


@pytest.mark.parametrize("classifier", ["ridge", "softmax", "centroid", "bayes"])
@pytest.mark.parametrize("priors", [None, [0.5, 0.3, 0.2]])
def test_limit_is_that_of_the_library(results, classifier, priors):
    penalty = ["--penalty", "0.1"] if classifier in ("ridge", "softmax") else []
    argv = ["limit", *SIMPLEX, "--classifier", classifier, *penalty]
    (row,) = results([*argv, *(PRIORS if priors else [])])
    make = {
        "ridge": asy.Ridge,
        "softmax": asy.Softmax,
        "centroid": asy.Centroid,
        "bayes": asy.Bayes,
    }
    found = asy.limit(simplex(priors), make[classifier](*map(float, penalty[1:])), 0.5)
    assert row["accuracy"] == pytest.approx(found.accuracy, abs=1e-12)
    for name in ("class_accuracy", "confusion", "balanced_accuracy", "mean"):
        np.testing.assert_allclose(row[name], getattr(found, name), atol=1e-12)
    assert "auc" not in row and "balance" not in row


def test_lists_make_a_grid_of_populations(results):
    grid = ["--distance", "1,2", "--noise", "0.5,1", "--penalty", "0.1,1", "--gain", "0.5,2"]
    setting = ["--classes", "3", "--aspect-ratio", "0.5", "--classifier", "ridge", "--between"]
    rows = results(["limit", *setting, *grid])
    assert len(rows) == 16
    for row in rows:
        mix = asy.ClassMixture.simplex(3, row["distance"], row["noise"])
        head = asy.Expansion(row["gain"], subspace="between")
        one = asy.limit(mix, asy.Ridge(row["penalty"]), 0.5, head)
        assert row["accuracy"] == pytest.approx(one.accuracy, abs=1e-12)


@pytest.mark.parametrize(
    ("options", "clf"),
    [
        (["--class-weight", "balanced"], asy.Logistic(0.1, class_weight="balanced")),
        (["--class-weight", "1,3"], asy.Logistic(0.1, class_weight={-1: 1.0, 1: 3.0})),
        (["--label-noise", "0.2"], asy.Flipped(asy.Logistic(0.1), 0.2)),
        (
            ["--class-weight", "balanced", "--label-noise", "0.2"],
            asy.Flipped(asy.Logistic(0.1, class_weight="balanced"), 0.2),
        ),
    ],
)
def test_weights_and_noise_of_two_classes(results, options, clf):
    (row,) = results(["limit", *LOGISTIC, *options])
    found = asy.limit(asy.SpikedMixture(1.5, balance=0.3), clf, 0.5)
    for name in ("accuracy", "auc", "log_loss", "brier", "best_balanced_accuracy"):
        assert row[name] == pytest.approx(getattr(found, name), rel=1e-12)
    plain = asy.limit(asy.SpikedMixture(1.5, balance=0.3), asy.Logistic(0.1), 0.5)
    assert abs(row["accuracy"] - plain.accuracy) > 1e-4


def test_simulation_beside_its_limit(results):
    argv = ["simulate", *RIDGE, *PRIORS, "--class-weight", "1,2,3", "--n", "200", "--trials", "40"]
    (row,) = results(argv)
    clf = asy.Ridge(0.1, class_weight={0: 1.0, 1: 2.0, 2: 3.0})
    assert row["limit"] == pytest.approx(asy.limit(simplex([0.5, 0.3, 0.2]), clf, 0.5).accuracy)
    assert abs(row["z"]) < 4
    unweighted = asy.limit(simplex([0.5, 0.3, 0.2]), asy.Ridge(0.1), 0.5).accuracy
    assert abs(row["accuracy"] - unweighted) > 4 * row["stderr"]  # the control


def test_text(capsys):
    assert main(["limit", *RIDGE, *PRIORS]) == 0
    head, _, body = capsys.readouterr().out.partition("\n\n")
    assert "classes = 3, priors = 0.5 0.3 0.2, classifier = ridge" in head
    shown = dict(line.split(maxsplit=1) for line in body.splitlines())
    assert len(shown["class_accuracy"].split()) == 3 and "confusion" not in shown


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([*RIDGE, "--signal", "1"], "--signal must not be given together with --classes"),
        ([*RIDGE, "--balance", "0.3"], "--balance must not be given together with --classes"),
        ([*RIDGE, "--spike", "1"], "--spike must not be given together with --classes"),
        ([*RIDGE[:2], *RIDGE[4:]], "--distance must be given together with --classes"),
        ([*LOGISTIC, "--distance", "1"], "--distance and --priors must be given together with"),
        ([*RIDGE, "--classes", "1"], "classes must be an integer of at least 2, got 1"),
        ([*RIDGE, "--distance", "-1"], "distance must be in [0, inf), got -1.0"),
        ([*RIDGE, "--priors", "0.5,0.5"], "priors must have one entry for each of the 3"),
        ([*RIDGE, "--priors", "0.5,0.5,0.5"], "priors must"),
        ([*RIDGE, "--class-weight", "1,2"], "--class-weight must be balanced, or 3 numbers, got 2"),
        ([*RIDGE, "--class-weight", "even"], "argument --class-weight"),
        ([*RIDGE, "--class-weight", "0,1,1"], "class_weight must be in (0, inf), got 0.0"),
        ([*RIDGE, "--label-noise", "1"], "rate must be in [0, 1), got 1.0"),
        ([*RIDGE, "--gain", "2"], "--gain must be given together with --between"),
        ([*RIDGE, "--between"], "--between must be given together with --gain"),
        (
            [*SIMPLEX, "--classifier", "svm", "--penalty", "1"],
            "a known limit on 3 classes, got SVM",
        ),
        ([*TWO, "--classifier", "bayes", "--class-weight", "balanced"], "--class-weight must not"),
    ],
)
def test_bad_input_is_one_line(capsys, argv, words):
    assert main(["limit", *argv]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and words in err


CONFIG = """
aspect_ratio = 0.5
metrics = ["class_accuracy", "balanced_accuracy"]
n = 40
trials = 3
[population.even]
kind = "simplex"
classes = 3
distance = 2.0
[population.uneven]
kind = "class-mixture"
means = [[2.0, 0.0], [-1.0, 1.5], [-1.0, -1.5]]
priors = [0.5, 0.3, 0.2]
[classifier.softmax]
penalty = 0.1
class_weight = "balanced"
[classifier.ridge]
penalty = 0.1
class_weight = { 0 = 1.0, 1 = 2.0, 2 = 3.0 }
[projector]
kind = "expansion"
gain = 1.0
subspace = "between"
[grid]
gain = [0.5, 2.0]
"""


def test_sweep(results, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.toml").write_text(CONFIG)
    rows = results(["sweep", "c.toml"])
    assert len(rows) == 8
    mixes = {
        "even": simplex(),
        "uneven": asy.ClassMixture([[2.0, 0.0], [-1.0, 1.5], [-1.0, -1.5]], priors=[0.5, 0.3, 0.2]),
    }
    rules = {
        "softmax": asy.Softmax(0.1, class_weight="balanced"),
        "ridge": asy.Ridge(0.1, class_weight={0: 1.0, 1: 2.0, 2: 3.0}),
    }
    for row in rows:
        head = asy.Expansion(row["gain"], subspace="between")
        one = asy.limit(mixes[row["population"]], rules[row["classifier"]], 0.5, head)
        np.testing.assert_allclose(row["class_accuracy"], one.class_accuracy, atol=1e-9)
        assert len(row["simulated_class_accuracy"]) == len(row["stderr_class_accuracy"]) == 3


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            'metrics = ["class_accuracy", "balanced_accuracy"]',
            'metrics = "auc"',
            "metrics must be an",
        ),
        ('"balanced_accuracy"]', '"acuity"]', "metrics must be any of class_accuracy"),
        ('"balanced_accuracy"]', '"auc"]', "auc must be asked of two classes"),
        ("classes = 3", "", "population.even.classes must be given"),
        ("distance = 2.0", "distance = -1", "population.even.distance must be in [0, inf)"),
        ("distance = 2.0", "distance = 2.0\nsignal = 1", "population.even.signal is no known key"),
        ('class_weight = "balanced"', 'class_weight = "even"', "class_weight must be None"),
        (
            "{ 0 = 1.0, 1 = 2.0, 2 = 3.0 }",
            "{ 0 = 1.0 }",
            "class_weight must have a weight for each",
        ),
        ("{ 0 = 1.0, 1 = 2.0, 2 = 3.0 }", "{ a = 1.0 }", "class_weight must be None"),
    ],
)
def test_bad_configurations(capsys, monkeypatch, tmp_path, old, new, words):
    monkeypatch.chdir(tmp_path)
    assert CONFIG.count(old) == 1
    (tmp_path / "c.toml").write_text(CONFIG.replace(old, new))
    assert main(["sweep", "c.toml"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and words in err and "c.toml" in err
