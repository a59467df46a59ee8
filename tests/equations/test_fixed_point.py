"""The equations of the limit, checked with arithmetic that the solver does not share.

The prior's side is a linear system in the frame, solved with 50 digits (no spectrum, no eigenvalues).
The channel's side of hinge, squared hinge and hard margin are closed Gaussian moments with 50 digits;
that of the logistic loss is a composite Gauss-Legendre rule in ω, with a prox found by bisection and
Newton's method on its logarithmic form, and everything summed as logarithms. `test_verifier_*` check
the verifier itself against mpmath's adaptive quadrature.
"""

import dataclasses
import math

import mpmath
import numpy as np
import pytest
from mpmath import mp
from scipy.special import expit, logsumexp

import asymptotics as asy

EPS = np.finfo(float).eps
DIGITS = 50

CLASSIFIERS = {
    "ridge": asy.Ridge,
    "logistic": asy.Logistic,
    "svm": asy.SVM,
    "squared_hinge": asy.SquaredHinge,
    "max_margin": lambda penalty, fit_intercept: asy.MaxMargin(fit_intercept),
    "min_norm": lambda penalty, fit_intercept: asy.MinNorm(fit_intercept),
}


@dataclasses.dataclass(frozen=True)
class Case:
    """One point of the box that the package promises to solve."""

    kind: str
    signal: float
    noise: float
    spikes: tuple
    balance: float
    gain: float
    alignment: float
    aspect_ratio: float
    penalty: float
    fit_intercept: bool

    @classmethod
    def draw(cls, kind, rng):
        def log_uniform(low, high):
            return float(np.exp(rng.uniform(np.log(low), np.log(high))))

        def strength():
            return log_uniform(0.1, 100.0) if rng.random() < 0.8 else -float(rng.uniform(0.0, 0.3))

        spikes = tuple(
            (strength(), float(rng.uniform(-0.99, 0.99))) for _ in range(rng.integers(0, 3))
        )
        return cls(
            kind,
            signal=log_uniform(0.02, 8.0),
            noise=log_uniform(0.1, 10.0),
            spikes=spikes,
            balance=0.5 if rng.random() < 0.3 else float(rng.uniform(0.02, 0.98)),
            gain=log_uniform(1e-3, 1e3),
            alignment=1.0 if rng.random() < 0.5 else float(rng.uniform(-0.99, 0.99)),
            aspect_ratio=log_uniform(0.02, 100.0),
            penalty=log_uniform(1e-7, 1e5),
            fit_intercept=bool(rng.random() < 0.6),
        )

    def solve(self, **options):
        spikes = [asy.Spike(*spike) for spike in self.spikes]
        return asy.limit(
            asy.SpikedMixture(self.signal, self.noise, spikes, self.balance),
            CLASSIFIERS[self.kind](self.penalty, self.fit_intercept),
            self.aspect_ratio,
            asy.Expansion(self.gain, self.alignment),
            **options,
        )


def projected_frame(case):
    """T μ and T Σ Tᵀ on the axes of signal, spikes and expansion, as matrices of mpmath."""
    count = len(case.spikes)
    size = count + 2
    covariance = mp.eye(size)
    for axis, (strength, alignment) in enumerate(case.spikes, start=1):
        v = mp.matrix(size, 1)
        v[0], v[axis] = mp.mpf(alignment), mp.sqrt(1 - mp.mpf(alignment) ** 2)
        covariance += mp.mpf(strength) * v * v.T
    covariance *= mp.mpf(case.noise) ** 2
    u = mp.matrix(size, 1)
    u[0], u[size - 1] = mp.mpf(case.alignment), mp.sqrt(1 - mp.mpf(case.alignment) ** 2)
    projector = mp.eye(size) + (mp.mpf(case.gain) - 1) * u * u.T
    mean = mp.matrix(size, 1)
    mean[0] = mp.mpf(case.signal)
    return projector * mean, projector * covariance * projector.T


