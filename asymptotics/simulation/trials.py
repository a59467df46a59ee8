"""Monte Carlo: training sets drawn, classifiers trained, accuracies computed exactly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..classifiers import Classifier
from ..errors import ConvergenceError
from ..gaussian import mixture_accuracy
from ..limits import check_classifier
from ..parameters import POSITIVE, Array, check_flag, check_integer, check_real
from ..population import GaussianMixture, Population, SpikedMixture, check_population
from ..projectors import LinearMap, Projector, check_projector
from .result import Simulation
from .seeds import root_sequence, trial_generator

__all__ = ["simulate"]

_METHODS = ("auto", "direct", "exact-law")
# Batches a worker gets: few enough to cost nothing, enough to share the work evenly.
_BATCHES = 8


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
    n_jobs: int | None = None,
    progress: bool = False,
) -> Simulation:
    r"""The accuracy of a classifier trained on real draws of a projected mixture.

    Each trial draws n labelled points, projects them, trains the scikit-learn estimator of `clf`
    and scores the weights w and intercept b that it finds by the exact

    .. math::
        \pi\,\Phi\big((m + b)/\sqrt q\big) + (1 - \pi)\,\Phi\big((m - b)/\sqrt q\big), \qquad
        m = \langle w, T\mu\rangle, \quad q = w^\top T \Sigma T^\top w,

    so that no test set adds its noise.

    Parameters
    ----------
    mix : SpikedMixture, GaussianMixture or Spectrum
        The law of the representation, with single parameters.
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
        How training sets are drawn. "direct" draws every number; "auto" takes the cheapest way,
        which is "direct" so far.
    n_jobs : int, optional
        Number of parallel workers, as in joblib, with the backend set by the caller's
        ``joblib.parallel_config``. BLAS gets one thread in each.
    progress : bool, default False
        Show a progress bar that counts trials.

    Returns
    -------
    Simulation

    Raises
    ------
    TypeError, ValueError
        For invalid input, and for a training set on which the classifier does not exist: of one
        class only, or not separable for :class:`MaxMargin`.
    ConvergenceError
        If the estimator did not converge.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix, clf, proj = asy.SpikedMixture(signal=1.5), asy.Logistic(0.1), asy.Expansion(3.0)
    >>> sim = asy.simulate(mix, clf, aspect_ratio=0.5, n=200, trials=20, projector=proj, rng=0)
    >>> bool(abs(sim.z_score(asy.limit(mix, clf, 0.5, proj))) < 4)
    True
    """
    mix, clf, projector = check_population(mix), check_classifier(clf), check_projector(projector)
    n, trials = check_integer("n", n, 2), check_integer("trials", trials, 1)
    _check_single(mix, clf, projector)
    dimension = _dimension(mix, projector, aspect_ratio, n)
    if method not in _METHODS:
        raise ValueError(f"method must be one of {', '.join(_METHODS)}, got {method!r}")
    if method == "exact-law":
        raise ValueError(
            f"method must be 'direct' or 'auto' for {clf!r}: 'exact-law' is not available for it"
        )
    if n_jobs is not None and (isinstance(n_jobs, bool) or not isinstance(n_jobs, int)):
        raise TypeError(f"n_jobs must be an integer or None, got {n_jobs!r}")
    if n_jobs == 0:
        raise ValueError("n_jobs must be a non-zero integer or None, got 0")
    progress = check_flag("progress", progress)
    root = root_sequence(rng)
    entropy = root.entropy
    assert entropy is not None
    mix, projector = _explicit(mix, projector)

    from joblib import Parallel, delayed, effective_n_jobs
    from threadpoolctl import threadpool_limits
    from tqdm.auto import tqdm

    count = min(trials, _BATCHES * effective_n_jobs(n_jobs))
    batches = [range(trials * k // count, trials * (k + 1) // count) for k in range(count)]
    work = delayed(_run_batch)
    tasks = (work(mix, clf, projector, n, dimension, root, batch) for batch in batches)
    # Some backends cannot hand over results one by one, so that is asked for only where it shows.
    parallel = Parallel(n_jobs=n_jobs, return_as="generator" if progress else "list")
    rows = []
    with (
        threadpool_limits(1),  # for the workers that are threads of this process
        tqdm(total=trials, desc="simulating", unit="trial", disable=not progress) as bar,
    ):
        for part in parallel(tasks):
            rows.append(part)
            bar.update(len(part))
    accuracy, train_accuracy, overlap, variance, intercept = np.concatenate(rows).T.copy()
    for column in (accuracy, train_accuracy, overlap, variance, intercept):
        column.flags.writeable = False
    return Simulation(
        accuracy=accuracy,
        train_accuracy=train_accuracy,
        overlap=overlap,
        variance=variance,
        intercept=intercept,
        n=n,
        dimension=dimension,
        aspect_ratio=dimension / n,
        method="direct",
        entropy=entropy,
        spawn_key=tuple(root.spawn_key),
    )


def _check_single(mix: Population, clf: Classifier, projector: Projector) -> None:
    """Refuse arrays of parameters; the spectrum checks that mix and projector fit together."""
    penalty = np.shape(clf.penalty_values)
    if penalty:
        raise ValueError(f"penalty must be a single number in simulate, got shape {penalty}")
    shape = mix.spectrum(projector).batch_shape
    if shape:
        raise ValueError(
            "mix and projector must have single numbers for parameters in simulate, got arrays of "
            f"shape {shape}"
        )


def _dimension(mix: Population, projector: Projector, aspect_ratio: float | None, n: int) -> int:
    """The number p of features, fixed by the mixture or the projector, or p = γn."""
    fixed = mix.dimension if isinstance(mix, GaussianMixture) else projector.dimension
    if aspect_ratio is None:
        if fixed is None:
            raise ValueError(
                "aspect_ratio must be given for a population of any dimension, got None"
            )
        return fixed
    ratio = check_real("aspect_ratio", aspect_ratio, POSITIVE)
    if np.ndim(ratio):
        raise ValueError(f"aspect_ratio must be a single number, got shape {np.shape(ratio)}")
    dimension: int = round(ratio * n)
    if fixed is not None:
        if dimension != fixed:
            raise ValueError(
                f"aspect_ratio must be {fixed / n:g}, or left out, for {fixed} features and "
                f"n = {n}, got {ratio!r}"
            )
        return fixed
    assert not isinstance(mix, GaussianMixture)
    axes = max(1, mix.frame(projector.fresh_axes).axes)
    if dimension < axes:
        raise ValueError(
            f"aspect_ratio must be at least {axes / n:g} at n = {n}, to hold the {axes} special "
            f"direction(s), got {ratio!r}"
        )
    return dimension


def _explicit(mix: Population, projector: Projector) -> tuple[Population, Projector]:
    """Matrices computed once, and not in every trial."""
    if isinstance(mix, SpikedMixture) and projector.dimension is not None:
        mix = mix.realise(projector.dimension)
    if isinstance(mix, GaussianMixture) and not projector.is_identity:
        projector = LinearMap(projector.on_population(mix))
    return mix, projector


def _run_batch(
    mix: Population,
    clf: Classifier,
    projector: Projector,
    n: int,
    dimension: int,
    root: np.random.SeedSequence,
    batch: Iterable[int],
) -> Array:
    """The fields of each trial of a batch: accuracy, training accuracy, m, q, b."""
    from threadpoolctl import threadpool_limits

    # The order of a sum, and with it the last bit, depends on the number of threads.
    with threadpool_limits(1):
        return np.array(
            [_run_trial(mix, clf, projector, n, dimension, root, trial) for trial in batch]
        )


def _run_trial(
    mix: Population,
    clf: Classifier,
    projector: Projector,
    n: int,
    dimension: int,
    root: np.random.SeedSequence,
    trial: int,
) -> tuple[float, ...]:
    features, labels = mix.sample(n, dimension, trial_generator(root, trial))
    features = projector.transform(features, mix)
    try:
        weights, intercept = clf.train(features, labels, mix, projector)
    except (ConvergenceError, ValueError) as error:
        kind = ConvergenceError if isinstance(error, ConvergenceError) else ValueError
        raise kind(f"trial {trial} of n = {n}, p = {dimension}: {error}") from error
    correct = labels * (features @ weights + intercept) > 0
    m, q = mix.margins(weights, projector)
    with np.errstate(divide="ignore", invalid="ignore"):  # weights may be 0: the answer is b's
        accuracy = mixture_accuracy(m, np.sqrt(q), np.asarray(intercept), mix.balance)
    return float(accuracy), float(correct.mean()), float(m), float(q), intercept
