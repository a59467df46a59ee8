"""Augmentation of any covariance: against the raw loss, the raw flow, and training."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp
from scipy.optimize import minimize

import asymptotics as asy

NODES = np.linspace(-9.0, 9.0, 1201)
MASS = np.exp(-0.5 * NODES**2)
MASS = MASS / MASS.sum()
MIX = asy.SpikedMixture(1.5, 0.9, balance=0.4)
SPIKED = asy.SpikedMixture(1.5, spikes=[asy.Spike(3.0, 0.5), asy.Spike(-0.4, 0.3)], balance=0.3)


def covariance(p, seed):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(p, p + 2)) * rng.uniform(0.3, 1.5, p)[:, None]
    return root @ root.T / (p + 2)


def raw_loss(b, mean, own, total, balance):
    """-tr B(Σ + μμᵀ) + ½ tr B C B (C + μμᵀ) + E log(π e^x + (1 - π) e^-x), with C = Σ + Σ_a."""
    outer = np.outer(mean, mean)
    image = b @ mean
    centre, spread = mean @ image, np.sqrt(image @ total @ image)
    value = -np.trace(b @ (own + outer)) + 0.5 * np.trace(b @ total @ b @ (total + outer))
    for label, share in ((1, balance), (-1, 1 - balance)):
        x = label * centre + spread * NODES
        value = value + share * (MASS @ np.log(balance * np.exp(x) + (1 - balance) * np.exp(-x)))
    return value


def raw_gradient(b, *law):
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
    """B by quasi-Newton steps."""
    k = len(law[0])
    lower = np.tril_indices(k)

    def unpack(entries):
        b = np.zeros((k, k))
        b[lower] = entries
        return b + np.tril(b, -1).T

    def fun(entries):
        b = unpack(entries)
        return raw_loss(b, *law), (raw_gradient(b, *law) * (2 - np.eye(k)))[lower]

    start = 0.2 * np.linalg.inv(law[2])[lower]
    found = minimize(fun, start, jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": 400})
    return unpack(found.x)


def of_frame(mix, augmentation):
    """Mean, Σ, C and balance on the axes and one direction of the bulk."""
    frame = mix.frame(1)
    own = frame.root @ frame.root.T
    variances = np.r_[augmentation.frame, augmentation.bulk] ** 2
    return frame.mean, own, own + np.diag(variances), mix.balance


FRAMED = [
    (MIX, asy.Augmentation([0.3], 1.2)),
    (MIX, asy.Augmentation([1.5], 0.0)),
    (SPIKED, asy.Augmentation([0.5, 1.5, 0.2], 0.8)),
]
MATRICES = [
    asy.GaussianMixture([1.0, -0.5, 0.3], covariance(3, 1), 0.35),
    asy.GaussianMixture([0.0, 2.0, 0.5, 0.0], covariance(4, 2)),
]


@pytest.mark.parametrize(("mix", "augmentation"), FRAMED)
def test_the_minimum_on_a_frame(mix, augmentation):
    loss = asy.InfoNCE(augmentation, 2.5)
    made = loss.projector(mix, normalise=False)
    k = made.matrix.shape[0]
    found = np.zeros((k + 1, k + 1))
    found[:k, :k], found[k, k] = made.matrix @ made.matrix, made.bulk[0] ** 2
    law = of_frame(mix, augmentation)
    assert_allclose(found / 2.5, minimum(law), atol=1e-7)
    assert np.abs(raw_gradient(found / 2.5, *law)).max() < 1e-9
    assert loss.certificate(mix) < 1e-10
    wrong = (*law[:2], law[1] + np.mean(augmentation.frame**2) * np.eye(k + 1), law[3])
    assert np.abs(raw_gradient(found / 2.5, *wrong)).max() > 1e-3
    assert_allclose(loss.gain(mix), np.sqrt(found[0, 0] / found[k, k]), rtol=1e-9)


@pytest.mark.parametrize("mix", MATRICES, ids=["3", "4"])
def test_the_minimum_in_coordinates(mix):
    added = covariance(mix.dimension, 7)
    loss = asy.InfoNCE(asy.Augmentation(covariance=added), 0.7)
    matrix = loss.projector(mix, normalise=False).matrix
    law = mix.mean, mix.covariance, mix.covariance + added, mix.balance
    assert_allclose(matrix.T @ matrix / 0.7, minimum(law), atol=1e-6)
    assert loss.certificate(mix) < 1e-10


@pytest.mark.parametrize("temperature", [0.6, 3.0])
def test_the_flow(temperature):
    """Ṫ = -(2/τ) T ∇L(TᵀT/τ), where Σ and Σ_a have no axes in common."""
    mix, added = MATRICES[0], covariance(3, 7)
    law = mix.mean, mix.covariance, mix.covariance + added, mix.balance

    def velocity(_, state):
        t = state.reshape(3, 3)
        return (-2 / temperature * t @ raw_gradient(t.T @ t / temperature, *law)).ravel()

    times = np.array([0.1, 1.0, 4.0])
    states = solve_ivp(
        velocity, (0, 4), np.eye(3).ravel(), "DOP853", times, rtol=1e-9, atol=1e-11
    ).y.T.reshape(-1, 3, 3)
    for time, expected in zip(times, states, strict=True):
        loss = asy.InfoNCE(asy.Augmentation(covariance=added), temperature, time=time)
        matrix = loss.projector(mix, normalise=False).matrix
        assert_allclose(matrix.T @ matrix, expected.T @ expected, atol=1e-7)
    late = asy.InfoNCE(asy.Augmentation(covariance=added), temperature, time=1e4).gain(mix)
    end = asy.InfoNCE(asy.Augmentation(covariance=added), temperature).gain(mix)
    assert_allclose(late, end, rtol=1e-9)
    start = asy.InfoNCE(asy.Augmentation(covariance=added), temperature, time=0.0).gain(mix)
    assert start == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("time", [0.0, 0.3, 5.0, np.inf])
def test_a_multiple_of_the_identity(time):
    """The same as σ_a, by another route: on the frame and in coordinates."""
    plain = asy.InfoNCE(0.8, [0.5, 3.0], time=time)
    own = asy.InfoNCE(asy.Augmentation([0.8, 0.8, 0.8], 0.8), [0.5, 3.0], time=time)
    assert_allclose(own.gain(SPIKED), plain.gain(SPIKED), rtol=1e-8)
    assert_allclose(own.spike_gains(SPIKED), plain.spike_gains(SPIKED), rtol=1e-8)
    real = SPIKED.realise(6)
    matrix = asy.InfoNCE(asy.Augmentation(covariance=0.64 * np.eye(6)), [0.5, 3.0], time=time)
    assert_allclose(matrix.gain(real), plain.gain(real), rtol=1e-8)


def test_a_frame_and_its_coordinates():
    augmentation = asy.Augmentation([0.5, 1.5, 0.2], 0.8)
    matrix = asy.Augmentation(covariance=np.diag([0.25, 2.25, 0.04, 0.64, 0.64, 0.64]))
    made = asy.InfoNCE(augmentation).projector(SPIKED, normalise=False)
    full = asy.InfoNCE(matrix).projector(SPIKED.realise(6), normalise=False).matrix
    assert_allclose(full[:3, :3], made.matrix, atol=1e-9)
    assert_allclose(full[3:, 3:], made.bulk[0] * np.eye(3), atol=1e-9)


def test_parts_of_a_bulk():
    mix = asy.Spectrum([1.0, 3.0, 2.0], [0.25, 0.75, 0.0], [0.0, 0.0, 1.5])
    made = asy.InfoNCE(asy.Augmentation([0.4], [0.2, 1.0, 0.0])).projector(mix, normalise=False)
    d, added = np.array([1.0, 3.0]), np.array([0.04, 1.0])
    assert_allclose(made.bulk[:2] ** 2, d / (d + added) ** 2, rtol=1e-12)


def test_it_broadcasts():
    augmentation = asy.Augmentation([[0.2], [0.5], [1.0]], [[0.3], [0.6], [0.9]])
    loss = asy.InfoNCE(augmentation, [[1.0], [2.0]], time=1.0)
    assert loss.batch_shape == (2, 3)
    gains = loss.gain(MIX)
    assert gains.shape == (2, 3)
    one = asy.InfoNCE(asy.Augmentation([0.5], 0.6), 2.0, time=1.0).gain(MIX)
    assert gains[1, 1] == pytest.approx(one, rel=1e-10)
    accuracy = asy.limit(MIX, asy.Ridge(0.1), 0.5, loss).accuracy
    expected = asy.limit(MIX, asy.Ridge(0.1), 0.5, asy.Expansion(gains)).accuracy
    assert_allclose(accuracy, expected, rtol=1e-9)


@pytest.mark.parametrize("similarity", ["inner", "cosine"])
def test_in_a_composition(similarity):
    """Another map's direction is one of the bulk, and augmented like it."""
    mix = asy.SpikedMixture(5.0, spikes=[asy.Spike(-0.5)])
    more = {"dimension": 50} if similarity == "cosine" else {}
    loss = asy.InfoNCE(asy.Augmentation([0.5, 0.9], [[0.3], [0.8]]), 0.7, similarity, **more)
    made = loss.projector(mix)
    for outer in (asy.Expansion(2.0, 0.4), asy.Identity()):
        expected = asy.limit(mix, asy.Ridge(0.1), 0.5, outer @ made).error
        assert_allclose(
            asy.limit(mix, asy.Ridge(0.1), 0.5, outer @ loss).error, expected, rtol=1e-9
        )


