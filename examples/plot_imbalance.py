"""
Unequal classes: weights, or another intercept?
===============================================

With many samples class weights do what a moved intercept does; with few they do nothing.

One class in ten is rare. A classifier that is trained as usual answers with the frequent class too
often: its accuracy is high, and its balanced accuracy, the mean of the two recalls, is low. Two
cures are common. Class weights let an error on the rare class cost more while training. Or one
trains as usual, and moves the intercept afterwards.

With n far above p the two are equally good. With fewer samples they are not. In many dimensions a
classifier fits its training points by their own noise, whatever they weigh. So the intercept that
is best on the training set is not best on fresh data, and weights do not mend that: at p = 5n they
bring half a point of balanced accuracy, where a moved intercept brings twenty.

Accuracy is another question, and has a best intercept of its own. Where it is hard to tell the
classes apart, the best answer is the frequent class. With fewer than ten samples a dimension, class
weights raise accuracy as well: training as usual is that far off.
"""

# %%
# Limits, and training
# --------------------
import matplotlib.pyplot as plt
import numpy as np

import asymptotics as asy

mix, penalty, n, trials = asy.SpikedMixture(signal=1.5, balance=0.1), 0.1, 400, 40
ratios, few = np.geomspace(0.02, 8.0, 61), np.array([0.05, 0.25, 1.0, 4.0])
rules = {
    "trained as usual": asy.Logistic(penalty),
    "class weights": asy.Logistic(penalty, class_weight="balanced"),
}
limits = {name: asy.limit(mix, clf, ratios) for name, clf in rules.items()}
sims = {
    name: [asy.simulate(mix, clf, g, n=n, trials=trials, rng=0) for g in few]
    for name, clf in rules.items()
}

# What is shown: of which rule, and which of its numbers, for either score.
usual, weights = rules
rows = {
    "trained as usual": (usual, "balanced_accuracy", "accuracy"),
    "class weights": (weights, "balanced_accuracy", "accuracy"),
    "moved intercept": (usual, "best_balanced_accuracy", "best_accuracy"),
}


def trained(name, score):
    """Mean and standard error over the training sets, at each p/n."""
    values = np.array([getattr(sim, score) for sim in sims[name]])
    return values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(trials)


print(f"balanced accuracy in percent, limit (trained ± s.e. at n = {n})\n")
print(f"{'p/n':<7}" + "".join(f"{row:>22}" for row in rows))
for k, ratio in enumerate(few):
    cells = []
    for name, score, _ in rows.values():
        expected = getattr(asy.limit(mix, rules[name], ratio), score)
        mean, stderr = (100 * v[k] for v in trained(name, score))
        cells.append(f"{100 * expected:.1f} ({mean:.1f} ± {stderr:.1f})")
    print(f"{ratio:<7g}" + "".join(f"{cell:>22}" for cell in cells))

# %%
# Two scores
# ----------
fig, axes = plt.subplots(1, 2, figsize=(8.6, 3.9), layout="constrained", sharex=True)
colours = {"trained as usual": "#222222", "class weights": "#0072B2", "moved intercept": "#D55E00"}
for row, (name, *scores) in rows.items():
    for ax, score in zip(axes, scores, strict=True):
        ax.plot(ratios, 100 * getattr(limits[name], score), color=colours[row], label=row)
        mean, stderr = trained(name, score)
        ax.errorbar(few, 100 * mean, 200 * stderr, fmt="o", color=colours[row], ms=4, capsize=2)
axes[1].axhline(90, color="#777777", lw=0.9, ls=(0, (4, 2)))
axes[1].text(0.02, 90.1, "always the frequent class", va="bottom", fontsize=8)
for ax, title in zip(axes, ("Balanced accuracy", "Accuracy"), strict=True):
    ax.set_xscale("log")
    ax.set(xlabel="p/n", ylabel=f"{title.lower()} in percent", title=title)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.grid(alpha=0.25, lw=0.6)
axes[0].legend(frameon=False, fontsize=9)

# %%
# What holds
# ----------
# A moved intercept is nowhere worse than weights; the two meet where n is far above p; and training
# agrees with every curve, but for a bias of order 1/n.
best, weighted = limits[usual].best_balanced_accuracy, limits[weights].balanced_accuracy
assert np.all(best > weighted)
assert best[0] - weighted[0] < 0.005
assert (weighted - limits[usual].balanced_accuracy)[ratios > 5].max() < 0.01
assert (best - limits[usual].balanced_accuracy)[ratios > 5].min() > 0.15
for name, *scores in rows.values():
    for score in scores:
        expected = np.array([getattr(asy.limit(mix, rules[name], g), score) for g in few])
        mean, stderr = trained(name, score)
        assert np.all(np.abs(mean - expected) < 4 * stderr + 2 / n), (name, score)
plt.show()
