"""The projector that InfoNCE leads to, against the raw loss, the raw flow, training, and finite dimensions.

The loss is written out below with its own quadrature; what the package solves are equations derived from it.
"""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp
from scipy.optimize import brentq, minimize
from scipy.special import logsumexp
from scipy.stats import chi2

import asymptotics as asy
from asymptotics.contrastive.cosine import cosine_threshold
from asymptotics.contrastive.optimum import TOLERANCE

# The trapezoid rule: fine enough for a tanh that is narrow beside the Gaussian.
NODES = np.linspace(-9.0, 9.0, 1801)
MASS = np.exp(-0.5 * NODES**2)
MASS = MASS / MASS.sum()
MIX = asy.SpikedMixture(signal=1.5)
PLAIN = asy.SpikedMixture(1.2, noise=0.8, balance=0.2)
SPIKED = asy.SpikedMixture(1.5, spikes=[asy.Spike(4.0, 0.5), asy.Spike(-0.5, 0.2)], balance=0.3)
ALIGNED = asy.SpikedMixture(1.5, spikes=[asy.Spike(2.0, 1.0), asy.Spike(3.0, 0.0)], balance=0.3)
MIXTURES = {"isotropic": MIX, "unequal": PLAIN, "spiked": SPIKED, "aligned": ALIGNED}
# Of the integrators here, and of the quadrature above.
CLOSE = 1e-8


def laws(mix, augmentation):
    """Mean, covariance, covariance of a view, balance, on the special axes and one of the bulk."""
    frame = mix.frame(fresh=1)
    covariance = frame.root @ frame.root.T
    return frame.mean, covariance, covariance + augmentation**2 * np.eye(frame.axes), mix.balance


def raw_loss(b, mean, covariance, total, balance):
    """L(B) = -tr B(Σ + μμᵀ) + ½ tr B C B (C + μμᵀ) + E log(π e^x + (1 - π) e^-x), x = ⟨μ, B h⟩."""
    outer = np.outer(mean, mean)
    image = b @ mean
    centre, spread = mean @ image, np.sqrt(image @ total @ image)
    value = -np.trace(b @ (covariance + outer)) + 0.5 * np.trace(b @ total @ b @ (total + outer))
    for label, share in ((1, balance), (-1, 1 - balance)):
        x = label * centre + spread * NODES
        value = value + share * (MASS @ np.log(balance * np.exp(x) + (1 - balance) * np.exp(-x)))
    return value


def raw_gradient(b, *law):
    """∇L in the space of symmetric matrices, by a complex step: exact to rounding."""
    k = len(b)
    out = np.zeros((k, k))
    for i in range(k):
        for j in range(i + 1):
            step = np.zeros((k, k), complex)
            step[i, j] = step[j, i] = 1e-30j
            slope = raw_loss(b + step, *law).imag / 1e-30
            out[i, j] = out[j, i] = slope if i == j else 0.5 * slope
    return out


def minimum(law):
    """B by quasi-Newton steps on the raw loss."""
    k = len(law[0])
    lower = np.tril_indices(k)

    def unpack(entries):
        b = np.zeros((k, k))
        b[lower] = entries
        return b + np.tril(b, -1).T

    def fun(entries):
        b = unpack(entries)
        gradient = raw_gradient(b, *law)
        gradient = gradient * (2 - np.eye(k))
        return raw_loss(b, *law), gradient[lower]

    found = minimize(fun, 0.1 * np.eye(k)[lower], jac=True, method="BFGS", options={"gtol": 1e-9})
    return unpack(found.x), found.fun


def second_moment(projector):
    """TᵀT on the special axes and one of the bulk."""
    block = projector.matrix
    k = len(block)
    out = np.zeros((k + 1, k + 1))
    out[:k, :k], out[k, k] = block.T @ block, projector.bulk[0] ** 2
    return out


# --------------------------------------------------------------------------- the optimum


def test_gains_on_record():
    """Computed before this code, and met by training on 6000 pairs."""
    gains = [asy.InfoNCE(spread).gain(MIX) for spread in (0.3, 1.0, 2.0)]
    gains.append(asy.InfoNCE(1.5).gain(asy.SpikedMixture(1.0)))
    assert_allclose(gains, [0.6779, 0.9000, 1.2539, 1.0875], atol=5e-5)