def prior(case, penalty, m_hat, q_hat, v_hat):
    """m, q, V from m̂, q̂, V̂."""
    mean, covariance = projected_frame(case)
    direction = mp.lu_solve(penalty * mp.eye(len(mean)) + v_hat * covariance, mean)
    bulk = mp.mpf(case.noise) ** 2
    response = bulk / (penalty + v_hat * bulk)
    aligned, spread = (mean.T * direction)[0], (direction.T * covariance * direction)[0]
    gamma = mp.mpf(case.aspect_ratio)
    return m_hat * aligned, m_hat**2 * spread + gamma * q_hat * response**2, gamma * response


def half_moments(x):
    """P(g < x), E (x - g)₊, E (x - g)₊² of a standard normal g."""
    p, density = mp.erfc(-x / mp.sqrt(2)) / 2, mp.npdf(x)
    return p, x * p + density, (1 + x * x) * p + x * density


def clipped_channel(mean, deviation, kappa):
    """E f, E f², -E f' of f = (1 - ω)₊/κ, and E ℓ = ½ E f²."""
    p, first, second = half_moments((1 - mean) / deviation)
    scale = deviation / kappa
    return scale * first, scale**2 * second, p / kappa, scale**2 * second / 2


def hinge_channel(mean, deviation, v):
    """The same of f = 1 below 1 - V, where ℓ = 1 - V - ω, (1 - ω)/V up to 1, 0 above."""
    x, gap = (1 - mean) / deviation, v / deviation
    p1, first1, second1 = half_moments(x)
    p0, first0, second0 = half_moments(x - gap)
    beyond = second0 + 2 * gap * first0 + gap**2 * p0  # E[(x - g)²; g < x - gap]
    slope = (p1 - p0) / v
    return (first1 - first0) / gap, p0 + (second1 - beyond) / gap**2, slope, deviation * first0


def logit_of_f(omega, v):
    """u = log(f/(1 - f)) = -prox(ω), the root of u + ω + V σ(u) = 0: Newton, bisected every third step."""
    low, high = -omega - v, -omega
    u = np.where(omega > 0, high, np.where(omega < -v, low, 0.0))
    for step in range(300):
        s = expit(u)
        value, slope = u + omega + v * s, 1.0 + v * s * expit(-u)
        low, high = np.where(value <= 0, u, low), np.where(value >= 0, u, high)
        newton = u - value / slope
        outside = ~((newton > low) & (newton < high))
        if np.all((np.abs(value / slope) <= 1e-14 * (1e-3 + np.abs(u))) | (high - low <= EPS)):
            break
        u = np.where(outside | (step % 3 == 2), 0.5 * (low + high), newton)
    return u


PANEL_NODES, PANEL_WEIGHTS = np.polynomial.legendre.leggauss(14)


def logistic_channel(mean, deviation, v):
    """Logarithms of E f, E f², -E f', E ℓ, over panels graded towards the bends of f."""
    reach_low, reach_high = -120.0, 60.0  # of z: e^{-ω} moves the mass down by √q, 2√q
    ladder = np.concatenate([[0.0], 0.25 * 1.35 ** np.arange(90)])
    ladder = np.concatenate([-ladder[::-1], ladder])
    bend = np.log1p(v)
    # offsets from the mean, so that a deviation of 1e-7 loses no digits
    knots = [deviation * np.arange(reach_low, reach_high + 0.25, 0.5)]
    knots += [ladder + (c - mean) for c in (bend, -v - bend, 0.0, -v, -0.5 * v)]
    knots = np.unique(np.concatenate(knots))
    knots = knots[(knots >= reach_low * deviation) & (knots <= reach_high * deviation)]
    half = 0.5 * np.diff(knots)[:, None]
    offset = 0.5 * (knots[1:] + knots[:-1])[:, None] + half * PANEL_NODES
    z = offset / deviation
    log_weight = np.log(half * PANEL_WEIGHTS / deviation) - 0.5 * (z * z + np.log(2 * np.pi))
    u = logit_of_f(mean + offset, v)
    log_f = -np.logaddexp(0.0, -u)
    log_curvature = log_f - np.logaddexp(0.0, u)
    log_slope = log_curvature - np.logaddexp(0.0, np.log(v) + log_curvature)
    log_loss = np.where(u < -40.0, u, np.log(np.logaddexp(0.0, np.maximum(u, -40.0))))
    return [logsumexp(log_weight + part) for part in (log_f, 2 * log_f, log_slope, log_loss)]


