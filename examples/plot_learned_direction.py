"""
A direction learned from unlabelled data
========================================

The top principal component holds nothing of the signal, or most of it, or the wrong direction.

A projector stretches the top principal component of N unlabelled points in p dimensions. With few
points (p/N large) the component is a random direction: where the excess of variance ℓ falls below
√(p/N), nothing of the signal is in it. Above, it is that of largest variance, and that need not be
the signal: where a spike of noise outranks it, more unlabelled points find the wrong direction
better. Curves are limits; points are real eigenvectors, and ridge regressions trained behind them.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import asymptotics as asy

classifier, gain, aspect_ratio, n, trials = asy.Ridge(1.0), 4.0, 1.0, 240, 40
p = round(aspect_ratio * n)
mixtures = {
    "signal alone": (asy.SpikedMixture(1.5), "#0072B2", "o"),
    "outranked by a tilted spike": (
        asy.SpikedMixture(1.5, spikes=[asy.Spike(4.0, 0.5)]),
        "#D55E00",
        "s",
    ),
    "outranked by an orthogonal spike": (
        asy.SpikedMixture(1.5, spikes=[asy.Spike(4.0)]),
        "#009E73",
        "^",
    ),
}
fine = np.geomspace(0.08, 60, 400)
ratios = np.array([0.1, 0.3, 1.0, 2.0, 4.0, 10.0, 40.0])

# %%
# Squared cosine with the signal, and accuracy
# --------------------------------------------
# First what the component has of the signal, then what stretching it by 4 does to the accuracy.
# Dashed lines: the signal itself is stretched. Dotted lines: nothing is.
(_, left), (_, right) = (plt.subplots(figsize=(5.6, 4.2), layout="constrained") for _ in range(2))
found = {}
for label, (mixture, colour, marker) in mixtures.items():
    curve = asy.PCAExpansion(gain, fine)
    alignment = curve.alignment(mixture) ** 2
    left.plot(fine, alignment, color=colour, lw=1.6)
    learned = [asy.PCAExpansion(gain, ratio) for ratio in ratios]
    squares = np.array(
        [[one.draw(mixture, p, rng=seed).right[0, 0] ** 2 for seed in range(20)] for one in learned]
    )
    style = {"color": colour, "ls": "", "marker": marker, "ms": 5, "mec": "white", "mew": 0.6}
    deviation = squares.std(1, ddof=1) / np.sqrt(20)
    left.errorbar(ratios, squares.mean(1), deviation, label=label, **style)

    accuracy = asy.limit(mixture, classifier, aspect_ratio, curve).accuracy
    right.plot(fine, accuracy, color=colour, lw=1.6)
    simulation = asy.simulate(
        mixture,
        classifier,
        aspect_ratio,
        n=n,
        trials=trials,
        projector=asy.PCAExpansion(gain, ratios),
        rng=0,
    )
    right.errorbar(ratios, simulation.mean, simulation.stderr, label=label, **style)
    for projector, dashes in ((asy.Expansion(gain), (0, (5, 3))), (None, (0, (1, 2)))):
        level = asy.limit(mixture, classifier, aspect_ratio, projector).accuracy
        right.axhline(level, color=colour, lw=0.9, ls=dashes, zorder=0)
    threshold = learned[0].direction(mixture).strength ** 2
    for ax in (left, right):
        ax.axvline(threshold, color=colour, lw=0.7, alpha=0.5, zorder=0)
    expected = asy.limit(mixture, classifier, aspect_ratio, asy.PCAExpansion(gain, ratios)).accuracy
    found[label] = (squares, simulation, expected, alignment, threshold)
left.set(ylabel="squared cosine with the signal", title="what the component finds", ylim=(-0.03, 1))
right.set(ylabel="accuracy", title=f"ridge, λ = 1, p/n = {aspect_ratio:g}, gain {gain:g}")
for ax in (left, right):
    ax.set(xscale="log", xlabel=r"dimensions per unlabelled point, $p/N$")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize="small")
plt.show()

# %%
# What this shows
# ---------------
# The vertical lines are the phase transitions, p/N = ℓ². Each simulated accuracy lies within four
# standard errors of its limit, and an allowance of 2/n for the bias of a finite sample.
for label, (squares, simulation, expected, alignment, threshold) in found.items():
    print(f"{label:<34} largest |z| = {np.abs(simulation.z_score(expected)).max():.2f}")
    off = np.abs(simulation.mean - expected)
    assert np.all(off < 4 * simulation.stderr + 2 / n)
    theory = asy.PCAExpansion(gain, ratios).alignment(mixtures[label][0]) ** 2
    error = squares.std(1, ddof=1) / np.sqrt(squares.shape[1])
    assert np.all(np.abs(squares.mean(1) - theory) < 4 * error + 10 / p)
    assert np.all(alignment[fine > threshold] == 0)

# %%
# A component that holds nothing but the orthogonal spike is as good as none. That of the signal
# alone closes nine tenths of the gap to the known direction with ten points a dimension; just above
# its transition it is worse than none. (Points lie a little below: the bias of a finite n.)
known = asy.limit(asy.SpikedMixture(1.5), classifier, aspect_ratio, asy.Expansion(gain)).accuracy
none = asy.limit(asy.SpikedMixture(1.5), classifier, aspect_ratio).accuracy
_, simulation, expected, *_ = found["signal alone"]
assert (expected[0] - none) / (known - none) > 0.9
assert expected[4] < none
assert simulation.mean[0] - none > 4 * simulation.stderr[0]
assert np.all(np.abs(found["outranked by an orthogonal spike"][2] - none) < 1e-9)
