"""
When expansion hurts
====================

Stretching a direction that is not quite the signal helps at first, and can then hurt.

A projector rarely finds the direction of the signal exactly. Stretching a direction that has cosine
c with it helps at first and can then hurt: the weights are tilted towards the noise that the
direction carries. How well it has to be aligned depends on how much there is to gain.
"""

import matplotlib.pyplot as plt
import numpy as np

import asymptotics as asy

mixture = asy.SpikedMixture(signal=1.5)
classifier, aspect_ratio = asy.Ridge(1.0), 2.0

# %%
# Rise and fall
# -------------
# Accuracy against the gain of a misaligned direction, with the best gain found from the exact
# derivative. Perfectly aligned, there is no best gain: more is always better.
gains = np.geomspace(0.2, 50, 300)
alignments = (0.2, 0.3, 0.4, 0.6)
colours = plt.get_cmap("viridis")(np.linspace(0.1, 0.8, len(alignments)))

_, left = plt.subplots(figsize=(5.6, 4.2), layout="constrained")
best = []
for colour, alignment in zip(colours, alignments, strict=True):
    direction = asy.Expansion(gains, alignment)
    accuracy = asy.limit(mixture, classifier, aspect_ratio, direction).accuracy
    left.plot(gains, accuracy, color=colour, label=f"c = {alignment:g}")
    best.append(asy.optimal_gain(mixture, classifier, aspect_ratio, asy.Expansion(1.0, alignment)))
    left.plot(best[-1].value, best[-1].accuracy, "o", color=colour, mec="white", ms=7)
left.axvline(1, color="0.4", lw=0.8, ls="--")
left.set(xscale="log", xlabel="gain", ylabel="accuracy", title="ridge, λ = 1, p/n = 2")
left.legend(frameon=False, title="alignment", loc="lower right")
left.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# Where help turns to harm
# ------------------------
# The alignment above which an expansion by 3 beats no projector at all. With many samples the
# classifier finds the signal by itself, and only a nearly perfect direction is worth stretching;
# with few, a rough one will do.
ratios = np.geomspace(0.05, 5, 50)
curves = {
    "ridge, λ = 1": asy.Ridge(1.0),
    "ridge, λ = 0.1": asy.Ridge(0.1),
    "logistic, λ = 0.1": asy.Logistic(0.1),
    "SVM, λ = 0.1": asy.SVM(0.1),
}
_, right = plt.subplots(figsize=(5.6, 4.2), layout="constrained")
critical = {}
for (label, clf), colour, style in zip(
    curves.items(), ("#CC79A7", "#882255", "#0072B2", "#D55E00"), ("-", "--", "-", "-"), strict=True
):
    found = asy.critical_alignment(mixture, clf, ratios, gain=3.0)
    critical[label] = found
    right.plot(ratios, found.alignment, style, color=colour, label=label)
right.set(
    xscale="log",
    xlabel="p/n",
    ylabel="critical alignment",
    ylim=(-0.02, 1),
    title="expansion by 3 helps above a curve",
)
right.legend(frameon=False, loc="upper right")
right.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# What this shows
# ---------------
# Each misaligned direction has a best gain, larger the better it is aligned; and for ridge with
# λ = 1 the alignment needed falls with p/n.
assert all(optimum.status == "interior" for optimum in best)
assert np.all(np.diff([optimum.value for optimum in best]) > 0)
assert np.all(np.diff(critical["ridge, λ = 1"].alignment) < 1e-12)