def channel(case, mean, deviation, v):
    """E f, E f², -E f', E ℓ over ω ~ N(mean, deviation²)."""
    kind = case.kind
    if kind == "logistic":
        logs = logistic_channel(float(mean), float(deviation), float(v))
        return [mp.exp(mp.mpf(float(x))) for x in logs]
    if kind == "svm":
        return hinge_channel(mean, deviation, v)
    if kind == "squared_hinge":
        return clipped_channel(mean, deviation, 1 + v)
    if kind == "max_margin":
        return *clipped_channel(mean, deviation, v)[:3], mp.mpf(0)
    second = (1 - mean) ** 2 + deviation**2
    if kind == "min_norm" and case.aspect_ratio > 1:
        return (1 - mean) / v, second / v**2, 1 / v, mp.mpf(0)
    kappa = 1 + v
    return (1 - mean) / kappa, second / kappa**2, 1 / kappa, second / kappa**2 / 2


def share_correct(case, mean, deviation, v):
    """P(prox(ω) > 0): prox(ω) = 0 where ω = Vℓ'(0)."""
    if case.kind == "max_margin" or (case.kind == "min_norm" and case.aspect_ratio > 1):
        return mp.mpf(1)
    edge = -v / 2 if case.kind == "logistic" else -v
    return mp.ncdf((mean - edge) / deviation)


def residual(case, lim):
    """The largest violation of the equations, in scaled units, and what rounding alone explains."""
    with mpmath.workdps(DIGITS):
        m, q, v, b = (
            mp.mpf(x) for x in (lim.mean, lim.variance, lim.susceptibility, lim.intercept)
        )
        deviation, balance = mp.sqrt(q), mp.mpf(case.balance)
        penalty = {"max_margin": 1, "min_norm": int(case.aspect_ratio > 1)}.get(
            case.kind, mp.mpf(case.penalty)
        )
        plus = channel(case, m + b, deviation, v)
        minus = plus if b == 0 else channel(case, m - b, deviation, v)
        *hats, loss = (balance * x + (1 - balance) * y for x, y in zip(plus, minus, strict=True))
        new_m, new_q, new_v = prior(case, penalty, *hats)
        correct = [share_correct(case, mean, deviation, v) for mean in (m + b, m - b)]
        gaps = [
            abs(new_m - m) / max(abs(m), deviation),
            abs(new_q / q - 1),
            abs(new_v / v - 1),
            abs(loss - lim.train_loss) / max(loss, mp.mpf("1e-290")),
            abs(balance * correct[0] + (1 - balance) * correct[1] - lim.train_accuracy),
            abs(balance * plus[0] / ((1 - balance) * minus[0]) - 1)
            if case.fit_intercept
            else abs(b),
        ]
        # m, q, b come rounded: that moves the kink among the margins by eps (1 + |m| + |b|)/√q, and
        # the logarithm of a tail at x deviations changes with x as fast as 1 + |x|.
        depth = max(0, (abs(m) + abs(b) - 1) / deviation)
        if case.kind == "svm":  # whose loss is another V away
            depth += v / deviation
        rounding = 4 * EPS * (1 + abs(m) + abs(b)) / deviation * (1 + depth)
        return float(max(gaps)), float(rounding)


def verify(kind, count, seed, **fixed):
    """Solve and verify `count` draws; the statuses that were seen."""
    rng = np.random.default_rng([seed, *kind.encode()])
    seen = []
    for _ in range(count):
        case = dataclasses.replace(Case.draw(kind, rng), **fixed)
        lim = case.solve(throw=False)  # a warning of NumPy is an error here
        seen.append(str(lim.status))
        numbers = [getattr(lim, f.name) for f in dataclasses.fields(lim) if f.name != "status"]
        if lim.status != asy.Status.CONVERGED:
            assert all(map(math.isnan, numbers))
            continue
        assert all(map(math.isfinite, numbers)), (case, lim)
        assert lim.residual <= 1e-9
        assert abs(lim.accuracy + lim.error - 1.0) <= 4 * EPS
        if lim.variance == 0.0:  # the constant classifier of tests/equations/test_collapse.py
            assert kind == "svm" and case.fit_intercept
            seen[-1] = "constant"
            continue
        worst, rounding = residual(case, lim)
        assert worst <= 1e-9 + rounding, (worst, rounding, case, lim)
    return seen


