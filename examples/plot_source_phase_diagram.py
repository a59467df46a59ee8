"""
Shrinkage or expansion?
=======================

The phase diagram of contrastive training as it is done: cosine similarity, embeddings of length 1,
temperatures of order one. Weak augmentation or a low temperature shrinks the direction of the
signal, strong augmentation or a high temperature expands it, and above a threshold nothing else is
left. The setting is that of the diagram published with Gui, Ma, Zhong (arXiv:2306.03335): signal 5,
unit noise, 50 dimensions.
"""

import matplotlib.pyplot as plt
import numpy as np

import asymptotics as asy
from asymptotics import plots

# %%
# The three panels
# ----------------
# Left, the expansion measure, the signal's share of the energy of T times the dimension, in closed
# form; the solid curve is the threshold of the collapse, the dashed one that of gain 1. In the
# middle the same against the temperature, beside projectors trained on fresh batches, the loss at
# p = 50, and the published dots. Right, what that does to the accuracy of a ridge classifier on one
# labelled point for 50 dimensions; points are trained projectors with classifiers trained behind
# them.
study = plots.source_diagram(n=300, trials=30, rng=0)
fig, axes = plt.subplots(
    1, 3, figsize=(14, 4.2), layout="constrained", width_ratios=(1.15, 1, 1.15)
)
plots.plot_expansion(study, axes[0])
plots.plot_expansion_curves(study, axes[1])
plots.plot_accuracy_change(study, axes[2])
plt.show()

# %%
# What this shows
# ---------------
# The published thresholds, read off the figure at four augmentations, are those of the formula to
# 3 %.
mixture, spread = asy.SpikedMixture(5.0), np.array([0.4, 0.5, 0.6, 0.7])
threshold = asy.InfoNCE(spread, similarity="cosine", dimension=50).collapse_temperature(mixture)
print(threshold.round(2))
assert np.all(np.abs(threshold / [6.728, 4.623, 3.443, 2.737] - 1) < 0.03)

# %%
# Trained projectors are where the loss at p = 50 has its minimum, from temperatures on for which
# 1024 negatives are enough, up to the threshold; the formula for large p is a few per cent off
# where the temperature is of order one, and more next to the collapse and below 0.3.
a, tau, trained = study.trained.T
collapse = asy.InfoNCE(a, similarity="cosine", dimension=50).collapse_temperature(mixture)
some = (tau > 0.1) & (tau < 0.9 * collapse)
at = {"augmentation": a[some], "temperature": tau[some], "similarity": "cosine", "dimension": 50}
exact = asy.InfoNCE(**at, exact=True).expansion_measure(mixture)
formula = asy.InfoNCE(**at).expansion_measure(mixture)
print(np.abs(trained[some] / exact - 1).max().round(3), np.abs(formula / exact - 1).max().round(3))
assert np.all(np.abs(trained[some] / exact - 1) < 0.08)
middle = (tau[some] > 0.7) & (tau[some] < 0.7 * collapse[some])
assert np.all(np.abs(formula / exact - 1)[middle] < 0.15)

# %%
# In theory the projector helps exactly where it expands; the classifiers trained behind the trained
# projectors agree within four standard errors.
assert np.all((study.difference > 0) == (study.measure > 1))
assert np.all(np.abs(study.simulated - study.expected) < 4 * study.stderr)
