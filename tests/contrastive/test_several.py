"""InfoNCE on K classes: against two classes, against the loss itself, against training."""

import numpy as np
import pytest
from scipy.optimize import minimize

import asymptotics as asy


@pytest.mark.parametrize("balance", [0.5, 0.3])
@pytest.mark.parametrize(("signal", "augmentation", "noise"), [(1.5, 0.3, 1.0), (1.0, 2.0, 1.3)])
def test_two_of_k_classes(balance, signal, augmentation, noise):
    two = asy.ClassMixture([[-signal], [signal]], noise=noise, priors=[1 - balance, balance])
    one = asy.SpikedMixture(signal, noise, balance=balance)
    loss = asy.InfoNCE(augmentation)
    assert loss.gain(two) == pytest.approx(loss.gain(one), abs=1e-9)
    clf = asy.Ridge(0.1)
    a, b = asy.limit(two, clf, 0.6, loss), asy.limit(one, clf, 0.6, loss)
    assert a.accuracy == pytest.approx(b.accuracy, abs=1e-9)


def test_two_classes_in_coordinates():
    covariance = np.diag([2.0, 1.5, 1.0, 1.0, 1.0])
    covariance[0, 1] = covariance[1, 0] = 0.7
    mean = np.array([1.2, -0.3, 0.0, 0.0, 0.0])
    one = asy.GaussianMixture(mean, covariance, 0.4)
    two = asy.GaussianClasses([-mean, mean], covariance, [0.6, 0.4])
    assert asy.InfoNCE(0.7).gain(two) == pytest.approx(asy.InfoNCE(0.7).gain(one), abs=1e-9)


def test_spectra_and_clusters():
    shares = [0.2, 0.3, 0.5]
    mix = asy.ClassMixture(np.sqrt(2.0) * np.eye(3), priors=shares)
    law = asy.Spectrum([1.0, 1.0], [0.0, 1.0], [2 * np.eye(3), np.zeros((3, 3))], priors=shares)
    loss, clf = asy.InfoNCE(1.5), asy.Ridge(0.1)
    assert loss.gain(law) == pytest.approx(loss.gain(mix), abs=1e-12)
    a, b = (asy.limit(population, clf, 0.5, loss).accuracy for population in (law, mix))
    assert a == pytest.approx(b, abs=1e-12)
    clusters = asy.ClassMixture(mix.means, priors=shares, labels=[-1, 1, 1])
    assert loss.gain(clusters) == loss.gain(mix)  # the loss knows no labels
    two_parts = asy.Spectrum([1.0, 3.0], [0.5, 0.5], [np.eye(3)] * 2, priors=shares)
    assert asy.limit(two_parts, clf, 0.5, loss).accuracy > 0.4


def population_loss(b, mix, sigma, added, temperature, samples):
    """As it is written, by an average over views: log-means of K Gaussians, over 100,000 views."""
    views, picks = samples
    h = mix.means[picks] + views @ np.linalg.cholesky(sigma + added).T
    second = sigma + (mix.means.T * mix.priors) @ mix.means
    scores = h @ b @ mix.means.T + np.log(mix.priors)
    top = scores.max(1, keepdims=True)
    log_mean = np.log(np.exp(scores - top).sum(1)) + top[:, 0]
    quadratic = 0.5 * np.einsum("ni,ij,nj->n", h, b @ (sigma + added) @ b, h)
    return -np.trace(b @ second) + (log_mean + quadratic).mean()


