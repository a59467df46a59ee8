"""For test suites: hold a limit against simulation, with stated error probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from .checks import POSITIVE, Array, Interval, check_flag, check_integer, check_single
from .classifiers import Classifier
from .outcomes import Limit
from .populations.base import Population
from .projectors import Projector
from .questions.limits import limit as our_limit
from .randomness import nested_root, root_sequence
from .simulation import simulate
from .studies.finite_size import check_setting, check_sizes

__all__ = ["Agreement", "Disagreement", "assert_converges"]

_ACCURACY = Interval(0, 1, low_open=False, high_open=False)
_RESOLUTION = Interval(0, 1)
_RISK = Interval(0, 0.5)
_LEAST_PILOT = 10
# Training sets that agree to this leave nothing to chance: what they differ by is rounding.
_ROUNDING = 1e-12
# Then the claim has to be met to this, the precision to which limits are solved.
_PRECISION = 1e-9


@dataclass(frozen=True)
class Agreement:
    """How a claimed limit compares with simulation.

    Attributes
    ----------
    claimed, estimate : float
        The limit, and what simulation extrapolates to.
    stderr : float
        Standard error of the estimate, from the pilot.
    statistic, threshold : float
        (estimate - claimed)/stderr, and the size above which it fails.
    n : tuple of int
    trials : int
        Training sets of each size.
    resolution, false_alarm, miss : float
        A right limit fails with probability `false_alarm`; one that is wrong by `resolution` or
        more passes with at most `miss`.
    """

    claimed: float
    estimate: float
    stderr: float
    statistic: float
    threshold: float
    n: tuple[int, ...]
    trials: int
    resolution: float
    false_alarm: float
    miss: float

    @property
    def passed(self) -> bool:
        return abs(self.statistic) <= self.threshold

    def __str__(self) -> str:
        sizes = ", ".join(str(size) for size in self.n)
        return (
            f"claimed {self.claimed:.7g}, found {self.estimate:.7g} ± {self.stderr:.2g} by "
            f"extrapolation from n = {sizes} ({self.trials} training sets each); z = "
            f"{self.statistic:.2f}, where a right limit stays within ±{self.threshold:.2f} but for "
            f"a probability of {self.false_alarm:g}, and one wrong by {self.resolution:g} or more "
            f"leaves it but for {self.miss:g}"
        )


def assert_converges(
    mix: Population,
    clf: Classifier,
    aspect_ratio: float,
    *,
    projector: Projector | None = None,
    limit: Limit | float | Callable[[float], float] | None = None,
    n: Sequence[int] = (200, 400),
    resolution: float = 0.01,
    false_alarm: float = 1e-3,
    miss: float = 1e-3,
    pilot: int = 30,
    max_trials: int = 100_000,
    rng: Any = None,
    method: str = "auto",
    fixed_counts: bool = False,
    n_jobs: int | None = None,
    progress: bool = False,
) -> Agreement:
    r"""Raise AssertionError unless simulation converges to a limit.

    With k sizes, :math:`D = \sum_i a_i A(n_i)` and
    :math:`a_i = \prod_{j\ne i} n_i/(n_i - n_j)` (Richardson) takes the powers
    :math:`n^{-1} \dots n^{1-k}` out of the mean of the accuracy A. A pilot of T values of D, of
    standard deviation S, sets their number N (Stein, 1945, *Ann. Math. Statist.* 16, 243):

    .. math::
        N \ge S^2 \Big/ z^2, \qquad
        z = \frac{\text{resolution}}{t_{1 - \text{false_alarm}/2} + t_{1 - \text{miss}}}, \qquad
        \frac{\bar D_N - \mathbb E D}{S/\sqrt N} \sim t_{T-1}.

    Both probabilities are exact if D is normal with mean the limit. D is normal but for a skewness
    of order n^(-1/2), and its mean is off by a multiple of :math:`1/\prod n_i`; choose larger n if
    `resolution` is to be as small as that.

    Parameters
    ----------
    mix : SpikedMixture, ClassMixture or Spectrum
    clf : classifier
    aspect_ratio : float
        γ = p/n.
    projector : projector, optional
        Any but a :class:`LinearMap`.
    limit : Limit, float or callable, optional
        The accuracy that is claimed, by default that of :func:`asymptotics.limit`. A number is that
        at `aspect_ratio`, and every γn has then to be an integer; a function of p/n need not care.
    n : sequence of int, default (200, 400)
        At least 2 increasing sizes of training sets.
    resolution : float, default 0.01
        An error of the limit that has to be noticed.
    false_alarm, miss : float, default 1e-3
        Probabilities that a right limit fails, and that one wrong by `resolution` passes.
    pilot : int, default 30
        T, at least 10.
    max_trials : int, default 100000
        The largest N that is worth while.
    rng : int, SeedSequence, Generator or None
        As in :func:`asymptotics.simulate`. A seed gives the same verdict every time: a false alarm
        is then either there on the first run or never.
    method, fixed_counts, n_jobs, progress
        As in :func:`asymptotics.simulate`.

    Returns
    -------
    Agreement

    Raises
    ------
    Disagreement
        An AssertionError, if the limit is rejected; its ``agreement`` is the :class:`Agreement`.
    TypeError, ValueError
        For invalid input, for a resolution that takes more than `max_trials`, and as
        :func:`asymptotics.simulate`.

    Examples
    --------
    >>> import asymptotics as asy
    >>> mix = asy.SpikedMixture(signal=1.5)
    >>> found = asy.testing.assert_converges(mix, asy.Ridge(0.1), 0.5, rng=0)
    >>> found.passed, round(found.claimed, 4)
    (True, 0.8606)
    >>> asy.testing.assert_converges(mix, asy.Ridge(0.1), 0.5, limit=0.85, rng=0)
    Traceback (most recent call last):
        ...
    asymptotics.testing.Disagreement: Ridge(penalty=0.1, fit_intercept=True): claimed 0.85, ...
    """
    __tracebackhide__ = True  # pytest then shows the line of the test
    mix, clf, projector = check_setting(mix, clf, projector)
    ratio = check_single("aspect_ratio", aspect_ratio, POSITIVE)
    sizes = check_sizes(n, 2)
    resolution = check_single("resolution", resolution, _RESOLUTION)
    false_alarm = check_single("false_alarm", false_alarm, _RISK)
    miss = check_single("miss", miss, _RISK)
    pilot = check_integer("pilot", pilot, _LEAST_PILOT)
    max_trials = check_integer("max_trials", max_trials, pilot)
    progress = check_flag("progress", progress)
    claim = _claim(mix, clf, projector, limit, ratio, sizes)
    claimed = claim(ratio)
    weights = np.array([math.prod(a / (a - b) for b in sizes if b != a) for a in sizes])
    root = root_sequence(rng)

    def differences(stage: int, trials: int) -> Array:
        """Values of D, less the claim, each from a training set of every size."""
        total = np.zeros(trials)
        for size, weight in zip(sizes, weights, strict=True):
            simulation = simulate(
                mix,
                clf,
                ratio,
                n=size,
                trials=trials,
                projector=projector,
                rng=nested_root(root, size, stage),
                method=method,
                fixed_counts=fixed_counts,
                n_jobs=n_jobs,
                progress=progress,
            )
            total += weight * (simulation.accuracy - claim(simulation.aspect_ratio))
        return total

    first = differences(0, pilot)
    deviation = float(first.std(ddof=1))
    if deviation <= _ROUNDING:
        trials, mean, stderr, threshold = pilot, float(first.mean()), _PRECISION, 1.0
    else:
        student = scipy.stats.t(pilot - 1)
        threshold = float(student.isf(0.5 * false_alarm))
        reach = threshold + float(student.isf(miss))
        trials = max(pilot, math.ceil((deviation * reach / resolution) ** 2))
        if trials > max_trials:
            least = deviation * reach / math.sqrt(max_trials)
            raise ValueError(
                f"resolution must be at least {least:.3g} to take no more than {max_trials} "
                f"training sets of each size, got {resolution!r}, which takes {trials}"
            )
        mean = float(first.mean())
        if trials > pilot:
            mean = float(np.concatenate([first, differences(1, trials - pilot)]).mean())
        stderr = deviation / math.sqrt(trials)
    agreement = Agreement(
        claimed=claimed,
        estimate=claimed + mean,
        stderr=stderr,
        statistic=mean / stderr,
        threshold=threshold,
        n=tuple(sizes),
        trials=trials,
        resolution=resolution,
        false_alarm=false_alarm,
        miss=miss,
    )
    if not agreement.passed:
        raise Disagreement(f"{clf!r}: {agreement}", agreement)
    return agreement


class Disagreement(AssertionError):
    """An AssertionError that carries the comparison in ``agreement``."""

    def __init__(self, message: str, agreement: Agreement) -> None:
        super().__init__(message)
        self.agreement = agreement

    def __reduce__(self) -> tuple[type, tuple[str, Agreement]]:
        return type(self), (str(self), self.agreement)


def _claim(
    mix: Population,
    clf: Classifier,
    projector: Projector,
    claimed: Any,
    aspect_ratio: float,
    sizes: Sequence[int],
) -> Callable[[float], float]:
    """The claimed limit as a function of the aspect ratio."""
    if claimed is None:
        return lambda ratio: float(our_limit(mix, clf, ratio, projector).accuracy)
    if callable(claimed):
        return lambda ratio: check_single("limit", claimed(ratio), _ACCURACY)
    number = claimed.accuracy if isinstance(claimed, Limit) else claimed
    value = check_single("limit", number, _ACCURACY)
    for size in sizes:
        if not math.isclose(round(aspect_ratio * size), aspect_ratio * size, rel_tol=1e-9):
            raise ValueError(
                "aspect_ratio must make p = γn an integer at every n if limit is a number, got "
                f"{aspect_ratio!r} and n = {size}; or give the limit as a function of p/n"
            )
    return lambda ratio: value
