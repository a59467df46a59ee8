"""
Real images: before or after a trained projection head
======================================================

Two small SimCLR encoders, each trained with a linear projection head on images of Fashion-MNIST:
weak augmentation with temperature 0.1, strong augmentation with temperature 1
(:doc:`train_simclr`). Is a linear probe better before the head or after it? What does
``head_report`` say of it from a few hundred labels?

Strength and temperature decide the regime as theory says: the first head shrinks the direction
between two classes, the second expands it. And yet a probe after the head is worse in both. The
figure says why. Of the change from before to after, the gain along the classes *alone* costs
in the first and brings something in the second; but the rest of the head, its unequal gains over
all other directions, costs more, and at a fixed penalty so does the change of scale.

The left panels are probes really trained, and what the library predicts from 300 labels;
the right ones are the three parts of the change.
"""

# %%
# Two classes at a time
# ---------------------
# Features and head are scaled so that the mean variance within the classes is 1 before and after:
# one penalty then means the same on both sides. Of each pair of classes there are 1360
# images; training sets are drawn from them, and every probe is tested on all others.
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import asymptotics as asy

try:
    here = Path(__file__).parent
except NameError:  # in a notebook
    here = Path.cwd()
settings = {"weak_0.1": "weak augmentation, τ = 0.1", "strong_1.0": "strong augmentation, τ = 1"}
pairs = {(0, 6): "T-shirt/shirt", (2, 4): "pullover/coat", (0, 3): "T-shirt/dress"}
clf, sizes, trials = asy.Logistic(0.01), np.array([20, 60, 200, 600]), 40


def within(x, y):
    return np.mean([x[y == k].var(axis=0).mean() for k in (False, True)])


def load(setting, pair):
    with np.load(here / "data" / f"fashion_simclr_{setting}.npz") as file:
        rows = np.isin(file["labels"], pair)
        x, y = file["features"][rows].astype(float), file["labels"][rows] == pair[1]
        head = file["projector"].astype(float)
    x -= (x[y].mean(axis=0) + x[~y].mean(axis=0)) / 2
    x /= np.sqrt(within(x, y))
    return x, y, head / np.sqrt(within(x @ head.T, y))


def accuracies(tables, y, clf, n, rng):
    """Of probes on several images of the same n samples, on all other samples: (trials, images)."""
    found = np.empty((trials, len(tables)))
    for t in range(trials):
        order = rng.permutation(len(y))
        train, test = order[:n], order[n:]
        if y[train].all() or not y[train].any():
            train, test = np.r_[train, test[:1]], test[1:]
        for k, z in enumerate(tables):
            fit = clf.fit(z[train], np.where(y[train], 1.0, -1.0))
            found[t, k] = np.mean((z[test] @ fit.weights + fit.intercept > 0) == y[test])
    return found


# %%
# Probes, and what 300 labels say of them
# ---------------------------------------
# The three parts in between are those of ``before_and_after``: the head at gain 1 and at the old
# variance (*rest*), its gain restored (*gain*), its scale restored (*scale*). At gain 1 the head
# is divided by its gain along the difference of the class means of all images.
streams = iter(np.random.default_rng(0).spawn(100))
measured, reports, parts, predicted = {}, {}, {}, {}
for setting in settings:
    for pair in pairs:
        x, y, head = load(setting, pair)
        rng = next(streams)
        few = rng.permutation(len(y))[:300]
        reports[setting, pair] = asy.head_report(x[few], y[few], head, clf, sizes, rng=0)

        unit = x[y].mean(axis=0) - x[~y].mean(axis=0)
        unit /= np.linalg.norm(unit)
        along = np.linalg.norm(head @ unit)
        gain = along / np.sqrt((np.square(head).sum() - along**2) / (len(unit) - 1))
        levelled = head + (1 / gain - 1) * np.outer(head @ unit, unit)
        scale = np.sqrt(within(x @ levelled.T, y) / within(x, y))
        steps = [x, x @ levelled.T / scale, x @ head.T / scale, x @ head.T]
        measured[setting, pair] = np.stack([accuracies(steps, y, clf, n, rng) for n in sizes])

        with warnings.catch_warnings():  # all images there are: they stand for the population
            warnings.simplefilter("ignore", asy.PlugInWarning)
            mix = asy.GaussianMixture.from_data(x, y)
        theory = asy.before_and_after(mix, clf, x.shape[1] / sizes, asy.LinearMap(head))
        predicted[setting, pair] = np.stack([theory.rest_part, theory.gain_part, theory.scale_part])
        steps = np.diff(measured[setting, pair], axis=2)
        parts[setting, pair] = steps.mean(1).T, steps.std(1, ddof=1).T / np.sqrt(trials)