def check(seen, kind):
    failures = seen.count(str(asy.Status.NOT_CONVERGED))
    assert failures < max(1.0, 0.01 * len(seen))
    allowed = {str(asy.Status.CONVERGED), str(asy.Status.NOT_CONVERGED)}
    allowed |= {"max_margin": {str(asy.Status.NOT_SEPARABLE)}, "svm": {"constant"}}.get(kind, set())
    assert set(seen) <= allowed


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_equations_hold(kind):
    check(verify(kind, 60, seed=0), kind)


@pytest.mark.slow
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_equations_hold_everywhere(kind):
    check(verify(kind, 200 if kind == "logistic" else 400, seed=1), kind)


@pytest.mark.parametrize("kind", ["ridge", "logistic", "svm", "squared_hinge"])
def test_equations_hold_without_penalty(kind):
    seen = verify(kind, 150, seed=2, penalty=0.0)
    nowhere = "fewer samples" if kind == "ridge" else "separable"
    exists = [status for status in seen if nowhere not in status]
    assert len(exists) > 10
    assert len(seen) - len(exists) > 10
    assert exists.count(str(asy.Status.NOT_CONVERGED)) < max(1.0, 0.01 * len(seen))


@pytest.mark.parametrize("kind", ["logistic", "svm", "squared_hinge", "max_margin"])
def test_verifier_sees_a_wrong_number(kind):
    """The negative control: an order parameter that is off by 1e-8 fails."""
    case = Case(kind, 1.5, 1.0, ((4.0, 0.5),), 0.3, 2.0, 0.8, 1.5, 0.1, True)
    lim = case.solve()
    assert residual(case, lim)[0] < 1e-12
    order_parameters = ["mean", "variance", "intercept", "susceptibility"]
    for name in [*order_parameters, "train_accuracy", *(["train_loss"] if lim.train_loss else [])]:
        wrong = dataclasses.replace(lim, **{name: getattr(lim, name) * (1 + 1e-8)})
        assert residual(case, wrong)[0] > 1e-9


def mp_logistic_channel(mean, deviation, v):
    """The logistic channel by mpmath's adaptive quadrature over x = prox(ω), between many points."""
    mean, deviation, v = mp.mpf(mean), mp.mpf(deviation), mp.mpf(v)

    def sigma(x):
        return 1 / (1 + mp.exp(x))

    def prox(omega):
        low, high = omega, omega + v
        for _ in range(120):
            middle = (low + high) / 2
            low, high = (middle, high) if middle - v * sigma(middle) < omega else (low, middle)
        return low

    def density(x):
        return mp.npdf((x - v * sigma(x) - mean) / deviation) / deviation

    depths = [-60, -45, -35, -28, -22, -17, -13, -10, -8, -6, -4.5, -3, -1.5]
    depths += [0, 1.5, 3, 4.5, 6, 8, 11, 15]
    bends = [0, mp.log1p(v)]
    knots = [prox(mean + deviation * z) for z in depths]
    knots += [c + s for c in bends for s in (-20, -10, -5, -2, 0, 2, 5, 10, 20)]
    knots = sorted(
        {x for x in knots if prox(mean - 60 * deviation) <= x <= prox(mean + 15 * deviation)}
    )

    def expectation(g):
        # mpmath stops at an absolute error: bring the integrand to order 1
        size = max(g(x) * density(x) for x in knots)
        return size * mp.quad(lambda x: g(x) * density(x) / size, knots)

    return [
        expectation(lambda x: sigma(x) * (1 + v * sigma(x) * sigma(-x))),
        expectation(lambda x: sigma(x) ** 2 * (1 + v * sigma(x) * sigma(-x))),
        expectation(lambda x: sigma(x) * sigma(-x)),
        expectation(lambda x: mp.log1p(mp.exp(-x)) * (1 + v * sigma(x) * sigma(-x))),
    ]


