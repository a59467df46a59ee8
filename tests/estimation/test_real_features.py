"""The stored studies on real features: what they show, and that they can be made again."""

import csv
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import asymptotics as asy

DATA = Path(__file__).parents[1] / "data"
HEADS = json.loads((DATA / "head_study.json").read_text(encoding="utf-8"))
COMPARISON = json.loads((DATA / "estimate_comparison.json").read_text(encoding="utf-8"))


def script(name):
    spec = importlib.util.spec_from_file_location(name, DATA / f"make_{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def reports(prefix=""):
    """The true difference, its standard error, what was said of it, low and high, by report."""
    for cell in HEADS["cells"]:
        true = np.array(cell["after"]) - np.array(cell["before"])
        for report in cell["reports"]:
            said = [np.array(report[prefix + name]) for name in ("difference", "low", "high")]
            shape = said[0].shape
            yield np.broadcast_to(true, shape), np.broadcast_to(cell["stderr"], shape), *said


@pytest.mark.parametrize("prefix", ["", "anchored_"])
def test_the_interval_holds_the_difference_of_trained_probes(prefix):
    """On pairs of classes that were not looked at when its width was set."""
    hits = np.concatenate([(low <= t) & (t <= high) for t, _, _, low, high in reports(prefix)])
    assert 0.9 <= hits.mean() <= 0.99
    if not prefix:
        assert np.all(hits.mean(0) >= 0.9)  # at each number of labels
    # half as wide it would not
    narrow = [np.abs(d - t) <= 0.25 * (high - low) for t, _, d, low, high in reports(prefix)]
    assert np.mean(np.concatenate(narrow)) < 0.9


def test_the_sign():
    clear = [(np.sign(d) == np.sign(t))[(low > 0) | (high < 0)] for t, _, d, low, high in reports()]
    clear = np.concatenate(clear)
    assert clear.size > 200 and clear.mean() >= 0.95
    # cells that are clear in truth, of half a point or more
    real = [
        (np.sign(d) == np.sign(t))[(np.abs(t) > 3 * e) & (np.abs(t) > 0.005)]
        for t, e, d, *_ in reports()
    ]
    assert np.mean(np.concatenate(real)) >= 0.95


def test_anchoring_helps_the_level():
    def rms(name):
        return np.sqrt(
            np.mean(
                [
                    np.mean(np.square(np.array(report[f"{name}_{side}"]) - np.array(cell[side])))
                    for cell in HEADS["cells"]
                    for report in cell["reports"]
                    for side in ("before", "after")
                ]
            )
        )

    assert rms("anchored") < 0.85 * rms("plain") < 0.025


def test_the_table_is_that_of_the_numbers():
    with (DATA / "estimate_comparison.csv").open(newline="", encoding="utf-8") as file:
        written = list(csv.reader(file))
    made = script("estimate_comparison").table(COMPARISON)
    assert written == [[str(cell) for cell in line] for line in made]
    assert len(COMPARISON) >= 6


def test_against_the_alternatives():
    """Means over sets and probes, at n, 2n and 4n."""
    rmse = {}
    for case in COMPARISON:
        for row in case["rows"]:
            rmse.setdefault(row["method"], []).append(row["rmse"])
    means = {method: np.mean(values, 0) for method, values in rmse.items()}
    for method in ("plug-in", "Ledoit-Wolf"):
        assert np.all(means["ours"] < 0.8 * means[method])
    for method in ("power law", "5-fold"):  # of what the labels do not reach
        assert np.all(means["anchored"][1:] < means[method][1:])
    assert np.all(means["anchored"] < means["ours"] + 0.001)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::asymptotics.PlugInWarning")
def test_a_cell_can_be_made_again():
    study = script("head_study")
    study.TRAININGS = 15
    folder = Path(__file__).parents[2] / "examples" / "data"
    stored = HEADS["cells"][0]
    data = study.pair_of(*study.encoder(folder, stored["setting"]), stored["pair"])
    clf = getattr(asy, stored["probe"])(stored["penalty"])
    rng = np.random.default_rng(5)
    made = study.cell(stored["setting"], stored["pair"], clf, data, 2, rng)
    for name in ("before", "after"):
        assert np.abs(np.array(made[name]) - np.array(stored[name])).max() < 0.02
    rows = script("estimate_comparison").study("digits 3/8", 2)["rows"]
    assert {row["method"] for row in rows} == set(script("estimate_comparison").METHODS)