@pytest.mark.parametrize("augmentation", [0.4, 1.7])
@pytest.mark.parametrize("mix", MIXTURES.values(), ids=MIXTURES)
def test_the_minimum_is_that_of_the_raw_loss(mix, augmentation):
    law = laws(mix, augmentation)
    loss = asy.InfoNCE(augmentation, temperature=2.5)
    found = second_moment(loss.projector(mix, normalise=False)) / 2.5
    expected, value = minimum(law)
    assert_allclose(found, expected, rtol=0, atol=10 * CLOSE)
    assert raw_loss(found, *law) <= value + 1e-14
    # the gradient, which bounds the error, and a wrong point, where it does not vanish
    assert np.abs(raw_gradient(found, *law)).max() < 1e-10
    assert np.abs(raw_gradient(1.001 * found, *law)).max() > 1e-5
    wrong = (*law[:3], 1 - 0.9 * law[3])
    if mix.balance != 0.5:
        assert np.abs(raw_gradient(found, *wrong)).max() > 1e-4
    # gains from B
    frame = mix.frame()
    gains = loss.spike_gains(mix)
    assert gains.shape == (len(mix.spikes),)
    for direction, gain in zip(
        (frame.signal, *frame.spikes), (loss.gain(mix), *gains), strict=True
    ):
        v = np.append(direction, 0.0)
        assert_allclose(gain, np.sqrt(v @ expected @ v / expected[-1, -1]), rtol=10 * CLOSE)


def test_temperature_only_rescales_the_optimum():
    temperatures = np.array([1e-3, 1.0, 1e3])
    loss = asy.InfoNCE(0.7, temperatures)
    assert_allclose(loss.gain(SPIKED), loss.gain(SPIKED)[1], rtol=1e-12)
    scales = loss.projector(SPIKED, normalise=False).scales
    assert_allclose(scales / np.sqrt(temperatures)[:, None], scales[[1, 1, 1]], rtol=1e-12)


def test_swapping_the_classes_changes_nothing():
    other = asy.SpikedMixture(1.5, spikes=SPIKED.spikes, balance=0.7)
    assert_allclose(asy.InfoNCE(0.7).gain(other), asy.InfoNCE(0.7).gain(SPIKED), rtol=1e-12)


# --------------------------------------------------------------------------- the flow


def raw_flow(law, temperature, times):
    """TᵀT at some times, from Ṫ = -(2/τ) T ∇L(TᵀT/τ)."""
    mean, covariance, total, balance = law
    k = len(mean)
    tilt = 0.5 * np.log(balance / (1 - balance))

    def velocity(_, state):
        t = state.reshape(k, k)
        b = t.T @ t / temperature
        image = b @ mean
        centre, spread = mean @ image, np.sqrt(image @ total @ image)
        first = second = 0.0
        for label, share in ((1, balance), (-1, 1 - balance)):
            slope = np.tanh(label * centre + spread * NODES + tilt)
            first += share * label * (MASS @ slope)
            second += share * (MASS @ (1 - slope**2))
        outer = np.outer(mean, mean)
        cross = total @ b @ outer
        gradient = -covariance - outer + total @ b @ total + first * outer
        gradient += 0.5 * (1 + second) * (cross + cross.T)
        return (-2 / temperature * t @ gradient).ravel()

    found = solve_ivp(
        velocity, (0, times[-1]), np.eye(k).ravel(), "DOP853", times, rtol=1e-11, atol=1e-13
    )
    states = found.y.T.reshape(-1, k, k)
    return np.swapaxes(states, 1, 2) @ states


@pytest.mark.parametrize("temperature", [0.5, 4.0])
@pytest.mark.parametrize("mix", MIXTURES.values(), ids=MIXTURES)
def test_the_flow_is_that_of_the_raw_equations(mix, temperature):
    times = np.array([0.01, 0.1, 1.0, 5.0])
    expected = raw_flow(laws(mix, 0.7), temperature, times)
    loss = asy.InfoNCE(0.7, temperature, time=times)
    made = loss.projector(mix, normalise=False)
    found = np.array([second_moment(made.take((k,))) for k in range(len(times))])
    assert_allclose(found, expected, rtol=0, atol=CLOSE)
    gain = np.sqrt(expected[:, 0, 0] / expected[:, -1, -1])
    assert_allclose(loss.gain(mix), gain, rtol=CLOSE)
    assert np.abs(asy.InfoNCE(0.7, 1.1 * temperature, time=times).gain(mix) - gain).max() > 1e-3


@pytest.mark.parametrize("temperature", [0.7, 3.0])
def test_the_flow_of_one_direction(temperature):
    """ẇ = 2w[(s² + σ²)/τ - C(s² + C)w²/τ² - E X tanh(w²X/τ)/τ], and the same without signal."""
    s, noise, spread = 1.3, 0.9, 1.1
    total = noise**2 + spread**2
    x = s * (s + np.sqrt(total) * NODES)

    def velocity(_, w):
        along, bulk = w**2 / temperature
        pull = s**2 + noise**2 - total * (s**2 + total) * along - MASS @ (x * np.tanh(along * x))
        return 2 * w / temperature * np.array([pull, noise**2 - total**2 * bulk])

    times = np.array([0.05, 0.5, 4.0])
    w = solve_ivp(velocity, (0, 4), [1, 1], "DOP853", times, rtol=1e-12, atol=1e-14).y
    found = asy.InfoNCE(spread, temperature, time=times)
    assert_allclose(found.gain(asy.SpikedMixture(s, noise)), w[0] / w[1], rtol=1e-9)


