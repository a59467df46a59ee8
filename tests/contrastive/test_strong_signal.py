"""InfoNCE on the unit sphere with a strong signal, against the loss that norms which concentrate leave.

That loss is written out below as a function of the matrix A = TᵀT; the package solves equations derived from it.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp
from scipy.optimize import minimize, minimize_scalar

import asymptotics as asy

STRONG = asy.SpikedMixture(5.0)
RNG = np.random.default_rng(13)


def cosine(augmentation, temperature=1.0, dimension=50, **more):
    return asy.InfoNCE(augmentation, temperature, "cosine", dimension=dimension, **more)


def settings(count):
    """Random s, σ, σ_a, p."""
    p = RNG.integers(5, 2000, count)
    noise = RNG.uniform(0.3, 3, count)
    return (
        noise * np.sqrt(p) * RNG.uniform(0.3, 2, count),
        noise,
        noise * 10 ** RNG.uniform(-1.5, 1, count),
        p,
    )


def concentrated_loss(a, mean, covariance, added, temperature, balance):
    """With |Th|² = μᵀAμ + tr AC for every point; analytic in A."""
    along = mean @ a @ mean
    size = along + np.trace(a @ (covariance + added))
    value = -(along + np.trace(a @ covariance)) / (size * temperature)
    for label, share in ((1, balance), (-1, 1 - balance)):
        x = label * along / (size * temperature)
        value = value + share * np.log(balance * np.exp(x) + (1 - balance) * np.exp(-x))
    return value


# ------------------------------------------------------------------------ the closed form


@pytest.mark.parametrize("seed", range(3))
def test_closed_form(seed):
    s, sigma, spread, p = settings(300)
    mix = asy.SpikedMixture(s, sigma)
    total = sigma**2 + spread**2
    reach = np.arctanh(spread**2 / total)
    threshold = s**2 / (s**2 + total) / reach
    neutral = s**2 / (s**2 + p * total) / reach
    loss = cosine(spread, dimension=p)
    assert_allclose(loss.collapse_temperature(mix), threshold, rtol=1e-10)
    found = loss.boundary(mix, "temperature", bounds=(1e-12, 1e12))
    assert_allclose(found.value, neutral, rtol=1e-10)
    assert np.all(found.status == "crossing")
    # well away from τ*, where the gain has no derivative
    tau = threshold * RNG.uniform(1e-3, 0.95, 300)
    u = tau * reach
    b = (p - 1) * u * total / (s**2 * (1 - u) - u * total)
    loss = cosine(spread, tau, p)
    assert_allclose(loss.gain(mix), np.sqrt(b), rtol=1e-10)
    assert_allclose(loss.expansion_measure(mix), p * b / (b + p - 1), rtol=1e-10)
    assert np.array_equal(loss.regime(mix) == "expansion", b > 1)
    beyond = cosine(spread, threshold * RNG.uniform(1.0001, 100, 300), p)
    assert np.all(beyond.gain(mix) == np.inf)
    assert_allclose(beyond.expansion_measure(mix), p, rtol=1e-15)
    assert np.all(beyond.regime(mix) == "collapse")


def test_scalars_stay_scalars():
    loss = cosine(0.7)
    values = loss.gain(STRONG), loss.expansion_measure(STRONG), loss.collapse_temperature(STRONG)
    assert all(type(value) is float for value in values)
    assert loss.regime(STRONG) == "expansion"
    found = loss.boundary(STRONG, "temperature")
    assert type(found.value) is float and found.status == "crossing"


def test_everything_broadcasts():
    loss = cosine(np.array([0.4, 0.7])[:, None, None], [0.1, 1.0, 5.0], np.array([[30], [50]]))
    assert loss.batch_shape == (2, 2, 3)
    mix = asy.SpikedMixture(np.array([4.0, 6.0])[:, None, None, None], balance=[0.3, 0.5, 0.6])
    gain = loss.gain(mix)
    assert gain.shape == (2, 2, 2, 3) == loss.expansion_measure(mix).shape
    assert loss.collapse_temperature(mix).shape == (2, 2, 2, 3)
    one = cosine(0.7, 1.0, 30).gain(asy.SpikedMixture(6.0, balance=0.5))
    assert gain[1, 1, 0, 1] == pytest.approx(one, rel=1e-14)


def test_the_gain_on_the_boundary_is_one():
    loss = cosine([0.4, 0.7, 1.5], dimension=50)
    at = loss.boundary(STRONG, "temperature").value
    assert_allclose(cosine([0.4, 0.7, 1.5], at).gain(STRONG), 1.0, rtol=1e-12)
    assert np.all(cosine([0.4, 0.7, 1.5], at).regime(STRONG) == "neutral")
    for factor, word in ((0.99, "shrinkage"), (1.01, "expansion")):
        assert np.all(cosine([0.4, 0.7, 1.5], factor * at).regime(STRONG) == word)
    # along the augmentation it is found by search; a collapse is an expansion to it
    found = cosine(9.0, at).boundary(STRONG, "augmentation")
    assert_allclose(found.value, [0.4, 0.7, 1.5], rtol=1e-10)
    outside = loss.boundary(STRONG, "temperature", bounds=(1.0, 2.0))
    assert outside.status.tolist() == ["crossing" if 1 <= t <= 2 else word for t, word in
        zip(at, ["always shrinkage", "always expansion", "always expansion"], strict=True)]  # fmt: skip
    assert np.array_equal(np.isnan(outside.value), (at < 1) | (at > 2))


def test_extreme_augmentation():
    """σ_a²/C is 1 but for 1e-12, and artanh of it keeps its digits."""
    spread = np.array([1e6, 1e3, 1e-3, 1e-6])
    loss = cosine(spread, dimension=50)
    reach = 0.5 * np.log1p(2 * spread**2)
    assert_allclose(loss.collapse_temperature(STRONG), 25 / (26 + spread**2) / reach, rtol=1e-13)
    assert np.all(cosine(0.0, [0.1, 10.0]).gain(STRONG) == 0.0)
    assert cosine(0.0).collapse_temperature(STRONG) == np.inf
    assert cosine(0.0).boundary(STRONG, "temperature").status == "always shrinkage"


# ------------------------------------------------------------------------ unequal classes


@pytest.mark.parametrize("balance", [0.5, 0.3, 0.7, 0.05])
@pytest.mark.parametrize("spread", [0.3, 0.9, 3.0, 30.0])
def test_the_loss_is_minimal_for_any_balance(balance, spread):
    mix, total = asy.SpikedMixture(5.0, balance=balance), 1 + spread**2
    mean = np.eye(50)[0] * 5.0
    temperature = 0.3

    def loss(log_b):
        a = np.eye(50)
        a[0, 0] = np.exp(log_b)
        added = spread**2 * np.eye(50)
        return concentrated_loss(a, mean, np.eye(50), added, temperature, balance)

    gain = cosine(spread, temperature).gain(mix)
    if gain == 0:  # 1 - ρ ≤ (2π - 1)²: the loss rises from b = 0 on
        assert spread**2 / total <= (2 * balance - 1) ** 2
        values = [loss(x) for x in np.linspace(-12, 3, 40)]
        assert np.all(np.diff(values) > 0)
        assert cosine(spread).collapse_temperature(mix) == np.inf
    elif gain == np.inf:
        assert np.all(np.diff([loss(x) for x in np.linspace(-3, 20, 40)]) < 0)
    else:
        assert spread**2 / total > (2 * balance - 1) ** 2
        found = minimize_scalar(
            loss, bracket=(2 * np.log(gain) - 1, 2 * np.log(gain) + 1), tol=1e-12
        )
        assert_allclose(0.5 * found.x, np.log(gain), atol=1e-6)  # of a minimum, half the digits
        threshold = cosine(spread).collapse_temperature(mix)
        assert cosine(spread, 1.001 * threshold).gain(mix) == np.inf
        assert np.isfinite(cosine(spread, 0.999 * threshold).gain(mix))


def test_swapping_the_classes_changes_nothing():
    one, other = (asy.SpikedMixture(5.0, balance=balance) for balance in (0.3, 0.7))
    loss = cosine([0.5, 0.9, 2.0], [[0.1], [0.8]])
    assert_allclose(loss.gain(one), loss.gain(other), rtol=1e-12)
    assert np.all(loss.gain(one)[:, :2] < loss.gain(STRONG)[:, :2])


def test_nearly_equal_classes():
    """The quadratic for tanh x goes over into the closed form without a loss of digits."""
    spread = np.array([1e-3, 0.1, 1.0, 10.0, 1e3])
    exact = cosine(spread).collapse_temperature(STRONG)
    nearly = cosine(spread).collapse_temperature(asy.SpikedMixture(5.0, balance=0.5 + 1e-9))
    assert_allclose(nearly, exact, rtol=1e-8)


# ------------------------------------------------------------------------ directions of other noise


def test_a_spike_of_less_variance_is_given_up():
    """Views share least of it: T drops the direction, and the others do not notice."""
    loss = cosine(0.7, [0.3, 1.0])
    mix = asy.SpikedMixture(5.0, spikes=[asy.Spike(-0.5)])
    assert np.all(loss.spike_gains(mix) == 0.0)
    p, b = 50, loss.gain(mix) ** 2
    # 48 directions of the bulk are left
    u, total = np.array([0.3, 1.0]) * np.arctanh(0.49 / 1.49), 1.49
    assert_allclose(b, (p - 2) * u * total / (25 * (1 - u) - u * total), rtol=1e-12)
    assert_allclose(loss.expansion_measure(mix), p * b / (b + p - 2), rtol=1e-12)
    made = loss.projector(mix)
    assert np.all(made.matrix[:, 1, 1] == 0.0)
    tilted = asy.SpikedMixture(5.0, spikes=[asy.Spike(-0.5, 0.3)])
    assert np.all(loss.spike_gains(tilted) > 0.0)  # it has a share in the signal


def test_a_spike_along_the_signal():
    """Its noise is shared by a pair in a proportion of its own."""
    loss = cosine(0.7, 1.0)
    mix = asy.SpikedMixture(5.0, spikes=[asy.Spike(3.0, 1.0)])
    u, total = np.arctanh(0.49 / 1.49 + (4.0 - 4.49 / 1.49) / 25), 4.0 + 0.49
    b = 49 * u / (25 * (1 - u) - u * total) * 1.49
    assert_allclose(loss.gain(mix) ** 2, b, rtol=1e-12)
    assert_allclose(loss.spike_gains(mix)[0], loss.gain(mix), rtol=1e-12)
    collapsed = cosine(0.7, 9.0)
    assert collapsed.spike_gains(mix)[0] == np.inf == collapsed.gain(mix)


def test_the_kept_directions_minimise_the_loss():
    """Over all diagonal A, with a term in tr (AC)²/N², of order 1/p, that makes views white."""
    p, temperature = 60, 1.0
    rng = np.random.default_rng(0)
    covariance = np.repeat([1.0, 2.0, 0.5], [1, 29, 30])
    added = np.concatenate([[0.6], 0.3 * covariance[1:30], 2.0 * covariance[30:]])
    mean = np.eye(p)[0] * 6.0
    weak = 0.002

    def loss(log_a):
        a = np.diag(np.exp(log_a))
        energies = np.exp(log_a) * (covariance + added)
        energies = energies[1:] / (energies.sum() + np.exp(log_a[0]) * 36)
        return concentrated_loss(
            a, mean, np.diag(covariance), np.diag(added), temperature, 0.5
        ) + weak * np.sum(energies**2)

    def fun(log_a):
        steps = log_a + 1e-30j * np.eye(p)
        return loss(log_a), np.array([loss(step).imag / 1e-30 for step in steps])

    found = minimize(fun, rng.normal(size=p) * 0.1, jac=True, method="L-BFGS-B",
                     bounds=[(-12, 9)] * p, options={"maxiter": 300, "ftol": 0, "gtol": 1e-10})  # fmt: skip
    a = np.exp(found.x - found.x[1])
    mix = asy.GaussianMixture(mean, np.diag(covariance))
    loss_ = cosine(asy.Augmentation(covariance=np.diag(added)), temperature, p)
    made = loss_.projector(mix, normalise=True).matrix
    expected = np.diag(made) ** 2 / made[1, 1] ** 2
    assert_allclose(a[1:30], 1.0, rtol=1e-2)
    assert np.all(a[30:] < 1e-3) and np.all(expected[30:] == 0.0)
    assert_allclose(a[0], expected[0], rtol=0.02)  # of the added term


def test_what_has_too_few_directions_is_refused():
    loss = cosine(0.7, 1.0)
    with pytest.raises(ValueError, match=r"mix must not have a special direction .* spike"):
        loss.gain(asy.SpikedMixture(5.0, spikes=[asy.Spike(0.5, 0.1)]))
    rng = np.random.default_rng(0)
    root = rng.normal(size=(20, 40))
    real = asy.GaussianMixture(rng.normal(size=20), root @ root.T / 40)
    with pytest.raises(ValueError, match="mix must have many directions off the signal"):
        cosine(0.7, 1.0, 20).gain(real)
    parts = asy.Spectrum([1.0, 3.0, 2.0], [0.25, 0.75, 0.0], [0.0, 0.0, 30.0])
    assert (
        cosine(0.7, 0.5, 200).gain(parts) > 0
    )  # keeps the part of variance 3, of which there is enough


def test_in_coordinates():
    loss = cosine(0.7, [0.3, 1.0, 5.0])
    for mix in (STRONG, asy.SpikedMixture(5.0, 0.8, [asy.Spike(1.0, 1.0)], 0.4)):
        real = mix.realise(50)
        assert_allclose(loss.gain(real), loss.gain(mix), rtol=1e-12)
        assert_allclose(loss.expansion_measure(real), loss.expansion_measure(mix), rtol=1e-12)
        assert_allclose(loss.collapse_temperature(real), loss.collapse_temperature(mix), rtol=1e-12)
    with pytest.raises(ValueError, match="dimension must be 40, that of mix, got 50"):
        loss.gain(STRONG.realise(40))


# ------------------------------------------------------------------------ the flow


@pytest.mark.parametrize("balance", [0.5, 0.2])
@pytest.mark.parametrize("temperature", [0.05, 0.5, 2.0, 9.0])
def test_the_flow_is_that_of_the_matrix(balance, temperature):
    """Ṫ = -∂L/∂T by a complex step in each entry of a 6 × 6 matrix."""
    p, s, spread = 6, 2.5, 0.8
    mean, eye = np.eye(p)[0] * s, np.eye(p)

    def velocity(_, state):
        t = state.reshape(p, p).astype(complex)
        out = np.empty((p, p))
        for i, j in ((0, 0), (1, 1)):
            step = t.copy()
            step[i, j] += 1e-30j
            slope = concentrated_loss(
                step.T @ step, mean, eye, spread**2 * eye, temperature, balance
            )
            out[i, j] = -slope.imag / 1e-30
        return (np.diag(np.r_[out[0, 0], np.repeat(out[1, 1], p - 1)])).ravel()

    times = np.array([0.3, 3.0, 30.0])
    states = solve_ivp(velocity, (0, 30), eye.ravel(), "LSODA", times, rtol=1e-10, atol=1e-12).y
    expected = states[0] / states[-1]
    loss = cosine(spread, temperature, p, time=times)
    mix = asy.SpikedMixture(s, balance=balance)
    assert_allclose(loss.gain(mix), expected, rtol=1e-6)
    assert np.all(
        np.abs(cosine(spread, 1.2 * temperature, p, time=times).gain(mix) - expected) > 1e-6
    )
    assert_allclose(states[0] ** 2 + 5 * states[-1] ** 2, p, rtol=1e-8)  # |T|² stays


def test_the_flow_starts_at_the_identity_and_ends_at_the_optimum():
    loss = cosine([0.5, 0.9, 2.0], [[0.02], [0.5], [3.0]])
    start, soon, end = (
        cosine(loss.augmentation, loss.temperature, time=t).gain(STRONG) for t in (0.0, 1e-6, 1e5)
    )
    assert np.all(start == 1.0) and np.all(np.abs(soon - 1) < 1e-4)
    final = loss.gain(STRONG)
    finite = np.isfinite(final)
    assert finite.any() and not finite.all()
    assert_allclose(end[finite], final[finite], rtol=1e-9)
    assert np.all(end[~finite] > 1e6)
    assert np.all(cosine(0.5, 0.5, time=[0.0, np.inf]).regime(STRONG) == ["neutral", "shrinkage"])


def test_corners_of_the_flow():
    s, noise, spread, p = settings(400)
    mix = asy.SpikedMixture(s, noise, balance=np.where(RNG.random(400) < 0.5, 0.5, 0.1))
    tau, time = 10 ** RNG.uniform(-3, 2, 400), 10 ** RNG.uniform(-6, 9, 400)
    gain = cosine(spread, tau, p, time=time).gain(mix)
    assert not np.any(np.isnan(gain)) and np.all(gain >= 0)
    final = cosine(spread, tau, p).gain(mix)
    assert np.all((gain - 1) * (final - 1) >= 0)
    ahead = np.where(final > 1, gain > final * (1 + 1e-9), gain < final * (1 - 1e-9))
    assert not np.any(ahead)


def test_a_flow_without_isotropic_noise_is_refused():
    loss = cosine(0.7, 1.0, time=3.0)
    with pytest.raises(ValueError, match=r"time must be inf .* not isotropic, got 1 spike"):
        loss.gain(asy.SpikedMixture(5.0, spikes=[asy.Spike(-0.5)]))


# ------------------------------------------------------------------------ as a projector


CLASSIFIERS = [
    asy.Ridge(0.1),
    asy.Logistic(0.1),
    asy.SVM(1.0),
    asy.SquaredHinge(0.5),
    asy.Centroid(),
    asy.MinNorm(),
]


@pytest.mark.parametrize("clf", CLASSIFIERS, ids=lambda clf: type(clf).__name__)
def test_a_collapsed_projector_has_a_limit(clf):
    """That of an expansion whose gain goes to infinity, reached continuously from below τ*."""
    mix = asy.SpikedMixture(2.0)
    threshold = cosine(0.7, dimension=8).collapse_temperature(mix)
    limit = asy.limit(mix, clf, 2.0, cosine(0.7, [1.1 * threshold, 1e3], 8))
    large = asy.limit(mix, clf, 2.0, asy.Expansion([1e4, 1e7, 1e9]))
    assert_allclose(limit.accuracy, large.accuracy[-1], rtol=1e-12)
    apart = np.abs(large.accuracy - limit.accuracy[0])
    assert apart[1] <= max(1e-2 * apart[0], 1e-13)
    before = asy.limit(mix, clf, 2.0, cosine(0.7, threshold * (1 - 1e-10), 8))
    assert_allclose(limit.accuracy[0], before.accuracy, rtol=1e-6)


@pytest.mark.parametrize("clf", [asy.Ridge(1.0), asy.Logistic(0.1), asy.MaxMargin()], ids=repr)
def test_classifiers_are_trained_behind_a_collapse(clf):
    """The same draws at a large finite gain; and the limit, within 1/n for the intercept."""
    mix, loss = asy.SpikedMixture(1.5), cosine(0.7, 100.0, 8)
    how = {"n": 100, "trials": 20, "rng": 0, "method": "direct"}
    sim = asy.simulate(mix, clf, 2.0, projector=loss, **how)
    large = asy.simulate(mix, clf, 2.0, projector=asy.Expansion(1e6), **how)
    assert_allclose(sim.accuracy, large.accuracy, rtol=1e-9)
    assert abs(sim.mean - asy.limit(mix, clf, 2.0, loss).accuracy) < 4 * sim.stderr + 0.01


def test_it_is_an_expansion():
    loss = cosine([0.4, 0.9], [[0.3], [1.0]])
    expected = asy.limit(STRONG, asy.Ridge(0.1), 5.0, asy.Expansion(loss.gain(STRONG))).error
    assert_allclose(asy.limit(STRONG, asy.Ridge(0.1), 5.0, loss).error, expected, rtol=1e-12)
    composed = asy.limit(STRONG, asy.Ridge(0.1), 5.0, asy.Expansion(2.0, 0.3) @ loss)
    assert np.all(composed.accuracy > 0.5)


def test_before_and_after():
    report = asy.before_and_after(STRONG, asy.Ridge(0.1), 5.0, cosine(0.7, [0.1, 1.0, 9.0]))
    assert report.regime.tolist() == ["shrinkage", "expansion", "collapse"]
    assert report.gain[2] == np.inf
    assert np.sign(report.difference).tolist() == [-1.0, 1.0, 1.0]


# ------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: asy.InfoNCE(0.5, dimension=50), "dimension must be None for similarity='inner'"),
        (lambda: asy.InfoNCE(0.5, exact=True), "exact must be False without a dimension"),
        (lambda: cosine(0.5, 1.0, 50, exact=True, time=1.0), "time must be inf for exact=True"),
        (lambda: cosine(0.5).gain(asy.SpikedMixture(0.0)), "mix must have a signal"),
        (lambda: cosine(0.5).projector(STRONG, normalise=False), "normalise must be True"),
        (lambda: cosine(0.5).certificate(STRONG), "similarity must be 'inner'"),
        (
            lambda: asy.InfoNCE(0.5, 1.0, "cosine").collapse_temperature(STRONG),
            "with a dimension for a collapse temperature",
        ),
        (lambda: asy.InfoNCE(0.5).collapse_temperature(STRONG), "got 'inner' and dimension None"),
        (lambda: asy.InfoNCE(0.5).expansion_measure(STRONG), "dimension must be given"),
        (lambda: cosine(0.5, dimension=[50, 1]), "integers of at least 2, got 1"),
        (
            lambda: cosine([0.5, 0.6], dimension=[50, 60, 70]),
            "augmentation, temperature, time and dimension must broadcast",
        ),
        (
            lambda: cosine(0.5, dimension=2).gain(asy.SpikedMixture(5.0, spikes=[asy.Spike(-0.5)])),
            "dimension must be at least 3, .* got 2",
        ),
    ],
)
def test_refusals(ask, message):
    with pytest.raises(ValueError, match=message):
        ask()


def test_dimensions_are_integers():
    for value in (50.0, [50.0], True, "50"):
        with pytest.raises(TypeError, match="dimension must be"):
            cosine(0.5, dimension=value)
