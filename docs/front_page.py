"""The four pictures of the front page, drawn at each build from the line that is printed there."""

from pathlib import Path

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

import asymptotics as asy
from asymptotics.plots.style import COLOURS, FAINT, INK


def gain(ax):
    mixture, gains = asy.SpikedMixture(signal=1.5), np.geomspace(0.2, 5, 200)
    classifiers = {"logistic": asy.Logistic(0.1), "SVM": asy.SVM(0.1), "ridge": asy.Ridge(0.1)}
    for colour, (label, classifier) in zip(COLOURS, classifiers.items(), strict=False):
        # line: gain
        after = asy.limit(mixture, classifier, aspect_ratio=1.5, projector=asy.Expansion(gains))
        # drawn
        ax.plot(gains, after.accuracy, color=colour, lw=2, label=label)
    ax.axvspan(0.2, 1, color=COLOURS[1], alpha=0.08, lw=0)
    ax.axvspan(1, 5, color=COLOURS[0], alpha=0.08, lw=0)
    ax.text(0.45, 0.57, "shrinkage", ha="center", color=FAINT)
    ax.text(2.2, 0.57, "expansion", ha="center", color=FAINT)
    ax.set(xscale="log", xlim=(0.2, 5), xlabel="gain of the projector", ylabel="accuracy")
    ax.set_xticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
    ax.minorticks_off()
    ax.legend(frameon=False, loc="upper left")


def regime(ax):
    mixture = asy.SpikedMixture(signal=5.0)
    sigma_a, tau = np.linspace(0.25, 1.2, 160), np.geomspace(0.1, 10, 160)[:, None]
    # line: regime
    loss = asy.InfoNCE(sigma_a, tau, similarity="cosine", dimension=50)
    measure = loss.expansion_measure(mixture)
    # drawn
    mesh = ax.pcolormesh(
        sigma_a, tau[:, 0], measure, norm=LogNorm(1 / 50, 50), cmap="RdBu", rasterized=True
    )
    ax.contour(sigma_a, tau[:, 0], measure, levels=[1.0], colors=INK, linestyles="--")
    ax.plot(sigma_a, asy.InfoNCE(sigma_a, similarity="cosine", dimension=50)
            .collapse_temperature(mixture), color=INK, lw=1.6)  # fmt: skip
    ax.text(0.45, 0.25, "shrinkage", ha="center", color="white")
    ax.text(0.86, 0.75, "expansion", ha="center", color=INK)
    ax.text(0.95, 5.2, "collapse", ha="center", color="white")
    ax.set(yscale="log", ylim=(0.1, 10), xlabel="augmentation σₐ", ylabel="temperature τ")
    ax.set_yticks([0.1, 1, 10], ["0.1", "1", "10"])
    ax.minorticks_off()
    bar = ax.figure.colorbar(mesh, ax=ax, label="expansion measure", ticks=[0.1, 1, 10])
    bar.ax.set_yticklabels(["0.1", "1", "10"])
    bar.ax.minorticks_off()


def labels(ax):
    rng, dimension = np.random.default_rng(3), 200
    y = rng.choice([-1, 1], size=300)
    features = rng.standard_normal((300, dimension)) / np.sqrt(np.linspace(0.4, 4, dimension))
    features[:, :5] += 0.6 * y[:, None]
    samples = np.geomspace(40, 3000, 30).round().astype(int)
    # line: labels
    spectrum = asy.Spectrum.from_data(features, y)
    curve = asy.learning_curve(spectrum, asy.Logistic(0.1), samples=samples)
    # drawn
    ax.fill_between(samples, curve.low, curve.high, color=COLOURS[0], alpha=0.18, lw=0)
    ax.plot(samples, curve.accuracy, color=COLOURS[0], lw=2)
    ax.axvline(300, color=FAINT, ls=":", lw=1.2)
    ax.text(320, curve.low.min(), "labels at hand", color=FAINT, va="bottom")
    ax.set(xscale="log", xlabel="labels n", ylabel="accuracy, 95 %")
    ax.set_xticks([50, 200, 1000, 3000], ["50", "200", "1000", "3000"])
    ax.minorticks_off()


def dimensions(ax):
    mixture, classifier = asy.SpikedMixture(signal=1.5), asy.MinNorm(fit_intercept=False)
    fine = np.concatenate([np.geomspace(0.08, 0.998, 200), np.geomspace(1.002, 12, 200)])
    ax.plot(fine, asy.limit(mixture, classifier, fine).accuracy, color=COLOURS[0], lw=2)
    for ratio in (0.1, 0.2, 0.4, 0.7, 1.4, 2.5, 5.0, 10.0):
        # line: dimensions
        trained = asy.simulate(mixture, classifier, ratio, n=400, trials=30, rng=0)
        # drawn
        ax.errorbar(ratio, trained.mean, 2 * trained.stderr, fmt="o", ms=6, color=COLOURS[1])
    ax.set(xscale="log", xlabel="dimensions for each label, p/n", ylabel="accuracy")
    ax.set_xticks([0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"])
    ax.minorticks_off()


def draw(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for picture in (gain, regime, labels, dimensions):
        figure = Figure(figsize=(4.8, 3.0), dpi=200, layout="constrained")
        ax = figure.subplots()
        picture(ax)
        ax.spines[["top", "right"]].set_visible(False)
        figure.savefig(folder / f"{picture.__name__}.png")


# The gallery is read in this order; an example that is not in it comes last, by its name.
READING = (
    "headline",
    "source_phase_diagram",
    "phase_diagram",
    "when_expansion_hurts",
    "learned_direction",
    "double_descent",
    "digits",
    "ten_digits",
    "imbalance",
    "learning_curve",
    "simclr",
    "train_simclr",
    "contrastive_digits",
    "convergence",
    "cost",
)


def reading_order(path: str) -> tuple[int, str]:
    name = Path(path).stem.removeprefix("plot_")
    return (READING.index(name) if name in READING else len(READING), name)
