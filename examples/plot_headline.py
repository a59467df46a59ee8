"""
Shrinkage hinders, expansion improves
=====================================

The larger the gain of the signal, the more accurate the classifier behind the projector.

The accuracy of four classifiers behind a projector that stretches the signal by a gain: curves are
the limits, points are classifiers trained on 200 samples in 300 dimensions, without intercept, for
the classes are balanced. Behind deep shrinkage no classifier is better than a coin; behind strong
expansion they end where their loss and penalty let them, below the classifier that knows the
population.

``python -m asymptotics`` makes a finer figure of the same kind, with a table of all its points.
"""

# %%
# The numbers come from one function, the drawing from another.
import matplotlib.pyplot as plt
import numpy as np

from asymptotics import plots

study = plots.gain_curves(gains=np.geomspace(0.1, 10, 7), n=200, trials=24, rng=0)

fig, (upper, lower) = plt.subplots(
    2, 1, figsize=(6.4, 5.2), sharex=True, height_ratios=[4, 1.2], layout="constrained"
)
plots.plot_accuracy(study, ax=upper)
upper.set_xlabel("")
plots.plot_z_scores(study, ax=lower)
plt.show()

# %%
# Each point within four standard errors of its limit, and no curve that ever falls.
for curve in study.curves:
    print(f"{curve.label:<18} largest |z| = {np.abs(curve.z_score).max():.2f}")
    assert np.all(np.abs(curve.z_score) < 4)
    assert np.all(np.diff(curve.accuracy) > 0)
    assert curve.accuracy[-1] < study.bayes
