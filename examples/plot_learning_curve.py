"""
Learning curves from a few hundred labels
=========================================

Three hundred labelled digits, each described by five hundred random ReLU features: fewer samples
than dimensions. How accurate will a probe be with four times as many labels, and how many does an
accuracy take? The plug-in, the limit for the sample's own means and covariance, is of no use here.
``Spectrum.from_data`` reads off the sample what is consistent, and a learning curve has a band.

Its centre is that of a Gaussian model, one point too optimistic on these images. Anchored
at a cross-validation of the same probe, it is within the noise of that.
"""

# %%
# Even against odd digits
# -----------------------
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

import asymptotics as asy
from asymptotics import plots

pixels, digit = load_digits(return_X_y=True)
y = digit % 2 == 0
rng = np.random.default_rng(0)
features = np.maximum((pixels - pixels.mean(0)) @ rng.normal(size=(64, 500)), 0)
features /= np.sqrt(np.mean([features[y == k].var(0).mean() for k in (False, True)]))

given = rng.permutation(len(y))[:300]
x, labels = features[given], y[given]
clf = asy.Logistic(0.1)
sizes = np.geomspace(40, 1600, 17)

source = asy.Spectrum.from_data(x, labels)
curve = asy.learning_curve(source, clf, sizes)

# %%
# scikit-learn's C is 1/(nλ); five folds of 300 train on 240 each.
probe = LogisticRegression(C=1 / (240 * clf.penalty), max_iter=5000)
measured = cross_val_score(probe, x, labels, cv=5).mean()
anchored = asy.learning_curve(source, clf, sizes, cross_validated=measured)
print(f"cross-validation: {measured:.3f}")
for accuracy in (0.93, 0.96):
    print(asy.samples_needed(source, clf, accuracy, cross_validated=measured))

with warnings.catch_warnings():  # that there are too few samples for it is the point
    warnings.simplefilter("ignore", asy.PlugInWarning)
    plug_in = asy.GaussianMixture.from_data(x, labels)
naive = asy.limit(plug_in, clf, 500 / sizes).accuracy

# %%
# What is true
# ------------
# Probes trained on other draws of n' digits, each tested on all that it has not seen.
trained, trials = np.array([40, 80, 160, 300, 600, 1200]), 30
truth = np.empty((len(trained), trials))
for k, n in enumerate(trained):
    for t in range(trials):
        order = rng.permutation(len(y))
        train, test = order[:n], order[n:]
        middle = (features[train][y[train]].mean(0) + features[train][~y[train]].mean(0)) / 2
        fit = clf.fit(features[train] - middle, np.where(y[train], 1.0, -1.0))
        scores = (features[test] - middle) @ fit.weights + fit.intercept
        truth[k, t] = np.mean((scores > 0) == y[test])
mean, stderr = truth.mean(1), truth.std(1, ddof=1) / np.sqrt(trials)

# %%
# The figure
# ----------
fig, ax = plt.subplots(figsize=(6.8, 4.4), layout="constrained")
plots.plot_learning_curve({"from 300 labels": curve, "anchored": anchored}, ax)
ax.plot(sizes, naive, color="#6B6B6B", lw=1.2, ls=(0, (1, 1.5)), label="plug-in")
ax.errorbar(trained, mean, 2 * stderr, fmt="o", color="#222222", ms=5, capsize=2, label="trained")
ax.legend(frameon=False, loc="lower right")
plt.show()

# %%
# What this shows
# ---------------
at = [asy.learning_curve(source, clf, trained, cross_validated=m) for m in (None, measured)]
for name, found in zip(("plain", "anchored"), at, strict=True):
    print(f"{name:<9}", (100 * (found.accuracy - mean)).round(1), "points too many")
naive = asy.limit(plug_in, clf, 500 / trained).accuracy
print("plug-in  ", (100 * (naive - mean)).round(1))

# %%
# Both are closer to the truth than the plug-in everywhere, and the anchored band holds it.
for found in at:
    assert np.all(np.abs(found.accuracy - mean) < np.abs(naive - mean))
assert np.all((at[1].low <= mean + 2 * stderr) & (mean - 2 * stderr <= at[1].high))
