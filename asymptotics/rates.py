"""How fast finite n reaches the limit: bias and spread of the accuracy, and their rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .classifiers import Classifier
from .limits import check_classifier, limit
from .parameters import POSITIVE, PROBABILITY, Array, check_flag, check_integer, check_real
from .population import GaussianMixture, Population, check_population
from .power_law import PowerLaw, fit_deviations, fit_means
from .projectors import Projector, check_projector
from .simulation import Simulation, simulate
from .simulation.seeds import root_sequence

__all__ = ["Convergence", "check_any_dimension", "convergence", "nested_root"]

# A power law has two parameters, and one size more shows whether it is one.
_LEAST_SIZES = 3
# From here on the intervals cover what they say they cover; see tests/test_convergence.py.
_LEAST_TRIALS = 10
# Numerical error of an accuracy and of its limit: it counts beside the standard error.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Convergence:
    """Bias and spread of the accuracy at finite n, and the power laws fitted to them.

    Attributes
    ----------
    n, dimension, trials : array of int, shape (m,)
        Sizes of the training sets, p, and how many training sets there are of each.
    aspect_ratio : array, shape (m,)
        p/n, which differs from the one asked for by the rounding of p.
    limit : array, shape (m,)
        The limiting accuracy at that p/n.
    accuracy, deviation : array, shape (m,)
        Mean and standard deviation over the training sets.
    bias, stderr : array, shape (m,)
        accuracy - limit, and its standard error.
    bias_law, deviation_law : PowerLaw
        The fits c n^-r.
    method : tuple of str
        How the training sets of each size were drawn: "direct" or "exact-law".
    entropy : int or sequence of int
    spawn_key : tuple of int
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
    method: tuple[str, ...]
    entropy: int | Sequence[int]
    spawn_key: tuple[int, ...]

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
    def status(self) -> str:
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
        return np.random.SeedSequence(self.entropy, spawn_key=self.spawn_key)

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
    n_jobs: int | None = None,
    checkpoint: Any = None,
    progress: bool = False,
    confidence: float = 0.95,
) -> Convergence:
    r"""Simulate at several n, and measure how the accuracy approaches its limit.

    To the bias, mean accuracy less limit, and to the standard deviation of the accuracy between
    training sets one fits power laws :math:`c\,n^{-r}`. The expansion of a smooth function of
    averages says 1 and ½, unless a coefficient vanishes. The bias comes with a standard error
    of (deviation)/√trials, so it takes about :math:`n(d/c)^2` trials to see c/n behind d/√n.

    Parameters
    ----------
    mix : SpikedMixture or Spectrum
        The law of the representation, with single parameters.
    clf : classifier
    aspect_ratio : float
        γ = p/n > 0; p is rounded to an integer, and the limit is that at p/n.
    n : sequence of int
        At least 3 increasing sizes of training sets.
    trials : int or sequence of int, default 200
        Number of training sets of every size, or of each; at least 10.
    projector : projector, optional
        Any but a :class:`LinearMap`; :class:`Identity` by default.
    rng : int, SeedSequence, Generator or None
        As in :func:`simulate`.
    method, n_jobs, progress
        As in :func:`simulate`.
    checkpoint : optional
        Reserved: must be None.
    confidence : float, default 0.95
        Of the intervals.

    Returns
    -------
    Convergence

    Raises
    ------
    TypeError, ValueError
        For invalid input, and as :func:`simulate`.
    NoLimitError, ConvergenceError
        As :func:`limit` and :func:`simulate`.

    Notes
    -----
    The interval of the bias's rate is a profile likelihood, that of the deviation's a linear fit of
    its logarithm; docs/convergence.rst has both, and the coverage that was measured.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix, clf = asy.SpikedMixture(signal=1.5), asy.Centroid()
    >>> study = asy.convergence(mix, clf, 1.0, n=[20, 40, 80], trials=2000, rng=0)
    >>> study.status, study.rate_interval[0] < 1 < study.rate_interval[1]
    ('resolved', True)
    """
    mix, clf, projector = check_population(mix), check_classifier(clf), check_projector(projector)
    check_any_dimension(mix, projector)
    ratio = check_real("aspect_ratio", aspect_ratio, POSITIVE)
    sizes = _check_sizes(n)
    counts = _check_trials(trials, len(sizes))
    confidence = check_real("confidence", confidence, PROBABILITY)
    if np.ndim(confidence):
        raise ValueError(f"confidence must be a single number, got shape {np.shape(confidence)}")
    progress = check_flag("progress", progress)
    root = root_sequence(rng)
    entropy = root.entropy
    assert entropy is not None

    simulations = _samples(
        mix,
        clf,
        ratio,
        sizes,
        counts,
        projector,
        root,
        method=method,
        n_jobs=n_jobs,
        checkpoint=checkpoint,
        progress=progress,
    )
    realised = np.array([simulation.aspect_ratio for simulation in simulations])
    limits = np.asarray(limit(mix, clf, realised, projector).accuracy)
    accuracy = np.array([simulation.mean for simulation in simulations])
    stderr = np.array([simulation.stderr for simulation in simulations])
    n_array, trials_array = np.array(sizes), np.array(counts)
    deviation = stderr * np.sqrt(trials_array)
    bias = accuracy - limits
    error = np.hypot(stderr, _ROUNDING)
    if np.all(deviation > _ROUNDING):
        samples = [simulation.accuracy for simulation in simulations]
        deviation_law = fit_deviations(n_array, samples, confidence)
    else:
        deviation_law = PowerLaw.unresolved(confidence)
    arrays = {
        "n": n_array,
        "dimension": np.array([simulation.dimension for simulation in simulations]),
        "trials": trials_array,
        "aspect_ratio": realised,
        "limit": limits,
        "accuracy": accuracy,
        "deviation": deviation,
        "bias": bias,
        "stderr": stderr,
    }
    for array in arrays.values():
        array.flags.writeable = False
    return Convergence(
        **arrays,
        bias_law=fit_means(n_array, bias, error, trials_array, confidence),
        deviation_law=deviation_law,
        method=tuple(simulation.method for simulation in simulations),
        entropy=entropy,
        spawn_key=tuple(root.spawn_key),
    )


