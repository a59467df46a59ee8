"""Monte Carlo: training sets drawn, classifiers trained, accuracies computed exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import Array, check_flag, check_integer
from ..classifiers import Classifier
from ..populations.base import Population
from ..projectors import Projector
from ..questions.imbalance import warn_of_imbalance
from ..randomness import root_sequence
from .experiment import Experiment
from .result import Simulation
from .running.collect import check_n_jobs, collect

__all__ = ["simulate"]


def simulate(
    mix: Population,
    clf: Classifier,
    aspect_ratio: float | None = None,
    *,
    n: int = 400,
    trials: int = 60,
    projector: Projector | None = None,
    rng: Any = None,
    method: str = "auto",
    fixed_counts: bool = False,
    n_jobs: int | None = None,
    progress: bool = False,
) -> Simulation:
    r"""The accuracy of a classifier trained on real draws of a projected mixture.

    Each trial draws n labelled points, projects them, trains the scikit-learn estimator of `clf`
    and scores the weights w and intercept b that it finds by the exact

    .. math::
        \pi\,\Phi\big((m + b)/\sqrt q\big) + (1 - \pi)\,\Phi\big((m - b)/\sqrt q\big), \qquad
        m = \langle w, T\mu\rangle, \quad q = w^\top T \Sigma T^\top w,

    so that no test set adds its noise. Where the exact law applies, w and b are drawn from the
    law that this gives them, and the training set is not.

    Numeric parameters of the mixture, the classifier and the projector broadcast together, and
    each trial serves all of them: its random numbers become the training set of every element, so
    that elements are compared without the chance of the draw. The trials of an element are to the
    last bit those of its own simulation from the same `rng` by the same method.

    Parameters
    ----------
    mix : SpikedMixture, GaussianMixture or Spectrum
        The law of the representation.
    clf : classifier
    aspect_ratio : float, optional
        γ = p/n > 0; p is rounded to an integer. May be left out where the dimension is fixed, by a
        :class:`GaussianMixture` or a :class:`LinearMap`, and has to agree with it.
    n : int, default 400
        Size of a training set, at least 2.
    trials : int, default 60
        Number of training sets.
    projector : projector, optional
        Applied to the representation before training; :class:`Identity` by default.
    rng : int, SeedSequence, Generator or None
        The same int or SeedSequence gives the same result, to the last bit, for every `n_jobs` and
        order of execution. A Generator spawns a child, so that a second call differs.
    method : {"auto", "direct", "exact-law"}
        How training sets are drawn. "direct" draws every number. "exact-law" draws the trained
        weights from their law at this n and p, without the data, in time linear in n: for
        :class:`Ridge` (of penalty 0, or not vanishingly small), :class:`MinNorm` and
        :class:`Centroid` on a :class:`SpikedMixture` behind any projector but a
        :class:`LinearMap` or one learned from data, and for :class:`Ridge` on a
        :class:`ClassMixture` without labels behind the same. "auto" takes it wherever it applies,
        and "direct" elsewhere.
    fixed_counts : bool, default False
        Draw exactly round(nπ) training points of class +1 (ties to even) instead of each label by
        chance. The limit is the same, and the chance of the counts, of order 1/√n, is gone: see
        :class:`ImbalanceWarning` for where it matters.
    n_jobs : int, optional
        Number of parallel workers, as in joblib, with the backend set by the caller's
        ``joblib.parallel_config``, and never more than trials to do. BLAS gets one thread in each.
    progress : bool, default False
        Show a progress bar that counts trials.

    Returns
    -------
    Simulation

    Raises
    ------
    TypeError, ValueError
        For invalid input, for "exact-law" where it does not apply, and for a training set on which
        the classifier does not exist: of one class only, or not separable for :class:`MaxMargin`.
    ConvergenceError
        If the estimator did not converge.

    Warns
    -----
    ImbalanceWarning
        If n is too small for the limit, by the chance of the class counts alone.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix, clf, proj = asy.SpikedMixture(signal=1.5), asy.Logistic(0.1), asy.Expansion(3.0)
    >>> sim = asy.simulate(mix, clf, aspect_ratio=0.5, n=200, trials=20, projector=proj, rng=0)
    >>> bool(abs(sim.z_score(asy.limit(mix, clf, 0.5, proj))) < 4)
    True
    >>> clf = asy.Ridge([0.01, 0.1, 1.0])
    >>> asy.simulate(mix, clf, aspect_ratio=0.5, n=200, trials=20, rng=0).mean.round(2)
    array([0.83, 0.86, 0.9 ])
    """
    experiment = Experiment.of(
        mix,
        clf,
        aspect_ratio,
        n=n,
        projector=projector,
        method=method,
        fixed_counts=fixed_counts,
    )
    trials = check_integer("trials", trials, 1)
    check_n_jobs(n_jobs)
    progress = check_flag("progress", progress)
    root = root_sequence(rng)
    e = experiment
    warn_of_imbalance(e.mix, e.clf, e.dimension / e.n, e.projector, e.n, e.fixed_counts)
    found = collect([experiment], [root], trials, n_jobs=n_jobs, progress=progress)
    if found.interrupted:
        raise KeyboardInterrupt
    if found.failures:
        raise found.failures[0]
    return simulation_of(experiment, found.rows[0], root)


def simulation_of(experiment: Experiment, rows: Array, root: np.random.SeedSequence) -> Simulation:
    """What the rows of some trials, of shape (trials, fields, *shape), say."""
    entropy = root.entropy
    assert entropy is not None
    columns = np.moveaxis(rows, 1, 0).copy()
    columns.flags.writeable = False
    return Simulation(
        **experiment.unpacked(columns),
        n=experiment.n,
        dimension=experiment.dimension,
        aspect_ratio=experiment.dimension / experiment.n,
        method=experiment.method,
        entropy=entropy,
        spawn_key=tuple(root.spawn_key),
        pool_size=root.pool_size,
        law=experiment.answers,
    )
