"""Sweeps, convergence and assert_converges on several classes; the metrics of a sweep."""

import numpy as np
import pytest

import asymptotics as asy

UNEVEN = asy.ClassMixture(
    [[2.0, 0.0], [-1.0, 1.5], [-1.0, -1.5], [0.0, 0.0]], priors=[0.4, 0.3, 0.2, 0.1]
)
MIXES = {"three": asy.ClassMixture.simplex(3, 2.5), "four": UNEVEN, "two": asy.SpikedMixture(1.5)}
RULES = {"ridge": asy.Ridge(0.1), "softmax": asy.Softmax(0.1)}
METRICS = ["class_accuracy", "balanced_accuracy", "confusion", "log_loss"]


def test_every_element_is_that_of_limit_and_simulate():
    del (mixes := dict(MIXES))["two"]
    head = asy.Expansion(1.0, subspace="between")
    grid = {
        "gain": [0.5, 2.0],
        "penalty": [0.1, 1.0],
        "noise": [1.0, 1.5],
        "aspect_ratio": [0.3, 0.6],
    }
    found = asy.sweep(
        mixes, RULES, projector=head, grid=grid, n=30, trials=3, rng=4, metrics=METRICS
    )
    assert found.confusion.dims[-2:] == ("class", "answer")
    assert found.class_accuracy.sizes["class"] == 4
    for where in [
        {"population": "three", "classifier": "ridge", "gain": 0.5, "penalty": 1.0, "noise": 1.5},
        {"population": "four", "classifier": "softmax", "gain": 2.0, "penalty": 0.1, "noise": 1.0},
    ]:
        for ratio in (0.3, 0.6):
            here = found.sel(**where, aspect_ratio=ratio)
            mix, rule = MIXES[where["population"]], RULES[where["classifier"]]
            mix = type(mix)(mix.means, None, where["noise"], mix.priors)
            rule = type(rule)(where["penalty"])
            image = asy.Expansion(where["gain"], subspace="between")
            one = asy.limit(mix, rule, ratio, image)
            sim = asy.simulate(mix, rule, ratio, n=30, trials=3, projector=image, rng=4)
            k = mix.classes
            assert float(here.accuracy) == pytest.approx(one.accuracy, abs=1e-8)
            assert float(here.simulated) == sim.mean
            for name in METRICS:
                cut = {"class_accuracy": (slice(k),), "confusion": (slice(k), slice(k))}.get(
                    name, ()
                )
                np.testing.assert_allclose(here[name].values[cut], getattr(one, name), atol=1e-8)
                values = getattr(sim, name)
                np.testing.assert_array_equal(here[f"simulated_{name}"].values[cut], values.mean(0))
                stderr = values.std(0, ddof=1) / np.sqrt(3)
                np.testing.assert_allclose(here[f"stderr_{name}"].values[cut], stderr, rtol=1e-9)
            assert np.isnan(here.class_accuracy.values[k:]).all()


def test_metrics_of_two_classes():
    names = [
        "auc",
        "brier",
        "calibration_error",
        "best_accuracy",
        "best_balanced_intercept",
        "confusion",
    ]
    found = asy.sweep(
        asy.SpikedMixture(1.5, balance=0.3),
        asy.Logistic(0.1),
        grid={"signal": [1.0, 2.0], "aspect_ratio": [0.3, 0.6, 2.0], "n": [20, 40]},
        trials=3,
        rng=1,
        metrics=names,
    )
    assert found.auc.dims == ("signal", "aspect_ratio")  # not of n
    assert found.confusion.dims == ("signal", "aspect_ratio", "class", "answer")
    assert found.simulated_auc.dims == ("signal", "aspect_ratio", "n")
    whole = asy.limit(
        asy.SpikedMixture(np.array([[1.0], [2.0]]), balance=0.3), asy.Logistic(0.1), [0.3, 0.6, 2.0]
    )
    for name in names:
        np.testing.assert_allclose(found[name].values, getattr(whole, name), rtol=1e-9)
    assert "simulated auc" not in found.auc.attrs["long_name"]


def test_rates_of_label_noise_and_weights():
    clf = asy.Flipped(asy.Logistic(0.1, class_weight="balanced"), 0.1)
    mix = asy.SpikedMixture(1.5, balance=0.3)
    found = asy.sweep(
        mix, clf, 0.5, grid={"rate": [0.0, 0.2], "signal": [1.0, 2.0], "penalty": [0.1, 1.0]}
    )
    for place in np.ndindex(2, 2, 2):
        here = found.isel(rate=place[0], signal=place[1], penalty=place[2])
        rule = asy.Logistic(float(here.penalty), class_weight="balanced")
        one = asy.limit(
            asy.SpikedMixture(float(here.signal), balance=0.3),
            asy.Flipped(rule, float(here.rate)),
            0.5,
        )
        assert float(here.accuracy) == pytest.approx(one.accuracy, abs=1e-12)


def test_a_checkpoint_of_classes_is_taken_up(tmp_path):
    call = {
        "trials": 4,
        "n": 20,
        "rng": 3,
        "checkpoint": tmp_path / "blocks",
        "metrics": ["confusion"],
    }
    first = asy.sweep(UNEVEN, RULES, 0.5, **call)
    again = asy.sweep(UNEVEN, RULES, 0.5, **call)
    assert first.identical(again)
    more = asy.sweep(UNEVEN, RULES, 0.5, **call | {"trials": 6})
    fresh = asy.sweep(UNEVEN, RULES, 0.5, trials=6, n=20, rng=3, metrics=["confusion"])
    np.testing.assert_array_equal(more.simulated, fresh.simulated)
    np.testing.assert_array_equal(more.simulated_confusion, fresh.simulated_confusion)


@pytest.mark.parametrize(
    ("metrics", "error", "words"),
    [
        ("auc", TypeError, "metrics must be a sequence of names, got 'auc'"),
        (["acuity"], ValueError, "metrics must be any of class_accuracy, .*, got 'acuity'"),
        ([3], ValueError, "metrics must be any of"),
        (["auc"], ValueError, "auc must be asked of two classes, got a limit of 4"),
    ],
)
def test_bad_metrics(metrics, error, words):
    with pytest.raises(error, match=words):
        asy.sweep(UNEVEN, asy.Ridge(0.1), 0.5, metrics=metrics)


def test_convergence():
    found = asy.convergence(UNEVEN, asy.Ridge(0.1), 0.5, n=[50, 100, 200], trials=40, rng=0)
    assert found.limit[0] == asy.limit(UNEVEN, asy.Ridge(0.1), 0.5).accuracy
    assert np.all(np.abs(found.z_score[1:]) < 4 + 2.0 / np.sqrt(found.n[1:]))
    with pytest.raises(ValueError, match="cannot grow with n, got a GaussianClasses in 3 dim"):
        asy.convergence(
            asy.GaussianClasses(np.eye(3), np.eye(3)), asy.Ridge(0.1), 1.0, n=[50, 100, 200]
        )


def test_assert_converges():
    mix, clf = MIXES["three"], asy.Ridge(0.3)
    found = asy.testing.assert_converges(mix, clf, 0.5, n=(60, 120), resolution=0.03, rng=0)
    assert found.claimed == asy.limit(mix, clf, 0.5).accuracy
    with pytest.raises(asy.testing.Disagreement):
        asy.testing.assert_converges(
            mix, clf, 0.5, n=(60, 120), resolution=0.03, rng=0, limit=found.claimed + 0.03
        )
