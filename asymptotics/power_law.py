r"""Power laws :math:`c\,n^{-r}` fitted to Monte Carlo estimates, with intervals for r.

No logarithm is taken of a mean, which may be zero or of either sign within its noise: for each r
the best c is linear least squares, and the interval is a profile of what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy

from .parameters import Array

__all__ = ["PowerLaw", "fit_deviations", "fit_means"]

# A fit that data on a power law would miss this rarely is reported as none.
_POOR = 1e-3
# Rates tried: up to where one size outweighs the others e^50 times, in steps of 1 % of the rate,
# or of 1 % of the reciprocal range of log n.
_REACH = 50.0
_STEP = 0.01
_UNRESOLVED = "not resolved"


@dataclass(frozen=True)
class PowerLaw:
    r"""A fitted power law :math:`c\,n^{-r}`.

    Attributes
    ----------
    coefficient, rate : float
        c and r; NaN if nothing was resolved from noise.
    interval : (float, float)
        Confidence interval of r, with infinite ends where the data set no bound.
    confidence : float
        Its confidence.
    chi2, p_value : float
        Squared residuals in standard errors, summed, and how often data on a power law leave more.
    status : str
        "resolved"; "not resolved", where the interval has an infinite end; or "no power law", where
        the p-value is below 1e-3 and the interval therefore means nothing.
    """

    coefficient: float
    rate: float
    interval: tuple[float, float]
    confidence: float
    chi2: float
    p_value: float
    status: str

    @classmethod
    def unresolved(cls, confidence: float, chi2: float = np.nan, p_value: float = np.nan) -> Self:
        """Of data that are compatible with every rate."""
        return cls(np.nan, np.nan, (-np.inf, np.inf), confidence, chi2, p_value, _UNRESOLVED)

    def __call__(self, n: Any) -> Any:
        """c n^-r, elementwise."""
        return self.coefficient * np.power(n, -self.rate, dtype=float)


@dataclass(frozen=True)
class _Profile:
    """Weighted squares that are left at each rate, with the best coefficient."""

    logs: Array  # log n, less the smallest
    values: Array
    weights: Array

    @property
    def squares(self) -> float:
        """Left by c = 0."""
        return float(self.weights @ self.values**2)

    def shapes(self, rate: Any) -> Array:
        """n^-r for each rate, scaled to a largest element of 1."""
        exponents = -np.multiply.outer(rate, self.logs)
        shapes: Array = np.exp(exponents - exponents.max(-1, keepdims=True))
        return shapes

    def left(self, rate: Any) -> Any:
        """Squares left at each rate, infinite ones too."""
        shapes = self.shapes(rate)
        along = shapes @ (self.weights * self.values)
        return self.squares - along**2 / (shapes**2 @ self.weights)

    def left_at_infinity(self, end: int) -> float:
        """Only the first size (rate ∞) or the last (-∞) is met."""
        return self.squares - float(self.weights[end] * self.values[end] ** 2)

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
    n: Array, values: Array, stderr: Array, trials: Array, confidence: float = 0.95
) -> PowerLaw:
    r"""Fit means of independent trials, of either sign, each with its standard error.

    Weighted least squares of :math:`c\,n^{-r}`; the interval is
    :math:`\{r : \chi^2(r) - \min \chi^2 \le t^2\}` with t a quantile of Student's law, its degrees
    of freedom those (Welch, Satterthwaite) of the linearised estimate of r. A coefficient of 0 is
    rejected beforehand by an F test of two numbers: where it is not, every rate is possible.

    Parameters
    ----------
    n : array, shape (m,)
        Increasing sizes, m ≥ 3.
    values, stderr : array, shape (m,)
        Means and their positive standard errors.
    trials : array, shape (m,)
        The number of trials behind each.
    confidence : float

    Returns
    -------
    PowerLaw

    Examples
    --------
    >>> import numpy as np
    >>> from asymptotics.power_law import fit_means
    >>> n = np.array([100, 200, 400])
    >>> law = fit_means(n, -0.5 / n, np.full(3, 1e-4), np.full(3, 1000))
    >>> round(law.rate, 6), round(law.coefficient, 6), law.status
    (1.0, -0.5, 'resolved')
    """
    logs = np.log(n / n[0])
    profile = _Profile(logs, values, stderr**-2.0)
    grid = profile.grid()
    rate = profile.best(grid)
    chi2 = float(profile.left(rate))
    freedom = trials - 1.0
    # Scores that are normal where the residuals are Student's: few trials then cause no misfit.
    shape = profile.shapes(rate)
    scale = shape @ (profile.weights * values) / (shape**2 @ profile.weights)
    tails = scipy.stats.t.logsf(np.abs(values - scale * shape) / stderr, freedom)
    scores = scipy.special.ndtri_exp(tails)
    p_value = float(scipy.stats.chi2.sf(scores @ scores, n.size - 2))

    # The linearised rate is a sum of values/stderr with these coefficients, up to a factor.
    along = shape * np.sqrt(profile.weights)
    pull = (logs - logs @ along**2 / (along @ along)) * along
    share = pull**2 / (pull @ pull)
    effective = 1.0 / (share**2 @ (1.0 / freedom))
    gain = profile.squares - chi2
    if gain <= 2.0 * scipy.stats.f.ppf(confidence, 2, effective):
        return PowerLaw.unresolved(confidence, chi2, p_value)
    level = chi2 + scipy.stats.t.ppf(0.5 + 0.5 * confidence, effective) ** 2
    interval = profile.interval(grid, rate, level)
    largest = np.max(-rate * logs)
    return PowerLaw(
        coefficient=float(scale * np.exp(rate * np.log(n[0]) - largest)),
        rate=rate,
        interval=interval,
        confidence=confidence,
        chi2=chi2,
        p_value=p_value,
        status=_status(interval, p_value),
    )


def fit_deviations(n: Array, samples: Sequence[Array], confidence: float = 0.95) -> PowerLaw:
    r"""Fit the standard deviations of independent trials.

    Linear least squares of the logarithm of the sample deviation, less its mean over normal samples
    of ν + 1, :math:`\tfrac12[\psi(\nu/2) - \log(\nu/2)]`. Its variance is
    :math:`\tfrac14\psi'(\nu/2)` there, and about :math:`(\kappa - 1)/2` times as large for a
    kurtosis κ, which is pooled over the sizes, and taken as 3 if it is less.

    Parameters
    ----------
    n : array, shape (m,)
        Increasing sizes, m ≥ 3.
    samples : sequence of array
        The trials of each size, not all equal.
    confidence : float

    Returns
    -------
    PowerLaw

    Examples
    --------
    >>> import numpy as np
    >>> from asymptotics.power_law import fit_deviations
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
    design = np.stack([np.ones(n.size), -np.log(n)]) / error
    inverse = np.linalg.pinv(design.T)
    constant, rate = inverse @ (logs / error)
    residual = logs / error - np.array([constant, rate]) @ design
    chi2 = float(residual @ residual)
    p_value = float(scipy.stats.chi2.sf(chi2, n.size - 2))
    half_length = scipy.special.ndtri(0.5 + 0.5 * confidence) * np.linalg.norm(inverse[1])
    interval = (float(rate - half_length), float(rate + half_length))
    return PowerLaw(
        coefficient=float(np.exp(constant)),
        rate=float(rate),
        interval=interval,
        confidence=confidence,
        chi2=chi2,
        p_value=p_value,
        status=_status(interval, p_value),
    )


def _status(interval: tuple[float, float], p_value: float) -> str:
    if p_value < _POOR:
        return "no power law"
    return "resolved" if np.all(np.isfinite(interval)) else _UNRESOLVED
