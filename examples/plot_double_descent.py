"""
Double descent, with and without a projector
============================================

At p = n least squares is no better than a coin, and a projector changes what comes after.

Least squares without a penalty, against the number of dimensions for each sample. At
:math:`p = n` it just about interpolates the labels, and its accuracy falls to that of a coin;
beyond, the interpolator of minimum norm recovers. A projector that expands the signal changes
nothing as long as there are more samples than dimensions: the fit undoes it. Above, the norm
decides among many interpolators, and there expansion helps. A ridge penalty takes the dip away.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import asymptotics as asy

mixture = asy.SpikedMixture(signal=1.5)
curves = {
    "minimum norm, gain 1": (asy.MinNorm(fit_intercept=False), 1.0, "#222222", "o"),
    "minimum norm, gain 2": (asy.MinNorm(fit_intercept=False), 2.0, "#0072B2", "^"),
    "ridge, λ = 1, gain 1": (asy.Ridge(1.0, fit_intercept=False), 1.0, "#D55E00", "s"),
}
n, trials = 250, 24
ratios = np.array([0.1, 0.25, 0.5, 0.8, 1.25, 2.0, 4.0, 10.0])
fine = np.concatenate([np.geomspace(0.08, 0.999, 150), np.geomspace(1.001, 12.5, 150)])

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
limits, gaps = {}, {}
streams = iter(np.random.default_rng(0).spawn(len(curves) * len(ratios)))
for label, (clf, gain, colour, marker) in curves.items():
    projector = asy.Expansion(gain)
    limits[label] = asy.limit(mixture, clf, fine, projector).accuracy
    expected = asy.limit(mixture, clf, ratios, projector).accuracy
    simulations = [
        asy.simulate(
            mixture, clf, ratio, n=n, trials=trials, projector=projector, rng=next(streams)
        )
        for ratio in ratios
    ]
    means = np.array([simulation.mean for simulation in simulations])
    stderr = np.array([simulation.stderr for simulation in simulations])
    gaps[label] = np.abs(means - expected) / (4 * stderr + 1 / n)
    dashes = "--" if gain > 1 else "-"  # the curve beneath stays in sight
    ax.plot(fine, limits[label], dashes, color=colour, lw=1.4)
    ax.errorbar(
        ratios,
        means,
        2 * stderr,
        fmt=marker,
        color=colour,
        ms=5,
        capsize=2,
        elinewidth=1,
        label=label,
    )
ax.axvline(1, color="#6B6B6B", lw=0.9, ls=":")
ax.set(xscale="log", xlabel="dimensions for each sample, p/n", ylabel="accuracy on fresh data")
ax.set_xticks([0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"])
ax.minorticks_off()
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False, loc="lower left")
plt.show()

# %%
# Below p = n the two curves of the interpolator are one; above, expansion is better; and the
# simulation agrees, to four standard errors and the 1/n by which n samples may differ from the
# limit.
plain, expanded = limits["minimum norm, gain 1"], limits["minimum norm, gain 2"]
assert np.allclose(plain[fine < 1], expanded[fine < 1], rtol=1e-12)
assert np.all(expanded[fine > 1] > plain[fine > 1])
for label, gap in gaps.items():
    print(f"{label}: at most {gap.max():.0%} of the allowance")
    assert np.all(gap < 1)