def test_the_flow_starts_at_the_identity_and_ends_at_the_optimum():
    for mix in MIXTURES.values():
        times = np.array([0.0, 1e-9, 60.0, np.inf])
        gains = asy.InfoNCE(1.0, 0.5, time=times).gain(mix)
        assert gains[0] == 1.0
        assert abs(gains[1] - 1) < 1e-6
        assert_allclose(gains[2], gains[3], rtol=1e-10)


def test_the_flow_of_many_is_that_of_each():
    """Forty populations, integrated together, of which some settle long before the others."""
    strength, time = np.array([[-0.9], [3.0]]), np.geomspace(1e-3, 1e4, 20)
    together = asy.SpikedMixture(2.0, spikes=[asy.Spike(strength, 0.4)], balance=0.1)
    loss = asy.InfoNCE(0.5, 2.0, time=time)
    gains = loss.gain(together)
    for row, column in ((0, 0), (0, 12), (1, 7), (1, 19)):
        alone = asy.SpikedMixture(2.0, spikes=[asy.Spike(strength[row, 0], 0.4)], balance=0.1)
        one = asy.InfoNCE(0.5, 2.0, time=time[column]).gain(alone)
        assert_allclose(gains[row, column], one, rtol=1e-10)
    assert_allclose(gains[:, -1:], asy.InfoNCE(0.5, 2.0).gain(together), rtol=1e-13)


def test_the_flow_stays_at_its_end():
    """Where rates differ by 10⁴ an integrator would never stop chasing its own rounding."""
    mix = asy.SpikedMixture(22.7, spikes=[asy.Spike(873.0, 0.26), asy.Spike(-0.08, 0.58)])
    settled = asy.InfoNCE(62.6, 0.02, time=1e4).projector(mix, normalise=False)
    end = asy.InfoNCE(62.6, 0.02).projector(mix, normalise=False)
    assert np.array_equal(settled.matrix, end.matrix)
    assert settled.bulk == pytest.approx(end.bulk, rel=1e-12)


def test_high_temperatures_move_the_regime_at_finite_time():
    """At first attraction acts alone, and expands; repulsion has to grow before it shrinks."""
    loss = asy.InfoNCE(0.5, [1.0, 20.0], time=1.0)
    assert loss.regime(MIX).tolist() == ["shrinkage", "expansion"]
    assert asy.InfoNCE(0.5, [1.0, 20.0]).regime(MIX).tolist() == ["shrinkage", "shrinkage"]


# --------------------------------------------------------------------------- the corners


def test_isotropic_corners():
    shape = (6, 7, 3, 5, 4)
    signal = np.array([0, 1e-3, 0.1, 1.5, 10, 40]).reshape(-1, 1, 1, 1, 1)
    augmentation = np.geomspace(1e-3, 1e3, 7).reshape(-1, 1, 1, 1)
    temperature = np.array([1e-3, 1, 1e3]).reshape(-1, 1, 1)
    time = np.array([0, 1e-6, 1, 1e6, np.inf]).reshape(-1, 1)
    balance = np.array([0.5, 0.01, 0.99, 1e-6])
    mix = asy.SpikedMixture(signal, balance=balance)
    loss = asy.InfoNCE(augmentation, temperature, time=time)
    gain = loss.gain(mix)
    assert gain.shape == shape
    assert np.all((gain > 0) & np.isfinite(gain))
    assert_allclose(gain[0], 1.0, rtol=1e-12)  # no signal, no regime
    assert np.all(loss.regime(mix)[0] == "neutral")
    assert np.all(gain[..., 0, :] == 1.0)
    assert np.all(loss.regime(mix)[..., 0, :] == "neutral")
    assert_allclose(gain[..., 1], gain[..., 2], rtol=1e-12)  # the classes swapped
    # 4dt/τ = 4e9: nothing is left of the way there
    assert_allclose(gain[:, :, 0, 3], gain[:, :, 0, 4], rtol=1e-12)
    # at the optimum the temperature is out of it
    assert_allclose(gain[:, :, 0, 4], gain[:, :, 2, 4], rtol=1e-12)
    assert np.all(asy.InfoNCE(augmentation).certificate(mix) <= TOLERANCE)


CORNERS = [
    ("strong", asy.Spike(1e4, 0.0)),
    ("strong and tilted", asy.Spike(1e4, 0.3)),
    ("absent", asy.Spike(-1 + 1e-6, 0.0)),
    ("nearly absent", asy.Spike(-1 + 1e-4, 5e-3)),
]


