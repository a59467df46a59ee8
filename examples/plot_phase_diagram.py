"""
When contrastive training helps
===============================

Trained for a while, a projector hurts where augmentation and temperature are low, and helps above.

A linear projector is trained by InfoNCE for a finite time, then a logistic classifier is trained
behind it. Weak augmentation shrinks the direction of the signal and costs accuracy; strong
augmentation, or a high temperature, expands it and adds some. Colour is theory; points are
projectors trained by gradient descent, with classifiers trained behind them.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import CenteredNorm

import asymptotics as asy

mixture, classifier, aspect_ratio, time = asy.SpikedMixture(1.5), asy.Logistic(0.1), 0.5, 10.0

# %%
# Theory
# ------
# The accuracy after the projector minus the accuracy before it, in percentage points, and the
# boundary between shrinkage and expansion: that between harm and help.
augmentations, temperatures = np.geomspace(0.2, 3.2, 60), np.geomspace(5, 100, 60)
theory = asy.before_and_after(
    mixture,
    classifier,
    aspect_ratio,
    asy.InfoNCE(augmentations, temperatures[:, None], time=time),
)
boundary = asy.InfoNCE(augmentations, time=time).boundary(
    mixture, "temperature", bounds=(temperatures[0], temperatures[-1])
)

# %%
# Experiment
# ----------
# Gradient descent from T = I on fresh pairs, for the same time. With an isotropic bulk the gain is
# the same in every dimension, so it is trained in three: there a thousand negatives are enough,
# while in p dimensions a weak augmentation needs their number to grow like exp(p). The classifiers
# then get that gain in 100 dimensions.
trained_at = {
    0.3: ((6, 11, 17, 28, 70), "#D55E00", "o"),
    0.8: ((6, 12, 20, 28, 70), "#0072B2", "s"),
    2.0: ((6, 17, 70), "#444444", "^"),
}
settings = [(a, float(tau)) for a, (taus, *_) in trained_at.items() for tau in taus]
step = 0.25
gains = np.array(
    [
        asy.train_projector(
            mixture,
            augmentation,
            temperature=temperature,
            batch_size=1000,
            steps=round(time / step),
            optimiser="gradient-descent",
            learning_rate=step,
            dimension=3,
            rng=seed,
        ).gain_along([1.0, 0.0, 0.0])
        for seed, (augmentation, temperature) in enumerate(settings)
    ]
)
# The first element is gain 1, no projector: all learn from the same draws, so that differences are
# free of most of their noise.
simulated = asy.simulate(
    mixture,
    classifier,
    aspect_ratio,
    n=200,
    trials=50,
    projector=asy.Expansion(np.concatenate([[1.0], gains])),
    rng=1,
)
differences = 100 * (simulated.accuracy[:, 1:] - simulated.accuracy[:, :1])
mean = differences.mean(0)
stderr = differences.std(0, ddof=1) / np.sqrt(len(differences))
a, tau = np.array(settings).T
expected = asy.before_and_after(mixture, classifier, aspect_ratio, asy.InfoNCE(a, tau, time=time))

# %%
# Figure
# ------
fig, left = plt.subplots(figsize=(5.6, 4.2), layout="constrained")
norm = CenteredNorm(0.0, 3.5)
mesh = left.pcolormesh(
    augmentations,
    temperatures,
    100 * theory.difference,
    cmap="RdBu",
    norm=norm,
    shading="gouraud",
    rasterized=True,
)
left.contour(
    augmentations, temperatures, theory.difference, levels=[0.0], colors="black", linewidths=1.6
)
left.plot(augmentations, boundary.value, ls=":", color="white", lw=1.6)
for augmentation, (_, _, marker) in trained_at.items():
    some = a == augmentation
    left.scatter(
        a[some], tau[some], c=mean[some], cmap="RdBu", norm=norm, marker=marker, s=62,
        edgecolors="black", linewidths=1.1, zorder=3,
    )  # fmt: skip
left.text(0.42, 8.2, "shrinkage hurts", ha="center", color="black")
left.text(1.0, 43, "expansion helps", ha="center", color="black")
left.set(
    xscale="log",
    yscale="log",
    xlabel="augmentation $\\sigma_a$",
    ylabel="temperature $\\tau$",
    title=f"gradient flow to time {time:g}",
    xlim=(0.2, 3.2),
    ylim=(5, 100),
)
left.set_xticks([0.2, 0.5, 1, 2], ["0.2", "0.5", "1", "2"])
left.set_yticks([5, 10, 20, 50, 100], ["5", "10", "20", "50", "100"])
left.minorticks_off()
fig.colorbar(mesh, ax=left, label="accuracy after - before, points", pad=0.02)

_, right = plt.subplots(figsize=(5.6, 4.2), layout="constrained")
line = np.geomspace(5, 100, 120)
for augmentation, (_, colour, marker) in trained_at.items():
    curve = asy.before_and_after(
        mixture, classifier, aspect_ratio, asy.InfoNCE(augmentation, line, time=time)
    )
    right.plot(line, 100 * curve.difference, color=colour)
    some = a == augmentation
    right.errorbar(
        tau[some], mean[some], 2 * stderr[some], fmt=marker, color=colour, mec="white", ms=7,
        label=f"$\\sigma_a$ = {augmentation:g}",
    )  # fmt: skip
right.axhline(0, color="0.3", lw=0.8)
right.set(
    xscale="log",
    xlabel="temperature $\\tau$",
    ylabel="accuracy after - before, points",
    title="theory, and trained ± 2 standard errors",
)
right.set_xticks([5, 10, 20, 50, 100], ["5", "10", "20", "50", "100"])
right.minorticks_off()
right.legend(frameon=False, loc="lower right")
right.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# What this shows
# ---------------
# In theory the projector helps where it expands the signal and hurts where it shrinks it, without
# exception; trained projectors and classifiers agree within four standard errors, and 0.25 points
# for the finite step, batch and n.
helps = np.where(theory.regime == "expansion", 1, -1)
assert np.all(np.sign(theory.difference) == helps)
assert {"expansion", "shrinkage"} == set(theory.regime.ravel())
off = np.abs(mean - 100 * expected.difference)
assert np.all(off < 4 * stderr + 0.25), off
clear = np.abs(expected.difference) > 0.003
assert clear.sum() >= 10
assert np.all(np.sign(mean[clear]) == np.where(expected.regime[clear] == "expansion", 1, -1))
