"""What predicts a probe's accuracy at n, 2n and 4n labels from n of them, on real features.

    python make_estimate_comparison.py [--draws 60] [--only NAME ...]

writes estimate_comparison.json and, for the documentation, estimate_comparison.csv. Every set of
features is a finite population: n samples are drawn from it without replacement and handed to each
method; the truth is the mean accuracy of probes trained on other draws of n' samples, each tested
on all that it has not seen. About five minutes on one core.
"""

import argparse
import csv
import json
import time
import warnings
from pathlib import Path

import numpy as np
import scipy
from sklearn.covariance import ledoit_wolf
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.preprocessing import PolynomialFeatures

import asymptotics as asy
from asymptotics.training.cross_validation import cross_validated_accuracy

HERE = Path(__file__).parent
ENCODERS = HERE.parents[1] / "examples" / "data"
FACTORS = (1, 2, 4)
PROBES = (asy.Ridge(0.1), asy.Logistic(0.1))
# Trainings behind the truth at each n', and behind each point of the power law.
TRAININGS, REPEATS = 200, 5
# Subsamples that the power law is fitted to, as shares of n; the rest of n tests.
SHARES = (0.1, 0.2, 0.4, 0.8)
METHODS = ("ours", "anchored", "5-fold", "leave-one-out", "power law", "plug-in", "Ledoit-Wolf")


def digits(chosen=None, relu=0):
    pixels, digit = load_digits(return_X_y=True)
    if chosen is None:
        y = digit % 2 == 0
    else:
        rows = np.isin(digit, chosen)
        pixels, y = pixels[rows], digit[rows] == chosen[1]
    x = pixels[:, pixels.std(0) > 0] / 16
    if relu:
        weights = np.random.default_rng(0).normal(size=(x.shape[1], relu))
        x = np.maximum((x - x.mean(0)) @ weights, 0)
    return x, y


def cancer(degree):
    x, y = load_breast_cancer(return_X_y=True)
    x = (x - x.mean(0)) / x.std(0)
    if degree > 1:
        x = PolynomialFeatures(degree, include_bias=False).fit_transform(x)
        x = (x - x.mean(0)) / x.std(0)
    return x, y == 1


def encoder(name, chosen, after=False):
    with np.load(ENCODERS / f"fashion_simclr_{name}.npz") as file:
        x, y, head = (file[k] for k in ("features", "labels", "projector"))
    rows = np.isin(y, chosen)
    x = x[rows].astype(float)
    return (x @ head.astype(float).T if after else x), y[rows] == chosen[1]


SETS = {
    "digits 3/8": (lambda: digits((3, 8)), 60),
    "digits 4/9": (lambda: digits((4, 9)), 60),
    "digits even/odd": (digits, 120),
    "digits even/odd, 500 ReLU": (lambda: digits(relu=500), 300),
    "breast cancer": (lambda: cancer(1), 60),
    "breast cancer, degree 2": (lambda: cancer(2), 120),
    "SimCLR weak, shirt/T-shirt": (lambda: encoder("weak_0.1", (0, 6)), 160),
    "SimCLR weak, pullover/coat": (lambda: encoder("weak_0.1", (2, 4)), 160),
    "SimCLR strong, sneaker/boot": (lambda: encoder("strong_1.0", (7, 9)), 160),
    "SimCLR strong, shirt/T-shirt, after": (lambda: encoder("strong_1.0", (0, 6), True), 160),
}


def scaled(x, y):
    """Mean within-class variance 1, so that one penalty means the same everywhere."""
    within = np.mean([x[y == k].var(0).mean() for k in (False, True)])
    return (x - x.mean(0)) / np.sqrt(within)


def score(clf, x, y, train, test):
    middle = 0.5 * (x[train][y[train]].mean(0) + x[train][~y[train]].mean(0))
    weights, intercept = clf.fit(x[train] - middle, np.where(y[train], 1.0, -1.0))
    return float(np.mean((((x[test] - middle) @ weights + intercept) > 0) == y[test]))


def draw(y, n, rng):
    """n rows with both classes, and the others."""
    while True:
        order = rng.permutation(y.size)
        if min(y[order[:n]].sum(), (~y[order[:n]]).sum()) >= 2:
            return order[:n], order[n:]


def power_law(clf, x, y, sizes, rng):
    """error = a + b n^-c through the errors of probes on subsamples."""
    points = np.round(np.array(SHARES) * y.size).astype(int)
    errors = np.array(
        [np.mean([1 - score(clf, x, y, *draw(y, k, rng)) for _ in range(REPEATS)]) for k in points]
    )

    def gap(t):
        return t[0] + t[1] * (points / y.size) ** -t[2] - errors

    start = [0.5 * errors.min(), max(errors[-1] - 0.5 * errors.min(), 1e-3), 0.5]
    fit = scipy.optimize.least_squares(gap, start, bounds=([0, 0, 0], [0.5, 1, 2])).x
    return 1 - (fit[0] + fit[1] * (sizes / y.size) ** -fit[2])


