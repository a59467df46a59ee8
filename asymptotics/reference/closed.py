"""Classifiers whose limit needs no iteration in several unknowns: square loss, centroid, Bayes."""

from __future__ import annotations

from .arithmetic import Context, Real, below
from .equations import Equations, Point, Quantities
from .logistic import LogisticChannel
from .population import Atoms

__all__ = ["bayes", "centroid", "singular_square", "solve_square"]

_BISECTIONS = 60
_MAX_DOUBLINGS = 10000
_MAX_STEPS = 60


def solve_square(equations: Equations, *, hard: bool) -> Point:
    """The fixed point of a linear channel, V̂ = 1/(1 + V), or 1/V for the constraint u = 1 (`hard`).

    With it the equation for V reads γ Σ w V̂d/(λ + V̂d) + V̂ = 1 (without the last V̂ if hard), and
    those for m, q and b = (2π - 1)(1 - m) are linear.
    """
    ctx, spectrum = equations.ctx, equations.atoms
    gamma, penalty = equations.aspect_ratio, equations.penalty
    imbalance = 2 * spectrum.balance - 1 if equations.free_intercept else ctx.zero
    informative = (1 - imbalance) * (1 + imbalance)
    if penalty == 0:
        v_hat = 1 - gamma * spectrum.rank
    else:
        v_hat = _response(ctx, spectrum, gamma, penalty, soft=0 if hard else 1)
    alignment, explained, trace = equations.prior(v_hat, ctx.zero, v_hat)
    _, spread, _ = equations.prior(ctx.zero, v_hat**2, v_hat)
    gap = 1 / (1 + alignment * informative)  # 1 - m
    variance = gap**2 * informative * (explained * informative + spread) / (1 - spread)
    return Point(alignment * informative * gap, variance, trace, imbalance * gap)


def singular_square(equations: Equations) -> Quantities | None:
    """The two limits of least squares that are not a fixed point, if this is one of them."""
    ctx, spectrum = equations.ctx, equations.atoms
    v_hat = 1 - equations.aspect_ratio * spectrum.rank
    if equations.penalty > 0 or (v_hat > 0 and spectrum.separation is not None):
        return None
    v = 1 / v_hat - 1 if v_hat > 0 else ctx.inf
    if spectrum.separation is None:
        # Signal without noise, found at no cost: every margin is 1.
        return Quantities(ctx.one, ctx.zero, ctx.one, ctx.zero, ctx.zero, v, ctx.one, ctx.zero)
    # As many samples as dimensions: the variance diverges like V, at a finite mean.
    imbalance = 2 * spectrum.balance - 1 if equations.free_intercept else ctx.zero
    signal = spectrum.separation * (1 - imbalance) * (1 + imbalance)
    mean, half = signal / (1 + signal), ctx.one / 2
    return Quantities(half, half, mean, v, imbalance * (1 - mean), v, ctx.one, ctx.zero)


def _response(ctx: Context, spectrum: Atoms, gamma: Real, penalty: Real, soft: int) -> Real:
    """The root V̂ of γ Σ w V̂d/(λ + V̂d) + soft·V̂ - 1, which rises and is concave in V̂."""

    def excess(x: Real) -> tuple[Real, Real]:
        terms = [(w * d, penalty + x * d) for d, w, _ in spectrum if w and d]
        value = gamma * sum(x * a / r for a, r in terms) + soft * x - 1
        slope = gamma * sum(penalty * a / r**2 for a, r in terms) + soft
        return value, slope

    low = ctx.one
    for _ in range(_MAX_DOUBLINGS):
        if excess(low)[0] <= 0:
            break
        low /= 2
    high = low
    for _ in range(_MAX_DOUBLINGS):
        if excess(high)[0] >= 0:
            break
        high *= 2
    for _ in range(_BISECTIONS):
        middle = ctx.sqrt(low * high)
        if excess(middle)[0] < 0:
            low = middle
        else:
            high = middle
    x = low
    for _ in range(_MAX_STEPS):
        value, slope = excess(x)
        step = value / slope
        x -= step
        if abs(step) < ctx.eps * 1000 * x:
            break
    return x


def centroid(equations: Equations, fit_intercept: bool) -> Quantities:
    """w = (z̄₊ - z̄₋)/2 and b = -⟨w, z̄₊ + z̄₋⟩/2; without an intercept w is the mean of y z, b = 0.

    A training point of class ± has the weight a_±/n in w, with a_± = 1/(2P(y = ±1)), or 1; its
    margin exceeds that of a fresh point by a_± γ Σ w d. In b = -(|z̄₊|² - |z̄₋|²)/4 the noise alone
    is left: |z̄_±|² = |Tμ|² + γ Σ w d/P(y = ±1).
    """
    ctx, spectrum, gamma = equations.ctx, equations.atoms, equations.aspect_ratio
    pi = spectrum.balance
    trace = gamma * sum(w * d for d, w, _ in spectrum)
    plus = minus = ctx.one
    b = ctx.zero
    if fit_intercept:
        plus, minus = 1 / (2 * pi), 1 / (2 * (1 - pi))
        b = -trace * (1 / pi - 1 / (1 - pi)) / 4
    mean = spectrum.signal
    q = sum(e * d for d, _, e in spectrum)
    q += gamma * sum(w * d**2 for d, w, _ in spectrum) * (pi * plus**2 + (1 - pi) * minus**2)
    deviation = ctx.sqrt(q)

    def share_above(up: Real, down: Real) -> Real:
        return pi * below(ctx, up / deviation) + (1 - pi) * below(ctx, down / deviation)

    up, down = mean + b + trace * plus, mean - b + trace * minus
    return Quantities(
        share_above(mean + b, mean - b),
        share_above(-mean - b, b - mean),
        mean,
        q,
        b,
        trace,
        share_above(up, down),
        1 - pi * up - (1 - pi) * down,
    )


def bayes(equations: Equations, fit_intercept: bool) -> Quantities:
    """The log-odds 2⟨z, Σ⁻¹μ⟩ + log(π/(1 - π)): mean 2D², variance 4D², D² = Σ e/d."""
    ctx, spectrum = equations.ctx, equations.atoms
    pi = spectrum.balance
    b = ctx.log(pi / (1 - pi)) if fit_intercept else ctx.zero
    separation = spectrum.separation
    if separation is None:
        return Quantities(ctx.one, ctx.zero, ctx.inf, ctx.inf, b, ctx.zero, ctx.one, ctx.zero)
    mean, q = 2 * separation, 4 * separation
    if separation == 0:
        # Only the labels' own odds are known: the larger class always, or the toss of a coin.
        accuracy = max(pi, 1 - pi) if b else ctx.one / 2
        loss = pi * ctx.log1p(ctx.exp(-b)) + (1 - pi) * ctx.log1p(ctx.exp(b))
        return Quantities(accuracy, 1 - accuracy, mean, q, b, ctx.zero, accuracy, loss)
    deviation = ctx.sqrt(q)
    channel = LogisticChannel()
    accuracy = error = loss = ctx.zero
    # without an intercept, or balanced, the classes are alike
    for label, share in ((1, pi), (-1, 1 - pi)) if b else ((1, ctx.one),):
        margin = (mean + label * b) / deviation
        accuracy += share * below(ctx, margin)
        error += share * below(ctx, -margin)
        loss += share * channel.training(ctx, mean + label * b, q, ctx.zero, label)[1]
    return Quantities(accuracy, error, mean, q, b, ctx.zero, accuracy, loss)