@pytest.mark.parametrize("balance", [0.5, 0.01])
@pytest.mark.parametrize(
    "spike", [spike for _, spike in CORNERS], ids=[name for name, _ in CORNERS]
)
def test_spiked_corners(spike, balance):
    signal = np.array([0.0, 1e-3, 1.5, 30.0])
    mix = asy.SpikedMixture(signal, spikes=[spike], balance=balance)
    augmentation = np.array([1e-3, 1.0, 1e3])[:, None]
    loss = asy.InfoNCE(augmentation)
    assert np.all(loss.certificate(mix) <= TOLERANCE)
    gains = np.stack([loss.gain(mix), loss.spike_gains(mix)[..., 0]])
    assert np.all((gains > 0) & np.isfinite(gains))
    made = loss.projector(mix)
    assert np.all(made.scales > 0)
    # the numbers handed on are those of the gain
    assert_allclose(np.linalg.norm(made.matrix[..., 0], axis=-1), gains[0], rtol=1e-10)
    assert np.all(np.isfinite(asy.limit(mix, asy.Ridge(0.1), 0.5, loss).accuracy))
    # A spike aside from the signal obeys the equation of a direction without one
    if spike.alignment == 0:
        d = 1.0 + spike.strength
        expected = np.sqrt(d) * (1 + augmentation**2) / (d + augmentation**2)
        assert_allclose(gains[1], np.broadcast_to(expected, gains[1].shape), rtol=1e-9)
    at_time = asy.InfoNCE(1.0, [1.0, 1e3], time=np.array([[0.0], [1e-6], [1.0]]))
    some = asy.SpikedMixture(1.5, spikes=[spike], balance=balance)
    found = at_time.gain(some)
    assert_allclose(found[0], 1.0, rtol=1e-14)
    assert np.all((found > 0) & np.isfinite(found))


def test_no_augmentation_whitens():
    """B is the inverse of Σ where there is no signal."""
    mix = asy.SpikedMixture(0.0, spikes=[asy.Spike(3.0)])
    assert_allclose(asy.InfoNCE(0.0).spike_gains(mix), 0.5, rtol=1e-12)
    silent = asy.Spectrum([1.0, 0.0], [1.0, 0.0], [1.0, 1.0])
    with pytest.raises(
        ValueError, match=r"augmentation must be positive .* zero variance, got 0.0"
    ):
        asy.InfoNCE(0.0).gain(silent)
    assert 0 < asy.InfoNCE(1.0).gain(silent) < np.inf


# --------------------------------------------------------------------------- training


def trained_moments(mix, augmentation, temperature, seeds, p=4, **arguments):
    runs = [
        asy.train_projector(
            mix, augmentation, temperature=temperature, dimension=p, rng=seed, **arguments
        ).matrix
        for seed in seeds
    ]
    return np.array([matrix.T @ matrix for matrix in runs])


def test_training_with_spikes_and_unequal_classes():
    """1000 negatives leave a bias of some 1/1000 of TᵀT, which is below 0.3: 0.001 is allowed."""
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(2.0, 0.6)], balance=0.1)
    found = trained_moments(
        mix, 1.0, 1.0, range(6), 3, batch_size=1000, batches=3, optimiser="l-bfgs"
    )

    def z_scores(at):
        expected = second_moment(asy.InfoNCE(1.0).projector(at, normalise=False))
        stderr = found.std(0, ddof=1) / np.sqrt(len(found))
        return (np.abs(found.mean(0) - expected) - 0.001) / stderr

    assert np.all(z_scores(mix) < 4)
    balanced = asy.SpikedMixture(1.5, spikes=mix.spikes)
    assert np.any(z_scores(balanced) > 4)


def test_training_for_a_finite_time():
    """Gradient descent at a rate of 0.05 follows the flow to about 1 %, 1000 negatives to less."""
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(2.0, 0.6)])
    found = trained_moments(
        mix, 0.5, 4.0, range(4), 3,
        batch_size=1000, steps=30, optimiser="gradient-descent", learning_rate=0.05,
    )  # fmt: skip

    def errors(time):
        loss = asy.InfoNCE(0.5, 4.0, time=time)
        expected = second_moment(loss.projector(mix, normalise=False))
        return np.abs(found.mean(0) - expected)

    assert np.all(errors(1.5) < 0.05)
    assert np.any(errors(np.inf) > 0.2)


# --------------------------------------------------------------------------- as a projector


def test_it_is_an_expansion_where_there_are_no_spikes():
    loss = asy.InfoNCE([[0.5], [2.0]], 2.0, time=[0.5, np.inf])
    for clf in (asy.Ridge(0.1), asy.Logistic(0.1)):
        expected = asy.limit(MIX, clf, 0.5, asy.Expansion(loss.gain(MIX))).accuracy
        assert_allclose(asy.limit(MIX, clf, 0.5, loss).accuracy, expected, rtol=1e-12)


