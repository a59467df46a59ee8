r"""Power laws :math:`c\,n^{-r}` fitted to Monte Carlo estimates, with intervals for r.

No logarithm is taken of a mean, which may be zero or of either sign within its noise: for each r
the best c is linear least squares, and the interval is a profile of what is left. Sizes so small
that the next order of an expansion shows take a correction, :math:`c\,n^{-r}(1 + a/n)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy

from ..checks import Array
from ..outcomes import Status

__all__ = ["PowerLaw", "fit_deviations", "fit_means"]

# A fit that data on a power law would miss this rarely is reported as none.
_POOR = 1e-3
# Rates tried: up to where one size outweighs the others e^50 times, in steps of 2 % of the rate,
# or of 2 % of the reciprocal range of log n.
_REACH = 50.0
_STEP = 0.02


@dataclass(frozen=True)
class PowerLaw:
    r"""A fitted power law :math:`c\,n^{-r}(1 + a/n)`.

    Attributes
    ----------
    coefficient, rate : float
        c and r; NaN if nothing was resolved from noise.
    correction : float
        a; 0 if not fitted.
    interval : (float, float)
        Confidence interval of r, with infinite ends where the data set no bound.
    confidence : float
        Its confidence.
    chi2, p_value : float
        Squared residuals in standard errors, summed, and how often data on a power law leave more.
    status : Status
        "resolved"; "not resolved", where the interval has an infinite end; or "no power law", where
        the p-value is below 1e-3 and the interval therefore means nothing.
    """

    coefficient: float
    rate: float
    correction: float
    interval: tuple[float, float]
    confidence: float
    chi2: float
    p_value: float
    status: Status

    @classmethod
    def unresolved(cls, confidence: float, chi2: float = np.nan, p_value: float = np.nan) -> Self:
        """Of data that are compatible with every rate."""
        interval, status = (-np.inf, np.inf), Status.NOT_RESOLVED
        return cls(np.nan, np.nan, 0.0, interval, confidence, chi2, p_value, status)

    def __call__(self, n: Any) -> Any:
        """c n^-r (1 + a/n), elementwise."""
        sizes = np.asarray(n, dtype=float)
        return self.coefficient * sizes**-self.rate * (1.0 + self.correction / sizes)


def _unit(exponents: Array) -> Array:
    """The exponentials along the last axis, normalised."""
    vector = np.exp(exponents - exponents.max(-1, keepdims=True))
    unit: Array = vector / np.sqrt((vector * vector).sum(-1, keepdims=True))
    return unit


@dataclass(frozen=True)
class _Profile:
    """Squares, in standard errors, that are left at each rate, with the best coefficients."""

    n: Array
    logs: Array  # log n, less the smallest
    values: Array  # in standard errors
    stderr: Array
    correction: bool

    @property
    def squares(self) -> float:
        """Left by c = 0."""
        return float(self.values @ self.values)

    def basis(self, rate: Any) -> list[Array]:
        """Orthonormal vectors, in standard errors, of the fits at each rate, shapes (..., m).

        n^-r, and with a correction n^-r (1/n - 1/N). N is the first size, or the last for a
        negative rate: as |r| → ∞ the two tend to different unit vectors, and no digits are lost.
        """
        rate = np.asarray(rate, dtype=float)[..., None]
        exponents = -rate * self.logs - np.log(self.stderr)
        first = _unit(exponents)
        if not self.correction:
            return [first]
        inverse = 1.0 / self.n
        gaps = np.abs(inverse - np.where(rate < 0.0, inverse[-1], inverse[0]))
        with np.errstate(divide="ignore"):
            second = _unit(exponents + np.log(gaps))
        second = second - (second * first).sum(-1, keepdims=True) * first
        return [first, second / np.linalg.norm(second, axis=-1, keepdims=True)]

    def left(self, rate: Any) -> Any:
        """Squares left at each rate."""
        left: Any = self.squares
        for vector in self.basis(rate):
            left = left - (vector @ self.values) ** 2
        return left

    def left_at_infinity(self, end: int) -> float:
        """Only the first sizes (rate ∞) or the last (-∞) are met: one, two with a correction."""
        met = self.values[:: -1 if end < 0 else 1][: 2 if self.correction else 1]
        return self.squares - float(met @ met)

    def coefficients(self, rate: float) -> tuple[float, float]:
        """c and a of c n^-r (1 + a/n)."""
        terms = np.array([np.ones(self.n.size), 1.0 / self.n])[: 1 + self.correction]
        scale = np.max(-rate * self.logs)
        design = terms * np.exp(-rate * self.logs - scale) / self.stderr
        found = np.linalg.lstsq(design.T, self.values, rcond=None)[0]
        c = float(found[0] * np.exp(rate * np.log(self.n[0]) - scale))
        return c, float(found[1] / found[0]) if self.correction else 0.0

    def grid(self) -> Array:
        reach = np.arcsinh(_REACH * np.ptp(self.logs) / np.diff(self.logs).min())
        half = np.sinh(np.arange(0.0, reach + _STEP, _STEP)) / np.ptp(self.logs)
        return np.concatenate([-half[:0:-1], half])

    def best(self, grid: Array) -> float:
        k = int(np.clip(np.argmin(self.left(grid)), 1, grid.size - 2))
        found = scipy.optimize.minimize_scalar(
            self.left, bounds=(grid[k - 1], grid[k + 1]), method="bounded", options={"xatol": 1e-10}
        )
        return float(found.x)

    def interval(self, grid: Array, best: float, level: float) -> tuple[float, float]:
        """The hull of the rates at which at most `level` is left."""
        ends = []
        points = np.sort(np.append(grid, best))
        inside = np.flatnonzero(self.left(points) <= max(level, self.left(best)))
        for edge, step, infinite in ((inside[0], -1, -1), (inside[-1], 1, 0)):
            beyond = edge + step
            if self.left_at_infinity(infinite) <= level or not 0 <= beyond < points.size:
                ends.append(step * np.inf)
            else:
                a, b = points[edge], points[beyond]
                ends.append(scipy.optimize.brentq(lambda r: self.left(r) - level, a, b))
        return float(ends[0]), float(ends[1])


def fit_means(
    n: Array,
    values: Array,
    stderr: Array,
    trials: Array,
    confidence: float = 0.95,
    correction: bool = False,
) -> PowerLaw:
    r"""Fit means of independent trials, of either sign, each with its standard error.

    Weighted least squares of :math:`c\,n^{-r}(1 + a/n)`; the interval is
    :math:`\{r : \chi^2(r) - \min \chi^2 \le f t^2\}` with t a quantile of Student's law, its
    degrees of freedom those (Welch, Satterthwaite) of the linearised estimate of r, and f > 1 the
    loss of precision by weights that are estimates themselves (Meier, 1953, *Biometrics* 9, 59). A
    mean of 0 everywhere is tried first by an F test of all parameters: where it is not rejected,
    every rate is possible.

    Parameters
    ----------
    n : array, shape (m,)
        Increasing sizes, m ≥ 3, and ≥ 4 with a correction.
    values, stderr : array, shape (m,)
        Means and their positive standard errors.
    trials : array, shape (m,)
        The number of trials behind each.
    confidence : float
    correction : bool
        Whether a is fitted, or 0.

    Returns
    -------
    PowerLaw

    Examples
    --------
    >>> import numpy as np
    >>> from asymptotics.studies.power_law import fit_means
    >>> n = np.array([100, 200, 400, 800])
    >>> law = fit_means(n, -0.5 / n, np.full(4, 1e-4), np.full(4, 1000))
    >>> round(law.rate, 6), round(law.coefficient, 6), law.status
    (1.0, -0.5, 'resolved')
    >>> means = -0.5 / n * (1 + 9 / n)
    >>> law = fit_means(n, means, np.full(4, 1e-5), np.full(4, 1000), correction=True)
    >>> round(law.rate, 5), round(law.correction, 3)
    (1.0, 9.0)
    """
    profile = _Profile(n, np.log(n / n[0]), values / stderr, stderr, correction)
    grid = profile.grid()
    rate = profile.best(grid)
    chi2 = max(float(profile.left(rate)), 0.0)
    freedom = trials - 1.0
    basis = np.stack(profile.basis(rate))
    parameters = 3 if correction else 2
    # Scores that are normal where the residuals are Student's: few trials then cause no misfit.
    residuals = profile.values - basis.T @ (basis @ profile.values)
    scores = scipy.special.ndtri_exp(scipy.stats.t.logsf(np.abs(residuals), freedom))
    p_value = float(scipy.stats.chi2.sf(scores @ scores, n.size - parameters))

    gain = profile.squares - chi2
    if gain <= 0.0:  # no mean that differs from 0, such as those of no bias and no noise
        return PowerLaw.unresolved(confidence, chi2, p_value)

    # The linearised rate is a sum of values/stderr with these coefficients, up to a factor.
    pull = profile.logs * (basis.T @ (basis @ profile.values))
    pull -= basis.T @ (basis @ pull)
    share = pull**2 / (pull @ pull)
    effective = 1.0 / (share**2 @ (1.0 / freedom))
    if gain <= parameters * scipy.stats.f.ppf(confidence, parameters, effective):
        return PowerLaw.unresolved(confidence, chi2, p_value)
    inflation = 1.0 + 4.0 * np.sum(share * (1.0 - share) / freedom)
    level = chi2 + inflation * scipy.stats.t.ppf(0.5 + 0.5 * confidence, effective) ** 2
    interval = profile.interval(grid, rate, level)
    c, a = profile.coefficients(rate)
    return PowerLaw(
        coefficient=c,
        rate=rate,
        correction=a,
        interval=interval,
        confidence=confidence,
        chi2=chi2,
        p_value=p_value,
        status=_status(interval, p_value),
    )


def fit_deviations(
    n: Array, samples: Sequence[Array], confidence: float = 0.95, correction: bool = False
) -> PowerLaw:
    r"""Fit the standard deviations of independent trials.

    Linear least squares of the logarithm of the sample deviation by
    :math:`\log c - r\log n + a/n`, less its mean over normal samples
    of ν + 1, :math:`\tfrac12[\psi(\nu/2) - \log(\nu/2)]`. Its variance is
    :math:`\tfrac14\psi'(\nu/2)` there, and about :math:`(\kappa - 1)/2` times as large for a
    kurtosis κ, which is pooled over the sizes, and taken as 3 if it is less.

    Parameters
    ----------
    n : array, shape (m,)
        Increasing sizes, m ≥ 3, and ≥ 4 with a correction.
    samples : sequence of array
        The trials of each size, not all equal.
    confidence : float
    correction : bool
        Whether a is fitted, or 0.

    Returns
    -------
    PowerLaw

    Examples
    --------
    >>> import numpy as np
    >>> from asymptotics.studies.power_law import fit_deviations
    >>> n = np.array([100, 200, 400])
    >>> rng = np.random.default_rng(0)
    >>> law = fit_deviations(n, [0.2 / k**0.5 * rng.standard_normal(1000) for k in n])
    >>> law.interval[0] < 0.5 < law.interval[1]
    True
    """
    trials = np.array([sample.size for sample in samples])
    deviation = np.array([sample.std(ddof=1) for sample in samples])
    fourth = [np.sum((x - x.mean()) ** 4) / x.var() ** 2 for x in samples]
    kurtosis = float(np.sum(fourth * (trials + 1.0) / (trials - 1.0)) / trials.sum())

    half = 0.5 * (trials - 1.0)
    logs = np.log(deviation) - 0.5 * (scipy.special.digamma(half) - np.log(half))
    spread = 0.5 * (max(kurtosis, 3.0) - 1.0)
    error = 0.5 * np.sqrt(spread * scipy.special.polygamma(1, half))
    terms = [np.ones(n.size), -np.log(n), 1.0 / n]
    design = np.stack(terms if correction else terms[:2]) / error
    inverse = np.linalg.pinv(design.T)
    found = inverse @ (logs / error)
    residual = logs / error - found @ design
    chi2 = float(residual @ residual)
    p_value = float(scipy.stats.chi2.sf(chi2, n.size - len(design)))
    half_length = scipy.special.ndtri(0.5 + 0.5 * confidence) * np.linalg.norm(inverse[1])
    interval = (float(found[1] - half_length), float(found[1] + half_length))
    return PowerLaw(
        coefficient=float(np.exp(found[0])),
        rate=float(found[1]),
        correction=float(found[2]) if correction else 0.0,
        interval=interval,
        confidence=confidence,
        chi2=chi2,
        p_value=p_value,
        status=_status(interval, p_value),
    )


def _status(interval: tuple[float, float], p_value: float) -> Status:
    if p_value < _POOR:
        return Status.NO_POWER_LAW
    return Status.RESOLVED if np.all(np.isfinite(interval)) else Status.NOT_RESOLVED