print("points            n   before   after ± s.e.  predicted [95 %]     rest    gain   scale")
for (setting, pair), report in reports.items():
    print(f"{settings[setting]}, {pairs[pair]}: gain {report.gain:.2f}, {report.regime}")
    for k, n in enumerate(sizes):
        found = measured[setting, pair][k]
        change = found[:, 3] - found[:, 0]
        rest, gained, scaled = 100 * parts[setting, pair][0][:, k]
        stderr = change.std(ddof=1) / np.sqrt(trials)
        print(
            f"{n:19d} {100 * found[:, 0].mean():8.1f} {100 * change.mean():+7.1f} ± "
            f"{100 * stderr:.1f}   {100 * report.difference[k]:+5.1f} "
            f"[{100 * report.low[k]:+.1f}, {100 * report.high[k]:+.1f}]"
            f"{rest:+9.1f} {gained:+7.1f} {scaled:+7.1f}"
        )

# %%
# The figure
# ----------
colours, width = ("#0072B2", "#D55E00", "#009E73"), 0.26
fig, axes = plt.subplots(2, 2, figsize=(9.0, 7.0), layout="constrained")
for (setting, title), (left, right) in zip(settings.items(), axes, strict=True):
    for p, pair in enumerate(pairs):
        report, found = reports[setting, pair], measured[setting, pair]
        change = 100 * (found[..., 3] - found[..., 0])
        beside = sizes * 1.06 ** (p - 1)
        left.fill_between(sizes, 100 * report.low, 100 * report.high, color=colours[p], alpha=0.12)
        left.plot(sizes, 100 * report.difference, color=colours[p], lw=1.4)
        error = 2 * change.std(axis=1, ddof=1) / np.sqrt(trials)
        left.errorbar(
            beside, change.mean(axis=1), error, fmt="o", color=colours[p], ms=5, capsize=2,
            label=f"{pairs[pair]}, gain {report.gain:.2f}",
        )  # fmt: skip
    left.axhline(0, color="#6B6B6B", lw=0.8)
    left.set(xscale="log", ylabel="after minus before (points)", xlabel="training labels")
    left.set_xticks(sizes, [f"{n}" for n in sizes])
    left.minorticks_off()
    left.legend(frameon=False, fontsize="small", loc="best")
    left.set_title(title, fontsize="medium")
    # the parts, means over the pairs, with few and with many labels
    names = ("rest", "gain", "scale")
    for j, k in enumerate((1, 3)):
        mean = 100 * np.mean([parts[setting, pair][0][:, k] for pair in pairs], axis=0)
        error = (
            100
            * np.sqrt(np.sum([parts[setting, pair][1][:, k] ** 2 for pair in pairs], axis=0))
            / len(pairs)
        )
        theory = 100 * np.mean([predicted[setting, pair][:, k] for pair in pairs], axis=0)
        at = np.arange(3) + (j - 0.5) * 1.3 * width
        right.bar(at, mean, width, yerr=2 * error, color=("#56B4E9", "#E69F00")[j], capsize=2,
                  label=f"trained, {sizes[k]} labels")  # fmt: skip
        right.plot(at, theory, "D", color="#222222", ms=5, label="predicted" if j else None)
    right.axhline(0, color="#6B6B6B", lw=0.8)
    right.set_xticks(np.arange(3), names)
    right.set_title("its parts, mean of the three pairs", fontsize="medium")
    right.legend(frameon=False, fontsize="small", loc="best")
for ax in axes.flat:
    ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# What this shows
# ---------------
# Weak augmentation at a low temperature shrinks, strong augmentation at a high one expands.
for (setting, _), report in reports.items():
    assert report.regime == ("shrinkage" if setting == "weak_0.1" else "expansion")

# %%
# After the head is worse than before it, in both regimes, on the mean of the pairs.
for setting in settings:
    change = [measured[setting, pair][..., 3] - measured[setting, pair][..., 0] for pair in pairs]
    means = np.mean([c.mean(axis=1) for c in change], axis=0)
    print(settings[setting], (100 * means).round(2))
    assert means.mean() < 0

# %%
# The interval of the report covers what was trained in most cases.
inside = []
for key, report in reports.items():
    change = np.mean(measured[key][..., 3] - measured[key][..., 0], axis=1)
    inside.append((report.low <= change) & (change <= report.high))
print(f"covered: {np.mean(inside):.0%}")
assert np.mean(inside) >= 0.9