@pytest.mark.parametrize("mix", MIXTURES.values(), ids=MIXTURES)
def test_the_same_by_its_numbers(mix):
    loss = asy.InfoNCE([0.5, 2.0], 2.0, time=[[0.5], [np.inf]])
    made = pickle.loads(pickle.dumps(loss.projector(mix)))
    assert made.batch_shape == (2, 2)
    assert np.all(made.bulk == 1.0)
    for projector in (made, asy.Expansion(2.0, 0.4) @ made, made @ asy.Identity()):
        direct = loss if projector is made else projector
        if isinstance(projector, type(asy.Expansion(2.0) @ made)):
            outer = projector.outer if projector.outer is not made else asy.Identity()
            direct = outer @ loss
        found = asy.limit(mix, asy.Ridge(0.1), 0.5, projector).accuracy
        assert_allclose(found, asy.limit(mix, asy.Ridge(0.1), 0.5, direct).accuracy, rtol=1e-12)
    raw = loss.projector(mix, normalise=False)
    assert_allclose(raw.scales / raw.bulk, made.scales, rtol=1e-12)
    assert_allclose(made.matrix, np.swapaxes(made.matrix, -1, -2), atol=1e-14)


@pytest.mark.parametrize("clf", [asy.Ridge(0.1), asy.Logistic(0.1)], ids=["ridge", "logistic"])
def test_simulated(clf):
    """All of it: trained on samples that went through it; the wrong law is refused."""
    loss = asy.InfoNCE([0.3, 2.0])
    sim = asy.simulate(
        SPIKED, clf, 0.5, n=300, trials=60, projector=loss.projector(SPIKED), rng=3, method="direct"
    )
    expected = asy.limit(SPIKED, clf, 0.5, loss).accuracy
    allowance = 1.0 / 300  # of order 1/n, for the intercept
    assert np.all(np.abs(sim.mean - expected) < 4 * sim.stderr + allowance)
    assert np.any(np.abs(sim.mean - expected[::-1]) > 4 * sim.stderr + allowance)
    same = asy.simulate(SPIKED, clf, 0.5, n=60, trials=2, projector=loss, rng=3)
    made = asy.simulate(SPIKED, clf, 0.5, n=60, trials=2, projector=loss.projector(SPIKED), rng=3)
    assert_allclose(same.accuracy, made.accuracy, rtol=1e-9)


@pytest.mark.parametrize("time", [0.5, np.inf])
def test_in_explicit_coordinates(time):
    """The same T up to a multiple: the level of a covariance is that of all p - 1 directions."""
    p = 9
    loss = asy.InfoNCE(0.7, 2.0, time=time)
    made, matrix = loss.projector(SPIKED, normalise=False), None
    real = SPIKED.realise(p)
    matrix = loss.projector(real, normalise=False).matrix
    k = made.matrix.shape[0]
    expected = np.diag(np.full(p, made.bulk[0]))
    expected[:k, :k] = made.matrix
    assert_allclose(matrix, expected, atol=1e-10)
    level = np.sqrt((np.sum(expected**2) - np.sum(expected[0] ** 2)) / (p - 1))
    assert_allclose(loss.gain(real), np.linalg.norm(expected[0]) / level, rtol=1e-10)
    assert_allclose(loss.projector(real).matrix, expected / level, atol=1e-10)


def test_a_bulk_of_several_parts():
    """A spectrum of two variances: each part of the bulk has the closed form of its own."""
    mix = asy.Spectrum([1.0, 3.0, 2.0], [0.25, 0.75, 0.0], [0.0, 0.0, 1.5])
    made = asy.InfoNCE(0.5).projector(mix, normalise=False)
    d = np.array([1.0, 3.0, 2.0])
    assert_allclose(made.bulk**2, d / (d + 0.25) ** 2, rtol=1e-12)
    level = made.bulk[:2] ** 2 @ [0.25, 0.75]
    assert_allclose(asy.InfoNCE(0.5).gain(mix), made.scales[0] / np.sqrt(level), rtol=1e-12)
    assert 0.5 < asy.limit(mix, asy.Ridge(0.1), 0.5, asy.InfoNCE(0.5)).accuracy < 1
    silent = asy.Spectrum([1.0, 3.0], [0.5, 0.5], [0.0, 0.0])
    assert asy.limit(silent, asy.Ridge(0.1), 0.5, asy.InfoNCE(0.5)).accuracy == 0.5
    with pytest.raises(ValueError, match="mix must have a signal"):
        asy.InfoNCE(0.5).gain(silent)


def test_a_bulk_without_variance():
    mix = asy.Spectrum([1.0, 2.0], [0.0, 1.0], [1.0, 0.0])
    matrix = asy.GaussianMixture([1.0, 0.0], np.diag([1.0, 0.0]))
    assert asy.InfoNCE(1.0).gain(mix) > 0
    assert asy.InfoNCE(1.0).gain(matrix) == np.inf
    with pytest.raises(ValueError, match="variance that is not 0 off its signal"):
        asy.InfoNCE(1.0).projector(matrix)


def test_long_times_of_many_axes_are_refused():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(20, 40)) / np.sqrt(40)
    real = asy.GaussianMixture(rng.normal(size=20) / 4, root @ root.T)
    gains = [asy.InfoNCE(1.0, time=t).gain(real) for t in (1.0, 100.0, np.inf)]
    assert abs(gains[0] - gains[2]) > 1e-2 > abs(gains[1] - gains[2])
    with pytest.raises(ValueError, match=r"time must be at most .*, or inf, .* of 20 axes"):
        asy.InfoNCE(1.0, time=1e6).gain(real)


