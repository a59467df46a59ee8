"""How fast finite n reaches the limit: bias and spread of the accuracy, and their rates."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checks import POSITIVE, PROBABILITY, Array, check_flag, check_integer, check_single
from ..classifiers import Classifier
from ..intake import shown
from ..outcomes import Status
from ..populations.base import Population, check_population
from ..projectors import Projector, check_projector
from ..questions.imbalance import warn_of_imbalance
from ..questions.limits import check_classifier, limit
from ..randomness import POOL_SIZE, nested_root, root_sequence
from ..simulation.experiment import Experiment
from ..simulation.running.collect import Collection, check_n_jobs, check_shard, collect
from ..simulation.running.store import Store
from ..simulation.scores import standard_error
from .power_law import PowerLaw, fit_deviations, fit_means

__all__ = ["Convergence", "check_setting", "check_sizes", "convergence"]

# A power law has two parameters, and one size more shows whether it is one.
_LEAST_SIZES = 3
# From here on the intervals cover what they say they cover; see tests/studies/test_power_law.py.
_LEAST_TRIALS = 10
# Numerical error of an accuracy and of its limit: it counts beside the standard error.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Convergence:
    """Bias and spread of the accuracy at finite n, and the power laws fitted to them.

    Attributes
    ----------
    n, dimension, trials : array of int, shape (m,)
        Sizes of the training sets, p, and how many training sets there are of each: fewer than
        asked for where Ctrl-C came first, or another shard has not delivered its own.
    aspect_ratio : array, shape (m,)
        p/n, which differs from the one asked for by the rounding of p.
    limit : array, shape (m,)
        The limiting accuracy at that p/n.
    accuracy, deviation : array, shape (m,)
        Mean and standard deviation over the training sets; NaN where there are too few.
    bias, stderr : array, shape (m,)
        accuracy - limit, and its standard error.
    bias_law, deviation_law : PowerLaw
        The fits c n^-r (1 + a/n) to the sizes of at least 10 training sets; not resolved from fewer
        than 3 of them, or 4 if a is fitted.
    complete, interrupted : bool
        Whether all training sets are there that were asked for, and whether Ctrl-C is the reason.
    method : tuple of str
        How the training sets of each size were drawn: "direct" or "exact-law".
    entropy : int or sequence of int
    spawn_key : tuple of int
    pool_size : int
        The root of the randomness, see :attr:`seed`.
    """

    n: Array
    dimension: Array
    trials: Array
    aspect_ratio: Array
    limit: Array
    accuracy: Array
    deviation: Array
    bias: Array
    stderr: Array
    bias_law: PowerLaw
    deviation_law: PowerLaw
    complete: bool
    interrupted: bool
    method: tuple[str, ...]
    entropy: int | Sequence[int]
    spawn_key: tuple[int, ...]
    pool_size: int = POOL_SIZE

    @property
    def rate(self) -> float:
        """Of the bias; NaN if it was not resolved from noise."""
        return self.bias_law.rate

    @property
    def rate_interval(self) -> tuple[float, float]:
        """Confidence interval of :attr:`rate`, with infinite ends where the data set no bound."""
        return self.bias_law.interval

    @property
    def deviation_rate(self) -> float:
        """Of the standard deviation between training sets; NaN if there is none."""
        return self.deviation_law.rate

    @property
    def deviation_rate_interval(self) -> tuple[float, float]:
        """Confidence interval of :attr:`deviation_rate`."""
        return self.deviation_law.interval

    @property
    def status(self) -> Status:
        """Of the fit of the bias: "resolved", "not resolved" or "no power law"."""
        return self.bias_law.status

    @property
    def z_score(self) -> Array:
        """bias/stderr, shape (m,): how well each size resolves its bias."""
        return np.asarray(self.bias / np.hypot(self.stderr, _ROUNDING))

    @property
    def seed(self) -> np.random.SeedSequence:
        """The root of the randomness: as ``rng`` it gives the same numbers again.

        The training sets of size n are those of :func:`simulate` from its child of spawn key
        ``(*spawn_key, n)``: no two sizes share a random number, and none depends on the others.
        """
        return np.random.SeedSequence(
            self.entropy, spawn_key=self.spawn_key, pool_size=self.pool_size
        )

    def __repr__(self) -> str:
        def text(law: PowerLaw) -> str:
            return f"{law.rate:.3g} in [{law.interval[0]:.3g}, {law.interval[1]:.3g}]"

        return (
            f"Convergence(n={self.n.tolist()}, rate={text(self.bias_law)}, "
            f"deviation_rate={text(self.deviation_law)}, status={self.status!r})"
        )


def convergence(
    mix: Population,
    clf: Classifier,
    aspect_ratio: float,
    n: Sequence[int],
    trials: int | Sequence[int] = 200,
    *,
    projector: Projector | None = None,
    rng: Any = None,
    method: str = "auto",
    fixed_counts: bool = False,
    n_jobs: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    shard: tuple[int, int] | None = None,
    progress: bool = False,
    confidence: float = 0.95,
    correction: bool = False,
) -> Convergence:
    r"""Simulate at several n, and measure how the accuracy approaches its limit.

    To the bias, mean accuracy less limit, and to the standard deviation of the accuracy between
    training sets one fits power laws :math:`c\,n^{-r}`. The expansion of a smooth function of
    averages says 1 and ½, unless a coefficient vanishes. The bias comes with a standard error
    of (deviation)/√trials, so it takes about :math:`n(d/c)^2` trials to see c/n behind d/√n.

    Parameters
    ----------
    mix : SpikedMixture, ClassMixture or Spectrum
        The law of the representation, with single parameters.
    clf : classifier
    aspect_ratio : float
        γ = p/n > 0; p is rounded to an integer, and the limit is that at p/n.
    n : sequence of int
        At least 3 increasing sizes of training sets.
    trials : int or sequence of int, default 200
        Number of training sets of every size, or of each, those in `checkpoint` included; at
        least 10.
    projector : projector, optional
        Any but a :class:`LinearMap`; :class:`Identity` by default.
    rng : int, SeedSequence, Generator or None
        As in :func:`simulate`.
    method, fixed_counts, n_jobs, progress
        As in :func:`simulate`.
    checkpoint : str or path, optional
        A folder in which finished training sets are kept, as in :func:`sweep`: running again with
        the same `rng` goes on from there, and a larger `trials` tops up.
    shard : (int, int), optional
        ``(i, k)``, counted from 1: draw the i-th of k shares, into `checkpoint`.
    confidence : float, default 0.95
        Of the intervals.
    correction : bool, default False
        Fit :math:`c\,n^{-r}(1 + a/n)` to at least 4 sizes. Without it r is the exponent over these
        sizes, which comes out above or below that of n → ∞ where the smallest of them, or very many
        trials, show the next order; with it, the interval is that of n → ∞, and far wider.

    Returns
    -------
    Convergence

    Raises
    ------
    TypeError, ValueError
        For invalid input, and as :func:`simulate`.
    NoLimitError, ConvergenceError
        As :func:`limit` and :func:`simulate`.
    CheckpointError
        If `checkpoint` cannot be read or written to.

    Warns
    -----
    ImbalanceWarning
        As :func:`simulate`.
    UserWarning
        If Ctrl-C ended it: what is done is returned.

    Notes
    -----
    The interval of the bias's rate is a profile likelihood, that of the deviation's a linear fit of
    its logarithm; docs/convergence.rst has both, and the coverage that was measured.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix, clf = asy.SpikedMixture(signal=1.5), asy.Centroid()
    >>> study = asy.convergence(mix, clf, 1.0, n=[50, 100, 200], trials=1000, rng=0)
    >>> study.status, study.rate_interval[0] < 1 < study.rate_interval[1]
    ('resolved', True)
    """
    mix, clf, projector = check_setting(mix, clf, projector)
    ratio = check_single("aspect_ratio", aspect_ratio, POSITIVE)
    correction = check_flag("correction", correction)
    sizes = check_sizes(n, _LEAST_SIZES + correction)
    targets = _check_trials(trials, len(sizes))
    confidence = check_single("confidence", confidence, PROBABILITY)
    check_n_jobs(n_jobs)
    progress = check_flag("progress", progress)
    share = check_shard(shard, checkpoint)
    if checkpoint is not None and rng is None:
        raise ValueError("rng must be given with a checkpoint, got None: no block would fit again")
    root = root_sequence(rng)
    experiments = [
        Experiment.of(
            mix, clf, ratio, n=size, projector=projector, method=method, fixed_counts=fixed_counts
        )
        for size in sizes
    ]
    realised = np.array([each.dimension / each.n for each in experiments])
    limits = np.asarray(limit(mix, clf, realised, projector).accuracy)
    warn_of_imbalance(mix, clf, realised, projector, np.array(sizes), fixed_counts)

    found = collect(
        experiments,
        [nested_root(root, size) for size in sizes],
        targets,
        n_jobs=n_jobs,
        store=None if checkpoint is None else Store(checkpoint),
        shard=share,
        limits=limits,
        progress=progress,
    )
    if found.failures:
        raise found.failures[min(found.failures)]
    if found.interrupted:
        done = sum(map(len, found.rows))
        warnings.warn(
            f"interrupted after {done} of {sum(targets)} trials: these are returned",
            UserWarning,
            stacklevel=2,
        )
    return _fit(experiments, realised, limits, found, targets, root, confidence, correction)


def _fit(
    experiments: Sequence[Experiment],
    realised: Array,
    limits: Array,
    found: Collection,
    targets: Sequence[int],
    root: np.random.SeedSequence,
    confidence: float,
    correction: bool,
) -> Convergence:
    """What the trials say."""
    samples = [
        rows[:, each.fields.index("accuracy")]
        for each, rows in zip(experiments, found.rows, strict=True)
    ]
    n, trials = np.array([each.n for each in experiments]), np.array([len(x) for x in samples])
    accuracy = np.array([x.mean() if x.size else np.nan for x in samples])
    stderr = np.array([standard_error(x) for x in samples])
    deviation, bias = stderr * np.sqrt(trials), accuracy - limits
    bias_law = deviation_law = PowerLaw.unresolved(confidence)
    used = trials >= _LEAST_TRIALS
    if used.sum() >= _LEAST_SIZES + correction:
        error = np.hypot(stderr, _ROUNDING)[used]
        bias_law = fit_means(n[used], bias[used], error, trials[used], confidence, correction)
        if np.all(deviation[used] > _ROUNDING):
            chosen = [x for x in samples if x.size >= _LEAST_TRIALS]
            deviation_law = fit_deviations(n[used], chosen, confidence, correction)
    arrays = {
        "n": n,
        "dimension": np.array([each.dimension for each in experiments]),
        "trials": trials,
        "aspect_ratio": realised,
        "limit": limits,
        "accuracy": accuracy,
        "deviation": deviation,
        "bias": bias,
        "stderr": stderr,
    }
    for array in arrays.values():
        array.flags.writeable = False
    entropy = root.entropy
    assert entropy is not None
    return Convergence(
        **arrays,
        bias_law=bias_law,
        deviation_law=deviation_law,
        complete=bool(np.all(trials == targets)),
        interrupted=found.interrupted,
        method=tuple(each.method for each in experiments),
        entropy=entropy,
        spawn_key=tuple(root.spawn_key),
        pool_size=root.pool_size,
    )


def check_setting(mix: Any, clf: Any, projector: Any) -> tuple[Population, Classifier, Projector]:
    """Refuse arrays, and what has one dimension only and so no limit n, p → ∞ of its own."""
    mix, clf = check_population(mix, several=True), check_classifier(clf, several=True)
    projector = check_projector(projector)
    for name, thing in (("mix", mix), ("clf", clf), ("projector", projector)):
        if thing.batch_shape:
            raise ValueError(f"{name} must have single numbers for parameters, got {shown(thing)}")
    if mix.dimension is not None:
        raise ValueError(
            "mix must be a population of any dimension, a SpikedMixture, a ClassMixture or a "
            f"Spectrum: this one cannot grow with n, got a {type(mix).__name__} in "
            f"{mix.dimension} dimensions"
        )
    if projector.input_dimension is not None:
        raise ValueError(
            "projector must act in any dimension: a matrix cannot grow with n, got one for "
            f"{projector.input_dimension} dimensions"
        )
    return mix, clf, projector


def check_sizes(n: Any, least: int) -> list[int]:
    """At least so many increasing sizes of training sets."""
    try:
        sizes = [check_integer("n", size, 2) for size in n]
    except TypeError:
        raise TypeError(f"n must be a sequence of integers, got {shown(n)}") from None
    if len(sizes) < least or np.any(np.diff(sizes) <= 0):
        raise ValueError(f"n must be at least {least} increasing integers, got {shown(n)}")
    return sizes


def _check_trials(trials: Any, count: int) -> list[int]:
    if np.ndim(trials) == 0:
        return [check_integer("trials", trials, _LEAST_TRIALS)] * count
    if len(trials) != count:
        raise ValueError(f"trials must be one integer, or one for each n, got {shown(trials)}")
    return [check_integer("trials", each, _LEAST_TRIALS) for each in trials]