# ------------------------------------------------------------------------ training


def test_training_by_inner_product():
    """A half of the coordinates augmented, in a batch of 1000: 0.002 is allowed for it."""
    mix = asy.SpikedMixture(1.5, spikes=[asy.Spike(2.0, 0.6)], balance=0.3)
    augmentation = asy.Augmentation([0.4, 1.5], 1.0)
    runs = [
        asy.train_projector(
            mix, augmentation, dimension=3, batch_size=1000, batches=3, optimiser="l-bfgs", rng=seed
        ).matrix
        for seed in range(6)
    ]
    found = np.array([t.T @ t for t in runs])
    stderr = found.std(0, ddof=1) / np.sqrt(len(found))

    def z_scores(loss):
        made = loss.projector(mix, normalise=False)
        expected = np.zeros((3, 3))
        expected[:2, :2], expected[2, 2] = made.matrix @ made.matrix, made.bulk[0] ** 2
        return (np.abs(found.mean(0) - expected) - 0.002) / stderr

    assert np.all(z_scores(asy.InfoNCE(augmentation)) < 4)
    assert np.any(z_scores(asy.InfoNCE(1.0)) > 4)


def halves(weak, strong, p=60):
    """The signal and half of the bulk are augmented weakly, the rest strongly."""
    deviations = np.repeat([weak, strong], [p // 2, p - p // 2])
    return deviations, asy.Augmentation(covariance=np.diag(deviations**2))


def test_training_by_cosine():
    """T drops the half with less in common, and the signal follows the other half's augmentation.

    At p = 60 the limit is off by some per cent: 15 are allowed.
    """
    deviations, augmentation = halves(0.7, 1.5)
    p, s = deviations.size, 6.0
    mix = asy.SpikedMixture(s)
    run = asy.train_projector(
        mix, augmentation, similarity="cosine", dimension=p, batch_size=512, steps=250,
        learning_rate=0.1, rng=0,
    )  # fmt: skip
    energy = np.sum(run.matrix**2, axis=0)
    assert energy[30:].sum() < 0.1 * energy[1:30].sum()
    loss = asy.InfoNCE(augmentation, 1.0, "cosine", dimension=p)
    theory = loss.expansion_measure(mix.realise(p))
    found = run.expansion_measure(np.eye(p)[0])
    assert abs(found / theory - 1) < 0.15
    for wrong in (1.5, np.sqrt(0.5 * (0.7**2 + 1.5**2))):  # the other half's, and the mean
        alone = asy.InfoNCE(wrong, 1.0, "cosine", dimension=p).expansion_measure(mix)
        assert abs(found / alone - 1) > 0.3


def test_an_unaugmented_half_takes_it_all():
    """Jing, Vincent, LeCun, Tian (arXiv:2110.09348): augmented directions collapse, the signal too."""
    _, augmentation = halves(1.0, 0.0)
    mix = asy.SpikedMixture(6.0).realise(60)
    loss = asy.InfoNCE(augmentation, 1.0, "cosine", dimension=60)
    assert loss.gain(mix) == 0.0
    matrix = loss.projector(mix).matrix
    assert_allclose(np.diag(matrix)[:30], 0.0, atol=1e-12)
    assert np.all(np.diag(matrix)[30:] > 0)
    assert loss.regime(mix) == "shrinkage" and loss.collapse_temperature(mix) == np.inf


# ------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda: asy.InfoNCE(asy.Augmentation([1.0], 1.0), 1.0, "cosine"),
            "augmentation must be a number for similarity='cosine' without a dimension",
        ),
        (
            lambda: asy.InfoNCE(asy.Augmentation([1.0], 1.0)).gain(SPIKED),
            r"augmentation must have 3 number\(s\) .* got 1 and 1",
        ),
        (
            lambda: asy.InfoNCE(asy.Augmentation([1.0], 1.0)).gain(SPIKED.realise(4)),
            "augmentation must be a matrix on a GaussianMixture",
        ),
        (
            lambda: asy.InfoNCE(asy.Augmentation(covariance=np.eye(4))).gain(SPIKED),
            "augmentation must not be a matrix on a population without coordinates",
        ),
        (
            lambda: asy.InfoNCE(asy.Augmentation(covariance=np.eye(4))).gain(SPIKED.realise(5)),
            r"augmentation must be a matrix of shape \(5, 5\)",
        ),
        (
            lambda: asy.InfoNCE(asy.Augmentation([0.0], [1.0, 0.0])).gain(
                asy.Spectrum([1.0, 0.0], [1.0, 0.0], [1.0, 1.0])
            ),
            r"augmentation must have 2 number\(s\)",
        ),
        (
            lambda: asy.InfoNCE(asy.Augmentation([1.0, 0.0], 1.0)).gain(
                asy.Spectrum([1.0, 0.0], [1.0, 0.0], [1.0, 1.0])
            ),
            "augmentation must be positive on a population with a direction of zero variance",
        ),
        (
            lambda: asy.train_projector(MIX, asy.Augmentation([[0.1], [0.2]], 1.0), dimension=3),
            r"augmentation must be a single one, got an array of shape \(2,\)",
        ),
        (lambda: asy.Augmentation([[0.1], [0.2]], [[1.0], [1.0], [1.0]]), "must broadcast"),
    ],
)
def test_refusals(ask, message):
    with pytest.raises(ValueError, match=message):
        ask()


def test_training_on_points_takes_a_matrix():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(64, 3))
    matrix = asy.Augmentation(covariance=np.diag([1.0, 0.0, 4.0]))
    run = asy.train_projector(points, matrix, batch_size=32, steps=3, rng=0)
    assert run.matrix.shape == (3, 3)

    def same(h, generator):
        return h + generator.standard_normal(h.shape) * [1.0, 0.0, 2.0]

    again = asy.train_projector(points, same, batch_size=32, steps=3, rng=0)
    assert_allclose(run.matrix, again.matrix, rtol=1e-12)
