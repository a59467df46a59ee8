"""The commands that read features from files."""

import json
import sys

import numpy as np
import pytest

import asymptotics as asy
from asymptotics.__main__ import main
from asymptotics.cli.tables import read_labels, read_matrix

RNG = np.random.default_rng
PENALTY = ["--classifier", "ridge", "--penalty", "0.1"]


@pytest.fixture
def data(tmp_path, monkeypatch):
    """120 samples of 40 features in two named classes and a third, and a head."""
    monkeypatch.chdir(tmp_path)
    rng = RNG(0)
    names = np.array(["cat", "dog", "emu"])[np.arange(180) % 3]
    x = rng.normal(size=(180, 40))
    x[:, 0] += 1.5 * ((names == "dog") * 2.0 - 1.0)
    head = rng.normal(size=(10, 40))
    np.save("x.npy", x.astype(np.float32))
    np.save("y.npy", names)
    np.save("head.npy", head)
    two = np.isin(names, ("cat", "dog"))
    np.save("x2.npy", x[two])
    np.save("y2.npy", names[two])
    return x[two], names[two], head


@pytest.fixture
def run(capsys):
    def run(*words):
        assert main(list(words)) == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def fails(capsys):
    def fails(*words, code=2):
        assert main(list(words)) == code
        out, err = capsys.readouterr()
        assert out == "" and err.count("\n") == 1 and ": error: " in err
        return err

    return fails


def test_a_learning_curve_is_the_librarys(data, run, tmp_path):
    x, y, head = data
    words = ["learning-curve", "x2.npy", "y2.npy", *PENALTY, "--samples", "30,300"]
    found = json.loads(run(*words, "--accuracy", "0.85", "--figure", "a.svg", "--json"))
    source = asy.Spectrum.from_data(x, y)
    curve = asy.learning_curve(source, asy.Ridge(0.1), [30, 300])
    for name in ("samples", "accuracy", "stderr", "low", "high", "extrapolated", "bracket_low"):
        assert [row[name] for row in found["results"]] == getattr(curve, name).tolist()
    needed = asy.samples_needed(source, asy.Ridge(0.1), 0.85)
    assert found["samples_needed"]["samples"] == needed.samples
    assert found["labelled"] == 120 and found["dimension"] == 40 and found["penalty"] == 0.1
    assert (tmp_path / "a.svg").stat().st_size > 1000
    text = run(*words, "--accuracy", "0.85")
    assert f"accuracy 0.85 takes {needed.samples:.0f} labels, 95 % interval" in text
    assert (tmp_path / "learning-curve.png").exists()
    assert "is not reached: the curve ends at" in run(*words, "--accuracy", "0.999")
    after = json.loads(run(*words, "--head", "head.npy", "--json"))
    image = asy.learning_curve(asy.Spectrum.from_data(x @ head.T, y), asy.Ridge(0.1), [30, 300])
    assert [row["accuracy"] for row in after["results"]] == pytest.approx(image.accuracy, abs=1e-9)
    assert after["dimension"] == 10


def test_its_options(data, run):
    x, y, _ = data
    source = asy.Spectrum.from_data(x, y)
    words = ["learning-curve", "x2.npy", "y2.npy", "--json"]
    best = json.loads(run(*words, "--samples", "60"))  # logistic at its best penalty
    expected = asy.learning_curve(source, asy.Logistic(1.0), [60], best_penalty=True)
    assert best["results"][0]["penalty"] == pytest.approx(expected.penalty[0], rel=1e-9)
    assert best["penalty"] == "best" and best["figure"] is None  # a single point
    shots = json.loads(run(*words, *PENALTY, "--samples", "5,50", "--per-class"))
    expected = asy.learning_curve(source, asy.Ridge(0.1), [5, 50], per_class=True)
    assert [row["accuracy"] for row in shots["results"]] == expected.accuracy.tolist()
    assert [row["samples"] for row in shots["results"]] == [5, 50]
    anchored = json.loads(run(*words, *PENALTY, "--samples", "96,200", "--cross-validate"))
    assert anchored["results"][0]["accuracy"] == pytest.approx(anchored["cross_validated"])
    again = json.loads(
        run(*words, *PENALTY, "--samples", "96,200", "--cross-validate", "--seed", "5")
    )
    assert again["results"] != anchored["results"]
    default = json.loads(run(*words, "--classifier", "centroid"))
    assert [row["samples"] for row in default["results"]][::4] == [30, 120, 480]