# --------------------------------------------------------------------------- the boundary


@pytest.mark.parametrize("mix", [MIX, PLAIN], ids=["isotropic", "unequal"])
def test_the_gain_on_the_boundary_is_one(mix):
    for parameter, loss in (
        ("augmentation", asy.InfoNCE(9.0, [0.5, 3.0, 9.0], time=[[1.0], [np.inf]])),
        ("temperature", asy.InfoNCE([0.3, 0.6], 9.0, time=[[0.2], [2.0]])),
    ):
        found = loss.boundary(mix, parameter)
        assert found.value.shape == found.status.shape == (2, loss.batch_shape[-1])
        crossing = found.status == "crossing"
        assert crossing.sum() >= 3
        at = np.where(crossing, found.value, 1.0)
        others = {name: getattr(loss, name) for name in loss.parameters if name != parameter}
        gain = asy.InfoNCE(**others, **{parameter: at}).gain(mix)
        assert_allclose(gain[crossing], 1.0, rtol=1e-11)
        for factor, word in ((0.99, "shrinkage"), (1.01, "expansion")):
            beside = asy.InfoNCE(**others, **{parameter: factor * at})
            assert np.all(beside.regime(mix)[crossing] == word)
        none = np.isnan(found.value)
        assert np.all(np.char.startswith(found.status[none], "always"))


def test_the_boundary_of_a_spiked_mixture():
    found = asy.InfoNCE(1.0).boundary(SPIKED)
    assert found.status == "crossing"
    assert_allclose(asy.InfoNCE(found.value).gain(SPIKED), 1.0, rtol=1e-11)


def test_the_boundary_at_the_start():
    """For t → 0 the slopes of the two gains cross where s² (1 - C/τ) = E X tanh(X/τ)."""
    s, total = 1.5, 1.0 + 0.6**2
    x = s * (s + np.sqrt(total) * NODES)
    expected = brentq(lambda tau: s**2 * (1 - total / tau) - MASS @ (x * np.tanh(x / tau)), 1, 50)
    found = asy.InfoNCE(0.6, time=1e-7).boundary(MIX, "temperature", bounds=(1.0, 100.0))
    assert found.status == "crossing"
    assert_allclose(found.value, expected, rtol=1e-5)  # O(t), and rounding over t


def test_where_there_is_no_boundary():
    found = asy.InfoNCE([0.5, 2.0]).boundary(MIX, "temperature")
    assert found.status.tolist() == ["always shrinkage", "always expansion"]
    assert np.all(np.isnan(found.value))
    silent = asy.InfoNCE(0.5).boundary(asy.SpikedMixture(0.0))
    assert silent.status == "neutral"
    assert np.isnan(silent.value)
    outside = asy.InfoNCE(1.0).boundary(MIX, bounds=(0.1, 1.0))
    assert outside.status == "always shrinkage"


def test_one_boundary_of_several():
    found = asy.InfoNCE(1.5, time=1.0).boundary(MIX, "temperature")
    assert found.status == "several"
    assert_allclose(asy.InfoNCE(1.5, found.value, time=1.0).gain(MIX), 1.0, rtol=1e-11)
    words = asy.InfoNCE(1.5, np.geomspace(1e-3, 1e3, 200), time=1.0).regime(MIX)
    assert np.sum(words[1:] != words[:-1]) > 1


# --------------------------------------------------------------------------- the cosine


def sphere_loss(b, s, noise, augmentation, temperature):
    """What depends on b = gain² in the limit, as in the documentation."""
    total, k = noise**2 + augmentation**2, 1 / temperature
    kappa = (np.sqrt(1 + 4 * k**2) - 1) / (2 * k)
    d = 1 + kappa * k * b
    x = s * (s + np.sqrt(total) * NODES)
    pull = k * b / total * (s**2 * augmentation**2 / total + kappa * (s**2 + total) / 2)
    push = k**2 * b**2 * (s**2 + total) / (2 * total * d) - kappa * k * b * s**2 / (2 * total * d)
    tilted = k * b * x / (total * d)
    cosh = np.logaddexp(tilted, -tilted) - np.log(2)
    return -pull - np.log(d) / 2 + push + MASS @ cosh


COSINE = [(1.5, 1.0, 1.0, 3.0), (1.5, 1.0, 2.0, 8.0), (1.5, 1.0, 0.5, 8.0), (0.7, 2.0, 1.0, 1.5)]