def leave_one_out(clf, x, y):
    """Of ridge regression with a free intercept, in closed form."""
    n, sign = y.size, np.where(y, 1.0, -1.0)
    centred = x - x.mean(0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    share = s**2 / (s**2 + n * clf.penalty)
    fitted = sign.mean() + (u * share) @ (u.T @ sign)
    hat = 1 / n + np.square(u) @ share
    left_out = sign - (sign - fitted) / (1 - hat)
    return float(np.mean(left_out * sign > 0))


def shrunk(x, y):
    """Sample means with the covariance of Ledoit and Wolf (2004)."""
    means = [x[y].mean(0), x[~y].mean(0)]
    residuals = x - np.where(y[:, None], *means)
    covariance, _ = ledoit_wolf(residuals, assume_centered=True)
    return asy.GaussianMixture(0.5 * (means[0] - means[1]), covariance, y.mean())


def predictions(clf, x, y, sizes, rng):
    """Of every method: accuracies at these sizes, and seconds."""
    p, found = x.shape[1], {}

    def timed(name, make):
        start = time.perf_counter()
        found[name] = np.broadcast_to(make(), sizes.shape), time.perf_counter() - start

    folds = np.random.default_rng(rng.integers(2**32))
    timed(
        "ours",
        lambda: asy.learning_curve(asy.Spectrum.from_data(x, y), clf, sizes).accuracy,
    )
    timed("5-fold", lambda: cross_validated_accuracy(clf, x, y, folds))
    anchor = found["5-fold"][0][0]

    def anchored():
        if not 0.5 < anchor < 1:  # no accuracy to hold on to
            return found["ours"][0]
        source = asy.Spectrum.from_data(x, y)
        return asy.learning_curve(source, clf, sizes, cross_validated=anchor).accuracy

    timed("anchored", anchored)
    found["anchored"] = found["anchored"][0], found["anchored"][1] + found["5-fold"][1]
    if isinstance(clf, asy.Ridge):
        timed("leave-one-out", lambda: leave_one_out(clf, x, y))
    timed("power law", lambda: power_law(clf, x, y, sizes, rng))
    timed(
        "plug-in", lambda: asy.limit(asy.GaussianMixture.from_data(x, y), clf, p / sizes).accuracy
    )
    timed("Ledoit-Wolf", lambda: asy.limit(shrunk(x, y), clf, p / sizes).accuracy)
    return found


def study(name, draws):
    make, n = SETS[name]
    x, y = make()
    x = scaled(x, y)
    sizes = n * np.array(FACTORS)
    rng = np.random.default_rng([*name.encode()])
    rows = []
    for clf in PROBES:
        true = np.array(
            [[score(clf, x, y, *draw(y, k, rng)) for _ in range(TRAININGS)] for k in sizes]
        )
        errors = {method: [] for method in METHODS}
        seconds = {method: [] for method in METHODS}
        for _ in range(draws):
            chosen, _ = draw(y, n, rng)
            for method, (values, spent) in predictions(
                clf, x[chosen], y[chosen], sizes, rng
            ).items():
                errors[method].append(values - true.mean(1))
                seconds[method].append(spent)
        for method in METHODS:
            if not errors[method]:
                continue
            rows.append(
                {
                    "probe": type(clf).__name__,
                    "method": method,
                    "bias": np.mean(errors[method], 0).round(4).tolist(),
                    "rmse": np.sqrt(np.mean(np.square(errors[method]), 0)).round(4).tolist(),
                    "seconds": round(float(np.median(seconds[method])), 4),
                }
            )
        rows[-1]["truth"] = true.mean(1).round(4).tolist()
        rows[-1]["truth_stderr"] = (true.std(1) / np.sqrt(TRAININGS)).round(4).tolist()
    return {"set": name, "dimension": x.shape[1], "n": n, "draws": draws, "rows": rows}


def table(cases):
    """Root mean square errors in points at n, 2n, 4n, a line for each set and probe."""
    lines = [["features", "p", "n", "probe", *METHODS]]
    for case in cases:
        for probe in ("Ridge", "Logistic"):
            cells = {r["method"]: r["rmse"] for r in case["rows"] if r["probe"] == probe}
            lines.append(
                [case["set"], case["dimension"], case["n"], probe.lower()]
                + [
                    ", ".join(f"{100 * e:.1f}" for e in cells[m]) if m in cells else ""
                    for m in METHODS
                ]
            )
    spent = [
        f"{1000 * np.median([r['seconds'] for c in cases for r in c['rows'] if r['method'] == m]):.0f} ms"
        for m in METHODS
    ]
    lines.append(["median time", "", "", "", *spent])
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=60)
    parser.add_argument("--only", nargs="*", default=list(SETS))
    parser.add_argument("--out", type=Path, default=HERE / "estimate_comparison.json")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", asy.PlugInWarning)
    cases = []
    for name in arguments.only:
        start = time.perf_counter()
        cases.append(study(name, arguments.draws))
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
        for row in cases[-1]["rows"]:
            print("  ", row, flush=True)
    body = ",\n".join(json.dumps(case) for case in cases)
    arguments.out.write_text(f"[\n{body}\n]\n", encoding="utf-8")
    with arguments.out.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(table(cases))


if __name__ == "__main__":
    main()