def test_two_of_several_classes(data, run, fails):
    words = ["learning-curve", "x.npy", "y.npy", *PENALTY, "--samples", "50"]
    of_three = json.loads(run(*words, "--json"))["results"][0]
    assert 0.4 < of_three["accuracy"] < 1
    logistic = ["learning-curve", "x.npy", "y.npy", "--classifier", "logistic", "--penalty", "1"]
    assert "a known limit on 3 classes" in fails(*logistic)
    words_ = ["head", "x.npy", "y.npy", "head.npy", *PENALTY, "--samples", "50"]
    report = json.loads(run(*words_, "--json"))
    x, y, head = (np.load(name, allow_pickle=False) for name in ("x.npy", "y.npy", "head.npy"))
    expected = asy.head_report(x, y, head, asy.Ridge(0.1), [50])
    assert report["results"][0]["difference"] == expected.difference[0]
    assert report["pair_gains"][0][0] is None
    assert report["pair_gains"][0][1] == expected.pair_gains[0, 1]
    assert "pair_gains" in run(*words_)
    softmax = json.loads(run(*words[:3], "--penalty", "1", "--samples", "50", "--json"))
    assert softmax["classifier"] == "softmax"
    chosen = json.loads(run(*words, "--classes", "cat,dog", "--json"))["results"][0]
    two = json.loads(
        run("learning-curve", "x2.npy", "y2.npy", *PENALTY, "--samples", "50", "--json")
    )
    assert chosen["accuracy"] == pytest.approx(two["results"][0]["accuracy"], abs=1e-5)  # float32
    assert "got 'cow'" in fails(*words, "--classes", "cat,cow")
    assert "expected two labels" in fails(*words, "--classes", "cat")


def test_a_head_report_is_the_librarys(data, run, tmp_path):
    x, y, head = data
    words = ["head", "x2.npy", "y2.npy", "head.npy", *PENALTY, "--samples", "30,300"]
    found = json.loads(run(*words, "--json"))
    report = asy.head_report(x, y, head, asy.Ridge(0.1), [30, 300])
    for name in ("difference", "low", "high", "stderr"):
        assert [row[name] for row in found["results"]] == getattr(report, name).tolist()
    assert [row["before"] for row in found["results"]] == report.before.accuracy.tolist()
    assert found["recommendation"] == report.recommendation and found["gain"] == report.gain
    assert found["after"]["dimension"] == 10
    assert (tmp_path / "head.png").stat().st_size > 10000
    text = run(*words)
    assert report.recommendation in text and "expansion_measure" in text


