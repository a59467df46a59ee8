"""Points of the phase diagram: augmentation, temperature, expansion measure at (s, σ, p) = (5, 1, 50).

What the figure draws beside the theory, as it is kept with its source in the tests' data, in
source_phase_diagram/.
"""

from __future__ import annotations

import numpy as np

__all__ = ["PUBLISHED", "TRAINED"]

# The dots that could be told apart in the right panel of the diagram published with Gui, Ma, Zhong,
# arXiv:2306.03335, read off its preview image to about 3 %.
PUBLISHED = np.array(
    [
        (0.4, 6.97801, 15.57),
        (0.5, 4.50972, 12.77),
        (0.6, 1.88359, 2.91),
        (0.6, 2.91452, 8.15),
        (0.7, 1.21732, 2.22),
        (0.7, 1.88359, 5.1),
        (0.7, 2.91452, 25.17),
        (0.7, 10.79726, 48.2),
        (0.7, 16.7069, 48.9),
        (0.7, 25.85103, 48.38),
        (0.7, 40.0, 47.68),
    ]
)
# Projectors trained by cosine InfoNCE on fresh batches, by make_source_training.py of the tests.
TRAINED = np.array(
    [
        (0.4, 0.01, 0.68396),
        (0.4, 0.0370464, 0.064941),
        (0.4, 0.137244, 0.088534),
        (0.4, 0.328592, 0.14984),
    ]
)