@pytest.mark.parametrize(
    ("mean", "deviation", "v"),
    [
        (1.0, 1e-7, 1e-6),
        (0.4, 24.4, 260.5),
        (30.0, 1.0, 1e-3),
        (5.0, 8.0, 0.3),
        (20.0, 60.0, 1e5),
    ],
)
def test_verifier_logistic(mean, deviation, v):
    with mpmath.workdps(20):
        expected = [float(mp.log(x)) for x in mp_logistic_channel(mean, deviation, v)]
    # the verifier is trusted with 1e-9; it is good to a ten thousandth of that
    np.testing.assert_allclose(logistic_channel(mean, deviation, v), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("kind", ["svm", "squared_hinge", "max_margin"])
def test_verifier_clipped(kind):
    case = Case(kind, 1.0, 1.0, (), 0.5, 1.0, 1.0, 1.0, 1.0, False)
    mean, deviation, v = 0.7, 0.9, 1.3
    f = {
        "svm": lambda w: min(max((1 - w) / v, 0), 1),
        "squared_hinge": lambda w: max(1 - w, 0) / (1 + v),
        "max_margin": lambda w: max(1 - w, 0) / v,
    }[kind]
    knots = [-12, (1 - v - mean) / deviation, (1 - mean) / deviation, 12]
    expected = [
        float(mp.quad(lambda z, k=k: f(mean + deviation * z) ** k * mp.npdf(z), knots))
        for k in (1, 2)
    ]
    # -E f' by Stein's lemma
    stein = mp.quad(lambda z: -z * f(mean + deviation * z) * mp.npdf(z), knots) / deviation
    expected.append(float(stein))
    loss = {
        "svm": lambda w: max(1 - w - v, 0),
        "squared_hinge": lambda w: f(w) ** 2 / 2,
        "max_margin": lambda w: 0 * w,
    }[kind]
    expected.append(float(mp.quad(lambda z: loss(mean + deviation * z) * mp.npdf(z), knots)))
    found = [float(x) for x in channel(case, *map(mp.mpf, (mean, deviation, v)))]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def separation(case):
    with mpmath.workdps(DIGITS):
        mean, covariance = projected_frame(case)
        return float((mean.T * mp.lu_solve(covariance, mean))[0])


def test_bayes_and_centroid_need_no_fixed_point():
    """Bayes from μᵀΣ⁻¹μ, the centroid from the moments of two class means, in 200 random mixtures."""
    rng = np.random.default_rng(5)
    for _ in range(200):
        case = Case.draw("bayes", rng)
        mix = asy.SpikedMixture(
            case.signal, case.noise, [asy.Spike(*spike) for spike in case.spikes], case.balance
        )
        projector = asy.Expansion(case.gain, case.alignment)
        s2, pi = separation(case), case.balance
        lim = asy.limit(mix, asy.Bayes(case.fit_intercept), case.aspect_ratio, projector)
        log_odds = math.log(pi / (1 - pi)) if case.fit_intercept else 0.0
        found = [lim.mean, lim.variance, lim.intercept]
        np.testing.assert_allclose(found, [2 * s2, 4 * s2, log_odds], rtol=1e-12, atol=1e-15)

        lim = asy.limit(mix, asy.Centroid(case.fit_intercept), case.aspect_ratio, projector)
        with mpmath.workdps(DIGITS):
            mean, covariance = projected_frame(case)
            signal, spread = (mean.T * mean)[0], (mean.T * covariance * mean)[0]
            gamma, bulk = case.aspect_ratio, mp.mpf(case.noise) ** 2
            # w is half the difference of the class means, or the mean of y z
            loudness = 1 / (4 * mp.mpf(pi) * (1 - mp.mpf(pi))) if case.fit_intercept else 1
            variance = float(spread + gamma * loudness * bulk**2)
        np.testing.assert_allclose([lim.mean, lim.variance], [float(signal), variance], rtol=1e-12)
