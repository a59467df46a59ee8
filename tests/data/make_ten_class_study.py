"""Probes of ten real classes, before and after the head, against what Gaussian classes predict.

    python make_ten_class_study.py [--encoders DIR] [--clusters 5]

writes ten_class_study.json: features of SimCLR encoders trained on Fashion-MNIST with their linear
heads, ridge and softmax probes trained on n labels and tested on all the others, and their accuracy
predicted from all features by one covariance in common, by one for each class, and by clusters
within each class. The features are 680 a class in 128 dimensions, and a plug-in estimate of order
1/N too optimistic: predictions are twice that of all features less the mean of those of two halves.
Ridge is predicted by its limit, softmax behind covariances of their own, where it has none, by
training on points drawn from the estimate. About a quarter of an hour on one core.
"""

import argparse
import json
import warnings
from pathlib import Path

import numpy as np

import asymptotics as asy

HERE = Path(__file__).parent
SETTINGS = ("weak_0.1", "strong_1.0")
PROBES = (asy.Ridge(0.1), asy.Ridge(0.01), asy.Softmax(0.1), asy.Softmax(0.01))
SIZES = (200, 1000)
KINDS = ("common", "each", "clusters")
CLASSES = 10
# Training sets of real features, and of points drawn from an estimate, at the two sizes.
TRAININGS, DRAWN = (48, 24), (24, 12)


def side_of(folder, setting, after):
    """Features and labels before or after the head, of mean variance 1 within the classes."""
    with np.load(folder / f"fashion_simclr_{setting}.npz") as file:
        features, labels, head = (file[name] for name in ("features", "labels", "projector"))
    x, y = features.astype(float), labels.astype(int)
    if after:
        x = x @ head.astype(float).T
    x -= x.mean(0)
    return x / np.sqrt(np.mean([x[y == k].var(0).mean() for k in range(CLASSES)])), y


def trained(clf, x, y, n, trainings):
    """Accuracies on what was not trained on; the same points for every probe and either side."""
    rng, found = np.random.default_rng(1), []
    while len(found) < trainings:
        order = rng.permutation(y.size)
        rows, rest = order[:n], order[n:]
        if np.unique(y[rows]).size < CLASSES:
            continue
        weights, intercepts = clf.fit_classes(x[rows], y[rows], CLASSES)
        found.append(np.mean((x[rest] @ weights + intercepts).argmax(1) == y[rest]))
    return np.array(found)


def estimates(x, y, kind, clusters):
    """The population of all features, and of two halves of each class."""
    rng, first = np.random.default_rng(0), np.zeros(y.size, bool)
    for k in range(CLASSES):
        rows = rng.permutation(np.flatnonzero(y == k))
        first[rows[: rows.size // 2]] = True
    options = {"shared_covariance": kind == "common"}
    if kind == "clusters":
        options["clusters"] = clusters
    parts = (slice(None), first, ~first)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", asy.PlugInWarning)
        return [asy.GaussianMixture.from_data(x[part], y[part], **options) for part in parts]


def predicted(mixes, clf, n, drawn, p):
    """Of the whole, and with the bias of order 1/N removed."""
    if isinstance(clf, asy.Softmax) and np.ndim(mixes[0].covariance) == 3:
        values = [asy.simulate(mix, clf, n=n, trials=drawn, rng=2).mean for mix in mixes]
    else:
        values = [asy.limit(mix, clf, p / n).accuracy for mix in mixes]
    whole, one, other = map(float, values)
    return whole, 2.0 * whole - 0.5 * (one + other)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoders", type=Path, default=HERE.parents[1] / "examples" / "data")
    parser.add_argument("--clusters", type=int, default=5)
    args = parser.parse_args()
    cells = []
    for setting in SETTINGS:
        for after in (False, True):
            x, y = side_of(args.encoders, setting, after)
            mixes = {kind: estimates(x, y, kind, args.clusters) for kind in KINDS}
            for clf in PROBES:
                for n, trainings, drawn in zip(SIZES, TRAININGS, DRAWN, strict=True):
                    real = trained(clf, x, y, n, trainings)
                    found = {
                        kind: predicted(mixes[kind], clf, n, drawn, x.shape[1]) for kind in KINDS
                    }
                    cell = {
                        "setting": setting,
                        "after": after,
                        "probe": type(clf).__name__,
                        "penalty": clf.penalty,
                        "n": n,
                        "real": real.round(5).tolist(),
                        **{kind: np.round(pair, 5).tolist() for kind, pair in found.items()},
                    }
                    cells.append(cell)
                    gaps = {k: round(100 * (v[1] - real.mean()), 2) for k, v in found.items()}
                    print(setting, after, clf, n, f"{100 * real.mean():.2f}", gaps, flush=True)
    (HERE / "ten_class_study.json").write_text(
        json.dumps({"clusters": args.clusters, "cells": cells}, indent=1) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