def test_minimum_of_the_loss_itself():
    """Found by a general minimiser on drawn views: the gains agree to the scatter of the draw."""
    rng = np.random.default_rng(0)
    sigma = np.array([[1.5, 0.4], [0.4, 0.8]])
    mix = asy.ClassMixture([[1.5, 0.0], [-1.0, 1.2], [0.3, -1.4]], sigma, priors=[0.5, 0.3, 0.2])
    added = 0.9**2 * np.eye(2)
    picks = rng.choice(3, 100_000, p=mix.priors)
    samples = rng.standard_normal((100_000, 2)), picks

    def matrix(x):
        return np.array([[x[0], x[1]], [x[1], x[2]]])

    found = minimize(
        lambda x: population_loss(matrix(x), mix, sigma, added, 1.0, samples),
        [0.5, 0.0, 0.5],
        method="BFGS",
        options={"gtol": 1e-7},
    )
    block = asy.InfoNCE(0.9).on_classes(mix.class_frame()).block
    bulk = 1.0 / (1.0 + 0.9**2)  # √B off the means
    ours = block @ block * bulk**2
    np.testing.assert_allclose(ours, matrix(found.x), atol=5e-3)
    # the negative control: another augmentation
    other = asy.InfoNCE(1.1).on_classes(mix.class_frame()).block / (1.0 + 1.1**2)
    assert np.abs(other @ other - matrix(found.x)).max() > 0.03


@pytest.mark.parametrize("count", [3, 4])
def test_one_number_of_equidistant_classes(count):
    """Means moved by 1e-9 are no longer equidistant, and are solved as any others."""
    mix, loss = asy.ClassMixture.simplex(count, 3.0), asy.InfoNCE(1.0)
    moved = asy.ClassMixture(mix.means * (1 + 1e-8 * np.arange(count))[:, None])
    assert loss.gain(mix) == pytest.approx(loss.gain(moved), abs=1e-6)


def test_weak_augmentation_shrinks_and_strong_expands():
    for count in (3, 10, 100):
        mix = asy.ClassMixture.simplex(count, 3.0)
        weak, strong = (asy.InfoNCE(a).gain(mix) for a in (0.3, 2.0))
        assert weak < 1 < strong
    mix = asy.ClassMixture.simplex(3, 3.0)
    clf, loss = asy.Softmax(0.1), asy.InfoNCE(2.0)
    expansion = asy.Expansion(loss.gain(mix), subspace="between")
    a, b = (asy.limit(mix, clf, 0.5, head).accuracy for head in (loss, expansion))
    assert a == pytest.approx(b, abs=1e-9)
    assert a > asy.limit(mix, clf, 0.5).accuracy


def test_simulation_behind_it():
    mix, loss = asy.ClassMixture.simplex(3, 3.0), asy.InfoNCE(0.2)
    sim = asy.simulate(mix, asy.Ridge(0.1), 0.5, n=400, trials=60, rng=0, projector=loss)
    direct = asy.simulate(
        mix, asy.Ridge(0.1), 0.5, n=400, trials=30, rng=1, projector=loss, method="direct"
    )
    lim = asy.limit(mix, asy.Ridge(0.1), 0.5, loss)
    for found in (sim, direct):
        assert abs(found.mean - lim.accuracy) < 4 * found.stderr + 0.002  # of order 1/n
    assert abs(sim.mean - asy.limit(mix, asy.Ridge(0.1), 0.5).accuracy) > 4 * sim.stderr


@pytest.mark.parametrize(
    ("loss", "mix", "message"),
    [
        (asy.InfoNCE(1.0, similarity="cosine"), asy.ClassMixture.simplex(3, 2.0), "similarity"),
        (asy.InfoNCE(1.0, time=2.0), asy.ClassMixture.simplex(3, 2.0), "time infinite"),
        (asy.InfoNCE([0.5, 1.0]), asy.ClassMixture.simplex(3, 2.0), "single numbers"),
        (asy.InfoNCE(1.0), asy.ClassMixture.simplex(3, 0.0), "must have a signal"),
        (
            asy.InfoNCE(1.0),
            asy.ClassMixture(np.eye(2), [np.eye(2), 2 * np.eye(2)]),
            "covariance must be common",
        ),
        (
            asy.InfoNCE(0.0),
            asy.ClassMixture([[1.0, 0.0], [0.0, 1.0]], np.diag([1.0, 0.0])),
            "augmentation must be positive",
        ),
    ],
)
def test_refusals(loss, mix, message):
    with pytest.raises((TypeError, ValueError), match=message):
        loss.gain(mix)