def check_any_dimension(mix: Population, projector: Projector) -> None:
    """Refuse what has one dimension only, and so no limit n, p → ∞ of its own."""
    if isinstance(mix, GaussianMixture):
        raise ValueError(
            "mix must be a population of any dimension, a SpikedMixture or a Spectrum, got "
            f"{mix.dimension} dimensions"
        )
    if projector.dimension is not None:
        raise ValueError(f"projector must act in any dimension, got {projector!r}")


def nested_root(root: np.random.SeedSequence, *key: int) -> np.random.SeedSequence:
    """The descendant of a root under a spawn key, which leaves the root as it is."""
    return np.random.SeedSequence(
        root.entropy, spawn_key=(*root.spawn_key, *key), pool_size=root.pool_size
    )


def _check_sizes(n: Any) -> list[int]:
    try:
        sizes = [check_integer("n", size, 2) for size in n]
    except TypeError:
        raise TypeError(f"n must be a sequence of integers, got {n!r}") from None
    if len(sizes) < _LEAST_SIZES or np.any(np.diff(sizes) <= 0):
        raise ValueError(f"n must be at least {_LEAST_SIZES} increasing integers, got {n!r}")
    return sizes


def _check_trials(trials: Any, count: int) -> list[int]:
    if np.ndim(trials) == 0:
        return [check_integer("trials", trials, _LEAST_TRIALS)] * count
    counts = [check_integer("trials", each, _LEAST_TRIALS) for each in trials]
    if len(counts) != count:
        raise ValueError(f"trials must be one integer, or one for each n, got {trials!r}")
    return counts


def _samples(
    mix: Population,
    clf: Classifier,
    aspect_ratio: float,
    sizes: Sequence[int],
    trials: Sequence[int],
    projector: Projector,
    root: np.random.SeedSequence,
    *,
    method: str,
    n_jobs: int | None,
    checkpoint: Any,
    progress: bool,
) -> list[Simulation]:
    """The trials of each size, from a root of its own."""
    if checkpoint is not None:
        raise NotImplementedError("checkpoint must be None: convergence does not keep its trials")
    return [
        simulate(
            mix,
            clf,
            aspect_ratio,
            n=size,
            trials=count,
            projector=projector,
            rng=nested_root(root, size),
            method=method,
            n_jobs=n_jobs,
            progress=progress,
        )
        for size, count in zip(sizes, trials, strict=True)
    ]