def test_kinds_of_files(data, run, tmp_path):
    x, y, head = data
    np.savez("all.npz", features=x, labels=y, projector=head)
    np.savez("one.npz", anything=x)
    np.savetxt("x.csv", x, delimiter=",")
    (tmp_path / "named.csv").write_text(
        "\ufeff" + ",".join(f"f{k}" for k in range(40)) + "\n" + (tmp_path / "x.csv").read_text()
    )
    (tmp_path / "y.csv").write_text("label\n" + "\n".join(y) + "\n")
    for file in (
        "all.npz",
        "all.npz:features",
        "one.npz",
        "one.npz:anything",
        "x.csv",
        "named.csv",
    ):
        np.testing.assert_array_equal(read_matrix("features", file), x)
    np.testing.assert_array_equal(read_matrix("head", "all.npz"), head)
    assert isinstance(read_matrix("features", "x2.npy"), np.memmap)
    for file in ("all.npz", "y.csv", "y2.npy"):
        assert read_labels(file).tolist() == y.tolist()
    (tmp_path / "numbers.csv").write_text("3\n8\n8\n")
    assert read_labels("numbers.csv").tolist() == [3, 8, 8]
    (tmp_path / "headed.csv").write_text("digit\n3\n8\n8\n")
    assert read_labels("headed.csv").tolist() == [3, 8, 8]
    np.save("column.npy", np.array([[1], [2]]))
    assert read_labels("column.npy").tolist() == [1, 2]
    outputs = [
        json.loads(run("learning-curve", *files, *PENALTY, "--samples", "50", "--json"))["results"]
        for files in (("all.npz", "all.npz"), ("named.csv", "y.csv"), ("x2.npy", "y2.npy"))
    ]
    assert outputs[0] == outputs[1] == outputs[2]


def test_parquet(data, tmp_path, monkeypatch, fails):
    pandas = pytest.importorskip("pandas")
    x, y, _ = data
    tables = {"x.parquet": pandas.DataFrame(x), "y.parquet": pandas.DataFrame({"label": y})}
    for name in tables:
        (tmp_path / name).touch()
    # whichever engine there is reads it
    monkeypatch.setattr(pandas, "read_parquet", lambda path: tables[path.name])
    np.testing.assert_array_equal(np.asarray(read_matrix("features", "x.parquet")), x)
    assert list(read_labels("y.parquet")) == list(y)
    monkeypatch.setitem(sys.modules, "pandas", None)
    words = ["learning-curve", "x.parquet", "y2.npy", *PENALTY]
    assert "features in a .parquet file needs pandas" in fails(*words)


def test_what_is_wrong_with_a_file(data, fails, tmp_path):
    def curve(x="x2.npy", y="y2.npy", *words):
        return fails("learning-curve", x, y, *PENALTY, *words)

    assert "features must be a file, got 'no.npy'" in curve("no.npy")
    assert "features must end in one of .npy" in curve("x.mat")
    (tmp_path / "bad.npy").write_text("nonsense")
    assert "features must be a readable .npy file" in curve("bad.npy")
    (tmp_path / "bad.npz").write_text("nonsense")
    assert "features must be a readable .npz file" in curve("bad.npz")
    np.savez("two.npz", a=np.eye(3), b=np.eye(3))
    assert "which are a, b: name it as two.npz:a" in curve("two.npz")
    assert "which are a, b" in curve("two.npz:c")
    np.save("object.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
    assert "readable .npy" in curve("object.npy")
    (tmp_path / "ragged.csv").write_text("1,2\n3\n")
    assert "got '3' in row 2 of 'ragged.csv'" in curve("ragged.csv")
    (tmp_path / "words.csv").write_text("1,2\n3,x\n")
    assert "got '3,x' in row 2" in curve("words.csv")
    (tmp_path / "empty.csv").write_text("")
    assert "must hold rows of numbers" in curve("empty.csv")
    (tmp_path / "wide.csv").write_text("1,2\n3,4\n")
    assert "labels must be a single column, got 2 cells" in curve("x2.npy", "wide.csv")
    assert "labels" in curve("x2.npy", "y.npy")  # of another length
    assert "--accuracy must be in (0, 1), got 2" in curve("x2.npy", "y2.npy", "--accuracy", "2")
    assert "--figure must end in one of" in curve("x2.npy", "y2.npy", "--figure", "a.doc")
    assert "samples" in curve("x2.npy", "y2.npy", "--samples", "0,3")
    centroid = ["--classifier", "centroid", "--penalty", "1"]
    assert "--penalty must not be given" in fails("learning-curve", "x2.npy", "y2.npy", *centroid)
    np.save("tall.npy", np.ones((40, 10)))
    assert "head must have 40 columns" in fails("head", "x2.npy", "y2.npy", "tall.npy", *PENALTY)
