"""
How fast finite n approaches the limit
======================================

The mean accuracy is off its limit by c/n, and a single training set by d/√n.

Accuracies of classifiers trained on n points, less their limit: the mean over training sets in the
first figure, the spread between them in the second. The square loss
and the centroids are drawn from their exact law, up to a million points; logistic regression is
trained on real points. An arrow stands where noise hides the bias: it begins at the largest that is
possible, by two standard errors.
"""

# %%
# Behind c/n the noise d/√n of one training set hides: it takes some n(d/c)² of them to see it, so
# that a bias is measured at small n, and the spread anywhere.
import matplotlib.pyplot as plt

import asymptotics as asy
from asymptotics import plots

mixture = asy.SpikedMixture(signal=1.5)
small = [50, 100, 200, 400, 800]
studies = {
    "centroid, p = n": asy.convergence(
        mixture, asy.Centroid(), 1.0, n=small, trials=[4000, 4000, 3000, 2000, 1500], rng=0
    ),
    "ridge, p = 2n": asy.convergence(
        mixture,
        asy.Ridge(0.1),
        2.0,
        n=[*small, 10**4, 10**5, 10**6],
        trials=[6000, 4000, 3000, 2000, 1000, 100, 30, 10],
        rng=0,
    ),
    "logistic, p = n": asy.convergence(
        mixture, asy.Logistic(0.1), 1.0, n=[30, 60, 120, 240], trials=[500, 400, 300, 200], rng=0
    ),
}

for draw in (plots.plot_bias, plots.plot_deviation):
    _, ax = plt.subplots(figsize=(5.6, 4.2), layout="constrained")
    draw(studies, ax=ax)
plt.show()

# %%
# The fitted exponents, with intervals of 95 %. That of the bias contains 1, and excludes that of
# the noise. The spread of the square loss has its exponent to a percent, over four decades.
for label, study in studies.items():
    low, high = study.rate_interval
    print(f"{label:<16} bias n^-{study.rate:.2f} [{low:.2f}, {high:.2f}]", end=", ")
    low, high = study.deviation_rate_interval
    print(f"deviation n^-{study.deviation_rate:.2f} [{low:.2f}, {high:.2f}]")
    assert study.status == "resolved"
    assert 0.5 < study.rate_interval[0] < 1 < study.rate_interval[1]
million = studies["ridge, p = 2n"]
assert abs(million.bias[-1]) < 1e-4
assert 0.48 < million.deviation_rate < 0.54
