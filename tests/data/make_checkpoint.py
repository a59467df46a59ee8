"""Write checkpoint_0_1_0/: a folder of finished trials as version 0.1.0 left it.

Run with version 0.1.0 installed; what it simulates is `SETTING`, which
tests/simulation/running/test_stored_checkpoint.py repeats from the folder alone. The numbers it got
are in checkpoint_0_1_0.json.
"""

import json
from pathlib import Path

import numpy as np

import asymptotics as asy

HERE = Path(__file__).parent
FOLDER = HERE / "checkpoint_0_1_0"
NUMBERS = HERE / "checkpoint_0_1_0.json"

MIX = asy.SpikedMixture(1.5, spikes=[asy.Spike(2.0, 0.3)], balance=0.4)
# Of every kind that the name of an experiment is made of.
SETTINGS = {
    "exact law": (MIX, asy.Ridge(0.1), asy.Expansion(2.0), {"penalty": [0.1, 1.0]}),
    "direct": (MIX, asy.Logistic(0.5), asy.Power(-0.5), {"exponent": [-0.5, 0.2]}),
    "learned": (asy.SpikedMixture(1.5), asy.SVM(0.2), asy.PCAExpansion(2.0, 0.5), {"gain": [2.0]}),
    "time": (asy.SpikedMixture(1.5), asy.Centroid(), asy.InfoNCE(1.0), {"time": [0.5, np.inf]}),
}


def accuracies(name, folder):
    """The trials of a setting, those of the folder among them."""
    mix, clf, projector, grid = SETTINGS[name]
    found = asy.sweep(
        mix, clf, 0.5, grid=grid, n=40, trials=5, projector=projector, rng=7, checkpoint=folder
    )
    return found.simulated.values.tolist()


def main():
    numbers = {name: accuracies(name, FOLDER) for name in SETTINGS}
    NUMBERS.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
