"""
What a training set costs
=========================

Least squares on a million points in a fraction of a second, by drawing its weights from their law.

Processor seconds to draw and train one classifier, against the number of points. A direct trial
draws every number of the training set and solves for the weights: it costs as the cube of n. The
exact law draws the trained weights of ridge, of the minimum-norm interpolator and of the centroid
from their law at this n, without the points, in time linear in n: a million points in half a
million dimensions take less than a second, and not 4 terabytes.
"""

# %%
import time

import matplotlib.pyplot as plt
import numpy as np

import asymptotics as asy

mixture, projector, ratio = asy.SpikedMixture(signal=1.5), asy.Expansion(2.0), 0.5
curves = {
    "ridge, direct": (asy.Ridge(0.1), "direct", [100, 300, 1000, 2000], "#222222", "o"),
    "logistic, direct": (asy.Logistic(0.1), "direct", [100, 300, 1000, 2000], "#D55E00", "s"),
    "SVM, direct": (asy.SVM(0.1), "direct", [100, 300, 1000, 2000], "#009E73", "D"),
    "ridge, exact law": (asy.Ridge(0.1), "exact-law", [10**k for k in range(3, 7)], "#0072B2", "^"),
}
seconds, simulations = {}, {}
for label, (clf, method, sizes, _, _) in curves.items():
    for n in sizes:
        trials = int(np.clip(20_000 // n if method == "direct" else 500_000 // n, 3, 60))
        times = []
        for _ in range(2):  # the first one warms up
            start = time.process_time()
            simulations[label, n] = asy.simulate(
                mixture, clf, ratio, n=n, trials=trials, projector=projector, method=method, rng=0
            )
            times.append((time.process_time() - start) / trials)
        seconds[label, n] = min(times)

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for label, (_, _, sizes, colour, marker) in curves.items():
    values = [seconds[label, n] for n in sizes]
    ax.loglog(sizes, values, color=colour, marker=marker, ms=5, lw=1.4, label=label)
last = seconds["ridge, exact law", 10**6]
ax.loglog([10**4, 10**6], [0.5 * last / 100, 0.5 * last], ":", color="#6B6B6B", lw=1)
ax.annotate("linear in n", (1.3e5, 0.03 * last), color="#6B6B6B")
ax.set(xlabel="points of a training set, n", ylabel="seconds a trial, one core, p = n/2")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False, loc="upper left")
plt.show()

# %%
# The numbers are those of real training sets, and as n grows they close in on the limit: the
# spread of a trial falls like :math:`n^{-1/2}`, to less than a thousandth at a million points.
limit = asy.limit(mixture, asy.Ridge(0.1), ratio, projector)
for n in curves["ridge, exact law"][2]:
    gap = np.abs(simulations["ridge, exact law", n].accuracy - limit.accuracy).max()
    print(f"n = {n:>7}: at most {gap:.1e} from the limit {limit.accuracy:.6f}")
    assert gap < 1.0 / np.sqrt(n)