@pytest.mark.parametrize("setting", COSINE)
def test_the_cosine_gain_minimises_its_loss(setting):
    s, noise, augmentation, temperature = setting
    gain = asy.InfoNCE(augmentation, temperature, "cosine").gain(asy.SpikedMixture(s, noise))

    def slope(b, h=1e-5):
        return (sphere_loss(b + h, *setting) - sphere_loss(b - h, *setting)) / (2 * h)

    found = brentq(slope, 0.05, 50.0)
    assert_allclose(gain**2, found, rtol=1e-7)  # of a central difference


def finite_dimension_loss(s, noise, augmentation, temperature, p):
    """The cosine loss at finite p with infinitely many negatives, as a function of b.

    Of an anchor and a negative, the components along the signal and the lengths of the rest are quadratures, and so is the
    angle between the rests. The positive pair is sampled, less what it tends to, whose mean is known.
    """
    total, k, m = noise**2 + augmentation**2, 1 / temperature, p - 1
    g, w = np.polynomial.hermite_e.hermegauss(20)
    w = w / w.sum()
    low, high = chi2.ppf(1e-12, m), chi2.isf(1e-12, m)
    u, v = np.polynomial.legendre.leggauss(16)
    r = low + (high - low) * (u + 1) / 2
    v = v * chi2.pdf(r, m)
    r, v = total * r, v / v.sum()
    t, tw = np.polynomial.legendre.leggauss(800)
    log_area = 0.5 * (m - 3) * np.log1p(-(t**2))
    grid = np.linspace(0.02, 1.001, 120) * k * p
    curve = np.array([logsumexp(log_area + z * t, b=tw) for z in grid]) - logsumexp(log_area, b=tw)
    polynomial = np.polynomial.Chebyshev.fit(grid, curve, 25)
    x = s + np.sqrt(total) * g
    ax, ar = (a.ravel() for a in np.broadcast_arrays(x[:, None], r))
    aw = (w[:, None] * v).ravel()
    nx, nr, nw = np.concatenate([ax, -ax]), np.tile(ar, 2), np.tile(aw, 2) / 2

    rng = np.random.default_rng(0)
    count = 200_000
    shared, e1, e2, cross = rng.normal(size=(4, count))
    x1, x2 = (s + noise * shared + augmentation * e for e in (e1, e2))
    l11, l21 = np.sqrt(total), noise**2 / np.sqrt(total)
    l22 = np.sqrt(total - l21**2)
    q11, q22 = rng.chisquare(m, count), cross**2 + rng.chisquare(m - 1, count)
    q12 = np.sqrt(q11) * cross
    r1, r12 = total * q11, l11 * (l21 * q11 + l22 * q12)
    r2 = l21**2 * q11 + 2 * l21 * l22 * q12 + l22**2 * q22

    def loss(b):
        cosine = p * (b * x1 * x2 + r12) / np.sqrt((b * x1**2 + r1) * (b * x2**2 + r2))
        limit = b * (x1 * x2 / total - noise**2 * (x1**2 + x2**2) / (2 * total**2))
        known = b / total * (s**2 + noise**2 - noise**2 * (s**2 + total) / total)
        positive = np.mean(cosine - limit) + known
        lengths = np.sqrt(b * ax**2 + ar)[:, None] * np.sqrt(b * nx**2 + nr)
        exponent = k * p * b * ax[:, None] * nx / lengths
        exponent += polynomial(k * p * np.sqrt(ar[:, None] * nr) / lengths)
        return -k * positive + aw @ logsumexp(exponent, b=nw, axis=1)

    return loss


def test_the_cosine_gain_is_the_limit_of_finite_dimensions():
    """Gains at p = 100 and 300 differ from the limit like 1/p, which extrapolation takes away."""
    setting = (1.5, 1.0, 1.0, 3.0)
    s, noise, augmentation, temperature = setting
    limit = asy.InfoNCE(augmentation, temperature, "cosine").gain(asy.SpikedMixture(s, noise))
    gains = []
    for p in (100, 300):
        loss = finite_dimension_loss(*setting, p)
        offsets = np.linspace(-0.1, 0.1, 5)
        fit = np.polynomial.Polynomial.fit(
            offsets, [loss(limit**2 * np.exp(x)) for x in offsets], 3
        ).deriv()
        gains.append(limit * np.exp(0.5 * brentq(fit, -0.1, 0.1)))
    extrapolated = gains[1] - 0.5 * (gains[0] - gains[1])
    assert abs(extrapolated - limit) < 2e-3  # O(1/p²), and the samples
    assert 2.5 < (gains[0] - limit) / (gains[1] - limit) < 4.5
    # A Gaussian for the uniform law on the sphere, right for τ → ∞ only, gives another equation.
    total = noise**2 + augmentation**2
    x = s * (s + np.sqrt(total) * NODES)

    def gaussian(b):
        tanh = MASS @ (x * np.tanh(b * x / (temperature * total)))
        return (b - 1) * (s**2 + total) / temperature + tanh - s**2 * (1 - noise**2 / total)

    assert abs(extrapolated - np.sqrt(brentq(gaussian, 0.01, 10))) > 0.05


