"""Bias, rmse and coverage of what Spectrum.from_data predicts, beside the plug-in's.

    python make_estimation_study.py [--samples 60] [--out FILE] [--others]

writes estimation_study.json: Gaussian mixtures at p = 400, ridge and logistic regression at three
penalties, training sets from n/4 to 4 n, and for each the error of the predicted accuracy over
independent samples of n. Tests and documentation read it. About ten minutes on one core. With
--others it prints the same of populations on which nothing was tuned, and writes nothing.
"""

import argparse
import json
from pathlib import Path

import numpy as np

import asymptotics as asy

P = 400
FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
PENALTIES = (0.01, 0.1, 1.0)
CASES = [
    *(
        (kind, n, 0.5)
        for kind in ("isotropic", "spiked", "power law")
        for n in (200, 400, 500, 800)
    ),
    *((kind, 400, 0.3) for kind in ("isotropic", "spiked", "power law")),
    *((kind, n, 0.5) for kind in ("two levels", "weak directions", "noise") for n in (200, 500)),
]

OTHERS = [
    (kind, n, share)
    for kind in ("three spikes", "steep", "uneven", "loud signal", "tiny bulk", "strong", "faint")
    for n, share in ((P // 2, 0.5), (P // 2, 0.25), (5 * P // 4, 0.5))
]


def population(kind, p=P):
    """Eigenvalues and energies."""
    rank = np.arange(1, p + 1)
    d, e = np.ones(p), np.zeros(p)
    if kind == "isotropic":
        e[0] = 2.25
    elif kind == "spiked":
        d[0], e[0], e[1] = 5.0, 1.125, 1.125
    elif kind == "power law":
        d, e = 50 * rank**-1.2, 8 * rank**-1.5
    elif kind == "two levels":
        d, e = np.where(rank <= p // 2, 3.0, 0.1), np.full(p, 2.25 / p)
    elif kind == "weak directions":  # the signal lies where the noise is small
        d = np.geomspace(10.0, 0.1, p)
        e = np.where(rank > p // 2, 3.0 * d / (p // 2), 0.0)
    elif kind == "three spikes":
        d[:3], e[:] = (30.0, 10.0, 4.0), 0.5 / p
        e[0], e[2] = 3.0, 1.0
    elif kind == "steep":
        d, e = 30 * rank**-2.0, 10 * rank**-2.2
    elif kind == "uneven":
        rng = np.random.default_rng(11)
        d, e = rng.gamma(0.5, 2.0, p) + 0.02, 3 * rng.dirichlet(np.full(p, 0.3))
    elif kind == "loud signal":  # where the noise is large
        d, e = np.geomspace(20.0, 0.2, p), np.where(rank <= p // 4, 48.0 / p, 0.0)
    elif kind == "tiny bulk":
        d, e = np.where(rank <= 10, 5.0, 0.05), np.where(rank <= 10, 0.3, 0.32 / p)
    elif kind == "strong":
        e[0] = 9.0
    elif kind == "faint":
        e[0] = 0.25
    return d, e


def draw(d, e, n, share, rng):
    y = np.where(np.arange(n) < round(n * share), 1, -1)
    return y[:, None] * np.sqrt(e) + rng.normal(size=(n, d.size)) * np.sqrt(d), y


def study(kind, n, share, samples):
    d, e = population(kind)
    sizes = n * np.array(FACTORS)
    truth = asy.Spectrum(d, np.full(P, 1 / P), e, share)
    classifiers = [make(x) for make in (asy.Ridge, asy.Logistic) for x in PENALTIES]
    exact = np.array([asy.limit(truth, clf, P / sizes).accuracy for clf in classifiers])
    rng = np.random.default_rng([n, round(100 * share), *kind.encode()])
    ours, plug_in, hit, beyond = (np.zeros((samples, *exact.shape)) for _ in range(4))
    for t in range(samples):
        x, y = draw(d, e, n, share, rng)
        source, naive = asy.Spectrum.from_data(x, y), asy.GaussianMixture.from_data(x, y)
        for k, clf in enumerate(classifiers):
            curve = asy.learning_curve(source, clf, sizes)
            ours[t, k] = curve.accuracy
            hit[t, k] = (curve.low <= exact[k]) & (exact[k] <= curve.high)
            beyond[t, k] = curve.extrapolated
            plug_in[t, k] = asy.limit(naive, clf, P / sizes).accuracy
    rows = []
    for k, clf in enumerate(classifiers):
        for j, size in enumerate(sizes):
            errors, naive = ours[:, k, j] - exact[k, j], plug_in[:, k, j] - exact[k, j]
            rows.append(
                {
                    "classifier": type(clf).__name__,
                    "penalty": clf.penalty,
                    "size": size,
                    "accuracy": exact[k, j],
                    "bias": errors.mean(),
                    "rmse": np.sqrt(np.square(errors).mean()),
                    "plug_in_bias": naive.mean(),
                    "plug_in_rmse": np.sqrt(np.square(naive).mean()),
                    "coverage": hit[:, k, j].mean(),
                    "extrapolated": beyond[:, k, j].mean(),
                }
            )
    for row in rows:
        for name, value in row.items():
            row[name] = value if isinstance(value, str) else round(float(value), 6)
    return {"kind": kind, "n": n, "share": share, "samples": samples, "rows": rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=60)
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).with_name("estimation_study.json")
    )
    parser.add_argument("--others", action="store_true")
    arguments = parser.parse_args()
    found = []
    for kind, n, share in OTHERS if arguments.others else CASES:
        found.append(study(kind, n, share, arguments.samples))
        rows = found[-1]["rows"]
        inside = [row for row in rows if row["extrapolated"] == 0]
        print(
            f"{kind:<16} n = {n}, share {share}: |bias| <= "
            f"{max(abs(row['bias']) for row in inside):.4f}, rmse {np.mean([r['rmse'] for r in rows]):.4f}"
            f" (plug-in {np.mean([r['plug_in_rmse'] for r in rows]):.4f}), coverage "
            f"{np.mean([row['coverage'] for row in inside]):.3f}",
            flush=True,
        )
    if arguments.others:
        return
    columns = list(found[0]["rows"][0])
    lines = []
    for case in found:
        rows = ",\n  ".join(json.dumps([row[name] for name in columns]) for row in case.pop("rows"))
        lines.append(json.dumps(case)[:-1] + f', "rows": [\n  {rows}\n]}}')
    body = ",\n".join(lines)
    text = f'{{"columns": {json.dumps(columns)}, "cases": [\n{body}\n]}}\n'
    arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
