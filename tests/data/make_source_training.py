"""Write source_phase_diagram/trained.csv and pairs.csv: projectors trained by cosine InfoNCE.

    python tests/data/make_source_training.py

About ten minutes on one core. The setting is that of the published phase diagram: s = 5, σ = 1, p = 50. `trained.csv`: fresh
batches of 1024 pairs, 400 steps of Adam from T = I; in a collapse 1500 steps on 512. `pairs.csv`: at (σ_a, τ) = (0.7, 1) the minimum for so many fixed pairs, in batches of
1000, by L-BFGS; the last row is fresh batches.
"""

import csv
from pathlib import Path

import numpy as np

import asymptotics as asy

FOLDER = Path(__file__).parent / "source_phase_diagram"
MIX, P = asy.SpikedMixture(5.0), 50
AUGMENTATIONS = (0.4, 0.5, 0.6, 0.7)
# thirteen of the twenty temperatures of the published heat map
TEMPERATURES = np.geomspace(0.01, 40.0, 20)[[0, 3, 6, 8, 10, 11, 12, 13, 14, 15, 16, 17, 19]]
SIGNAL = np.eye(P)[0]
COMMON = {"similarity": "cosine", "dimension": P}


def write(name, rows):
    with (FOLDER / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def trained():
    rows = []
    for augmentation in AUGMENTATIONS:
        for temperature in TEMPERATURES:
            loss = asy.InfoNCE(augmentation, temperature, "cosine", dimension=P)
            # a collapse takes long, and the loss is flat there: more and shorter steps
            collapsed = loss.regime(MIX) == "collapse"
            how = {"batch_size": 1024, "steps": 400, "learning_rate": 0.05}
            if collapsed:
                how = {"batch_size": 512, "steps": 1500, "learning_rate": 0.01}
            run = asy.train_projector(
                MIX, augmentation, temperature=temperature, rng=len(rows), **how, **COMMON
            )
            rows.append({
                "augmentation": augmentation,
                "temperature": f"{temperature:.6g}",
                "expansion": f"{run.expansion_measure(SIGNAL):.5g}",
                "residual": f"{run.residual:.2g}",
            })  # fmt: skip
            yield rows


def pairs():
    rows = []
    for count in (1500, 6000, 24000, 96000):
        size = 1500 if count == 1500 else 1000
        gains = [
            asy.train_projector(
                MIX,
                0.7,
                batch_size=size,
                batches=count // size,
                optimiser="l-bfgs",
                steps=60,
                rng=seed,
                **COMMON,
            ).gain_along(SIGNAL)
            ** 2
            for seed in range(2 if count < 90000 else 1)
        ]
        rows.append({"pairs": count, "squared_gain": f"{np.mean(gains):.4f}"})
    gains = [
        asy.train_projector(
            MIX, 0.7, batch_size=1000, steps=500, learning_rate=0.1, rng=seed, **COMMON
        ).gain_along(SIGNAL)
        ** 2
        for seed in range(2)
    ]
    rows.append({"pairs": 1000 * 500, "squared_gain": f"{np.mean(gains):.4f}"})
    return rows


if __name__ == "__main__":
    write("pairs.csv", pairs())
    for rows in trained():
        write("trained.csv", rows)
