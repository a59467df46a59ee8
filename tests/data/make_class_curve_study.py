"""Learning curves of several classes against the truth: bias, error and coverage, a row a case.

    python tests/data/make_class_curve_study.py

prints the table of docs/from_features.rst; about a quarter of an hour on one core.
"""

import numpy as np

import asymptotics as asy

P, TRIALS = 200, 40
FACTORS = np.array([0.25, 1.0, 4.0])
CLASSIFIERS = (asy.Ridge(0.1), asy.Ridge(1.0))


def populations():
    rng = np.random.default_rng(3)
    yield "three, equidistant", asy.ClassMixture.simplex(3, 2.5)
    means = 1.5 * rng.normal(size=(4, 3))
    yield "four, unequal", asy.ClassMixture(means, priors=[0.4, 0.3, 0.2, 0.1])
    spread = np.diag(np.geomspace(4.0, 0.25, 12))
    yield "three, spread", asy.ClassMixture(np.eye(3, 12) * 2.0, spread)
    yield "five, weak", asy.ClassMixture.simplex(5, 1.5)


def study(mix, n):
    sizes = n * FACTORS
    true = [asy.limit(mix, clf, P / sizes).accuracy for clf in CLASSIFIERS]
    misses, hits, inside, naive = [], [], [], []
    for trial in range(TRIALS):
        features, labels = mix.sample(n, P, 1000 + trial, fixed_counts=True)
        source = asy.Spectrum.from_data(features, labels)
        plug_in = asy.GaussianMixture.from_data(features, labels)
        for clf, exact in zip(CLASSIFIERS, true, strict=True):
            curve = asy.learning_curve(source, clf, sizes)
            misses.append(curve.accuracy - exact)
            hits.append((curve.low <= exact) & (exact <= curve.high))
            inside.append(~curve.extrapolated)
            naive.append(asy.limit(plug_in, clf, P / sizes).accuracy - exact)
    miss, hit, kept = (np.array(values) for values in (misses, hits, inside))
    count = len(CLASSIFIERS)
    bias = [
        abs(miss[k::count, j][kept[k::count, j]].mean())
        for k in range(count)
        for j in range(FACTORS.size)
        if kept[k::count, j].mean() > 0.5
    ]
    error, plugged = (np.sqrt(np.mean(np.square(v))) for v in (miss, naive))
    return max(bias), error, plugged, hit[kept].mean()


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore", asy.PlugInWarning)
    for name, mix in populations():
        for n in (P // 2, 5 * P // 4, 4 * P):
            row = study(mix, n)
            print(f"{name:20s} {n:5d}", *(f"{v:.3f}" for v in row), flush=True)
