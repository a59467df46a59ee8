"""head_report on three classes of the features of trained encoders, against trained probes.

    python tests/data/make_class_head_study.py [--encoders DIR]

prints the numbers of docs/before_or_after.rst: seven triples of classes of Fashion-MNIST, two SimCLR
encoders with their linear heads, two reports from 100 and from 400 labels each. About three minutes
on one core.
"""

import argparse
import itertools
import warnings
from pathlib import Path

import numpy as np
from make_head_study import SETTINGS, SIZES, encoder

import asymptotics as asy

CLF, TRIPLES, TRAININGS, DRAWS = asy.Ridge(0.1), 7, 30, 2


def deviation(x, y):
    return np.sqrt(np.mean([x[y == k].var(0).mean() for k in range(3)]))


def three_of(features, labels, head, chosen):
    """Features, labels and head of three classes, of mean within-class variance 1 on either side."""
    rows = np.isin(labels, chosen)
    x, y = features[rows].astype(float), np.searchsorted(np.sort(chosen), labels[rows])
    x -= x.mean(0)
    x /= deviation(x, y)
    head = head.astype(float)
    return x, y, head / deviation(x @ head.T, y)


def trained(x, y, train, test):
    """Accuracy of a probe on what it has not seen."""
    middle = x[train].mean(0)
    weights, intercept = CLF.fit_classes(x[train] - middle, y[train], 3)
    return np.mean(((x[test] - middle) @ weights + intercept).argmax(1) == y[test])


def really(x, z, y, rng):
    """Mean accuracies before and after, shape (2, sizes)."""
    found = np.zeros((TRAININGS, 2, SIZES.size))
    for t, (k, size) in itertools.product(range(TRAININGS), enumerate(SIZES)):
        order = rng.permutation(y.size)
        for side, table in enumerate((x, z)):
            found[t, side, k] = trained(table, y, order[:size], order[size:])
    return found.mean(0)


def main(folder):
    rng = np.random.default_rng(0)
    triples = list(itertools.combinations(range(10), 3))
    rng.shuffle(triples)
    hits, said, true, levels = [], [], [], []
    for setting, chosen in itertools.product(SETTINGS, triples[:TRIPLES]):
        x, y, head = three_of(*encoder(folder, setting), chosen)
        before, after = really(x, x @ head.T, y, rng)
        for n, _ in itertools.product((100, 400), range(DRAWS)):
            rows = rng.permutation(y.size)[:n]
            report = asy.head_report(x[rows], y[rows], head, CLF, SIZES)
            gap = after - before
            hits.append((report.low <= gap) & (gap <= report.high))
            said.append(report.difference)
            true.append(gap)
            levels.append([report.before.accuracy - before, report.after.accuracy - after])
        print(setting, chosen, np.round(after - before, 3), np.round(said[-1], 3), flush=True)
    said, true, levels = np.array(said), np.array(true), np.array(levels)
    clear = np.abs(true) > 0.005
    print(f"{true.size} differences, {np.mean(hits):.3f} within their interval")
    print(f"sign right in {np.mean((np.sign(said) == np.sign(true))[clear]):.3f} of {clear.sum()}")
    print(f"correlation {np.corrcoef(said.ravel(), true.ravel())[0, 1]:.2f}", end=", ")
    print(f"error {np.sqrt(np.mean((said - true) ** 2)):.4f}")
    print(f"accuracies: error {np.sqrt(np.mean(levels**2)):.4f}, mean {levels.mean():.4f}")


if __name__ == "__main__":
    warnings.simplefilter("ignore", asy.PlugInWarning)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).parents[2] / "examples" / "data"
    parser.add_argument("--encoders", type=Path, default=default)
    main(parser.parse_args().encoders)