def test_the_cosine_tends_to_the_gaussian_equation_for_high_temperatures():
    """Where E X tanh(βX/C) + β(s² + C) = s²σ_a²/C for β = b/τ."""
    s, total = 1.5, 2.0
    x = s * (s + np.sqrt(total) * NODES)
    beta = brentq(
        lambda v: v * (s**2 + total) + MASS @ (x * np.tanh(v * x / total)) - s**2 / 2, 0, 5
    )
    temperatures = np.array([1e3, 1e4, 1e5])
    gains = asy.InfoNCE(1.0, temperatures, "cosine").gain(MIX)
    off = np.abs(gains**2 / temperatures / beta - 1)
    assert_allclose(off[:-1] / off[1:], 10.0, rtol=0.05)


@pytest.mark.slow
def test_training_by_cosine():
    """At p = 30 a gain of about 1 + 0.9/p, and some 0.3 % from 1000 negatives; 0.02 are allowed."""
    p, temperature = 30, 3.0
    gains = np.array([
        asy.train_projector(
            MIX, 1.0, temperature=temperature / p, similarity="cosine", dimension=p, rng=seed,
            batch_size=1000, batches=4, optimiser="l-bfgs", steps=12,
        ).gain_along(np.eye(p)[0])
        for seed in range(3)
    ])  # fmt: skip
    limit = asy.InfoNCE(1.0, temperature, "cosine").gain(MIX)
    stderr = gains.std(ddof=1) / np.sqrt(len(gains))
    assert abs(gains.mean() - limit - 0.9 / p) < 4 * stderr + 0.02
    assert gains.mean() - 0.9543 > 4 * stderr + 0.02 + 0.9 / p  # the Gaussian equation's gain


def test_the_cosine_gain_diverges_below_its_threshold():
    threshold = cosine_threshold(np.array([1.5]), np.array([1.0]), np.array([1.0]))[0]
    assert_allclose(threshold, 2 * 1.5**2 / (2 * 4.25), rtol=1e-12)
    loss = asy.InfoNCE(1.0, np.array([0.999, 1.001]) * threshold, "cosine")
    assert loss.gain(MIX)[0] == np.inf
    assert 1 < loss.gain(MIX)[1] < np.inf
    assert loss.regime(MIX).tolist() == ["expansion", "expansion"]
    with pytest.raises(asy.NoLimitError, match=r"temperature must be above 0.5294.*, got 0.52"):
        asy.limit(MIX, asy.Ridge(0.1), 0.5, loss)
    high = asy.InfoNCE(1.0, 3.0, "cosine")
    expected = asy.limit(MIX, asy.Ridge(0.1), 0.5, asy.Expansion(high.gain(MIX))).accuracy
    assert_allclose(asy.limit(MIX, asy.Ridge(0.1), 0.5, high).accuracy, expected, rtol=1e-12)
    found = asy.InfoNCE(1.0, [2.0, 4.0], "cosine").boundary(MIX)
    assert_allclose(asy.InfoNCE(found.value, [2.0, 4.0], "cosine").gain(MIX), 1.0, rtol=1e-10)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: asy.InfoNCE(1.0, 1.0, "cosine", 1.0), "time must be inf for similarity='cosine'"),
        (lambda: asy.InfoNCE(1.0, 3.0, "cosine").gain(SPIKED), "spikes=.* got 2 spike"),
        (lambda: asy.InfoNCE(1.0, 3.0, "cosine").gain(PLAIN), "balance must be 0.5 .*got 0.2"),
        (
            lambda: asy.InfoNCE(1.0, 3.0, "cosine").gain(SPIKED.realise(5)),
            "mix must be .*got a GaussianMixture",
        ),
        (
            lambda: asy.InfoNCE(1.0, 3.0, "cosine").projector(MIX, normalise=False),
            "normalise must be True .*got False",
        ),
        (lambda: asy.InfoNCE(1.0, 3.0, "cosine").boundary(MIX, "time"), "parameter must not be"),
        (lambda: asy.InfoNCE(1.0, 3.0, "cosine").certificate(MIX), "similarity must be 'inner'"),
        (lambda: asy.InfoNCE(1.0, time=1.0).certificate(MIX), "time inf .*got 'inner' and 1.0"),
        (lambda: asy.InfoNCE([1.0, 2.0]).gain(asy.SpikedMixture([1.0, 2.0, 3.0])), "broadcast"),
        (lambda: asy.InfoNCE([1.0, 2.0]).projector(SPIKED.realise(5)), "single parameters"),
        (lambda: asy.InfoNCE(1.0).projector(SPIKED).on_frame(MIX.frame()), "got 1 and 1"),
    ],
)
def test_what_is_not_covered_is_named(ask, message):
    with pytest.raises(ValueError, match=message):
        ask()
    with pytest.raises(TypeError, match="projector must not be a FrameStretch"):
        asy.InfoNCE(1.0).projector(SPIKED).on_coordinates(SPIKED.realise(5))
